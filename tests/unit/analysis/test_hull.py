"""Cost against quality: fronts, hulls and the chord of mixing; figures by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.hull import Point, against_chord, best_mix, hull, pareto_front

HAIKU, SONNET, OPUS = Point("haiku", 1, 0.6), Point("sonnet", 3, 0.7), Point("opus", 5, 0.9)
MODELS = (HAIKU, SONNET, OPUS)

point = st.builds(
    Point, st.text("abc", max_size=2), st.integers(0, 20), st.integers(0, 10).map(lambda q: q / 10)
)
points = st.lists(point, min_size=1, max_size=8)


def beats(a, b):
    return a.cost <= b.cost and a.quality >= b.quality and a.at != b.at


def test_the_front_holds_all_that_nobody_beats_cheapest_first():
    dear = Point("dear", 6, 0.8)
    assert pareto_front([OPUS, dear, HAIKU, SONNET]) == MODELS


def test_the_hull_leaves_out_what_a_mix_beats():
    assert hull(MODELS) == (HAIKU, OPUS)


def test_twins_are_both_on_the_front():
    twin = Point("twin", 5, 0.9)
    assert set(pareto_front([OPUS, twin])) == {OPUS, twin}


@pytest.mark.parametrize(
    ("cost", "quality", "share"),
    [(1, 0.6, 0.0), (2, 0.675, 0.25), (3, 0.75, 0.5), (5, 0.9, 0.0), (9, 0.9, 0.0)],
    ids=["cheapest", "quarter", "half", "best", "beyond"],
)
def test_a_mix_lies_on_the_line_between_two_models(cost, quality, share):
    mix = best_mix(MODELS, cost)
    assert mix.quality == pytest.approx(quality)
    assert mix.share == pytest.approx(share)


def test_nothing_can_be_had_for_less_than_the_cheapest():
    assert best_mix(MODELS, 0.5).quality is None
    assert best_mix(MODELS, 0.5).why == "cheaper than every point"


@pytest.mark.parametrize(
    ("quality", "side"), [(0.8, "above"), (0.75, "on"), (0.7, "below")], ids=str
)
def test_a_point_lies_above_on_or_below_the_chord(quality, side):
    found = against_chord(Point("cascade", Decimal(3), quality), MODELS)
    assert found.side == side
    assert found.gap == pytest.approx(quality - 0.75)


@pytest.mark.parametrize(
    ("cost", "quality"),
    [(None, 0.5), (1.0, None), (float("nan"), 0.5), (1.0, float("inf"))],
    ids=["no cost", "no quality", "nan", "infinite"],
)
def test_an_unknown_point_is_on_no_front_and_has_no_position(cost, quality):
    unknown = Point("?", cost, quality)
    assert pareto_front([unknown]) == ()
    assert best_mix([unknown], 1).why == "no point has both a cost and a quality"
    assert against_chord(unknown, MODELS).why == "its cost or quality is unknown"


@given(points)
def test_nobody_on_the_front_is_beaten_and_everybody_else_is(some):
    front = pareto_front(some)
    for one in some:
        assert (one in front) == (not any(beats(other, one) for other in some))


@given(points)
def test_no_point_lies_above_the_hull(some):
    for one in some:
        assert against_chord(one, some).side in ("on", "below")


@given(points, st.randoms())
def test_the_order_of_the_points_does_not_matter(some, random):
    mixed = random.sample(some, len(some))
    assert [corner.at for corner in hull(mixed)] == [corner.at for corner in hull(some)]
