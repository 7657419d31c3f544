"""The care of each person: care plan, accountable professional, long-term conditions, social care, care home."""

from __future__ import annotations

from datetime import date

import narwhals as nw

from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.pseudonymised_tables import CARE
from bcf_linkage.definitions.rulebook import ClinicalCodes
from bcf_linkage.pseudonymised.extracts import Extracts
from bcf_linkage.pseudonymised.spells import begins_with
from bcf_linkage.pseudonymised.transfers import care_home_stays

FLAGS = ("case_management_register", "care_plan", "accountable_professional", "social_care", "care_home")


def build_care(people: nw.LazyFrame, received: Extracts, codes: ClinicalCodes, year: Period) -> nw.LazyFrame:
    """Build `care` from `people` and received rows: one row per person of `people`, as at the last day of the year.

    The latest code of each process counts. An ending or a refusal cancels only codes of earlier days: if a start and an ending have
    the same day, the care counts as in force.
    """
    events, social_care = received["gp_events"].filter(nw.col("event_date") <= year.end), received["adult_social_care"]
    end_date = nw.col("event_end_date")
    clients = social_care.filter(
        (nw.col("client_type") == "Service user") & (nw.col("event_start_date") <= year.end) & (end_date.is_null() | (end_date >= year.start))
    )
    in_care_home = care_home_stays(social_care).filter(_covers_day("first_day", "last_day", year.end))
    joined = people.select("person", "named_gp", "residential_institute")
    for facts in (
        _latest_processes(events, codes),
        _count_conditions(events, codes),
        _flag_people(clients, "social_care"),
        _flag_people(in_care_home, "in_care_home"),
    ):
        joined = joined.join(facts, on="person", how="left")
    started, agreed = nw.col("admission_avoidance_started"), nw.col("care_plan_agreed")
    return joined.with_columns(
        case_management_register=_is_in_force(started, "admission_avoidance_ended"),
        care_plan=_is_in_force(agreed, "care_plan_declined") & _is_in_force(agreed, "admission_avoidance_ended"),
        accountable_professional=nw.col("named_gp").fill_null(False) | ~nw.col("accountable_gp_told").is_null(),
        long_term_conditions=nw.col("long_term_conditions").fill_null(0),
        social_care=nw.col("social_care").fill_null(False),
        care_home=(nw.col("residential_institute") == "Y").fill_null(False) | nw.col("in_care_home").fill_null(False),
    ).select(*CARE.names)


def _latest_processes(events: nw.LazyFrame, codes: ClinicalCodes) -> nw.LazyFrame:
    """Return one row per person with a code of any process: the latest day of each process."""
    all_codes = [code for process_codes in codes.processes.values() for code in process_codes]
    latest = [
        nw.when(nw.col("code").is_in(list(process_codes))).then(nw.col("event_date")).max().alias(name) for name, process_codes in codes.processes.items()
    ]
    return events.filter(nw.col("code").is_in(all_codes)).select("person", "code", "event_date").group_by("person").agg(*latest)


def _is_in_force(started: nw.Expr, end_column: str) -> nw.Expr:
    """Return whether a process was started and not ended on a later day."""
    return ~started.is_null() & (nw.col(end_column).is_null() | (nw.col(end_column) <= started))


def _count_conditions(events: nw.LazyFrame, codes: ClinicalCodes) -> nw.LazyFrame:
    """Return one row per person with a long-term condition: the number of distinct conditions."""
    diagnoses = events.filter((nw.col("event_type") == "diagnosis") & ~nw.col("code").is_null()).select("person", "code").unique()
    condition = nw.lit(None).cast(nw.String)
    for name, beginnings in reversed(list(codes.long_term_conditions.items())):
        condition = nw.when(begins_with(nw.col("code"), beginnings)).then(nw.lit(name)).otherwise(condition)
    # Few codes are distinct: look each up once, not once for every diagnosis.
    conditions = diagnoses.select("code").unique().with_columns(condition=condition).filter(~nw.col("condition").is_null())
    return (
        diagnoses.join(conditions, on="code", how="inner")
        .select("person", "condition")
        .unique()
        .group_by("person")
        .agg(long_term_conditions=nw.len().cast(nw.Int64))
    )


def _flag_people(frame: nw.LazyFrame, flag: str) -> nw.LazyFrame:
    return frame.select("person").unique().with_columns(nw.lit(True).alias(flag))


def _covers_day(first: str, last: str, day: date) -> nw.Expr:
    return (nw.col(first) <= day) & (nw.col(last) >= day)
