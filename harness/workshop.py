"""What the trials of one suite share: composed requests, prices, and built graders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.graders import GraderContext, arguments, build
from harness.models import Registry
from harness.pricing import bill
from harness.prompt import Composer
from harness.records import Answer, Call, Grader, Request
from harness.render import is_template
from harness.suite import GraderSpec, Suite

RECENT = 4096
"""Graders kept for the other candidates and repeats of their case."""

Built = tuple[Grader, str, float]
"""A grader, its name and its weight."""


class Workshop(Composer):
    """Composes the requests of a suite, prices its answers and builds its graders."""

    def __init__(self, suite: Suite, registry: Registry) -> None:
        super().__init__(suite, registry)
        self.context = GraderContext(suite.folder)
        self._fixed: dict[int, tuple[GraderSpec, Built]] = {}
        self._sound: dict[int, GraderSpec] = {}
        self._recent: dict[tuple[int, int], tuple[Mapping[str, Any], GraderSpec, Built]] = {}

    def call(self, request: Request, answer: Answer) -> Call:
        """The request and its answer, with the bill."""
        return Call(request, answer, bill(answer, self.registry))

    def grader(self, spec: GraderSpec, scope: Mapping[str, Any]) -> Built:
        """The grader for one case, its name and weight; raises RenderError or GraderError.

        It is looked at as written too: a number that stands there is no text, a rendered one is.
        """
        if (fixed := self._fixed.get(id(spec))) is not None:
            return fixed[1]
        # Kept with what the ids are of, so that no other object can come to have the same.
        if (recent := self._recent.get((id(scope), id(spec)))) is not None:
            return recent[2]
        built = self._built(spec, scope)
        if len(self._recent) >= RECENT:
            self._recent.clear()
        if id(spec) not in self._fixed:
            self._recent[id(scope), id(spec)] = (scope, spec, built)
        return built

    def _built(self, spec: GraderSpec, scope: Mapping[str, Any]) -> Built:
        written = spec.item.value
        if id(spec) not in self._sound and not (isinstance(written, str) and is_template(written)):
            arguments(written)
            self._sound[id(spec)] = spec
        item = self.rendered(spec.item, scope)
        given = arguments(item, rendered=True)
        built = build(given, self.context), given.name or given.kind, given.weight
        if item == written:
            self._fixed[id(spec)] = (spec, built)
        return built
