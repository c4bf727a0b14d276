"""Figures as charts: their numbers as shares of an axis, with labels as they shall be read."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from tasks.months import month_range
from tasks.reporting.deck.blocks import Block

Places = dict[float | date, float]  # where each position of a point lies on the axis, 0 to 1
Look = Literal["line", "dots", "dash", "band"]
LETTER = 6.3  # points: width of a letter of the smallest size
N_TICKS, MAX_MONTHS = 4, 7


@dataclass(frozen=True)
class Point:
    """A value at a position (a month, or a number), with its interval and a label."""

    at: float | date
    value: float
    low: float | None = None
    high: float | None = None
    label: str = ""
    broken: bool = False  # no line to the next point


@dataclass(frozen=True)
class Series:
    """Points of one colour and look; a `name` puts it into the key."""

    name: str
    look: Look
    colour: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Guide:
    """A broken line across the chart at a value of one axis, with its label."""

    axis: Literal["x", "y"]
    at: float
    label: str
    colour: str = "alarm"


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`; values are written by `form`."""

    low: float
    high: float
    form: Callable[[float], str]
    ticks: Sequence[float] = field(default_factory=tuple[float, ...])

    def share(self, value: float) -> float:
        """Where a value lies, 0 to 1; what is beyond the axis is at its end."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def axis_for(
    values: Sequence[float | None], form: Callable[[float], str], *, low: float | None = None
) -> Axis:
    """An axis that holds the values, with round ticks; `low` fixes its beginning."""
    known = [value for value in values if value is not None] or [0.0, 1.0]
    start = min(known) if low is None else low
    span = max(max(known) - start, 1e-9)
    step = _round_step(span / N_TICKS)
    first, last = math.floor(start / step + 1e-9), math.ceil(max(known) / step - 1e-9)
    last = max(last, first + 1)
    ticks = [number * step for number in range(first, last + 1)]
    return Axis(ticks[0], ticks[-1], form, ticks)


def _round_step(step: float) -> float:
    power = 10 ** math.floor(math.log10(step))
    return next(power * one for one in (1, 2, 5, 10) if power * one >= step * (1 - 1e-9))


def line_chart(
    title: str, series: Sequence[Series], y: Axis, *, alt: str, xlabel: str, guides: Sequence[Guide] = ()
) -> Block:
    """A chart over the months of its points."""
    months = sorted({point.at for one in series for point in one.points if isinstance(point.at, date)})
    every = month_range(months[0], months[-1]) if months else []
    step = math.ceil(len(every) / MAX_MONTHS) or 1
    places: Places = {month: (at + 0.5) / len(every) for at, month in enumerate(every)}
    xticks = [(places[month], f"{month:%b %y}") for month in every[::step]]
    return _line_block(title, series, y, places, xticks, alt, xlabel, guides)


def curve_chart(
    title: str, series: Sequence[Series], x: Axis, y: Axis, *, alt: str, xlabel: str, guides: Sequence[Guide]
) -> Block:
    """A chart over numbers."""
    xticks = [(x.share(tick), x.form(tick)) for tick in x.ticks]
    placed = [
        Guide(one.axis, x.share(one.at) if one.axis == "x" else one.at, one.label, one.colour)
        for one in guides
    ]
    numbers = {point.at for one in series for point in one.points if not isinstance(point.at, date)}
    places: Places = {number: x.share(number) for number in numbers}
    return _line_block(title, series, y, places, xticks, alt, xlabel, placed)


def _line_block(
    title: str,
    series: Sequence[Series],
    y: Axis,
    places: Places,
    xticks: Sequence[tuple[float, str]],
    alt: str,
    xlabel: str,
    guides: Sequence[Guide],
) -> Block:
    yticks = [{"at": y.share(tick), "label": y.form(tick)} for tick in y.ticks]
    beside = max((len(one.label) for one in guides if one.axis == "y"), default=0)
    return {
        "kind": "line",
        "title": title,
        "alt": alt,
        "xlabel": xlabel,
        "left": 14 + LETTER * max((len(y.form(tick)) for tick in y.ticks), default=0),
        "right": 14 + LETTER * beside,
        "xticks": [{"at": at, "label": label} for at, label in xticks],
        "yticks": yticks,
        "guides": [
            {**vars(one), "at": y.share(one.at) if one.axis == "y" else one.at} for one in guides
        ],
        "series": [
            {
                "name": one.name,
                "look": one.look,
                "colour": one.colour,
                "points": [_place_point(point, y, places[point.at]) for point in one.points],
            }
            for one in series
        ],
    }  # fmt: skip


def _place_point(point: Point, y: Axis, at: float) -> Block:
    low, high = (None if limit is None else y.share(limit) for limit in (point.low, point.high))
    return {
        "at": at, "y": y.share(point.value), "low": low, "high": high, "label": point.label,
        "broken": point.broken, "value": point.value,
    }  # fmt: skip


def _few(ticks: Sequence[float]) -> Sequence[float]:
    """As many ticks as have room beside each other below bars, the last one among them."""
    return ticks[:: -math.ceil(len(ticks) / N_TICKS)][::-1]


@dataclass(frozen=True)
class Bar:
    """A bar: what it is of, its value with interval, and the words to its right."""

    label: str
    value: float
    low: float | None
    high: float | None
    note: str
    colour: str = "accent"


def bar_chart(
    title: str,
    rows: Sequence[Bar],
    axis: Axis,
    *,
    alt: str,
    xlabel: str,
    zero: float = 0.0,
    guides: Sequence[float] = (),
) -> Block:
    """Horizontal bars from `zero`, in the order given."""
    shares = [(None if v is None else axis.share(v)) for one in rows for v in (one.value, one.low, one.high)]
    drawn = [
        {
            "label": one.label, "value": shares[3 * at], "low": shares[3 * at + 1],
            "high": shares[3 * at + 2], "note": one.note, "colour": one.colour, "number": one.value,
        }
        for at, one in enumerate(rows)
    ]  # fmt: skip
    return {
        "kind": "bars",
        "title": title,
        "alt": alt,
        "xlabel": xlabel,
        "rows": drawn,
        "left": 14 + LETTER * max((len(one.label) for one in rows), default=0),
        "right": 14 + LETTER * max((len(one.note) for one in rows), default=0),
        "xticks": [{"at": axis.share(tick), "label": axis.form(tick)} for tick in _few(axis.ticks)],
        "zero": axis.share(zero),
        "guides": [{"at": axis.share(one)} for one in guides],
    }
