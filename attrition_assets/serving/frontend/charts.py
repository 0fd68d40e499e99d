"""Pictures as inline SVG: made of numbers, coloured by classes of the stylesheet, no script.

Each is drawn about as wide as a phone, so that its text stays readable everywhere; wide pages put
several side by side. What a picture shows stands as numbers beside it, or in a table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 12, 24
Format = Callable[[float], str]


class Point(NamedTuple):
    """A value by its label, with its interval where it has one; None is a gap."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Scale:
    """Numbers as places: `low` to `high` on `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value, inside the scale's ends."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def draw_line(
    points: Sequence[Point],
    show: Format,
    title: str,
    *,
    marks: Mapping[str, str] | None = None,
    from_zero: bool = True,
    here: str = "",
) -> Markup:
    """A value by month, with intervals; `marks` tell what befell a month, by its label.

    A mark is `alarm` (a triangle) or `gap` (a cross) on the axis. The month `here` stands on a
    band. Empty if there is no value.
    """
    known = [point for point in points if point.value is not None]
    if not known:
        return Markup("")
    ends = [
        each for point in known for each in (point.value, point.low, point.high) if each is not None
    ]
    ticks = choose_ticks(0.0 if from_zero else min(ends), max(ends))
    up = Scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    across = Scale(0, max(1, len(points) - 1), LEFT + 8, WIDTH - RIGHT - 8)
    parts = [_grid(tick, up.at(tick), show) for tick in ticks]
    parts += _label_months(points, across)
    parts += [_band(across.at(at)) for at, point in enumerate(points) if point.label == here]
    parts += [_interval(point, across.at(at), up) for at, point in enumerate(points)]
    parts += _join(points, across, up)
    parts += [_dot(point, across.at(at), up, show) for at, point in enumerate(points)]
    for at, point in enumerate(points):
        if mark := (marks or {}).get(point.label):
            parts.append(_mark(mark, across.at(at)))
    said = _describe(known, show)
    return _svg(WIDTH, HEIGHT, "line", f"{title}: {said}", parts)


def draw_bar(value: float, most: float) -> Markup:
    """A bar for a cell of a table, which says the number itself."""
    width = Scale(0, most or 1, 0, 100).at(value)
    parts = [
        '<rect class="track" x="0" y="3" width="100" height="8"/>',
        f'<rect class="bar" x="0" y="3" width="{width:.1f}" height="8"/>',
    ]
    return _decoration(100, 14, "cellbar", parts)


def draw_interval(
    value: float, low: float, high: float, ends: tuple[float, float], width: int = 140
) -> Markup:
    """A dot with its interval for a cell of a table, which says the numbers."""
    scale = Scale(*ends, 4, width - 4)
    parts = [f'<line class="axis" x1="4" x2="{width - 4}" y1="8" y2="8"/>']
    x, first, last = (scale.at(each) for each in (value, low, high))
    parts.append(f'<line class="range" x1="{first:.1f}" x2="{last:.1f}" y1="8" y2="8"/>')
    parts.append(f'<circle class="dot" cx="{x:.1f}" cy="8" r="3"/>')
    return _decoration(width, 16, "cellinterval", parts)


def draw_gauge(probability: float, threshold: float) -> Markup:
    """A probability on the way to twice the threshold or more, and where flags begin."""
    most = max(0.05, 1.15 * probability, 2 * threshold)
    scale = Scale(0, most, 2, 358)
    x, at = scale.at(probability), scale.at(threshold)
    side = "end" if at > WIDTH / 2 else "start"
    parts = [
        '<rect class="track" x="2" y="8" width="356" height="16"/>',
        f'<rect class="bar" x="2" y="8" width="{x - 2:.1f}" height="16"/>',
        f'<line class="threshold" x1="{at:.1f}" x2="{at:.1f}" y1="2" y2="30"/>',
        f'<text x="{at:.1f}" y="44" text-anchor="{side}">flagged from {threshold:.1%}</text>',
    ]
    said = f"probability {probability:.1%}, flagged from {threshold:.1%}"
    return _svg(360, 50, "gauge", said, parts)


def choose_ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers that span `low` to `high`.

    >>> choose_ticks(0, 0.17)
    [0.0, 0.05, 0.1, 0.15, 0.2]
    """
    if high <= low:
        spread = (abs(low) or 1.0) * 0.1
        low, high = low - spread, high + spread
    step = 10.0 ** _floor_log(high - low)
    for share in (0.2, 0.25, 0.5, 1.0, 2.0):
        width = step * share
        first = int(low // width)
        last = int(-(-high // width))
        if last - first <= 5:
            break
    return [round(number * width, 10) for number in range(first, last + 1)]


def _floor_log(value: float) -> int:
    return int(f"{value:e}".split("e")[1])


def _grid(tick: float, y: float, show: Format) -> str:
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" {_y(y)}/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(show(tick))}</text>'
    )


def _label_months(points: Sequence[Point], across: Scale) -> list[str]:
    last = len(points) - 1
    shown = {0, last, last // 2} if last >= 4 else {0, last}
    anchors = {0: "start", last: "end"} if last else {0: "start"}
    return [
        f'<text x="{across.at(at):.1f}" y="{HEIGHT - 6}" '
        f'text-anchor="{anchors.get(at, "middle")}">{escape(points[at].label)}</text>'
        for at in sorted(shown)
    ]


def _join(points: Sequence[Point], across: Scale, up: Scale) -> list[str]:
    """Lines over neighbours that have values; a gap is left open."""
    runs: list[list[str]] = [[]]
    for at, point in enumerate(points):
        if point.value is None:
            runs.append([])
        else:
            runs[-1].append(f"{across.at(at):.1f},{up.at(point.value):.1f}")
    return [f'<polyline class="run" points="{" ".join(run)}"/>' for run in runs if len(run) > 1]


def _interval(point: Point, x: float, up: Scale) -> str:
    if point.low is None or point.high is None:
        return ""
    first, last = up.at(point.low), up.at(point.high)
    return f'<line class="range" x1="{x:.1f}" x2="{x:.1f}" y1="{first:.1f}" y2="{last:.1f}"/>'


def _dot(point: Point, x: float, up: Scale, show: Format) -> str:
    if point.value is None:
        return ""
    return (
        f'<circle class="dot" cx="{x:.1f}" cy="{up.at(point.value):.1f}" r="2.6">'
        f"<title>{escape(point.label)}: {escape(show(point.value))}</title></circle>"
    )


def _band(x: float) -> str:
    height = HEIGHT - TOP - BOTTOM
    return f'<rect class="here" x="{x - 6:.1f}" y="{TOP}" width="12" height="{height}"/>'


def _mark(mark: str, x: float) -> str:
    y = HEIGHT - BOTTOM
    if mark == "alarm":
        return f'<path class="alarm" d="M{x - 5:.1f} {y} h10 l-5 -9 z"/>'
    return f'<path class="gap" d="M{x - 4:.1f} {y - 8} l8 8 m0 -8 l-8 8"/>'


def _describe(known: Sequence[Point], show: Format) -> str:
    first, last = known[0], known[-1]
    values = [point.value for point in known if point.value is not None]
    return (
        f"{show(values[0])} in {first.label}, {show(values[-1])} in {last.label}, "
        f"between {show(min(values))} and {show(max(values))}"
    )


def _y(y: float) -> str:
    return f'y1="{y:.1f}" y2="{y:.1f}"'


def _svg(width: int, height: int, kind: str, said: str, parts: Sequence[str]) -> Markup:
    return Markup(
        f'<svg class="chart {kind}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(said)}">{"".join(parts)}</svg>'
    )


def _decoration(width: int, height: int, kind: str, parts: Sequence[str]) -> Markup:
    return Markup(
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'aria-hidden="true" focusable="false">{"".join(parts)}</svg>'
    )
