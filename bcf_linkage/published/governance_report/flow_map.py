"""Data flow of a run as a drawing: zones, sources with their records, steps, and outcomes of the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from bcf_linkage.pages.charts import INK, WIDTH, draw_picture
from bcf_linkage.published.governance_report.report_data import GovernanceReportData
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES
from bcf_linkage.published.linkage_report.report_data import format_count, label_for
from bcf_linkage.published.linkage_report.sources import OUTCOME_NAMES

LEFT_OUT = ("unreadable", "refused by a rule", "duplicate", "out of period", "opted out")
KEPT_MEASURES = ("linked", "not_registered", "unlinked")
RECEIVE = ("check every row", "trace the person", "apply objections", "pseudonymise", "keep month, age and area")
PEOPLE = ("link: a row per person", "stratify: cost, band, risk")
COUNTS = ("count cohorts, metrics", "suppress small numbers", "attack the release", "write tables and reports")
VAULT = ("keys", "re-identification table", "opt-out lists")
CARE = ("a practice's own patients,", "for direct care, approved", "by a second person")

TOP, LINE, PAD, GAP, MARGIN = 46, 19, 10, 16, 12
ZoneColumn = tuple[str, float, float, str]
"""A zone: its name and content, left edge and width in pixels, and colour."""

ZONE_COLUMNS: tuple[ZoneColumn, ...] = (
    ("landing/ identifiable", 0.0, 230.0, "#fdf1ef"),
    ("receive identifiable, in memory", 242.0, 216.0, "#fdf1ef"),
    ("pseudonymised/ no identifiers", 470.0, 208.0, "#f0f4f5"),
    ("published/ counts only", 690.0, 210.0, "#e8f3ec"),
)


def draw_flow_map(data: GovernanceReportData) -> str:
    """Draw the data flow. The text description has everything that the drawing shows."""
    sources = [(label_for(s.extract.name), format_count(data.figures.get(("rows_read", s.extract.name)))) for s in data.sources]
    rows_read, traced = (data.figures.get((measure, ALL_SOURCES)) for measure in ("rows_read", "rows_traced"))
    left_out_line = f"Left out: {format_count(None if rows_read is None or traced is None else rows_read - traced)}"
    outcome_lines = [
        f"{OUTCOME_NAMES[outcome].removeprefix('seen, ')}: {format_count(data.figures.get((outcome, ALL_SOURCES), 0))}" for outcome in KEPT_MEASURES
    ]
    description = (
        f"Landing, identifiable: {'; '.join(f'{name}, {records} records' for name, records in sources)}. Receive, identifiable, in memory, with keys "
        f"from the vault: {', '.join(RECEIVE)}. {left_out_line} records of the sources that are linked to the register: {', '.join(LEFT_OUT)}. "
        f"Pseudonymised, of those sources: {'; '.join(outcome_lines)}; then {', '.join(PEOPLE)}. Published, counts only: {', '.join(COUNTS)}. "
        f"Vault: {', '.join(VAULT)}; from it, {' '.join(CARE)}."
    )
    height = max(TOP + len(sources) * (_box_height("1") + MARGIN), TOP + _box_height(RECEIVE) + GAP + _box_height(LEFT_OUT, True) + MARGIN)
    total_height = height + GAP * 2 + _box_height(VAULT, True) + 2 * MARGIN
    return draw_picture("map", "Data flow", description, total_height, _draw_shapes(sources, left_out_line, outcome_lines, height))


def _draw_shapes(sources: Sequence[tuple[str, str]], left_out_line: str, outcome_lines: Sequence[str], height: float) -> Iterator[str]:
    landing, receive, people, counts = ZONE_COLUMNS
    for name, x, width, colour in ZONE_COLUMNS:
        yield _draw_rectangle(x, 0, width, height, colour)
        first, _, zone_note = name.partition(" ")
        yield _draw_text(x + MARGIN, 18, first, weight=600)
        yield _draw_text(x + MARGIN, 36, zone_note)
    for position, (name, records) in enumerate(sources):
        y = TOP + position * (_box_height("1") + MARGIN)
        yield from _draw_box(landing, y, (name,))
        yield _draw_text(_right_edge(landing) - 8, y + PAD / 2 + 14, records, anchor="end")
        yield _draw_arrow(_right_edge(landing), y + _box_height("1") / 2, receive[1], y + _box_height("1") / 2)
    # Records kept continue to the right of the receive steps. Records left out are below them.
    yield from _draw_box(receive, TOP, RECEIVE)
    yield from _draw_box_below(receive, TOP + _box_height(RECEIVE), LEFT_OUT, left_out_line, dashed=True)
    across = TOP + _box_height(outcome_lines, True) / 2
    yield from _draw_box(people, TOP, outcome_lines, "Kept")
    yield _draw_arrow(_right_edge(receive), across, people[1] + MARGIN, across)
    yield from _draw_box_below(people, TOP + _box_height(outcome_lines, True), PEOPLE)
    onward = TOP + _box_height(outcome_lines, True) + GAP + _box_height(PEOPLE) / 2
    yield from _draw_box(counts, onward - _box_height("1") / 2, COUNTS)
    yield _draw_arrow(_right_edge(people), onward, counts[1] + MARGIN, onward)
    yield from _draw_vault(height + 2 * GAP)


def _right_edge(zone: ZoneColumn) -> float:
    """Return the right edge of the boxes of a zone."""
    return zone[1] + zone[2] - MARGIN


def _draw_box_below(zone: ZoneColumn, y: float, lines: Sequence[str], head: str = "", dashed: bool = False) -> Iterator[str]:
    """Draw a box below one that ends at `y`, with an arrow to it."""
    middle = zone[1] + zone[2] / 2
    yield from _draw_box(zone, y + GAP, lines, head, dashed)
    yield _draw_arrow(middle, y, middle, y + GAP)


def _draw_vault(top: float) -> Iterator[str]:
    """Draw the vault below the zones, with arrows to receive (keys) and to re-identification."""
    tall = _box_height(VAULT, True) + 2 * MARGIN
    end = ZONE_COLUMNS[1][1] + ZONE_COLUMNS[1][2]
    yield _draw_rectangle(0, top, end, tall, "#fdf1ef")
    yield _draw_text(MARGIN, top + 18, "vault/", weight=600)
    yield _draw_text(MARGIN, top + 36, "identifiable, owner only")
    yield from _draw_box(ZONE_COLUMNS[1], top + MARGIN, VAULT, "Secret or sealed")
    x = ZONE_COLUMNS[1][1] + ZONE_COLUMNS[1][2] / 2
    yield _draw_arrow(x, top + MARGIN, x, top - 2 * GAP)
    yield from _draw_box(
        ("", ZONE_COLUMNS[2][1], WIDTH - ZONE_COLUMNS[2][1], ""), top + MARGIN, (" ".join(CARE[:2]), CARE[2]), "Re-identification: bcf reidentify"
    )
    yield _draw_arrow(end - MARGIN, top + MARGIN + 30, ZONE_COLUMNS[2][1] + MARGIN, top + MARGIN + 30)


def _box_height(lines: Sequence[str], headed: bool = False) -> float:
    return (len(lines) + headed) * LINE + PAD


def _draw_box(zone: ZoneColumn, y: float, lines: Sequence[str], head: str = "", dashed: bool = False) -> Iterator[str]:
    """Draw a box in a zone with one line of text each, and a heading if there is one."""
    _, zone_left, zone_width, _ = zone
    x, width = zone_left + MARGIN, zone_width - 2 * MARGIN
    yield _draw_rectangle(x, y, width, _box_height(lines, bool(head)), "#fff", INK, dashed)
    for position, line in enumerate((head, *lines) if head else lines):
        yield _draw_text(x + 8, y + PAD / 2 + 14 + position * LINE, line, weight=600 if head and position == 0 else 400)


def _draw_rectangle(x: float, y: float, width: float, height: float, fill: str, stroke: str = "#768692", dashed: bool = False) -> str:
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" fill="{fill}" stroke="{stroke}"{dash}/>'


def _draw_text(x: float, y: float, text: str, weight: int = 400, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="font-weight: {weight}">{escape(text)}</text>'


def _draw_arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """Draw an arrow: horizontal or vertical, with a head at its end."""
    across = abs(x2 - x1) > abs(y2 - y1)
    ahead = 7 if (x2 > x1 if across else y2 > y1) else -7
    head = f"{x2},{y2} {x2 - ahead},{y2 - 4} {x2 - ahead},{y2 + 4}" if across else f"{x2},{y2} {x2 - 4},{y2 - ahead} {x2 + 4},{y2 - ahead}"
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{INK}" stroke-width="1.5"/><polygon points="{head}" fill="{INK}"/>'
