"""Charts as inline SVG. Each has a text description of everything that it shows, for screen readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

BAR, GAP, LABEL, PLOT, NOTE = 20, 12, 290, 390, 270
WIDTH = LABEL + PLOT + NOTE
COLOURS = ("#005eb8", "#41b6e6", "#ffb81c", "#768692", "#330072", "#ae2573", "#006747", "#7c2855", "#d8dde0")
MAX_NUMBERED_COLUMNS = 15
"""Columns of a chart that fit with a number above each."""

MAX_LABELLED_COLUMNS = 24
"""Columns of a chart that fit with a label below each. Of more, every second one has a label."""

GRID, INK, TARGET = "#d8dde0", "#212b32", "#b3200e"


@dataclass(frozen=True)
class Part:
    """A part of a stacked bar, with its size. The bar shows each part as a share of all its parts."""

    name: str
    size: float


@dataclass(frozen=True)
class Estimate:
    """A point with its interval and a note in words. `other` is a second point, drawn as a diamond, None for no diamond."""

    label: str
    value: float
    lower: float
    upper: float
    note: str
    other: float | None = None


def draw_picture(name: str, title: str, description: str, height: float, shapes: Iterator[str]) -> str:
    """Return an SVG drawing of the page's width, with a title and a description. `name` is unique on the page; `height` is in pixels."""
    head = f'<svg role="img" aria-labelledby="{name}-title {name}-text" viewBox="0 0 {WIDTH} {height:.0f}">'
    return "\n".join((head, f'<title id="{name}-title">{escape(title)}</title>', f'<desc id="{name}-text">{escape(description)}</desc>', *shapes, "</svg>"))


def draw_stacked_bars(name: str, title: str, bars: Sequence[tuple[str, Sequence[Part], str]]) -> str:
    """Draw one bar of full length for each (label, parts, note), with its parts as shares and a key below."""
    names = list(dict.fromkeys(part.name for _, parts, _ in bars for part in parts))
    colours = {part: COLOURS[n % len(COLOURS)] for n, part in enumerate(names)}
    description = "; ".join(f"{label}: {', '.join(f'{p.name} {_share_text(p, parts)}' for p in parts if p.size)}" for label, parts, _ in bars)
    height = (len(bars) + (len(names) + 2) // 3) * (BAR + GAP) + GAP
    return draw_picture(name, title, description, height, _stacked_bar_shapes(bars, colours))


def _share_text(part: Part, parts: Sequence[Part]) -> str:
    return f"{100 * part.size / (sum(other.size for other in parts) or 1):.1f}%"


def _stacked_bar_shapes(bars: Sequence[tuple[str, Sequence[Part], str]], colours: dict[str, str]) -> Iterator[str]:
    for position, (label, parts, note) in enumerate(bars):
        top, left = GAP + position * (BAR + GAP), float(LABEL)
        whole = sum(part.size for part in parts) or 1
        yield _text_element(LABEL - 8, top + BAR - 5, label, "end")
        for part in parts:
            length = PLOT * part.size / whole
            if length:
                yield f'<rect x="{left:.1f}" y="{top}" width="{length:.1f}" height="{BAR}" fill="{colours[part.name]}"/>'
            left += length
        yield _text_element(LABEL + PLOT + 8, top + BAR - 5, note)
    for position, (part_name, colour) in enumerate(colours.items()):
        top, left = GAP + (len(bars) + position // 3) * (BAR + GAP), 20 + position % 3 * (WIDTH // 3)
        yield f'<rect x="{left}" y="{top + 4}" width="12" height="12" fill="{colour}" stroke="{INK}" stroke-width=".5"/>'
        yield _text_element(left + 18, top + BAR - 5, part_name)


def draw_intervals(name: str, title: str, points: Sequence[Estimate], low: float, high: float, target: float | None = None) -> str:
    """Draw one line for each point with its 95% interval and note, on a scale from `low` to `high`. The target is a dashed line."""
    description = "; ".join(f"{point.label}: {point.note}" for point in points)
    height = len(points) * (BAR + GAP) + GAP + 34
    return draw_picture(name, title, description, height, _interval_shapes(points, low, high, target))


def _interval_shapes(points: Sequence[Estimate], low: float, high: float, target: float | None) -> Iterator[str]:
    bottom = GAP + len(points) * (BAR + GAP)

    def x_position(value: float) -> float:
        return LABEL + PLOT * (min(max(value, low), high) - low) / ((high - low) or 1)

    # An even number of steps puts a grid line at zero on a scale that is symmetric about it.
    steps = 4 if low < 0 else 5
    for step in range(steps + 1):
        value = low + (high - low) * step / steps
        yield f'<line x1="{x_position(value):.1f}" x2="{x_position(value):.1f}" y1="{GAP - 4}" y2="{bottom}" stroke="{GRID}"/>'
        yield _text_element(x_position(value), bottom + 16, f"{value:.2f}".rstrip("0").rstrip("."), "middle")
    if target is not None and low <= target <= high:
        ends = f'x1="{x_position(target):.1f}" x2="{x_position(target):.1f}" y1="{GAP - 4}" y2="{bottom}"'
        yield f'<line {ends} stroke="{TARGET}" stroke-width="2" stroke-dasharray="5 3"/>'
    for position, point in enumerate(points):
        middle = GAP + position * (BAR + GAP) + BAR / 2
        yield _text_element(LABEL - 8, middle + 5, point.label, "end")
        yield f'<line x1="{x_position(point.lower):.1f}" x2="{x_position(point.upper):.1f}" y1="{middle}" y2="{middle}" stroke="#005eb8" stroke-width="3"/>'
        yield f'<circle cx="{x_position(point.value):.1f}" cy="{middle}" r="5" fill="#005eb8"/>'
        if point.other is not None:
            x = x_position(point.other)
            diamond = f"{x:.1f},{middle - 7} {x + 7:.1f},{middle} {x:.1f},{middle + 7} {x - 7:.1f},{middle}"
            yield f'<polygon points="{diamond}" fill="#fff" fill-opacity=".4" stroke="{INK}" stroke-width="2"/>'
        yield _text_element(LABEL + PLOT + 14, middle + 5, point.note)


def draw_columns(name: str, title: str, bars: Sequence[tuple[str, float]], unit: str) -> str:
    """Draw a distribution: one column for each (label, size), in order. `unit` is used in the description only."""
    description = "; ".join(f"{label}: {size:,.0f} {unit}" for label, size in bars)
    return draw_picture(name, title, description, 210, _column_shapes(bars))


def _column_shapes(bars: Sequence[tuple[str, float]]) -> Iterator[str]:
    largest, step = max((size for _, size in bars), default=0) or 1, min(70.0, (WIDTH - 40) / max(1, len(bars)))
    for position, (label, size) in enumerate(bars):
        left, length = 20 + position * step, 150 * size / largest
        yield f'<rect x="{left:.1f}" y="{170 - length:.1f}" width="{max(1.0, step - 3):.1f}" height="{length:.1f}" fill="#005eb8"/>'
        if len(bars) <= MAX_NUMBERED_COLUMNS:
            yield _text_element(left + step / 2, 166 - length, f"{size:,.0f}", "middle")
        if len(bars) <= MAX_LABELLED_COLUMNS or position % 2 == 0:
            yield _text_element(left + step / 2, 188, label, "middle")


def _text_element(x: float, y: float, content: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'
