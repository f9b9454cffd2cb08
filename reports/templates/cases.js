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
    item.judge ? make("div", { class: "soft" }, `judged by ${item.judge}`) : "",
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

// The answer's own blocks, or beside another answer its text with the words that differ marked.
const said = (trial, against) => {
  const text = answerOf(trial);
  if (!text) return [make("p", { class: "soft" }, "The answer holds no text."), ...blocks(trial.answer)];
  if (!against || against.trial === trial) return blocks(trial.answer);
  const others = shared[trial.answer].filter((item) => item.kind !== "text").flatMap(block);
  return [...others, ...marked(answerOf(against.trial), against.name, text)];
};

const attempt = (trial, repeats, against) => {
  const answered = trial.answer !== undefined;
  const body = make("div", { class: "said" }, ...(answered ? said(trial, against) : []));
  const answer = answered ? [make("h4", null, "Answer"), body] : [];
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

const side = (item, [candidate, index], against) => {
  const trials = trialsOf(item, index);
  return make("section", { class: "side", "aria-label": candidate.name },
    make("h3", null, candidate.name), make("p", { class: "measures" }, candidate.model),
    ...(trials.length ? trials.map((trial) => attempt(trial, trials.length, against)) : ["No trial has ended."]));
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

// Whose answer the others can be held against: the first repeat that has a text.
const comparable = (item, sides) =>
  sides.map(([candidate, index]) =>
    ({ name: candidate.name, trial: trialsOf(item, index).find((trial) => answerOf(trial)) }))
    .filter((one) => one.trial);

const isShort = (text) => beginning(text).length === text.length;

const beside = (item, sides) => {
  const bases = comparable(item, sides);
  const box = make("div", { class: "sides" });
  const show = (against) => box.replaceChildren(...sides.map((one) => side(item, one, against)));
  const texts = item.trials.map(answerOf).filter((text) => text);
  if (!bases.length || texts.length < 2) {
    show(null);
    return [box];
  }
  // Long texts stay folded until somebody asks for their differences.
  const first = texts.every(isShort) ? 0 : -1;
  const choice = make("select", null, make("option", { value: -1 }, "nothing"),
    ...bases.map((one, index) => make("option", { value: index }, one.name)));
  choice.value = first;
  choice.addEventListener("change", () => show(bases[choice.value]));
  show(bases[first]);
  return [make("div", { class: "against" }, make("label", null, "Differences from ", choice),
    make("span", null, make("ins", null, "more here"), " ", make("del", null, "not here"))), box];
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
        ...beside(item, sides))));
};

const toggle = (element, item) => {
  const isOpen = element.classList.toggle("isopen");
  element.querySelector(".opener").setAttribute("aria-expanded", isOpen);
  if (isOpen) element.after(opened(item));
  else element.nextElementSibling.remove();
};
