// Answers beside each other: which words differ, found only for a case that is opened.

const MOST_CELLS = 4_000_000;

// A word with the white space after it; two that differ in that space alone are the same word.
const wordsIn = (text) => text.match(/[\p{L}\p{N}_]+\s*|[^\p{L}\p{N}_\s]\s*|\s+/gu) ?? [];
const keysOf = (words) => words.map((word) => word.trim());

// How long the longest common subsequence of the rests is, for every pair of rests.
const commonLengths = (a, b) => {
  const wide = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * wide + j] = a[i] === b[j]
        ? lengths[(i + 1) * wide + j + 1] + 1
        : Math.max(lengths[(i + 1) * wide + j], lengths[i * wide + j + 1]);
    }
  }
  return lengths;
};

// What was left out before what is new, wherever the two stand together. A word that was followed
// by a space there and by nothing here keeps its distance from what was left out.
const joined = (steps) => {
  const runs = [];
  const change = { del: "", ins: "" };
  const flush = () => {
    const glued = runs.length && /[\p{L}\p{N}_]$/u.test(runs.at(-1)[1]) && /^[\p{L}\p{N}_]/u.test(change.del);
    if (change.del) runs.push(["del", glued ? ` ${change.del}` : change.del]);
    if (change.ins) runs.push(["ins", change.ins]);
    change.del = change.ins = "";
  };
  for (const [kind, word] of steps) {
    if (kind !== "same") change[kind] += word;
    else {
      flush();
      if (runs.at(-1)?.[0] === "same") runs.at(-1)[1] += word;
      else runs.push(["same", word]);
    }
  }
  flush();
  return runs;
};

// From one text to another: runs of words that both have, that were left out, or that are new;
// nothing where the texts are too long to be compared while somebody waits.
const differences = (from, to) => {
  const [a, b] = [wordsIn(from), wordsIn(to)];
  const [p, q] = [keysOf(a), keysOf(b)];
  let start = 0;
  while (start < p.length && start < q.length && p[start] === q[start]) start += 1;
  let end = 0;
  while (end < p.length - start && end < q.length - start && p.at(-1 - end) === q.at(-1 - end)) end += 1;
  const [x, y] = [p.slice(start, p.length - end), q.slice(start, q.length - end)];
  if ((x.length + 1) * (y.length + 1) > MOST_CELLS) return null;
  const [lengths, wide] = [commonLengths(x, y), y.length + 1];
  const steps = b.slice(0, start).map((word) => ["same", word]);
  let [i, j] = [0, 0];
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      steps.push(["same", b[start + j]]);
      i += 1;
      j += 1;
    } else if (j >= y.length || (i < x.length && lengths[(i + 1) * wide + j] >= lengths[i * wide + j + 1])) {
      steps.push(["del", a[start + i]]);
      i += 1;
    } else {
      steps.push(["ins", b[start + j]]);
      j += 1;
    }
  }
  return joined([...steps, ...b.slice(b.length - end).map((word) => ["same", word])]);
};

const marked = (base, name, text) => {
  if (base === text) return [...passage(text), make("p", { class: "soft" }, `The same text as ${name}.`)];
  const runs = differences(base, text);
  if (!runs) return [...passage(text), make("p", { class: "soft" }, `Too long to be compared with ${name}.`)];
  const only = runs.every(([kind]) => kind === "same")
    ? [make("p", { class: "soft" }, `Differs from ${name} in white space only.`)] : [];
  const parts = runs.map(([kind, words]) => (kind === "same" ? words : make(kind, null, words)));
  return [make("div", { class: "text marked", dir: "auto" }, ...parts), ...only];
};
