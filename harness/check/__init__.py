"""The proof, before anything is sent, that every case of a suite can be asked and graded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from harness.check.cached import CachedPrompts
from harness.check.graders import GraderCheck
from harness.check.notes import Notes
from harness.check.requests import RequestCheck
from harness.check.tools import ToolCheck
from harness.errors import Problem, SuiteError
from harness.models import Registry
from harness.models.rules import warnings_for
from harness.suite import Suite
from harness.workshop import Workshop

MAX_PROBLEMS = 200


@dataclass(slots=True)
class Findings:
    """What a check found: `problems` forbid the run, `warnings` do not.

    `same` has, by suite, the cases that send identical requests, and a name for those alike.
    """

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    same: dict[str, dict[str, str]] = field(default_factory=dict)

    def clustered(self, suite: Suite) -> Suite:
        """The suite with cases that send the same request in one cluster: one is like the other."""
        same = self.same.get(suite.name)
        if not same:
            return suite
        cases = (
            replace(case, cluster=same[case.id])
            if case.id in same and case.cluster is None
            else case
            for case in suite.cases
        )
        return replace(suite, cases=tuple(cases))


def check(suites: Iterable[Suite], registry: Registry) -> Findings:
    """What is wrong in the suites, each problem once, with the first case it shows in."""
    findings = Findings()
    for suite in suites:
        one = _checked(suite, registry)
        findings.problems += one.problems
        findings.warnings += [*suite.warnings, *one.warnings]
        findings.same |= one.same
    return findings


def require(suites: Iterable[Suite], registry: Registry) -> Findings:
    """What `check` found; raises SuiteError where there are problems."""
    findings = check(suites, registry)
    if findings.problems:
        raise SuiteError(findings.problems)
    return findings


def _checked(suite: Suite, registry: Registry) -> Findings:
    notes, workshop = Notes(suite), Workshop(suite, registry)
    models = {c.name: registry.resolve(c.model) for c in suite.candidates}
    cached = CachedPrompts(suite, models)
    graders, tools = GraderCheck(notes, workshop), ToolCheck(notes, workshop)
    requests = RequestCheck(notes, workshop, models, cached)
    for case in suite.cases:
        graders.case(case)
        tools.case(case)
        for candidate in suite.candidates:
            requests.request(case, candidate)
        if len(notes) > MAX_PROBLEMS:
            break
    retiring = [f"{name}: {said}" for name, m in models.items() for said in warnings_for(m)]
    warnings = [*workshop.self_judged(), *requests.identical(), *cached.warnings()]
    return Findings(notes.listed(), [*retiring, *warnings], {suite.name: requests.same()})
