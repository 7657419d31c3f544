"""Charts as drawings within the page. Each tells in words all that it shows, for whoever does not see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

BAR, GAP, LABEL, PLOT, NOTE = 20, 12, 290, 390, 270
WIDTH = LABEL + PLOT + NOTE
COLOURS = ("#005eb8", "#41b6e6", "#ffb81c", "#768692", "#330072", "#ae2573", "#006747", "#7c2855", "#d8dde0")
ROOM_FOR_NUMBERS = 15
"""So many columns have room for the number of each above them."""

GRID, INK, TARGET = "#d8dde0", "#212b32", "#b3200e"


@dataclass(frozen=True)
class Part:
    """A stretch of a bar: what it is, how long, out of all of the bar's parts."""

    name: str
    size: float


@dataclass(frozen=True)
class Estimate:
    """A point with its interval; `other` is a second one, drawn as a diamond, None where there is none."""

    label: str
    value: float
    lower: float
    upper: float
    note: str
    other: float | None = None


def picture(name: str, title: str, told: str, height: float, drawn: Iterator[str]) -> str:
    """A drawing with its title and what it tells. `name` is unique on the page."""
    head = f'<svg role="img" aria-labelledby="{name}-title {name}-text" viewBox="0 0 {WIDTH} {height:.0f}">'
    return "\n".join((head, f'<title id="{name}-title">{escape(title)}</title>', f'<desc id="{name}-text">{escape(told)}</desc>', *drawn, "</svg>"))


def stacked(name: str, title: str, bars: Sequence[tuple[str, Sequence[Part], str]]) -> str:
    """One bar each of (label, parts, note), all of one length, its parts in shares, with a key beneath."""
    names = list(dict.fromkeys(part.name for _, parts, _ in bars for part in parts))
    colours = {part: COLOURS[n % len(COLOURS)] for n, part in enumerate(names)}
    told = "; ".join(f"{label}: {', '.join(f'{p.name} {_share(p, parts)}' for p in parts if p.size)}" for label, parts, _ in bars)
    height = (len(bars) + (len(names) + 2) // 3) * (BAR + GAP) + GAP
    return picture(name, title, told, height, _stacked(bars, colours))


def _share(part: Part, parts: Sequence[Part]) -> str:
    return f"{100 * part.size / (sum(each.size for each in parts) or 1):.1f}%"


def _stacked(bars: Sequence[tuple[str, Sequence[Part], str]], colours: dict[str, str]) -> Iterator[str]:
    for position, (label, parts, note) in enumerate(bars):
        top, left = GAP + position * (BAR + GAP), float(LABEL)
        whole = sum(part.size for part in parts) or 1
        yield _text(LABEL - 8, top + BAR - 5, label, "end")
        for part in parts:
            length = PLOT * part.size / whole
            if length:
                yield f'<rect x="{left:.1f}" y="{top}" width="{length:.1f}" height="{BAR}" fill="{colours[part.name]}"/>'
            left += length
        yield _text(LABEL + PLOT + 8, top + BAR - 5, note)
    for position, (part_name, colour) in enumerate(colours.items()):
        top, left = GAP + (len(bars) + position // 3) * (BAR + GAP), 20 + position % 3 * (WIDTH // 3)
        yield f'<rect x="{left}" y="{top + 4}" width="12" height="12" fill="{colour}" stroke="{INK}" stroke-width=".5"/>'
        yield _text(left + 18, top + BAR - 5, part_name)


def intervals(name: str, title: str, points: Sequence[Estimate], low: float, high: float, target: float | None = None) -> str:
    """One line each: a point, its 95% interval, a note that tells them in words; the target as a dashed stroke."""
    told = "; ".join(f"{point.label}: {point.note}" for point in points)
    height = len(points) * (BAR + GAP) + GAP + 34
    return picture(name, title, told, height, _intervals(points, low, high, target))


def _intervals(points: Sequence[Estimate], low: float, high: float, target: float | None) -> Iterator[str]:
    bottom = GAP + len(points) * (BAR + GAP)

    def across(value: float) -> float:
        return LABEL + PLOT * (min(max(value, low), high) - low) / ((high - low) or 1)

    steps = 4 if low < 0 else 5
    for step in range(steps + 1):
        value = low + (high - low) * step / steps
        yield f'<line x1="{across(value):.1f}" x2="{across(value):.1f}" y1="{GAP - 4}" y2="{bottom}" stroke="{GRID}"/>'
        yield _text(across(value), bottom + 16, f"{value:.2f}".rstrip("0").rstrip("."), "middle")
    if target is not None and low <= target <= high:
        ends = f'x1="{across(target):.1f}" x2="{across(target):.1f}" y1="{GAP - 4}" y2="{bottom}"'
        yield f'<line {ends} stroke="{TARGET}" stroke-width="2" stroke-dasharray="5 3"/>'
    for position, point in enumerate(points):
        middle = GAP + position * (BAR + GAP) + BAR / 2
        yield _text(LABEL - 8, middle + 5, point.label, "end")
        yield f'<line x1="{across(point.lower):.1f}" x2="{across(point.upper):.1f}" y1="{middle}" y2="{middle}" stroke="#005eb8" stroke-width="3"/>'
        yield f'<circle cx="{across(point.value):.1f}" cy="{middle}" r="5" fill="#005eb8"/>'
        if point.other is not None:
            at = across(point.other)
            diamond = f"{at:.1f},{middle - 7} {at + 7:.1f},{middle} {at:.1f},{middle + 7} {at - 7:.1f},{middle}"
            yield f'<polygon points="{diamond}" fill="#fff" fill-opacity=".4" stroke="{INK}" stroke-width="2"/>'
        yield _text(LABEL + PLOT + 14, middle + 5, point.note)


def columns(name: str, title: str, bars: Sequence[tuple[str, float]], unit: str) -> str:
    """A column each of (label, size), in order: a distribution."""
    told = "; ".join(f"{label}: {size:,.0f} {unit}" for label, size in bars)
    return picture(name, title, told, 210, _columns(bars))


def _columns(bars: Sequence[tuple[str, float]]) -> Iterator[str]:
    most, step = max((size for _, size in bars), default=0) or 1, min(70.0, (WIDTH - 40) / max(1, len(bars)))
    for position, (label, size) in enumerate(bars):
        left, length = 20 + position * step, 150 * size / most
        yield f'<rect x="{left:.1f}" y="{170 - length:.1f}" width="{max(1.0, step - 3):.1f}" height="{length:.1f}" fill="#005eb8"/>'
        if len(bars) <= ROOM_FOR_NUMBERS:
            yield _text(left + step / 2, 166 - length, f"{size:,.0f}", "middle")
        if len(bars) <= 24 or position % 2 == 0:
            yield _text(left + step / 2, 188, label, "middle")


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
