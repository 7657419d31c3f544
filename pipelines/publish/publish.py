"""Steps in the published zone: count people, protect the counts, and publish them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.outcomes import KEPT_OUTCOMES, Outcome
from bcf_linkage.definitions.published_tables import (
    BCF_METRICS,
    COHORT_COUNTS,
    DATA_DICTIONARY,
    DATA_QUALITY,
    DISCLOSURE_CONTROL,
    NATIONAL_CONDITIONS,
    OPT_OUTS,
    RISK_BANDS,
)
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.sharing import SharingRules
from bcf_linkage.published.cohort_counts import count_cohorts
from bcf_linkage.published.data_dictionary import build_data_dictionary
from bcf_linkage.published.data_quality import build_data_quality, count_rule_failures
from bcf_linkage.published.metrics import count_metric_events
from bcf_linkage.published.opt_outs import build_opt_outs, count_opt_outs
from bcf_linkage.published.population import build_population
from bcf_linkage.published.risk_bands import build_risk_bands, count_by_band
from bcf_linkage.published.tables import Stamp, finish_table
from bcf_linkage.storage.engine import Engine
from bcf_linkage.storage.ledger import read_ledger
from bcf_linkage.storage.manifest import Manifest, ManifestInput, digests, versions, write_manifest
from bcf_linkage.storage.tables import write_tables
from bcf_linkage.storage.zones import make_readable
from expectations.gate import tolerances
from pipelines.publish import disclosure
from pipelines.publish.disclosure import LINKAGE, CountsByRule
from pipelines.publish.governance_report import write_governance_report
from pipelines.publish.linkage_figures import LinkageCounts, build_assessment_tables, build_linkage_tables, count_linkage
from pipelines.publish.linkage_report import write_linkage_report
from pipelines.publish.sensitivity import count_under_rules
from pipelines.receive.objections import read_opt_out_counts
from pipelines.receive.receive import ReceivedExtract, received_extracts
from pipelines.support.concurrency import run_both
from pipelines.workspace.run_context import RunContext
from pipelines.workspace.settings import Settings
from pipelines.workspace.summary import Row, Summary

DATA_QUALITY_EDITION = Edition(name="declared extracts", version="1", valid_from=date(2012, 4, 1), source="the declared tables of bcf_linkage", mark="S")
"""Edition of the definitions behind the data-quality table."""


def build_published_tables(run: RunContext) -> None:
    """Count people and records, protect the counts, and write every published table and both reports to the run's staging folder.

    Raises DataQualityError if a small number cannot be hidden.
    """
    engine, rules, settings = run.engine, run.rulebook, run.settings
    ledger, received = read_ledger(run.staging.audit), received_extracts(run)
    practices, rule_rows = _practice_areas(settings), engine.frame(_count_rules(received, settings))
    areas = engine.frame(practices)
    people = _build_population(run, engine, areas)

    def count_people() -> tuple[dict[str, pl.DataFrame], CountsByRule]:
        exact_counts = {name: engine.collect(frame) for name, frame in _count_people_tables(run, engine, rules, people, areas).items()}
        return exact_counts, count_under_rules(run, engine, rules, areas, exact_counts)

    def count_records() -> LinkageCounts:
        return count_linkage(run, engine, rules, ledger, practices["practice_code"].to_list())

    (people_counts, counts_by_rule), linkage = run_both(count_people, count_records)
    objections = engine.collect(count_opt_outs(engine.frame(read_opt_out_counts(run)), rules.bands.ages, run.year))
    quality = engine.collect(count_rule_failures(rule_rows, run.year))
    exact = {**people_counts, LINKAGE: linkage.exact, OPT_OUTS.name: objections, DATA_QUALITY.name: quality}
    protection = disclosure.protect_tables(run, engine, rules, exact, counts_by_rule)
    figures, stamp = protection.figures, Stamp(run.as_at, run.run_id)
    views: dict[Table, tuple[nw.LazyFrame, Edition]] = {
        RISK_BANDS: (build_risk_bands(people, figures[RISK_BANDS.name], rules.disclosure.rule.protected_range.stop), rules.bands.edition),
        NATIONAL_CONDITIONS: (figures[NATIONAL_CONDITIONS.name], rules.conditions.edition),
        COHORT_COUNTS: (figures[COHORT_COUNTS.name], rules.cohorts.edition),
        BCF_METRICS: (figures[BCF_METRICS.name], rules.metrics.edition),
        OPT_OUTS: (build_opt_outs(figures[OPT_OUTS.name]), SharingRules.build(run.as_at).edition),
        DATA_QUALITY: (build_data_quality(rule_rows, figures[DATA_QUALITY.name]), DATA_QUALITY_EDITION),
        DISCLOSURE_CONTROL: (engine.frame(protection.account), rules.disclosure.edition),
        **build_linkage_tables(run, engine, rules, linkage, figures[LINKAGE], protection.figures_by_rule),
    }
    published = {table.name: engine.collect(finish_table(frame, table, edition, stamp)) for table, (frame, edition) in views.items()}
    tables = {**published, **build_assessment_tables(run, published, linkage.coverage, stamp, protection.upper_bounds)}
    write_tables({**tables, DATA_DICTIONARY.name: pl.DataFrame(build_data_dictionary())}, run.staging.published, run.run_id)
    write_linkage_report(run, tables)
    write_governance_report(run, tables)


def write_run_manifest(run: RunContext) -> None:
    """Write the manifest of inputs and outputs with their digests, and make the published folder readable."""
    read = read_ledger(run.staging.audit).group_by("extract", "file").agg(pl.col("rows").sum())
    rows = {(extract, file): number for extract, file, number in read.iter_rows()}
    inputs = [
        ManifestInput(extract=d.extract, file=d.file.name, sha256=d.sha256, rows=rows[d.extract, d.file.name], size=d.file.stat().st_size)
        for d in run.deliveries
    ]
    manifest = Manifest(
        run=run.run_id,
        as_at=run.as_at,
        engine=run.request.engine,
        versions=versions(),
        inputs=inputs,
        outputs=digests(run.staging.published),
        pseudonyms=vars(run.pseudonym_method),
    )
    write_manifest(manifest, run.staging.audit)
    make_readable(run.staging.published)


def publish_run(run: RunContext) -> Summary:
    """Make the staged run the current publication, and return its summary.

    This is the last step: nothing is published before it, everything after it. It can be repeated after a failure at any point.
    """
    published = run.staging.publish()
    disclosure.log_release(run, digests(published))
    bands = pl.read_parquet(published / "tables" / "risk_bands.parquet")
    conditions = pl.read_parquet(published / "tables" / "national_conditions.parquet")
    ledger = read_ledger(run.workspace.audit(run.run_id))
    disclosure_rows = pl.read_parquet(published / "tables" / "disclosure_control.parquet")
    return Summary(
        locality=run.settings.name,
        run_id=run.run_id,
        as_at=run.as_at,
        period_start=run.year.start,
        period_end=run.year.end,
        published=published,
        outcomes=_count_outcomes(ledger),
        linked=_linked_shares(ledger),
        risk_bands=_sort_rows(bands.to_dicts(), "band", [*(b.name for b in run.rulebook.bands.bands), run.rulebook.bands.no_cost]),
        condition=_sort_rows(conditions.filter(pl.col("area_type") == "locality").to_dicts(), "measure", [c.code for c in run.rulebook.conditions.cohorts]),
        rule=run.rulebook.disclosure.words,
        disclosure=tuple(disclosure_rows.to_dicts()),
    )


def _build_population(run: RunContext, engine: Engine, areas: nw.LazyFrame) -> nw.LazyFrame:
    """Join people with their strata, care and areas: one row per person."""
    people, strata, care = (engine.scan(run.table(name)) for name in ("people", "strata", "care"))
    return build_population(people, strata, care, areas)


def _count_people_tables(run: RunContext, engine: Engine, rules: Rulebook, people: nw.LazyFrame, areas: nw.LazyFrame) -> dict[str, nw.LazyFrame]:
    """Build the exact counts of people and of their events, by published table."""
    shared = run.extracts
    register, spells, transfers = engine.scan(run.received("gp_registrations")), engine.scan(run.table("spells")), engine.scan(run.table("transfers"))
    return {
        RISK_BANDS.name: count_by_band(people, run.year),
        NATIONAL_CONDITIONS.name: count_cohorts(people, rules.conditions.limit_to_sources(shared), run.year, rules.bands.ages),
        COHORT_COUNTS.name: count_cohorts(people, rules.cohorts.limit_to_sources(shared), run.year, rules.bands.ages),
        BCF_METRICS.name: count_metric_events(register, spells, transfers, areas, rules.metrics.limit_to_sources(shared), run.as_at),
    }


def _practice_areas(settings: Settings) -> pl.DataFrame:
    """Build one row per practice, with its cluster and the locality."""
    return pl.DataFrame(
        [
            {
                "practice_code": code,
                "practice_name": name,
                "cluster_code": cluster.code,
                "cluster_name": cluster.name,
                "locality_code": settings.code,
                "locality_name": settings.name,
            }
            for cluster in settings.clusters
            for code, name in cluster.practices
        ]
    )


def _count_rules(received: Sequence[ReceivedExtract], settings: Settings) -> pl.DataFrame:
    """Build one row per declared rule of a shared extract: the rows that were checked and the rows that break it."""
    rule_tolerances = tolerances(settings.tolerances)
    rules = {(table.name, column.name, rule.rule): (position, rule) for table in EXTRACTS.values() for position, (column, rule) in enumerate(table.rules)}
    rows: list[Row] = []
    for extract in received:
        for column, name, total, failed in extract.rule_counts:
            position, rule = rules[extract.extract, column, name]
            tolerance = rule_tolerances.get((extract.extract, column, name))
            rows.append(
                {
                    "extract": extract.extract,
                    "column": column,
                    "rule": name,
                    "words": rule.words,
                    "consequence": rule.consequence.value,
                    "tolerance_percent": tolerance.percent if tolerance else None,
                    "position": position,
                    "rows": total,
                    "failed": failed,
                }
            )
    return pl.DataFrame(rows, schema_overrides={"tolerance_percent": pl.Float64})


def _count_outcomes(ledger: pl.DataFrame) -> tuple[Row, ...]:
    """Count rows by extract and outcome, exactly."""
    return _sort_rows(ledger.group_by("extract", "outcome").agg(pl.col("rows").sum()).to_dicts(), "outcome", list(Outcome), "extract", list(EXTRACTS))


def _linked_shares(ledger: pl.DataFrame) -> tuple[Row, ...]:
    """Count traced and linked rows by extract, and the percentage linked."""
    traced = ledger.filter(pl.col("outcome").is_in([str(outcome) for outcome in KEPT_OUTCOMES]))
    linked = pl.col("rows").filter(pl.col("outcome") == Outcome.LINKED).sum()
    totals = traced.group_by("extract").agg(linked=linked, traced=pl.col("rows").sum())
    return _sort_rows(totals.with_columns(percent=100 * pl.col("linked") / pl.col("traced")).to_dicts(), "extract", list(EXTRACTS))


def _sort_rows(rows: list[Row], key: str, order: Sequence[str], outer_key: str = "", outer: Sequence[str] = ()) -> tuple[Row, ...]:
    """Sort rows by the order of `outer_key`, then by the order of `key`."""

    def sort_key(row: Row) -> tuple[int, int]:
        return (outer.index(row[outer_key]) if outer_key else 0, order.index(row[key]))

    return tuple(sorted(rows, key=sort_key))
