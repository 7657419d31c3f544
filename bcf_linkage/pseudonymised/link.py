"""One person, once: the population registered on the as-at date, and whoever else a service saw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import narwhals as nw

from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.pseudonymised_tables import PEOPLE
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.pseudonymised.contacts import REGISTER
from bcf_linkage.pseudonymised.contacts import contacts as contacts_of
from bcf_linkage.pseudonymised.days import day_number
from bcf_linkage.pseudonymised.ordering import first_of_each

TOLD = ("sex", "ethnic_category", "age", "birth_month", "lsoa", "deprivation_quintile")
BUT_AGE_BAND = tuple(name for name in PEOPLE.names if name != "age_band")


def people(register: nw.LazyFrame, contacts: nw.LazyFrame, as_at: date, ages: Sequence[AgeBand]) -> nw.LazyFrame:
    """Received rows of the register, and `contacts` of all extracts -> `people`, one row per person, whatever the order of rows.

    Registered is who the trace linked to a registration that holds on the as-at date and who has not died by then; of several
    registrations the latest counts. The others are those whom another extract saw and, as untraced, current entries of the
    register that the trace could not verify. What is known of them comes from the latest record that tells most.
    """
    everybody = nw.concat([_registered(register, as_at), _others(register, contacts, as_at)])
    return everybody.with_columns(age_band=_age_band(ages)).select(*PEOPLE.names)


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


def _others(register: nw.LazyFrame, contacts: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    registered = _verified(register, as_at).select("person")
    unverified = contacts_of({REGISTER: register.filter((nw.col("place") == Place.UNLINKED) & holds_on(as_at))})
    seen = nw.concat([contacts.filter(nw.col("extract") != REGISTER), unverified])
    strangers = seen.join(registered, on="person", how="anti")
    formerly = contacts.filter((nw.col("extract") == REGISTER) & (nw.col("place") == Place.LINKED))
    known = nw.concat([strangers, formerly.join(strangers.select("person").unique(), on="person", how="semi")])
    # The record that leaves least unsaid, then the latest, then any fixed order of what they say.
    unsaid = [nw.when(nw.col(name).is_null()).then(1).otherwise(0) for name in ("sex", "lsoa")]
    ranked = known.with_columns(unsaid=unsaid[0] + unsaid[1], latest=-day_number(nw.col("last_day")))
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


def _age_band(ages: Sequence[AgeBand]) -> nw.Expr:
    band = nw.when(nw.col("age") >= ages[0].from_age).then(nw.lit(ages[0].name)).otherwise(nw.lit(None).cast(nw.String))
    for age in ages[1:]:
        band = nw.when(nw.col("age") >= age.from_age).then(nw.lit(age.name)).otherwise(band)
    return band
