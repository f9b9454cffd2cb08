"""What is said of a run in words beside its tables; a format only places it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from harness.analysis.comparison import CandidateSummary, Comparison, MissingKind
from harness.analysis.gates import too_many_missing
from harness.records import add_dollars
from reports import numbers
from reports.text import shortened

SIMULATED = "simulated: nothing here came from Claude"
NOT_JUDGED = "not judged: "
NAMED = 4
REASON_SHOWN = 100


def candidate_notes(comparison: Comparison) -> list[str]:
    """A line for each candidate of which anything is missing or flagged."""
    told = (
        (c.name, ", ".join(filter(None, (missing(c), flags(c))))) for c in comparison.candidates
    )
    return [f"{name}: {notes}" for name, notes in told if notes]


def missing(candidate: CandidateSummary) -> str:
    """How many of a candidate's trials are neither passed nor failed; empty where none is."""
    trials = candidate.trials
    return _counted(
        (trials.errored, "errored"), (trials.ungraded, "ungraded"), (trials.pending, "pending")
    )


def flags(candidate: CandidateSummary) -> str:
    """How many of a candidate's answers were refused, cut off or asked for again."""
    trials = candidate.trials
    return _counted(
        (trials.refused, "refused"), (trials.truncated, "truncated"), (trials.retried, "retried")
    )


def total_cost(comparison: Comparison) -> tuple[Decimal | None, Decimal | None]:
    """Dollars of the trials that ended: what their answers cost when made, and of it this run."""
    total: Decimal | None = Decimal(0)
    spent: Decimal | None = Decimal(0)
    for candidate in comparison.candidates:
        total = add_dollars(total, candidate.cost_usd.total)
        spent = add_dollars(spent, candidate.cost_usd.spent)
    return total, spent


def paid_usd(comparison: Comparison) -> Decimal | None:
    """Dollars that the run has paid in all, for trials that have not ended, too."""
    paid = comparison.run.paid
    return total_cost(comparison)[1] if paid is None else paid.total


def money(comparison: Comparison) -> str:
    """What the answers cost and what of it was paid now, and why where that is not known."""
    total, spent = map(numbers.dollars, total_cost(comparison))
    paid = numbers.dollars(paid_usd(comparison))
    usage = sum(candidate.cost_usd.unknown_usage for candidate in comparison.candidates)
    models = sorted({model for c in comparison.candidates for model in c.cost_usd.unpriced})
    reasons = [f"usage unknown for {numbers.counted(usage, 'answer')}"] if usage else []
    reasons += [f"no price for {_listed(models)}"] if models else []
    why = f" ({'; '.join(reasons)})" if reasons else ""
    looks = (comparison.regression or {}).get("candidates", ())
    if any(look.confirmation is not None for look in looks):
        return f"{total}; this run paid {paid}, its second look included{why}"
    if paid != spent:
        return f"{total} for the trials that have ended; this run paid {paid} in all{why}"
    return f"{total}, of which this run paid {spent}{why}"


def batches(comparison: Comparison) -> str:
    """How many batches the run has sent and how many of them are not recorded; empty where none."""
    sent = [batch for batch in comparison.batches if batch["status"] != "lost"]
    if not sent:
        return ""
    pending = [batch for batch in sent if batch["status"] != "recorded"]
    said = f"{numbers.count(len(sent))}, {_requests(sent)}"
    return f"{said}; not recorded: {len(pending)}, {_requests(pending)}" if pending else said


def _requests(sent: Iterable[Mapping[str, Any]]) -> str:
    return numbers.counted(sum(batch["requests"] for batch in sent), "request")


def verdict(comparison: Comparison) -> str:
    """What the gates say, in a line, the worst first; empty where there are none."""
    found = Counter(gate.verdict if gate.judged else "not judged" for gate in comparison.gates)
    said = _counted(
        (found["fail"], "failed"),
        (found["invalid"], "could not be checked"),
        (found["inconclusive"], "inconclusive"),
        (found["not judged"], "not judged"),
        (found["pass"], "passed"),
    )
    return f"Gates: {said}" if said else ""


def gates_not_judged(comparison: Comparison) -> list[str]:
    """A line for each reason why gates were not judged, with their number."""
    reasons = Counter(gate.detail for gate in comparison.gates if not gate.judged)
    return [
        f"{numbers.counted(number, 'gate')} not judged: {reason.removeprefix(NOT_JUDGED)}"
        for reason, number in reasons.most_common()
    ]


@dataclass(frozen=True, slots=True)
class MissingTrials:
    """Missing trials of one kind over all candidates; `reason` is the most frequent one.

    `alike` is set where it is the reason of all of them.
    """

    kind: str
    count: int
    reason: str
    candidates: tuple[str, ...]
    alike: bool

    @property
    def why(self) -> str:
        """The reason, as an example where others may have been given too."""
        return self.reason if self.alike else f"for example: {self.reason}"


def missing_by_kind(comparison: Comparison) -> list[MissingTrials]:
    """Why trials are missing, the most frequent kind first."""
    kinds: defaultdict[str, list[tuple[str, MissingKind]]] = defaultdict(list)
    for candidate in comparison.candidates:
        for one in candidate.missing:
            kinds[one.kind].append((candidate.name, one))
    found = []
    for kind, of in kinds.items():
        reason = max((one for _, one in of), key=lambda one: one.count).reason
        count = sum(one.count for _, one in of)
        names = tuple(f"{name} {numbers.count(one.count)}" for name, one in of)
        alike = len({one.reason for _, one in of}) == 1 and all(one.reasons == 1 for _, one in of)
        found.append(MissingTrials(kind, count, shortened(reason, REASON_SHOWN), names, alike))
    return sorted(found, key=lambda one: -one.count)


def missing_trials(comparison: Comparison) -> str:
    """How many trials are missing, of whom and mostly why; empty where none is."""
    kinds = missing_by_kind(comparison)
    if not kinds:
        return ""
    planned = sum(candidate.trials.planned for candidate in comparison.candidates)
    of = [
        f"{c.name} {numbers.count(c.trials.missing)} of {numbers.count(c.trials.planned)}"
        for c in sorted(comparison.candidates, key=lambda c: -c.trials.missing)
        if c.trials.missing
    ]
    why = [f"{numbers.count(k.count)} {k.kind} ({k.why})" for k in kinds[:2]]
    total = numbers.count(sum(kind.count for kind in kinds))
    return (
        f"{total} of {numbers.counted(planned, 'trial')} ({_listed(of)}); "
        f"{'mostly ' if len(kinds) > 2 else ''}{', '.join(why)}"
    )


def why_not_judged(comparison: Comparison) -> str:
    """Why the run says nothing: too much is missing, or a gate's figure is unknown."""
    if any(
        too_many_missing(candidate.trials, comparison.run.max_missing)
        for candidate in comparison.candidates
    ):
        return f"too many trials are missing to judge: {missing_trials(comparison)}"
    unknown = [
        f"{gate.suite} {gate.gate} [{gate.candidate}]: {gate.detail}"
        for gate in comparison.gates
        if gate.verdict == "invalid"
    ]
    gates = numbers.counted(len(unknown), "gate")
    return f"{gates} could not be checked: {_listed(unknown, ', ')}" if unknown else ""


def _counted(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{number:,} {word}" for number, word in counts if number)


def _listed(names: Iterable[str], between: str = ", ") -> str:
    all_of_them = list(names)
    more = len(all_of_them) - NAMED
    shown = between.join(all_of_them[:NAMED])
    return f"{shown} and {numbers.count(more)} more" if more > 0 else shown
