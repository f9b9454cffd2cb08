"""The joint cluster bootstrap: its frequencies, its laws and what it refuses to resample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.resample import (
    front_and_ranks,
    front_frequency,
    rank_frequency,
    resample,
)

# 16 measurements of R's boot package, whose 95 % percentile interval is 28.86 to 84.21.
ACME = [10, 12, 12.5, 12.5, 13.9, 15, 21, 22, 23, 34, 50, 81, 89, 121, 134, 213]

scores = st.lists(st.sampled_from([0.0, 0.5, 1.0, None]), min_size=2, max_size=12)


def test_the_percentile_interval_is_that_of_r():
    """R boot::boot.ci with a million resamples, as quoted in scipy's test_resampling.py."""
    found = resample([ACME], seed=1, draws=50_000)
    limits = np.quantile(found.means[:, 0], (0.025, 0.975))
    assert tuple(limits) == (pytest.approx(28.86, abs=0.7), pytest.approx(84.21, abs=0.7))


def test_candidates_stand_in_the_same_resample():
    means = resample([ACME, [2 * x for x in ACME]], seed=7, draws=200).means
    assert means[:, 1] == pytest.approx(2 * means[:, 0])


def test_whole_clusters_are_drawn():
    """Two clusters, of zeros and of ones: a resample's mean can be 0, a half or 1 only."""
    means = resample([[0, 0, 0, 1, 1, 1]], "aaabbb", seed=3, draws=500).means
    assert set(means[:, 0]) == {0.0, 0.5, 1.0}


def test_the_seed_decides():
    first, again, other = (resample([ACME], seed=seed, draws=50).means for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_more_draws_go_on_where_fewer_ended():
    """20,000 clusters and 100 draws are more than one batch."""
    column = np.arange(20_000.0)
    fewer, more = (resample([column], seed=1, draws=draws).means for draws in (50, 100))
    assert more[:50] == pytest.approx(fewer)
    assert len(more) == 100


@given(scores, st.randoms())
@settings(max_examples=30, deadline=None)
def test_the_order_of_cases_and_the_names_of_clusters_do_not_matter(column, random):
    clusters = [i // 2 for i in range(len(column))]
    order = random.sample(range(len(column)), len(column))
    one = resample([column], clusters, seed=5, draws=40)
    other = resample(
        [[column[i] for i in order]], [f"c{clusters[i]}" for i in order], seed=5, draws=40
    )
    assert (one.draws, one.clusters, one.why) == (other.draws, other.clusters, other.why)
    if one.means is not None:
        assert other.means == pytest.approx(one.means)


@given(st.lists(scores.filter(len), min_size=1, max_size=3), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_frequencies_are_shares_and_never_nan(columns, seed):
    size = min(map(len, columns))
    quality = [column[:size] for column in columns]
    found = front_and_ranks(quality, quality[::-1], seed=seed, draws=30)
    assert bool(found.front) != bool(found.why)
    assert all(0 <= share <= 1 for share in found.front)
    assert all(sum(ranks) == pytest.approx(1) for ranks in found.ranks)


def test_a_model_that_is_better_and_cheaper_everywhere_is_alone_on_the_front():
    found = front_and_ranks([[1, 0.9, 1], [0, 0.1, 0]], [[1, 1, 1], [2, 2, 2]], seed=1)
    assert found.front == (1.0, 0.0)
    assert found.ranks == ((1.0, 0.0), (0.0, 1.0))


def test_twins_are_both_on_the_front_and_share_the_rank():
    thirds = [1 / 3, 2 / 3, 0.1, 0.7]
    found = front_and_ranks([thirds] * 3, [thirds] * 3, seed=1, draws=100)
    assert found.front == (1.0, 1.0, 1.0)
    assert all(ranks[0] == 1 for ranks in found.ranks)


def test_the_front_is_judged_row_by_row():
    quality, cost = np.array([[0.5, 0.6], [0.6, 0.5]]), np.array([[1.0, 2.0], [1.0, 2.0]])
    assert front_frequency(quality, cost) == (1.0, 0.5)
    assert rank_frequency(quality) == ((0.5, 0.5), (0.5, 0.5))


def test_a_mean_is_over_what_is_there():
    assert resample([[1.0, None, 1.0]], seed=1, draws=50).means == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("columns", "clusters", "why"),
    [
        ([], None, "no cases"),
        ([[]], None, "no cases"),
        ([[None, None]], None, "a column has no value"),
        ([[1.0]], None, "only one cluster"),
        ([[1.0, 0.0]], "aa", "only one cluster"),
    ],
    ids=["no columns", "no cases", "all missing", "one case", "one cluster"],
)
def test_what_cannot_be_resampled_says_why(columns, clusters, why):
    found = resample(columns, clusters, seed=1)
    assert (found.means, found.why) == (None, why)


@pytest.mark.parametrize(
    ("quality", "why"), [([], "no candidates"), ([[1.0]], "only one cluster")], ids=str
)
def test_frequencies_that_are_unknown_say_why(quality, why):
    found = front_and_ranks(quality, quality, seed=1)
    assert (found.front, found.ranks, found.why) == ((), (), why)
