"""Count the quality of the linkage, for the published tables and the linkage-quality report."""

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
from bcf_linkage.pseudonymised.extracts import add_missing_extracts
from bcf_linkage.pseudonymised.transfers import care_home_stays
from bcf_linkage.published.exact_counts import ALL
from bcf_linkage.published.linkage_quality.bounds import estimate_bounds
from bcf_linkage.published.linkage_quality.differences import compare_linked_and_unlinked, sum_quantities, tally_people_by_group, tally_people_measured
from bcf_linkage.published.linkage_quality.flow import count_by_months_seen, find_coverage, tally_flow, tally_people_seen
from bcf_linkage.published.linkage_quality.implausible import tally_implausible_links
from bcf_linkage.published.linkage_quality.link_change_tallies import tally_link_changes
from bcf_linkage.published.linkage_quality.linkage_summary import summarise_linkage
from bcf_linkage.published.linkage_quality.match_rates import group_records, tally_matches
from bcf_linkage.published.linkage_quality.published_views import PREVIOUS_COLUMNS, build_linkage_ledger, build_linkage_quality
from bcf_linkage.published.linkage_quality.sensitivity import build_sensitivity
from bcf_linkage.published.linkage_quality.tallies import TALLY_COLUMNS, build_exact_counts
from bcf_linkage.published.tables import Stamp
from bcf_linkage.storage.engine import Engine, materialise
from bcf_linkage.storage.manifest import digest, versions
from pipelines.publish.reviews import latest_reviews, tally_reviews
from pipelines.publish.truth import tally_truth
from pipelines.receive.linkage_evidence import read_linkage_evidence
from pipelines.receive.links import REGISTER, links_path, previous_run
from pipelines.stratify import scan_received
from pipelines.workspace.run_context import RunContext
from pipelines.workspace.settings import SETTINGS_FILE as SETTINGS

BOUNDS_SCHEMA = {
    **dict.fromkeys(("table", "measure", "measure_name"), pl.String),
    "people": pl.Int64,
    "sources": pl.String,
    **dict.fromkeys(("least", "most"), pl.Int64),
    **dict.fromkeys(("direction", "status"), pl.String),
}


@dataclass(frozen=True)
class LinkageCounts:
    """Everything counted on linkage, before protection.

    `exact`: one row per measure, source and group, with its exact count. `sums`: totals behind the means of linked and unlinked
    people. `coverage`: one row per source with its first and last month.
    """

    exact: pl.DataFrame
    sums: pl.DataFrame
    coverage: pl.DataFrame


def count_linkage(run: RunContext, engine: Engine, rules: Rulebook, ledger: pl.DataFrame, practices: Collection[str]) -> LinkageCounts:
    """Count the linkage from the run's ledger, its linkage evidence and its person-level tables."""
    received = scan_received(run, engine)
    contacts = engine.scan(run.table("contacts"))
    sums = engine.collect(sum_quantities(contacts, engine.scan(run.table("costs"))))
    coverage = engine.collect(find_coverage(materialise(engine, count_by_months_seen(contacts)), rules.disclosure.rule.protected_range.stop))
    tallies = [*_build_tallies(run, engine, rules, ledger, practices, received), tally_people_measured(engine.frame(sums))]
    # Each tally is computed by itself: one plan over all of them would keep every source in memory at once.
    exact = engine.collect(build_exact_counts([materialise(engine, tally) for tally in tallies], rules.linkage, run.year))
    return LinkageCounts(exact, sums, coverage)


def build_linkage_tables(
    run: RunContext, engine: Engine, rules: Rulebook, counts: LinkageCounts, figures: nw.LazyFrame, figures_by_rule: Mapping[tuple[str, str], nw.LazyFrame]
) -> dict[Table, tuple[nw.LazyFrame, Edition]]:
    """Build the published linkage tables from the protected figures: each table with the edition of its rules."""
    quality = rules.linkage
    views = {
        LINKAGE_QUALITY: build_linkage_quality(figures, engine.frame(_previous_figures(run)), quality),
        LINKAGE_LEDGER: build_linkage_ledger(figures),
        LINKAGE_DIFFERENCES: compare_linked_and_unlinked(figures, engine.frame(counts.sums), quality, rules.disclosure.rule.protected_range.stop),
        LINKAGE_SENSITIVITY: build_sensitivity(figures_by_rule),
    }
    return {table: (frame, quality.edition) for table, frame in views.items()}


def _previous_figures(run: RunContext) -> pl.DataFrame:
    """Read the linkage figures that the previous run published. No row if there is no previous run, or if its tables were pruned."""
    path = run.workspace.published(previous_run(run) or "none") / "tables" / f"{LINKAGE_QUALITY.name}.parquet"
    if not path.is_file():
        return pl.DataFrame(schema={name: pl.Float64 if name == "value" else pl.String for name in PREVIOUS_COLUMNS})
    return pl.read_parquet(path, columns=list(PREVIOUS_COLUMNS))


def _build_tallies(
    run: RunContext, engine: Engine, rules: Rulebook, ledger: pl.DataFrame, practices: Collection[str], received: Mapping[str, nw.LazyFrame]
) -> list[nw.LazyFrame]:
    """Build all tallies of the linkage. Each has one row per measure, source and group."""
    quality, ages = rules.linkage, rules.bands.ages
    grouped_records, contacts = group_records(received, quality, ages, practices), engine.scan(run.table("contacts"))
    placements = care_home_stays(add_missing_extracts(received)["adult_social_care"])
    return [
        tally_flow(engine.frame(ledger), quality),
        tally_people_seen(contacts),
        tally_matches({extract: materialise(engine, frame) for extract, frame in grouped_records.items()}, quality),
        tally_people_by_group(contacts, quality, ages),
        tally_implausible_links(received, contacts, engine.scan(run.table("spells")), placements, quality),
        tally_link_changes({extract: engine.scan(links_path(run, extract)) for extract in run.extracts if extract != REGISTER}),
        *(engine.frame(counts.select(TALLY_COLUMNS)) for counts in (read_linkage_evidence(run), tally_reviews(run), tally_truth(run)) if counts.height),
    ]


def build_assessment_tables(
    run: RunContext, tables: Mapping[str, pl.DataFrame], source_coverage: pl.DataFrame, stamp: Stamp, upper_bounds: Mapping[tuple[str, str], int | None]
) -> dict[str, pl.DataFrame]:
    """Derive three tables from the published ones: the linkage summary, the bounds of the cohorts, and the provenance.

    `upper_bounds` is by (measure, source): the largest value that a suppressed figure can have, None if there is no small bound.
    """
    rulebook = run.rulebook
    rules = rulebook.linkage
    rows = summarise_linkage(tables[LINKAGE_QUALITY.name].to_dicts(), rules, rulebook.disclosure, upper_bounds)
    cohort_sets = {COHORT_COUNTS.name: rulebook.cohorts, NATIONAL_CONDITIONS.name: rulebook.conditions}
    needs = {(table, cohort.code): cohort.needs for table, cohorts in cohort_sets.items() for cohort in cohorts.cohorts}
    bound_rows = list(estimate_bounds(tables[LINKAGE_SENSITIVITY.name].to_dicts(), rows, needs))
    facts = pl.DataFrame(list(provenance_rows(run, tables, source_coverage)), ["subject", "fact", "detail"], orient="row")
    stamp_values = {
        "period_start": run.year.start,
        "period_end": run.year.end,
        "as_at": stamp.as_at,
        "definition_version": f"{rules.edition.name} {rules.edition.version}",
        "run_id": stamp.run_id,
    }
    literals = {name: pl.lit(value) for name, value in stamp_values.items()}
    return {
        LINKAGE_SUMMARY.name: pl.DataFrame(rows, infer_schema_length=None).with_columns(**literals),
        LINKAGE_BOUNDS.name: pl.DataFrame(bound_rows, BOUNDS_SCHEMA).with_columns(**literals),
        LINKAGE_PROVENANCE.name: facts.with_columns(**literals),
    }


def provenance_rows(run: RunContext, tables: Mapping[str, pl.DataFrame], source_coverage: pl.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield (subject, fact, detail) on every delivery and on the rules, settings and versions of the run. Row counts are the published ones."""
    totals = tables[LINKAGE_QUALITY.name].filter(pl.col("group_type") == ALL)
    rows = {(measure, area): number for measure, area, number in totals.select("measure", "area_code", "numerator").iter_rows()}
    months = {extract: f"{first} to {last}" for extract, first, last in source_coverage.select("extract", "first_month", "last_month").iter_rows()}
    settings, link_reviews = run.settings, latest_reviews(run)
    for extract in run.extracts:
        source = settings.sources[extract]
        yield extract, "shared by", source.supplier
        yield extract, "under", str(source.agreement)
        for fact, measure in (("records read", "rows_read"), ("records kept", "rows_traced"), ("records linked", "linked")):
            number = rows.get((measure, extract), 0)
            yield extract, fact, "suppressed" if number is None else f"{number:,}"
        if extract != REGISTER:
            yield extract, "months covered", months.get(extract, "too few people to publish")
            review = link_reviews.get(extract)
            yield extract, "links reviewed by a person", f"of run {review.run}" if review else "not yet: `bcf clerical-review export` gives out a sample"
        for position, delivery in enumerate((d for d in run.deliveries if d.extract == extract), 1):
            yield extract, f"file {position}", f"{delivery.file.name}, SHA-256 {delivery.sha256}"
    component_versions, trace = versions(), TraceRules.build(run.as_at).edition
    yield "run", "population", "people registered with a practice of the locality on the as-at date, and other people in the deliveries"
    people = rows.get(("people", REGISTER))
    size = "" if people is None else f"; {people:,} people"
    yield "run", "register", f"{REGISTER} as delivered, its digest above, as at {run.as_at}{size}"
    yield "run", "records counted", f"of the 24 months to {run.as_at}; cohorts of {run.year.start} to {run.year.end}"
    yield "run", "links compared with", previous_run(run) or "no run: this is the first"
    for name, file, edition in (("trace rules and weights", TRACE_FILE, trace), ("rules of this report", FILE, run.rulebook.linkage.edition)):
        yield "run", name, f"{file}, edition {edition.version}, SHA-256 {digest(Path(str(REFERENCE / file)))}"
    yield "run", "settings", f"{SETTINGS}, SHA-256 {digest(run.request.workspace / SETTINGS)}"
    yield "run", "all definitions", f"SHA-256 {component_versions['definitions']}"
    for package in sorted(set(component_versions) - {"definitions"}):
        yield "run", f"version of {package}", component_versions[package]
    yield "run", "kind of people", "made up: the truth is known" if settings.kind == "synthetic" else "real: no truth is known"
