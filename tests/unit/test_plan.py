"""Which cases are selected, and the order in which trials are made."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.plan import Selection, select, trials
from harness.records import Candidate
from harness.suite import Case, Script, Suite

OPUS, HAIKU = Candidate("opus", "claude-opus-4-6"), Candidate("haiku", "claude-haiku-4-5-20251001")


def suite(name: str, *cases: Case, repeats: int = 1) -> Suite:
    script = Script(repeats=repeats)
    return Suite(name, Path(f"{name}.yaml"), "", (OPUS, HAIKU), script, cases)


TRIAGE = suite(
    "triage",
    Case("charged-twice", 1, tags=("billing",)),
    Case("cannot-login", 2, tags=("technical", "hard")),
    Case("refund", 3, tags=("billing", "hard")),
)
MATHS = suite("maths", Case("trains", 1), Case("refund-sums", 2, tags=("hard",)))
BOTH = (TRIAGE, MATHS)


def picked(selection: Selection) -> list[str]:
    return [case.id for one in select(BOTH, selection) for case in one.cases]


@pytest.mark.parametrize(
    ("selection", "cases"),
    [
        pytest.param(Selection(tags=("billing",)), ["charged-twice", "refund"], id="tag"),
        pytest.param(Selection(tags=("technical", "billing")),
                     ["charged-twice", "cannot-login", "refund"], id="one of the tags"),
        pytest.param(Selection(text="refund"), ["refund", "refund-sums"], id="text"),
        pytest.param(Selection(text="Refund MATHS"), ["refund-sums"], id="all words, any case"),
        pytest.param(Selection(text="refund and not maths"), ["refund"], id="not"),
        pytest.param(Selection(text="triage/charged"), ["charged-twice"], id="suite and case"),
        pytest.param(Selection(tags=("hard",), text="not sums"), ["cannot-login", "refund"],
                     id="tag and text"),
        pytest.param(Selection(limit=4), ["charged-twice", "cannot-login", "refund", "trains"],
                     id="limit"),
        pytest.param(Selection(tags=("hard",), limit=1), ["cannot-login"], id="limit comes last"),
        pytest.param(Selection(shard=(2, 2)), ["cannot-login", "trains"], id="shard"),
    ],
)  # fmt: skip
def test_cases_are_selected_by_tag_text_limit_and_shard(
    selection: Selection, cases: list[str]
) -> None:
    assert picked(selection) == cases


def test_a_suite_without_a_selected_case_is_left_out() -> None:
    assert [one.name for one in select(BOTH, Selection(text="trains"))] == ["maths"]


def test_everything_is_selected_unless_something_is_said() -> None:
    assert select(BOTH, Selection(repeats=3)) == BOTH
    assert Selection(repeats=3).whole
    assert not Selection(limit=0).whole


def test_a_selection_of_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match="none of 5 cases is selected by -k, --tags or --limit"):
        select(BOTH, Selection(text="nothing"))


def test_an_empty_shard_is_no_error() -> None:
    assert select(BOTH, Selection(shard=(9, 9))) == ()


@given(parts=st.integers(1, 8), limit=st.none() | st.integers(1, 6))
def test_shards_are_all_cases_each_once(parts: int, limit: int | None) -> None:
    shards = [picked(Selection(shard=(n, parts))) for n in range(1, parts + 1)]
    assert sorted(case for shard in shards for case in shard) == sorted(picked(Selection()))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_candidates_take_turns_within_a_case() -> None:
    order = [(t.case.id, t.candidate.name, t.repeat) for t in trials([MATHS], repeats=2)]
    assert order[:4] == [
        ("trains", "opus", 1),
        ("trains", "haiku", 1),
        ("trains", "opus", 2),
        ("trains", "haiku", 2),
    ]


def test_trials_are_numbered_through_all_suites() -> None:
    assert [trial.index for trial in trials(BOTH)] == list(range(10))


def test_a_case_may_have_repeats_of_its_own() -> None:
    own = Case("often", 1, script=Script(repeats=5))
    one = suite("t", own, Case("b", 2), repeats=2)
    assert len(list(trials([one]))) == 2 * 7
    assert len(list(trials([one], repeats=3))) == 2 * 6
