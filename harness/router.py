"""Which model to ask for a request, by a policy that `harness route --write` wrote.

Only reads the file: no model is asked, no network, no store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from harness.errors import Problem, SuiteError
from harness.yamlfile import KeyPath, PlaceOf, dump_yaml, read_yaml

FORMAT = 1
WRITTEN_BY = "`harness route RUN --write FILE` writes one"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: the model id, its parameters, and who stands in, in order.

    `candidate` is its name in the run that was measured, `prompt` the prompt variant, if there were
    several. `tag` is of the rule that decided, None where none did.
    """

    candidate: str
    model: str
    params: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    tag: str | None = None
    fallbacks: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Router:
    """A routing policy: a route for each tag, and one for everything else.

    `simulated` says that the policy was made from answers that no model gave.
    """

    default: Route
    rules: Mapping[str, Route]
    run: str
    simulated: bool

    @classmethod
    def load(cls, path: str | Path) -> Router:
        """The policy in a file; SuiteError says what is wrong with it, and where."""
        data, place_of = read_yaml(Path(path))
        return _Reader(place_of).router(data)

    def model_for(self, tags: Iterable[str] | str | None = None) -> str:
        """The id of the model that a request with these tags goes to."""
        return self.route_for(tags).model

    def route_for(self, tags: Iterable[str] | str | None = None) -> Route:
        """The whole route of a request with these tags.

        Tags without a rule count for nothing. Where no rule is left, or two that disagree, it is
        the default: what was measured is that every request has one routing tag.
        """
        given = (tags,) if isinstance(tags, str) else tags or ()
        found = [self.rules[tag] for tag in dict.fromkeys(given) if tag in self.rules]
        agree = {(route.candidate, route.model) for route in found}
        return found[0] if len(agree) == 1 else self.default


def write_policy(path: Path, document: Mapping[str, Any], comment: str = "") -> None:
    """Write a policy, `comment` above it; SuiteError where the file cannot be written."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    try:
        path.write_text(head + dump_yaml(dict(document)), encoding="utf-8")
    except OSError as exc:
        raise SuiteError([Problem(f"{path} cannot be written: {exc.strerror or exc}")]) from exc


class _Reader:
    """Reads a policy's data and raises at the first thing that is wrong."""

    def __init__(self, place_of: PlaceOf) -> None:
        self.place_of = place_of

    def router(self, data: Any) -> Router:
        if not isinstance(data, dict) or "format" not in data or "default" not in data:
            self.wrong((), f"this is no routing policy; {WRITTEN_BY}")
        version = data["format"]
        if version != FORMAT or isinstance(version, bool):
            message = f"format {version!r} is not known here, only {FORMAT}; write the policy again"
            self.wrong(("format",), f"{message}: {WRITTEN_BY}")
        simulated, run = data.get("simulated", False), data.get("run", "")
        self.typed(simulated, bool, ("simulated",))
        self.typed(run, str, ("run",))
        standing = self.sequence(data, "fallback")
        able = tuple(self.route(raw, ("fallback", i)) for i, raw in enumerate(standing))
        rules: dict[str, Route] = {}
        for i, raw in enumerate(self.sequence(data, "rules")):
            route = self.route(raw, ("rules", i), able, ruled=True)
            if route.tag is None or route.tag in rules:
                self.wrong(("rules", i, "tag"), f"{route.tag!r} has two rules; keep one")
            rules[route.tag] = route
        default = self.route(data["default"], ("default",), able)
        return Router(default, rules, run, simulated)

    def route(
        self, raw: Any, keys: KeyPath, able: tuple[Route, ...] = (), *, ruled: bool = False
    ) -> Route:
        self.typed(raw, dict, keys)
        for name in ("candidate", "model", *(["tag"] if ruled else [])):
            if not isinstance(raw.get(name), str) or not raw[name]:
                self.wrong((*keys, name), f"`{name}` must be a text, not {raw.get(name)!r}")
        params, prompt = raw.get("params", {}), raw.get("prompt")
        self.typed(params, dict, (*keys, "params"))
        if prompt is not None:
            self.typed(prompt, str, (*keys, "prompt"))
        name, model = raw["candidate"], raw["model"]
        others = tuple(route for route in able if route.candidate != name)
        return Route(name, model, params, prompt, raw["tag"] if ruled else None, others)

    def sequence(self, data: Mapping[str, Any], name: str) -> list[Any]:
        found = data.get(name, [])
        self.typed(found, list, (name,))
        return list(found)

    def typed(self, value: Any, kind: type, keys: KeyPath) -> None:
        if not isinstance(value, kind):
            wanted = {dict: "a mapping", list: "a list", bool: "true or false", str: "a text"}
            self.wrong(keys, f"`{keys[-1]}` must be {wanted[kind]}, not {value!r}")

    def wrong(self, keys: KeyPath, message: str) -> NoReturn:
        raise SuiteError([Problem(message, self.place_of(keys))])
