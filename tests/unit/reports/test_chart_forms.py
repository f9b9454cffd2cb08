"""The forms of charts, as SVG text; what a browser makes of them is tested elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from reports import chart_forms
from reports.chart_forms import Axes, Bar, Heap, Span, Spot
from reports.charts import NARROW, WIDE

AXES = Axes("Title", "dollars", "passed")
SPOTS = (
    Spot("haiku", "haiku: 80 %", 0.001, 0.8, (0.0009, 0.0011), (0.7, 0.9)),
    Spot("sonnet", "sonnet: 90 %", 0.003, 0.9, (0.002, 0.004), (0.85, 0.95)),
    Spot("opus", "opus: 85 %", 0.004, 0.85),
)
SPANS = (
    Span("a − b", "a is better", 0.1, (0.05, 0.15), "a is better", True),
    Span("a − c", "inconclusive", -0.01, (-0.1, 0.08), "inconclusive", False),
)
WIDTHS = pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])


def titles(drawn: str) -> list[str | None]:
    """What the marks tell; the drawing must be well-formed."""
    return [one.text for one in ElementTree.fromstring(drawn).iter("title")]


@WIDTHS
def test_every_spot_is_a_mark_that_tells_its_figures(width: int) -> None:
    drawn = chart_forms.spots(SPOTS, ["haiku", "sonnet"], ["haiku", "sonnet"], AXES, width)
    assert titles(drawn) == [spot.title for spot in SPOTS]
    assert drawn.count('class="ring"') == 2
    assert drawn.count('class="front"') == drawn.count('class="hull"') == 1


def test_intervals_are_drawn_in_both_directions() -> None:
    assert chart_forms.spots(SPOTS, [], [], AXES, WIDE).count('"whisker"') == 2 * 6


def test_a_front_that_the_spots_contradict_is_not_drawn() -> None:
    drawn = chart_forms.spots(SPOTS, ["sonnet", "opus"], [], AXES, WIDE)
    assert 'class="front"' not in drawn


def test_a_lower_limit_of_nothing_does_not_hide_the_cheap() -> None:
    far = [Spot("a", "a", 0.0001, 0.8, (0.0, 0.0002)), Spot("b", "b", 0.01, 0.9)]
    assert "logarithmic" in chart_forms.spots(far, [], [], AXES, WIDE)


def test_names_never_cover_each_other() -> None:
    crowd = [Spot(f"candidate-{n}", str(n), 0.001, 0.8) for n in range(9)]
    drawn = chart_forms.spots(crowd, [], [], AXES, WIDE)
    assert len(re.findall('class="name"', drawn)) < 9
    assert len(titles(drawn)) == 9


@WIDTHS
def test_a_pair_that_is_sure_is_filled(width: int) -> None:
    drawn = chart_forms.spans(SPANS, AXES, width)
    assert titles(drawn) == ["a is better", "inconclusive"]
    assert drawn.count('class="filled"') == drawn.count('class="hollow"') == 1


@WIDTHS
def test_a_part_of_a_bar_that_is_nothing_is_not_drawn(width: int) -> None:
    bar = Bar("haiku", [(0, 3.0, "answers: 3"), (1, 0.0, "judges: 0")], "$3")
    assert titles(chart_forms.bars([bar], ["answers", "judges"], AXES, width)) == ["answers: 3"]


def test_bars_of_nothing_are_drawn_too() -> None:
    assert titles(chart_forms.bars([Bar("haiku", [(0, 0.0, "x")], "$0")], ["a"], AXES, WIDE)) == []


@WIDTHS
def test_a_histogram_has_a_mark_for_every_bin(width: int) -> None:
    heap = Heap("haiku", [(0.1, 0.2, 4, "4 of 5"), (0.2, 0.3, 1, "1 of 5")], [0.15, 0.25], 5, "p50")
    drawn = chart_forms.heaps([heap], AXES, width)
    assert titles(drawn) == ["4 of 5", "1 of 5"]
    assert 'class="median"' in drawn
    assert 'class="late"' in drawn
    assert "haiku, n=5" in drawn
