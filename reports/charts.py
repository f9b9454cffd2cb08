"""The parts of a chart as SVG: scales with round ticks, axes, marks that tell their figures.

Drawn here and not by a library: those for Python write `style` attributes or scripts, which the
page's Content-Security-Policy refuses, and those for browsers are larger than the page. Colours
are classes, so that the page's style decides them for light, dark and paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from reports.text import one_line, visible

WIDE, NARROW = 600, 340
"""Pixels that a chart is drawn for: a desk or paper, and a phone."""

SERIES = 8
LETTER = 6.3
"""Pixels that a letter takes, about: labels are placed before any browser has measured them."""

SHAPES = (
    "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z",
    "M-4.6,-4.6h9.2v9.2h-9.2z",
    "M0,-5.8L5.4,4.4H-5.4z",
    "M0,-6.4L6.4,0L0,6.4L-6.4,0z",
    "M0,5.8L5.4,-4.4H-5.4z",
    "M-2,-5.6h4v3.6h3.6v4h-3.6v3.6h-4v-3.6h-3.6v-4h3.6z",
)


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a value stands: from `low` at pixel `start` to `high` at `end`, maybe by logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of `value`; what is beyond an end stands at it."""
        low, high, here = (self._place(one) for one in (self.low, self.high, value))
        share = (here - low) / (high - low) if high > low else 0.5
        return self.start + (self.end - self.start) * min(1.0, max(0.0, share))

    def _place(self, value: float) -> float:
        return math.log(max(value, self.low)) if self.log else value

    def ticks(self, most: int) -> list[float]:
        """Round values between the ends, at most about `most`."""
        return log_ticks(self.low, self.high, most) if self.log else self._linear(most)

    def _linear(self, most: int) -> list[float]:
        step = round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(number * step, 12) for number in range(first, last + 1)]


def round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `least`."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= least * (1 - 1e-9))


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Of 1, 2, 5, 10 … between the ends as many as there is room for, powers of ten first."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for numbers in ((1, 2, 5), (1, 3), (1,)):
        values = (n * 10.0**power for power in powers for n in numbers)
        found = [one for one in values if low * (1 - 1e-9) <= one <= high * (1 + 1e-9)]
        if len(found) <= most:
            break
    return found


def spanning(
    values: Sequence[float], start: float, end: float, *, log: bool = False, pad: float = 0.06
) -> Scale:
    """A scale that holds all `values` with some room; `log` needs them above 0."""
    low, high = min(values), max(values)
    if log:
        room = max((high / low) ** pad, 1.1)
        return Scale(low / room, high * room, start, end, log=True)
    room = (high - low) * pad or abs(high) * pad or 1.0
    return Scale(low - room, high + room, start, end)


def worth_a_log(values: Sequence[float]) -> bool:
    """Whether the values are above 0 and so far apart that equal steps would hide the small."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= 12


def element(tag: str, *children: str, text: str = "", **attributes: object) -> str:
    """An SVG element: `class_` is `class`, `_` is `-`; `text` and values are escaped here."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(children) + escape(visible(text), quote=False)
    return f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>"


def _value(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else escape(visible(str(value)))


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def label(x: float, y: float, text: str, *, anchor: str = "start", class_: str = "") -> str:
    """A line of text."""
    anchored = None if anchor == "start" else anchor
    return element(
        "text", text=text, x=float(x), y=float(y), text_anchor=anchored, class_=class_ or None
    )


def path(points: Sequence[tuple[float, float]], class_: str) -> str:
    """Straight lines through the points."""
    steps = "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element("path", d=f"M{steps}", class_=class_)


def shape(x: float, y: float, series: int) -> str:
    """The mark of a series: its form differs as well as its colour."""
    return element("path", d=SHAPES[series % len(SHAPES)], transform=f"translate({x:.1f},{y:.1f})")


def datum(title: str, *parts: str, series: int | None = None, class_: str = "") -> str:
    """A mark with its figures in words, for the pointer, the keyboard and a screen reader."""
    colour = "" if series is None else f" s{series % SERIES}"
    return element(
        "g",
        element("title", text=title),
        *parts,
        class_=f"datum{colour} {class_}".rstrip(),
        role="img",
        aria_label=title,
    )


def drawing(title: str, width: int, height: float, *parts: str) -> str:
    """The chart itself, in pixels of its own that the page scales."""
    return element(
        "svg", *parts, class_="drawing", viewBox=f"0 0 {width} {height:.0f}", role="group",
        aria_label=title, width=width, height=f"{height:.0f}",
    )  # fmt: skip


def bottom_axis(
    scale: Scale, top: float, bottom: float, write: Callable[[float], str], title: str
) -> str:
    """Grid lines, tick labels and the axis' title under the chart."""
    room = max(2, int((scale.end - scale.start) / (78 if scale.log else 64)))
    ticks = scale.ticks(room)
    lines = (line(scale.at(one), top, scale.at(one), bottom, "grid-line") for one in ticks)
    texts = (label(scale.at(one), bottom + 16, write(one), anchor="middle") for one in ticks)
    middle = (scale.start + scale.end) / 2
    said = label(middle, bottom + 34, title, anchor="middle", class_="axis-title")
    return "".join((*lines, *texts, line(scale.start, bottom, scale.end, bottom, "axis"), said))


def left_axis(
    scale: Scale, left: float, right: float, write: Callable[[float], str], title: str
) -> str:
    """Grid lines and tick labels to the left; the title stands above, where it can be read."""
    ticks = scale.ticks(6)
    lines = (line(left, scale.at(one), right, scale.at(one), "grid-line") for one in ticks)
    texts = (label(left - 6, scale.at(one) + 4, write(one), anchor="end") for one in ticks)
    return "".join((*lines, *texts, label(4, 12, title, class_="axis-title")))


def fitted(text: str, pixels: float) -> str:
    """`text` on one line within so many pixels, about."""
    return one_line(text, max(4, int(pixels / LETTER)))


def axis_dollars(value: float) -> str:
    """Dollars on an axis: a round number needs no more digits than it has."""
    return f"${value:,.0f}" if value >= 10 else f"${value:.10f}".rstrip("0").rstrip(".")


def axis_seconds(value: float) -> str:
    """Seconds on an axis."""
    return f"{value * 1000:g} ms" if value < 0.1 else f"{value:g} s"


def axis_percent(value: float) -> str:
    """A share on an axis."""
    return f"{value * 100:.4g} %"


def axis_points(value: float) -> str:
    """A difference of shares on an axis, in points."""
    return f"{value * 100:+.4g}".replace("-", "−") if value else "0"


def axis_count(value: float) -> str:
    """A number of things on an axis: `950`, `12k`, `1.5M`."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"
