"""One grader item of a suite, as plain data, turned into checked arguments.

The only module that knows the ways in which an item may be written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from harness.errors import GraderError
from harness.graders.registry import CONTEXT, GraderArguments, GraderType, describe, names, suggest
from harness.graders.values import Item, convert, has_template, members_of

COMMON = ("name", "weight")


def arguments(item: Mapping[str, Any] | str, *, rendered: bool = False) -> GraderArguments:
    """The arguments of an item such as `{"equals": "x", "weight": 2}` or `"json"`.

    Raises GraderError for an unknown grader or option, a missing main argument, and a value of a
    wrong type, in nested graders too; what is still a template may become anything. Where the
    item is `rendered`, nothing is a template, and a number may stand for its text.
    """
    if isinstance(item, str):
        item = {item: _main_of_bare(item)}
    if not isinstance(item, Mapping):
        raise GraderError(f"a grader is a mapping such as `contains: text`, not {item!r}")
    kind = describe(_grader_key(item))
    beside = {key: value for key, value in item.items() if key != kind.name}
    inside = _inside(kind, item[kind.name])
    # Beside the grader, `name` is always the grade's; inside, an option of that name comes first.
    common = _taken(COMMON, beside)
    common_inside = _taken((key for key in COMMON if not kind.option(key)), inside)
    options = _once(kind, inside, beside)
    common = _once(kind, common_inside, common)
    _check_options(kind, options, rendered=rendered)
    return GraderArguments(kind.name, options, _name(kind, common), _weight(kind, common))


def _main_of_bare(name: str) -> bool:
    kind = describe(name)
    main = kind.option(kind.main) if kind.main else None
    if main is None or bool not in members_of(main.annotation):
        raise GraderError(f"`{name}` needs {_needed(kind)}")
    return True


def _grader_key(item: Mapping[str, Any]) -> str:
    known = names()
    found = [key for key in item if key in known]
    if len(found) > 1:
        # `json_path: $.a` beside `equals: 3`: the second is an option of the first.
        found = [key for key in found if _allows(describe(key), set(found) - {key})] or found
    if len(found) == 1:
        return found[0]
    if found:
        both = " and ".join(f"`{key}`" for key in found)
        raise GraderError(f"{both} are graders of their own; begin each with a `-`")
    keys = [str(key) for key in item if key not in COMMON]
    if not keys:
        raise GraderError(f"no grader is named here; there are: {', '.join(known)}")
    raise GraderError(f"there is no grader `{keys[0]}`{suggest(keys[0], known)}")


def _allows(kind: GraderType, keys: Iterable[str]) -> bool:
    return kind.open or all(kind.option(key) for key in keys)


def _inside(kind: GraderType, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping) and _is_options(kind, value):
        return dict(value)
    if value is None:
        return {}
    if kind.main is None:
        raise GraderError(f"`{kind.name}` needs {_needed(kind)}, not {value!r}")
    return {kind.main: value}


def _is_options(kind: GraderType, value: Mapping[str, Any]) -> bool:
    if not kind.main_is_mapping:
        return True
    known = {*COMMON, *(option.name for option in kind.options)}
    return kind.marks <= set(value) <= known


def _taken(keys: Iterable[str], mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: mapping.pop(key) for key in keys if key in mapping}


def _once(kind: GraderType, inside: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    for key in inside:
        if key in beside:
            raise GraderError(f"`{kind.name}`: `{key}` stands twice; keep one")
    return {**inside, **beside}


def _check_options(kind: GraderType, options: Mapping[str, Any], *, rendered: bool) -> None:
    for name, value in options.items():
        _check_option(kind, str(name), value, rendered=rendered)
    for option in kind.options:
        if option.required and option.name not in options:
            if option.name == kind.main:
                raise GraderError(f"`{kind.name}` needs {_needed(kind)}")
            raise GraderError(f"`{kind.name}` needs `{option.name}`; write `{option.name}: …`")


def _check_option(kind: GraderType, name: str, value: Any, *, rendered: bool) -> None:
    option = kind.option(name)
    if option is None:
        if kind.open and name != CONTEXT:
            return
        known = tuple(each.name for each in kind.options)
        raise GraderError(f"`{kind.name}` has no option `{name}`{suggest(name, known)}")
    try:
        convert(value, option.annotation, rendered=rendered)
        for nested in _nested(option.annotation, value):
            arguments(nested, rendered=rendered)
    except (ValueError, GraderError) as exc:
        words = f": in `{name}`: {exc}" if isinstance(exc, GraderError) else f": `{name}` {exc}"
        raise GraderError(f"`{kind.name}`{words}") from exc


def _nested(annotation: Any, value: Any) -> list[Any]:
    if annotation is Item:
        return [value]
    return list(value) if annotation == list[Item] and not has_template(value) else []


def _needed(kind: GraderType) -> str:
    if kind.main is None:
        return f"one of {', '.join(f'`{option.name}`' for option in kind.options)}"
    return f"its `{kind.main}`; write `{kind.name}: …`"


def _name(kind: GraderType, common: Mapping[str, Any]) -> str:
    name = common.get("name", kind.name)
    if not isinstance(name, str) or not name.strip():
        raise GraderError(f"`{kind.name}`: `name` must be a text, not {name!r}; quote it")
    return name.strip()


def _weight(kind: GraderType, common: Mapping[str, Any]) -> float:
    weight = common.get("weight", 1.0)
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not number or not math.isfinite(weight) or weight < 0:
        raise GraderError(f"`{kind.name}`: `weight` must be a number of 0 or more, not {weight!r}")
    return float(weight)
