"""Writes the reference pages from the declarations: extracts, published tables, rules, costs and lists.

A page states no fact of its own, so it is wrong only where a declaration is. The pages are Markdown. `docs/build_interface.py` writes
those on commands, settings and JSON answers; `docs/build.py` turns all pages into a site.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DATA = ROOT / "bcf_linkage" / "definitions" / "reference"
MARKS = """How well a fact is known: **S** read in the source, **M** from memory (check it before you rely on it), **D** decided or derived by this project.
"""


def toml(name: str) -> dict[str, Any]:
    """A reference file in TOML."""
    return tomllib.loads((DATA / name).read_text(encoding="utf-8"))


def rows(name: str) -> list[dict[str, str]]:
    """A reference file in CSV."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def comments(name: str) -> str:
    """What a reference file says of itself in the comment at its top, as one paragraph for each blank comment line."""
    lines = []
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").rstrip())
    return "```text\n" + "\n".join(line.removeprefix(" ") for line in lines) + "\n```\n" if lines else ""


def cell(value: Any) -> str:
    """A value as a cell of a table."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(cell(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {cell(one)}" for key, one in value.items())
    return re.sub(r"\s+", " ", str(value)).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def table(headings: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown."""
    written = [headings, ["---"] * len(headings), *([cell(value) for value in line] for line in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in written) + "\n"


def entries(items: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """Entries of a reference file as a table: heading to the key behind it. A column that no entry fills is left out."""
    found = list(items)
    used = {heading: key for heading, key in columns.items() if any(item.get(key) not in (None, "", []) for item in found)}
    return table(list(used), ([code(item.get(key)) if key in ("code", "item") else item.get(key, "") for key in used.values()] for item in found))


def code(value: Any) -> str:
    """A name as code."""
    return f"`{value}`" if value not in (None, "") else ""


def page(title: str, *parts: str) -> str:
    """A page: its title and its parts."""
    return "\n".join([f"# {title}\n", *parts])


def edition(document: Mapping[str, Any], name: str) -> str:
    """Where a reference file's rules come from, and where to change them."""
    return (
        f"Declared in `bcf_linkage/definitions/reference/{name}`, version {document['version']}, valid from {document['valid_from']}.\n\n"
        f"Source: {document['source']} (mark {document['mark']}).\n"
    )


# --- tables ---------------------------------------------------------------------------------------------------------------------------


def rule_text(column: Any) -> str:
    """The rules of a column, each with what happens to a row that breaks it."""
    return "; ".join(f"{rule.words} ({rule.consequence.value})" for rule in column.rules)


def extract_page(extract: Any) -> str:
    """The page of one extract."""
    columns = table(
        ["Column", "Type", "Meaning", "Rules, and what happens to a row that breaks one", "Identifies a person"],
        ([code(c.name), c.type.value, c.meaning, rule_text(c), c.identity.value if c.identity else ""] for c in extract.columns),
    )
    tolerated = table(
        ["Column", "Rule", "Percent of rows", "Owner", "Reason"],
        ([code(c), r, f"{t.percent:g}", t.owner, t.reason] for (of, c, r), t in sorted(tolerances().items()) if of == extract.name),
    )
    facts = [
        f"One row is {extract.grain}. Modelled on {extract.source}.\n",
        f"Key: {', '.join(map(code, extract.key))}. A later row with the same key is a duplicate.\n",
    ]
    if extract.event_date:
        ends = f" to {code(extract.event_end)}, which is blank while the event is open" if extract.event_end else ""
        facts.append(f"A row belongs to a period by {code(extract.event_date)}{ends}.\n")
    return page(
        f"Extract: {extract.name}",
        *facts,
        f"See the same on the command line with `bcf schema {extract.name}`, and test a file with `bcf check {extract.name} FILE`.\n",
        "## Columns\n",
        columns,
        "## Tolerances\n",
        "The gate refuses the delivery if more rows than this break a rule, and chance alone does not explain it. "
        "A locality can set its own under `[gate]` in `locality.toml`.\n",
        tolerated,
    )


def tolerances() -> Mapping[tuple[str, str, str], Any]:
    """The tolerance of every rule that gates, by extract, column and rule."""
    from expectations.gate import tolerances as declared

    return declared()


def extract_pages() -> Iterator[tuple[str, str]]:
    """One page for each extract, and one that lists them."""
    from bcf_linkage.definitions.extracts import EXTRACTS

    listed = table(["Extract", "One row is", "Modelled on"], ([f"[{t.name}]({t.name}.md)", t.grain, t.source] for t in EXTRACTS.values()))
    yield "extracts/index.md", page("Extracts", "An extract is one kind of file that a supplier delivers.\n", listed)
    for extract in EXTRACTS.values():
        yield f"extracts/{extract.name}.md", extract_page(extract)


def published_tables() -> str:
    """Every published table with its columns."""
    from bcf_linkage.definitions.published_tables import PUBLISHED

    parts = []
    for published in PUBLISHED.values():
        parts += [
            f"## {published.name}\n",
            f"One row is {published.grain}. Key: {', '.join(map(code, published.key))}.\n",
            table(["Column", "Type", "Meaning"], ([code(c.name), c.type.value, c.meaning] for c in published.columns)),
        ]
    intro = (
        "Every run publishes these tables as `cohorts.duckdb`, as Parquet in `tables/` and as CSV in `csv/`. They hold counts after disclosure control. "
        "A suppressed number is null and its `status` says `suppressed`; it is never zero.\n"
    )
    return page("Published tables", intro, *parts)


# --- rules as data --------------------------------------------------------------------------------------------------------------------


def clause(item: Mapping[str, Any]) -> str:
    """A clause of a definition in words."""
    return " and ".join(
        f"{one['column']} {operator.replace('_', ' ')} {cell(value)}"
        for one in item.get("where", [])
        for operator, value in one.items()
        if operator != "column"
    )


def cohort_page(title: str, name: str, intro: str) -> Callable[[], str]:
    """The page of a file of cohorts."""

    def write() -> str:
        document = toml(name)
        listed = table(
            ["Code", "Name", "Counted among", "Rule", "Needs"],
            ([code(c["code"]), c["name"], code(c.get("among")), clause(c), c.get("needs")] for c in document["cohorts"]),
        )
        groups = ", ".join(group["column"] for group in document["groups"])
        areas = f"Published by {cell(document['areas'])}" + (f", and for the whole locality by {groups}.\n" if groups else ".\n")
        return page(title, intro, edition(document, name), areas, listed)

    return write


def metrics() -> str:
    """The metrics of the fund."""
    document = toml("metrics.toml")
    parts = [entries(document["metrics"], {"Code": "code", "Name": "name", "Unit": "unit", "Among": "among", "Needs": "needs", "Mark": "mark"})]
    for metric in document["metrics"]:
        parts += [f"## {metric['name']}\n", f"Code {code(metric['code'])}. Counts: {metric['events']}. Unit: {metric['unit']}.\n"]
        parts += [f"Rule: {clause(metric)}.\n"] if metric.get("where") else []
        parts += [f"Source: {metric['source']} (mark {metric['mark']}).\n"]
    return page(
        "Metrics of the Better Care Fund", "Published in the table `bcf_metrics`.\n", edition(document, "metrics.toml"), comments("metrics.toml"), *parts
    )


def bands() -> str:
    """The bands of use, of age, and who is at high risk."""
    document = toml("bands.toml")
    high = document["high_risk"]
    return page(
        "Bands",
        edition(document, "bands.toml"),
        "## Resource-utilisation bands\n",
        "People are ordered by a year's cost to the NHS. Each band holds its share of the total cost, from the costliest people down.\n",
        table(["Band", "Percent of total cost"], ([b["name"], b["percent_of_cost"]] for b in document["bands"])),
        f"People who cost nothing are in the band {document['no_cost']}.\n",
        "## High risk\n",
        f"The costliest {high['percent_of_adults']}% of a practice's people aged {high['adult_age']} or over.\n",
        "## Age bands\n",
        table(["Band", "From age"], ([a["name"], a["from_age"]] for a in document["ages"])),
    )


def unit_costs() -> str:
    """Unit costs and how the cost of social care is worked out."""
    found = rows("unit_costs.csv")
    columns = {
        "Extract": "setting",
        "Item": "item",
        "What": "words",
        "Unit": "unit",
        "Pounds": "cost",
        "After days": "after_days",
        "Price year": "price_year",
        "Source": "source",
        "Mark": "mark",
    }
    frequencies = {"Cost frequency": "cost_frequency_unit_type", "Units a week": "units_per_week", "Source": "source", "Mark": "mark"}
    return page(
        "Unit costs",
        "Declared in `bcf_linkage/definitions/reference/unit_costs.csv`. A change moves people between bands.\n",
        MARKS,
        entries(found, columns),
        "## Cost of social care\n",
        "How a supplier's cost frequency becomes a weekly cost: a factor, `planned` for planned units per week, `once` for a single payment.\n",
        entries(rows("cost_frequencies.csv"), frequencies),
    )


def trace_rules() -> str:
    """How a record is traced to a person on the GP register."""
    document = toml("trace.toml")
    parts = []
    for section in ("acceptance", "smoothing", "blocking", "guards"):
        parts += [f"## {section.capitalize()}\n", setting_lines("trace.toml", section)]
    parts.append("## Comparisons\n")
    for comparison in document["comparisons"]:
        parts += [f"### {comparison['field'].replace('_', ' ').capitalize()}\n"]
        parts.append(
            table(
                ["Level", "Code in the pattern", "m", "u", "Counts as agreement", "Personal", "Contradicts", "u by value"],
                (
                    [
                        v["level"],
                        code(v["code"]),
                        v["m"],
                        f"{v['u']:f}".rstrip("0").rstrip("."),
                        *(v.get(key, "") for key in ("counts", "personal", "contradicts", "by_value")),
                    ]
                    for v in comparison["levels"]
                ),
            )
        )
    columns = {"Reason": "reason", "Outcome": "outcome", "NHS number status": "status", "Meaning": "words", "Source": "source", "Mark": "mark"}
    reasons = entries(rows("trace_reasons.csv"), columns)
    return page("Trace rules", edition(document, "trace.toml"), comments("trace.toml"), *parts, "## Reasons\n", "Every record ends with one reason.\n", reasons)


def setting_lines(name: str, section: str) -> str:
    """One section of a reference file as a table: key, value, and the comment beside it."""
    text = (DATA / name).read_text(encoding="utf-8")
    found = re.search(rf"^\[{section}\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    values = toml(name)[section]
    remarks = dict(re.findall(r"^(\w+) = .*?#\s*(.+)$", found[1], re.MULTILINE)) if found else {}
    return table(["Setting", "Value", "Meaning"], ([code(key), value, remarks.get(key, "")] for key, value in values.items()))


def linkage_rules() -> str:
    """What the report on linkage quality shows, and what it is judged by."""
    document = toml("linkage_quality.toml")
    known = {
        "Code": "code",
        "Name": "name",
        "Section": "section",
        "Among": "among",
        "Part of": "part_of",
        "Divided by": "split",
        "Source": "source",
        "Mark": "mark",
    }
    thresholds = {"Code": "code", "Name": "name", "Green from": "green", "Amber from": "amber", "Source": "source", "Mark": "mark"}
    parts = [
        "## Thresholds of the lights\n",
        "In percent. A light follows the lower end of the 95% interval, not the figure itself.\n",
        entries(document["thresholds"], thresholds),
    ]
    for name, value in document.items():
        if isinstance(value, dict):
            parts += [f"## {name.replace('_', ' ').capitalize()}\n", setting_lines("linkage_quality.toml", name)]
        elif isinstance(value, list) and value and isinstance(value[0], dict) and name != "thresholds":
            parts += [f"## {name.replace('_', ' ').capitalize()}\n", entries(value, known)]
        elif isinstance(value, list):
            parts += [f"## {name.replace('_', ' ').capitalize()}\n", ", ".join(map(code, value)) + "\n"]
    return page(
        "Linkage rules",
        "What the linkage report shows and what it is judged by.\n",
        edition(document, "linkage_quality.toml"),
        comments("linkage_quality.toml"),
        *parts,
    )


def disclosure_profiles() -> str:
    """The profiles of disclosure control."""
    document = toml("disclosure.toml")
    parts = []
    for name, profile in document["profiles"].items():
        lines = []
        for level, rule, source, mark in (
            ("practice and above", profile["rule"], profile["source"], profile["mark"]),
            ("below practice", profile["below_practice"], profile["below_practice_source"], profile["below_practice_mark"]),
        ):
            lines.append([level, *(rule.get(key) for key in rule), source, mark])
        keys = [key.replace("_", " ").capitalize() for key in profile["rule"]]
        parts += [f"## {name}\n", f"{profile['words']}.\n", table(["Level", *keys, "Source", "Mark"], lines)]
    return page("Disclosure profiles", edition(document, "disclosure.toml"), comments("disclosure.toml"), *parts)


def sharing() -> str:
    """Legal bases, purposes, and the check against the national data opt-out."""
    document = toml("sharing.toml")
    columns = {
        "Name": "code",
        "Meaning": "words",
        "Covers": "covers",
        "Objections that apply": "objections",
        "Only in": "workspace",
        "Source": "source",
        "Mark": "mark",
    }
    return page(
        "Legal bases and objections",
        edition(document, "sharing.toml"),
        MARKS,
        "## Legal bases\n",
        entries(document["legal_bases"], columns),
        "## Purposes\n",
        entries(document["purposes"], columns),
        "## Kind of care in each extract\n",
        table(["Extract", "Kind of care"], document["sectors"].items()),
        "## Check against the national data opt-out\n",
        setting_lines("sharing.toml", "national_check"),
    )


def promises() -> str:
    """The promises on identities."""
    document = toml("promises.toml")
    listed = table(["", "Promise", "Law or standard", "Mark"], ([p["number"], p["words"], p["behind"], p["mark"]] for p in document["promises"]))
    return page("Promises", "`bcf audit promises` checks each of these in your workspace.\n", edition(document, "promises.toml"), MARKS, listed)


def case_finding() -> str:
    """The lists that a practice may ask for by name."""
    document = toml("case_finding.toml")
    lines = ([code(one["code"]), one["name"], clause(one), one["shows"]] for one in document["lists"])
    return page(
        "Case-finding lists",
        "The lists that `bcf reidentify --cohort` accepts.\n",
        edition(document, "case_finding.toml"),
        table(["Code", "Name", "Rule", "Also shows"], lines),
    )


def code_lists() -> str:
    """All code lists."""
    lists: dict[str, list[dict[str, str]]] = {}
    for row in rows("code_lists.csv"):
        lists.setdefault(row["list"], []).append(row)
    columns = {"Code": "code", "Meaning": "meaning", "Valid from": "valid_from", "Valid to": "valid_to", "Source": "source", "Mark": "mark"}
    parts = [part for name, found in lists.items() for part in (f"## {name}\n", entries(found, columns))]
    return page("Code lists", "Declared in `bcf_linkage/definitions/reference/code_lists.csv`.\n", MARKS, *parts)


# --- all pages ------------------------------------------------------------------------------------------------------------------------


PAGES: dict[str, Callable[[], str]] = {
    "published-tables.md": published_tables,
    "cohorts.md": cohort_page("Cohorts", "cohorts.toml", "Published in the table `cohort_counts`.\n"),
    "national-conditions.md": cohort_page("National conditions", "conditions.toml", "Published in the table `national_conditions`.\n"),
    "metrics.md": metrics,
    "bands.md": bands,
    "unit-costs.md": unit_costs,
    "case-finding.md": case_finding,
    "trace-rules.md": trace_rules,
    "linkage-rules.md": linkage_rules,
    "disclosure-profiles.md": disclosure_profiles,
    "legal-bases.md": sharing,
    "promises.md": promises,
    "code-lists.md": code_lists,
}


def generated() -> Iterator[tuple[str, str]]:
    """Every page of this module: its path under reference/, and its text."""
    yield from extract_pages()
    for name, write in PAGES.items():
        yield name, write()
