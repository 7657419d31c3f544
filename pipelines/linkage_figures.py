"""Steps that count how good the linkage is, for the published tables and for the report that is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.linkage_rules import FILE, QualityRules
from bcf_linkage.definitions.published_tables import (
    LINKAGE_DIFFERENCES,
    LINKAGE_LEDGER,
    LINKAGE_PROVENANCE,
    LINKAGE_QUALITY,
    LINKAGE_SENSITIVITY,
    LINKAGE_SUMMARY,
)
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.trace_rules import FILE as TRACE_FILE
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.published.disclosure_control import protected
from bcf_linkage.published.linkage_quality.assessment import summary
from bcf_linkage.published.linkage_quality.differences import differences, means, people_by_group
from bcf_linkage.published.linkage_quality.flow import flow, sightings
from bcf_linkage.published.linkage_quality.implausible import implausible
from bcf_linkage.published.linkage_quality.match import matches, told_together
from bcf_linkage.published.linkage_quality.tallies import TALLY, exact
from bcf_linkage.published.linkage_quality.views import linkage_ledger, linkage_quality
from bcf_linkage.published.tables import Stamp, finished
from bcf_linkage.storage.engine import Engine, held
from bcf_linkage.storage.manifest import versions
from pipelines.evidence import evidence_of
from pipelines.runs import Run
from pipelines.sensitivity import cohorts_moved
from pipelines.stratify import received_rows
from pipelines.truth import truth


def linkage_tables(run: Run, engine: Engine, rules: Rulebook, ledger: pl.DataFrame, areas: pl.DataFrame, stamp: Stamp) -> dict[str, nw.LazyFrame]:
    """The run's ledger, evidence and person-level tables -> the published tables on linkage that are counted, each with its stamp."""
    quality = rules.linkage
    received = received_rows(run, engine)
    tallies = _tallies(run, engine, rules, quality, ledger, areas, received)
    # Each tally is worked out by itself; then they make one tree of counts, which is protected once: the tables are views of it.
    counted = held(engine, exact([held(engine, tally) for tally in tallies], quality, run.year))
    shown = held(engine, protected(counted, rules.disclosure, quality.depth))
    sums = means(engine.scan(run.table("contacts")), engine.scan(run.table("costs")))
    sums = sums.with_columns(period_start=nw.lit(run.year.start), period_end=nw.lit(run.year.end))
    apart = differences(shown, held(engine, sums), quality, rules.disclosure)
    moved = cohorts_moved(run, engine, rules, quality, engine.frame(areas))
    return {
        LINKAGE_QUALITY.name: finished(linkage_quality(shown, quality), LINKAGE_QUALITY, quality.edition, stamp),
        LINKAGE_LEDGER.name: finished(linkage_ledger(shown), LINKAGE_LEDGER, quality.edition, stamp),
        LINKAGE_DIFFERENCES.name: finished(apart, LINKAGE_DIFFERENCES, quality.edition, stamp),
        LINKAGE_SENSITIVITY.name: finished(moved, LINKAGE_SENSITIVITY, quality.edition, stamp),
    }


def _tallies(
    run: Run, engine: Engine, rules: Rulebook, quality: QualityRules, ledger: pl.DataFrame, areas: pl.DataFrame, received: Mapping[str, nw.LazyFrame]
) -> list[nw.LazyFrame]:
    practices, ages = areas["practice_code"].to_list(), rules.bands.ages
    told, contacts = told_together(received, quality, ages, practices), engine.scan(run.table("contacts"))
    return [
        flow(engine.frame(ledger), quality),
        sightings(contacts),
        matches({extract: held(engine, frame) for extract, frame in told.items()}, quality),
        people_by_group(contacts, quality, ages),
        implausible(received, contacts, engine.scan(run.table("spells")), quality),
        *(engine.frame(counted.select(TALLY)) for counted in (evidence_of(run), truth(run)) if counted.height),
    ]


def assessed(run: Run, tables: Mapping[str, pl.DataFrame], stamp: Stamp) -> dict[str, pl.DataFrame]:
    """The counted tables -> those that are read off them: the plain summary, and what was linked with what."""
    rulebook = run.rulebook()
    rules = rulebook.linkage
    rows = summary(tables[LINKAGE_QUALITY.name].to_dicts(), rules, rulebook.disclosure)
    facts = pl.DataFrame(list(provenance(run, tables)), ["subject", "fact", "said"], orient="row")
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
        LINKAGE_PROVENANCE.name: facts.with_columns(**literals),
    }


def provenance(run: Run, tables: Mapping[str, pl.DataFrame]) -> Iterator[tuple[str, str, str]]:
    """Subject, fact and what is said of it: every delivery, and what the run was made with. Row counts are the published ones."""
    read = {row["area_code"]: row["numerator"] for row in tables[LINKAGE_QUALITY.name].filter(pl.col("measure") == "rows_read").to_dicts()}
    settings = run.settings()
    for extract in run.extracts:
        source = settings.sources[extract]
        yield extract, "shared by", source.supplier
        yield extract, "under", str(source.agreement)
        yield extract, "records read", "suppressed" if read.get(extract) is None else f"{read[extract]:,}"
        for position, delivery in enumerate((d for d in run.deliveries if d.extract == extract), 1):
            yield extract, f"file {position}", f"{delivery.file.name}, SHA-256 {delivery.sha256}"
    known, trace = versions(), TraceRules.build(run.as_at).edition
    yield "run", "population", "people registered with a practice of the locality on the as-at date, and whoever else a source saw"
    yield "run", "register", f"gp_registrations as delivered, as at {run.as_at}"
    yield "run", "records counted", f"of the 24 months to {run.as_at}; cohorts of {run.year.start} to {run.year.end}"
    yield "run", "trace rules", f"{TRACE_FILE}, edition {trace.version}"
    yield "run", "rules of this report", f"{FILE}, edition {run.rulebook().linkage.edition.version}"
    yield "run", "all definitions", f"SHA-256 {known['definitions']}"
    for package in sorted(set(known) - {"definitions"}):
        yield "run", f"version of {package}", known[package]
    yield "run", "kind of people", "made up: the truth is known" if settings.kind == "synthetic" else "real: no truth is known"
