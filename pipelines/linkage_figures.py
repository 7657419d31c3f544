"""Steps that count how good the linkage is, for the published tables and for the report that is made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.code_lists import REFERENCE
from bcf_linkage.definitions.linkage_rules import FILE
from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.published_tables import (
    COHORT_COUNTS,
    LINKAGE_BOUNDS,
    LINKAGE_DIFFERENCES,
    LINKAGE_LEDGER,
    LINKAGE_PROVENANCE,
    LINKAGE_QUALITY,
    LINKAGE_SENSITIVITY,
    LINKAGE_SUMMARY,
    NATIONAL_CONDITIONS,
)
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.trace_rules import FILE as TRACE_FILE
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.pseudonymised.extracts import complete
from bcf_linkage.pseudonymised.transfers import care_home_stays
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.linkage_quality.assessment import summary
from bcf_linkage.published.linkage_quality.bounds import bounds
from bcf_linkage.published.linkage_quality.changes import link_changes
from bcf_linkage.published.linkage_quality.differences import differences, means, people_by_group, people_measured
from bcf_linkage.published.linkage_quality.flow import coverage, flow, months_seen, sightings
from bcf_linkage.published.linkage_quality.implausible import implausible
from bcf_linkage.published.linkage_quality.match import matches, told_together
from bcf_linkage.published.linkage_quality.sensitivity import sensitivity
from bcf_linkage.published.linkage_quality.tallies import TALLY, exact
from bcf_linkage.published.linkage_quality.views import BEFORE, linkage_ledger, linkage_quality
from bcf_linkage.published.tables import Stamp
from bcf_linkage.storage.engine import Engine, held
from bcf_linkage.storage.manifest import digest, versions
from pipelines.clerical import reviewed, reviews
from pipelines.evidence import evidence_of
from pipelines.links import REGISTER, links_of, run_before
from pipelines.runs import Run
from pipelines.settings import FILE as SETTINGS
from pipelines.stratify import received_rows
from pipelines.truth import truth

BOUNDED = {
    **dict.fromkeys(("table", "measure", "measure_name"), pl.String),
    "people": pl.Int64,
    "sources": pl.String,
    **dict.fromkeys(("least", "most"), pl.Int64),
    **dict.fromkeys(("direction", "status"), pl.String),
}


@dataclass(frozen=True)
class LinkageCounts:
    """The one tree of exact counts on linkage, the sums behind the means of linked and unlinked people, and the months that each source covers."""

    exact: pl.DataFrame
    sums: pl.DataFrame
    coverage: pl.DataFrame


def linkage_counts(run: Run, engine: Engine, rules: Rulebook, ledger: pl.DataFrame, practices: Collection[str]) -> LinkageCounts:
    """The run's ledger, evidence and person-level tables -> all that is counted of its linkage."""
    received = received_rows(run, engine)
    contacts = engine.scan(run.table("contacts"))
    sums, covered = (
        engine.collect(means(contacts, engine.scan(run.table("costs")))),
        engine.collect(coverage(held(engine, months_seen(contacts)), rules.disclosure.rule.guarded.stop)),
    )
    tallies = [*_tallies(run, engine, rules, ledger, practices, received), people_measured(engine.frame(sums))]
    # Each tally is worked out by itself; then they make one tree of counts.
    return LinkageCounts(engine.collect(exact([held(engine, tally) for tally in tallies], rules.linkage, run.year)), sums, covered)


def linkage_tables(
    run: Run, engine: Engine, rules: Rulebook, counted: LinkageCounts, shown: nw.LazyFrame, moved: Mapping[tuple[str, str], nw.LazyFrame]
) -> dict[Table, tuple[nw.LazyFrame, Edition]]:
    """Figures of the linkage, and of the cohorts under each linkage rule -> the published tables that are views of them."""
    quality = rules.linkage
    views = {
        LINKAGE_QUALITY: linkage_quality(shown, engine.frame(_published_before(run)), quality),
        LINKAGE_LEDGER: linkage_ledger(shown),
        LINKAGE_DIFFERENCES: differences(shown, engine.frame(counted.sums), quality, rules.disclosure.rule.guarded.stop),
        LINKAGE_SENSITIVITY: sensitivity(moved),
    }
    return {table: (frame, quality.edition) for table, frame in views.items()}


def _published_before(run: Run) -> pl.DataFrame:
    """What the run before published of its linkage; no row where there was none, or it is there no longer."""
    path = run.workspace.published(run_before(run) or "none") / "tables" / f"{LINKAGE_QUALITY.name}.parquet"
    if not path.is_file():
        return pl.DataFrame(schema={name: pl.Float64 if name == "value" else pl.String for name in BEFORE})
    return pl.read_parquet(path, columns=list(BEFORE))


def _tallies(
    run: Run, engine: Engine, rules: Rulebook, ledger: pl.DataFrame, practices: Collection[str], received: Mapping[str, nw.LazyFrame]
) -> list[nw.LazyFrame]:
    quality, ages = rules.linkage, rules.bands.ages
    told, contacts = told_together(received, quality, ages, practices), engine.scan(run.table("contacts"))
    placements = care_home_stays(complete(received)["adult_social_care"])
    return [
        flow(engine.frame(ledger), quality),
        sightings(contacts),
        matches({extract: held(engine, frame) for extract, frame in told.items()}, quality),
        people_by_group(contacts, quality, ages),
        implausible(received, contacts, engine.scan(run.table("spells")), placements, quality),
        link_changes({extract: engine.scan(links_of(run, extract)) for extract in run.extracts if extract != REGISTER}),
        *(engine.frame(counted.select(TALLY)) for counted in (evidence_of(run), reviewed(run), truth(run)) if counted.height),
    ]


def assessed(
    run: Run, tables: Mapping[str, pl.DataFrame], covered: pl.DataFrame, stamp: Stamp, most: Mapping[tuple[str, str], int | None]
) -> dict[str, pl.DataFrame]:
    """The counted tables -> those that are read off them: the plain summary, what its errors leave open of the
    cohorts, and what was linked with what.

    `most` is by measure and source how large a figure can be that is suppressed, None if it can be large.
    """
    rulebook = run.rulebook()
    rules = rulebook.linkage
    rows = summary(tables[LINKAGE_QUALITY.name].to_dicts(), rules, rulebook.disclosure, most)
    sets = {COHORT_COUNTS.name: rulebook.cohorts, NATIONAL_CONDITIONS.name: rulebook.conditions}
    needs = {(table, cohort.code): cohort.needs for table, cohorts in sets.items() for cohort in cohorts.cohorts}
    bounded = list(bounds(tables[LINKAGE_SENSITIVITY.name].to_dicts(), rows, needs))
    facts = pl.DataFrame(list(provenance(run, tables, covered)), ["subject", "fact", "said"], orient="row")
    stamped = {
        "period_start": run.year.start,
        "period_end": run.year.end,
        "as_at": stamp.as_at,
        "definition_version": f"{rules.edition.name} {rules.edition.version}",
        "run_id": stamp.run_id,
    }
    literals = {name: pl.lit(value) for name, value in stamped.items()}
    return {
        LINKAGE_SUMMARY.name: pl.DataFrame(rows, infer_schema_length=None).with_columns(**literals),
        LINKAGE_BOUNDS.name: pl.DataFrame(bounded, BOUNDED).with_columns(**literals),
        LINKAGE_PROVENANCE.name: facts.with_columns(**literals),
    }


def provenance(run: Run, tables: Mapping[str, pl.DataFrame], covered: pl.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Subject, fact and what is said of it: every delivery, and what the run was made with. Row counts are the published ones."""
    wholes = tables[LINKAGE_QUALITY.name].filter(pl.col("group_type") == ALL)
    rows = {(measure, area): number for measure, area, number in wholes.select("measure", "area_code", "numerator").iter_rows()}
    months = {extract: f"{first} to {last}" for extract, first, last in covered.select("extract", "first_month", "last_month").iter_rows()}
    settings, read_of_links = run.settings(), reviews(run)
    for extract in run.extracts:
        source = settings.sources[extract]
        yield extract, "shared by", source.supplier
        yield extract, "under", str(source.agreement)
        for fact, measure in (("records read", "rows_read"), ("records kept", "rows_traced"), ("records linked", "linked")):
            number = rows.get((measure, extract), 0)
            yield extract, fact, "suppressed" if number is None else f"{number:,}"
        if extract != REGISTER:
            yield extract, "months covered", months.get(extract, "too few people to say")
            looked = read_of_links.get(extract)
            yield extract, "links read by a person", f"of run {looked['run']}" if looked else "not yet: `bcf clerical-review export` gives out a sample"
        for position, delivery in enumerate((d for d in run.deliveries if d.extract == extract), 1):
            yield extract, f"file {position}", f"{delivery.file.name}, SHA-256 {delivery.sha256}"
    known, trace = versions(), TraceRules.build(run.as_at).edition
    yield "run", "population", "people registered with a practice of the locality on the as-at date, and whoever else a source saw"
    people = rows.get(("people", REGISTER))
    size = "" if people is None else f"; {people:,} people"
    yield "run", "register", f"{REGISTER} as delivered, its digest above, as at {run.as_at}{size}"
    yield "run", "records counted", f"of the 24 months to {run.as_at}; cohorts of {run.year.start} to {run.year.end}"
    yield "run", "links held against", run_before(run) or "no run: this is the first"
    for name, file, edition in (("trace rules and weights", TRACE_FILE, trace), ("rules of this report", FILE, run.rulebook().linkage.edition)):
        yield "run", name, f"{file}, edition {edition.version}, SHA-256 {digest(Path(str(REFERENCE / file)))}"
    yield "run", "settings", f"{SETTINGS}, SHA-256 {digest(run.request.workspace / SETTINGS)}"
    yield "run", "all definitions", f"SHA-256 {known['definitions']}"
    for package in sorted(set(known) - {"definitions"}):
        yield "run", f"version of {package}", known[package]
    yield "run", "kind of people", "made up: the truth is known" if settings.kind == "synthetic" else "real: no truth is known"
