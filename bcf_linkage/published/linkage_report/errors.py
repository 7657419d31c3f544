"""How often links are wrong or missing (E), which can hardly be right (F), what they rest on (J), and what hangs on them (H)."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bcf_linkage.pages import charts
from bcf_linkage.pages.elements import Cell, bullets, number, paragraph, table, text
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.linkage_quality.assessment import DUPLICATES
from bcf_linkage.published.linkage_quality.sensitivity import DEFAULT, LOOSE, STRICT, UNSCORED
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE, RUNG
from bcf_linkage.published.linkage_report.told import HIDDEN, Row, Told, at_least, count, rate, truth, words

OTHER_RULES = {STRICT: "Strict", UNSCORED: "Without scores", LOOSE: "Loose"}

READ = "reviewed"
"""How figures on links that a person read begin."""

LETTERS = {"birth_date": "D"}
"""Fields whose letter in a pattern is not their first."""

NOT_DETERMINABLE = (
    "Whether twins of one sex were made one person, of real people: the extracts do not say who is a twin. "
    "Local numbers that share a person (section E) would show it.",
    "Two births under one number, and infants coded as mothers: the extracts hold no birth records.",
    "The true state of unlinked records: the sample that is read by eye is one of linked records.",
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
    for code, name in (("precision", "Precision"), ("recall", "Recall")):
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
    yield from _by_group(told)
    yield from _by_duplicates(told)
    yield from _as_read(told)
    yield "<h3>The experiments and controls</h3>"
    counted = [figure for code, figure in told.rules.by_code.items() if code in told.names("E") and not figure.truth and not code.startswith(READ)]
    heads = [text("Figure"), *(Cell(words(area), is_number=True) for area in told.areas)]
    body = [
        [text(f.name + (", per 10,000" if f.unit == "per 10,000" else "")), *(_experiment(told.whole(f.code, area)) for area in told.areas)] for f in counted
    ]
    yield table("Counts of people or records, and rates. In general practice a person who changes practice has several local numbers.", heads, body)


def _by_group(told: Told) -> Iterator[str]:
    """E1: the hold-out by age and sex, over all sources."""
    by_place = {(kind, group): row for (measure, _, kind, group), row in told.figures.items() if measure == "holdout_missed" and kind != ALL}
    if not by_place:
        return
    yield "<h3>The hold-out by age and sex</h3>"
    yield paragraph(
        "Over all sources, as one source holds too few. It describes people with verified numbers, whose number was hidden; "
        "those who truly lack one may be found less often."
    )
    rows = []
    for (kind, group), missed in sorted(by_place.items()):
        wrong = told.figures.get(("holdout_wrong", EVERYWHERE, kind, group))
        shares = [_of_the_others(row) for row in (wrong, missed)]
        known = [share[0] for share in shares if share]
        f1 = 2 * known[0] * known[1] / (sum(known) or 1) if len(known) == 2 else None
        cells = [number(HIDDEN if share is None else f"{share[0]:.2f}% ({share[1]:.2f} to {share[2]:.2f})") for share in shares]
        rows.append([text(group), number(count(missed["denominator"])), *cells, number(HIDDEN if f1 is None else f"{f1:.2f}%")])
    names = [text("Group"), *(Cell(name, is_number=True) for name in ("People", "Precision", "Recall", "F1"))]
    yield table("Precision, recall and F1 on demographics alone, with 95% intervals.", names, rows)


def _of_the_others(row: Row | None) -> tuple[float, float, float] | None:
    """Of an error per 10,000 what is no error, in percent, with its interval."""
    if row is None or row["value"] is None:
        return None
    return 100 - row["value"] / 100, 100 - row["upper"] / 100, 100 - row["lower"] / 100


def _by_duplicates(told: Told) -> Iterator[str]:
    """E4: what one-to-one violations tell of precision."""
    yield "<h3>Precision by the duplicate method</h3>"
    able = [area for area in told.sources if area in told.rules.one_number_each]
    yield paragraph(
        "After Blakely and Salmond (2002): where a source has one number for each person, a second number that is linked to the same person is wrong. A wrong "
        "link shows so only if it falls on somebody who is linked besides, and is taken to fall on anybody of the register alike. With L numbers linked to "
        "P people of a register of N, D of them a second number: share right = 1 - (D x N / P) / L. Where the source itself has two numbers for somebody, "
        "the true share is higher."
    )
    known = [(area, row) for area in able if (row := told.summary[DUPLICATES, area])["value"] is not None]
    for area, row in known:
        true = f" By the truth {truth(row)} of its records are linked rightly." if truth(row) else ""
        yield paragraph(f"{words(area).capitalize()}: {at_least(row)}{row['value']:.2f}% (95% interval {row['lower']:.2f} to {row['upper']:.2f}).{true}")
    unable = ", ".join(words(area) for area in told.sources if area not in able)
    for area in able:
        if area not in dict(known):
            yield paragraph(
                f"{words(area).capitalize()}: not known on this run. A number that it takes is hidden, or more numbers share a person than chance links could."
            )
    if unable:
        yield paragraph(
            f"Not known of {unable}: practices and hospitals each number their people anew, so that several numbers of one person are no fault.", "aside"
        )


def _as_read(told: Told) -> Iterator[str]:
    """E5: what people found who read links by eye."""
    yield "<h3>Links read by a person</h3>"
    whose = {row["subject"]: row["said"] for row in told.tables["linkage_provenance"] if row["fact"] == "links read by a person"}
    places = sorted((area, rung) for measure, area, kind, rung in told.figures if measure == "reviewed_another" and kind == RUNG)
    areas = dict.fromkeys(area for area, _ in places)
    if not areas:
        yield paragraph("Not known: nobody has read a sample yet. The command bcf clerical-review gives out links of each rung, and counts the verdicts.")
        return
    rows = [[text(words(area)), text(words(rung)), *verdicts(told.figures["reviewed_another", area, RUNG, rung])] for area, rung in places]
    names = [text("Source"), text("Rung"), *(Cell(name, is_number=True) for name in ("Judged", "Another's", "Right", "Wrong at most"))]
    of_runs = "; ".join(f"{words(area)}, {whose[area]}" for area in areas)
    yield table(f"The latest review of each source: {of_runs}. Links of which the reader could not tell are left aside.", names, rows)
    yield paragraph("Wrong at most: the upper end of the 95% interval; where no error was found, the rule of three, 3 among so many judged.", "aside")
    unread = [words(area) for area in told.sources if area not in areas]
    if unread:
        yield paragraph(f"Not known of {', '.join(unread)}: nobody has read a sample of them yet.", "aside")


def verdicts(row: Row) -> list[Cell]:
    """Judged, found another's, the share right, and the most that may be wrong: by the rule of three where nothing is."""
    judged, another = row["denominator"], row["numerator"]
    if not judged or another is None:
        return [number(count(judged)), *(number(HIDDEN if another is None else "") for _ in range(3))]
    most = 100 * min(1.0, 3 / judged) if another == 0 else row["upper"]
    return [number(count(judged)), number(count(another)), number(f"{100 - row['value']:.1f}%"), number(f"{most:.1f}%")]


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
    yield charts.intervals(code, f"{name}, estimated, percent", points, low, 100, target)
    key = "A point is an estimate, its line the interval" + ("; a diamond is the truth" if told.made_up else "")
    yield paragraph(f"{name}. {key}{f'; the dashed line is the target of {target:g}%' if target else ''}.", "aside")


def _middle(row: Row) -> float | None:
    return None if row["truth_lower"] is None else (row["truth_lower"] + row["truth_upper"]) / 2


def _said(row: Row) -> str:
    return f"{at_least(row)}{row['value']:.2f}%" + (f", true {truth(row)}" if truth(row) else "")


def _beside(told: Told, code: str, area: str) -> Iterator[Cell]:
    row = told.summary[code, area]
    if row["value"] is None:
        yield number("not known")
    else:
        ends = "" if code == "f1" else f" ({row['lower']:.2f} to {row['upper']:.2f})"
        yield number(f"{at_least(row)}{row['value']:.2f}%{ends}")
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
        "Strict keeps only links by number and full date of birth; without scores, all but those that a score decided. Loose adds, unverified, whoever an "
        "unlinked record might be. Between strict and loose lies what linkage error can do to a count: links that are missed make it too low, wrong ones "
        "move people between groups."
    )
    rows: dict[tuple[str, str], dict[str, Row]] = {}
    for row in told.tables["linkage_sensitivity"]:
        rows.setdefault((row["table"], row["measure_name"]), {})[row["rule"]] = row
    body, marked = [], []
    for n, ((published, name), by_rule) in enumerate(sorted(rows.items())):
        body.append([text(name), text(words(published)), number(count(by_rule[DEFAULT]["people"])), *(_moved(by_rule[rule]) for rule in OTHER_RULES)])
        if any(by_rule[rule]["moved"] for rule in OTHER_RULES):
            marked.append(n)
    names = [text("Cohort"), text("Table"), *(Cell(name, is_number=True) for name in ("Counted", *OTHER_RULES.values()))]
    yield table("People counted in the whole locality, and how far another rule would move the count; rows that move are shaded.", names, body, marked=marked)


def _moved(row: Row) -> Cell:
    if row["moved"] is None:
        return number(HIDDEN)
    return number("0" if not row["moved"] else f"{row['moved']:+,} ({row['moved_percent']:+.1f}%)")


def basis(told: Told) -> Iterator[str]:
    """J: what links rest on: scores, margins and patterns of agreement."""
    yield "<h2>J. What links rest on</h2>"
    scored = {kind: _totals(told, kind) for kind in ("score", "margin", "pattern")}
    if not scored["score"]:
        yield paragraph("No record was scored on this run, or too few to be told: links rest on the NHS number or on demographics that agree letter by letter.")
        return
    for kind, title in (("score", "Records by the score of their best candidate, in bits"), ("margin", "Records by the lead over the next candidate, in bits")):
        bars = sorted(scored[kind].items(), key=lambda pair: float(pair[0]))
        if not bars:
            yield paragraph(f"{title}: too few to be told.", "aside")
            continue
        yield charts.columns(kind, title, [(group, float(size)) for group, size in bars], "records")
        yield paragraph(title + ". A column begins at the number below it; bands that are empty or hidden are left out.", "aside")
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
