"""The bill never exceeds the budget: many requests at once, faults, batches, and going on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from local_api import Asked, Behaviour, LocalApi, access, error, http, message

from harness import purse
from harness.backends.wire import usage_of
from harness.errors import BudgetError, UsageError
from harness.losses import losses
from harness.models.table import load_registry
from harness.pricing import bill
from harness.records import Answer
from harness.store import Store

Serve = Callable[[Behaviour], LocalApi]
Simulate = Callable[..., str]
REGISTRY = load_registry()
NOW = datetime.now(UTC)
FIRST = Decimal("0.002")
"""More than any request of these suites may cost."""


def cost(entry: dict[str, Any]) -> Decimal:
    """Dollars of one entry of the simulator's ledger."""
    tier = entry["usage"].get("service_tier")
    usage = usage_of(entry["usage"])
    total = bill(Answer((), entry["model"], "end_turn", usage, NOW, service_tier=tier), REGISTRY)
    assert total.total is not None
    return total.total


def answered(url: str) -> list[dict[str, Any]]:
    """The simulator's ledger: what it was paid for."""
    with urllib.request.urlopen(f"{url}/__simulator/ledger") as response:
        entries: list[dict[str, Any]] = json.load(response)["requests"]
        return entries


def billed(url: str) -> Decimal:
    """What the simulator's ledger comes to, at list prices."""
    return sum(map(cost, answered(url)), Decimal(0))


@pytest.mark.parametrize("budget", ["0.0021", "0.005"])
def test_the_bill_stays_below_the_budget_at_a_concurrency_of_100(
    bench: Any, simulate: Simulate, budget: str
):
    bench.words(150)
    url = simulate(str(bench.folder / "words.yaml"), "--latency", "0.02")
    ended = bench.run(access(url), concurrency=100, budget=Decimal(budget))
    assert isinstance(ended.stopped, BudgetError)
    assert ended.code == 4
    assert Decimal(budget) - FIRST < billed(url) <= Decimal(budget)


@pytest.mark.parametrize("fault", ["cut", "drop", "status=504"])
def test_an_answer_that_was_lost_on_the_way_counts_as_paid(
    bench: Any, simulate: Simulate, fault: str
):
    bench.words(60)
    url = simulate(str(bench.folder / "words.yaml"), "--fault", f"{fault},p=0.3")
    ended = bench.run(access(url), concurrency=50, budget=Decimal("0.004"))
    assert ended.code in (3, 4)
    assert 0 < billed(url) <= Decimal("0.004")


def test_refusals_cost_nothing(bench: Any, serve: Serve):
    bench.words(2, models="haiku")
    calls: list[int] = []

    def behave(asked: Asked) -> bytes:
        calls.append(asked.number)
        return http(error("overloaded_error"), 529) if len(calls) < 4 else http(message("word0"))

    ended = bench.run(access(serve(behave).url), budget=Decimal("0.001"))
    assert (ended.stopped, len(ended.results)) == (None, 2)


def test_a_budget_that_suffices_changes_nothing(bench: Any, simulate: Simulate):
    bench.words(20)
    url = simulate(str(bench.folder / "words.yaml"))
    ended = bench.run(access(url), budget=Decimal(1))
    assert (ended.stopped, ended.outcomes["passed"]) == (None, 30)


def test_a_budget_below_the_first_request_says_what_that_may_cost(bench: Any, simulate: Simulate):
    bench.words(2, models="haiku")
    url = simulate(str(bench.folder / "words.yaml"))
    ended = bench.run(access(url), budget=Decimal("0.0001"))
    assert ended.code == 4
    assert "below the first request: a request to claude-haiku" in str(ended.stopped)
    assert "may cost up to $0.000" in str(ended.stopped)
    assert billed(url) == 0


@pytest.mark.parametrize(("mode", "budget"), [("live", "0.002"), ("batch", "0.001")])
def test_a_run_goes_on_with_a_larger_budget_which_counts_what_was_spent(
    bench: Any, simulate: Simulate, mode: str, budget: str
):
    bench.words(60)
    url = simulate(str(bench.folder / "words.yaml"), "--batch-seconds", "0.1")
    asked = {"mode": mode, "poll_s": 0.05}
    first = bench.run(access(url), budget=Decimal(budget), **asked)
    again = first.comparison.run.id
    same = bench.run(access(url), run_id=again, budget=Decimal(budget), **asked)
    assert (first.code, same.code) == (4, 4)
    assert 0 < billed(url) <= Decimal(budget)
    last = bench.run(access(url), run_id=again, budget=Decimal(1), **asked)
    assert (last.stopped, len(last.results)) == (None, 120)


def test_a_wave_sends_what_fits_and_the_rest_when_it_has_settled(bench: Any, simulate: Simulate):
    bench.words(60, models="haiku")
    url = simulate(str(bench.folder / "words.yaml"), "--batch-seconds", "0.1")
    ended = bench.run(access(url), mode="batch", poll_s=0.05, budget=Decimal("0.004"))
    assert (ended.stopped, len(ended.results)) == (None, 60)
    assert len(ended.comparison.batches) > 1
    assert billed(url) <= Decimal("0.004")


def test_a_batch_that_is_under_way_is_counted_by_the_process_that_goes_on(
    bench: Any, simulate: Simulate
):
    bench.words(60, models="haiku")
    url = simulate(str(bench.folder / "words.yaml"), "--batch-seconds", "0.6")
    asked = {"mode": "batch", "poll_s": 0.1, "budget": Decimal("0.004")}
    first = bench.run(access(url), wait=False, **asked)
    assert first.code == 5
    again = bench.run(access(url), run_id=first.comparison.run.id, **asked)
    assert (again.stopped, len(again.results)) == (None, 60)
    assert billed(url) <= Decimal("0.004")


def test_a_run_that_was_killed_counts_what_was_under_way(bench: Any, simulate: Simulate):
    bench.words(80)
    url = simulate(str(bench.folder / "words.yaml"), "--latency", "0.2")
    budget = "0.012"
    begun = subprocess.Popen(
        [sys.executable, "-m", "harness", "run", "words.yaml", "--budget", budget, "--concurrency",
         "10", "-q", "--store", "store.db"],
        cwd=bench.folder, env={**os.environ, **access(url)},
    )  # fmt: skip
    while begun.poll() is None and not billed(url):
        time.sleep(0.02)
    begun.kill()
    begun.wait()
    store = Store(f"sqlite:///{bench.folder}/store.db")
    known = store.run("latest").id
    store.close()
    ended = bench.run(access(url), run_id=known, budget=Decimal(budget), concurrency=10)
    assert ended.code in (0, 4)
    assert billed(url) <= Decimal(budget)


def test_a_model_without_a_price_is_refused_before_anything_is_sent(bench: Any, simulate: Simulate):
    bench.words(2, models="claude-unheard-of")
    url = simulate(str(bench.folder / "words.yaml"))
    with pytest.raises(UsageError, match="no price is known of claude-unheard-of"):
        bench.run(access(url), budget=Decimal(1))
    assert billed(url) == 0


TALK = """
suite: talk
models: [haiku]
params: {max_tokens: 20}
turns: [{user: "First {{ n }}"}, {user: "Second {{ n }}"}, {user: "Third {{ n }}"}]
graders: [{contains: word}]
cases:
"""


def test_a_budget_buys_whole_conversations(bench: Any, serve: Serve):
    cases = [f"  - {{id: c{n}, vars: {{n: {n}}}}}" for n in range(100)]
    bench.write("talk.yaml", TALK + "\n".join(cases))
    api = serve(lambda _asked: http(message("word")))
    ended = bench.run(access(api.url), "talk.yaml", budget=Decimal("0.005"), concurrency=100)
    assert ended.code == 4
    assert ended.outcomes["passed"] > 20
    assert len(api.asked) < 3 * ended.outcomes["passed"] + 6


def test_what_was_asked_live_before_a_batch_is_counted_once(bench: Any, simulate: Simulate):
    bench.words(2, models="haiku")
    url = simulate(str(bench.folder / "words.yaml"), "--batch-seconds", "0.3")
    asked = {"mode": "batch", "poll_s": 0.05, "budget": Decimal(1)}
    first = bench.run(access(url), wait=False, dry_run_first=True, **asked)
    assert first.code == 5
    again = bench.run(access(url), run_id=first.comparison.run.id, **asked)
    store = Store(f"sqlite:///{bench.folder}/store.db")
    noted = purse.noted(store, again.comparison.run.id)
    store.close()
    assert noted == billed(url) > 0


def test_batches_within_a_budget_end_the_trials_that_they_begin(bench: Any, simulate: Simulate):
    cases = [f"  - {{id: c{n}, vars: {{n: {n}}}}}" for n in range(40)]
    bench.write("talk.yaml", TALK + "\n".join(cases))
    url = simulate("--batch-seconds", "0.05")
    asked = {"mode": "batch", "poll_s": 0.02, "budget": Decimal("0.004")}
    ended = bench.run(access(url), "talk.yaml", **asked)
    assert ended.code == 4
    assert 5 < len(ended.results) < 40
    assert len(answered(url)) == 3 * len(ended.results)
    assert billed(url) <= Decimal("0.004")


def test_batches_send_nothing_where_there_is_no_room_for_one_whole_trial(
    bench: Any, simulate: Simulate
):
    bench.write("talk.yaml", TALK + "  - {id: c, vars: {n: 1}}")
    url = simulate()
    asked = {"mode": "batch", "poll_s": 0.02, "budget": Decimal("0.0004")}
    ended = bench.run(access(url), "talk.yaml", dry_run_first=True, **asked)
    assert ended.code == 4
    assert "no room for one whole trial: a request to claude-haiku" in str(ended.stopped)
    assert answered(url) == []


def test_what_a_stopped_run_has_paid_is_what_was_billed(bench: Any, simulate: Simulate):
    bench.words(150)
    url = simulate(str(bench.folder / "words.yaml"))
    ended = bench.run(access(url), concurrency=100, budget=Decimal("0.003"))
    assert ended.comparison.run.paid is not None
    assert ended.comparison.run.paid.total == billed(url)


def test_attempts_that_broke_off_are_noted_without_a_budget_too(bench: Any, serve: Serve):
    bench.words(3, models="haiku")
    api = serve(lambda asked: http(message("word0")) if asked.number else b"")
    bench.run(access(api.url))
    store = Store(f"sqlite:///{bench.folder}/store.db")
    lost = [(loss.attempts, loss.usd) for loss in losses(store)]
    store.close()
    assert [attempts for attempts, _ in lost] == [1]
    assert 0 < (lost[0][1] or 0) < FIRST
