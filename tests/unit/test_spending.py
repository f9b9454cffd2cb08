"""What was spent, from a store: each answer once, at the rates of its day, and what was saved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.spent import GROUPINGS, Spent, total
from harness.losses import Losses
from harness.models.table import load_registry
from harness.records import (
    Answer,
    Bill,
    Call,
    Candidate,
    Outcome,
    Purpose,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
    Usage,
)
from harness.spending import Span, spending
from harness.store import READ_AT_ONCE, Entry, ResultRow, Store

REGISTRY = load_registry()
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SONNET = "claude-sonnet-4-6"  # $3 in, $15 out, $3.75 written for 5 minutes, $0.30 read
MILLION = 1_000_000
PLAIN = Usage(MILLION)


def answer(key: str, *, model: str = SONNET, usage: Usage = PLAIN, **facts: Any) -> Answer:
    said = Answer((), model, "end_turn", usage, NOON, key=key)
    return replace(said, **facts)


class Books:
    """A store in which runs keep answers and results, one trial for each of them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def run(self, name: str, *answers: Answer, suite: str = "s", days: int = 0) -> None:
        """A run that used these answers, and paid for those that were not reused."""
        began = NOON + timedelta(days=days)
        facts = (SuiteFacts(suite, "s.yaml", "0", 1),)
        self.store.start(
            Run(name, began, "live", "1", "2", "2026-11-20", facts, (Candidate("m", SONNET),), {})
        )
        rows = [
            ResultRow(
                name,
                number,
                Result(
                    TrialId(suite, f"c{number}", "m"), Outcome.PASSED, 1.0,
                    calls=(Call(request(one), one, Bill()),),
                ),
            )
            for number, one in enumerate(answers)
        ]  # fmt: skip
        self.keep(*(one for one in answers if not one.reused), run=name)
        self.store.exchange((), (), rows)

    def keep(self, *answers: Answer, run: str = "") -> None:
        entries = [Entry(one.key, request(one), one, run) for one in answers]
        self.store.exchange((), entries)

    def spent(self, by: Any = "model", since: Any = None, until: Any = None) -> dict[str, Spent]:
        return spending(self.store, REGISTRY, by, Span(since, until)).groups

    @property
    def whole(self) -> Spent:
        return total(self.spent().values())


def request(one: Answer) -> Request:
    purpose: Purpose = "judge" if one.key.startswith("judge") else "answer"
    return Request({"model": one.model, "messages": []}, "v", purpose=purpose)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    yield Books(store)
    store.close()


def test_an_answer_that_many_runs_used_is_paid_once(books: Books):
    books.run("r1", answer("a"))
    books.run("r2", answer("a", reused=True), days=1)
    books.run("r3", answer("a", reused=True), days=2)
    assert (books.whole.count, books.whole.total) == (1, Decimal(3))
    assert (books.whole.reuses, books.whole.saved_by_reuse) == (2, Decimal(6))


def test_an_answer_that_no_result_uses_was_paid_too(books: Books):
    books.keep(answer("a"), answer("judge"), run="killed")
    assert books.spent("suite").keys() == {"(no result)"}
    assert (books.whole.total, books.whole.judges) == (Decimal(6), Decimal(3))


def test_live_and_batch_and_answers_and_judges_add_up_to_the_whole(books: Books):
    batch = answer("b", mode="batch", service_tier="batch")
    books.run("r1", answer("a"), batch, answer("judge"))
    whole = books.whole
    assert (whole.live, whole.batch) == (Decimal(6), Decimal("1.5"))
    assert (whole.answers, whole.judges) == (Decimal("4.5"), Decimal(3))
    assert whole.total == Decimal("7.5")
    assert whole.saved_by_batch == Decimal("1.5")


# By hand, from the rates above: dollars of a million tokens each.
@pytest.mark.parametrize(
    ("usage", "saved"),
    [
        pytest.param(Usage(cache_read_input_tokens=MILLION), "2.70", id="read"),
        pytest.param(Usage(cache_write_5m_input_tokens=MILLION), "-0.75", id="written"),
        pytest.param(Usage(cache_write_1h_input_tokens=MILLION), "-3", id="written for an hour"),
        pytest.param(
            Usage(cache_read_input_tokens=MILLION, cache_write_5m_input_tokens=MILLION),
            "1.95", id="both",
        ),
        pytest.param(Usage(MILLION, MILLION), "0", id="neither"),
    ],
)  # fmt: skip
def test_caching_saves_the_price_of_input_less_that_of_reading_and_writing(
    books: Books, usage: Usage, saved: str
):
    books.run("r1", answer("a", usage=usage))
    assert books.whole.saved_by_cache == Decimal(saved)


def test_what_was_saved_and_what_was_paid_are_the_list_price_together(books: Books):
    usage = Usage(MILLION, cache_read_input_tokens=MILLION)
    books.run("r1", answer("a", usage=usage, mode="batch", service_tier="batch"))
    whole = books.whole
    assert (whole.total, whole.saved_by_batch) == (Decimal("1.65"), Decimal("1.65"))
    assert whole.saved_by_cache == Decimal("2.70")
    assert 2 * Decimal("1.65") + Decimal("2.70") == 2 * Decimal(3)


# $0.20 a million until 2026-10-06, $0.10 from 2026-10-07 on (the model's page).
def test_an_answer_is_priced_at_the_rates_of_its_day(books: Books):
    read = Usage(cache_read_input_tokens=MILLION)
    days = (datetime(2026, 10, 6, 23, 59, tzinfo=UTC), datetime(2026, 10, 7, tzinfo=UTC))
    books.run(
        "r1",
        *(answer(str(d), model="claude-sonnet-5-5", usage=read, answered_at=d) for d in days),
    )
    spent = books.spent("day")
    assert spent["2026-10-06"].total == Decimal("0.20")
    assert spent["2026-10-07"].total == Decimal("0.10")
    assert spent["2026-10-06"].saved_by_cache == Decimal("1.80")
    assert spent["2026-10-07"].saved_by_cache == Decimal("1.90")


def test_an_answer_counts_under_the_suite_that_used_it_first(books: Books):
    books.run("r2", answer("a", reused=True), answer("b"), suite="later", days=1)
    books.run("r1", answer("a"), suite="first")
    spent = books.spent("suite")
    assert {name: one.total for name, one in spent.items()} == {"first": 3, "later": 3}
    assert spent["later"].reuses == 1


def test_an_unknown_price_makes_the_sum_unknown_and_is_counted(books: Books):
    books.run("r1", answer("a"), answer("b", model="claude-new"), answer("c", model="claude-new"))
    whole = books.whole
    assert (whole.total, whole.live, whole.saved_by_batch) == (None, None, None)
    assert (whole.unpriced, whole.unpriced_models) == (2, {"claude-new"})
    assert books.spent()[SONNET].total == Decimal(3)


def test_simulated_answers_are_never_added_to_real_ones(books: Books):
    books.run("r1", answer("a"), answer("sim-a", simulated=True))
    found = spending(books.store, REGISTRY)
    assert found.groups[SONNET].count == found.simulated[SONNET].count == 1


def test_only_the_days_that_are_meant_count(books: Books):
    for days in range(4):
        books.run(f"r{days}", answer(f"a{days}", answered_at=NOON + timedelta(days)), days=days)
    books.run("again", answer("a0", reused=True), days=2)
    spent = books.spent("day", since=date(2026, 11, 21), until=date(2026, 11, 22))
    assert spent.keys() == {"2026-11-21", "2026-11-22"}
    assert spent["2026-11-22"].saved_by_reuse == Decimal(3)
    assert total(spent.values()).count == 2


@pytest.mark.parametrize("by", GROUPINGS)
def test_the_groups_add_up_to_the_same_whatever_they_are(books: Books, by: str):
    books.run("r1", answer("a"), answer("judge-b"), suite="one")
    batch = answer("c", mode="batch", model="claude-opus-4-6", answered_at=NOON + timedelta(1))
    books.run("r2", answer("a", reused=True), batch, suite="two", days=1)
    assert total(books.spent(by).values()) == books.whole


def test_a_store_that_is_read_in_pieces_is_read_whole(books: Books):
    books.run("r1", *(answer(f"a{number}") for number in range(2 * READ_AT_ONCE + 1)))
    assert (books.whole.count, books.whole.judge_count) == (2 * READ_AT_ONCE + 1, 0)


def test_an_answer_that_two_processes_have_paid_for_counts_twice(books: Books):
    books.run("r1", answer("a", id="msg_1"))
    books.run("r2", answer("a", reused=True), days=1)
    books.keep(answer("a", id="msg_2"), run="r2")
    assert (books.whole.count, books.whole.total) == (2, Decimal(6))
    assert (books.whole.reuses, books.spent("run")["r2"].total) == (1, Decimal(3))


@pytest.mark.parametrize(
    ("by", "name"),
    [("run", "r1"), ("day", "2026-11-20"), ("mode", "live"), ("model", "(no answer)"),
     ("suite", "(no answer)")],
)  # fmt: skip
def test_an_attempt_that_broke_off_is_told_beside_what_was_spent(books: Books, by: Any, name: str):
    books.run("r1", answer("a"))
    Losses(books.store, "r1", lambda _asked: Decimal(7), day=NOON.date).add(request(answer("b")))
    spent = books.spent(by)
    assert (spent[name].lost, spent[name].lost_usd) == (1, Decimal(7))
    assert (total(spent.values()).total, total(spent.values()).lost_usd) == (3, 7)
    assert total(books.spent(by, since=date(2026, 11, 21)).values()).lost == 0


def test_an_attempt_of_a_simulated_run_cost_nobody_anything(books: Books):
    books.run("r1")
    books.store.start(replace(books.store.run("r1"), simulated=True))
    Losses(books.store, "r1", lambda _asked: Decimal(7)).add(request(answer("b")))
    found = spending(books.store, REGISTRY)
    assert (total(found.groups.values()).lost, total(found.simulated.values()).lost) == (0, 1)
