"""Baseline files: what a team commits to compare later runs with. Reads and writes format 1.

One case a line and everything sorted, so that a change of one case is a change of one line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn

from harness.analysis.baseline import Arm, CaseRecord, Snapshot
from harness.errors import Place, UsageError

FORMAT = 1
WAY_OUT = "make it with `harness baseline RUN > FILE`"
SCORE_DIGITS = 6
KINDS: Mapping[type, str] = {
    dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a whole number",
    float: "a number", type(None): "null",
}  # fmt: skip


def dumped(snapshot: Snapshot) -> str:
    """The text of a baseline file."""
    run = {
        "id": snapshot.run,
        "started_at": snapshot.started_at.astimezone(UTC).isoformat(),
        "mode": snapshot.mode,
        "simulated": snapshot.simulated,
        "harness_version": snapshot.harness_version,
        "sdk_version": snapshot.sdk_version,
    }
    arms = [_arm(snapshot.arms[name]) for name in sorted(snapshot.arms)]
    return "\n".join(
        (
            "{",
            f'"format": {FORMAT},',
            f'"run": {_json(run)},',
            '"candidates": {',
            ",\n".join(arms),
            "}}",
            "",
        )
    )


def _arm(arm: Arm) -> str:
    facts = {
        "model": arm.model,
        "params": arm.params,
        "prompt": arm.prompt,
        "cost_usd": None if arm.cost_usd is None else f"{arm.cost_usd:f}",
    }
    said = [f" {_json(name)}: {_json(value)}," for name, value in facts.items()]
    suites = [_suite(suite, arm.of(suite)) for suite in sorted(arm.suites)]
    cases = "{\n" + ",\n".join(suites) + "}" if suites else "{}"
    return "\n".join((f"{_json(arm.name)}: {{", *said, f' "cases": {cases}}}'))


def _suite(suite: str, cases: Mapping[str, CaseRecord]) -> str:
    lines = ",\n".join(f"  {_json(case)}: {_case(cases[case])}" for case in sorted(cases))
    return f"  {_json(suite)}: {{\n{lines}}}"


def _case(case: CaseRecord) -> str:
    scores = [None if score is None else round(score, SCORE_DIGITS) for score in case.score]
    return _json(
        {
            "content": case.content,
            "cluster": case.cluster,
            "passed": case.passed,
            "score": scores,
            "missing": case.missing,
        }
    )


def _json(value: Any) -> str:
    # ASCII, so that half a surrogate pair and a line separator survive every editor.
    return json.dumps(value, default=str)


def read(path: Path) -> Snapshot:
    """The baseline in a file; raises UsageError with the place and the key that is wrong."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_refused)
    except json.JSONDecodeError as error:
        place = Place(path, error.lineno, error.colno)
        raise UsageError(f"{place}: no JSON: {error.msg}; {WAY_OUT}") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no baseline: {error}; {WAY_OUT}") from error
    return _snapshot(_Node(document, path))


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


@dataclass(frozen=True, slots=True)
class _Node:
    """A value in the document, and where it stands: every look checks the type."""

    value: Any
    path: Path
    keys: str = ""

    def wrong(self, wanted: str) -> UsageError:
        """What this is, and what it should be."""
        shown = json.dumps(self.value)
        shown = shown if len(shown) <= 40 else _kind(self.value)
        at = f"`{self.keys}`" if self.keys else "the file"
        return UsageError(f"{self.path}: {at} is {shown}, not {wanted}; {WAY_OUT}")

    def of(self, kind: type, *, null: bool = False) -> Any:
        """The value, of this type; true is no whole number."""
        right = type(self.value) is kind or (null and self.value is None)
        if not right:
            raise self.wrong(f"{KINDS[kind]} or null" if null else KINDS[kind])
        return self.value

    def at(self, key: str) -> _Node:
        """The value under a key, which must be there."""
        found = self.of(dict)
        inner = f"{self.keys}.{key}" if self.keys else key
        if key not in found:
            raise UsageError(f"{self.path}: `{inner}` is missing; {WAY_OUT}")
        return _Node(found[key], self.path, inner)

    def items(self) -> Iterator[tuple[str, _Node]]:
        """Every key with its value."""
        for key in self.of(dict):
            yield key, self.at(key)

    def each(self) -> Iterator[_Node]:
        """Every item of a list."""
        for index, item in enumerate(self.of(list)):
            yield _Node(item, self.path, f"{self.keys}[{index}]")

    def parsed(self, parse: Callable[[str], Any], wanted: str) -> Any:
        """What a text says; `wanted` names it where it says nothing of the kind."""
        try:
            return parse(self.of(str))
        except (ValueError, InvalidOperation):
            raise self.wrong(wanted) from None


def _kind(value: Any) -> str:
    return KINDS[type(value)]


def _snapshot(document: _Node) -> Snapshot:
    format_ = document.at("format")
    if format_.of(int) != FORMAT:
        raise UsageError(
            f"{document.path}: format {format_.value}, and this version reads format {FORMAT}; "
            f"update the harness, or {WAY_OUT}"
        )
    run = document.at("run")
    arms = {name: _read_arm(name, node) for name, node in document.at("candidates").items()}
    started_at = run.at("started_at").parsed(datetime.fromisoformat, "a date and time")
    return Snapshot(
        run=run.at("id").of(str),
        started_at=started_at if started_at.tzinfo else started_at.replace(tzinfo=UTC),
        mode=run.at("mode").of(str),
        simulated=run.at("simulated").of(bool),
        harness_version=run.at("harness_version").of(str),
        sdk_version=run.at("sdk_version").of(str),
        arms=arms,
    )


def _read_arm(name: str, node: _Node) -> Arm:
    cost = node.at("cost_usd")
    return Arm(
        name=name,
        model=node.at("model").of(str),
        params=node.at("params").of(dict),
        prompt=node.at("prompt").of(str, null=True),
        cost_usd=None if cost.value is None else cost.parsed(_dollars, "an amount as a text"),
        cases={
            (suite, case): _read_case(record)
            for suite, cases in node.at("cases").items()
            for case, record in cases.items()
        },
    )


def _dollars(text: str) -> Decimal:
    amount = Decimal(text)
    if not amount.is_finite() or amount < 0:
        raise ValueError(text)
    return amount


def _read_case(node: _Node) -> CaseRecord:
    passed, score = node.at("passed"), node.at("score")
    missing = node.at("missing")
    if missing.of(int) < 0:
        raise missing.wrong("0 or more")
    if len(passed.of(list)) != len(score.of(list)):
        raise score.wrong(f"a list as long as `passed`, which has {len(passed.value)}")
    return CaseRecord(
        content=node.at("content").of(str),
        cluster=node.at("cluster").of(str, null=True),
        passed=tuple(item.of(bool) for item in passed.each()),
        score=tuple(map(_score, score.each())),
        missing=missing.value,
    )


def _score(node: _Node) -> float | None:
    if node.value is None:
        return None
    if type(node.value) not in (int, float) or not 0 <= node.value <= 1:
        raise node.wrong("a number from 0 to 1")
    return float(node.value)
