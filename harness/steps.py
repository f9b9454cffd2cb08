"""Computations that ask, put together: what several want to know is asked at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar

from harness.records import Answer, Missing, Request, Steps

T = TypeVar("T")


def side_by_side(runs: Sequence[Steps[T]]) -> Steps[list[T]]:
    """What several computations return: what they want to know is asked together, round by round.

    In a batch every round is a wave, and waves take hours: judges must not queue.
    """
    done: dict[int, T] = {}
    heard: dict[int, list[Answer | Missing] | None] = dict.fromkeys(range(len(runs)))
    while True:
        asking: dict[int, Sequence[Request]] = {}
        for number, replies in heard.items():
            run = runs[number]
            try:
                asking[number] = next(run) if replies is None else run.send(replies)
            except StopIteration as stop:
                done[number] = stop.value
        if not asking:
            return [done[number] for number in range(len(runs))]
        left = iter((yield [request for requests in asking.values() for request in requests]))
        heard = {number: list(islice(left, len(some))) for number, some in asking.items()}
