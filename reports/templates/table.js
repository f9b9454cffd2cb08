// The table of cases: filters, pages, links and keys.

let found = cases;
let page = 0;

const select = () => {
  const [status, suite, tag, candidate, grader] =
    ["status", "suite", "tag", "candidate", "grader"].map((id) => byId(id).value);
  const text = byId("text").value.trim().toLowerCase();
  found = cases.filter((item) => {
    const trials = trialsOf(item, candidate);
    return (
      trials.length > 0 &&
      (suite === "" || item.suite === suite) &&
      (tag === "" || item.tags.includes(tag)) &&
      (status === "" || hasStatus(trials, status)) &&
      (grader === "" || barred(trials).has(grader)) &&
      (text === "" || heard(item).includes(text))
    );
  });
  page = 0;
  draw();
};

// Suites are not always asked of the same candidates: each change of columns begins a table.
const grouped = (part) => {
  const groups = [];
  for (const item of part) {
    const key = columns(item.suite).map(([, index]) => index).join();
    if (groups.at(-1)?.key !== key) groups.push({ key, items: [] });
    groups.at(-1).items.push(item);
  }
  return groups;
};

const grid = ({ items }) => {
  const names = columns(items[0].suite).map(([candidate]) =>
    make("th", { scope: "col", role: "columnheader" }, candidate.name,
      candidate.model === candidate.name ? "" : make("small", null, candidate.model)));
  const header = make("tr", { role: "row" }, make("th", { scope: "col", role: "columnheader" }, "case"), ...names);
  const table = make("table", { role: "table", "aria-label": "Cases" },
    make("thead", { role: "rowgroup" }, header), make("tbody", { role: "rowgroup" }, ...items.map(row)));
  if (names.length > WIDE) table.style.minWidth = `${(names.length + 1) * NARROWEST}px`;
  return make("div", { class: `grid ${names.length > WIDE ? "wide" : ""}` }, table);
};

const draw = () => {
  const from = page * PAGE;
  const part = found.slice(from, from + PAGE);
  byId("table").replaceChildren(...grouped(part).map(grid));
  byId("shown").textContent = told(from, part.length);
  byId("previous").disabled = page === 0;
  byId("next").disabled = from + PAGE >= found.length;
  byId("previous").parentElement.hidden = found.length <= PAGE;
};

const told = (from, length) => {
  if (!cases.length) return "No trial has ended.";
  const all = found.length === cases.length ? plural(cases.length, "case")
    : `${found.length.toLocaleString("en-US")} of ${plural(cases.length, "case")}`;
  const part = found.length > PAGE ? `, showing ${from + 1} to ${from + length}` : "";
  return all + part;
};

const turn = (step) => {
  page += step;
  draw();
  byId("cases").scrollIntoView();
};

const rowOf = (item) => document.querySelector(`tr.case[data-number="${item.number}"]`);

const reveal = () => {
  if (!location.hash.startsWith("#case=")) return;
  const item = cases.find((one) => link(one) === location.hash);
  if (!item) {
    byId("shown").textContent = "The linked case is not in this report.";
    return;
  }
  if (!found.includes(item)) reset();
  const its = Math.floor(found.indexOf(item) / PAGE);
  if (its !== page) {
    page = its;
    draw();
  }
  const element = rowOf(item);
  if (!element.classList.contains("isopen")) toggle(element, item);
  element.scrollIntoView();
  element.querySelector(".opener").focus({ preventScroll: true });
};

// ---- filters and keys

const options = (id, pairs, fewest = 2) => {
  byId(id).append(...[["", "all"], ...pairs].map(([value, text]) => make("option", { value }, text)));
  byId(id).closest("label").hidden = pairs.length < fewest;
  byId(id).addEventListener("change", select);
};

const reset = () => {
  byId("filters").reset();
  select();
};

const counted = (status) => cases.filter((item) => hasStatus(item.trials, status)).length;
const present = Object.entries(STATUSES)
  .map(([value, text]) => [value, text, counted(value)])
  .filter(([value, , number]) => number || value === "passed" || value === "failed");
options("status", present.map(([value, text, number]) => [value, `${text}: ${plural(number, "case")}`]));
options("suite", suites.map((name) => [name, name]));
options("tag", [...new Set(cases.flatMap((item) => item.tags))].sort().map((tag) => [tag, tag]));
options("candidate", head.candidates.map((candidate, index) => [index, candidate.name]));
const graders = new Map();
for (const item of cases) for (const name of barred(item.trials)) graders.set(name, (graders.get(name) ?? 0) + 1);
options("grader", [...graders].sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, number]) => [name, `${name}: ${plural(number, "case")}`]), 1);

let typing = 0;
byId("text").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(select, 120);
});
byId("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  select();
});
byId("clear").addEventListener("click", reset);
byId("previous").addEventListener("click", () => turn(-1));
byId("next").addEventListener("click", () => turn(1));

const move = (opener, step) => {
  const all = [...document.querySelectorAll(".opener")];
  all[all.indexOf(opener) + step]?.focus();
};

const close = (within) => {
  const element = within.closest(".opened")?.previousElementSibling ?? within.closest(".case.isopen");
  if (!element) return;
  toggle(element, cases[element.dataset.number]);
  element.querySelector(".opener").focus();
};

document.addEventListener("keydown", (event) => {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !at.matches("input, select")) {
    event.preventDefault();
    byId("text").focus();
  } else if (event.key === "Escape") close(at);
  else if (at.matches(".opener") && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    move(at, event.key === "ArrowDown" ? 1 : -1);
  }
});

// Paper cannot be unfolded.
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details.fold, details.figures")) fold.open = true;
});
addEventListener("hashchange", reveal);
byId("filters").hidden = byId("pager").hidden = false;
select();
reveal();
