"""What the store has for a run: the answers under the keys that its requests have.

A run's `Space` decides which it may use; nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from harness.recorder import Space, by_key
from harness.records import Answer

if TYPE_CHECKING:
    from harness.store import Store


class Shelf(NamedTuple):
    """Which of some keys have an answer, and those answers; the keys are those of `space`."""

    kept: Callable[[Collection[str]], Collection[str]]
    answers: Callable[[Collection[str]], Mapping[str, Answer]]
    space: Space = Space("")


def shelf(store: Store, space: Space) -> Shelf:
    """What `store` has for a run in `space`; looking may raise StoreError."""

    def kept(keys: Collection[str]) -> set[str]:
        names = {name: key for key in keys for name in space.names(key)}
        return {names[name] for name in store.kept(names)}

    def answers(keys: Collection[str]) -> dict[str, Answer]:
        names = {key: space.names(key) for key in keys}
        return by_key(names, store.exchange(list(chain.from_iterable(names.values()))))

    return Shelf(kept, answers, space)
