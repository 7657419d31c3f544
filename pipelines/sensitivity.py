"""Steps that count the cohorts again under a stricter and a looser linkage rule.

Only people whose records change hands are worked out anew; everybody else's activity and care stand as they were. The register
itself is linked by its own numbers, so that under every rule the same people are registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
from bcf_linkage.pseudonymised.extracts import complete
from bcf_linkage.pseudonymised.spells import spells
from bcf_linkage.pseudonymised.strata import strata
from bcf_linkage.published.counts import counts
from bcf_linkage.published.disclosure_control import protected
from bcf_linkage.published.linkage_quality.sensitivity import DEFAULT, LOOSE, STRICT, sensitivity
from bcf_linkage.published.population import population
from bcf_linkage.storage.engine import Engine
from pipelines.runs import Run
from pipelines.stratify import received_rows

REGISTER = "gp_registrations"
AREA_LEVELS = 3
PERSON_TABLES = ("activity", "care", "strata")

Frames = Mapping[str, nw.LazyFrame]


@dataclass(frozen=True)
class Relinked:
    """Received rows under another rule, and the people whose records are others then."""

    received: Frames
    people: nw.LazyFrame


def cohorts_moved(run: Run, engine: Engine, rules: Rulebook, quality: QualityRules, areas: nw.LazyFrame) -> nw.LazyFrame:
    """The run's person-level tables -> how far each cohort moves, one row per cohort and rule, without its stamp."""
    people = engine.scan(run.table("people"))
    received = received_rows(run, engine)
    default = {name: engine.scan(run.table(name)) for name in PERSON_TABLES}
    by_rule = {
        DEFAULT: default,
        STRICT: _under(run, engine, rules, people, default, _strictly(received, quality)),
        LOOSE: _under(run, engine, rules, people, default, _loosely(run, engine, received)),
    }
    sets: dict[str, CohortSet] = {NATIONAL_CONDITIONS.name: rules.conditions, COHORT_COUNTS.name: rules.cohorts}
    counted: dict[tuple[str, str], nw.LazyFrame] = {}
    for rule, tables in by_rule.items():
        for table, of in sets.items():
            if rule != DEFAULT and tables is default:
                counted[rule, table] = counted[DEFAULT, table]
                continue
            everybody = population(people, tables["strata"], tables["care"], areas)
            exact = counts(everybody, of.from_sources(run.extracts), run.year)
            counted[rule, table] = _held(engine, protected(exact, rules.disclosure, AREA_LEVELS))
    return sensitivity(counted)


def _strictly(received: Frames, quality: QualityRules) -> Relinked:
    """Without the records that were linked on less than the number and the full date of birth."""
    falls = (nw.col("place") == Place.LINKED) & ~nw.col("trace_reason").is_in(list(quality.strict_reasons))
    sources = {extract: rows for extract, rows in received.items() if extract != REGISTER}
    lost = [rows.filter(falls).select("person") for rows in sources.values()]
    kept = {extract: rows.filter(~falls) for extract, rows in sources.items()}
    return Relinked({REGISTER: received[REGISTER], **kept}, nw.concat(lost).unique())


def _loosely(run: Run, engine: Engine, received: Frames) -> Relinked:
    """With the records of unlinked people given to the person that they might be."""
    given: dict[str, nw.LazyFrame] = {REGISTER: received[REGISTER]}
    candidates = []
    for extract, rows in received.items():
        if extract == REGISTER:
            continue
        links = engine.scan(run.table(f"loose_links_{extract}"))
        candidates.append(links.select(person=nw.col("candidate")))
        joined = rows.join(links, on="person", how="left")
        place = nw.when(nw.col("candidate").is_null()).then(nw.col("place")).otherwise(nw.lit(str(Place.LINKED)))
        given[extract] = joined.with_columns(person=nw.coalesce("candidate", "person"), place=place).drop("candidate")
    return Relinked(given, nw.concat(candidates).unique())


def _under(run: Run, engine: Engine, rules: Rulebook, people: nw.LazyFrame, default: Frames, relinked: Relinked) -> Frames:
    """`activity`, `care` and `strata` as they are under another rule; those of the default one where nobody's records change."""
    changed = engine.collect(relinked.people)
    if not changed.height:
        return default
    theirs = engine.frame(changed)
    rows = complete({extract: frame.join(theirs, on="person", how="semi") for extract, frame in relinked.received.items()})
    # Worked out once and held: few people's records change hands.
    stays = _held(engine, spells(rows, run.as_at, rules.ambulatory))
    their_activity = _held(engine, activity(rows, stays, rules.prices, window_to(run.as_at)))
    their_care = _held(engine, care(people.join(theirs, on="person", how="semi"), rows, rules.clinical_codes, run.year))
    moved = {"activity": their_activity, "care": their_care}
    tables = {
        name: nw.concat([default[name].join(theirs, on="person", how="anti"), frame.select(*default[name].collect_schema().names())])
        for name, frame in moved.items()
    }
    return {**tables, "strata": _held(engine, strata(people, tables["activity"], rules.bands, run.year))}


def _held(engine: Engine, frame: nw.LazyFrame) -> nw.LazyFrame:
    rows: pl.DataFrame = engine.collect(frame)
    return engine.frame(rows)
