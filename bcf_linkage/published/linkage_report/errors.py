"""How often links are wrong or missing (E), which can hardly be right (F), what they rest on (J), and what hangs on them (H)."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bcf_linkage.pages import charts
from bcf_linkage.pages.elements import Cell, bullets, number, paragraph, table, text
from bcf_linkage.published.linkage_quality.assessment import BOUNDED
from bcf_linkage.published.linkage_quality.sensitivity import RULES
from bcf_linkage.published.linkage_report.told import HIDDEN, Row, Told, count, rate, truth, words

LETTERS = {"birth_date": "D"}
"""Fields whose letter in a pattern is not their first."""

NOT_DETERMINABLE = (
    "Twins of one sex made one person: the extracts do not say who is a twin. Local numbers that share a person (section E) would show it.",
    "Two births under one number, and infants coded as mothers: the extracts hold no birth records.",
    "Whether the newly arrived are matched less: the register says since when somebody is registered, and the records of the unlinked do not.",
    "A long stay in hospital together with care at home, and two homes at once: services and stays are not dated to the hour, and people do move.",
    "The true state of unlinked records: nobody has read a sample of them by eye. Rule of three: no error among 300 read means at most 1%. "
    "`bcf clerical-review` gives out a sample of the linked.",
)


def errors(told: Told) -> Iterator[str]:
    """E: estimates without labels, beside the truth where it is known, and the experiments that they rest on."""
    yield "<h2>E. Errors, estimated without labels</h2>"
    yield paragraph(
        "People whose number and full date of birth were confirmed serve as gold standard. Their number is hidden and the trace is asked again; "
        "then they are taken off the register, where every link is wrong; then they are given another person's number. The estimates speak for people "
        "like those who have a number: people whose records are poorer in everything are missed more often than this says. A source without names is "
        "judged by its positive control: records that name a practice of the locality ought to be found."
    )
    for code, name in (("precision", "Precision"), ("recall", "Recall"), ("f1", "F1")):
        yield from _estimates(told, code, name)
    names = ["Source", "Estimated precision", "Estimated recall", "Estimated F1"]
    if told.made_up:
        names = ["Source", "Precision, estimated", "true", "Recall, estimated", "true", "F1, estimated", "true"]
    rows = [[text(words(area)), *(cell for code in ("precision", "recall", "f1") for cell in _beside(told, code, area))] for area in told.areas]
    yield table(
        "Estimates with their intervals: 95%, and wider where the positive control reads lower than the estimate.",
        [text(names[0]), *(Cell(n, is_number=True) for n in names[1:])],
        rows,
        totals=[0],
    )
    yield "<h3>The experiments and controls</h3>"
    counted = [figure for figure in told.rules.figures if figure.section == "E" and not figure.truth and figure.code in told.names("E")]
    heads = [text("Figure"), *(Cell(words(area), is_number=True) for area in told.areas)]
    body = [
        [text(f.name + (", per 10,000" if f.unit == "per 10,000" else "")), *(_experiment(told.whole(f.code, area)) for area in told.areas)] for f in counted
    ]
    yield table("Counts of people or records, and rates. In general practice a person who changes practice has several local numbers.", heads, body)


def _experiment(row: Row | None) -> Cell:
    if row is None or row["status"] == "not applicable":
        return number("")
    if row["unit"] == "count" or row["value"] is None:
        return number(count(row["numerator"]))
    return number(f"{row['value']:.2f}%" if row["unit"] == "percent" else f"{row['value']:.1f}")


def _estimates(told: Told, code: str, name: str) -> Iterator[str]:
    rows = [(area, told.summary[code, area]) for area in told.areas]
    known = [(area, row) for area, row in rows if row["value"] is not None]
    if not known:
        yield paragraph(f"{name} cannot be estimated on this run: the trace found nobody whose number was hidden, so nothing tells how many it misses.")
        return
    points = [charts.Estimate(words(area), row["value"], row["lower"], row["upper"], _said(row), _middle(row)) for area, row in known]
    lowest = min([p.lower for p in points] + [p.other for p in points if p.other is not None])
    low = next(step for step in (99.5, 99, 98, 95, 90, 80, 50, 0) if lowest >= step)
    target = {t.code: t.green for t in told.rules.thresholds}.get(code)
    yield charts.intervals(code, f"{name}, estimated, percent", points, low, 100, target, "true")
    key = "A point is an estimate, its line the interval" + ("; a diamond is the truth" if told.made_up else "")
    yield paragraph(f"{name}. {key}{f'; the dashed line is the target of {target:g}%' if target else ''}.", "aside")


def _middle(row: Row) -> float | None:
    return None if row["truth_lower"] is None else (row["truth_lower"] + row["truth_upper"]) / 2


def _said(row: Row) -> str:
    least = "at least " if row["basis"] == BOUNDED else ""
    return f"{least}{row['value']:.2f}%" + (f", true {truth(row)}" if truth(row) else "")


def _beside(told: Told, code: str, area: str) -> Iterator[Cell]:
    row = told.summary[code, area]
    if row["value"] is None:
        yield number("not known")
    else:
        least, ends = "at least " if row["basis"] == BOUNDED else "", "" if code == "f1" else f" ({row['lower']:.2f} to {row['upper']:.2f})"
        yield number(f"{least}{row['value']:.2f}%{ends}")
    if told.made_up:
        yield number(truth(row))


def implausible(told: Told) -> Iterator[str]:
    """F: links that can hardly be right."""
    yield "<h2>F. Links that can hardly be right</h2>"
    sources = told.sources
    scenarios = {code: name for code, name in told.names("F").items() if told.rules.by_code[code].unit == "per 10,000"}
    rows = [[text(name), *(rate(told.whole(code, area), 1, "") for area in sources)] for code, name in scenarios.items()]
    names = [text("Per 10,000 linked"), *(Cell(words(area), is_number=True) for area in sources)]
    yield table("Implausible links per 10,000 linked records, or stays. Not every one is a wrong link: sources make mistakes too.", names, rows)
    yield paragraph("What these extracts cannot show:")
    yield bullets(NOT_DETERMINABLE)


def sensitivity(told: Told) -> Iterator[str]:
    """H: what hangs on the linkage rule."""
    yield "<h2>H. How far the published counts move</h2>"
    yield paragraph(
        "Strict keeps only links by number and full date of birth. Loose adds, unverified, whoever an unlinked record might be. Between the two lies what "
        "linkage error can do to a count: links that are missed make it too low, wrong ones move people between groups."
    )
    rows: dict[tuple[str, str], dict[str, Row]] = {}
    for row in told.tables["linkage_sensitivity"]:
        rows.setdefault((row["table"], row["measure_name"]), {})[row["rule"]] = row
    body, marked = [], []
    for n, ((published, name), by_rule) in enumerate(sorted(rows.items())):
        cells = [number(count(by_rule[rule]["people"])) for rule in RULES]
        moves = [_moved(by_rule[rule]) for rule in RULES if rule != "default"]
        body.append([text(name), text(words(published)), *cells, *moves])
        if any(by_rule[rule]["moved"] for rule in RULES):
            marked.append(n)
    names = [text("Cohort"), text("Table"), *(Cell(n, is_number=True) for n in ("Strict", "Default", "Loose", "Moves, strict", "Moves, loose"))]
    yield table("People counted in the whole locality under each rule; rows that move are shaded.", names, body, marked=marked)


def _moved(row: Row) -> Cell:
    if row["moved"] is None:
        return number(HIDDEN)
    return number("0" if not row["moved"] else f"{row['moved']:+,} ({row['moved_percent']:+.1f}%)")


def basis(told: Told) -> Iterator[str]:
    """J: what links rest on: scores, margins and patterns of agreement."""
    yield "<h2>J. What links rest on</h2>"
    scored = {kind: _totals(told, kind) for kind in ("score", "margin", "pattern")}
    if not scored["score"]:
        yield paragraph("No record was scored on this run: every link rests on the NHS number.")
        return
    for kind, title in (("score", "Records by the score of their best candidate, in bits"), ("margin", "Records by the lead over the next candidate, in bits")):
        bars = sorted(scored[kind].items(), key=lambda pair: float(pair[0]))
        yield charts.columns(kind, title, [(group, float(size)) for group, size in bars], "records")
        yield paragraph(title + ". A column begins at the number below it.", "aside")
    patterns = sorted(scored["pattern"].items(), key=lambda pair: (-pair[1], pair[0]))[:30]
    rows = [(Cell(pattern, markup=f"<code>{escape(pattern)}</code>"), number(count(size))) for pattern, size in patterns]
    fields = ", ".join(f"{LETTERS.get(field, field[0].upper())} {words(field)}" for field in told.fields)
    yield table(
        f"The commonest patterns of agreement, a letter for each field ({fields}) and a sign for how it agrees: = wholly, ~ nearly, - not at all.",
        (text("Pattern"), Cell("Records", is_number=True)),
        rows,
    )


def _totals(told: Told, kind: str) -> dict[str, int]:
    """Records by group over all sources, as far as they are shown."""
    totals: dict[str, int] = {}
    for (measure, _, group_type, group), row in told.figures.items():
        if measure == kind and group_type == kind and row["numerator"]:
            totals[group] = totals.get(group, 0) + row["numerator"]
    return totals
