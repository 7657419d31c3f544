"""Count the evidence for links in the identifiable zone. Only counts and pseudonyms leave it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable import evidence_counts, identity_stages, pseudonymisation
from bcf_linkage.published.exact_counts import ALL
from bcf_linkage.published.linkage_quality import match_rates
from bcf_linkage.storage.engine import POLARS, PolarsEngine
from pipelines.receive.receive import TRACED_REASONS, ProcessedExtract, ReceiveContext, identities_with_rows
from pipelines.workspace.run_context import RunContext

COUNT_SCHEMA = pl.Schema({"measure": pl.String, "group_type": pl.String, "group": pl.String, "count": pl.Int64})
VALIDATION_GROUPS = {"age_band": "age", "sex": "sex"}
"""Characteristics by which the hold-out sample is reported -> the column of the validation results."""

SCORE_FIELDS = frozenset({"score", "margin", "pattern"})
"""Columns that identities have only if probabilistic linkage scored them."""


def evidence_folder(run: RunContext) -> Path:
    """Folder of the exact counts, in the audit zone beside the exact ledger."""
    return run.staging.audit / "linkage_evidence"


def write_linkage_evidence(run: RunContext, processed: ProcessedExtract, context: ReceiveContext) -> None:
    """Write the evidence on one extract: counts to the audit zone, loose links (pseudonyms only) beside the received rows."""
    rules = run.rulebook.linkage
    people = identities_with_rows(processed, TRACED_REASONS)
    counts = pl.concat([frame.cast(COUNT_SCHEMA) for frame in _count_evidence(processed, people, context, rules, run.rulebook.bands.ages)])
    target = evidence_folder(run) / f"{processed.extract.name}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    counts.with_columns(area_code=pl.lit(processed.extract.name)).sort("measure", "group_type", "group").write_parquet(target)
    links = POLARS.frame(find_loose_links(people, context))
    PolarsEngine(pseudonymisation.key_name(context.tokens.key)).write(links, loose_links_path(run, processed.extract.name))


def loose_links_path(run: RunContext, extract: str) -> Path:
    """Path of the loose links of an extract."""
    return run.table(f"loose_links_{extract}")


def find_loose_links(people: pl.DataFrame, context: ReceiveContext) -> pl.DataFrame:
    """Find the links that a looser rule would accept for unlinked people.

    `people` as `identities_with_rows` returns them -> one row per unlinked person with exactly one candidate: `person` (the
    person's pseudonym) and `candidate` (the pseudonym of the registered person). The candidate has the record's NHS number, which
    nothing else confirms, or is the record's best candidate pair, whose match weight or margin is too low. A person whose records
    lead to two candidates gets none.
    """
    unlinked = people.filter(pl.col("reason").is_in(reasons_for(Outcome.UNLINKED)))
    register = context.register.numbers.filter(pl.col("listed") & ~pl.col("shared")).select("number", candidate="person_number")
    by_own_number = unlinked.select("person", "number").join(register, on="number", how="inner").select("person", "candidate")
    by_score = unlinked.select("person", candidate="likely").drop_nulls()
    unambiguous = pl.concat([by_own_number, by_score]).unique().filter(pl.len().over("person") == 1).sort("person")
    tokens = pseudonymisation.make_tokens(context.tokens.key, pseudonymisation.PERSON_DOMAIN, unambiguous["candidate"])
    return unambiguous.select("person", candidate=pl.Series(tokens, dtype=pl.String))


def read_linkage_evidence(run: RunContext) -> pl.DataFrame:
    """Read the counts of all extracts: `area_code` (the extract), `measure`, `group_type`, `group`, `count`."""
    return pl.concat([pl.read_parquet(path) for path in sorted(evidence_folder(run).glob("*.parquet"))])


def _count_evidence(
    processed: ProcessedExtract, people: pl.DataFrame, context: ReceiveContext, rules: QualityRules, ages: Sequence[AgeBand]
) -> Iterator[pl.DataFrame]:
    """Yield counts of identifier faults; for all extracts but the register also of local identifiers, scores and the validation."""
    table, guards = processed.extract, TraceRules.build(context.as_at).guards
    identities = POLARS.frame(people)
    communal = context.register.communal_homes.filter(pl.col("address").is_null())["postcode"]
    yield POLARS.collect(evidence_counts.count_identifier_faults(identities, table, guards, rules.limits, context.as_at, communal.to_list()))
    if table.name == identity_stages.REGISTER_EXTRACT:
        return
    yield POLARS.collect(evidence_counts.count_local_ids(identities, _column(table, Identity.LOCAL_ID)))
    if set(people.columns) >= SCORE_FIELDS:
        yield POLARS.collect(evidence_counts.count_link_evidence(identities, rules))
    yield POLARS.collect(_count_validation_groups(POLARS.frame(processed.rows.validation_counts), rules, ages))


def _count_validation_groups(results: nw.LazyFrame, rules: QualityRules, ages: Sequence[AgeBand]) -> nw.LazyFrame:
    """Validation results by age and sex -> counts of people in total and, for the measures that the rules group, by age band and sex."""
    grouped = results.filter(nw.col("measure").is_in([figure.code for figure in rules.figures if figure.grouped_together]))
    group_columns = {c.code: match_rates.group_of_record(c, VALIDATION_GROUPS[c.code], ages, ()) for c in rules.characteristics if c.code in VALIDATION_GROUPS}
    by_group = [results.with_columns(group_type=nw.lit(ALL), group=nw.lit(ALL))]
    by_group += [grouped.with_columns(group_type=nw.lit(group_type), group=group) for group_type, group in group_columns.items()]
    return nw.concat(by_group).group_by("measure", "group_type", "group").agg(nw.col("count").sum()).select(*COUNT_SCHEMA)


def _column(table: Table, kind: Identity) -> str:
    name = table.identity(kind)
    if name is None:
        raise ValueError(f"table {table.name} declares no {kind}")
    return name
