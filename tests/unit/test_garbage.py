"""Who asks what of the garbage collector, and that it is as before once all of them let go."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from harness.garbage import SELDOM, Restraint, gc_paused, rare_collections


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Nothing is set aside while a test begins, and its surroundings get back what they had."""
    before = gc.get_threshold()
    gc.unfreeze()
    yield
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_collections_are_rare_until_the_end() -> None:
    before = gc.get_threshold()
    with rare_collections():
        assert (gc.get_threshold(), gc.get_freeze_count() > 0) == (SELDOM, True)
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_the_end_of_the_inner_one_leaves_the_outer_one_as_it_was() -> None:
    with rare_collections():
        with rare_collections():
            pass
        assert (gc.get_threshold(), gc.get_freeze_count() > 0) == (SELDOM, True)


def test_what_was_set_aside_outlasts_a_time_of_rare_collections() -> None:
    session = Restraint()
    session.set_aside()
    with rare_collections():
        pass
    assert gc.get_freeze_count() > 0
    session.let_go()


def test_owners_may_let_go_in_any_order() -> None:
    before, one, other = gc.get_threshold(), Restraint(), Restraint()
    for owner in (one, other):
        owner.set_aside()
        owner.look_seldom()
    one.let_go()
    assert (gc.get_threshold(), gc.get_freeze_count() > 0) == (SELDOM, True)
    other.let_go()
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_who_asked_for_nothing_undoes_nothing() -> None:
    with rare_collections():
        Restraint().let_go()
        assert (gc.get_threshold(), gc.get_freeze_count() > 0) == (SELDOM, True)


def test_garbage_that_is_searched_for_is_not_set_aside() -> None:
    found: list[str] = []

    class Ring:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            found.append("garbage")

    Ring()
    restraint = Restraint()
    restraint.set_aside(searched=True)
    restraint.let_go()
    assert found == ["garbage"]


@pytest.mark.parametrize("enabled", [True, False], ids=["enabled", "disabled"])
def test_a_pause_ends_with_the_collector_as_it_was(enabled: bool) -> None:
    was_enabled = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        with gc_paused():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        gc.enable() if was_enabled else gc.disable()
