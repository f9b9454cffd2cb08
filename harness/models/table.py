"""Model tables read and laid over each other: the packaged `models.yaml`, then a user's files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from harness.errors import Problem, SuiteError, did_you_mean
from harness.models import EFFORTS, THINKING_TYPES, Band, Model, PricePeriod, Rates, Registry

PACKAGED_TABLE = Path(__file__).with_name("models.yaml")


def load_registry(*overlays: Path) -> Registry:
    """The packaged table with the users' files laid over it, later ones over earlier ones.

    A user's file has the packaged shape; each field that it gives replaces that field of the model.
    Raises SuiteError with everything that is wrong in all of the files.
    """
    merged = _Merged()
    for path in (PACKAGED_TABLE, *overlays):
        merged.lay_over(path)
    if merged.problems:
        raise SuiteError(merged.problems)
    return Registry(models=merged.models, aliases=merged.aliases, **merged.settings)


class _Merged:
    """The tables laid over each other so far, and what is wrong in them."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.aliases: dict[str, str] = {}
        self.settings: dict[str, Any] = {}
        self.problems: list[Problem] = []

    def lay_over(self, path: Path) -> None:
        try:
            table = _Table(path)
        except SuiteError as exc:
            self.problems += exc.problems
            return
        self.settings |= table.settings()
        for facts in table.models():
            id_ = self.id_of(facts.pop("id"))
            self.models[id_] = replace(self.models.get(id_) or Model(id_), **facts)
            self.aliases |= {a: id_ for a in facts.get("aliases", ()) if a in self.aliases}
        for alias, target in table.aliases().items():
            id_ = self.id_of(target)
            if alias in self.models:
                table.refuse(f"`{alias}` is a model's id; choose another alias", "aliases", alias)
            elif id_ in self.models or id_.startswith("claude-"):
                self.aliases[alias] = id_
            else:
                hint = did_you_mean(target, [*self.models, *self.aliases])
                table.refuse(f"{target!r} names no model{hint or '; add it'}", "aliases", alias)
        self.problems += table.problems

    def id_of(self, name: str) -> str:
        own = {alias: m.id for m in self.models.values() for alias in m.aliases}
        return name if name in self.models else (own | self.aliases).get(name, name)


class _Table:
    """One model table, read field by field; what cannot be read is refused where it stands."""

    def __init__(self, path: Path) -> None:
        from harness.yamlfile import read_yaml

        self.data, self.place_of = read_yaml(path)
        self.problems: list[Problem] = []
        self.top = self.mapping(self.data, (*SETTINGS, "aliases", "models"))

    def refuse(self, message: str, *at: str | int) -> None:
        self.problems.append(Problem(message, self.place_of(at)))

    def mapping(self, raw: Any, known: Collection[str], *at: str | int) -> dict[str, Any]:
        if not isinstance(raw, Mapping):
            self.refuse(f"{_name(at)} must be a mapping, not {raw!r}", *at)
            return {}
        for key in [key for key in raw if key not in known]:
            hint = did_you_mean(key, known) or f"; the keys are {_any_of(known)}"
            self.refuse(f"`{key}` is no key of {_name(at)}{hint}", *at, key)
        return {key: value for key, value in raw.items() if key in known}

    def listed(self, raw: Any, *at: str | int) -> list[tuple[Any, tuple[str | int, ...]]]:
        if not isinstance(raw, list):
            self.refuse(f"{_name(at)} must be a list, not {raw!r}", *at)
            return []
        return [(item, (*at, index)) for index, item in enumerate(raw)]

    def fields(self, raw: dict[str, Any], *at: str | int) -> dict[str, Any]:
        """Each value as its field's reader gives it; a value that it refuses is left out."""
        values: dict[str, Any] = {}
        for key, value in raw.items():
            try:
                values[key] = None if value is None else READERS[key](value)
            except ValueError as exc:
                self.refuse(f"`{key}` must be {exc}, not {value!r}", *at, key)
        return values

    def settings(self) -> dict[str, Any]:
        given = {key: value for key, value in self.top.items() if key in SETTINGS}
        return {key: value for key, value in self.fields(given).items() if value is not None}

    def aliases(self) -> dict[str, str]:
        raw = self.top.get("aliases") or {}
        if isinstance(raw, Mapping) and all(isinstance(target, str) for target in raw.values()):
            return dict(raw)
        self.refuse(f"`aliases` must map short names to models' names, not {raw!r}", "aliases")
        return {}

    def models(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for raw, at in self.listed(self.top.get("models") or [], "models"):
            facts = self.model(raw, *at)
            id_ = facts.get("id")
            if id_ is None and isinstance(raw, Mapping):
                self.refuse("a model needs an `id`", *at)
            elif id_ in found:
                self.refuse(f"the model {id_!r} stands twice; join the two", *at, "id")
            elif id_ is not None:
                found[id_] = facts
        return list(found.values())

    def model(self, raw: Any, *at: str | int) -> dict[str, Any]:
        facts = self.mapping(raw, MODEL_KEYS, *at)
        values = self.fields({k: v for k, v in facts.items() if k != "prices"}, *at)
        for key, nothing in (("aliases", ()), ("thinking_efforts", {})):
            if key in values:
                values[key] = values[key] or nothing
        if "class" in values:
            values["rate_class"] = values.pop("class")
        if "prices" in facts:
            values["prices"] = self.prices(facts["prices"], *at, "prices")
        return values

    def prices(self, raw: Any, *at: str | int) -> tuple[PricePeriod, ...]:
        if raw is None:
            return ()
        if isinstance(raw, Mapping):
            return (PricePeriod((self.band(raw, *at),)),)
        periods = [self.period(item, *place) for item, place in self.listed(raw, *at)]
        periods.sort(key=lambda period: period.since or date.min)
        if len({period.since for period in periods}) < len(periods):
            self.refuse("two periods begin on the same day; give each its own `since`", *at)
        return tuple(periods)

    def period(self, raw: Any, *at: str | int) -> PricePeriod:
        raw = self.mapping(raw, ("since", "bands"), *at)
        since = self.fields({"since": raw.get("since")}, *at).get("since")
        bands = [self.band(b, *place) for b, place in self.listed(raw.get("bands"), *at, "bands")]
        bands.sort(key=lambda band: band.up_to_prompt_tokens or float("inf"))
        if len({band.up_to_prompt_tokens for band in bands}) < len(bands):
            self.refuse("two bands have the same `up_to_prompt_tokens`; join them", *at, "bands")
        return PricePeriod(tuple(bands), since)

    def band(self, raw: Any, *at: str | int) -> Band:
        values = self.fields(self.mapping(raw, ("up_to_prompt_tokens", *RATES), *at), *at)
        limit = values.pop("up_to_prompt_tokens", None)
        base = values.get("input")
        if base is not None:
            # Both hold for every model; what a cache read costs does not follow from the input.
            values.setdefault("cache_write_5m", base * Decimal("1.25"))
            values.setdefault("cache_write_1h", base * 2)
        return Band(Rates(**values), limit)


def _name(at: tuple[str | int, ...]) -> str:
    names = [key for key in at if isinstance(key, str)]
    entry = "an entry of " if at and isinstance(at[-1], int) else ""
    return f"{entry}`{names[-1]}`" if names else "a model table"


def _any_of(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _expect(
    what: str, test: Callable[[Any], bool], convert: Callable[[Any], Any] = lambda raw: raw
) -> Callable[[Any], Any]:
    """A reader of values that pass `test`; of others it says that they must be `what`."""

    def read(raw: Any) -> Any:
        if test(raw):
            return convert(raw)
        raise ValueError(what)

    return read


def _one_of(*words: str) -> Callable[[Any], Any]:
    return _expect(f"one of {_any_of(words)}", lambda raw: isinstance(raw, str) and raw in words)


def _some_of(*words: str) -> Callable[[Any], Any]:
    return _expect(
        f"a list out of {_any_of(words)}",
        lambda raw: isinstance(raw, list) and all(word in words for word in raw),
        tuple,
    )


def _day(raw: Any) -> date:
    try:
        return date.fromisoformat(raw)
    except (TypeError, ValueError):
        raise ValueError('a date in quotes, as "2026-11-20"') from None


def _amount(raw: Any) -> Decimal:
    try:
        # By way of the text: 0.1 in a file means a tenth, not the double that is next to it.
        amount = Decimal(str(raw))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(raw, bool) or not amount.is_finite() or amount < 0:
        raise ValueError("a number, 0 or above")
    return amount


def _thinking_efforts(raw: Any) -> dict[str, tuple[str, ...]]:
    if isinstance(raw, Mapping) and set(raw) <= set(THINKING_TYPES):
        return {kind: _some_of(*EFFORTS)(efforts) for kind, efforts in raw.items()}
    raise ValueError(f"a mapping of {_any_of(THINKING_TYPES)} to lists of efforts")


_text = _expect("a text", lambda raw: isinstance(raw, str) and bool(raw.strip()))
_texts = _expect(
    "a list of texts",
    lambda raw: isinstance(raw, list) and all(isinstance(w, str) and w for w in raw),
    tuple,
)
_boolean = _expect("true, false or null", lambda raw: isinstance(raw, bool))
_tokens = _expect("a whole number of tokens, 1 or above", lambda raw: type(raw) is int and raw > 0)

SETTINGS = ("prices_as_of", "web_search_usd_per_thousand", "batch_multiplier")
RATES = tuple(f.name for f in fields(Rates))
MODEL_KEYS = tuple("class" if f.name == "rate_class" else f.name for f in fields(Model))

_LIMITS = ("context_tokens", "max_output_tokens", "min_cacheable_tokens", "up_to_prompt_tokens")
_AMOUNTS = (*RATES, "fast_multiplier", "us_geo_multiplier", *SETTINGS[1:])
READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("id", "class", "fast_beta"), _text),
    **dict.fromkeys(("aliases", "inference_geos"), _texts),
    **dict.fromkeys(("released", "retires_on", "since"), _day),
    **dict.fromkeys(_LIMITS, _tokens),
    **dict.fromkeys(_AMOUNTS, _amount),
    **dict.fromkeys(("thinking_always_on", "prefill", "forced_tool_choice"), _boolean),
    "prices_as_of": lambda raw: _day(raw).isoformat(),
    "lifecycle": _one_of("active", "deprecated", "retired"),
    "sampling": _one_of("both", "one", "none"),
    "thinking": _some_of(*THINKING_TYPES),
    "thinking_default": _one_of(*THINKING_TYPES),
    "thinking_efforts": _thinking_efforts,
    "efforts": _some_of(*EFFORTS),
    "default_effort": _one_of(*EFFORTS),
    "speeds": _some_of("standard", "fast"),
}
