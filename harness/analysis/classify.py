"""Accuracy, F1 and the confusion matrix of a suite whose cases have a `label` grader."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from harness.analysis.attempts import CaseKey
from harness.analysis.columns import Columns
from harness.analysis.comparison import ClassFigures, Classification, Confusion
from harness.analysis.decisions import Decision
from harness.analysis.estimates import estimate


def classification(
    columns: Columns, labels: Mapping[CaseKey, Mapping[Decision, int]]
) -> Classification | None:
    """What the `label` graders of these cases saw, from their decisions; None where there are none.

    F1 is 2·TP/(2·TP + FP + FN) and macro F1 its plain mean over the classes (Opitz and Burst 2019,
    "averaged F1"). An answer without a class is a miss of the expected class, and no class itself.
    Precision is None where a class was never found, recall where it was never expected.
    """
    if not labels:
        return None
    counts: Counter[Decision] = Counter()
    for seen in labels.values():
        counts.update(seen)
    support, found, right = Counter[str](), Counter[str](), Counter[str]()
    for (expected, got), count in counts.items():
        support[expected] += count
        if got is not None:
            found[got] += count
        if got == expected:
            right[expected] += count
    names = sorted({*support, *found})
    classes = tuple(_figures(name, support[name], found[name], right[name]) for name in names)
    return Classification(
        decisions=counts.total(),
        accuracy=estimate(columns, [_accuracy(labels.get(key, {})) for key in columns.keys]),
        macro_f1=math.fsum(one.f1 for one in classes) / len(classes),
        classes=classes,
        confusion=tuple(
            Confusion(expected, got, count)
            for (expected, got), count in sorted(
                counts.items(), key=lambda one: (one[0][0], one[0][1] is None, one[0][1] or "")
            )
        ),
    )


def _accuracy(labels: Mapping[Decision, int]) -> float:
    right = sum(n for (expected, found), n in labels.items() if expected == found)
    return right / sum(labels.values()) if labels else math.nan


def _figures(name: str, support: int, found: int, right: int) -> ClassFigures:
    return ClassFigures(
        name=name,
        support=support,
        found=found,
        precision=right / found if found else None,
        recall=right / support if support else None,
        f1=2 * right / (support + found),
    )
