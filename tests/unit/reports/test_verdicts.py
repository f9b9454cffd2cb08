"""What is said of pairs of candidates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.between import CrossChecks, Limits, MissingBounds, Pair, RatioLimits
from harness.analysis.comparison import Comparison
from reports.verdicts import pair_sentence, pair_sentences

NONE = Limits(None)
PAIR = Pair(
    a="haiku",
    b="opus",
    n_cases=300,
    difference=Limits(-0.04, -0.079, -0.002),
    p=0.014,
    p_adjusted=0.041,
    verdict="b_better",
    metric="pass_rate",
    clusters=300,
    repeats=1,
    a_wins=10,
    b_wins=22,
    bounds=MissingBounds(0, 0, NONE, NONE),
    cross_checks=CrossChecks(),
    cost_ratio=RatioLimits(0.2),
)


def test_a_decided_pair_tells_the_difference_and_its_certainty() -> None:
    assert pair_sentence(PAIR, adjusted=True) == (
        "haiku is 4.0 points below opus (95 % CI −7.9 to −0.2, 300 cases), Holm-adjusted p = 0.041"
    )


def test_a_single_pair_needs_no_adjustment() -> None:
    assert pair_sentence(PAIR, adjusted=False).endswith(", p = 0.041")


def test_clusters_and_repeats_are_told() -> None:
    told = pair_sentence(replace(PAIR, clusters=40, repeats=3), adjusted=True)
    assert "300 cases in 40 clusters, 3 repeats" in told


def test_an_inconclusive_pair_says_why() -> None:
    pair = replace(
        PAIR,
        verdict="inconclusive",
        difference=Limits(0.01, -0.03, 0.05),
        p_adjusted=0.6,
        why="so small a difference may be chance",
    )
    assert pair_sentence(pair, adjusted=True) == (
        "inconclusive: haiku is 1.0 points above opus (95 % CI −3.0 to +5.0, 300 cases), "
        "Holm-adjusted p = 0.60; so small a difference may be chance"
    )


def test_an_invalid_pair_has_no_figures() -> None:
    pair = replace(PAIR, verdict="invalid", why="only one case")
    assert pair_sentence(pair, adjusted=True) == "haiku and opus cannot be compared: only one case"


@pytest.mark.parametrize("most", [1, 3])
def test_decided_pairs_come_first_and_the_rest_are_counted(
    comparison: Comparison, most: int
) -> None:
    open_ = replace(PAIR, verdict="inconclusive", why="chance")
    said = pair_sentences(replace(comparison, pairs=(open_, PAIR, open_)), most)
    assert said[0].startswith("haiku is 4.0 points below")
    assert len(said) == most + (most < 3)
    assert said[-1].startswith("2 more pairs" if most == 1 else "inconclusive")
