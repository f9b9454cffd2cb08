"""What was spent: every answer in a store once, at the rates of its day, and what was saved.

Simulated answers are summed apart. An unknown price makes a sum unknown, and is counted.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any, NamedTuple

from harness.analysis.spent import By, Spending, batched
from harness.confirming import rows_of
from harness.losses import Loss, losses
from harness.models import Registry
from harness.paid import Paid, paid, paid_beside, purposes, runs_in, uses
from harness.pricing import bill
from harness.records import Answer, Bill, Purpose
from harness.store import Store

IN_NO_RESULT = "(no result)"
BY_NO_RUN = "(no run)"
NO_ANSWER = "(no answer)"
AT_ONCE = 500


def saved_by_cache(answer: Answer, billed: Bill, registry: Registry) -> Decimal | None:
    """Live dollars that the same prompt would have cost more without the cache; may be below 0."""
    usage = answer.usage
    if not (
        usage.cache_read_input_tokens
        or usage.cache_write_5m_input_tokens
        or usage.cache_write_1h_input_tokens
    ):
        return None if usage.prompt_tokens is None else Decimal(0)
    plain = replace(
        usage,
        input_tokens=usage.prompt_tokens,
        cache_read_input_tokens=0,
        cache_write_5m_input_tokens=0,
        cache_write_1h_input_tokens=0,
    )
    uncached = bill(replace(answer, usage=plain), registry).at_live_prices
    if uncached is None or billed.at_live_prices is None:
        return None
    return uncached - billed.at_live_prices


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `since` to `until`, both included, UTC; `None` is without end."""

    since: date | None = None
    until: date | None = None

    def holds(self, day: date) -> bool:
        """The day is one of them."""
        return (self.since or date.min) <= day <= (self.until or date.max)


def spending(
    store: Store, registry: Registry, by: By = "model", span: Span | None = None
) -> Spending:
    """What the answers of these days cost, and the reuses by runs that began on them.

    One pass over the results and one over the answers; what joins the two is on disk. An answer
    counts under the suite of the first result that uses it, by the start of runs and the order of
    their trials; one that two processes have both paid for counts twice. Attempts that broke off
    have no suite or model.
    """
    found, days = Spending(by), span or Span()
    with _Index() as index:
        index.read(store, days)
        for answers in (paid(store), paid_beside(store)):
            while some := list(islice(answers, AT_ONCE)):
                _add(found, index, store, some, registry, days)
            index.forget_reuses()  # what lies beside is never used
    _add_losses(found, [loss for loss in losses(store) if days.holds(loss.day)], store)
    return found


def _add_losses(found: Spending, lost: list[Loss], store: Store) -> None:
    simulated = {run.id for run in runs_in(store) if run.simulated} if lost else set()
    for loss in lost:
        names = {"run": loss.run, "day": loss.day.isoformat(), "mode": "live"}
        group = found.group(names.get(found.by, NO_ANSWER), simulated=loss.run in simulated)
        group.lose(loss.attempts, loss.usd)


def _add(
    found: Spending, index: _Index, store: Store, some: list[Paid], registry: Registry, days: Span
) -> None:
    keys = [one.key for one in some]
    first, again = index.first(keys), index.again(keys)
    unknown = [k for k in keys if k not in first]
    asked = purposes(store, unknown) if unknown else {}
    for one in some:
        answer = one.answer
        on = _day(answer.answered_at)
        reuses = again.get(one.key, [])
        if not (days.holds(on) or reuses):
            continue
        billed = bill(answer, registry)
        if days.holds(on):
            use = first.get(one.key) or _First(IN_NO_RESULT, asked.get(one.key, "answer"))
            name = _name(found.by, answer, on, use.suite, one.run)
            spent = found.group(name, simulated=answer.simulated)
            spent.pay(answer, billed, saved_by_cache(answer, billed, registry), use.purpose)
        for reuse in reuses:
            name = _name(found.by, answer, reuse.day, reuse.suite, reuse.run)
            found.group(name, simulated=answer.simulated).reuse(reuse.times, billed)


def _name(by: By, answer: Answer, day: date, suite: str, run: str) -> str:
    names = {
        "suite": suite,
        "model": answer.model,
        "day": day.isoformat(),
        "mode": "batch" if batched(answer) else "live",
        "run": run or BY_NO_RUN,
    }
    return names[by]


def _day(moment: datetime) -> date:
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


class _First(NamedTuple):
    """The first use of an answer."""

    suite: str
    purpose: Purpose


class _Again(NamedTuple):
    """How often a suite of a run used an answer that was stored already."""

    run: str
    day: date
    suite: str
    times: int


class _Index(contextlib.AbstractContextManager["_Index"]):
    """Which results use which answers: in a temporary file, since a store may be large."""

    def __init__(self) -> None:
        self.database = sqlite3.connect("")
        self.database.execute("CREATE TABLE first (key PRIMARY KEY, suite, purpose) WITHOUT ROWID")
        self.database.execute(
            "CREATE TABLE again (key, run, day, suite, times, PRIMARY KEY (key, run, suite)) "
            "WITHOUT ROWID"
        )

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def read(self, store: Store, days: Span) -> None:
        """Take in the results of every run; of reuses, those by runs that began on the days."""
        for run in runs_in(store):
            day = _day(run.started_at)
            sides = (run.id, rows_of(run.id, "now"), rows_of(run.id, "before"))
            of_run = chain.from_iterable(uses(store, rows) for rows in sides)
            while some := list(islice(of_run, AT_ONCE)):
                self.database.executemany(
                    "INSERT OR IGNORE INTO first VALUES (?, ?, ?)",
                    [(use.key, use.suite, use.purpose) for use in some],
                )
                if days.holds(day):
                    self.database.executemany(
                        "INSERT INTO again VALUES (?, ?, ?, ?, 1) "
                        "ON CONFLICT DO UPDATE SET times = times + 1",
                        [
                            (use.key, run.id, day.isoformat(), use.suite)
                            for use in some
                            if use.reused
                        ],
                    )

    def first(self, keys: list[str]) -> dict[str, _First]:
        """The first use of each answer that has one."""
        rows = self._of(keys, "SELECT key, suite, purpose FROM first")
        return {key: _First(suite, purpose) for key, suite, purpose in rows}

    def again(self, keys: list[str]) -> dict[str, list[_Again]]:
        """The reuses of each answer that has any."""
        found: dict[str, list[_Again]] = {}
        for key, run, day, suite, times in self._of(
            keys, "SELECT key, run, day, suite, times FROM again"
        ):
            found.setdefault(key, []).append(_Again(run, date.fromisoformat(day), suite, times))
        return found

    def forget_reuses(self) -> None:
        """All of them have been told."""
        self.database.execute("DELETE FROM again")

    def _of(self, keys: list[str], query: str) -> Iterator[tuple[Any, ...]]:
        marks = ", ".join("?" * len(keys))
        yield from self.database.execute(f"{query} WHERE key IN ({marks})", keys)
