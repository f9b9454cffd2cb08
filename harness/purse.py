"""What a run has spent before, out of the store: a budget counts it when the run goes on.

With `store`, `journal` and `wanted` a user of SQLAlchemy. What a run may have spent is kept beside
its answers, since an attempt that broke off may have been billed and left no answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

import sqlalchemy as sa

from harness.budget import Budget, Purse
from harness.errors import BudgetError, UsageError
from harness.forecast import judges
from harness.forecast.bounds import Size, dearest, worst_case
from harness.losses import Losses
from harness.models import Registry
from harness.paid import answers_of
from harness.pricing import bill
from harness.records import Bill, Candidate, Request
from harness.store import Store
from harness.suite import Suite
from harness.tables import meta


def opened(store: Store, run: str, limit: Decimal | None, registry: Registry) -> Purse | None:
    """The purse of a run that begins or goes on, `None` without a limit.

    Raises BudgetError where the costs of its earlier answers are unknown.
    """
    if limit is None:
        return None
    answered = spent(store, run, registry)
    others = noted(store, run)
    note = partial(keep, store, run, secrets.token_hex(4), others)
    return Purse(
        Budget(limit, max(answered, others), note),
        partial(_most, registry=registry, batch=False),
        partial(_most, registry=registry, batch=True),
        partial(bill, registry=registry),
        answered,
        broken_off(store, run, registry),
    )


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
    total = Decimal(0)
    for answer in answers_of(store, run):
        cost = bill(answer, registry).total
        if cost is None:
            raise BudgetError(
                f"run {run} has an answer of {answer.model} with no known price, and a budget "
                "counts what was spent; name the price with --models-file"
            )
        total += cost
    return total


def paid_by(store: Store, run: str, registry: Registry) -> Bill:
    """What the run has paid for, the answers of trials that have not ended included."""
    return sum((bill(answer, registry) for answer in answers_of(store, run)), Bill())


def noted(store: Store, run: str) -> Decimal:
    """Dollars that the run may have spent when it was last heard of; 0 where it had no budget."""
    name = _name(run)
    own = (meta.c.name == name) | meta.c.name.startswith(f"{name} ", autoescape=True)
    with store.errors(), store.engine.connect() as connection:
        found = connection.execute(sa.select(meta.c.value).where(own))
        return sum((Decimal(value) for (value,) in found), Decimal(0))


def keep(store: Store, run: str, process: str, others: Decimal, amount: Decimal) -> None:
    """Note that the run may have spent so much, of which `others` was noted before.

    A line for each process: where two are at it, neither takes back what the other has noted.
    """
    value = f"{amount - others:f}"
    insert = store.insert(meta).values(name=f"{_name(run)} {process}", value=value)
    insert = insert.on_conflict_do_update(index_elements=[meta.c.name], set_={"value": value})
    with store.errors(), store.engine.begin() as connection:
        connection.execute(insert)


def _name(run: str) -> str:
    return f"budget {run[:30]}"
