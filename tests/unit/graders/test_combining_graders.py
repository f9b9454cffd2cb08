"""`not`, `all` and `any`, of graders that know at once and of graders that ask."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import GraderError
from harness.graders import registry
from harness.graders.combine import outcome
from harness.graders.registry import GraderArguments, GraderContext, build, grader, guarded
from harness.graders.values import Text
from harness.records import Answer, Grade, Grader, Request, Usage

PASS = {"contains": "x"}
FAIL = {"contains": "absent"}
BROKEN = {"max_cost_usd": 1}
ITEMS = st.recursive(
    st.sampled_from([PASS, FAIL, BROKEN, {"similarity": "xyz", "min": 0.2}]),
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda parts: st.sampled_from([{"all": parts}, {"any": parts}, {"not": parts[0]}])
    ),
    max_leaves=5,
)


def asks(text: Text) -> Grader:
    """Ask a model one question, and pass where it answers with this text."""

    def grade(_conversation):
        (answer,) = yield [Request({"model": "judge"}, "2026-10-21", purpose="judge")]
        return Grade(answer.text == text, reason=f"the judge said {answer.text}")

    return grade


@pytest.fixture(autouse=True, scope="module")
def _asking_grader():
    grader("asks_in_tests")(asks)
    yield
    # Other tests look at every grader there is.
    del registry._types["asks_in_tests"]


@pytest.mark.parametrize(
    ("item", "passed"),
    [
        ({"not": PASS}, False),
        ({"not": FAIL}, True),
        ({"not": BROKEN}, None),
        ({"all": [PASS, PASS]}, True),
        ({"all": [PASS, FAIL, BROKEN]}, False),
        ({"all": [PASS, BROKEN]}, None),
        ({"any": [FAIL, FAIL]}, False),
        ({"any": [FAIL, BROKEN, PASS]}, True),
        ({"any": [FAIL, BROKEN]}, None),
        ({"not": "json"}, True),
        ({"not": {"grader": FAIL, "weight": 2}}, True),
        ({"all": {"graders": [PASS]}}, True),
    ],
    ids=lambda v: str(v)[:60],
)
def test_verdicts_combine_and_a_broken_part_is_no_verdict(graded, item, passed):
    assert graded(item, "x", cost=None).passed is passed


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"not": PASS}, "`contains` passed, and should not: found 'x'"),
        ({"not": FAIL}, "`contains` failed, as it should: 'absent' not found in 'x'"),
        (
            {"all": [PASS, {**FAIL, "name": "says absent"}]},
            "failed: `says absent` ('absent' not found in 'x')",
        ),
        ({"any": [FAIL, PASS]}, "passed: `contains` (found 'x')"),
        ({"all": [PASS, BROKEN]}, "broken: `max_cost_usd` (the price of an answer is unknown)"),
    ],
    ids=["not passed", "not failed", "all", "any", "broken"],
)
def test_the_reason_names_the_parts_that_decided(graded, item, reason):
    assert graded(item, "x", cost=None).reason == reason


def test_the_parts_are_kept_with_name_and_weight(graded):
    grade = graded({"any": [{**PASS, "name": "mine", "weight": 3}, FAIL]}, "x")
    assert [(p.name, p.weight, p.passed) for p in grade.parts] == [
        ("mine", 3.0, True),
        ("contains", 1.0, False),
    ]


def test_scores_are_the_lowest_the_highest_and_the_rest(graded):
    like = {"similarity": "xy", "min": 0.5}
    assert graded({"all": [PASS, like]}, "x").score == 0.5
    assert graded({"any": [FAIL, like]}, "x").score == 0.5
    assert graded({"not": {"similarity": "wxyz"}}, "x").score == 0.75


@given(ITEMS)
def test_not_not_is_the_grader_itself(graded, item):
    once, twice = (graded(i, "x", cost=None) for i in (item, {"not": {"not": item}}))
    assert once.passed is twice.passed
    assert once.score == pytest.approx(twice.score)


@given(st.lists(ITEMS, min_size=1, max_size=3))
def test_all_fails_exactly_where_any_of_the_opposites_passes(graded, items):
    every = graded({"all": items}, "x", cost=None).passed
    opposite = graded({"any": [{"not": item} for item in items]}, "x", cost=None).passed
    assert opposite is (None if every is None else not every)


@pytest.mark.parametrize(("said", "passed"), [("yes", False), ("no", True)])
def test_a_part_that_asks_is_asked_and_combined(made, tmp_path, said, passed):
    item = {"all": [PASS, {"not": {"asks_in_tests": "yes"}}]}
    steps = build(GraderArguments("any", {"graders": [item]}), GraderContext(tmp_path))(made("x"))
    (request,) = next(steps)
    assert request.purpose == "judge"
    with pytest.raises(StopIteration) as ended:
        steps.send([_answer(said)])
    assert ended.value.value.passed is passed


def test_a_part_that_breaks_while_asking_is_broken(made, tmp_path):
    steps = build(GraderArguments("asks_in_tests", {"text": "y"}), GraderContext(tmp_path))(
        made("")
    )
    next(steps)
    with pytest.raises(StopIteration) as ended:
        steps.send([])
    assert ended.value.value.reason.startswith("`asks_in_tests` broke: ValueError: not enough")


def test_a_grade_is_an_outcome_that_asks_nothing():
    with pytest.raises(StopIteration) as ended:
        next(outcome(Grade(True)))
    assert ended.value.value == Grade(True)


def test_an_interrupt_is_no_broken_grade(made):
    def interrupted(_conversation):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded("x", interrupted)(made(""))


def test_a_nested_grader_that_cannot_be_built_is_an_error_with_its_path(graded):
    with pytest.raises(GraderError, match="`not`: `all`: `regex`: pattern"):
        graded({"not": {"all": [{"regex": "("}]}}, "x")


def _answer(text: str) -> Answer:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return Answer(({"type": "text", "text": text},), "judge", "end_turn", Usage(), now)
