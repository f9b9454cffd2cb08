"""What a scripted judge says: a verdict in words, made into what its schema asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.simulator.script import Reply, ReplyError

Schema = Mapping[str, Any]
REASONING = "As the script says."
RESULTS = {"win": ("first", "second"), "loss": ("second", "first")}
"""The verdict for the candidate, by whether it is shown first or second."""
JUDGES = {"met": "`rubric` or `panel`", "same": "`reference`", "first": "`pairwise`"}
"""Graders by a verdict that theirs alone have."""
VERDICT_KEYS = frozenset({"verdict", "verdicts", "reasoning"})


def verdict_reply(value: Any, schema: Schema, order: int = 0) -> Reply:
    """The reply of a judge whose answer must fit `schema`.

    `value` is a verdict (`met`), a mapping with `verdict`, or `verdicts` for each criterion, and
    `reasoning`; or any other reply in a mapping, verbatim. `win` and `loss` become `first` or
    `second` by `order`: whether the candidate is shown first (0) or second (1). Raises ReplyError.
    """
    if isinstance(value, str):
        value = {"verdict": value}
    if not isinstance(value, Mapping):
        raise ReplyError(f"a judge says a verdict or a mapping, not {value!r}")
    if not value.keys() & {"verdict", "verdicts"}:
        return Reply.of(value)
    unknown = [str(key) for key in value if key not in VERDICT_KEYS]
    if unknown:
        raise ReplyError(f"a judge's verdict has no key `{unknown[0]}`; it has `reasoning`")
    import orjson

    return Reply.of(orjson.dumps(_instance(value, schema, order)).decode())


def _instance(value: Mapping[str, Any], schema: Schema, order: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    reasoning = str(value.get("reasoning", REASONING))
    if "verdict" in properties:
        return _opinion(_only(value, 1)[0], properties, reasoning, order)
    verdicts = _only(value, len(properties))
    pairs = zip(properties.items(), verdicts, strict=True)
    return {
        name: _opinion(verdict, part["properties"], reasoning, order)
        for (name, part), verdict in pairs
    }


def _only(value: Mapping[str, Any], count: int) -> Sequence[Any]:
    """As many verdicts as are asked for; one stands for all."""
    if "verdicts" not in value:
        return [value["verdict"]] * count
    verdicts = value["verdicts"]
    if not isinstance(verdicts, list) or len(verdicts) != count:
        raise ReplyError(f"`verdicts` is a list of {count} here, one for each criterion")
    return verdicts


def _opinion(verdict: Any, properties: Schema, reasoning: str, order: int) -> dict[str, Any]:
    known = properties["verdict"]["enum"]
    said = RESULTS[verdict][order % 2] if verdict in RESULTS and "first" in known else verdict
    if said not in known:
        words = ", ".join([*_words(known), *known])
        raise ReplyError(f"{_judge(known)} cannot say {verdict!r}; it can say {words}")
    return {"reasoning": reasoning, "verdict": said}


def _judge(known: Sequence[str]) -> str:
    """The grader that is asking, as far as its verdicts tell it."""
    found = next((name for word, name in JUDGES.items() if word in known), "")
    return f"the judge of a {found}" if found else "this judge"


def _words(known: Sequence[str]) -> Iterator[str]:
    return iter(RESULTS if "first" in known else ())
