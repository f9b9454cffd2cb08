"""Money for whole trials that ask in batches: what was begun can also end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from harness.tabs import LEARNED, Rest, Wholes

ONE = Decimal(1)


class Trial:
    """A trial; it is known by its identity."""


def asking(wholes: Wholes, key: str, trial: Trial | None, rest: str = "3") -> None:
    wholes.asked(key, trial, lambda: Rest(Decimal(rest), alike="suite"))


def ended(wholes: Wholes, *amounts: str, times: int = LEARNED) -> None:
    """So many trials, foreseen to need 3 after their first request, are promised these and end."""
    for _ in range(times):
        trial = Trial()
        for number, amount in enumerate(amounts):
            asking(wholes, f"{id(trial)} {number}", trial)
            wholes.add(f"{id(trial)} {number}", Decimal(amount))
        wholes.close([], [])


def test_a_trial_begins_where_there_is_room_for_all_that_it_may_need():
    wholes = Wholes()
    asking(wholes, "a", Trial())
    assert [wholes.fits("a", ONE, Decimal(left)) for left in ("3.9", "4")] == [False, True]


def test_what_a_trial_may_need_is_held_for_it_until_it_ends():
    wholes, trial = Wholes(), Trial()
    asking(wholes, "a", trial)
    wholes.add("a", ONE)
    assert wholes.held == 3
    asking(wholes, "b", trial)
    wholes.add("b", ONE)
    assert wholes.held == 2
    wholes.close([], [])
    assert wholes.held == 0


def test_what_a_trial_has_begun_may_use_what_is_held_for_it():
    wholes, trial = Wholes(), Trial()
    asking(wholes, "a", trial)
    wholes.add("a", ONE)
    asking(wholes, "b", trial)
    assert wholes.has_begun("b")
    assert wholes.fits("b", ONE, ONE)


def test_a_request_that_is_promised_again_counts_once():
    wholes = Wholes()
    trial = Trial()
    for key in "aab":
        asking(wholes, key, trial)
        wholes.add(key, ONE)
    wholes.add("b", ONE)
    assert wholes.held == 2


@pytest.mark.parametrize(
    ("asks", "under_way"), [(["b"], []), ([], ["a"])], ids=["asks", "under way"]
)
def test_a_trial_has_not_ended_while_it(asks: list[str], under_way: list[str]):
    wholes, trial = Wholes(), Trial()
    for key in "ab":
        asking(wholes, key, trial)
    wholes.add("a", ONE)
    wholes.close(asks, under_way)
    assert wholes.held == 3


@pytest.mark.parametrize(
    ("amounts", "times", "need"),
    [
        pytest.param(["1", "1.5"], LEARNED, "1.5", id="less"),
        pytest.param(["1", "1.5"], LEARNED - 1, "3", id="less, of too few"),
        pytest.param(["1", "3", "3"], 1, "6", id="more"),
        pytest.param(["1"], LEARNED, "3", id="nothing, since they went no further"),
    ],
)
def test_what_is_foreseen_is_corrected_by_those_that_ended(
    amounts: list[str], times: int, need: str
):
    wholes = Wholes()
    ended(wholes, *amounts, times=times)
    asking(wholes, "a", Trial())
    assert wholes.rest_of("a") == Decimal(need)


def test_nothing_is_held_for_a_trial_that_asks_once():
    wholes = Wholes()
    ended(wholes, "1", "3", "3")
    asking(wholes, "a", Trial(), rest="0")
    assert wholes.fits("a", ONE, ONE)


def test_what_is_asked_for_no_trial_stands_alone():
    wholes = Wholes()
    asking(wholes, "a", None)
    wholes.add("a", ONE)
    assert (wholes.held, wholes.has_begun("a")) == (0, True)


def test_a_trial_whose_first_answer_came_otherwise_is_foreseen_anew():
    wholes, trial = Wholes(), Trial()
    asking(wholes, "a", trial)
    wholes.asked("b", trial, lambda: Rest(ONE, begun=True, alike="suite"))
    assert wholes.has_begun("b")
    wholes.add("b", ONE)
    assert wholes.held == 1
