"""A routing verdict as a policy that a program can follow: plain data for `routing.yaml`.

`harness.Router` reads what is made here; the evidence is for people, and nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.analysis.routes_by_tag import TagRoute, TagRouting
    from harness.analysis.routing import CandidateRoute, Routing
    from harness.records import Run

FORMAT = 1
COMMENT = """\
Which Claude model to ask, from measurements: harness.Router.load(path).model_for(tags).
Requests whose tag has no rule go to `default`; where a model cannot be had, `fallback` in order.
"""
SIMULATED = """\
SIMULATED: no answer behind this came from Claude. Do not use this policy for real traffic.
"""


def policy(
    run: Run, routing: Routing, by_tag: TagRouting | None = None, *, written_at: datetime
) -> dict[str, Any]:
    """The policy in the order in which it is written; UsageError where the run is invalid."""
    if routing.recommended is None:
        raise UsageError(f"no policy can be written from an invalid run: {routing.why}")
    known = {candidate.name: candidate for candidate in routing.candidates}
    document: dict[str, Any] = {
        "format": FORMAT,
        "written_at": written_at.isoformat(timespec="seconds"),
        "simulated": routing.simulated,
        "run": run.id,
        "measured_at": run.started_at.isoformat(timespec="seconds"),
        "prices_as_of": run.prices_as_of,
        "reference": routing.reference,
        "margin": routing.margin,
        "alpha": routing.alpha,
        "verdict": routing.verdict,
        "default": _route(known[routing.recommended]),
        "rules": [
            {"tag": route.tag, **_route(known[route.candidate]), "evidence": _of_tag(route)}
            for route in (by_tag.routes if by_tag else ())
        ],
        "fallback": [_route(candidate) for candidate in fallbacks(routing)],
        "evidence": _evidence(routing, by_tag),
    }
    return document


def comment(*, simulated: bool) -> str:
    """What stands above the policy, a line of text each."""
    return (SIMULATED if simulated else "") + COMMENT


def fallbacks(routing: Routing) -> list[CandidateRoute]:
    """Who may stand in: the reference, then those shown to be no worse, the cheapest first.

    Whoever was asked first is among them: a rule and the default have the same list.
    """
    able = [c for c in routing.candidates if c.verdict == "non_inferior"]
    able.sort(key=lambda c: (c.cost_per_case_live is None, c.cost_per_case_live or 0))
    reference = [c for c in routing.candidates if c.name == routing.reference]
    return [*reference, *able]


def _route(candidate: CandidateRoute) -> dict[str, Any]:
    route: dict[str, Any] = {
        "candidate": candidate.name,
        "model": candidate.model,
        "params": plain(candidate.params),
    }
    return route | ({"prompt": candidate.prompt} if candidate.prompt is not None else {})


def _of_tag(route: TagRoute) -> dict[str, Any]:
    return {
        "basis": route.basis,
        "why": route.why,
        "n_cases": route.n_cases,
        "clusters": route.clusters,
        "verdicts": plain(route.verdicts),
    }


EVIDENCE = (
    *("name", "verdict", "n_cases", "clusters", "missing", "difference", "difference_low"),
    *("difference_high", "p", "p_adjusted", "cost_per_case_live", "saving", "why", "caution"),
)


def _evidence(routing: Routing, by_tag: TagRouting | None) -> dict[str, Any]:
    rows = [{name: plain(getattr(c, name)) for name in EVIDENCE} for c in routing.candidates]
    found: dict[str, Any] = {
        "n_cases": routing.n_cases,
        "clusters": routing.clusters,
        "repeats": routing.repeats,
        "candidates": rows,
    }
    if by_tag is not None:
        found |= {"by_tag_held_out": plain(by_tag.held_out), "by_tag_naive": plain(by_tag.naive)}
    return found


def plain(value: Any) -> Any:
    """Records, tuples and dollars as mappings, lists and numbers."""
    if isinstance(value, Decimal):
        return float(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
