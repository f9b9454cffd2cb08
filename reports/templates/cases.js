// A case as a row, and opened.

// ---- a row

const attempts = (trials) => {
  if (trials.length === 1) {
    const [trial] = trials;
    return [make("span", { class: `status ${trial.outcome}` }, mark(trial.outcome), trial.outcome)];
  }
  const passed = trials.filter((trial) => trial.outcome === "passed").length;
  const marks = trials.map((trial) =>
    make("span", { class: `mark ${trial.outcome}`, role: "img", title: `repeat ${trial.repeat}: ${trial.outcome}`,
      "aria-label": `repeat ${trial.repeat}: ${trial.outcome}` }, MARKS[trial.outcome]));
  return [make("span", null, ...marks), `${passed} of ${trials.length} passed`];
};

const cell = (item, candidate, index) => {
  const trials = trialsOf(item, index);
  const box = make("td", { "data-label": candidate.name, role: "cell" });
  if (!trials.length) {
    box.append(make("span", { class: "soft" }, "–"));
    box.className = "none";
    return box;
  }
  const flags = [...new Set(trials.flatMap((trial) => trial.flags ?? []))];
  const cost = trials.length === 1 ? make("span", { class: "money" }, trials[0].cost) : "";
  const preview = answerOf(trials[0]).slice(0, PREVIEW) || trials[0].reason || "";
  box.append(
    make("div", { class: "outcome" }, ...attempts(trials), ...chips(flags, "flag"), cost),
    make("span", { class: "preview", dir: "auto" }, preview),
  );
  return box;
};

const columns = (suite) => {
  const chosen = byId("candidate").value;
  return head.candidates
    .map((candidate, index) => [candidate, index])
    .filter(([, index]) => (chosen === "" ? asked.get(suite).has(index) : index === Number(chosen)));
};

const link = (item) => `#case=${encodeURIComponent(`${item.suite}/${item.case}`)}`;

const row = (item) => {
  const suite = suites.length > 1 ? item.suite : "";
  const under = [suite, ...item.tags].filter((word) => word).join(" · ");
  const opener = make("button", { class: "opener", type: "button", "aria-expanded": "false" }, item.case);
  const element = make(
    "tr",
    { class: "case", role: "row", "data-number": item.number },
    make("th", { scope: "row", role: "rowheader" }, opener, make("span", { class: "under" }, under)),
    ...columns(item.suite).map(([candidate, index]) => cell(item, candidate, index)),
  );
  element.addEventListener("click", () => {
    if (getSelection().isCollapsed) toggle(element, item);
  });
  return element;
};

// ---- one case, opened

const grade = (item) => {
  const status = item.passed === null ? "ungraded" : item.passed ? "passed" : "failed";
  const word = item.passed === null ? "broken" : item.passed ? "pass" : "fail";
  const notes = [item.score, item.turn && `turn ${item.turn}`, item.weight && `weight ${item.weight}`];
  const aside = notes.filter((note) => note).join(", ");
  return make("li", null, mark(status), make("strong", null, item.name), ` ${word}`,
    make("span", { class: "soft" }, aside ? ` (${aside})` : ""), item.reason ? `: ${item.reason}` : "",
    item.parts ? make("ul", { class: "grades" }, ...item.parts.map(grade)) : "");
};

const call = (item) =>
  make("div", { class: "call" }, ...item.lines.map((line) => make("div", null, line)),
    folded("Parameters", () => blocks(item.params)),
    item.messages ? folded("Messages", () => item.messages.flatMap(message)) : "");

const transcript = (trial) => {
  const system = trial.system === undefined ? [] : message(["system", trial.system]);
  return [...system, ...trial.messages.flatMap(message)];
};

const attempt = (trial, repeats) => {
  const answered = trial.answer !== undefined;
  const empty = answered && !answerOf(trial) ? [make("p", { class: "soft" }, "The answer holds no text.")] : [];
  const answer = answered ? [make("h4", null, "Answer"), ...empty, ...blocks(trial.answer)] : [];
  return make("section", { class: "attempt" },
    make("div", { class: "outcome" },
      make("span", { class: `status ${trial.outcome}` }, mark(trial.outcome), trial.outcome),
      repeats > 1 ? `repeat ${trial.repeat}` : "", ...chips(trial.flags ?? [], "flag")),
    make("p", { class: "measures" }, trial.measures.join(" · ")),
    trial.reason ? make("p", null, trial.reason) : "",
    trial.left_out ? make("p", { class: "soft" }, trial.left_out) : "",
    ...answer,
    trial.grades.length ? make("h4", null, "Grades") : "",
    make("ul", { class: "grades" }, ...trial.grades.map(grade)),
    trial.messages.length ? folded("Transcript", () => transcript(trial)) : "",
    trial.calls.length ? folded(plural(trial.calls.length, "call"), () => trial.calls.map(call)) : "");
};

const side = (item, candidate, index) => {
  const trials = trialsOf(item, index);
  return make("section", { class: "side", "aria-label": candidate.name },
    make("h3", null, candidate.name), make("p", { class: "measures" }, candidate.model),
    ...(trials.length ? trials.map((trial) => attempt(trial, trials.length)) : ["No trial has ended."]));
};

const prompt = (item) => {
  const prompts = item.trials.map((trial) =>
    JSON.stringify([trial.system, trial.messages.slice(0, trial.given)]));
  const [first] = item.trials;
  if (new Set(prompts).size !== 1 || !first.given) {
    return make("p", { class: "soft" }, "The prompts differ; each stands in its transcript.");
  }
  const system = first.system === undefined ? "" : folded("System prompt", () => blocks(first.system));
  const said = first.messages.slice(0, first.given).flatMap(message);
  return make("div", { class: "prompt" }, system, ...said);
};

const opened = (item) => {
  const wide = columns(item.suite).length + 1;
  const all = head.candidates.map((candidate, index) => [candidate, index]);
  const sides = all.filter(([, index]) => item.trials.some((trial) => trial.by === index));
  return make("tr", { class: "opened", role: "row" },
    make("td", { colspan: wide, role: "cell" },
      make("div", { class: "whole" },
        make("a", { class: "link", href: link(item) }, "Link to this case"),
        prompt(item),
        make("div", { class: "sides" }, ...sides.map(([candidate, index]) => side(item, candidate, index))))));
};

const toggle = (element, item) => {
  const isOpen = element.classList.toggle("isopen");
  element.querySelector(".opener").setAttribute("aria-expanded", isOpen);
  if (isOpen) element.after(opened(item));
  else element.nextElementSibling.remove();
};
