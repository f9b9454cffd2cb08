"""What trials will ask and cost: turns, tools, judges, stored answers, answers of earlier runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from suite_making import answer, loaded, registry

from harness import plan
from harness.forecast import judges
from harness.forecast.detect import detection
from harness.forecast.estimate import Sources, forecast
from harness.forecast.figures import Forecast, Prices
from harness.forecast.history import History
from harness.forecast.shelf import Shelf
from harness.recorder import digest, identity
from harness.records import Bill, Call, Outcome, Request, Result, TrialId
from harness.trial import steps
from harness.workshop import Workshop

NOW = datetime(2026, 11, 20, tzinfo=UTC)
HAIKU = "claude-haiku-4-5-20251001"
PLAIN = """\
suite: t
models: [haiku]
prompt: "Say {{ word }}."
params: {max_tokens: 100}
graders: [{contains: please}]
cases:
  - {id: a, vars: {word: one}}
  - {id: b, vars: {word: two}}
"""
JUDGED = PLAIN.replace(
    "[{contains: please}]",
    """
  - rubric: {criteria: Polite., judge: sonnet}
  - panel: {judges: [haiku, opus], criteria: Short.}
  - pairwise: {against: {text: No.}, judge: opus}
  - any: [{reference: {expected: Yes., judge: haiku}}, {contains: x}]""",
)
TURNS = PLAIN.replace(
    'prompt: "Say {{ word }}."',
    """\
turns:
  - {user: "Say {{ word }}."}
  - {user: "Again, please, and more of it."}
max_tool_rounds: 4
tools:
  - {name: look, description: Looks., input_schema: {type: object}, reply: nothing}""",
)
CACHED = PLAIN.replace("params:", f"cache: 5m\nsystem: {'long ' * 5000}\nparams:")


def planned(folder: Path, text: str, repeats: int = 1, **how: Any) -> Forecast:
    suite = loaded(folder, text)
    return forecast(plan.trials([suite], repeats=repeats), Sources(registry(folder), NOW, **how))


def result(case: str, tokens: int, candidate: str = "haiku", score: float = 1.0) -> Result:
    given = answer("yes")
    usage = type(given.usage)(input_tokens=10, output_tokens=tokens)
    said = type(given)(given.content, given.model, "end_turn", usage, NOW)
    request = Request({"model": HAIKU, "max_tokens": 100, "messages": []}, "2026-10-21")
    trial = TrialId("t", case, candidate)
    return Result(trial, Outcome.PASSED, score, calls=(Call(request, said, Bill()),))


def test_every_trial_is_a_call_and_its_answer_at_most_max_tokens(tmp_path: Path):
    share = planned(tmp_path, PLAIN, repeats=3).total
    assert (share.trials, share.calls, share.output_tokens) == (6, 6, 600)
    assert share.waves == {"turn 1": 6}


def test_the_worst_is_no_less_than_what_is_expected_and_a_batch_is_half(tmp_path: Path):
    share = planned(tmp_path, JUDGED).total
    for expected, worst in [(share.expected.live, share.worst.live)]:
        assert expected is not None
        assert worst is not None
        assert expected < worst
    assert share.expected.batch == share.expected.live / 2  # type: ignore[operator]


def test_judges_are_counted_by_their_graders(tmp_path: Path):
    share = planned(tmp_path, JUDGED).total
    assert share.waves == {"turn 1": 2, "judges": 12}


def test_the_models_that_judge_are_known_from_the_suite(tmp_path: Path):
    found = judges.models([loaded(tmp_path, JUDGED)], registry(tmp_path))
    assert sorted(name.split("-")[1] for name in found) == ["haiku", "opus", "sonnet"]


def test_turns_and_tools_are_waves_of_their_own(tmp_path: Path):
    found = planned(tmp_path, TURNS)
    assert found.total.waves == {"turn 1": 2, "turn 2": 2, "tools": 2}
    assert found.total.most_output_tokens == 2 * (2 + 2 * 4) * 100


def test_what_is_stored_costs_nothing(tmp_path: Path):
    def all_but_one(keys: Any) -> list[str]:
        return sorted(keys)[1:]

    shelf = Shelf(all_but_one, lambda keys: {})
    share = planned(tmp_path, PLAIN, repeats=2, shelf=shelf).total
    assert (share.trials, share.stored, share.calls) == (4, 3, 1)


def test_answers_are_as_long_as_earlier_ones_of_the_case_or_else_of_the_suite(tmp_path: Path):
    history = History()
    history.add(result("a", 10))
    history.add(result("a", 20))
    assert planned(tmp_path, PLAIN, history=lambda: history).total.output_tokens == 15 + 15
    history.add(result("b", 60))
    assert planned(tmp_path, PLAIN, history=lambda: history).total.output_tokens == 15 + 60


def test_counted_tokens_replace_the_estimate(tmp_path: Path):
    def count(requests: Sequence[Request]) -> tuple[list[int | None], str]:
        return [1000 for _ in requests], ""

    found = planned(tmp_path, PLAIN, count=count)
    assert (found.counting, round(found.total.input_tokens, -2)) == ("counted", 2000)


def test_tokens_that_the_api_does_not_count_are_estimated_and_the_plan_says_why(tmp_path: Path):
    found = planned(tmp_path, PLAIN, count=lambda requests: ([None for _ in requests], "401: no"))
    assert found.counting == "estimated"
    assert found.total.input_tokens == planned(tmp_path, PLAIN).total.input_tokens
    assert found.assumptions[0].endswith("are estimated, 3 bytes of a prompt each: 401: no")


def test_candidates_that_are_not_counted_are_named_where_others_are(tmp_path: Path):
    def count(requests: Sequence[Request]) -> tuple[list[int | None], str]:
        return [9 if "haiku" in request.model else None for request in requests], "404"

    found = planned(tmp_path, PLAIN.replace("haiku", "haiku, opus"), count=count)
    assert found.counting == "estimated"
    assert found.assumptions[0].startswith("input tokens of opus are estimated")


def test_a_shared_prompt_that_can_be_cached_makes_a_batch_cheaper(tmp_path: Path):
    prices = planned(tmp_path, CACHED, repeats=5).total.expected
    assert prices.cached is not None
    assert prices.batch is not None
    assert prices.cached < Decimal("0.6") * prices.batch


def test_live_a_prompt_that_the_suite_caches_is_written_once_and_then_read(tmp_path: Path):
    cached = planned(tmp_path, CACHED, repeats=5)
    plain = planned(tmp_path, CACHED.replace("cache: 5m\n", ""), repeats=5)
    live, full = cached.total.expected.live, plain.total.expected.live
    assert live is not None
    assert full is not None
    # Ten times 25,000 bytes at three a token; written for 1.25 of the price, and read for 0.1.
    prompt = full - 10 * 100 * Decimal(5) / 10**6
    assert float(live - (full - prompt)) == pytest.approx(
        float(prompt) * (1.25 + 0.9) / 10, rel=0.03
    )
    assert cached.total.worst.live >= plain.total.worst.live  # type: ignore[operator]
    assert any("written by the first request" in line for line in cached.assumptions)


def test_a_single_request_pays_for_writing_what_nobody_reads(tmp_path: Path):
    one = CACHED.partition("  - {id: b")[0]
    live = planned(tmp_path, one).total.expected.live
    plain = planned(tmp_path, one.replace("cache: 5m\n", "")).total.expected.live
    assert live > plain  # type: ignore[operator]


def test_a_prefix_below_the_models_least_is_not_cached(tmp_path: Path):
    short = CACHED.replace("long " * 5000, "long " * 50)
    live = planned(tmp_path, short).total.expected.live
    # The breakpoint itself is a few bytes of JSON.
    plain = planned(tmp_path, short.replace("cache: 5m\n", "")).total.expected.live
    assert float(live) == pytest.approx(float(plain), rel=0.1)  # type: ignore[arg-type]


def test_a_cached_conversation_reads_what_was_said_before(tmp_path: Path):
    text = TURNS.partition("max_tool_rounds")[0].replace("Say {{", "long " * 5000 + "{{")
    text += TURNS[TURNS.index("params:") :]
    live = planned(tmp_path, "cache: 5m\n" + text).total.expected.live
    plain = planned(tmp_path, text).total.expected.live
    # The second turn is about as long as the first, which writes: (1.25 + 0.1) / 2.
    assert float(live / plain) == pytest.approx(0.68, abs=0.03)  # type: ignore[operator]


def test_an_unknown_price_makes_the_cost_unknown_and_not_nothing(tmp_path: Path):
    found = planned(tmp_path, PLAIN.replace("haiku", "claude-unheard-of")).total
    assert found.expected == found.worst == Prices(None, None, None)


def test_a_part_of_the_cases_stands_for_all(tmp_path: Path):
    rows = "".join(f"  - {{id: c{n}, vars: {{word: w}}}}\n" for n in range(40))
    text = PLAIN.partition("cases:")[0] + "cases:\n" + rows
    some, every = planned(tmp_path, text, most=20), planned(tmp_path, text)
    assert some.total.calls == every.total.calls == 40
    assert (some.sample, every.sample) == ((20, 40), (40, 40))
    assert any("20 trials of a suite" in line for line in some.assumptions)


def test_the_few_trials_that_a_run_left_open_are_all_looked_at(tmp_path: Path):
    rows = "".join(f"  - {{id: c{n}, vars: {{word: w{n}}}}}\n" for n in range(90))
    text = PLAIN.partition("cases:")[0] + "cases:\n" + rows

    def kept(keys: Any) -> list[str]:
        return [key for key in keys if key not in open_]

    suite = loaded(tmp_path, text)
    (request,) = next(steps(list(plan.trials([suite]))[37], Workshop(suite, registry(tmp_path))))
    open_ = {identity(digest(request), 1, 0)}
    ended = frozenset(range(90)) - {37}
    found = planned(tmp_path, text, most=30, shelf=Shelf(kept, lambda _: {}), finished=ended)
    assert (found.total.trials, found.total.stored, found.total.calls) == (90, 89, 1)


def test_where_a_run_left_other_cases_open_for_each_candidate_all_trials_are_accounted_for(
    tmp_path: Path,
):
    rows = "".join(f"  - {{id: c{n}, vars: {{word: w{n}}}}}\n" for n in range(300))
    text = PLAIN.partition("cases:")[0].replace("haiku", "haiku, opus") + "cases:\n" + rows
    # Of haiku every third is done, of opus the first fifty.
    ended = frozenset([2 * n for n in range(0, 300, 3)] + [2 * n + 1 for n in range(50)])

    def kept(keys: Any) -> list[str]:
        return [key for key in keys if int(key, 16) % 7 == 0]

    share = planned(tmp_path, text, most=90, shelf=Shelf(kept, lambda _: {}), finished=ended).total
    assert share.stored > 0
    assert (share.trials, share.stored + share.calls) == (600, 600)


def test_rounds_of_tools_are_as_many_as_in_an_earlier_run(tmp_path: Path):
    history = History()
    one = result("a", 10)
    history.add(replace(one, calls=one.calls * 5))
    found = planned(tmp_path, TURNS, history=lambda: history).total
    # Two turns and three rounds of each of two trials.
    assert found.waves == {"turn 1": 2, "turn 2": 2, "tools": 6}
    assert found.input_tokens > planned(tmp_path, TURNS).total.input_tokens  # type: ignore[operator]


def test_a_model_not_heard_in_a_suite_calls_tools_as_often_as_others(tmp_path: Path):
    history = History()
    one = result("a", 10)
    history.add(replace(one, calls=one.calls * 5))
    text = TURNS.replace("[haiku]", "[opus]")
    assert planned(tmp_path, text, history=lambda: history).total.waves["tools"] == 6


def test_a_breakpoint_in_a_message_is_what_requests_share(tmp_path: Path):
    document = f"{{type: text, text: {'long ' * 5000}, cache_control: {{type: ephemeral}}}}"
    asked = f'prompt: [{document}, {{type: text, text: "{{{{ word }}}}"}}]'
    text = PLAIN.replace('prompt: "Say {{ word }}."', asked)
    marked = planned(tmp_path, text, repeats=5).total.expected
    plain = planned(tmp_path, text.replace(", cache_control: {type: ephemeral}", ""), repeats=5)
    assert marked.cached < marked.batch / 2  # type: ignore[operator]
    assert marked.live < plain.total.expected.live / 2  # type: ignore[operator]


def test_a_smaller_difference_takes_more_cases_and_more_money():
    history = History()
    for number in range(30):
        history.add(result(str(number), 5, "a", number % 2))
        history.add(result(str(number), 5, "b", number % 3 == 0))
    history.runs["t"] = "r"
    cost = Prices(Decimal(3), Decimal(1), Decimal(1))
    found = [detection("t", size=(30, 1), cost=cost, history=history, wanted=d) for d in (0.2, 0.1)]
    needed = [f.cases_needed or 0 for f in found]
    assert 3.5 < needed[1] / needed[0] < 4.5
    assert found[0].cost == cost.scaled(Decimal(needed[0]) / 30)
    assert (found[0].basis, found[0].repeats_needed) == ("measured in run r, 30 cases", None)


@pytest.mark.parametrize("b", [1.0, 0.0], ids=["all agree", "all differ alike"])
def test_where_nothing_varied_a_difference_of_nothing_is_not_found(b: float):
    history = History()
    for number in range(20):
        history.add(result(str(number), 5, "a", 1.0))
        history.add(result(str(number), 5, "b", b))
    history.runs["t"] = "r"
    found = detection("t", size=(20, 1), cost=Prices(), history=history, wanted=0.05)
    # 0.05 ** (1 / 20) is 0.8609: the upper bound of 0 in 20 is 13.9 %.
    assert (
        found.basis
        == "assumed: 14 % of the cases differ, as may be where none did in run r, 20 cases"
    )
    assert found.detectable == pytest.approx(2.8016 * (0.1391 / 20) ** 0.5, abs=1e-3)
    assert found.cases_needed


@pytest.mark.parametrize("wanted", [None, 0.03])
def test_without_a_run_the_variance_is_assumed_and_said_to_be(wanted: float | None):
    found = detection("t", size=(80, 1), cost=Prices(), history=History(), wanted=wanted)
    assert found.basis.startswith("assumed")
    assert found.detectable == pytest.approx(0.14, abs=0.001)
    assert found.cases_needed == (None if wanted is None else 1745)
