"""Steps in the published zone: from people to protected counts, and from counts to a publication."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.places import KEPT, Place
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
from bcf_linkage.published.counts import counts
from bcf_linkage.published.data_dictionary import data_dictionary
from bcf_linkage.published.data_quality import data_quality, rule_counts
from bcf_linkage.published.metrics import metrics
from bcf_linkage.published.opt_outs import exact_opt_outs, opt_outs
from bcf_linkage.published.population import population
from bcf_linkage.published.risk_bands import band_counts, risk_bands
from bcf_linkage.published.tables import Stamp, finished
from bcf_linkage.storage.engine import Engine, engine_named
from bcf_linkage.storage.ledger import write_ledger
from bcf_linkage.storage.manifest import Delivery, Manifest, digests, versions, write_manifest
from bcf_linkage.storage.tables import write_tables
from bcf_linkage.storage.zones import let_read
from expectations.gate import tolerances
from pipelines import disclosure
from pipelines.disclosure import LINKAGE, Recounted
from pipelines.governance_report import write_governance
from pipelines.lanes import both
from pipelines.linkage_figures import LinkageCounts, assessed, linkage_counts, linkage_tables
from pipelines.linkage_report import write_report
from pipelines.objecting import left_out
from pipelines.receive import Received
from pipelines.runs import Run
from pipelines.sensitivity import recounted
from pipelines.settings import Settings
from pipelines.summary import Row, Summary

DECLARATIONS = Edition("declared extracts", "1", date(2012, 4, 1), "the declared tables of bcf_linkage", "S")
"""The definitions behind data quality."""


def count(run: Run, received: Sequence[Received]) -> None:
    """People and the ledger to every published table, protected, as files in the run's staging folder."""
    engine, rules, settings = engine_named(run.request.engine), run.rulebook(), run.settings()
    ledger = exact_ledger(received)
    write_ledger(ledger, run.staging.audit)
    practices, checked = _areas(settings), engine.frame(_rule_counts(received, settings))
    areas = engine.frame(practices)
    people = _population(run, engine, areas)

    def of_people() -> tuple[dict[str, pl.DataFrame], Recounted]:
        found = {name: engine.collect(frame) for name, frame in _of_people(run, engine, rules, people, areas).items()}
        return found, recounted(run, engine, rules, areas, found)

    def of_records() -> LinkageCounts:
        return linkage_counts(run, engine, rules, ledger, practices["practice_code"].to_list())

    (counted, under_other_rules), linkage = both(of_people, of_records)
    objections = engine.collect(exact_opt_outs(engine.frame(left_out(run)), rules.bands.ages, run.year))
    quality = engine.collect(rule_counts(checked, run.year))
    exact = {**counted, LINKAGE: linkage.exact, OPT_OUTS.name: objections, DATA_QUALITY.name: quality}
    protection = disclosure.protect(run, engine, rules, exact, under_other_rules)
    shown, stamp = protection.figures, Stamp(run.as_at, run.run_id)
    views: dict[Table, tuple[nw.LazyFrame, Edition]] = {
        RISK_BANDS: (risk_bands(people, shown[RISK_BANDS.name], rules.disclosure.rule.guarded.stop), rules.bands.edition),
        NATIONAL_CONDITIONS: (shown[NATIONAL_CONDITIONS.name], rules.conditions.edition),
        COHORT_COUNTS: (shown[COHORT_COUNTS.name], rules.cohorts.edition),
        BCF_METRICS: (shown[BCF_METRICS.name], rules.metrics.edition),
        OPT_OUTS: (opt_outs(shown[OPT_OUTS.name]), SharingRules.build(run.as_at).edition),
        DATA_QUALITY: (data_quality(checked, shown[DATA_QUALITY.name]), DECLARATIONS),
        DISCLOSURE_CONTROL: (engine.frame(protection.account), rules.disclosure.edition),
        **linkage_tables(run, engine, rules, linkage, shown[LINKAGE], protection.recounted),
    }
    published = {table.name: engine.collect(finished(frame, table, edition, stamp)) for table, (frame, edition) in views.items()}
    tables = {**published, **assessed(run, published, linkage.coverage, stamp, protection.most)}
    write_tables({**tables, DATA_DICTIONARY.name: pl.DataFrame(data_dictionary())}, run.staging.published, run.run_id)
    write_report(run, tables)
    write_governance(run, tables)


def seal(run: Run, received: Sequence[Received]) -> None:
    """Write the manifest of what went in and what is about to come out, and let the outcome be read."""
    rows = {(entry["extract"], entry["file"]): 0 for entry in exact_ledger(received).to_dicts()}
    for entry in exact_ledger(received).to_dicts():
        rows[entry["extract"], entry["file"]] += entry["rows"]
    inputs = [Delivery(d.extract, d.file.name, d.sha256, rows[d.extract, d.file.name], d.file.stat().st_size) for d in run.deliveries]
    manifest = Manifest(run.run_id, run.as_at, run.request.engine, versions(), inputs, digests(run.staging.published), vars(run.pseudonyms))
    write_manifest(manifest, run.staging.audit)
    let_read(run.staging.published)


def publish(run: Run, received: Sequence[Received]) -> Summary:
    """Swap everything in. The last step: before it nothing has changed, after it everything has. It can be made again however far it came."""
    published = run.staging.publish()
    disclosure.note(run, digests(published))
    bands = pl.read_parquet(published / "tables" / "risk_bands.parquet")
    conditions = pl.read_parquet(published / "tables" / "national_conditions.parquet")
    disclosed = pl.read_parquet(published / "tables" / "disclosure_control.parquet")
    return Summary(
        locality=run.settings().name,
        run_id=run.run_id,
        as_at=run.as_at,
        period_start=run.year.start,
        period_end=run.year.end,
        published=published,
        places=_places(exact_ledger(received)),
        linked=_linked(exact_ledger(received)),
        risk_bands=_in_order(bands.to_dicts(), "band", [*(b.name for b in run.rulebook().bands.bands), run.rulebook().bands.no_cost]),
        condition=_in_order(conditions.filter(pl.col("area_type") == "locality").to_dicts(), "measure", [c.code for c in run.rulebook().conditions.cohorts]),
        rule=run.rulebook().disclosure.words,
        disclosure=tuple(disclosed.to_dicts()),
    )


def exact_ledger(received: Sequence[Received]) -> pl.DataFrame:
    """One row per extract, file, place and reason: how many rows of the file ended there."""
    schema = {"extract": pl.String, "file": pl.String, "place": pl.String, "reason": pl.String, "rows": pl.Int64}
    rows = [(one.extract, file, str(place), reason, rows) for one in received for file, place, reason, rows in one.ledger]
    return pl.DataFrame(rows, schema, orient="row")


def _population(run: Run, engine: Engine, areas: nw.LazyFrame) -> nw.LazyFrame:
    people, strata, care = (engine.scan(run.table(name)) for name in ("people", "strata", "care"))
    return population(people, strata, care, areas)


def _of_people(run: Run, engine: Engine, rules: Rulebook, people: nw.LazyFrame, areas: nw.LazyFrame) -> dict[str, nw.LazyFrame]:
    """Exact counts of people and of what befell them, by the table in which they are published."""
    shared = run.extracts
    register, spells, transfers = engine.scan(run.received("gp_registrations")), engine.scan(run.table("spells")), engine.scan(run.table("transfers"))
    return {
        RISK_BANDS.name: band_counts(people, run.year),
        NATIONAL_CONDITIONS.name: counts(people, rules.conditions.from_sources(shared), run.year, rules.bands.ages),
        COHORT_COUNTS.name: counts(people, rules.cohorts.from_sources(shared), run.year, rules.bands.ages),
        BCF_METRICS.name: metrics(register, spells, transfers, areas, rules.metrics.from_sources(shared), run.as_at),
    }


def _areas(settings: Settings) -> pl.DataFrame:
    """One row per practice, with its cluster and the locality."""
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


def _rule_counts(received: Sequence[Received], settings: Settings) -> pl.DataFrame:
    """One row per declared rule of a shared extract: how many rows were read by it and how many break it."""
    tolerated = tolerances(settings.tolerances)
    rules = {(table.name, column.name, rule.rule): (n, rule) for table in EXTRACTS.values() for n, (column, rule) in enumerate(table.rules)}
    rows: list[Row] = []
    for one in received:
        for column, name, total, failed in one.rules:
            position, rule = rules[one.extract, column, name]
            tolerance = tolerated.get((one.extract, column, name))
            rows.append(
                {
                    "extract": one.extract,
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


def _places(ledger: pl.DataFrame) -> tuple[Row, ...]:
    return _in_order(ledger.group_by("extract", "place").agg(pl.col("rows").sum()).to_dicts(), "place", list(Place), "extract", list(EXTRACTS))


def _linked(ledger: pl.DataFrame) -> tuple[Row, ...]:
    traced = ledger.filter(pl.col("place").is_in([str(place) for place in KEPT]))
    linked = pl.col("rows").filter(pl.col("place") == Place.LINKED).sum()
    totals = traced.group_by("extract").agg(linked=linked, traced=pl.col("rows").sum())
    return _in_order(totals.with_columns(percent=100 * pl.col("linked") / pl.col("traced")).to_dicts(), "extract", list(EXTRACTS))


def _in_order(rows: list[Row], key: str, order: Sequence[str], outer_key: str = "", outer: Sequence[str] = ()) -> tuple[Row, ...]:
    def place(row: Row) -> tuple[Any, ...]:
        return (outer.index(row[outer_key]) if outer_key else 0, order.index(row[key]))

    return tuple(sorted(rows, key=place))
