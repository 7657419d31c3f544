"""Elements of a report page: a document without scripts or network access, and tables that work for screen readers and in print."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #212b32; background: #fff; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.3rem; margin-top: 2.6rem; border-top: 2px solid #d8dde0; padding-top: 1rem; }
h3 { font-size: 1.05rem; margin-top: 1.6rem; }
p, li { max-width: 48rem; }
.outcome { border-left: 6px solid #005eb8; padding: .6rem 1rem; background: #f0f4f5; font-weight: 600; }
.outcome.red { border-color: #b3200e; } .outcome.amber { border-color: #8a5300; } .outcome.green { border-color: #00703c; }
.aside { color: #4c6272; font-size: .9rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; padding-bottom: .4rem; color: #4c6272; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #d8dde0; }
tbody th { min-width: 11rem; font-weight: 500; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; } td.number { min-width: 3.6rem; }
tr.marked th, tr.marked td, td.marked { font-weight: 600; background: #fdf1ef; }
tr.total th, tr.total td { font-weight: 600; border-top: 2px solid #768692; }
svg { max-width: 100%; height: auto; } svg text { font: 13px system-ui, sans-serif; fill: #212b32; }
.wide { overflow-x: auto; margin-bottom: 1.2rem; }
.cards { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; padding: 0; list-style: none; }
.cards li { flex: 1 1 14rem; border: 1px solid #d8dde0; border-top-width: 6px; padding: .6rem 1rem; }
.cards .figure { display: block; font-size: 1.9rem; font-weight: 600; line-height: 1.2; }
.cards .green { border-top-color: #00703c; } .cards .amber { border-top-color: #8a5300; } .cards .red { border-top-color: #b3200e; }
.light { display: inline-block; color: #fff; background: #425563; font-weight: 600; font-size: .8rem; }
.light { padding: 0 .5rem; border-radius: .2rem; white-space: nowrap; }
.light.green { background: #00703c; } .light.amber { background: #8a5300; } .light.red { background: #b3200e; }
.whole { white-space: nowrap; }
.signature { table-layout: fixed; min-width: 40rem; } .signature td { height: 2.4rem; border-left: 1px solid #d8dde0; }
@media (max-width: 40rem) {
  caption { box-sizing: border-box; position: sticky; left: 0; max-width: calc(100vw - 2rem); } th, td { padding: .3rem .35rem; } tbody th { min-width: 7rem; }
}
@media print {
  html { font-size: 10px; } body { margin: 0; max-width: none; font-size: 11px; }
  tbody th, td.number { min-width: 0; } th, td { padding: .3rem .4rem; }
  h2 { break-after: avoid; } tr, svg, .cards li { break-inside: avoid; } .wide { overflow: visible; }
  .light, .cards li { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""


@dataclass(frozen=True)
class Cell:
    """A cell of a table. Numbers are aligned right. A marked cell is shaded, so its words must give the reason as well. `markup` replaces the text."""

    text: str
    is_number: bool = False
    marked: bool = False
    markup: str = ""


def html_document(title: str, parts: Iterable[str], style: str = "") -> str:
    """Return a whole HTML page. It loads nothing and runs no script."""
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>",
            *parts,
            "</main>\n</body>\n</html>\n",
        )
    )


def table(caption: str, names: Iterable[Cell], rows: Iterable[Iterable[Cell]], marked: Iterable[int] = (), totals: Iterable[int] = ()) -> str:
    """Return a table. The first cell of a row is its header. `marked` and `totals` are positions of rows that are highlighted."""
    marked_rows, total_rows = set(marked), set(totals)
    head = "".join(f'<th scope="col"{_class_attribute(name)}>{escape(name.text)}</th>' for name in names)
    body = "\n".join(_row(row, "marked" if n in marked_rows else "total" if n in total_rows else "") for n, row in enumerate(rows))
    # Focusable, so that a keyboard can scroll a table that is wider than the screen.
    region = f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}">'
    return f"{region}<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"


def _row(cells: Iterable[Cell], kind: str) -> str:
    first, *rest = cells
    header = f'<th scope="row"{_class_attribute(first)}>{first.markup or escape(first.text)}</th>'
    others = "".join(f"<td{_class_attribute(cell)}>{cell.markup or escape(cell.text)}</td>" for cell in rest)
    return f"<tr{f' class={kind}' if kind else ''}>{header}{others}</tr>"


def _class_attribute(cell: Cell) -> str:
    names = " ".join(name for name, applies in (("number", cell.is_number), ("marked", cell.marked)) if applies)
    return f' class="{names}"' if names else ""


def text(content: str) -> Cell:
    """Return a cell of text."""
    return Cell(content)


def unbroken_text(content: str) -> Cell:
    """Return a cell of text that stays on one line."""
    return Cell(content, markup=f'<span class="whole">{escape(content)}</span>')


def number(content: str, marked: bool = False) -> Cell:
    """Return a cell of a formatted number."""
    return Cell(content, is_number=True, marked=marked)


def number_with_light(content: str, light: str) -> Cell:
    """Return a cell of a number with a red, amber or green light. The light names its colour in words."""
    return Cell(content, is_number=True, markup=f"{escape(content)} {light_badge(light)}")


def light_badge(name: str) -> str:
    """Return a red, amber or green light that names its colour in words."""
    return f'<span class="light {escape(name.split()[0])}">{escape(name)}</span>'


def paragraph(content: str, kind: str = "") -> str:
    """Return a paragraph. `kind` is a class of the style."""
    return f'<p class="{kind}">{escape(content)}</p>' if kind else f"<p>{escape(content)}</p>"


def bullets(lines: Iterable[str]) -> str:
    """Return a bulleted list of sentences."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
