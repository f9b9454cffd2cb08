"""Whether the model table can still be relied on: its age, the models in use, the API's own list.

Pure: the day, the names in use and what the API lists are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.backends.modellist import Listed
    from harness.models import Model, Registry

OLD_AFTER = timedelta(days=90)
AHEAD = timedelta(days=1)
"""Somewhere it is tomorrow already."""
COMPARED = {
    "retires_on": "the day it retires",
    "context_tokens": "context window",
    "max_output_tokens": "longest answer",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know of the table; a `warning` wants something done."""

    message: str
    warning: bool = True


def of_prices(registry: Registry, today: date) -> Iterator[Finding]:
    """A warning where the prices are older than 90 days, or of a day that has not come."""
    age = today - date.fromisoformat(registry.prices_as_of)
    if age < -AHEAD:
        yield Finding(
            f"the prices are of {registry.prices_as_of}, which is yet to come: how old they are "
            "is not known; write the day they were looked up as `prices_as_of`"
        )
    if age > OLD_AFTER:
        yield Finding(
            f"the prices are of {registry.prices_as_of}, {age.days} days ago; update "
            "claude-eval-harness, or write today's and their `prices_as_of` into `harness.yaml`"
        )


def of_use(registry: Registry, used: Iterable[tuple[str, str]], today: date) -> Iterator[Finding]:
    """A warning for each model in use that has been or will be taken away.

    `used` has names of models, each with who uses it.
    """
    users: dict[str, list[str]] = {}
    for name, user in used:
        model = registry.get(name)
        users.setdefault(model.id if model else name, []).append(user)
    for id_, by in users.items():
        model = registry.get(id_)
        if model is not None and (why := _ending(model, today)):
            yield Finding(f"{id_} {why}; used by {', '.join(dict.fromkeys(by))}")
        elif model is None:
            who = ", ".join(dict.fromkeys(by))
            yield Finding(f"{id_} is in no table: its costs are unknown; used by {who}")


def _ending(model: Model, today: date) -> str:
    retires = model.retires_on
    if model.lifecycle == "retired":
        return "is retired: the API refuses it"
    if model.lifecycle == "deprecated":
        if retires is None:
            return "is deprecated"
        ended = "was to retire" if retires <= today else "retires"
        return f"is deprecated and {ended} on {retires}"
    return f"was to retire on {retires}" if retires is not None and retires <= today else ""


def of_list(registry: Registry, listed: Sequence[Listed]) -> Iterator[Finding]:
    """What the API's list of models says otherwise than the table; it has no prices."""
    for told in listed:
        model = registry.models.get(told.id)
        if model is not None:
            yield from _differences(model, told)
        elif told.lifecycle != "retired":
            yield Finding(f"{told.id} is new: the API lists it ({told.lifecycle}), the table not")
    named = {told.id for told in listed}
    unlisted = [m.id for m in registry if m.id not in named and m.lifecycle != "retired"]
    if unlisted:
        names = ", ".join(unlisted)
        yield Finding(f"the API does not list, to this key: {names}", warning=False)


def _differences(model: Model, told: Listed) -> Iterator[Finding]:
    if told.lifecycle is not None and told.lifecycle != model.lifecycle:
        ours = model.lifecycle or "unknown"
        yield Finding(f"{model.id}: lifecycle is {told.lifecycle}, {ours} in the table")
    for name, words in COMPARED.items():
        theirs, ours = getattr(told, name), getattr(model, name)
        # What the API leaves out it does not deny.
        if theirs is not None and theirs != ours:
            shown = "unknown" if ours is None else _written(ours)
            yield Finding(f"{model.id}: {words} is {_written(theirs)}, {shown} in the table")


def _written(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
