"""How the records are made: frozen to whoever checks types, and quick to make when they run.

Python guards the fields of a frozen dataclass by a call for each, which makes it cost four times
as much; a run makes a dozen records for every trial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    from dataclasses import dataclass

    def record(*, frozen, slots):
        """A dataclass that compares and hashes like a frozen one; nobody may set its fields."""
        return dataclass(slots=slots, unsafe_hash=frozen)
