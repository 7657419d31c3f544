"""The people in each extract: how often and when they were seen, and their characteristics as recorded."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import CONTACTS
from bcf_linkage.pseudonymised.extracts import TYPES, Extracts

REGISTER = "gp_registrations"
HOSPITAL_COLUMNS = {"sex": "sex", "ethnic_category": "ethnic_group", "lsoa": "lsoa", "deprivation_quintile": "deprivation_quintile"}
COLUMNS_BY_EXTRACT: Mapping[str, Mapping[str, str]] = {
    REGISTER: {**HOSPITAL_COLUMNS, "ethnic_category": "ethnicity"},
    "gp_events": {},
    "hospital_admissions": {**HOSPITAL_COLUMNS, "residence": "source_of_admission_hospital_provider_spell"},
    "emergency_care": HOSPITAL_COLUMNS,
    "outpatients": HOSPITAL_COLUMNS,
    "adult_social_care": {**HOSPITAL_COLUMNS, "sex": "gender", "ethnic_category": "ethnicity", "residence": "accommodation_status"},
}
"""The column of each extract for each characteristic of a person, apart from age and month of birth."""

ALL_RECORDED_COLUMNS = frozenset(name for columns in COLUMNS_BY_EXTRACT.values() for name in columns)
"""Every characteristic that at least one extract records."""


def build_contacts(received: Extracts) -> nw.LazyFrame:
    """Build `contacts` from received rows: one row per person, extract, outcome of the trace and set of recorded characteristics.

    Millions of rows become some hundred thousand, so later stages about people need not read the rows again.
    """
    return nw.concat([_contacts_of_extract(rows, extract) for extract, rows in received.items()])


def _contacts_of_extract(rows: nw.LazyFrame, extract: str) -> nw.LazyFrame:
    columns = {"age": "age", "birth_month": "birth_month", **COLUMNS_BY_EXTRACT[extract]}
    day = nw.col(EXTRACTS[extract].event_date or "registration_start_date")
    selected = rows.select("person", "outcome", day=day, **{name: nw.col(column) for name, column in columns.items()})
    counted = selected.group_by("person", "outcome", *columns).agg(first_day=nw.col("day").min(), last_day=nw.col("day").max(), records=nw.len().cast(nw.Int64))
    missing_columns = {column.name: nw.lit(None).cast(TYPES[column.type]) for column in CONTACTS.columns if column.name in ALL_RECORDED_COLUMNS - set(columns)}
    return counted.with_columns(extract=nw.lit(extract), **missing_columns).select(*CONTACTS.names)
