"""Where the data went in this run, as a drawing: zones, sources with their records, steps, and what became of the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from bcf_linkage.pages.charts import INK, WIDTH, picture
from bcf_linkage.published.governance_report.told import Told
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE
from bcf_linkage.published.linkage_report.sources import END_NAMES
from bcf_linkage.published.linkage_report.told import count, words

LEFT_OUT = ("unreadable", "refused by a rule", "duplicate", "out of period", "opted out")
KEPT = ("linked", "not_registered", "unlinked")
RECEIVE = ("check every row", "trace its person", "leave out who objects", "put a pseudonym instead", "keep a month and an area")
PEOPLE = ("link: one row a person", "stratify: cost, band, risk")
COUNTS = ("count cohorts and metrics", "attack the release", "hide small numbers", "write tables and reports")
VAULT = ("keys", "the way back, sealed", "lists of who objects, sealed")
CARE = ("a practice's own patients,", "for direct care, approved", "by a second person")

TOP, LINE, PAD, GAP, MARGIN = 46, 19, 10, 16, 12
Band = tuple[str, float, float, str]
"""A zone: its name and what it may hold, where it begins, how wide it is, and its colour."""

BANDS: tuple[Band, ...] = (
    ("landing/ identifiable", 0.0, 230.0, "#fdf1ef"),
    ("receive identifiable, in memory", 242.0, 216.0, "#fdf1ef"),
    ("pseudonymised/ no identifiers", 470.0, 208.0, "#f0f4f5"),
    ("published/ counts only", 690.0, 210.0, "#e8f3ec"),
)


def flow_map(told: Told) -> str:
    """The drawing. The words for whoever does not see it tell all that it shows."""
    sources = [(words(s.extract.name), count(told.figures.get(("rows_read", s.extract.name)))) for s in told.sources]
    read, traced = (told.figures.get((measure, EVERYWHERE)) for measure in ("rows_read", "rows_traced"))
    left = f"Left out: {count(None if read is None or traced is None else read - traced)}"
    kept = [f"{END_NAMES[end].removeprefix('seen, ')}: {count(told.figures.get((end, EVERYWHERE), 0))}" for end in KEPT]
    said = (
        f"Landing, identifiable: {'; '.join(f'{name}, {records} records' for name, records in sources)}. Receive, identifiable, in memory, with keys "
        f"from the vault: {', '.join(RECEIVE)}. {left} records of the sources that are linked to the register, as {', '.join(LEFT_OUT)}. "
        f"Pseudonymised, of those sources: {'; '.join(kept)}; then {', '.join(PEOPLE)}. Published, counts only: {', '.join(COUNTS)}. "
        f"Vault: {', '.join(VAULT)}; from it, {' '.join(CARE)}."
    )
    height = max(TOP + len(sources) * (_tall("1") + MARGIN), TOP + _tall(RECEIVE) + GAP + _tall(LEFT_OUT, True) + MARGIN)
    whole = height + GAP * 2 + _tall(VAULT, True) + 2 * MARGIN
    return picture("map", "Where the data went", said, whole, _drawn(sources, left, kept, height))


def _drawn(sources: Sequence[tuple[str, str]], left: str, kept: Sequence[str], height: float) -> Iterator[str]:
    landing, receive, people, counts = BANDS
    for name, x, width, colour in BANDS:
        yield _rectangle(x, 0, width, height, colour)
        first, _, rest = name.partition(" ")
        yield _words(x + MARGIN, 18, first, weight=600)
        yield _words(x + MARGIN, 36, rest)
    for position, (name, records) in enumerate(sources):
        y = TOP + position * (_tall("1") + MARGIN)
        yield from _box(landing, y, (name,))
        yield _words(_right(landing) - 8, y + PAD / 2 + 14, records, anchor="end")
        yield _arrow(_right(landing), y + _tall("1") / 2, receive[1], y + _tall("1") / 2)
    # What is kept goes on from the steps of receive; what is left out stays below them.
    yield from _box(receive, TOP, RECEIVE)
    yield from _below(receive, TOP + _tall(RECEIVE), LEFT_OUT, left, dashed=True)
    across = TOP + _tall(kept, True) / 2
    yield from _box(people, TOP, kept, "Kept")
    yield _arrow(_right(receive), across, people[1] + MARGIN, across)
    yield from _below(people, TOP + _tall(kept, True), PEOPLE)
    onward = TOP + _tall(kept, True) + GAP + _tall(PEOPLE) / 2
    yield from _box(counts, onward - _tall("1") / 2, COUNTS)
    yield _arrow(_right(people), onward, counts[1] + MARGIN, onward)
    yield from _vault(height + 2 * GAP)


def _right(band: Band) -> float:
    """Where the boxes of a band end."""
    return band[1] + band[2] - MARGIN


def _below(band: Band, y: float, lines: Sequence[str], head: str = "", dashed: bool = False) -> Iterator[str]:
    """A box beneath one that ends at a height, with an arrow to it."""
    middle = band[1] + band[2] / 2
    yield from _box(band, y + GAP, lines, head, dashed)
    yield _arrow(middle, y, middle, y + GAP)


def _vault(top: float) -> Iterator[str]:
    """Below the zones: the vault, which receive draws its keys from, and the one way back."""
    tall = _tall(VAULT, True) + 2 * MARGIN
    end = BANDS[1][1] + BANDS[1][2]
    yield _rectangle(0, top, end, tall, "#fdf1ef")
    yield _words(MARGIN, top + 18, "vault/", weight=600)
    yield _words(MARGIN, top + 36, "identifiable, its owner's alone")
    yield from _box(BANDS[1], top + MARGIN, VAULT, "Sealed or secret")
    x = BANDS[1][1] + BANDS[1][2] / 2
    yield _arrow(x, top + MARGIN, x, top - 2 * GAP)
    yield from _box(("", BANDS[2][1], WIDTH - BANDS[2][1], ""), top + MARGIN, (" ".join(CARE[:2]), CARE[2]), "The way back: bcf reidentify")
    yield _arrow(end - MARGIN, top + MARGIN + 30, BANDS[2][1] + MARGIN, top + MARGIN + 30)


def _tall(lines: Sequence[str], headed: bool = False) -> float:
    return (len(lines) + headed) * LINE + PAD


def _box(band: Band, y: float, lines: Sequence[str], head: str = "", dashed: bool = False) -> Iterator[str]:
    """A box in a band with a line of words each, and a heading if it has one."""
    _, left, wide, _ = band
    x, width = left + MARGIN, wide - 2 * MARGIN
    yield _rectangle(x, y, width, _tall(lines, bool(head)), "#fff", INK, dashed)
    for position, line in enumerate((head, *lines) if head else lines):
        yield _words(x + 8, y + PAD / 2 + 14 + position * LINE, line, weight=600 if head and position == 0 else 400)


def _rectangle(x: float, y: float, width: float, height: float, fill: str, stroke: str = "#768692", dashed: bool = False) -> str:
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" fill="{fill}" stroke="{stroke}"{dash}/>'


def _words(x: float, y: float, text: str, weight: int = 400, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="font-weight: {weight}">{escape(text)}</text>'


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """A line with a head at its end, across or down or up."""
    across = abs(x2 - x1) > abs(y2 - y1)
    ahead = 7 if (x2 > x1 if across else y2 > y1) else -7
    head = f"{x2},{y2} {x2 - ahead},{y2 - 4} {x2 - ahead},{y2 + 4}" if across else f"{x2},{y2} {x2 - 4},{y2 - ahead} {x2 + 4},{y2 - ahead}"
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{INK}" stroke-width="1.5"/><polygon points="{head}" fill="{INK}"/>'
