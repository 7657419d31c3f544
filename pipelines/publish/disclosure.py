"""Disclosure control of a run: exact counts of all tables -> published figures, and the record of their protection in the audit folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.criteria import CountDefinition, count_definitions
from bcf_linkage.definitions.errors import DataQualityError
from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.published_tables import (
    BCF_METRICS,
    COHORT_COUNTS,
    DATA_QUALITY,
    LINKAGE_DIFFERENCES,
    LINKAGE_LEDGER,
    LINKAGE_QUALITY,
    LINKAGE_SENSITIVITY,
    NATIONAL_CONDITIONS,
)
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.data_quality import find_disjoint_records
from bcf_linkage.published.disclosure_control.earlier_releases import ReleasedCount, parse_released_counts
from bcf_linkage.published.disclosure_control.figures import build_figures
from bcf_linkage.published.disclosure_control.knowledge import AdditionalConstraints, Tables, build_knowledge
from bcf_linkage.published.disclosure_control.release import ProtectionSummary, protect_release, released_counts, summarise_protection
from bcf_linkage.published.exact_counts import CONTROL_COLUMNS, parse_counts
from bcf_linkage.published.linkage_quality import relations as linkage_relations
from bcf_linkage.storage import releases
from bcf_linkage.storage.engine import Engine
from pipelines.workspace.run_context import RunContext

LINKAGE = ", ".join(table.name for table in (LINKAGE_QUALITY, LINKAGE_LEDGER, LINKAGE_DIFFERENCES))
"""Name of the counts that three published tables show."""

CountsByRule = Mapping[tuple[str, str], pl.DataFrame]
"""Exact counts of the cohorts, by (linkage rule, table)."""


@dataclass(frozen=True)
class Protection:
    """Protected figures of each table and of the cohorts under each linkage rule, and one row per table on their protection.

    `upper_bounds` gives, by (measure, source), an upper bound of each suppressed figure on linkage: None if it can be large. For a figure
    that is suppressed only because its denominator is, the bound is its number.
    """

    figures: Mapping[str, nw.LazyFrame]
    figures_by_rule: Mapping[tuple[str, str], nw.LazyFrame]
    account: pl.DataFrame
    upper_bounds: Mapping[tuple[str, str], int | None]


def protect_tables(run: RunContext, engine: Engine, rules: Rulebook, exact: Mapping[str, pl.DataFrame], counts_by_rule: CountsByRule) -> Protection:
    """Exact counts by table -> protected figures. Write what the release shows to the audit folder.

    The figures are protected against a reader who has all tables and all earlier releases. Raises DataQualityError if a small number
    cannot be protected, EnvironmentFault if an earlier release cannot be read.
    """
    sensitivity_tables = {f"{LINKAGE_SENSITIVITY.name}: {rule} {table}": frame for (rule, table), frame in counts_by_rule.items()}
    # Frames hold nodes as text. They become `Node` here and text again in what is written and joined below.
    tables: Tables = parse_counts({name: frame.select(CONTROL_COLUMNS).rows() for name, frame in {**exact, **sensitivity_tables}.items()})
    linkage_rows = tables[LINKAGE]
    disjoint_parts = [*linkage_relations.find_disjoint_parts(linkage_rows, rules.linkage), *find_disjoint_records(linkage_rows, tables[DATA_QUALITY.name])]
    bounded_elsewhere = linkage_relations.find_bounded_elsewhere(linkage_rows)
    additional_constraints = AdditionalConstraints(disjoint_parts, linkage_relations.find_equal_remainders(linkage_rows), bounded_elsewhere)
    earlier_runs = releases.list_earlier_releases(run.workspace, run.run_id)
    earlier = [_read_released_counts(run, earlier_run) for earlier_run in earlier_runs]
    release = protect_release(build_knowledge(tables, rules.disclosure, _measure_criteria(rules, counts_by_rule), additional_constraints, earlier))
    if not release.is_protected:
        raise DataQualityError(
            f"{run.workspace.root}: a small number can be narrowed even with all other numbers suppressed; nothing is published; report this line"
        )
    summaries = summarise_protection(release, tables)
    record = releases.ReleaseRecord(run.run_id, run.as_at, rules.disclosure.profile, earlier_runs, tuple(asdict(summary) for summary in summaries))
    releases.write_release(record, [released_count.to_stored() for released_count in released_counts(release, tables)], run.staging.audit)
    number_rows = [(str(node), number) for node, number in release.published_numbers.items()]
    numbers = engine.frame(pl.DataFrame(number_rows, {"node": pl.String, "number": pl.Int64}, orient="row"))
    return Protection(
        figures={name: build_figures(engine.frame(frame), numbers) for name, frame in exact.items()},
        figures_by_rule={key: build_figures(engine.frame(frame), numbers) for key, frame in counts_by_rule.items()},
        account=_disclosure_table(summaries, rules, earlier_runs, run.year),
        upper_bounds={(row.measure, row.area_code): release.largest_possible(row.node) for row in linkage_rows if row.node in bounded_elsewhere},
    )


def _read_released_counts(run: RunContext, earlier_run: str) -> list[ReleasedCount]:
    """Read what an earlier release shows. Raises EnvironmentFault if it cannot be read."""
    return parse_released_counts(releases.read_released_counts(run.workspace, earlier_run))


def _measure_criteria(rules: Rulebook, counts_by_rule: CountsByRule) -> dict[str, dict[str, CountDefinition]]:
    """Return the kind and criteria of the measures of each table. A cohort under another linkage rule is another kind of count."""
    cohorts = {NATIONAL_CONDITIONS.name: count_definitions(rules.conditions.cohorts), COHORT_COUNTS.name: count_definitions(rules.cohorts.cohorts)}
    cohorts_by_rule = {
        f"{LINKAGE_SENSITIVITY.name}: {rule} {table}": {code: ((*kind, rule), criteria) for code, (kind, criteria) in cohorts[table].items()}
        for rule, table in counts_by_rule
    }
    return {**cohorts, **cohorts_by_rule, BCF_METRICS.name: count_definitions(rules.metrics.metrics)}


def log_release(run: RunContext, outputs: Mapping[str, str]) -> None:
    """Append the release to the log of releases, with the time of publication. Raises EnvironmentFault."""
    releases.append_to_log(run.workspace, releases.read_release(run.workspace.audit(run.run_id)), datetime.now(UTC), outputs)


def _disclosure_table(summaries: list[ProtectionSummary], rules: Rulebook, earlier_runs: tuple[str, ...], year: Period) -> pl.DataFrame:
    constant = {
        "profile": rules.disclosure.profile,
        "rule": rules.disclosure.words,
        "releases": len(earlier_runs),
        "period_start": year.start,
        "period_end": year.end,
    }
    return pl.DataFrame([{**summary.published_columns, **constant} for summary in summaries])
