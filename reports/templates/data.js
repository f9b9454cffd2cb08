"use strict";
// What the page holds, and how an element is made of it: texts enter the page as text nodes only.

const PAGE = 100;
const LONG = 1200;
const LINES = 24;
const PREVIEW = 120;
const WIDE = 6;
const NARROWEST = 160;
const MARKS = { passed: "✓", failed: "✗", errored: "!", ungraded: "?" };
const STATUSES = {
  passed: "passed", failed: "failed", errored: "errored (no answer)",
  ungraded: "ungraded (a grader broke)", refused: "refused", truncated: "truncated",
  mixed: "candidates disagree",
};

const byId = (id) => document.getElementById(id);
const [head, ...rows] = JSON.parse(byId("data").textContent);
const shared = [];
const cases = [];
for (const row of rows) {
  if (row.shared) shared.push(row.shared);
  else if (row.trials) cases.push({ ...row, number: cases.length });
  else cases[row.of].trials.push(row);
}
const suites = [...new Set(cases.map((item) => item.suite))];

const asked = new Map(suites.map((name) => [name, new Set()]));
for (const item of cases) for (const trial of item.trials) asked.get(item.suite).add(trial.by);

// ---- elements

const make = (tag, properties, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
};
const plural = (number, word) => `${number.toLocaleString("en-US")} ${word}${number === 1 ? "" : "s"}`;
const mark = (status) => make("span", { class: `mark ${status}`, "aria-hidden": "true" }, MARKS[status]);
const chips = (words, kind) => words.map((word) => make("span", { class: `chip ${kind}` }, word));

const folded = (title, draw, properties) => {
  const element = make("details", properties, make("summary", null, title));
  const fill = () => {
    element.append(...draw());
  };
  element.addEventListener("toggle", fill, { once: true });
  return element;
};

const beginning = (text) => text.slice(0, LONG).split("\n", LINES).join("\n");

const passage = (text, kind) => {
  const box = make("div", { class: `text ${kind ?? ""}`, dir: "auto" });
  const short = beginning(text);
  if (short.length === text.length) {
    box.append(text);
    return [box];
  }
  const button = make("button", { class: "more", type: "button" });
  const show = (all) => {
    box.textContent = all ? text : `${short}…`;
    button.textContent = all ? "Show less" : `Show all ${text.length.toLocaleString("en-US")} characters`;
    button.setAttribute("aria-expanded", all);
    button.onclick = () => show(!all);
  };
  show(false);
  return [box, button];
};

const block = (item) => {
  if (item.image) return [make("img", { class: "picture", src: item.image, alt: item.text })];
  const label = item.kind === "text" ? [] : [make("p", { class: "kind" }, item.kind)];
  return [...label, ...passage(item.text, item.kind === "thinking" ? "thinking" : "")];
};
const blocks = (reference) => shared[reference].flatMap(block);
const message = ([role, reference]) => [make("p", { class: "role" }, role), ...blocks(reference)];

// ---- what a case says

const answerOf = (trial) =>
  trial.answer === undefined
    ? ""
    : shared[trial.answer].filter((item) => item.kind === "text").map((item) => item.text).join("");

const trialsOf = (item, candidate) =>
  candidate === "" ? item.trials : item.trials.filter((trial) => trial.by === Number(candidate));

const passRate = (trials) => {
  const graded = trials.filter((trial) => trial.outcome === "passed" || trial.outcome === "failed");
  return graded.filter((trial) => trial.outcome === "passed").length / graded.length;
};
// Repeats of one candidate may differ by chance; candidates disagree where their shares do.
const disagree = (trials) => {
  const rates = head.candidates.map((_, index) => passRate(trials.filter((trial) => trial.by === index)));
  return new Set(rates.filter((rate) => !Number.isNaN(rate))).size > 1;
};

const hasStatus = (trials, status) =>
  status === "mixed"
    ? disagree(trials)
    : trials.some((trial) => trial.outcome === status || trial.flags?.includes(status));

// Graders that did not let a trial pass, by name; a broken one is among them.
const barred = (trials) =>
  new Set(trials.flatMap((trial) => trial.grades.filter((grade) => grade.passed !== true).map((grade) => grade.name)));

const reasonsOf = (grades) =>
  (grades ?? []).flatMap((grade) => [grade.name, grade.reason, ...reasonsOf(grade.parts)]);

const wordsOf = (item) => {
  const references = new Set(
    item.trials.flatMap((trial) => [trial.system, trial.answer, ...trial.messages.map((one) => one[1])]),
  );
  references.delete(undefined);
  const said = [...references].flatMap((one) => shared[one].map((part) => part.text));
  const told = item.trials.flatMap((trial) => [trial.reason, ...reasonsOf(trial.grades)]);
  return [item.case, ...item.tags, ...said, ...told].join("\n").toLowerCase();
};
const heard = (item) => (item.words ??= wordsOf(item));
