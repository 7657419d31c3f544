"""What the identifiers of a source are worth, told as counts: the one thing about them that leaves this zone.

Takes identities as they were examined, each with `rows`, how many records went to trace under it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.linkage_rules import Limits, QualityRules
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.definitions.trace_rules import Guards
from bcf_linkage.identifiable import examine

COUNTED = ("measure", "group_type", "group", "count")
SUPERSEDED = ("superseded", "superseded_number")
POSTCODE = "^[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}$"
NUMBER_GIVEN = "number_given"
BITS = 2
"""Width of the bands that scores and margins are told in."""


def identifiers(identities: nw.LazyFrame, table: Table, guards: Guards, limits: Limits, as_at: date, communal: Collection[str]) -> nw.LazyFrame:
    """Examined identities -> counts of records: the state of the number, faults of the other identifiers, links with and without a number.

    `communal` are the postcodes, as a trace compares them, at which so many are registered that they prove nothing.
    """
    faults = {**_number_faults(), **_birth_date_faults(guards, limits, as_at), **_postcode_faults(table, guards, communal), **_name_faults(table, guards)}
    rows = nw.col("rows")
    wide = identities.select(**{fault: nw.when(holds.fill_null(False)).then(rows).otherwise(0).sum() for fault, holds in faults.items()})
    told = wide.with_columns(group_type=nw.lit("all"), group=nw.lit("all"))
    found = told.unpivot(on=list(faults), index=["group_type", "group"], variable_name="measure", value_name="count")
    return nw.concat([_counted(found), _states(identities), _by_number_given(identities), _of_several(identities, table)])


def _counted(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.with_columns(nw.col("count").cast(nw.Int64)).select(*COUNTED)


def _states(identities: nw.LazyFrame) -> nw.LazyFrame:
    """Records by the state of their number: sound, or the first thing that is wrong with it."""
    state = nw.col("number_state")
    named = identities.with_columns(measure=nw.when(state == nhs_number.SOUND).then(nw.lit("number_sound")).otherwise(state))
    return _counted(named.group_by("measure").agg(count=nw.col("rows").sum()).with_columns(group_type=nw.lit("all"), group=nw.lit("all")))


def _of_several(identities: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Records whose sound number stands under two or more of the source's own numbers for people."""
    local = nw.col(str(table.identity(Identity.LOCAL_ID)))
    sound = identities.filter(nw.col("number_state") == nhs_number.SOUND)
    shared = sound.select("number", local=local).unique().group_by("number").agg(locals=nw.len()).filter(nw.col("locals") > 1)
    told = sound.join(shared.select("number"), on="number", how="semi").select(count=nw.col("rows").sum().fill_null(0))
    return _counted(told.with_columns(measure=nw.lit("number_of_several"), group_type=nw.lit("all"), group=nw.lit("all")))


def _by_number_given(identities: nw.LazyFrame) -> nw.LazyFrame:
    """Records traced and linked, with an NHS number of whatever worth and without one."""
    given = nw.when(nw.col("number_state") == nhs_number.MISSING).then(nw.lit("No NHS number")).otherwise(nw.lit("NHS number given"))
    is_linked = nw.col("reason").is_in(reasons_for(Place.LINKED))
    told = identities.with_columns(group=given, linked=nw.when(is_linked).then(nw.col("rows")).otherwise(0))
    totals = told.group_by("group").agg(linked=nw.col("linked").sum(), rows_traced=nw.col("rows").sum())
    long = totals.unpivot(on=["linked", "rows_traced"], index="group", variable_name="measure", value_name="count")
    return _counted(long.with_columns(group_type=nw.lit(NUMBER_GIVEN)))


def _number_faults() -> dict[str, nw.Expr]:
    reason = nw.col("reason")
    return {
        "number_not_listed": reason.is_in(reasons_for(Place.NOT_REGISTERED)),
        "number_superseded": reason.is_in(SUPERSEDED),
        "number_doubled": (reason == "cross_check") & (nw.col("number") != nw.col("person_number")),
    }


def _birth_date_faults(guards: Guards, limits: Limits, as_at: date) -> dict[str, nw.Expr]:
    born = nw.col("birth_date")
    long_ago = date(as_at.year - limits.oldest, as_at.month, 1) - timedelta(days=1)
    return {
        "birth_date_missing": born.is_null(),
        "birth_date_default": born.is_in(list(guards.placeholder_dates)),
        "birth_date_first_january": born.str.ends_with(guards.vague_day),
        "birth_date_impossible": (born > as_at.isoformat()) | (born <= long_ago.isoformat()),
    }


def _postcode_faults(table: Table, guards: Guards, communal: Collection[str]) -> dict[str, nw.Expr]:
    if table.identity(Identity.POSTCODE) is None:
        return {}
    postcode = nw.col("canonical_postcode")
    pseudo, written = postcode.str.contains(guards.pseudo_postcodes), postcode.str.contains(POSTCODE)
    return {
        "postcode_missing": postcode.is_null(),
        "postcode_invalid": ~written & ~pseudo,
        "postcode_pseudo": pseudo,
        "postcode_communal": _as_compared(postcode).is_in(list(communal)),
        "postcode_unknown": written & ~pseudo & nw.col("lsoa").is_null(),
    }


def _as_compared(postcode: nw.Expr) -> nw.Expr:
    """A postcode as a trace compares it: without a space, and with the digits that O and I are typed for."""
    bare = postcode
    for written, compared in ((" ", ""), ("O", "0"), ("I", "1")):
        bare = bare.str.replace_all(written, compared, literal=True)
    return bare


def _name_faults(table: Table, guards: Guards) -> dict[str, nw.Expr]:
    """Faults of names, where they are part of an identity."""
    columns = [table.identity(kind) for kind in (Identity.GIVEN_NAME, Identity.FAMILY_NAME)]
    names = [nw.col(column) for column in columns if column in examine.who(table)]
    if not names:
        return {}
    junk = [name.str.to_lowercase().is_in(list(guards.junk_names)) for name in names]
    return {"name_missing": nw.any_horizontal(*(name.is_null() for name in names), ignore_nulls=True), "name_junk": nw.any_horizontal(*junk, ignore_nulls=True)}


def local_numbers(identities: nw.LazyFrame, local_number: str) -> nw.LazyFrame:
    """Examined identities -> counts of the source's own numbers for people: linked ones, those that share a person, those with several people."""
    linked = identities.filter(nw.col("reason").is_in(reasons_for(Place.LINKED))).select("person", local=nw.col(local_number)).unique()
    of_person = linked.group_by("person").agg(numbers=nw.len()).filter(nw.col("numbers") > 1)
    of_number = linked.group_by("local").agg(people=nw.len()).filter(nw.col("people") > 1)
    counts = {
        "local_numbers": linked.select("local").unique().select(count=nw.len()),
        "one_person_many_numbers": of_person.select(count=nw.col("numbers").sum()),
        "one_number_many_people": of_number.select(count=nw.len()),
    }
    each = [frame.with_columns(measure=nw.lit(measure), count=nw.col("count").fill_null(0)) for measure, frame in counts.items()]
    return _counted(
        nw.concat([frame.with_columns(nw.col("count").cast(nw.Int64)) for frame in each]).with_columns(group_type=nw.lit("all"), group=nw.lit("all"))
    )


def what_links_rest_on(identities: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """Examined identities with `score`, `margin` and `pattern`, null where nothing was scored -> records by each."""
    told = [_by("score", _band("score"), identities), _by("margin", _band("margin"), identities)]
    patterns = _by("pattern", nw.col("pattern"), identities).filter(nw.col("count") >= rules.limits.least_in_pattern)
    return nw.concat([*told, patterns])


def _by(measure: str, group: nw.Expr, identities: nw.LazyFrame) -> nw.LazyFrame:
    known = identities.filter(~nw.col(measure).is_null()).with_columns(group=group)
    totals = known.group_by("group").agg(count=nw.col("rows").sum())
    return _counted(totals.with_columns(measure=nw.lit(measure), group_type=nw.lit(measure)))


def _band(column: str) -> nw.Expr:
    """The band of so many bits that the number lies in, by its lower end."""
    return ((nw.col(column) / BITS).floor() * BITS).cast(nw.Int64).cast(nw.String)
