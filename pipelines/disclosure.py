"""The protection of a release: exact counts of all its tables to what may be published of them, and the record of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.errors import DataRefused
from bcf_linkage.definitions.meanings import Said, sayings
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
from bcf_linkage.published.data_quality import within_records
from bcf_linkage.published.disclosure_control.earlier import Fact
from bcf_linkage.published.disclosure_control.figures import figures
from bcf_linkage.published.disclosure_control.knowledge import Besides, Tables, known
from bcf_linkage.published.disclosure_control.release import Account, account, facts, released
from bcf_linkage.published.linkage_quality import relations as linkage_relations
from bcf_linkage.storage import releases
from bcf_linkage.storage.engine import Engine
from pipelines.runs import Run

LINKAGE = ", ".join(table.name for table in (LINKAGE_QUALITY, LINKAGE_LEDGER, LINKAGE_DIFFERENCES))
"""Three tables that show the same counts."""

Recounted = Mapping[tuple[str, str], pl.DataFrame]
"""Exact counts of the cohorts by (linkage rule, table)."""


@dataclass(frozen=True)
class Protection:
    """The figures of each table, those of the cohorts under each linkage rule, and one row per table on how they were protected.

    `most` is by (measure, source) how large a figure on linkage can be that is suppressed, None if it can be large; of one that is
    suppressed for its denominator alone it is the number.
    """

    figures: Mapping[str, nw.LazyFrame]
    recounted: Mapping[tuple[str, str], nw.LazyFrame]
    account: pl.DataFrame
    most: Mapping[tuple[str, str], int | None]


def protect(run: Run, engine: Engine, rules: Rulebook, exact: Mapping[str, pl.DataFrame], recounted: Recounted) -> Protection:
    """Exact counts by table -> their figures, safe from a reader who has all tables and all earlier releases; recorded in the audit folder.

    Raises DataRefused if a small number cannot be hidden, EnvironmentRefused if an earlier release cannot be read.
    """
    named = {f"{LINKAGE_SENSITIVITY.name}: {rule} {table}": frame for (rule, table), frame in recounted.items()}
    tables: Tables = {name: frame.to_dicts() for name, frame in {**exact, **named}.items()}
    linked = tables[LINKAGE]
    within = [*linkage_relations.within(linked, rules.linkage), *within_records(linked, tables[DATA_QUALITY.name])]
    spoken_of = linkage_relations.spoken_of(linked)
    besides = Besides(within, linkage_relations.same_rests(linked), spoken_of)
    before = releases.before(run.workspace, run.run_id)
    earlier = [[Fact(*fact) for fact in releases.told_by(run.workspace, one)] for one in before]
    release = released(known(tables, rules.disclosure, _said(rules, recounted), besides, earlier))
    if not release.held:
        raise DataRefused(f"{run.workspace.root}: a small number could still be narrowed with all others hidden; nothing is published; report this line")
    accounts = account(release, tables)
    summary = releases.Release(run.run_id, run.as_at, rules.disclosure.profile, before, tuple(asdict(one) for one in accounts))
    releases.write_release(summary, facts(release, tables), run.staging.audit)
    numbers = engine.frame(pl.DataFrame(release.numbers, {"node": pl.String, "number": pl.Int64}))
    return Protection(
        figures={name: figures(engine.frame(frame), numbers) for name, frame in exact.items()},
        recounted={key: figures(engine.frame(frame), numbers) for key, frame in recounted.items()},
        account=_published(accounts, rules, before, run.year),
        most={(row["measure"], row["area_code"]): release.most(row["node"]) for row in linked if row["node"] in spoken_of},
    )


def _said(rules: Rulebook, recounted: Recounted) -> dict[str, dict[str, Said]]:
    """What the measures of each table mean. A cohort under another linkage rule is another sort of thing."""
    cohorts = {NATIONAL_CONDITIONS.name: sayings(rules.conditions.cohorts), COHORT_COUNTS.name: sayings(rules.cohorts.cohorts)}
    under = {
        f"{LINKAGE_SENSITIVITY.name}: {rule} {table}": {code: ((*sort, rule), meant) for code, (sort, meant) in cohorts[table].items()}
        for rule, table in recounted
    }
    return {**cohorts, **under, BCF_METRICS.name: sayings(rules.metrics.metrics)}


def note(run: Run, outputs: Mapping[str, str]) -> None:
    """Add the release to the log. The clock is read here, in the roof."""
    releases.log(run.workspace, releases.read_release(run.workspace.audit(run.run_id)), datetime.now(UTC), outputs)


def _published(accounts: list[Account], rules: Rulebook, before: tuple[str, ...], year: Period) -> pl.DataFrame:
    constant = {
        "profile": rules.disclosure.profile,
        "rule": rules.disclosure.words,
        "releases": len(before),
        "period_start": year.start,
        "period_end": year.end,
    }
    return pl.DataFrame([{**one.published, **constant} for one in accounts])
