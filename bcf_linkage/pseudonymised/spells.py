"""Hospital spells: the episodes of one stay, as one row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import narwhals as nw

from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.pseudonymised_tables import SPELLS
from bcf_linkage.definitions.rulebook import AmbulatoryRule
from bcf_linkage.pseudonymised.days import age_in_month_of, day_number
from bcf_linkage.pseudonymised.extracts import Extracts
from bcf_linkage.pseudonymised.ordering import first_of_each

SPELL = "hospital_provider_spell_number"
ADMITTED = "start_date_hospital_provider_spell"
DISCHARGED = "discharge_date_from_hospital_provider_spell"
DIAGNOSES = ("primary_diagnosis_icd", "secondary_diagnosis_icd_1", "secondary_diagnosis_icd_2", "secondary_diagnosis_icd_3")


def spells(received: Extracts, as_at: date, ambulatory: Iterable[AmbulatoryRule]) -> nw.LazyFrame:
    """Consultant episodes -> `spells`, one row per hospital provider spell: its first episode, which tells of the whole spell.

    Nights run to the discharge, or to the as-at date if that comes first or the person is still in hospital.
    """
    first_told = ["episode_number", ADMITTED, "person", *DIAGNOSES, "row"]
    first = first_of_each(SPELL, received["hospital_admissions"], first_told)
    stayed_until = nw.when(nw.col(DISCHARGED) <= as_at).then(nw.col(DISCHARGED)).otherwise(nw.lit(as_at))
    return (
        first.join(_registered_spells(first, received["gp_registrations"]), on=SPELL, how="left")
        .with_columns(
            registered=nw.col("registered").fill_null(False),
            age=age_in_month_of(nw.col(ADMITTED), nw.col("birth_month")),
            nights=day_number(stayed_until) - day_number(nw.col(ADMITTED)),
            ambulatory_care_sensitive=_condition(ambulatory),
        )
        .select(*SPELLS.names)
    )


def _registered_spells(spells: nw.LazyFrame, register: nw.LazyFrame) -> nw.LazyFrame:
    """The spells whose person was registered on the day of admission, each once."""
    registrations = register.filter(nw.col("place") == Place.LINKED).select("person", "registration_start_date", "registration_end_date")
    ends = nw.col("registration_end_date")
    return (
        spells.select("person", SPELL, ADMITTED)
        .join(registrations, on="person", how="inner")
        .filter((nw.col("registration_start_date") <= nw.col(ADMITTED)) & (ends.is_null() | (ends >= nw.col(ADMITTED))))
        .select(SPELL, registered=nw.lit(True))
        .unique(SPELL)
    )


def _condition(rules: Iterable[AmbulatoryRule]) -> nw.Expr:
    """The condition of the first rule that the diagnoses and the procedure satisfy, or null."""
    condition = nw.lit(None).cast(nw.String)
    for rule in reversed(tuple(rules)):
        condition = nw.when(_satisfies(rule)).then(nw.lit(rule.condition)).otherwise(condition)
    return condition


def _satisfies(rule: AmbulatoryRule) -> nw.Expr:
    # Three-character codes are padded with X, as the national lists write them (I10X).
    padded = nw.concat_str(nw.col(DIAGNOSES[0]), nw.lit("X")).str.slice(0, 4)
    satisfied = begins_with(padded, rule.primary)
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
    """Whether the text begins with one of these; null begins with none of them."""
    by_length: dict[int, list[str]] = {}
    for beginning in beginnings:
        by_length.setdefault(len(beginning), []).append(beginning)
    matches = [text.str.slice(0, length).is_in(those).fill_null(False) for length, those in sorted(by_length.items())]
    return nw.any_horizontal(*matches, ignore_nulls=True)
