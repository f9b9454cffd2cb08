"""The batches of a store: what is wanted, what was sent in which batch, and what came of it."""

from harness.journal.journal import Batch, Journal, Limits, State, Stored

__all__ = ["Batch", "Journal", "Limits", "State", "Stored"]
