"""What a budget counts: what a run has spent before, out of the store, and what trials may need.

What a run may have spent is kept beside its answers, since an attempt that broke off may have been
billed and gave no answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import sqlalchemy as sa

from harness.budget import Budget, Purse
from harness.errors import BudgetError, UsageError
from harness.forecast import judges
from harness.forecast.bounds import Size, dearest, worst_case
from harness.forecast.foreseen import Ask
from harness.forecast.history import History
from harness.forecast.scripted import Calls, Group
from harness.losses import Losses, note, notes
from harness.models import Registry
from harness.paid import answers_of
from harness.pricing import bill
from harness.records import Bill, Candidate, Request
from harness.store import Store
from harness.suite import Suite
from harness.tables import meta, tables
from harness.tabs import Rest

budgets = sa.Table(
    "harness_budgets",
    tables,
    sa.Column("run", sa.String(64), primary_key=True),
    sa.Column("process", sa.String(16), primary_key=True),
    sa.Column("usd", sa.Text, nullable=False),
)
"""What each process at a run may have spent at most, beyond what was noted when it began."""


def opened(store: Store, run: str, limit: Decimal | None, registry: Registry) -> Purse | None:
    """The purse of a run that begins or goes on, `None` without a limit.

    Raises BudgetError where the costs of its earlier answers are unknown.
    """
    if limit is None:
        return None
    answered = spent(store, run, registry)
    others = noted(store, run)
    noting = partial(keep, store, run, secrets.token_hex(4), others)
    return Purse(
        Budget(limit, max(answered, others), noting),
        partial(_most, registry=registry, batch=False),
        partial(_most, registry=registry, batch=True),
        partial(bill, registry=registry),
        answered,
        Foresight(registry).rest,
    )


class Foresight:
    """What a trial may need in batches after a request, by its script."""

    def __init__(self, registry: Registry) -> None:
        self.registry, self.calls = registry, Calls(registry, History())

    def rest(self, trial: Any, request: Request) -> Rest:
        """Its later turns, one round of tools, and its judges, each at its worst.

        Nothing where a judge asks, who comes last, and for an eval in Python, which may ask for
        anything. A judge that only rendering tells is not in it.
        """
        if request.purpose != "answer":
            return Rest(begun=True)
        group, turn = Group([trial]), _turn(trial, request)
        asks_once = group.turns == 1 and not group.rounds and not judges.may_ask_any(trial.script)
        if asks_once or trial.suite.program is not None:
            return Rest(begun=turn > 1)
        later = (
            self._worst(ask)
            for ask in self.calls.of_trial(group, request)
            if not 0 < ask.turn <= turn
        )
        alike = trial.suite.name, trial.candidate.name
        return Rest(sum(later, Decimal(0)), turn > 1, alike)

    def _worst(self, ask: Ask) -> Decimal:
        if ask.model is None:
            return Decimal(0)
        today = datetime.now(UTC).date()
        worst = dearest(ask.most, ask.model, self.registry, today, batch=True)
        return (worst or Decimal(0)) * ask.calls


def _turn(trial: Any, request: Request) -> int:
    """Which turn of its script a trial asks with the request; with a given history, the first.

    What tools reply opens none.
    """
    if trial.script.messages is not None:
        return 1
    said = [m["content"] for m in request.params["messages"] if m["role"] == "user"]
    return sum(1 for content in said if not _replies(content))


def _replies(content: Any) -> bool:
    return isinstance(content, list) and all(b.get("type") == "tool_result" for b in content)


def broken_off(store: Store, run: str, registry: Registry) -> Callable[[Request], None]:
    """What notes an attempt of a run that broke off, and may be on the bill."""
    return Losses(store, run, partial(_most, registry=registry, batch=False)).add


def require_prices(
    candidates: Iterable[Candidate], suites: Iterable[Suite], registry: Registry, today: date
) -> None:
    """Raise UsageError where a model that answers or judges has no known price."""
    models = {each.model: registry.resolve(each.model) for each in candidates}
    models |= judges.models(suites, registry)
    least = Size(1, 1)
    unknown = [m for m in models if dearest(least, models[m], registry, today) is None]
    if unknown:
        raise UsageError(
            f"no price is known of {', '.join(unknown)}, and --budget needs one of every model "
            "that answers or judges; name it in a table with --models-file, or leave --budget out"
        )


def _most(request: Request, *, registry: Registry, batch: bool) -> Decimal | None:
    return worst_case(request, registry, datetime.now(UTC).date(), batch=batch)


def spent(store: Store, run: str, registry: Registry) -> Decimal:
    """Dollars of the answers that the run has paid for; raises BudgetError for an unknown price."""
    total = paid_by(store, run, registry).total
    if total is None:
        unpriced = {a.model for a in answers_of(store, run) if bill(a, registry).total is None}
        raise BudgetError(
            f"run {run} has answers of {', '.join(sorted(unpriced))} with no known price, and a "
            "budget counts what was spent; name the price with --models-file"
        )
    return total


def paid_by(store: Store, run: str, registry: Registry) -> Bill:
    """What the run has paid for, the answers of trials that have not ended included."""
    return sum((bill(answer, registry) for answer in answers_of(store, run)), Bill())


def noted(store: Store, run: str) -> Decimal:
    """Dollars that the run may have spent when it was last heard of; 0 where it had no budget."""
    amounts = [row.usd for row in notes(store, budgets, budgets.c.run == run)]
    # Stores of earlier versions have them among the facts about the store.
    name = f"budget {run[:30]}"
    own = (meta.c.name == name) | meta.c.name.startswith(f"{name} ", autoescape=True)
    amounts += [row.value for row in notes(store, meta, own)]
    return sum(map(Decimal, amounts), Decimal(0))


def keep(store: Store, run: str, process: str, others: Decimal, amount: Decimal) -> None:
    """Note that the run may have spent so much, of which `others` was noted before.

    A row for each process: where two are at it, neither takes back what the other has noted.
    """
    note(store, budgets, {"run": run, "process": process, "usd": f"{amount - others:f}"})
