"""A budget: what is spent and promised never exceeds it, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import purse
from harness.budget import LAST, Budget, depth, exactly, usd
from harness.errors import (
    AnswerMissingError,
    BudgetError,
    RunStoppedError,
    StoreError,
    UsageError,
)
from harness.models.table import load_registry
from harness.records import Answer, Request, Usage
from harness.store import Entry, Store
from harness.tables import meta
from harness.tabs import on_a_tab

ONE = Decimal(1)


def played(use: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with asyncio.timeout(10):
            return await use()

    return asyncio.run(main())


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 100)), min_size=1, max_size=40),
    st.integers(1, 300),
)
def test_nothing_ever_exceeds_the_limit(requests: list[tuple[int, int]], limit: int):
    budget, highest = Budget(Decimal(limit)), [Decimal(0)]

    async def ask(worst: int, percent: int) -> None:
        promise = await budget.reserve(Decimal(worst), "a request")
        budget.send(promise)
        highest.append(budget.committed)
        for _ in range(percent % 7):
            await asyncio.sleep(0)
        budget.settle(promise, Decimal(worst * percent) / 100)

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(ask(*r) for r in requests), return_exceptions=True)

    ended = played(all_of_them)
    assert max(highest) <= limit
    assert budget.committed == budget.spent
    assert all(error is None or isinstance(error, BudgetError) for error in ended)


def test_a_request_that_does_not_fit_waits_for_one_under_way():
    budget, told = Budget(ONE), list[str]()

    async def second() -> None:
        await budget.reserve(ONE, "the second")
        told.append("second")

    async def both() -> None:
        first = await budget.reserve(ONE, "the first")
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.01)
        told.append("first")
        budget.settle(first, Decimal(0))
        await waiting

    played(both)
    assert told == ["first", "second"]


def test_a_request_that_can_never_fit_is_refused_when_nothing_is_under_way():
    budget = Budget(ONE)

    async def use() -> None:
        first = await budget.reserve(ONE, "the first")
        waiting = asyncio.create_task(budget.reserve(ONE, "the second"))
        await asyncio.sleep(0)
        budget.send(first)
        budget.settle(first, Decimal("0.25"))
        with pytest.raises(BudgetError, match=r"\$0\.25 is spent .* the second may cost up to \$1"):
            await waiting

    played(use)


def test_a_budget_below_the_first_request_says_what_it_may_cost():
    with pytest.raises(BudgetError, match=r"\$1\.00 is below the first request: it may cost up to"):
        played(lambda: Budget(ONE).reserve(Decimal(2), "it"))


def test_the_first_request_that_is_named_is_the_dearest_of_those_that_ask():
    budget, told = Budget(ONE), list[str]()
    asked = [trial(budget, [amount], told, amount) for amount in ("2", "4", "3")]
    for error in ended(budget, asked):
        assert "4 may cost up to $4.00 (the dearest of 3 that are known)" in str(error)


def test_a_first_trial_that_does_not_fit_says_what_all_of_it_may_cost():
    error = Budget(ONE).refused(Decimal("0.5"), "it", Decimal(2), 1)
    assert "$1.00 has no room for one whole trial: it may cost up to $0.50 and the rest of its" in (
        str(error)
    )
    assert "trial $2.00, $2.50 in all; raise --budget" in str(error)


def test_while_a_batch_is_under_way_a_request_that_does_not_fit_is_missing():
    budget = Budget(ONE)
    budget.set_aside("a", ONE)
    with pytest.raises(AnswerMissingError, match="promised to batches"):
        played(lambda: budget.reserve(ONE, "it"))


def test_an_attempt_that_was_never_sent_costs_nothing():
    budget = Budget(ONE)

    async def use() -> None:
        budget.settle(await budget.reserve(ONE, "it"), ONE)

    played(use)
    assert budget.spent == budget.committed == 0


def test_a_stopped_budget_lets_nobody_wait():
    budget = Budget(ONE)

    async def use() -> None:
        await budget.reserve(ONE, "the first")
        waiting = asyncio.create_task(budget.reserve(ONE, "the second"))
        await asyncio.sleep(0)
        budget.stop()
        with pytest.raises(RunStoppedError):
            await waiting

    played(use)


def test_a_cancelled_request_gives_its_promise_back():
    budget = Budget(ONE)

    async def use() -> None:
        first = await budget.reserve(ONE, "the first")
        waiting = asyncio.create_task(budget.reserve(ONE, "the second"))
        await asyncio.sleep(0)
        budget.settle(first, Decimal(0))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    played(use)
    assert budget.committed == 0


def test_a_store_that_cannot_be_told_of_less_keeps_the_more():
    noted: list[Decimal] = []

    def note(amount: Decimal) -> None:
        noted.append(amount)
        if amount < max(noted):
            raise StoreError("the disk is full")

    budget = Budget(ONE, note=note)
    budget.set_aside("a", ONE)
    budget.paid("a", Decimal("0.25"))
    assert (budget.spent, len(noted)) == (Decimal("0.25"), 2)


def test_what_may_be_billed_is_noted_before_it_is_sent():
    notes: list[Decimal] = []
    budget = Budget(Decimal(100), note=notes.append)

    async def use() -> None:
        for worst in range(1, 9):
            budget.send(await budget.reserve(Decimal(worst), "it"))
            assert max(notes) >= budget.billable

    played(use)


def test_a_wave_pays_for_what_was_answered_only():
    budget = Budget(ONE)
    assert budget.set_aside("a", Decimal("0.6"))
    assert not budget.set_aside("b", Decimal("0.6"))
    budget.paid("a", Decimal("0.1"))
    assert budget.set_aside("b", Decimal("0.6"))
    budget.release(["b"])
    assert budget.committed == Decimal("0.1")


@pytest.mark.parametrize(
    ("text", "amount"), [("5", "5"), ("$0.50", "0.5"), (" 1e-3 ", "0.001")], ids=str
)
def test_dollars_are_read(text: str, amount: str):
    assert usd(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "0", "-1", "five", "NaN", "inf", "1e12", "1,50"])
def test_what_is_no_budget_is_refused(text: str):
    with pytest.raises(UsageError, match="is no budget; write dollars above 0"):
        usd(text)


def test_dollars_are_written_with_every_digit():
    assert [exactly(Decimal(d)) for d in ("5", "0.00125", "1200")] == [
        "$5.00", "$0.00125", "$1,200.00",
    ]  # fmt: skip


def test_what_a_run_may_have_spent_is_kept_with_its_answers(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path}/s.db")
    purse.keep(store, "r", "one", Decimal(0), Decimal("0.5"))
    purse.keep(store, "r", "one", Decimal(0), Decimal("1.25"))
    purse.keep(store, "r2", "two", Decimal(0), Decimal(9))
    opened = purse.opened(store, "r", Decimal(2), load_registry())
    store.close()
    assert opened is not None
    assert (opened.budget.spent, opened.budget.left) == (Decimal("1.25"), Decimal("0.75"))


def test_two_processes_at_one_run_do_not_take_back_each_others_notes(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path}/s.db")
    purse.keep(store, "r", "before", Decimal(0), ONE)
    for process, amount in (("one", "1.50"), ("two", "1.25"), ("one", "1.75")):
        purse.keep(store, "r", process, ONE, Decimal(amount))
    noted = purse.noted(store, "r")
    store.close()
    assert noted == Decimal("2.00")


def test_what_an_earlier_version_has_noted_counts_too(store: Store):
    run = "r" * 40
    with store.engine.begin() as connection:
        for name in (f"budget {run[:30]}", f"budget {run[:30]} 0a1b", "budget r"):
            connection.execute(meta.insert().values(name=name, value="0.25"))
    purse.keep(store, run, "one", Decimal("0.5"), Decimal("0.75"))
    assert purse.noted(store, run) == Decimal("0.75")


def trial_of(candidate: str) -> Any:
    """What stands for a trial of this candidate."""
    return SimpleNamespace(
        suite=SimpleNamespace(name="s"), candidate=SimpleNamespace(name=candidate)
    )


def trial(
    budget: Budget, amounts: Sequence[str], told: list[str], name: str, *, delay: float = 0.0,
    kind: str = "",
) -> Awaitable[None]:  # fmt: skip
    """A trial that asks for these amounts one after another, and pays all of each."""

    async def ask() -> None:
        with on_a_tab(trial_of(kind)):
            for number, amount in enumerate(amounts):
                promise = await budget.reserve(Decimal(amount), name, number)
                budget.send(promise)
                await asyncio.sleep(0)
                told.append(f"{name}{number}")
                budget.settle(promise, Decimal(amount))
                await asyncio.sleep(delay)

    return ask()


def ended(budget: Budget, asked: Sequence[Awaitable[Any]]) -> list[Any]:
    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*asked, return_exceptions=True)

    said: list[Any] = played(all_of_them)
    return said


def test_a_trial_that_has_begun_goes_before_others():
    budget, told = Budget(Decimal(5)), list[str]()
    trials = [trial(budget, ["1", "1"], told, name) for name in "ab"]
    ended(budget, trials)
    assert told == ["a0", "a1", "b0", "b1"]


def test_what_is_deeper_into_its_trial_goes_first():
    budget, told = Budget(ONE), list[str]()

    async def ask(name: str, depth: int) -> None:
        promise = await budget.reserve(ONE, name, depth)
        told.append(name)
        await asyncio.sleep(0)
        budget.settle(promise, Decimal(0))

    ended(budget, [ask("first", 0), ask("new", 0), ask("second turn", 1), ask("judge", LAST)])
    assert told == ["first", "judge", "second turn", "new"]


@pytest.mark.parametrize("amounts", [["1"] * 3, ["0.1", "3"], ["3", "0.1"]], ids=str)
def test_a_budget_buys_whole_trials(amounts: list[str]):
    budget, told = Budget(Decimal(100)), list[str]()
    said = ended(budget, [trial(budget, amounts, told, f"t{n}-") for n in range(200)])
    assert sum(error is None for error in said) >= 31  # of 33, 32 and 32 that it could pay for
    assert budget.spent <= 100


def test_a_trial_that_does_not_fit_says_what_its_rest_may_cost():
    budget, told = Budget(Decimal(5)), list[str]()
    first, second = ended(budget, [trial(budget, ["1", "2"], told, name) for name in "ab"])
    assert first is None
    assert "b may cost up to $1.00 and the rest of its trial $2.00" in str(second)


def test_what_the_trials_of_one_candidate_need_is_not_held_for_those_of_another():
    budget, told = Budget(Decimal(5)), list[str]()
    asked = [
        trial(budget, ["1", "2"], told, "a", kind="opus"),
        trial(budget, ["2"], told, "b", kind="haiku"),
        trial(budget, ["1"], told, "c", kind="opus"),
    ]
    assert [str(error) for error in ended(budget, asked)[:2]] == ["None", "None"]
    assert told == ["a0", "a1", "b0"]


def test_what_is_sent_again_is_no_part_of_what_a_trial_needs():
    budget = Budget(Decimal(6))

    async def ask(*attempts: int) -> None:
        with on_a_tab():
            for number, real in enumerate(attempts):
                promise = await budget.reserve(Decimal(2), "it", again=number > 0)
                budget.send(promise)
                budget.settle(promise, Decimal(real))

    assert ended(budget, [ask(2, 2), ask(2)]) == [None, None]


def test_a_trial_needs_what_it_takes_at_once_and_not_the_sum_of_its_worst_cases():
    budget = Budget(Decimal(20))

    async def cheap_turns() -> None:
        with on_a_tab():
            for number in range(6):
                promise = await budget.reserve(Decimal(2), "turn", number)
                budget.send(promise)
                budget.settle(promise, Decimal("0.1"))

    assert ended(budget, [cheap_turns()]) == [None]
    assert budget._tabs.rest == {"": Decimal("2.4")}


def test_whoever_is_refused_is_told_of_the_one_whose_turn_it_was():
    budget, told = Budget(Decimal(4)), list[str]()
    dear = trial(budget, ["1", "9"], told, "dear")
    error, _other = ended(budget, [dear, trial(budget, ["1", "1"], told, "b")])
    assert "dear may cost up to $9.00" in str(error)


def test_a_trial_that_only_waits_for_another_does_not_keep_it_from_money_for_ever():
    budget, told = Budget(Decimal(4), patience_s=0.01), list[str]()
    asked = asyncio.Event()

    async def waits() -> None:
        await trial(budget, ["1", "1"], told, "learned")
        with on_a_tab():
            budget.settle(await budget.reserve(ONE, "a"), ONE)
            await asked.wait()

    async def is_waited_for() -> None:
        await asyncio.sleep(0.01)
        await trial(budget, ["1"], told, "b")
        asked.set()

    assert ended(budget, [waits(), is_waited_for()]) == [None, None]


def test_a_trial_between_two_requests_is_given_time_before_others_are_refused():
    budget, told = Budget(Decimal(2)), list[str]()
    slow = trial(budget, ["1", "1"], told, "a", delay=0.02)
    first, second = ended(budget, [slow, trial(budget, ["2"], told, "b")])
    assert first is None
    assert isinstance(second, BudgetError)


@pytest.mark.parametrize(
    ("purpose", "roles", "depth_"),
    [("answer", "u", 0), ("answer", "uau", 1), ("judge", "u", LAST), ("rival", "u", LAST)],
)
def test_the_depth_of_a_request(purpose: Any, roles: str, depth_: int):
    names = {"u": "user", "a": "assistant"}
    messages = [{"role": names[role], "content": "x"} for role in roles]
    assert depth(Request({"messages": messages}, "v", purpose=purpose)) == depth_


def test_a_shuffled_crowd_spends_all_it_can():
    budget, random = Budget(Decimal(10)), Random(1)
    worst = [Decimal(random.randint(1, 30)) / 10 for _ in range(100)]

    async def ask(amount: Decimal) -> None:
        promise = await budget.reserve(amount, "it")
        budget.send(promise)
        await asyncio.sleep(0)
        budget.settle(promise, amount / 2)

    async def crowd() -> list[Any]:
        return await asyncio.gather(*map(ask, worst), return_exceptions=True)

    played(crowd)
    assert Decimal(10) - max(worst) < budget.spent <= 10


def kept(store: Store, key: str, run: str, model: str, said: str = "msg_1") -> None:
    answer = Answer(
        (), model, "end_turn", Usage(1_000_000), datetime(2026, 11, 20, tzinfo=UTC), id=said
    )
    store.exchange([], [Entry(key, Request({"model": model}, "v"), answer, run)])


SONNET = "claude-sonnet-4-6"  # $3 a million in


def test_what_a_run_paid_for_counts_answers_that_no_trial_has_used(store: Store):
    for run, key in (("r", "a"), ("r", "b"), ("other", "c")):
        kept(store, key, run, SONNET)
    paid = purse.paid_by(store, "r", load_registry())
    assert (paid.total, paid.at_batch_prices) == (Decimal(6), Decimal(3))


def test_an_answer_that_two_runs_have_paid_for_is_spent_by_both(store: Store):
    kept(store, "a", "r1", SONNET)
    kept(store, "a", "r2", SONNET, "msg_2")
    spent = [purse.spent(store, run, load_registry()) for run in ("r1", "r2", "r3")]
    assert spent == [3, 3, 0]


def test_answers_whose_cost_is_unknown_can_be_under_no_budget(store: Store):
    for key, model in (("a", SONNET), ("b", "claude-new"), ("c", "claude-newer")):
        kept(store, key, "r", model)
    with pytest.raises(BudgetError, match="answers of claude-new, claude-newer with no known"):
        purse.opened(store, "r", ONE, load_registry())
