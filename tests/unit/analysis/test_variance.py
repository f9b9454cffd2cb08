"""The variance of a mean over clustered cases, against published values and the matrix form."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.variance import (
    MeanCovariance,
    cluster_codes,
    complete,
    covariance_of,
    mean_variance,
    t_critical,
)

UNBALANCED = [1, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0.5, 1]
UNBALANCED_CLUSTERS = list("aaabbbccccdd")

cases = st.lists(
    st.tuples(st.floats(-10, 10).map(lambda x: round(x, 3)), st.integers(0, 4)), min_size=2
)


def matrix_form(values: list[float], clusters: list[int]) -> tuple[float, float]:
    """CR2 by its definition, with (I − H)^(−1/2) and Satterthwaite's df from its quadratic form."""
    n = len(values)
    residual_maker = np.eye(n) - np.ones((n, n)) / n
    columns = []
    for cluster in sorted(set(clusters)):
        inside = np.array([c == cluster for c in clusters])
        block = residual_maker[np.ix_(inside, inside)]
        eigenvalues, vectors = np.linalg.eigh(block)
        adjust = vectors @ np.diag(eigenvalues**-0.5) @ vectors.T
        columns.append(residual_maker[:, inside] @ adjust @ np.ones(inside.sum()) / n)
    gram = np.array(columns) @ np.array(columns).T
    variance = float(((np.array(columns) @ np.array(values)) ** 2).sum())
    return variance, float(np.trace(gram) ** 2 / np.trace(gram @ gram))


def test_balanced_clusters_give_the_published_standard_error() -> None:
    # Inspect AI, tests/scorer/test_metric.py, test_clustered_stderr: 0.645.
    found = mean_variance(range(20), [i % 4 for i in range(20)])
    assert found.mean == 9.5
    assert found.variance is not None
    assert math.sqrt(found.variance) == pytest.approx(0.6454972243679028, abs=1e-12)
    assert found.df == pytest.approx(3)


def test_unbalanced_clusters_give_bell_and_mccaffreys_figures() -> None:
    # Bell and McCaffrey 2002; computed from direct CR2 matrices and their eigenvalues.
    found = mean_variance(UNBALANCED, UNBALANCED_CLUSTERS)
    assert found.variance is not None
    assert math.sqrt(found.variance) == pytest.approx(0.05843245546656286, abs=1e-12)
    assert found.df == pytest.approx(2.8125)


@given(cases)
def test_the_closed_form_is_the_matrix_form(rows: list[tuple[float, int]]) -> None:
    values, clusters = [v for v, _ in rows], [c for _, c in rows]
    found = mean_variance(values, clusters)
    if len(set(clusters)) == 1:
        assert found.variance is None
        return
    variance, df = matrix_form(values, clusters)
    assert found.variance == pytest.approx(variance, rel=1e-6, abs=1e-12)
    assert found.df == pytest.approx(df, rel=1e-6)


def test_without_clusters_it_is_the_textbook_variance() -> None:
    found = mean_variance([1, 2, 4, 9])
    assert found.variance == pytest.approx(np.var([1, 2, 4, 9], ddof=1) / 4)
    assert (found.df, found.n, found.clusters) == (pytest.approx(3), 4, 4)


def test_a_case_without_a_label_is_its_own_cluster() -> None:
    codes = cluster_codes(["a", None, "a", None], 4)
    assert codes.tolist() == [0, 1, 0, 2]


def test_missing_values_are_left_out_with_their_clusters() -> None:
    found = mean_variance([1, None, 0, math.nan, math.inf], ["a", "b", "c", "d", "e"])
    assert (found.mean, found.n, found.clusters) == (0.5, 2, 2)


def test_money_is_understood_as_a_number() -> None:
    assert mean_variance([Decimal("0.25"), None, Decimal("0.75")]).mean == 0.5


@pytest.mark.parametrize(
    ("values", "clusters", "why"),
    [
        ([], None, "no cases"),
        ([None, None], None, "no cases"),
        ([1], None, "only one case"),
        ([1, 0], ["a", "a"], "only one cluster"),
    ],
    ids=["none", "all missing", "one case", "one cluster"],
)
def test_too_little_to_learn_a_variance_from_says_so(
    values: list[float | None], clusters: list[str] | None, why: str
) -> None:
    found = mean_variance(values, clusters)
    assert (found.variance, found.df, found.why) == (None, None, why)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-9, 1e9])
def test_equal_values_have_no_variance_at_all(value: float) -> None:
    assert mean_variance([value] * 1000, [i % 7 for i in range(1000)]).variance == 0.0


def mean_covariance(x: list[float], y: list[float], clusters: Any = None) -> MeanCovariance:
    (first, second), codes = complete([x, y], clusters)
    return covariance_of(first, second, codes)


def test_a_covariance_holds_the_two_variances() -> None:
    other = [x * x - 0.3 * i for i, x in enumerate(UNBALANCED)]
    both = mean_covariance(UNBALANCED, other, UNBALANCED_CLUSTERS)
    assert both.var_x == mean_variance(UNBALANCED, UNBALANCED_CLUSTERS).variance
    assert both.var_y == mean_variance(other, UNBALANCED_CLUSTERS).variance


def test_a_covariance_is_that_of_the_sum() -> None:
    other = [x * x - 0.3 * i for i, x in enumerate(UNBALANCED)]
    both = mean_covariance(UNBALANCED, other, UNBALANCED_CLUSTERS)
    total = [x + y for x, y in zip(UNBALANCED, other, strict=True)]
    expected = mean_variance(total, UNBALANCED_CLUSTERS).variance
    assert both.var_x is not None
    assert both.cov_xy is not None
    assert both.var_y is not None
    assert both.var_x + 2 * both.cov_xy + both.var_y == pytest.approx(expected)


@given(cases.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_order_of_cases_and_the_names_of_clusters_are_nothing(
    rows: tuple[list[tuple[float, int]], list[tuple[float, int]]],
) -> None:
    first, second = rows
    one = mean_variance([v for v, _ in first], [c for _, c in first])
    other = mean_variance([v for v, _ in second], [f"cluster {-c}" for _, c in second])
    assert one.mean == other.mean
    assert one.variance == pytest.approx(other.variance, abs=1e-9)
    assert one.df == pytest.approx(other.df)


def test_a_label_too_few_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 cluster labels for 2 cases"):
        mean_variance([1, 2], ["a"])


def test_figures_of_different_cases_are_an_error() -> None:
    with pytest.raises(ValueError, match="different length"):
        mean_covariance([1, 2], [1])


@pytest.mark.parametrize(("alpha", "sides"), [(0, 2), (1, 2), (0.5, 1)])
def test_an_error_rate_that_leaves_no_interval_is_an_error(alpha: float, sides: int) -> None:
    with pytest.raises(ValueError, match="must leave an interval"):
        t_critical(alpha, 5, sides)  # type: ignore[arg-type]


def test_t_quantiles_are_the_tabulated_ones() -> None:
    # Student's table: 2.228 for 10 degrees of freedom, two-sided .05; 1.812 one-sided.
    assert t_critical(0.05, 10) == pytest.approx(2.228, abs=5e-4)
    assert t_critical(0.05, 10, 1) == pytest.approx(1.812, abs=5e-4)
