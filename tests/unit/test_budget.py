"""A budget: what is spent and promised never exceeds it, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import purse
from harness.backends.budgeted import may_be_billed
from harness.backends.wire import Fault
from harness.budget import Budget, exactly, usd
from harness.errors import AnswerMissingError, BudgetError, RunStoppedError, UsageError
from harness.model_table import load_registry
from harness.store import Store

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


@pytest.mark.parametrize(
    ("kind", "reason", "billed"),
    [
        ("timeout", "no complete answer within 600 s", True),
        ("malformed_response", "cannot be read", True),
        ("connection_error", "connection failed: ServerDisconnectedError", True),
        ("connection_error", "connection failed: ClientConnectorError: refused", False),
        ("connection_error", "no connection within 10 s", False),
        ("http_504", "504", True),
        ("http_404", "404", False),
        ("rate_limit_error", "429", False),
        ("overloaded_error", "529", False),
    ],
)
def test_what_may_be_billed(kind: str, reason: str, billed: bool):
    assert may_be_billed(Fault(kind, reason)) is billed


def test_what_a_run_may_have_spent_is_kept_with_its_answers(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path}/s.db")
    purse.keep(store, "r", Decimal("0.5"))
    purse.keep(store, "r", Decimal("1.25"))
    opened = purse.opened(store, "r", Decimal(2), load_registry())
    store.close()
    assert opened is not None
    assert (opened.budget.spent, opened.budget.left) == (Decimal("1.25"), Decimal("0.75"))


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
