"""The path put together: what decides who is asked, and what a run comes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from local_api import Asked, Behaviour, LocalApi, access, error, http, in_turn, message

from harness.errors import HarnessError, UsageError
from harness.invocation import Invocation

Serve = Callable[[Behaviour], LocalApi]
ANSWER = http(message("word0"))


def test_an_offline_run_needs_no_key_and_says_that_it_is_simulated(bench: Any):
    bench.words(4)
    ended = bench.run(offline=True)
    assert ended.outcomes == {"passed": 6, "failed": 2}
    assert (ended.code, ended.comparison.run.simulated) == (0, True)


def test_a_run_against_a_simulator_says_that_it_is_simulated(
    bench: Any, simulate: Callable[..., str]
):
    url = simulate(str(bench.words(2)))
    assert bench.run(access(url)).comparison.run.simulated


def test_a_second_run_pays_nothing_and_says_the_same(bench: Any, serve: Serve):
    bench.words(3)
    api = serve(in_turn(ANSWER))
    first, second = bench.run(access(api.url)), bench.run(access(api.url))
    assert len(api.asked) == 6
    assert [c.cost_usd.spent for c in second.comparison.candidates] == [0, 0]
    assert [c.quality for c in second.comparison.candidates] == [
        c.quality for c in first.comparison.candidates
    ]


def test_a_fresh_run_asks_again(bench: Any, serve: Serve):
    bench.words(3)
    api = serve(in_turn(ANSWER))
    bench.run(access(api.url))
    bench.run(access(api.url), fresh=True)
    assert len(api.asked) == 12


def test_repeats_are_asked_one_by_one(bench: Any, serve: Serve):
    bench.words(1)
    api = serve(in_turn(ANSWER))
    assert len(bench.run(access(api.url), repeats=3).results) == len(api.asked) == 6


def test_a_replay_reads_the_store_alone(bench: Any, serve: Serve):
    bench.words(3)
    api = serve(in_turn(ANSWER))
    live = bench.run(access(api.url))
    replayed = bench.run(mode="replay")
    assert len(api.asked) == 6
    assert (replayed.outcomes, replayed.code) == (live.outcomes, 0)


def test_what_a_replay_does_not_find_is_missing(bench: Any, serve: Serve):
    bench.words(3)
    bench.run(access(serve(in_turn(ANSWER)).url), limit=2)
    replayed = bench.run(mode="replay")
    assert (replayed.outcomes["errored"], replayed.code) == (2, 3)
    assert "not in the store" in replayed.results["words/c2[haiku-r1]"].reason


def test_a_real_run_takes_no_simulated_answers(bench: Any, serve: Serve):
    bench.words(2)
    bench.run(offline=True)
    api = serve(in_turn(ANSWER))
    ended = bench.run(access(api.url))
    assert (len(api.asked), ended.comparison.run.simulated) == (4, False)


def test_an_offline_run_takes_no_real_answers(bench: Any, serve: Serve):
    bench.words(2)
    bench.run(access(serve(in_turn(http(message("no")))).url))
    assert bench.run(offline=True).outcomes["passed"] == 3


def test_a_run_that_goes_on_is_the_same_run(bench: Any, serve: Serve):
    bench.words(10, models="haiku")
    stop = http(error("billing_error"), 402)
    api = serve(lambda asked: stop if asked.number == 4 else ANSWER)
    first = bench.run(access(api.url), concurrency=1)
    assert (first.code, len(first.results)) == (3, 4)
    id_ = first.comparison.run.id
    second = bench.run(access(api.url), run_id=id_)
    assert (second.code, second.comparison.run.id, len(second.results)) == (0, id_, 10)
    assert len(api.asked) == 11


def test_a_fresh_run_that_goes_on_keeps_its_own_answers(bench: Any, serve: Serve):
    bench.words(4, models="haiku")
    stop = http(error("billing_error"), 402)
    api = serve(lambda asked: stop if asked.number == 2 else ANSWER)
    first = bench.run(access(api.url), concurrency=1, fresh=True)
    bench.run(access(api.url), fresh=True, run_id=first.comparison.run.id)
    assert len(api.asked) == 5


def test_the_key_and_the_url_may_stand_in_a_dotenv_file(bench: Any, serve: Serve):
    bench.words(1)
    api = serve(in_turn(ANSWER))
    bench.write(".env", f"ANTHROPIC_API_KEY=from-file\nANTHROPIC_BASE_URL={api.url}\n")
    bench.run()
    assert "from-file" in api.asked[0].headers["authorization"]


def test_an_auth_token_is_a_credential_too(bench: Any, serve: Serve):
    bench.words(1)
    api = serve(in_turn(ANSWER))
    bench.run({"ANTHROPIC_AUTH_TOKEN": "token", "ANTHROPIC_BASE_URL": api.url})
    assert api.asked[0].headers["authorization"] == "Bearer token"


@pytest.mark.parametrize(
    "environ",
    [{}, {"ANTHROPIC_API_KEY": ""}, {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "host:80"}],
    ids=["no key", "empty key", "no URL"],
)
def test_a_run_that_cannot_ask_leaves_no_run_behind(bench: Any, environ: dict[str, str]):
    bench.words(1)
    with pytest.raises(UsageError):
        bench.run(environ)
    assert bench.run(offline=True).comparison.run.exit_code == 0
    assert bench.recorded()


def test_the_error_without_a_key_names_both_ways_on(bench: Any):
    bench.words(1)
    with pytest.raises(UsageError, match=r"ANTHROPIC_API_KEY.*--offline"):
        bench.run({})


def test_a_suite_without_models_asks_the_default_model(bench: Any, serve: Serve):
    file = bench.words(1)
    file.write_text(file.read_text().replace("models: [haiku, sonnet]\n", ""))
    api = serve(in_turn(ANSWER))
    bench.run({**access(api.url), "CLAUDE_MODEL": "opus"})
    assert [asked.json["model"] for asked in api.asked] == ["claude-opus-4-6"]


def test_an_alias_may_point_elsewhere(bench: Any, serve: Serve):
    bench.words(1, models="haiku, mine")
    bench.write("harness.yaml", "aliases: {haiku: claude-haiku-4-5, mine: claude-sonnet-4-6}\n")
    file = bench.write("extra.yaml", "aliases: {mine: claude-opus-4-6}\n")
    api = serve(in_turn(ANSWER))
    bench.run(access(api.url), models_file=str(file))
    asked = {request.json["model"] for request in api.asked}
    assert "claude-opus-4-6" in asked
    assert "claude-sonnet-4-6" not in asked


def test_other_models_may_be_asked_than_the_suite_names(bench: Any, serve: Serve):
    bench.words(1)
    api = serve(in_turn(ANSWER))
    ended = bench.run(access(api.url), models=("opus",))
    assert list(ended.results) == ["words/c0[opus-r1]"]


def test_a_gate_that_fails_is_exit_code_1(bench: Any):
    file = bench.words(40)
    file.write_text(file.read_text() + "gates: [{pass_rate: {min: 0.9}}]\n")
    assert bench.run(offline=True).code == 1


def test_a_suite_that_is_wrong_sends_nothing(bench: Any, serve: Serve):
    file = bench.words(1)
    file.write_text(file.read_text().replace("equals", "equalz"))
    api = serve(in_turn(ANSWER))
    with pytest.raises(HarnessError, match="equalz"):
        bench.run(access(api.url))
    assert api.asked == []


def test_a_model_that_the_api_does_not_know_is_missing_alone(bench: Any, serve: Serve):
    def behave(asked: Asked) -> bytes:
        unknown = http(error("not_found_error", "model: claude-sonnet-4-6"), 404)
        return unknown if "sonnet" in asked.json["model"] else ANSWER

    bench.words(3)
    ended = bench.run(access(serve(behave).url))
    assert (ended.code, ended.outcomes["errored"]) == (3, 3)
    assert "model: claude-sonnet-4-6" in ended.results["words/c0[sonnet-r1]"].reason


def test_an_answer_without_usage_makes_the_cost_unknown(bench: Any, serve: Serve):
    bench.words(1, models="haiku")
    ended = bench.run(access(serve(in_turn(http(message("word0", usage=None)))).url))
    (candidate,) = ended.comparison.candidates
    assert (ended.outcomes, candidate.cost_usd.total) == ({"passed": 1}, None)


def test_blocks_go_back_as_they_came_in_the_next_turn(bench: Any, serve: Serve):
    blocks = [
        {"type": "thinking", "thinking": "", "signature": "c2ln"},
        {"type": "brand_new", "x": [1]},
        {"type": "text", "text": "hi", "citations": None},
    ]
    bench.write(
        "talk.yaml",
        "suite: talk\nmodels: [haiku]\nparams: {max_tokens: 50}\n"
        "turns: [{user: one}, {user: two}]\ngraders: [{equals: hi}]\ncases: [{id: a}]\n",
    )
    api = serve(in_turn(http(message(*blocks))))
    ended = bench.run(access(api.url), "talk.yaml")
    assert ended.outcomes == {"passed": 1}
    assert api.asked[1].json["messages"][1] == {"role": "assistant", "content": blocks}


EDITED = """
suite: edited
models: {models}
prompt: "Say {{{{ word }}}}"
repeats: {repeats}
graders: [{{equals: "{{{{ expected }}}}"}}]
cases:
"""


def edited(bench: Any, cases: str, *, models: str = "[haiku, sonnet]", repeats: int = 1) -> str:
    rows = "".join(f"  - {{id: {c}, vars: {{word: {c}, expected: {c}}}}}\n" for c in cases)
    bench.write("edited.yaml", EDITED.format(models=models, repeats=repeats) + rows)
    return "edited.yaml"


def test_what_a_suite_no_longer_has_is_not_in_the_resumed_run(bench: Any) -> None:
    first = bench.run(None, edited(bench, "ab", repeats=2), offline=True)
    name = edited(bench, "bc", models="[haiku]")
    again = bench.run(None, name, offline=True, run_id=first.comparison.run.id)
    assert sorted(again.results) == ["edited/b[haiku-r1]", "edited/c[haiku-r1]"]
    assert [c.trials.planned for c in again.comparison.candidates] == [2]


def test_a_resumed_run_has_paid_for_what_it_asked_before(bench: Any) -> None:
    first = bench.run(None, edited(bench, "ab"), offline=True)
    again = bench.run(None, "edited.yaml", offline=True, run_id=first.comparison.run.id)
    for before, after in zip(first.comparison.candidates, again.comparison.candidates, strict=True):
        assert after.cost_usd.spent == before.cost_usd.spent == before.cost_usd.total


def test_replay_and_fresh_exclude_each_other(bench: Any) -> None:
    edited(bench, "a")
    with pytest.raises(UsageError, match="leave one of them out"):
        bench.run(None, "edited.yaml", mode="replay", fresh=True)


def test_a_gate_is_not_judged_on_a_part_of_a_candidates_trials(bench: Any) -> None:
    from harness import plan, run
    from harness.prepare import prepare, prepare_trials

    name = edited(bench, "ab", models="[haiku]") and "edited.yaml"
    path = bench.folder / name
    path.write_text(path.read_text() + "gates: [{pass_rate: {min: 0.9}}]\n")
    prepared = prepare(Invocation((str(path),), offline=True), {}, bench.folder)
    part = [trial for trial in plan.trials(prepared.suites) if trial.case.id == "a"]
    chosen = prepare_trials(prepared.invocation, prepared.registry, {}, part)
    facts = next(iter(run._facts(chosen)))
    assert (facts.cases, facts.total, facts.planned["haiku"], facts.whole) == (1, 2, 1, 2)
