"""`--confirm` over real HTTP: a loss is a regression only where fresh answers show it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container
from decimal import Decimal
from typing import Any

import pytest
from local_api import Asked, LocalApi, access, error, http, message

from harness import baselines
from harness import run as path
from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison
from harness.analysis.regression_records import Confirmation, RegressionVerdict
from harness.baseline_file import dumped
from harness.cli import cli
from harness.cli.failures import reported
from harness.confirming import look_id, rows_of
from harness.errors import UsageError
from harness.invocation import Invocation
from harness.prepare import prepare
from harness.store import Store

Serve = Callable[..., LocalApi]
Simulate = Callable[..., str]
SUITE = """\
suite: words
models: [haiku]
prompt: "Say {{ expected }}."
params: {max_tokens: 20}
graders: [{equals: "{{ expected }}"}]
gates: [{regression: {margin: 0.02}}]
cases:
"""
CASES = 12
ALWAYS = range(10_000)
ROWS = [f"  - {{id: c{n}, vars: {{expected: word{n}}}}}\n" for n in range(CASES)]


class Api:
    """Repeats the word; of what says `Name`, those requests whose number is `lost` get a no."""

    def __init__(self, lost: Container[int]) -> None:
        self.lost, self.verb, self.refused = lost, "Name", ""
        self.asked: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> bytes:
        verb, word = asked.json["messages"][-1]["content"].rstrip(".").split()[-2:]
        lost = verb == self.verb and self.asked[verb] in self.lost
        self.asked[verb] += 1
        if f"{verb} {word}" == self.refused:
            return http(error("invalid_request_error"), 400)
        return http(message("no" if lost else word))


class Looked:
    """A suite, a baseline of it, and a changed suite beside that baseline."""

    def __init__(self, bench: Any, serve: Serve, lost: Container[int], suite: str = SUITE) -> None:
        self.bench, self.api = bench, Api(lost)
        self.environ = access(serve(self.api).url)
        self.suite = suite + "".join(ROWS)
        bench.write("words.yaml", self.suite)
        self.before = self.run().comparison.run.id

    def run(self, **options: Any) -> Any:
        return self.bench.run(self.environ, **options)

    def again(self, **options: Any) -> Any:
        """A run of the suite with `Name` for `Say`, beside the baseline."""
        self.bench.write("words.yaml", self.suite.replace("Say", "Name"))
        return self.run(**{"baseline": self.before, "confirm": True, **options})

    def keep(self, name: str) -> None:
        """Keep the baseline as a file."""
        store = Store(f"sqlite:///{self.bench.folder}/store.db")
        self.bench.write(name, dumped(baselines.of_run(store.run(self.before), store)))
        store.close()

    def interrupted(self) -> Comparison:
        """The same, stopped at its second look."""
        self.bench.write("words.yaml", self.suite.replace("Say", "Name"))
        files = (str(self.bench.folder / "words.yaml"),)
        folder = self.bench.folder
        asked = Invocation(files, cwd=str(folder), baseline=self.before, confirm=True)
        prepared = prepare(asked, self.environ, folder)
        store = Store(f"sqlite:///{folder}/store.db")
        done = path.execute(
            prepared, store, path.begin(prepared, store), Impatient(), on_signal=False
        )
        comparison = path.conclude(prepared, store, done)
        store.close()
        return comparison


@pytest.fixture
def looked(bench: Any, serve: Serve) -> Callable[..., Looked]:
    return lambda lost, suite=SUITE: Looked(bench, serve, lost, suite)


def verdict(ended: Any) -> RegressionVerdict:
    (found,) = ended.comparison.regression["candidates"]
    return found


def second(ended: Any) -> Confirmation:
    found = verdict(ended).confirmation
    assert found is not None
    return found


def test_a_loss_that_shows_again_is_a_regression(looked: Callable[..., Looked]) -> None:
    made = looked(ALWAYS)
    ended = made.again()
    again = second(ended)
    assert (ended.code, verdict(ended).verdict) == (1, "regression")
    assert (again.alarmed, again.baseline_fresh, again.n_cases) == (True, True, CASES)
    assert made.api.asked == {"Say": 2 * CASES, "Name": 2 * CASES}


def test_an_alarm_that_does_not_repeat_is_inconclusive(looked: Callable[..., Looked]) -> None:
    ended = looked(range(CASES)).again()
    (gate,) = ended.comparison.gates
    assert (ended.code, gate.verdict, second(ended).alarmed) == (0, "inconclusive", False)
    assert "the alarm did not repeat; first look: at most −" in gate.detail
    assert "second look: 0.0 points" in gate.detail


def test_without_an_alarm_nothing_is_asked_again(looked: Callable[..., Looked]) -> None:
    made = looked(range(1))
    assert verdict(made.again()).confirmation is None
    assert made.api.asked == {"Say": CASES, "Name": CASES}


def test_an_identical_request_is_asked_for_each_side(looked: Callable[..., Looked]) -> None:
    made = looked(range(0))
    made.api.lost, made.api.verb = range(CASES, 2 * CASES), "Say"
    ended = made.run(fresh=True, baseline=made.before, confirm=True)
    assert (ended.code, second(ended).alarmed) == (0, False)
    assert made.api.asked == {"Say": 4 * CASES}


def test_beside_a_file_the_stored_side_stays(looked: Callable[..., Looked]) -> None:
    made = looked(ALWAYS)
    made.keep("b.json")
    ended = made.again(baseline="b.json")
    assert (ended.code, second(ended).baseline_fresh) == (1, False)
    assert "beside the stored baseline, since it is a file" in ended.comparison.gates[0].detail
    assert made.api.asked == {"Say": CASES, "Name": 2 * CASES}


def test_a_baseline_of_several_turns_is_not_asked_again(looked: Callable[..., Looked]) -> None:
    turns = 'turns: [{user: "Say hello."}, {user: "Say {{ expected }}."}]\n'
    made = looked(ALWAYS, SUITE.replace('prompt: "Say {{ expected }}."\n', turns))
    assert second(made.again()).why == "its trials made several requests"


def test_whoever_opens_the_run_later_sees_the_same(looked: Callable[..., Looked]) -> None:
    made = looked(ALWAYS)
    ended = made.again().comparison
    store = Store(f"sqlite:///{made.bench.folder}/store.db")
    later = baselines.judged(compare(ended.run, store.results(ended.run.id)), store)
    store.close()
    assert (later.gates, later.regression) == (ended.gates, ended.regression)
    assert later.candidates[0].cost_usd.spent == ended.candidates[0].cost_usd.spent


def test_a_case_that_the_baseline_has_no_answer_of_is_left_out(
    looked: Callable[..., Looked],
) -> None:
    made = looked(ALWAYS)
    made.api.refused = "Say word3"
    baseline = made.run(fresh=True).comparison.run.id
    again = second(made.again(baseline=baseline, max_missing=0.5))
    assert (again.alarmed, again.n_cases, again.baseline_fresh) == (True, CASES - 1, True)


def test_a_baseline_that_has_gone_ends_the_run_without_a_second_look(
    looked: Callable[..., Looked],
) -> None:
    made = looked(ALWAYS)
    made.keep("b.json")
    begun = made.again(baseline="b.json").comparison.run.id
    (made.bench.folder / "b.json").unlink()
    ended = made.again(baseline="b.json", run_id=begun)
    (gate,) = ended.comparison.gates
    assert (ended.code, gate.verdict) == (0, "inconclusive")
    assert gate.detail.startswith("baseline b.json: no such file")


def test_what_the_second_look_costs_is_spent_by_the_run(looked: Callable[..., Looked]) -> None:
    ended = looked(ALWAYS).again()
    (candidate,) = ended.comparison.candidates
    cost = candidate.cost_usd
    assert cost.spent == 3 * cost.total
    assert candidate.by_suite["words"].cost_usd.spent == cost.spent


def test_a_run_goes_on_with_its_second_look(looked: Callable[..., Looked]) -> None:
    made = looked(ALWAYS)
    stopped = made.again(budget=Decimal("0.0007"), concurrency=1)
    assert (stopped.code, second(stopped).alarmed) == (4, None)
    run_id = stopped.comparison.run.id
    ended = made.again(budget=Decimal(1), run_id=run_id)
    assert (ended.code, verdict(ended).verdict) == (1, "regression")
    assert made.api.asked == {"Say": 2 * CASES, "Name": 2 * CASES}


def test_a_second_look_is_a_wave_like_any_other(bench: Any, simulate: Simulate) -> None:
    say = SUITE + "".join(ROWS)
    name = say.replace("Say", "Name")
    bench.write("said.answers.yaml", 'answers: {"*": {haiku: "{{ expected }}"}}\n')
    bench.write("words.answers.yaml", 'answers: {"*": {haiku: "no"}}\n')
    files = [
        str(bench.write("said.yaml", say.replace("suite: words", "suite: said"))),
        str(bench.write("words.yaml", name)),
    ]
    url = simulate(*files, "--batch-seconds", "0.3")
    bench.write("words.yaml", say)
    before = bench.run(access(url)).comparison.run.id
    bench.write("words.yaml", name)
    asked = {"baseline": before, "confirm": True, "mode": "batch", "wait": False}
    ended = bench.run(access(url), **asked)
    run_id = ended.comparison.run.id
    while ended.code == 5:
        waves = [batch["requests"] for batch in ended.comparison.batches]
        ended = bench.run(access(url), run_id=run_id, **asked)
    assert waves == [CASES, 2 * CASES]
    assert (ended.code, verdict(ended).verdict) == (1, "regression")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"confirm": True}, "name one with --baseline"),
        ({"confirm": True, "baseline": "latest", "mode": "replay"}, "--mode replay never asks"),
    ],
    ids=["no baseline", "replay"],
)
def test_a_second_look_that_cannot_be_is_refused(
    bench: Any, options: dict[str, Any], told: str
) -> None:
    bench.write("words.yaml", SUITE + "".join(ROWS))
    with pytest.raises(UsageError, match=told):
        bench.run(**options)


def test_the_option_is_one_of_run(
    bench: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(bench.folder)
    bench.write("words.yaml", SUITE + "".join(ROWS))
    assert reported(cli, ["run", "words.yaml", "--offline", "--confirm"]) == 2
    assert "name one with --baseline" in capsys.readouterr().err


def test_the_answers_of_the_second_look_are_kept_as_the_runs(
    looked: Callable[..., Looked],
) -> None:
    made = looked(ALWAYS)
    run_id = made.again().comparison.run.id
    store = Store(f"sqlite:///{made.bench.folder}/store.db")
    with store.engine.connect() as connection:
        query = "SELECT run, count(*) FROM harness_answers GROUP BY run"
        paid = dict(tuple(row) for row in connection.exec_driver_sql(query))
    sides = [len(list(store.results(rows_of(run_id, side)))) for side in ("now", "before")]
    store.close()
    assert (paid, sides) == ({made.before: CASES, run_id: 3 * CASES}, [CASES, CASES])
    assert look_id(run_id) not in paid


class Impatient:
    """Stops the run as soon as it hears of a second look."""

    def begin(self, _run: object, _total: int, stop: Callable[[], None], /) -> None:
        self.stop = stop

    def ended(self, *_: object) -> None: ...
    def interrupted(self) -> None: ...
    def waiting(self, *_: object) -> None: ...
    def beat(self, *_: object) -> None: ...

    def news(self, line: str, /) -> None:
        assert line == f"second look: {2 * CASES} trials are asked again"
        self.stop()


def test_a_second_look_that_is_interrupted_goes_on(looked: Callable[..., Looked]) -> None:
    made = looked(ALWAYS)
    stopped = made.interrupted()
    (gate,) = stopped.gates
    assert stopped.run.exit_code == 130
    assert (gate.verdict, "the second look has not ended" in gate.detail) == ("inconclusive", True)
    for _ in range(2):
        ended = made.again(run_id=stopped.run.id)
        assert (ended.code, second(ended).alarmed) == (1, True)
    assert made.api.asked == {"Say": 2 * CASES, "Name": 2 * CASES}


@pytest.mark.parametrize(
    ("verb", "code", "why"),
    [("Say", 0, ""), ("Name", 1, "the built-in simulator knows the prompts of this run alone")],
    ids=["the same prompt", "another prompt"],
)
def test_the_built_in_simulator_is_asked_what_it_knows(
    bench: Any, verb: str, code: int, why: str
) -> None:
    suite = SUITE + "".join(ROWS)
    for said, text in (("{{ expected }}", suite), ("no", suite.replace("Say", verb))):
        bench.write("words.yaml", text)
        bench.write("answers.yaml", f'answers: {{"*": {{"*": "{said}"}}}}\n')
        beside = {"baseline": "latest", "confirm": True} if said == "no" else {}
        ended = bench.run(offline=True, **beside)
    assert (ended.code, second(ended).baseline_fresh, second(ended).why) == (code, not why, why)
