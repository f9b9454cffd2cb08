// Charts answer the pointer and the keyboard, and the page gets a list of its sections.

const tip = byId("tip");

const tell = (mark) => {
  tip.textContent = mark.getAttribute("aria-label");
  tip.hidden = false;
  const [box, own] = [mark.getBoundingClientRect(), tip.getBoundingClientRect()];
  const left = Math.max(8, Math.min(box.left + box.width / 2 - own.width / 2, innerWidth - own.width - 8));
  const above = box.top - own.height - 6;
  tip.style.left = `${left}px`;
  tip.style.top = `${above < 8 ? box.bottom + 6 : above}px`;
};
const hush = () => {
  tip.hidden = true;
};

for (const drawing of document.querySelectorAll("svg.drawing")) {
  const marks = [...drawing.querySelectorAll(".datum")];
  marks.forEach((mark, index) => {
    // The page's own hint is at hand at once; the browser's would come late, and on top of it.
    mark.querySelector("title").remove();
    mark.setAttribute("tabindex", index ? "-1" : "0");
    mark.addEventListener("pointerenter", () => tell(mark));
    mark.addEventListener("pointerleave", hush);
    mark.addEventListener("focus", () => tell(mark));
    mark.addEventListener("blur", hush);
  });
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = step && marks[marks.indexOf(document.activeElement) + step];
    if (event.key === "Escape") hush();
    if (!next) return;
    event.preventDefault();
    document.activeElement.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
}
addEventListener("scroll", hush, { passive: true });

const contents = byId("contents");
contents.append(...[...document.querySelectorAll("main > section[id] > h2")].map((heading) =>
  make("a", { href: `#${heading.parentElement.id}` }, heading.textContent)));
contents.hidden = false;
