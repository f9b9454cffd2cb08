"""Baseline files: written so that a change is a line, and read with every wrong key named."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshot_making import arm, case, each, run_of

from harness.analysis.baseline import CaseRecord, Snapshot
from harness.baseline_file import dumped, read
from harness.errors import UsageError

ONE = replace(arm({"b": case("pf"), "a": case("p-", cluster="k")}), cost_usd=Decimal("0.0123"))
KEPT = run_of(ONE, run="r1")

RECORDS = st.builds(
    lambda content, cluster, repeats, missing: CaseRecord(
        content,
        cluster,
        tuple(passed for passed, _ in repeats),
        tuple(None if score is None else score / 64 for _, score in repeats),
        missing,
    ),
    st.text(max_size=5),
    st.none() | st.text(max_size=5),
    st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 64)), max_size=4),
    st.integers(0, 3),
)


@given(st.dictionaries(st.text(max_size=8), RECORDS, max_size=4), st.text(max_size=8))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, cases: dict[str, CaseRecord], suite: str
) -> None:
    path = tmp_path_factory.mktemp("kept") / "b.json"
    # Scores keep six digits, and a 64th has as many.
    kept = run_of(arm(cases, suite=suite))
    path.write_text(dumped(kept), encoding="utf-8")
    assert read(path) == kept


def test_a_case_is_a_line_and_all_is_sorted() -> None:
    lines = [line for line in dumped(KEPT).splitlines() if '"content"' in line]
    assert [line.split(":")[0].strip() for line in lines] == ['"a"', '"b"']


def test_the_order_of_a_run_does_not_show() -> None:
    other = run_of(replace(ONE, cases=dict(reversed(ONE.cases.items()))), run="r1")
    assert dumped(other) == dumped(KEPT)


def test_one_changed_case_is_one_changed_line() -> None:
    changed = run_of(arm({**each("p", 50), "c7": case("f")}))
    pairs = zip(
        dumped(run_of(arm(each("p", 50)))).splitlines(), dumped(changed).splitlines(), strict=True
    )
    assert sum(a != b for a, b in pairs) == 1


def wrong(tmp_path: Path, text: str) -> str:
    path = tmp_path / "b.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read(path)
    return str(caught.value).replace(f"{path}", "b.json")


def changed(*keys: str | int, to: Any) -> str:
    """The text of a good file with one value replaced."""
    document = json.loads(dumped(KEPT))
    inner = document
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    return json.dumps(document)


CASE = ("candidates", "haiku", "cases", "s", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{\n  oops", "b.json:2:3: no JSON: Expecting property name"),
        ("[]", "b.json: the file is [], not an object"),
        ("{}", "b.json: `format` is missing; make it with `harness baseline RUN > FILE`"),
        ("NaN", "b.json: no baseline: NaN is no JSON number"),
        (changed("format", to=2), "b.json: format 2, and this version reads format 1"),
        (changed("format", to="1"), 'b.json: `format` is "1", not a whole number'),
        (changed("candidates", to=[]), "b.json: `candidates` is [], not an object"),
        (changed("run", "simulated", to=0), "b.json: `run.simulated` is 0, not true or false"),
        (changed("run", "started_at", to="now"), 'b.json: `run.started_at` is "now", not a date'),
        (
            changed(*CASE, "passed", 1, to="yes"),
            'b.json: `candidates.haiku.cases.s.b.passed[1]` is "yes", not true or false',
        ),
        (
            changed(*CASE, "score", to=[1]),
            "b.json: `candidates.haiku.cases.s.b.score` is [1], not a list as long as `passed`",
        ),
        (
            changed(*CASE, "score", 0, to=1.5),
            "b.json: `candidates.haiku.cases.s.b.score[0]` is 1.5, not a number from 0 to 1",
        ),
        (changed(*CASE, "missing", to=-1), "b.json: `candidates.haiku.cases.s.b.missing` is -1"),
        (changed(*CASE, "missing", to=True), "b.json: `candidates.haiku.cases.s.b.missing` is tr"),
        (changed("candidates", "haiku", "cost_usd", to="x"), "b.json: `candidates.haiku.cost_usd`"),
    ],
    ids=[
        "not JSON", "a list", "empty", "NaN", "another format", "a text for a number",
        "a list for an object", "0 for false", "no date", "a text in a list", "lengths",
        "a score above 1", "below 0", "true for a number", "no amount",
    ],
)  # fmt: skip
def test_a_file_that_is_no_baseline_says_where(tmp_path: Path, text: str, message: str) -> None:
    assert wrong(tmp_path, text).startswith(message)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "none.json")


def test_a_snapshot_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(dumped(KEPT), encoding="utf-8")
    found: Snapshot = read(path)
    assert found.arms["haiku"].cost_usd == Decimal("0.0123")
    assert (found.run, found.simulated, found.suites) == ("r1", False, ("s",))
