"""One row per person: the population registered on the as-at date, and other people seen by a service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import narwhals as nw

from bcf_linkage.definitions.ages import age_band
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.pseudonymised_tables import PEOPLE
from bcf_linkage.definitions.registration import is_registered_on
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.pseudonymised.contacts import REGISTER, build_contacts
from bcf_linkage.pseudonymised.days import day_number
from bcf_linkage.pseudonymised.ordering import first_of_each

PERSON_FACTS = ("sex", "ethnic_category", "age", "birth_month", "lsoa", "deprivation_quintile")
COLUMNS_BUT_AGE_BAND = tuple(name for name in PEOPLE.names if name != "age_band")


def build_people(register: nw.LazyFrame, contacts: nw.LazyFrame, as_at: date, ages: Sequence[AgeBand]) -> nw.LazyFrame:
    """Build `people` from received rows of the register and `contacts` of all extracts: one row per person, for any order of rows.

    A person is registered if linked to a registration that covers the as-at date and not dead by then. The latest of several
    registrations counts. The other people are those in another extract and, as untraced, current entries of the register that the
    trace could not verify. Their characteristics come from the latest of the most complete records.
    """
    all_people = nw.concat([_registered_people(register, as_at), _other_people(register, contacts, as_at)])
    return all_people.with_columns(age_band=age_band(nw.col("age"), ages)).select(*PEOPLE.names)


def _verified_registrations(register: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    return register.filter((nw.col("outcome") == Outcome.LINKED) & is_registered_on(as_at))


def _registered_people(register: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    current = _verified_registrations(register, as_at).with_columns(
        ethnic_category=nw.col("ethnicity"),
        named_gp=~nw.col("named_accountable_gp").is_null(),
        population=nw.lit("registered"),
        latest=-day_number(nw.col("registration_start_date")),
    )
    return first_of_each("person", current, ["latest", *COLUMNS_BUT_AGE_BAND[2:]]).select(*COLUMNS_BUT_AGE_BAND)


def _other_people(register: nw.LazyFrame, contacts: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    registered = _verified_registrations(register, as_at).select("person")
    unverified = build_contacts({REGISTER: register.filter((nw.col("outcome") == Outcome.UNLINKED) & is_registered_on(as_at))})
    seen = nw.concat([contacts.filter(nw.col("extract") != REGISTER), unverified])
    not_registered = seen.join(registered, on="person", how="anti")
    former_registrations = contacts.filter((nw.col("extract") == REGISTER) & (nw.col("outcome") == Outcome.LINKED))
    candidates = nw.concat([not_registered, former_registrations.join(not_registered.select("person").unique(), on="person", how="semi")])
    # Most complete record first, then the latest, then a fixed order of the characteristics.
    is_blank = [nw.when(nw.col(name).is_null()).then(1).otherwise(0) for name in ("sex", "lsoa")]
    ranked = candidates.with_columns(blanks=is_blank[0] + is_blank[1], latest=-day_number(nw.col("last_day")))
    return (
        first_of_each("person", ranked, ["blanks", "latest", *PERSON_FACTS])
        .with_columns(
            population=nw.when(nw.col("outcome") == Outcome.UNLINKED).then(nw.lit("untraced")).otherwise(nw.lit("not registered")),
            practice_code=nw.lit(None).cast(nw.String),
            residential_institute=nw.lit(None).cast(nw.String),
            named_gp=nw.lit(False),
        )
        .select(*COLUMNS_BUT_AGE_BAND)
    )
