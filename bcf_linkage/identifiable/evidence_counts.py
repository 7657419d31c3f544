"""Linkage evidence: the quality of a source's identifiers, as counts of records. Only these counts leave the identifiable zone.

Each function takes traced identities, one row per identity, with `rows`: how many records of the extract have it. Each returns one row per
measure and group, with `EVIDENCE_COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.linkage_rules import Limits, QualityRules
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.definitions.trace_rules import Guards
from bcf_linkage.identifiable import identity_stages

EVIDENCE_COLUMNS = ("measure", "group_type", "group", "count")
SUPERSEDED_REASONS = ("superseded", "superseded_number")
WELL_FORMED_POSTCODE = "^[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}$"
"""A UK postcode in capitals with its space."""

NUMBER_GIVEN = "number_given"
BAND_WIDTH = 2
"""Width in bits of the bands in which scores and margins are counted. [D]"""


def count_identifier_faults(
    identities: nw.LazyFrame, table: Table, guards: Guards, limits: Limits, as_at: date, communal_postcodes: Collection[str]
) -> nw.LazyFrame:
    """Count records by state of the NHS number, by fault of the other identifiers, and linked records with and without a number.

    `communal_postcodes` are standardised postcodes at which so many people are registered that they carry no weight.
    """
    faults = {
        **_number_fault_flags(),
        **_birth_date_fault_flags(guards, limits, as_at),
        **_postcode_fault_flags(table, guards, communal_postcodes),
        **_name_fault_flags(table, guards),
    }
    rows = nw.col("rows")
    wide = identities.select(**{fault: nw.when(flag.fill_null(False)).then(rows).otherwise(0).sum() for fault, flag in faults.items()})
    labelled = wide.with_columns(group_type=nw.lit("all"), group=nw.lit("all"))
    counts = labelled.unpivot(on=list(faults), index=["group_type", "group"], variable_name="measure", value_name="count")
    return nw.concat([_as_counts(counts), _count_number_states(identities), _count_by_number_given(identities), _count_shared_numbers(identities, table)])


def _as_counts(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.with_columns(nw.col("count").cast(nw.Int64)).select(*EVIDENCE_COLUMNS)


def _count_number_states(identities: nw.LazyFrame) -> nw.LazyFrame:
    """Count records by the state of their number: sound, or its first fault."""
    state = nw.col("number_state")
    labelled = identities.with_columns(measure=nw.when(state == nhs_number.SOUND).then(nw.lit("number_sound")).otherwise(state))
    return _as_counts(labelled.group_by("measure").agg(count=nw.col("rows").sum()).with_columns(group_type=nw.lit("all"), group=nw.lit("all")))


def _count_shared_numbers(identities: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Count records whose sound NHS number appears under two or more local numbers of the source."""
    local_id = nw.col(str(table.identity(Identity.LOCAL_ID)))
    sound = identities.filter(nw.col("number_state") == nhs_number.SOUND)
    shared = sound.select("number", local=local_id).unique().group_by("number").agg(locals=nw.len()).filter(nw.col("locals") > 1)
    total = sound.join(shared.select("number"), on="number", how="semi").select(count=nw.col("rows").sum().fill_null(0))
    return _as_counts(total.with_columns(measure=nw.lit("number_of_several"), group_type=nw.lit("all"), group=nw.lit("all")))


def _count_by_number_given(identities: nw.LazyFrame) -> nw.LazyFrame:
    """Count traced and linked records, with an NHS number (sound or not) and without one."""
    group = nw.when(nw.col("number_state") == nhs_number.MISSING).then(nw.lit("No NHS number")).otherwise(nw.lit("NHS number given"))
    is_linked = nw.col("reason").is_in(reasons_for(Outcome.LINKED))
    flagged = identities.with_columns(group=group, linked=nw.when(is_linked).then(nw.col("rows")).otherwise(0))
    totals = flagged.group_by("group").agg(linked=nw.col("linked").sum(), rows_traced=nw.col("rows").sum())
    long = totals.unpivot(on=["linked", "rows_traced"], index="group", variable_name="measure", value_name="count")
    return _as_counts(long.with_columns(group_type=nw.lit(NUMBER_GIVEN)))


def _number_fault_flags() -> dict[str, nw.Expr]:
    reason = nw.col("reason")
    return {
        "number_not_listed": reason.is_in(reasons_for(Outcome.NOT_REGISTERED)),
        "number_superseded": reason.is_in(SUPERSEDED_REASONS),
        "number_doubled": (reason == "cross_check") & (nw.col("number") != nw.col("person_number")),
    }


def _birth_date_fault_flags(guards: Guards, limits: Limits, as_at: date) -> dict[str, nw.Expr]:
    birth_date = nw.col("birth_date")
    # The last day before the month in which the oldest plausible person was born.
    last_implausible_date = date(as_at.year - limits.oldest, as_at.month, 1) - timedelta(days=1)
    return {
        "birth_date_missing": birth_date.is_null(),
        "birth_date_default": birth_date.is_in(list(guards.placeholder_dates)),
        "birth_date_first_january": birth_date.str.ends_with(guards.vague_day),
        "birth_date_impossible": (birth_date > as_at.isoformat()) | (birth_date <= last_implausible_date.isoformat()),
    }


def _postcode_fault_flags(table: Table, guards: Guards, communal_postcodes: Collection[str]) -> dict[str, nw.Expr]:
    if table.identity(Identity.POSTCODE) is None:
        return {}
    postcode = nw.col("canonical_postcode")
    is_pseudo, is_well_formed = postcode.str.contains(guards.pseudo_postcodes), postcode.str.contains(WELL_FORMED_POSTCODE)
    return {
        "postcode_missing": postcode.is_null(),
        "postcode_invalid": ~is_well_formed & ~is_pseudo,
        "postcode_pseudo": is_pseudo,
        "postcode_communal": _standardise_postcode(postcode).is_in(list(communal_postcodes)),
        "postcode_unknown": is_well_formed & ~is_pseudo & nw.col("lsoa").is_null(),
    }


def _standardise_postcode(postcode: nw.Expr) -> nw.Expr:
    """Return a postcode as `trace.standardise` does: without its space, and with O and I read as 0 and 1."""
    standardised = postcode
    for character, replacement in ((" ", ""), ("O", "0"), ("I", "1")):
        standardised = standardised.str.replace_all(character, replacement, literal=True)
    return standardised


def _name_fault_flags(table: Table, guards: Guards) -> dict[str, nw.Expr]:
    """Return the faults of names, if the table has names in its identity."""
    columns = [table.identity(kind) for kind in (Identity.GIVEN_NAME, Identity.FAMILY_NAME)]
    names = [nw.col(column) for column in columns if column in identity_stages.identity_columns(table)]
    if not names:
        return {}
    is_junk = [name.str.to_lowercase().is_in(list(guards.junk_names)) for name in names]
    return {
        "name_missing": nw.any_horizontal(*(name.is_null() for name in names), ignore_nulls=True),
        "name_junk": nw.any_horizontal(*is_junk, ignore_nulls=True),
    }


def count_local_ids(identities: nw.LazyFrame, local_id_column: str) -> nw.LazyFrame:
    """Count the local numbers of a source: linked ones, those that share a person with another, those linked to several people."""
    linked = identities.filter(nw.col("reason").is_in(reasons_for(Outcome.LINKED))).select("person", local=nw.col(local_id_column)).unique()
    ids_per_person = linked.group_by("person").agg(numbers=nw.len()).filter(nw.col("numbers") > 1)
    people_per_id = linked.group_by("local").agg(people=nw.len()).filter(nw.col("people") > 1)
    counts = {
        "local_numbers": linked.select("local").unique().select(count=nw.len()),
        "one_person_many_numbers": ids_per_person.select(count=nw.col("numbers").sum()),
        "one_number_many_people": people_per_id.select(count=nw.len()),
    }
    labelled = [frame.with_columns(measure=nw.lit(measure), count=nw.col("count").fill_null(0)) for measure, frame in counts.items()]
    return _as_counts(
        nw.concat([frame.with_columns(nw.col("count").cast(nw.Int64)) for frame in labelled]).with_columns(group_type=nw.lit("all"), group=nw.lit("all"))
    )


def count_link_evidence(identities: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """Count records by band of `score` and `margin` and by `pattern`, null where nothing was scored. Patterns with few records are left out."""
    bands = [_count_by("score", _band("score"), identities), _count_by("margin", _band("margin"), identities)]
    patterns = _count_by("pattern", nw.col("pattern"), identities).filter(nw.col("count") >= rules.limits.least_in_pattern)
    return nw.concat([*bands, patterns])


def _count_by(measure: str, group: nw.Expr, identities: nw.LazyFrame) -> nw.LazyFrame:
    scored = identities.filter(~nw.col(measure).is_null()).with_columns(group=group)
    totals = scored.group_by("group").agg(count=nw.col("rows").sum())
    return _as_counts(totals.with_columns(measure=nw.lit(measure), group_type=nw.lit(measure)))


def _band(column: str) -> nw.Expr:
    """Return the lower end of the band of `BAND_WIDTH` bits that the value is in."""
    return ((nw.col(column) / BAND_WIDTH).floor() * BAND_WIDTH).cast(nw.Int64).cast(nw.String)
