"""Steps that weigh the evidence for links within the identifiable zone, and let nothing but counts out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.places import KEPT, Place
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable import evidence, examine, pseudonymise
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.linkage_quality import match
from bcf_linkage.storage.engine import PolarsEngine
from pipelines.receive import ReadThrough, ReceiveContext
from pipelines.runs import Run
from pipelines.settling import ENGINE

COUNTS = pl.Schema({"measure": pl.String, "group_type": pl.String, "group": pl.String, "count": pl.Int64})
TRACED = [reason for place in KEPT for reason in reasons_for(place)]
"""Every reason of a record that went to trace and is kept."""

EXPERIMENTED_ON = {"age_band": "age", "sex": "sex"}
"""Characteristics by which experiments are told, and the column of their outcomes that tells of each."""

SCORED = {"score": pl.Float64, "margin": pl.Float64, "pattern": pl.String}


def folder(run: Run) -> Path:
    """Where the counts lie, exact, beside the exact ledger."""
    return run.staging.audit / "linkage_evidence"


def weigh(run: Run, through: ReadThrough, context: ReceiveContext) -> None:
    """Write the evidence on one extract that has been read through: counts to the audit zone, loose links as pseudonyms beside the rows."""
    rules = run.rulebook().linkage
    people = with_rows(through, TRACED)
    counts = pl.concat([frame.cast(COUNTS) for frame in _counts(through, people, context, rules, run.rulebook().bands.ages)])
    target = folder(run) / f"{through.extract.name}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    counts.with_columns(area_code=pl.lit(through.extract.name)).sort("measure", "group_type", "group").write_parquet(target)
    links = ENGINE.frame(loose_links(people, context))
    PolarsEngine(pseudonymise.name_of(context.tokens.key)).write(links, loose_links_of(run, through.extract.name))


def loose_links_of(run: Run, extract: str) -> Path:
    """Where the loose links of an extract lie."""
    return run.table(f"loose_links_{extract}")


def loose_links(people: pl.DataFrame, context: ReceiveContext) -> pl.DataFrame:
    """Of `with_rows`, unlinked people as they would be linked on too little: `person` (their pseudonym) and `candidate` (the pseudonym it might be).

    The candidate is the person whose number the record bears, confirmed by nothing, or whom it tells of alone, if on too little to be
    accepted. Where records under one local number name two people so, none is chosen.
    """
    unlinked = people.filter(pl.col("reason").is_in(reasons_for(Place.UNLINKED)))
    register = context.register.numbers.filter(pl.col("listed") & ~pl.col("shared")).select("number", candidate="person_number")
    borne = unlinked.select("person", "number").join(register, on="number", how="inner").select("person", "candidate")
    scored = unlinked.select("person", candidate="likely").drop_nulls()
    single = pl.concat([borne, scored]).unique().filter(pl.len().over("person") == 1).sort("person")
    tokens = pseudonymise.tokens(context.tokens.key, pseudonymise.PERSON, single["candidate"])
    return single.select("person", candidate=pl.Series(tokens, dtype=pl.String))


def evidence_of(run: Run) -> pl.DataFrame:
    """The evidence on all extracts: `area_code`, `measure`, `group_type`, `group`, `count`."""
    return pl.concat([pl.read_parquet(path) for path in sorted(folder(run).glob("*.parquet"))])


def _counts(through: ReadThrough, people: pl.DataFrame, context: ReceiveContext, rules: QualityRules, ages: Sequence[AgeBand]) -> Iterator[pl.DataFrame]:
    table, guards = through.extract, TraceRules.build(context.as_at).guards
    identities = ENGINE.frame(people)
    communal = context.register.communal.filter(pl.col("address").is_null())["postcode"]
    yield ENGINE.collect(evidence.identifiers(identities, table, guards, rules.limits, context.as_at, communal.to_list()))
    if table.name == examine.REGISTER:
        return
    yield ENGINE.collect(evidence.local_numbers(identities, _column(table, Identity.LOCAL_ID)))
    if set(SCORED) <= set(people.columns):
        yield ENGINE.collect(evidence.what_links_rest_on(identities, rules))
    yield ENGINE.collect(_of_experiments(ENGINE.frame(through.rows.experiments), rules, ages))


def _of_experiments(outcomes: nw.LazyFrame, rules: QualityRules, ages: Sequence[AgeBand]) -> nw.LazyFrame:
    """Outcomes by age and sex -> counts of people, all together, and by age band and sex where the rules tell of groups."""
    grouped = outcomes.filter(nw.col("measure").is_in([figure.code for figure in rules.figures if figure.grouped_together]))
    divided = {c.code: match.group(c, EXPERIMENTED_ON[c.code], ages, ()) for c in rules.characteristics if c.code in EXPERIMENTED_ON}
    placed = [outcomes.with_columns(group_type=nw.lit(ALL), group=nw.lit(ALL))]
    placed += [grouped.with_columns(group_type=nw.lit(kind), group=group) for kind, group in divided.items()]
    return nw.concat(placed).group_by("measure", "group_type", "group").agg(nw.col("count").sum()).select(*COUNTS)


def with_rows(through: ReadThrough, reasons: Sequence[str]) -> pl.DataFrame:
    """The identities under which records ended for one of the reasons, each with how many `rows` did."""
    ended_so = through.ended["reason"].is_in(reasons)
    rows = np.bincount(through.ended["at"].filter(ended_so), minlength=through.rows.people.height)
    return through.rows.people.with_columns(rows=pl.Series(rows, dtype=pl.Int64)).filter(pl.col("rows") > 0)


def _column(table: Table, kind: Identity) -> str:
    name = table.identity(kind)
    if name is None:
        raise ValueError(f"table {table.name} declares no {kind}")
    return name
