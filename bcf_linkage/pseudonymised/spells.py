"""Hospital spells: the episodes of one stay of one person, as one row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import narwhals as nw

from bcf_linkage.definitions.extracts.hospital_admissions import HOSPITAL_ADMISSIONS
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.pseudonymised_tables import SPELLS, TRACE_COLUMNS, received_table
from bcf_linkage.definitions.registration import has_registration_on
from bcf_linkage.definitions.rulebook import AmbulatoryRule
from bcf_linkage.pseudonymised.days import age_in_month_of, day_number
from bcf_linkage.pseudonymised.extracts import Extracts

SPELL = "hospital_provider_spell_number"
ADMITTED = "start_date_hospital_provider_spell"
DISCHARGED = "discharge_date_from_hospital_provider_spell"
EPISODE_END = "end_date_consultant_episode"
END_FACTS = (
    DISCHARGED,
    "discharge_method_hospital_provider_spell",
    "discharge_destination_hospital_provider_spell",
    "hospital_provider_spell_discharge_ready_date",
)
STAY = (SPELL, "person", "stay")
STAY_KEY = ("person", SPELL, ADMITTED)
HIGHEST_EPISODE = 87
"""The highest episode number. 98 means not applicable and 99 not known [S: NHS Data Model and Dictionary, EPISODE NUMBER]."""

DIAGNOSES = ("primary_diagnosis_icd", "secondary_diagnosis_icd_1", "secondary_diagnosis_icd_2", "secondary_diagnosis_icd_3")

EPISODE_ORDER = (ADMITTED, "start_date_consultant_episode", "episode_number", "contents")
"""Order of the episodes of a stay. The contents of the row break ties, so that neither the order of rows nor the engine decides."""
CONTENTS = sorted(set(received_table(HOSPITAL_ADMISSIONS).names) - {column.name for column in TRACE_COLUMNS})
"""What a row says of its episode, apart from where it came from and how it was traced."""


def build_spells(received: Extracts, as_at: date, ambulatory: Iterable[AmbulatoryRule]) -> nw.LazyFrame:
    """Build `spells` from consultant episodes: one row per stay of a person in hospital.

    Admission, diagnoses and procedures come from the first episode. Discharge date, method and destination come from the last episode
    that has them, as suppliers fill them there; the discharge ready date from any episode, the last if several have one.
    Nights run to the discharge, or to the as-at date if that comes first or the person is still in hospital. A stay without a discharge
    date whose episodes have all ended runs to the last end: its discharge was lost, or the next episode was not sent.
    """
    episodes = _number_stays(_assign_unlinked_episodes(received["hospital_admissions"]))
    stays = _take_end_from_last(episodes.with_columns(episodes_disagree=_episodes_disagree(), all_ended=_end_if_all_ended())).filter(nw.col("position") == 1)
    left = nw.coalesce(DISCHARGED, "all_ended")
    stayed_until = nw.when(left <= as_at).then(left).otherwise(nw.lit(as_at))
    return (
        stays.join(_registered_stays(stays, received["gp_registrations"]), on=list(STAY_KEY), how="left")
        .with_columns(
            registered=nw.col("registered").fill_null(False),
            age=age_in_month_of(nw.col(ADMITTED), nw.col("birth_month")),
            nights=day_number(stayed_until) - day_number(nw.col(ADMITTED)),
            ambulatory_care_sensitive=_ambulatory_condition(ambulatory),
        )
        .select(*SPELLS.names)
    )


def _assign_unlinked_episodes(episodes: nw.LazyFrame) -> nw.LazyFrame:
    """Give an unlinked episode to the person of the linked episodes with the same spell number and day of admission.

    Where there is no such person, or more than one, it keeps its local pseudonym and is a stay of its own.
    """
    admission = (SPELL, ADMITTED)
    linked_person = nw.when(nw.col("outcome") != Outcome.UNLINKED).then(nw.col("person"))
    candidates = episodes.with_columns(linked_person=linked_person).with_columns(
        first_person=nw.col("linked_person").min().over(*admission), last_person=nw.col("linked_person").max().over(*admission)
    )
    only_one = (nw.col("outcome") == Outcome.UNLINKED) & (nw.col("first_person") == nw.col("last_person")).fill_null(False)
    return candidates.with_columns(person=nw.when(only_one).then(nw.col("first_person")).otherwise(nw.col("person")))


def _number_stays(episodes: nw.LazyFrame) -> nw.LazyFrame:
    """Add `stay`, the number of the person's stay under the spell number, and `position`, the episode's position in the stay.

    Providers reuse spell numbers. An episode begins another stay if its admission is later than every end date of the episodes before it.
    """
    holder, in_time = (SPELL, "person"), list(EPISODE_ORDER)
    known_end = nw.max_horizontal(nw.col(ADMITTED), nw.col(DISCHARGED), nw.col(EPISODE_END))
    contents = nw.concat_str(*(nw.col(name).cast(nw.String).fill_null("") for name in CONTENTS), separator="|")
    with_ends = episodes.filter(~nw.col(SPELL).is_null()).with_columns(known_end=known_end, contents=contents)
    with_ends = with_ends.with_columns(latest_end=nw.col("known_end").cum_max().over(*holder, order_by=in_time))
    with_ends = with_ends.with_columns(ended_before=nw.col("latest_end").shift(1).over(*holder, order_by=in_time))
    begins = nw.when(nw.col(ADMITTED) > nw.col("ended_before")).then(1).otherwise(0)
    stays = with_ends.with_columns(begins=begins).with_columns(stay=nw.col("begins").cum_sum().over(*holder, order_by=in_time))
    stays = stays.with_columns(episode_order=nw.when(nw.col("episode_number") <= HIGHEST_EPISODE).then(nw.col("episode_number")))
    # If one episode has no number, order the whole stay by date: numbers and dates cannot be mixed.
    without_number = nw.col("episode_order").is_null().cast(nw.Int64).max().over(*STAY) == 1
    stays = stays.with_columns(episode_order=nw.when(~without_number).then(nw.col("episode_order")).otherwise(nw.lit(0)))
    return stays.with_columns(position=nw.col("contents").cum_count().over(*STAY, order_by=["episode_order", *EPISODE_ORDER]))


def _take_end_from_last(episodes: nw.LazyFrame) -> nw.LazyFrame:
    """Set the facts about the end of a stay on all its episodes: each as on the last episode that has it."""
    known_at = {f"known_{name}": nw.when(~nw.col(name).is_null()).then(nw.col("position")) for name in END_FACTS}
    last_at = {name: nw.col(name).max().over(*STAY) for name in known_at}
    at_last = {name: nw.when(nw.col("position") == nw.col(f"known_{name}")).then(nw.col(name)) for name in END_FACTS}
    return episodes.with_columns(**known_at).with_columns(**last_at).with_columns(**at_last).with_columns(nw.col(name).max().over(*STAY) for name in END_FACTS)


def _episodes_disagree() -> nw.Expr:
    """Return whether episodes of a stay have different days of discharge."""
    return (nw.col(DISCHARGED).min().over(*STAY) != nw.col(DISCHARGED).max().over(*STAY)).fill_null(False)


def _end_if_all_ended() -> nw.Expr:
    """Return the last day of the stay's episodes, null while one of them has not ended."""
    is_open = nw.col(EPISODE_END).is_null().cast(nw.Int64).max().over(*STAY) == 1
    return nw.when(~is_open).then(nw.col(EPISODE_END).max().over(*STAY))


def _registered_stays(stays: nw.LazyFrame, register: nw.LazyFrame) -> nw.LazyFrame:
    """Return the key of each stay whose person was registered on the day of admission.

    A death on that day makes no difference, unlike in `is_registered_on`: the person was registered when admitted.
    """
    registrations = register.filter(nw.col("outcome") == Outcome.LINKED).select("person", "registration_start_date", "registration_end_date")
    return (
        stays.select(*STAY_KEY)
        .join(registrations, on="person", how="inner")
        .filter(has_registration_on(nw.col(ADMITTED)))
        .select(*STAY_KEY, registered=nw.lit(True))
        .unique(list(STAY_KEY))
    )


def _ambulatory_condition(rules: Iterable[AmbulatoryRule]) -> nw.Expr:
    """Return the condition of the first rule that the diagnoses and the procedure satisfy, or null."""
    condition = nw.lit(None).cast(nw.String)
    for rule in reversed(tuple(rules)):
        condition = nw.when(_satisfies_rule(rule)).then(nw.lit(rule.condition)).otherwise(condition)
    return condition


def _satisfies_rule(rule: AmbulatoryRule) -> nw.Expr:
    # The national lists pad three-character codes with X (I10X).
    primary_diagnosis = nw.concat_str(nw.col(DIAGNOSES[0]), nw.lit("X")).str.slice(0, 4)
    satisfied = begins_with(primary_diagnosis, rule.primary)
    if rule.with_:
        satisfied = satisfied & _any_diagnosis(rule.with_)
    if rule.without:
        satisfied = satisfied & ~_any_diagnosis(rule.without)
    if rule.without_procedure:
        satisfied = satisfied & ~begins_with(nw.col("primary_procedure_opcs"), rule.without_procedure)
    return satisfied


def _any_diagnosis(beginnings: tuple[str, ...]) -> nw.Expr:
    return nw.any_horizontal(*(begins_with(nw.col(name), beginnings) for name in DIAGNOSES), ignore_nulls=True)


def begins_with(text: nw.Expr, beginnings: Iterable[str]) -> nw.Expr:
    """Return whether the text begins with one of these. Null begins with none."""
    by_length: dict[int, list[str]] = {}
    for beginning in beginnings:
        by_length.setdefault(len(beginning), []).append(beginning)
    matches = [text.str.slice(0, length).is_in(prefixes).fill_null(False) for length, prefixes in sorted(by_length.items())]
    return nw.any_horizontal(*matches, ignore_nulls=True)
