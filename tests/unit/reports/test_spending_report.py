"""What was spent, as a table, CSV and JSON."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from typing import Any

import pytest

from harness.analysis.spent import Spending, Spent
from reports.spending import spending_csv, spending_json, spending_text


def spent(dollars: str | None = "3", **more: Any) -> Spent:
    amount = None if dollars is None else Decimal(dollars)
    return Spent(count=2, live=amount, answers=amount, **more)


def lines(spending: Spending) -> list[list[str]]:
    return [line.split() for line in spending_text(spending).splitlines()]


def test_the_dearest_comes_first_and_the_sum_last():
    shown = lines(Spending("model", {"a": spent("1"), "b": spent("3"), "c": spent("2")}))
    assert [line[0] for line in shown] == ["model", "b", "c", "a", "all"]
    assert shown[-1][1:3] == ["6", "$6.00"]


def test_days_come_in_their_order():
    shown = lines(Spending("day", {"2026-11-21": spent("9"), "2026-11-20": spent("1")}))
    assert [line[0] for line in shown[1:3]] == ["2026-11-20", "2026-11-21"]


def test_one_group_needs_no_sum():
    assert len(lines(Spending("model", {"a": spent()}))) == 2


def test_an_unknown_sum_is_a_dash_and_says_of_how_many_answers():
    unknown = spent(None, unpriced=2, unpriced_models={"claude-new"})
    text = spending_text(Spending("model", {"claude-new": unknown}))
    assert "–" in text.splitlines()[1]
    assert "the price of 2 answers is unknown (claude-new)" in text


def test_simulated_answers_stand_below_and_are_no_part_of_the_sum():
    text = spending_text(Spending("model", {"a": spent("1")}, {"a": spent("5")}))
    real, simulated = text.split("Simulated")
    assert "$1.00" in real
    assert "$5.00" not in real
    assert "$5.00" in simulated


def test_nothing_is_told_as_nothing():
    assert spending_text(Spending("model")) == "nothing was spent"


def test_csv_has_a_row_a_group_and_leaves_unknown_empty():
    text = spending_csv(Spending("model", {"=a": spent(None)}, {"b": spent()}))
    first, second = csv.DictReader(text.splitlines())
    assert (first["model"], first["simulated"], first["total_usd"]) == ("'=a", "false", "")
    assert (second["simulated"], second["total_usd"], second["calls"]) == ("true", "3", "2")


def test_json_has_exact_dollars_as_texts_and_null_for_unknown():
    found = Spending("model", {"a": spent("0.10"), "b": spent(None, unpriced=1)})
    document = json.loads(spending_json(found))
    b, a = document["spent"]["groups"]
    assert (a["model"], a["usd"]["total"], b["usd"]["total"]) == ("a", "0.10", None)
    assert document["spent"]["total"]["usd"]["total"] is None
    assert document["spent"]["total"]["unpriced"] == 1
    assert document["simulated"]["groups"] == []


@pytest.mark.parametrize(
    ("usd", "told"),
    [
        ("0.50", "2 attempts that broke off: up to $0.50 more, if the API billed them"),
        (None, "2 attempts that broke off may have been billed, at a price that is not known"),
    ],
)
def test_attempts_that_broke_off_stand_below_the_table(usd: str | None, told: str):
    lost = Spent(lost=2, lost_usd=None if usd is None else Decimal(usd))
    shown = spending_text(Spending("model", {"a": spent("1"), "(no answer)": lost})).splitlines()
    assert len(shown) == 3
    assert shown[-1] == told


def test_attempts_that_broke_off_are_part_of_csv_and_json():
    found = Spending("run", {"r1": spent("1", lost=2, lost_usd=Decimal("0.5"))})
    (row,) = csv.DictReader(spending_csv(found).splitlines())
    assert (row["total_usd"], row["lost_attempts"], row["lost_usd"]) == ("1", "2", "0.5")
    whole = json.loads(spending_json(found))["spent"]["total"]
    assert (whole["lost_attempts"], whole["lost_usd"]) == (2, "0.5")
