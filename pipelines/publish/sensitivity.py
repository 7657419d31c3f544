"""Count the cohorts again under stricter and looser linkage rules.

Only people whose records move to another person are computed again; the activity and care of all others are reused. The GP register
is linked by its own NHS numbers, so the same people are registered under every rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.measures import CohortSet
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.periods import window_to
from bcf_linkage.definitions.published_tables import COHORT_COUNTS, NATIONAL_CONDITIONS
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.activity import build_activity
from bcf_linkage.pseudonymised.care import build_care
from bcf_linkage.pseudonymised.costs import build_costs
from bcf_linkage.pseudonymised.extracts import add_missing_extracts
from bcf_linkage.pseudonymised.link_changes import restore_previous_links
from bcf_linkage.pseudonymised.spells import build_spells
from bcf_linkage.pseudonymised.strata import build_strata
from bcf_linkage.published.cohort_counts import count_cohorts
from bcf_linkage.published.linkage_quality.sensitivity import BEFORE, DEFAULT, LOOSE, STRICT, UNSCORED, keep_locality_counts, rename_changed_counts
from bcf_linkage.published.population import build_population
from bcf_linkage.storage.engine import Engine, materialise
from pipelines.receive.links import links_path
from pipelines.stratify import scan_received
from pipelines.workspace.run_context import RunContext

REGISTER = "gp_registrations"
UNUSED_COLUMNS = ("trace_score", "trace_margin", "trace_pattern", "number_state", "nhs_number_status_derived")
"""Results of the trace that no later stage reads."""

PERSON_TABLES = ("costs", "care", "strata")

Frames = Mapping[str, nw.LazyFrame]


@dataclass(frozen=True)
class RelinkedRows:
    """Received rows under another linkage rule, by extract, and the people whose records differ under it (`person`)."""

    received: Frames
    people: nw.LazyFrame


def count_under_rules(
    run: RunContext, engine: Engine, rules: Rulebook, areas: nw.LazyFrame, default_counts: Mapping[str, pl.DataFrame]
) -> dict[tuple[str, str], pl.DataFrame]:
    """Count the cohorts of the locality under each linkage rule. The run's exact counts by table -> exact counts by (linkage rule, table)."""
    people = engine.scan(run.table("people"))
    tables = {name: engine.scan(run.table(name)) for name in PERSON_TABLES}
    relinked_by_rule = _relink(run, engine, rules.linkage)
    cohort_sets: dict[str, CohortSet] = {NATIONAL_CONDITIONS.name: rules.conditions, COHORT_COUNTS.name: rules.cohorts}
    counts_by_rule = {(DEFAULT, table): engine.collect(keep_locality_counts(engine.frame(default_counts[table]))) for table in cohort_sets}
    for rule, relinked in relinked_by_rule.items():
        rule_tables = _rebuild_tables(run, engine, rules, people, tables, relinked)
        rule_population = build_population(people, rule_tables["strata"], rule_tables["care"], areas)
        for table, cohorts in cohort_sets.items():
            default_rows = counts_by_rule[DEFAULT, table]
            # No record moves under this rule: its counts are those of the default rule.
            if rule_tables is tables:
                counts_by_rule[rule, table] = default_rows
                continue
            rule_counts = keep_locality_counts(
                count_cohorts(rule_population, replace(cohorts.limit_to_sources(run.extracts), areas=("locality",), groups=()), run.year)
            )
            counts_by_rule[rule, table] = engine.collect(rename_changed_counts(materialise(engine, rule_counts), engine.frame(default_rows), rule))
    return counts_by_rule


def _relink(run: RunContext, engine: Engine, quality: QualityRules) -> dict[str, RelinkedRows]:
    """Relink the received rows under each other rule.

    Rules: strict; without scored links; loose; and the links of the previous run, if some have changed since.
    """
    received = {extract: rows.drop(*UNUSED_COLUMNS) for extract, rows in scan_received(run, engine).items()}
    linked, reason = nw.col("outcome") == Outcome.LINKED, nw.col("trace_reason")
    not_strict, scored = linked & ~reason.is_in(list(quality.strict_reasons)), linked & reason.is_in(list(quality.scored_reasons))
    unlinked_people = materialise(
        engine, nw.concat([rows.filter(not_strict).select("person") for extract, rows in received.items() if extract != REGISTER]).unique()
    )
    sources = [extract for extract in received if extract != REGISTER]
    loose_links = {extract: engine.scan(run.table(f"loose_links_{extract}")).with_columns(outcome=nw.lit(str(Outcome.LINKED))) for extract in sources}
    previous_links = {extract: materialise(engine, restore_previous_links(engine.scan(links_path(run, extract)))) for extract in sources}
    loosely_linked, relinked_back = (materialise(engine, nw.concat(list(links.values())).unique()) for links in (loose_links, previous_links))
    people_relinked_back = nw.concat([relinked_back.select("person"), relinked_back.select(person="candidate")]).unique()
    affected = nw.concat([unlinked_people, loosely_linked.select("person"), loosely_linked.select(person="candidate"), people_relinked_back]).unique()
    # Few people have rows that move: their rows are filtered once and kept in memory for all rules.
    affected_rows = {extract: materialise(engine, rows.join(affected, on="person", how="semi")) for extract, rows in received.items()}
    people_unscored = nw.concat([affected_rows[extract].filter(scored).select("person") for extract in sources])
    by_rule = {
        STRICT: RelinkedRows(_drop_rows(affected_rows, not_strict), unlinked_people),
        UNSCORED: RelinkedRows(_drop_rows(affected_rows, scored), people_unscored),
        LOOSE: RelinkedRows(
            {extract: _reassign_rows(rows, loose_links.get(extract)) for extract, rows in affected_rows.items()}, loosely_linked.select(person="candidate")
        ),
    }
    if engine.collect(relinked_back).height:
        by_rule[BEFORE] = RelinkedRows(
            {extract: _reassign_rows(rows, previous_links.get(extract)) for extract, rows in affected_rows.items()}, people_relinked_back
        )
    return by_rule


def _drop_rows(rows: Mapping[str, nw.LazyFrame], dropped: nw.Expr) -> Frames:
    """Drop rows of each extract but the register, whose rows all stay."""
    return {extract: frame if extract == REGISTER else frame.filter(~dropped) for extract, frame in rows.items()}


def _reassign_rows(rows: nw.LazyFrame, links: nw.LazyFrame | None) -> nw.LazyFrame:
    """Assign rows to the `candidate` that their person is under another rule, with that link's `outcome`."""
    if links is None:
        return rows
    reassigned = links.select("person", "candidate", other_outcome="outcome")
    joined = rows.join(reassigned, on="person", how="left")
    return joined.with_columns(person=nw.coalesce("candidate", "person"), outcome=nw.coalesce("other_outcome", "outcome")).drop("candidate", "other_outcome")


def _rebuild_tables(run: RunContext, engine: Engine, rules: Rulebook, people: nw.LazyFrame, default_tables: Frames, relinked: RelinkedRows) -> Frames:
    """Build `costs`, `care` and `strata` under another rule. Returns the default tables themselves if no record moves."""
    changed = engine.collect(relinked.people.unique())
    if not changed.height:
        return default_tables
    changed_people = engine.frame(changed)
    rows = add_missing_extracts({extract: frame.join(changed_people, on="person", how="semi") for extract, frame in relinked.received.items()})
    stays = materialise(engine, build_spells(rows, run.as_at, rules.ambulatory))
    new_costs = materialise(engine, build_costs(build_activity(rows, stays, rules.prices, window_to(run.as_at)), run.year))
    new_care = materialise(engine, build_care(people.join(changed_people, on="person", how="semi"), rows, rules.clinical_codes, run.year))
    tables = {
        name: nw.concat([default_tables[name].join(changed_people, on="person", how="anti"), frame.select(*default_tables[name].collect_schema().names())])
        for name, frame in (("costs", new_costs), ("care", new_care))
    }
    return {**tables, "strata": materialise(engine, build_strata(people, tables["costs"], rules.bands))}
