"""One person, once: the population registered on the as-at date, and whoever else a service saw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import narwhals as nw

from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.pseudonymised_tables import PEOPLE
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.pseudonymised.days import day_number
from bcf_linkage.pseudonymised.extracts import Extracts
from bcf_linkage.pseudonymised.ordering import first_of_each

HOSPITAL = {"sex": "sex", "ethnic_category": "ethnic_group", "lsoa": "lsoa", "deprivation_quintile": "deprivation_quintile"}
SEEN = {
    "gp_events": ("event_date", {}),
    "hospital_admissions": ("start_date_hospital_provider_spell", HOSPITAL),
    "emergency_care": ("arrival_date", HOSPITAL),
    "outpatients": ("appointment_date", HOSPITAL),
    "adult_social_care": ("event_start_date", {**HOSPITAL, "sex": "gender", "ethnic_category": "ethnicity"}),
}
REGISTER = {**HOSPITAL, "ethnic_category": "ethnicity"}
TOLD: dict[str, Any] = {
    "sex": nw.String,
    "ethnic_category": nw.String,
    "age": nw.Int64,
    "birth_month": nw.String,
    "lsoa": nw.String,
    "deprivation_quintile": nw.Int64,
}
BUT_AGE_BAND = tuple(name for name in PEOPLE.names if name != "age_band")


def people(received: Extracts, as_at: date, ages: Sequence[AgeBand]) -> nw.LazyFrame:
    """All extracts, one row per row received -> `people`, one row per person, whatever the order of rows.

    Registered is who the trace linked to a registration that holds on the as-at date and who has not died by then; of several
    registrations the latest counts. The others are those whom another extract saw and, as untraced, current entries of the
    register that the trace could not verify. What is known of them comes from the latest record that tells most.
    """
    return nw.concat([_registered(received["gp_registrations"], as_at), _others(received, as_at)]).with_columns(age_band=_age_band(ages)).select(*PEOPLE.names)


def sightings(received: Extracts) -> nw.LazyFrame:
    """The extracts that are shared -> one row per extract: `extract`, `people` (pseudonyms in it) and `people_linked`."""
    is_linked = nw.when(nw.col("place") == Place.LINKED).then(1).otherwise(0)
    each = [frame.select("person", linked=is_linked).unique().select("linked", extract=nw.lit(name)) for name, frame in received.items()]
    people = nw.concat(each).group_by("extract")
    return people.agg(people=nw.len().cast(nw.Int64), people_linked=nw.col("linked").sum().cast(nw.Int64))


def holds_on(day: date) -> nw.Expr:
    """Whether a registration holds on the day and its person is alive at the end of it."""
    ends, dies = nw.col("registration_end_date"), nw.col("date_of_death")
    return (nw.col("registration_start_date") <= day) & (ends.is_null() | (ends >= day)) & (dies.is_null() | (dies > day))


def _verified(register: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    return register.filter((nw.col("place") == Place.LINKED) & holds_on(as_at))


def _registered(register: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    current = _verified(register, as_at).with_columns(
        ethnic_category=nw.col("ethnicity"),
        named_gp=~nw.col("named_accountable_gp").is_null(),
        population=nw.lit("registered"),
        latest=-day_number(nw.col("registration_start_date")),
    )
    return first_of_each("person", current, ["latest", *BUT_AGE_BAND[2:]]).select(*BUT_AGE_BAND)


def _others(received: Extracts, as_at: date) -> nw.LazyFrame:
    register = received["gp_registrations"]
    registered = _verified(register, as_at).select("person")
    unverified = register.filter((nw.col("place") == Place.UNLINKED) & holds_on(as_at))
    seen = [_records(received[name], day, told) for name, (day, told) in SEEN.items()]
    seen.append(_records(unverified, "registration_start_date", REGISTER))
    strangers = nw.concat([records.join(registered, on="person", how="anti") for records in seen])
    formerly = _records(register.filter(nw.col("place") == Place.LINKED), "registration_start_date", REGISTER)
    known = nw.concat([strangers, formerly.join(strangers.select("person").unique(), on="person", how="semi")])
    # The record that leaves least unsaid, then the latest, then any fixed order of what they say.
    unsaid = [nw.when(nw.col(name).is_null()).then(1).otherwise(0) for name in ("sex", "lsoa")]
    ranked = known.with_columns(unsaid=unsaid[0] + unsaid[1], latest=-day_number(nw.col("seen_on")))
    return (
        first_of_each("person", ranked, ["unsaid", "latest", *TOLD])
        .with_columns(
            population=nw.when(nw.col("place") == Place.UNLINKED).then(nw.lit("untraced")).otherwise(nw.lit("not registered")),
            practice_code=nw.lit(None).cast(nw.String),
            residential_institute=nw.lit(None).cast(nw.String),
            named_gp=nw.lit(False),
        )
        .select(*BUT_AGE_BAND)
    )


def _records(frame: nw.LazyFrame, day: str, told: dict[str, str]) -> nw.LazyFrame:
    columns = {"age": "age", "birth_month": "birth_month", **told}
    return frame.select(
        "person",
        "place",
        nw.col(day).alias("seen_on"),
        *((nw.col(columns[name]) if name in columns else nw.lit(None)).cast(kind).alias(name) for name, kind in TOLD.items()),
    )


def _age_band(ages: Sequence[AgeBand]) -> nw.Expr:
    band = nw.when(nw.col("age") >= ages[0].from_age).then(nw.lit(ages[0].name)).otherwise(nw.lit(None).cast(nw.String))
    for age in ages[1:]:
        band = nw.when(nw.col("age") >= age.from_age).then(nw.lit(age.name)).otherwise(band)
    return band
