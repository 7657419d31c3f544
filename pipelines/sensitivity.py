"""Steps that count the cohorts again under stricter and looser linkage rules.

Only people whose records change hands are worked out anew; everybody else's activity and care stand as they were. The register
itself is linked by its own numbers, so that under every rule the same people are registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.measures import CohortSet
from bcf_linkage.definitions.periods import window_to
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.published_tables import COHORT_COUNTS, NATIONAL_CONDITIONS
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.activity import activity
from bcf_linkage.pseudonymised.care import care
from bcf_linkage.pseudonymised.costs import costs
from bcf_linkage.pseudonymised.extracts import complete
from bcf_linkage.pseudonymised.link_changes import as_before
from bcf_linkage.pseudonymised.spells import spells
from bcf_linkage.pseudonymised.strata import strata
from bcf_linkage.published.counts import counts
from bcf_linkage.published.linkage_quality.sensitivity import BEFORE, DEFAULT, LOOSE, STRICT, UNSCORED, beside_default, of_locality
from bcf_linkage.published.population import population
from bcf_linkage.storage.engine import Engine, held
from pipelines.links import links_of
from pipelines.runs import Run
from pipelines.stratify import received_rows

REGISTER = "gp_registrations"
NOT_ASKED_FOR = ("trace_score", "trace_margin", "trace_pattern", "number_state", "nhs_number_status_derived")
"""What the trace told of rows, and no stage reads."""

PERSON_TABLES = ("costs", "care", "strata")

Frames = Mapping[str, nw.LazyFrame]


@dataclass(frozen=True)
class Relinked:
    """The received rows of some people under another rule, and the people whose records are others then."""

    received: Frames
    people: nw.LazyFrame


def recounted(run: Run, engine: Engine, rules: Rulebook, areas: nw.LazyFrame, default: Mapping[str, pl.DataFrame]) -> dict[tuple[str, str], pl.DataFrame]:
    """The run's person-level tables, and its exact counts by table -> exact counts of the whole locality by (linkage rule, table)."""
    people = engine.scan(run.table("people"))
    tables = {name: engine.scan(run.table(name)) for name in PERSON_TABLES}
    others = _relinked(run, engine, rules.linkage)
    sets: dict[str, CohortSet] = {NATIONAL_CONDITIONS.name: rules.conditions, COHORT_COUNTS.name: rules.cohorts}
    counted = {(DEFAULT, table): engine.collect(of_locality(engine.frame(default[table]))) for table in sets}
    for rule, under in others.items():
        theirs = _under(run, engine, rules, people, tables, under)
        everybody = population(people, theirs["strata"], theirs["care"], areas)
        for table, cohorts in sets.items():
            before = counted[DEFAULT, table]
            if theirs is tables:
                counted[rule, table] = before
                continue
            found = of_locality(counts(everybody, replace(cohorts.from_sources(run.extracts), areas=("locality",), groups=()), run.year))
            counted[rule, table] = engine.collect(beside_default(held(engine, found), engine.frame(before), rule))
    return counted


def _relinked(run: Run, engine: Engine, quality: QualityRules) -> dict[str, Relinked]:
    """Under the strict rule, without scored links, under the loose rule, and under the links of the run before where some have changed since."""
    received = {extract: rows.drop(*NOT_ASKED_FOR) for extract, rows in received_rows(run, engine).items()}
    linked, reason = nw.col("place") == Place.LINKED, nw.col("trace_reason")
    falls, scored = linked & ~reason.is_in(list(quality.strict_reasons)), linked & reason.is_in(list(quality.scored_reasons))
    lost = held(engine, nw.concat([rows.filter(falls).select("person") for extract, rows in received.items() if extract != REGISTER]).unique())
    sources = [extract for extract in received if extract != REGISTER]
    loose = {extract: engine.scan(run.table(f"loose_links_{extract}")).with_columns(place=nw.lit(str(Place.LINKED))) for extract in sources}
    before = {extract: held(engine, as_before(engine.scan(links_of(run, extract)))) for extract in sources}
    given, gone_back = (held(engine, nw.concat(list(links.values())).unique()) for links in (loose, before))
    back = nw.concat([gone_back.select("person"), gone_back.select(person="candidate")]).unique()
    concerned = nw.concat([lost, given.select("person"), given.select(person="candidate"), back]).unique()
    # Few people's rows change hands: they are looked up once and held.
    theirs = {extract: held(engine, rows.join(concerned, on="person", how="semi")) for extract, rows in received.items()}
    unscored = nw.concat([theirs[extract].filter(scored).select("person") for extract in sources])
    relinked = {
        STRICT: Relinked(_without(theirs, falls), lost),
        UNSCORED: Relinked(_without(theirs, scored), unscored),
        LOOSE: Relinked({extract: _given(rows, loose.get(extract)) for extract, rows in theirs.items()}, given.select(person="candidate")),
    }
    if engine.collect(gone_back).height:
        relinked[BEFORE] = Relinked({extract: _given(rows, before.get(extract)) for extract, rows in theirs.items()}, back)
    return relinked


def _without(rows: Mapping[str, nw.LazyFrame], fall: nw.Expr) -> Frames:
    """The rows of each extract but those that fall; of the register all stand."""
    return {extract: frame if extract == REGISTER else frame.filter(~fall) for extract, frame in rows.items()}


def _given(rows: nw.LazyFrame, links: nw.LazyFrame | None) -> nw.LazyFrame:
    """Rows of people who would be others under another rule, given to the `candidate` that they would be, in the `place` that says so."""
    if links is None:
        return rows
    others = links.select("person", "candidate", other_place="place")
    joined = rows.join(others, on="person", how="left")
    return joined.with_columns(person=nw.coalesce("candidate", "person"), place=nw.coalesce("other_place", "place")).drop("candidate", "other_place")


def _under(run: Run, engine: Engine, rules: Rulebook, people: nw.LazyFrame, default: Frames, relinked: Relinked) -> Frames:
    """`costs`, `care` and `strata` as they are under another rule; those of the default one where nobody's records change."""
    changed = engine.collect(relinked.people.unique())
    if not changed.height:
        return default
    theirs = engine.frame(changed)
    rows = complete({extract: frame.join(theirs, on="person", how="semi") for extract, frame in relinked.received.items()})
    stays = held(engine, spells(rows, run.as_at, rules.ambulatory))
    their_costs = held(engine, costs(activity(rows, stays, rules.prices, window_to(run.as_at)), run.year))
    their_care = held(engine, care(people.join(theirs, on="person", how="semi"), rows, rules.clinical_codes, run.year))
    tables = {
        name: nw.concat([default[name].join(theirs, on="person", how="anti"), frame.select(*default[name].collect_schema().names())])
        for name, frame in (("costs", their_costs), ("care", their_care))
    }
    return {**tables, "strata": held(engine, strata(people, tables["costs"], rules.bands))}
