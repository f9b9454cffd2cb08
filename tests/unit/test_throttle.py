"""The rate that refusals teach, without a clock: limits that no header tells of."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.backends.throttle import BELOW_TOLD, OPENED, OPENING, SLOWER, Throttle

Server = Callable[[float], bool]
"""Whether a request at this time is let in."""


def throttle(told: float = math.inf, now: float = 0.0) -> Throttle:
    """One that knows of a limit of `told` requests a second, and has opened up."""
    made = Throttle(now)
    made.told, made.ready = told, True
    return made


def bucket(rate: float, size: float) -> Server:
    """Fills up with `rate` a second, and holds `size`."""
    level, at = size, 0.0

    def admits(now: float) -> bool:
        nonlocal level, at
        level, at = min(size, level + rate * (now - at)), now
        fits = level >= 1
        level -= fits
        return fits

    return admits


def run(made: Throttle, server: Server, seconds: float, *, most: float = 200.0) -> list[float]:
    """Ask as often as it allows, at `most` so many times a second; the times of the refusals."""
    now, number, refusals = 0.0, 0, []
    while now < seconds:
        if wait := made.wait_s(now):
            now += wait
            continue
        number += 1
        if made.rate < math.inf:
            made.take()
        if server(now):
            made.answered()
        else:
            refusals.append(now)
            made.refused(number, now, now, explained=False)
        now += 1 / most
    return refusals


class Counted:
    """A server that counts what it lets in."""

    def __init__(self, server: Server) -> None:
        self.server, self.admitted = server, 0

    def __call__(self, now: float) -> bool:
        admitted = self.server(now)
        self.admitted += admitted
        return admitted


def growing(first: float) -> Server:
    """Lets in `first` a second, and half as much again as in each of the nine seconds before."""
    seen: list[float] = []

    def admits(now: float) -> bool:
        last = sum(at > now - 1 for at in seen)
        before = sum(now - 10 < at <= now - 1 for at in seen)
        fits = last < max(first, 1.5 * before / 9)
        seen.extend([now] if fits else [])
        return fits

    return admits


# Opening up.


@pytest.mark.parametrize("told", [1.0, 50.0, math.inf], ids=["few", "many", "tokens only"])
def test_once_a_limit_is_told_it_begins_with_few_a_second(told: float):
    made = Throttle(0.0)
    made.told = told
    made.open()
    assert made.rate == OPENING


def test_it_opens_up_with_what_is_sent_and_not_with_time():
    made = Throttle(0.0)
    made.open()
    made.wait_s(1000.0)
    assert made.rate == OPENING
    while made.rate < math.inf:
        before = made.rate
        made.take()
    assert before <= OPENED


def test_it_opens_up_once():
    made = throttle()
    made.open()
    assert made.rate == math.inf


def test_a_far_limit_needs_no_opening():
    made = Throttle(0.0)
    made.told = 1e6
    made.open()
    assert made.rate == math.inf


def test_after_a_pause_at_the_word_of_the_api_it_opens_up_again():
    made = throttle()
    made.paused(5.0)
    assert made.rate == OPENING


# Waiting.


@given(st.lists(st.floats(-1e6, 1e6), max_size=20))
def test_a_clock_that_jumps_neither_stops_it_nor_lets_many_go(times: list[float]):
    made = throttle(told=10.0)
    made.refused(1, 0.0, 0.0, explained=False)
    made.refused(2, 0.0, 0.0, explained=False)
    for now in times:
        assert made.wait_s(now) <= 2 / made.rate
        assert made.level <= 2


@given(rate=st.floats(0.1, 1000), level=st.floats(-100, 1))
def test_after_waiting_as_long_as_told_one_may_go(rate: float, level: float):
    made = throttle()
    made.rate, made.level = rate, level
    wait = made.wait_s(0.0)
    assert made.wait_s(wait + 1e-5) == 0


# Learning.


def test_refusals_that_last_make_requests_go_out_evenly_at_what_is_told():
    made = throttle(told=10.0)
    made.refused(1, 0.0, 0.0, explained=False)
    assert made.rate == math.inf
    made.refused(2, 0.0, 0.0, explained=False)
    assert made.rate == BELOW_TOLD * 10


def test_one_refusal_among_many_answers_is_forgiven():
    made = throttle(told=10.0)
    for number in range(1, 2000, 250):
        made.refused(number, 0.0, 0.0, explained=False)
        for _ in range(250):
            made.answered()
    assert made.rate == math.inf


def test_the_rate_is_what_was_let_in_between_two_refusals():
    made = throttle()
    made.refused(100, 10.0, 10.0, explained=False)
    made.refused(141, 14.0, 14.0, explained=False)
    assert made.rate == pytest.approx(SLOWER * 10)


def test_what_came_to_nothing_for_other_reasons_was_not_let_in():
    made = throttle()
    made.refused(100, 10.0, 10.0, explained=False)
    for number in range(101, 121):
        made.missed(number)
    made.refused(141, 14.0, 14.0, explained=False)
    assert made.rate == pytest.approx(SLOWER * 5)


def test_nothing_is_measured_over_a_time_in_which_nothing_was_asked():
    made = throttle()
    made.refused(100, 10.0, 10.0, explained=False)
    made.refused(141, 4000.0, 4000.0, explained=False)
    assert made.rate == math.inf


def test_what_was_sent_before_it_was_slowed_down_says_nothing():
    made = throttle(told=10.0)
    for number in (1, 2):
        made.refused(number, 5.0, 5.0, explained=False)
    for number in range(3, 60):
        made.refused(number, 4.9, 5.1, explained=False)
    assert made.rate == BELOW_TOLD * 10


def test_refusals_that_are_explained_do_not_halve_it():
    made = throttle(told=10.0)
    for number in range(1, 60):
        made.refused(number, 5.0, 5.0, explained=True)
    assert made.rate == BELOW_TOLD * 10


# Against a server.


@pytest.mark.parametrize("size", [1, 2, 10, 60])
@pytest.mark.parametrize("rate", [1, 10, 50])
def test_a_window_that_is_shorter_than_told_is_kept_without_refusals(rate: float, size: float):
    made = throttle(told=rate)
    refusals = run(made, bucket(rate, size), 300.0)
    assert [at for at in refusals if at > 20] == []
    assert made.rate >= 0.98 * rate


@pytest.mark.parametrize("told", [math.inf, 100.0], ids=["not told", "told too high"])
@pytest.mark.parametrize("size", [2, 10, 60])
def test_a_rate_that_is_not_told_is_found_and_held(told: float, size: float):
    refusals = run(throttle(told), server := Counted(bucket(10, size)), 600.0)
    assert server.admitted > 0.95 * (size + 10 * 600)
    assert len([at for at in refusals if at > 60]) < 0.005 * 10 * 540


def test_an_acceleration_limit_is_grown_along():
    refusals = run(throttle(50.0), server := Counted(growing(10)), 60.0)
    assert server.admitted > 900
    assert len(refusals) < 0.03 * server.admitted


def test_refusals_that_have_nothing_to_do_with_the_rate_do_not_keep_it_down():
    random, made = Random(1), throttle(50.0)
    run(made, lambda _now: random.random() > 0.02, 60.0)
    assert (made.rate, made.deaf_until > 60) == (math.inf, True)


def test_after_a_limit_was_raised_it_grows():
    slow = bucket(10, 10)
    run(made := throttle(), lambda now: now > 60 or slow(now), 300.0)
    assert made.rate > 50
