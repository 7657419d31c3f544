"""What care people have: plans, an accountable professional, conditions, social care."""

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


def care(people: nw.LazyFrame, received: Extracts, codes: ClinicalCodes, year: Period) -> nw.LazyFrame:
    """`people` and received rows -> `care`, one row per person of `people`, as it stands on the last day of the year.

    Of the codes of a process the latest counts, and an ending or a refusal undoes only what is dated before it: of two codes
    of one day, the one that says the care is there prevails.
    """
    events, social_care = received["gp_events"].filter(nw.col("event_date") <= year.end), received["adult_social_care"]
    ends = nw.col("event_end_date")
    clients = social_care.filter((nw.col("client_type") == "Service user") & (nw.col("event_start_date") <= year.end) & (ends.is_null() | (ends >= year.start)))
    in_care_home = care_home_stays(social_care).filter(_holds("first_day", "last_day", year.end))
    joined = people.select("person", "named_gp", "residential_institute")
    for facts in (_processes(events, codes), _conditions(events, codes), _flagged(clients, "social_care"), _flagged(in_care_home, "in_care_home")):
        joined = joined.join(facts, on="person", how="left")
    started, agreed = nw.col("admission_avoidance_started"), nw.col("care_plan_agreed")
    return joined.with_columns(
        case_management_register=_stands(started, "admission_avoidance_ended"),
        care_plan=_stands(agreed, "care_plan_declined") & _stands(agreed, "admission_avoidance_ended"),
        accountable_professional=nw.col("named_gp").fill_null(False) | ~nw.col("accountable_gp_told").is_null(),
        long_term_conditions=nw.col("long_term_conditions").fill_null(0),
        social_care=nw.col("social_care").fill_null(False),
        care_home=(nw.col("residential_institute") == "Y").fill_null(False) | nw.col("in_care_home").fill_null(False),
    ).select(*CARE.names)


def _processes(events: nw.LazyFrame, codes: ClinicalCodes) -> nw.LazyFrame:
    """One row per person with any such code: the latest day of each process."""
    all_codes = [code for those in codes.processes.values() for code in those]
    latest = [nw.when(nw.col("code").is_in(list(those))).then(nw.col("event_date")).max().alias(name) for name, those in codes.processes.items()]
    return events.filter(nw.col("code").is_in(all_codes)).select("person", "code", "event_date").group_by("person").agg(*latest)


def _stands(begun: nw.Expr, undone: str) -> nw.Expr:
    """Whether something was begun and not undone on a later day."""
    return ~begun.is_null() & (nw.col(undone).is_null() | (nw.col(undone) <= begun))


def _conditions(events: nw.LazyFrame, codes: ClinicalCodes) -> nw.LazyFrame:
    """One row per person with a long-term condition: how many distinct ones."""
    diagnoses = events.filter((nw.col("event_type") == "diagnosis") & ~nw.col("code").is_null()).select("person", "code").unique()
    condition = nw.lit(None).cast(nw.String)
    for name, beginnings in reversed(list(codes.long_term_conditions.items())):
        condition = nw.when(begins_with(nw.col("code"), beginnings)).then(nw.lit(name)).otherwise(condition)
    # Few codes are distinct: each is looked up once, not once for every diagnosis.
    conditions = diagnoses.select("code").unique().with_columns(condition=condition).filter(~nw.col("condition").is_null())
    return (
        diagnoses.join(conditions, on="code", how="inner")
        .select("person", "condition")
        .unique()
        .group_by("person")
        .agg(long_term_conditions=nw.len().cast(nw.Int64))
    )


def _flagged(frame: nw.LazyFrame, flag: str) -> nw.LazyFrame:
    return frame.select("person").unique().with_columns(nw.lit(True).alias(flag))


def _holds(first: str, last: str, day: date) -> nw.Expr:
    return (nw.col(first) <= day) & (nw.col(last) >= day)
