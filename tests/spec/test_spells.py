"""Spells: who was registered, how old, for how long, and with which condition."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.pseudonymised.spells import spells
from tests.made_frames import received, rows_of

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)


def stay(**row: Any) -> dict[str, Any]:
    admitted = {"start_date_hospital_provider_spell": date(2014, 3, 1), "discharge_date_from_hospital_provider_spell": date(2014, 3, 5)}
    return {"person": "p", "hospital_provider_spell_number": "s", "episode_number": 1, "birth_month": "1964-03", **admitted, **row}


def spell(row: dict[str, Any], column: str, register: list[dict[str, Any]] | None = None) -> Any:
    ((value,),) = rows_of(spells(received(hospital_admissions=[row], gp_registrations=register or []), AS_AT, RULES.ambulatory), column)
    return value


@pytest.mark.parametrize(
    ("primary", "rest", "condition"),
    [
        ("J459", {}, "asthma"),
        ("J46X", {}, "asthma"),
        ("J46", {}, "asthma"),
        ("I10", {}, "hypertension"),
        ("I10X", {"primary_procedure_opcs": "K401"}, None),
        ("I500", {}, "heart failure"),
        ("I500", {"primary_procedure_opcs": "K401"}, None),
        ("I500", {"primary_procedure_opcs": "K651"}, "heart failure"),
        ("I259", {"primary_procedure_opcs": "X401"}, None),
        ("I259", {"primary_procedure_opcs": "X331"}, "angina and coronary heart disease"),
        ("J209", {}, None),
        ("J209", {"secondary_diagnosis_icd_3": "J449"}, "chronic obstructive pulmonary disease"),
        ("B180", {}, "chronic hepatitis B"),
        ("B180", {"secondary_diagnosis_icd_1": "D571"}, None),
        ("B182", {}, None),
        ("D500", {}, None),
        ("D501", {}, "anaemia"),
        ("F03X", {}, "dementia"),
        (None, {"secondary_diagnosis_icd_1": "J459"}, None),
    ],
)
def test_chronic_ambulatory_care_sensitive_conditions(primary: str | None, rest: dict[str, Any], condition: str | None) -> None:
    assert spell(stay(primary_diagnosis_icd=primary, **rest), "ambulatory_care_sensitive") == condition


@pytest.mark.parametrize(
    ("registration", "registered"),
    [
        ({}, True),
        ({"registration_start_date": date(2014, 3, 1)}, True),
        ({"registration_start_date": date(2014, 3, 2)}, False),
        ({"registration_end_date": date(2014, 3, 1)}, True),
        ({"registration_end_date": date(2014, 2, 28)}, False),
        ({"place": "unlinked"}, False),
        ({"person": "somebody else"}, False),
    ],
)
def test_registered_on_the_day_of_admission(registration: dict[str, Any], registered: bool) -> None:
    assert spell(stay(), "registered", [{"person": "p", **registration}]) is registered
    assert spell(stay(), "registered", [{"person": "p", **registration}, {"person": "p", **registration}]) is registered


@pytest.mark.parametrize(("born", "age"), [("1964-03", 50), ("1964-04", 49), ("1964-02", 50), (None, None)])
def test_age_in_the_month_of_admission(born: str | None, age: int | None) -> None:
    assert spell(stay(birth_month=born), "age") == age


@pytest.mark.parametrize(
    ("discharged", "nights"),
    [(date(2014, 3, 1), 0), (date(2014, 3, 2), 1), (date(2014, 4, 1), 31), (None, 213), (date(2014, 12, 1), 213)],
)
def test_nights(discharged: date | None, nights: int) -> None:
    assert spell(stay(discharge_date_from_hospital_provider_spell=discharged), "nights") == nights
