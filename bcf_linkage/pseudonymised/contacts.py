"""Whom each extract saw, how often and when, and what its records tell of them."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import CONTACTS
from bcf_linkage.pseudonymised.extracts import TYPES, Extracts

REGISTER = "gp_registrations"
HOSPITAL = {"sex": "sex", "ethnic_category": "ethnic_group", "lsoa": "lsoa", "deprivation_quintile": "deprivation_quintile"}
TOLD: Mapping[str, Mapping[str, str]] = {
    REGISTER: {**HOSPITAL, "ethnic_category": "ethnicity"},
    "gp_events": {},
    "hospital_admissions": {**HOSPITAL, "residence": "source_of_admission_hospital_provider_spell"},
    "emergency_care": HOSPITAL,
    "outpatients": HOSPITAL,
    "adult_social_care": {**HOSPITAL, "sex": "gender", "ethnic_category": "ethnicity", "residence": "accommodation_status"},
}
"""Under which names the records of each extract tell of their person, beside age and month of birth."""

EVER_TOLD = frozenset(name for told in TOLD.values() for name in told)
"""What the records of some extract tell."""


def contacts(received: Extracts) -> nw.LazyFrame:
    """Received rows -> `contacts`: one row per person, extract, place where the trace ended, and all that the records tell alike of the person.

    Millions of rows make some hundred thousand, so that whoever asks about people need not read the rows again.
    """
    return nw.concat([_of(rows, extract) for extract, rows in received.items()])


def _of(rows: nw.LazyFrame, extract: str) -> nw.LazyFrame:
    told = {"age": "age", "birth_month": "birth_month", **TOLD[extract]}
    day = nw.col(EXTRACTS[extract].event_date or "registration_start_date")
    alike = rows.select("person", "place", day=day, **{name: nw.col(column) for name, column in told.items()})
    counted = alike.group_by("person", "place", *told).agg(first_day=nw.col("day").min(), last_day=nw.col("day").max(), records=nw.len().cast(nw.Int64))
    untold = {column.name: nw.lit(None).cast(TYPES[column.type]) for column in CONTACTS.columns if column.name in EVER_TOLD - set(told)}
    return counted.with_columns(extract=nw.lit(extract), **untold).select(*CONTACTS.names)
