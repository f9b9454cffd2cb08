"""A plan as it is shown: a line, a table, data; what is unknown is never nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from harness.forecast.figures import UNKNOWN_PRICES, Detection, Forecast, Prices, Share
from reports.planning import detection_lines, plan_json, plan_line, plan_table, plan_text

LIVE = Prices(Decimal("1.5"), Decimal("0.75"), Decimal("0.5"))
SHARE = Share(
    10, 4, {"turn 1": 6, "judges": 3, "turn 2": 6}, 1000, 200, 400, LIVE, LIVE.times(2)
)  # fmt: skip
PLAN = Forecast({"a": SHARE, "b": SHARE}, {"a": "m1", "b": "m2"}, assumptions=("this",))
COUNTED = replace(PLAN, counting="counted")
UNKNOWN = Forecast({"a": Share(1, expected=UNKNOWN_PRICES, worst=UNKNOWN_PRICES)}, {"a": "m1"})
FOUND = Detection(
    80, 2, "assumed", 0.14, wanted=0.03, cases_needed=1745, repeats_needed=9, cost=LIVE,
    repeats_cost=LIVE,
)  # fmt: skip


def test_the_line_has_trials_calls_and_dollars_of_the_mode():
    assert plan_line(COUNTED, "live") == (
        "plan: 20 trials, 8 stored; 30 requests: about $3.00 live, at most $6.00"
    )
    assert "about $1.50 by batch, at most $3.00" in plan_line(PLAN, "batch")


def test_the_line_says_what_its_figures_leave_open():
    assert plan_line(PLAN, "live").endswith("at most $6.00 (input tokens estimated)")
    some = plan_line(replace(COUNTED, sample=(200, 3000)), "live")
    assert some.endswith("at most $6.00 (from 200 of 3,000 prompts)")
    assert some.startswith("plan: 20 trials, about 8 stored")


def test_the_line_says_that_a_second_look_may_follow():
    line = plan_line(COUNTED, "live", replace(SHARE, waves={"turn 1": 300}))
    assert line.endswith("$6.00; and a second look (--confirm) of up to 300 requests, about $1.50")


def test_the_line_says_where_functions_would_have_told_more():
    line = plan_line(replace(COUNTED, uncalled=2), "live")
    assert line.endswith("at most $6.00 (functions of tools not called)")


def test_unknown_tokens_are_no_number():
    share = replace(SHARE, input_tokens=None, output_tokens=None)
    row = plan_table(replace(PLAN, shares={"a": share})).rows[0]
    assert (row[4], row[5]) == ("–", "–")
    assert (share + SHARE).input_tokens is None
    assert share.scaled(2).output_tokens is None


def test_nothing_is_estimated_where_nothing_is_asked():
    done = Forecast({"a": Share(3, 3)}, {"a": "m1"})
    assert plan_line(done, "live") == (
        "plan: 3 trials, 3 stored; 0 requests: about $0 live, at most $0"
    )


def test_what_is_unknown_is_shown_as_unknown():
    assert plan_line(UNKNOWN, "live").startswith(
        "plan: 1 trial; 0 requests: about – live, at most –"
    )
    assert plan_json(UNKNOWN)["total"]["expected_usd"] == dict.fromkeys(("live", "batch", "cached"))


def test_the_table_sums_candidates_in_its_last_row():
    assert [row[0] for row in plan_table(PLAN).rows] == ["a", "b", "all"]
    assert plan_table(PLAN).rows[2][1:4] == ("20", "8", "30")


def test_waves_stand_in_the_order_of_a_trial():
    assert "calls by wave: turn 1 12, turn 2 12, judges 6" in plan_text(PLAN)


def test_dollars_in_the_data_are_exact_texts():
    assert plan_json(PLAN)["candidates"][0]["worst_usd"]["live"] == "3.0"


def test_a_difference_is_told_with_what_finding_it_takes():
    lines = list(detection_lines(FOUND))
    assert lines[0].startswith("with 80 cases, 2 repeats a difference of 14.0 % is found")
    assert lines[1] == "a difference of 3.0 % takes 1,745 cases: about $1.50 live, $0.75 by batch"
    assert lines[2].startswith("or 9 repeats of the cases there are")


def test_a_difference_that_nothing_finds_says_why():
    found = Detection(1, 1, "assumed", None, "too few cases", wanted=0.1)
    assert list(detection_lines(found)) == [
        "with 1 case, 1 repeat no difference is found: too few cases (assumed)",
        "no number of cases finds a difference of 10.0 %",
        "or more repeats: too few cases",
    ]
