"""The numbers of the definitions, as their sources state them: periods, ages, prices, shares, codes, days and limits."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.case_finding import case_lists
from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.disclosure import SmallCountRule
from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.governance import Drafts
from bcf_linkage.definitions.measures import UNITS, CohortSet, Edition
from bcf_linkage.definitions.national_trace import NationalTrace
from bcf_linkage.definitions.periods import Period, is_month_end, months_to, window_to, year_to
from bcf_linkage.definitions.pseudonymised_tables import CARE, PEOPLE, SPELLS, STRATA
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.sharing import NationalCheck, SharingRules
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable import row_rules
from bcf_linkage.pseudonymised.contacts import build_contacts
from bcf_linkage.pseudonymised.people import build_people
from bcf_linkage.published.clause_filters import meets_clauses
from bcf_linkage.published.cohort_counts import count_cohorts
from bcf_linkage.published.population import build_population
from bcf_linkage.storage.store import Workspace
from pipelines.admin.retention import History, find_due_removals
from pipelines.workspace.gates import last_day_of_use
from pipelines.workspace.governance_settings import MAX_KEPT, Retention, RetentionPeriod, parse_retention
from tests.frame_builder import build_received_extracts, build_table, collect, lazy, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)


def refusing(refuses: bool, words: str) -> AbstractContextManager[Any]:
    """Within this block the request must be refused with these words, or not be refused."""
    return pytest.raises(UsageError, match=words) if refuses else nullcontext()


# --- periods ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "last"),
    [
        (date(2014, 9, 29), False),
        (date(2014, 9, 30), True),
        (date(2014, 10, 1), False),
        (date(2014, 10, 30), False),
        (date(2014, 10, 31), True),
        (date(2014, 2, 27), False),
        (date(2014, 2, 28), True),
        (date(2016, 2, 28), False),
        (date(2016, 2, 29), True),
        (date(2014, 12, 31), True),
    ],
)
def test_a_period_ends_on_the_last_day_of_a_month(day: date, last: bool) -> None:
    assert is_month_end(day) is last
    if not last:
        with pytest.raises(ValueError, match="must be the last day of a month"):
            year_to(day)


@pytest.mark.parametrize(
    ("as_at", "months", "start"),
    [
        (date(2014, 9, 30), 1, date(2014, 9, 1)),
        (date(2014, 9, 30), 3, date(2014, 7, 1)),
        (date(2014, 9, 30), 9, date(2014, 1, 1)),
        (date(2014, 9, 30), 10, date(2013, 12, 1)),
        (date(2014, 12, 31), 12, date(2014, 1, 1)),
        (date(2014, 12, 31), 13, date(2013, 12, 1)),
        (date(2014, 1, 31), 1, date(2014, 1, 1)),
        (date(2014, 1, 31), 2, date(2013, 12, 1)),
        (date(2016, 2, 29), 12, date(2015, 3, 1)),
    ],
)
def test_a_period_of_some_months_begins_on_the_first_day_of_one(as_at: date, months: int, start: date) -> None:
    assert months_to(as_at, months) == Period(start, as_at)


def test_a_year_has_12_months_and_the_window_24() -> None:
    assert year_to(AS_AT) == Period(date(2013, 10, 1), AS_AT)
    assert window_to(AS_AT) == Period(date(2012, 10, 1), AS_AT)
    assert (len(year_to(AS_AT).months), len(window_to(AS_AT).months)) == (12, 24)
    assert year_to(date(2014, 2, 28)).months[0] == date(2013, 3, 1)
    assert Period(date(2013, 12, 31), date(2014, 1, 1)).months == (date(2013, 12, 1), date(2014, 1, 1))


# --- editions -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("as_at", "refused"), [(date(2012, 3, 31), True), (date(2012, 4, 1), False), (date(2015, 3, 31), False), (date(2015, 4, 1), True)])
def test_an_edition_holds_from_its_first_day_through_its_last(as_at: date, refused: bool) -> None:
    entries = {"name": "n", "version": "1", "source": "s", "mark": "D", "valid_from": date(2012, 4, 1), "valid_to": date(2015, 3, 31)}
    with refusing(refused, "edition 1 is valid from 2012-04-01 to 2015-03-31, not on"):
        assert Edition.build("x.toml", entries, as_at).version == "1"


@pytest.mark.parametrize(("on", "refused"), [(date(2012, 3, 31), True), (date(2012, 4, 1), False)])
@pytest.mark.parametrize("read", [Rulebook.build, TraceRules.build, SharingRules.build, NationalTrace.build, Drafts.build, case_lists], ids=range(6))
def test_the_definitions_hold_from_april_2012(read: Any, on: date, refused: bool) -> None:
    with refusing(refused, "is valid from 2012-04-01"):
        read(on)


# --- ages and bands -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (-1, None),
        (0, "00-17"),
        (17, "00-17"),
        (18, "18-64"),
        (64, "18-64"),
        (65, "65-74"),
        (74, "65-74"),
        (75, "75-84"),
        (84, "75-84"),
        (85, "85+"),
        (110, "85+"),
        (None, None),
    ],
)
def test_a_band_of_age_begins_with_its_first_year(age: int | None, band: str | None) -> None:
    rows = build_received_extracts(gp_registrations=[{"person": "p", "age": age}])
    given = build_people(rows["gp_registrations"], build_contacts(rows), AS_AT, RULES.bands.ages)
    assert sorted_rows(given, "age_band") == [(band,)]


def test_each_of_five_bands_holds_a_fifth_of_the_cost() -> None:
    assert RULES.bands.cuts == (("Very High", 20), ("High", 40), ("Moderate", 60), ("Low", 80), ("Healthy", 100))
    assert (RULES.bands.no_cost, RULES.bands.high_risk.percent_of_adults, RULES.bands.high_risk.adult_age) == ("Non users", 2, 18)


FLAGS = ("care_plan", "accountable_professional", "case_management_register", "social_care", "care_home", "high_risk")


def members(definitions: CohortSet, **person: Any) -> set[str]:
    """The cohorts that a registered person is in."""
    row = {"person": "p", "population": "registered", "practice_code": "J82001", "age": 40, "long_term_conditions": 0, **dict.fromkeys(FLAGS, False), **person}
    frames = [lazy(build_table(of, [{name: row[name] for name in of.names if name in row}])) for of in (PEOPLE, STRATA, CARE)]
    areas = ("practice_code", "practice_name", "cluster_code", "cluster_name", "locality_code", "locality_name")
    found = count_cohorts(build_population(*frames, lazy(pl.DataFrame({name: ["J82001"] for name in areas}))), definitions, year_to(AS_AT))
    return {measure for area, measure, count in sorted_rows(found, "area_type", "measure", "count") if area == "locality" and count}


@pytest.mark.parametrize(
    ("person", "cohorts", "conditions"),
    [
        ({"age": 17}, set(), set()),
        ({"age": 18}, {"adults"}, {"adults"}),
        ({"age": 64}, {"adults"}, {"adults"}),
        ({"age": 65}, {"adults", "aged_65"}, {"adults"}),
        ({"age": 74}, {"adults", "aged_65"}, {"adults"}),
        ({"age": 75}, {"adults", "aged_65", "aged_75"}, {"adults", "aged_75"}),
        ({"age": 17, "long_term_conditions": 1}, set(), set()),
        ({"age": 17, "long_term_conditions": 2}, {"long_term_conditions_two_plus"}, set()),
        ({"age": 17, "long_term_conditions": 3}, {"long_term_conditions_two_plus"}, set()),
        ({"age": 17, "high_risk": True}, set(), set()),
        ({"age": 18, "high_risk": True}, {"adults", "high_risk"}, {"adults", "adults_high_risk"}),
        ({"age": 17, "case_management_register": True}, set(), set()),
        ({"age": 18, "case_management_register": True}, {"adults"}, {"adults", "case_management_register"}),
        ({"age": 74, "accountable_professional": True}, {"adults", "aged_65"}, {"adults"}),
        ({"age": 75, "accountable_professional": True}, {"adults", "aged_65", "aged_75"}, {"adults", "aged_75", "named_gp_75"}),
        ({"age": 17, "care_home": True}, {"care_home_residents"}, set()),
        ({"age": 17, "social_care": True}, {"social_care_clients"}, set()),
    ],
)
def test_a_person_is_in_a_cohort_from_its_first_age_on(person: dict[str, Any], cohorts: set[str], conditions: set[str]) -> None:
    assert members(RULES.cohorts, **person) == {"registered", *cohorts}
    assert members(RULES.conditions, **person) == {"registered", *conditions}


@pytest.mark.parametrize(
    ("code", "person", "listed"),
    [
        ("aged_75_without_professional", {"age": 74, "accountable_professional": False}, False),
        ("aged_75_without_professional", {"age": 75, "accountable_professional": False}, True),
        ("aged_75_without_professional", {"age": 75, "accountable_professional": True}, False),
        ("high_risk_without_care_plan", {"high_risk": True, "care_plan": False}, True),
        ("high_risk_without_care_plan", {"high_risk": True, "care_plan": True}, False),
        ("high_risk_without_care_plan", {"high_risk": False, "care_plan": False}, False),
        ("high_risk_without_professional", {"high_risk": True, "accountable_professional": False}, True),
        ("high_risk_without_professional", {"high_risk": True, "accountable_professional": True}, False),
        ("high_risk_without_professional", {"high_risk": False, "accountable_professional": False}, False),
    ],
)
def test_a_list_shows_the_people_who_meet_its_clauses_and_nobody_else(code: str, person: dict[str, Any], listed: bool) -> None:
    frame = lazy(pl.DataFrame({name: [value] for name, value in person.items()}))
    assert sorted_rows(frame.select(listed=meets_clauses(case_lists(AS_AT)[code].where)), "listed") == [(listed,)]


# --- admissions that are counted ----------------------------------------------------------------------------------------------

EMERGENCY = ("21", "22", "23", "24", "25", "28", "2A", "2B", "2C", "2D")
LEFT_OUT = ("501", "560", "700", "710", "711", "712", "713", "715")


def counted(metric: str, **spell: Any) -> bool:
    """Whether a metric counts a spell: one of an adult's admissions through the emergency department, unless it says otherwise."""
    usual = {
        "admission_method_hospital_provider_spell": "21",
        "patient_classification": "1",
        "cds_type": "130",
        "sex": "1",
        "source_of_admission_hospital_provider_spell": "19",
        "main_specialty_code": "300",
        "treatment_function_code": "300",
        "ambulatory_care_sensitive": "asthma",
    }
    where = {each.code: each.where for each in RULES.metrics.metrics}[metric]
    return bool(sorted_rows(lazy(build_table(SPELLS, [{**usual, **spell}])).select(counted=meets_clauses(where)), "counted")[0][0])


@pytest.mark.parametrize("method", code_list("admission_method").codes)
def test_an_admission_is_an_emergency_or_elective_by_its_method(method: str) -> None:
    spell = {"admission_method_hospital_provider_spell": method}
    assert counted("emergency_admissions", **spell) is (method in EMERGENCY)
    assert counted("chronic_ambulatory_care_sensitive_admissions", **spell) is (method in EMERGENCY)
    for metric in ("non_elective_admissions", "non_elective_admissions_rate"):
        assert counted(metric, **spell) is (method not in ("11", "12", "13"))


@pytest.mark.parametrize("metric", ["non_elective_admissions", "non_elective_admissions_rate"])
def test_specialties_are_left_out_by_their_code(metric: str) -> None:
    functions, specialties = code_list("treatment_function").codes, code_list("main_specialty").codes
    assert [code for code in functions if not counted(metric, treatment_function_code=code)] == ["424", *LEFT_OUT]
    assert [code for code in specialties if not counted(metric, main_specialty_code=code)] == list(LEFT_OUT)


@pytest.mark.parametrize(
    ("column", "listed", "left_out"),
    [
        ("source_of_admission_hospital_provider_spell", "source_of_admission", ["51", "52", "53"]),
        ("patient_classification", "patient_classification", ["2", "3", "4", "5", "8"]),
        ("cds_type", "cds_type", ["120", "140", "150", "160", "170", "180", "200"]),
        ("sex", "sex", ["9", "0", "X"]),
    ],
)
def test_an_ambulatory_care_sensitive_admission_is_none_of_those_left_out(column: str, listed: str, left_out: list[str]) -> None:
    metric = "chronic_ambulatory_care_sensitive_admissions"
    assert [code for code in code_list(listed).codes if not counted(metric, **{column: code})] == left_out


def test_a_rate_is_per_so_many() -> None:
    assert {
        "count": 1.0,
        "percent": 100.0,
        "per 1,000": 1_000.0,
        "per 10,000": 10_000.0,
        "per 100,000": 100_000.0,
        "per 100,000 a month": pytest.approx(8_333.333333333334, abs=1e-9),  # 100,000 / 12
    } == UNITS
    assert [(metric.code, metric.unit, metric.period) for metric in RULES.metrics.metrics] == [
        ("registered", "count", "year"),
        ("adults", "count", "year"),
        ("aged_65", "count", "year"),
        ("emergency_admissions", "per 1,000", "year"),
        ("non_elective_admissions", "count", "year"),
        ("non_elective_admissions_rate", "per 100,000", "year"),
        ("chronic_ambulatory_care_sensitive_admissions", "per 100,000", "year"),
        ("permanent_care_home_admissions_65", "per 100,000", "year"),
        ("delayed_days", "per 100,000 a month", "year"),
        ("reablement_discharges_65", "count", "october_december"),
        ("still_at_home_91_days", "percent", "october_december"),
    ]


# --- prices -------------------------------------------------------------------------------------------------------------------

PRICES = [
    ("gp_events", "gp_surgery", 46.00, None),
    ("gp_events", "gp_nurse", 14.00, None),
    ("gp_events", "gp_telephone", 28.00, None),
    ("gp_events", "gp_home", 114.00, None),
    ("gp_events", "gp_community", 39.00, None),
    ("gp_events", "medication_bnf_01", 6.10, None),
    ("gp_events", "medication_bnf_02", 4.30, None),
    ("gp_events", "medication_bnf_03", 16.40, None),
    ("gp_events", "medication_bnf_04", 9.20, None),
    ("gp_events", "medication_bnf_05", 5.30, None),
    ("gp_events", "medication_bnf_06", 14.80, None),
    ("gp_events", "medication_bnf_07", 11.70, None),
    ("gp_events", "medication_bnf_08", 48.20, None),
    ("gp_events", "medication_bnf_09", 15.60, None),
    ("gp_events", "medication_bnf_10", 5.90, None),
    ("gp_events", "medication_bnf_11", 8.30, None),
    ("gp_events", "medication_bnf_12", 5.60, None),
    ("gp_events", "medication_bnf_13", 7.40, None),
    ("emergency_care", "ae_admitted", 138.00, None),
    ("emergency_care", "ae_not_admitted", 114.00, None),
    ("emergency_care", "ae_minor_injuries", 67.00, None),
    ("emergency_care", "ae_walk_in", 46.00, None),
    ("outpatients", "outpatient_attendance", 111.00, None),
    ("hospital_admissions", "day_case", 698.00, None),
    ("hospital_admissions", "regular_attendance", 340.00, None),
    ("hospital_admissions", "elective_inpatient", 3375.00, None),
    ("hospital_admissions", "non_elective_short_stay", 611.00, None),
    ("hospital_admissions", "non_elective_long_stay", 2716.00, None),
    ("hospital_admissions", "excess_bed_day", 275.00, 14),
    ("adult_social_care", "social_care_event", 45.00, None),
    ("adult_social_care", "social_care_service", 1.00, None),
]


@pytest.mark.parametrize(("setting", "item", "pounds", "after_days"), PRICES)
def test_a_unit_costs_what_its_source_says(setting: str, item: str, pounds: float, after_days: int | None) -> None:
    (found,) = (each for each in RULES.prices.items if each.item == item)
    assert (found.setting, found.pounds, found.after_days) == (setting, pounds, after_days)


def test_nothing_else_has_a_price_and_every_frequency_its_share_of_a_week() -> None:
    assert len(RULES.prices.items) == len(PRICES) == 31
    assert RULES.prices.frequencies == {
        "No charge": Fraction(0),
        "Per session": "planned",
        "Hourly": "planned",
        "Daily": "planned",
        "Weekly": Fraction(1),
        "Fortnightly": Fraction(1, 2),
        "4-weekly": Fraction(1, 4),
        "Monthly": Fraction(3, 13),  # 12 of 52
        "Quarterly": Fraction(1, 13),  # 4 of 52
        "Annually": Fraction(1, 52),
        "One-off": "once",
    }


# --- codes --------------------------------------------------------------------------------------------------------------------

CODES = {
    "nhs_number_status": "01 02 03 04 05 06 07 08",
    "sex": "1 2 9 0 X",
    "ethnic_category": "A B C D E F G H J K L M N P R S Z 99",
    "admission_method": "11 12 13 21 22 23 24 25 28 2A 2B 2C 2D 31 32 81 82 83 98 99",
    "discharge_destination": "19 29 30 37 38 48 49 50 51 52 53 54 65 66 79 84 85 87 88 98 99",
    "discharge_method": "1 2 3 4 5 8 9",
    "source_of_admission": "19 29 39 49 51 52 53 54 65 66 79 85 87 88 98 99",
    "patient_classification": "1 2 3 4 5 8",
    "main_specialty": (
        "100 101 107 110 120 130 140 141 142 143 145 146 147 148 149 150 160 170 171 180 190 191 192 199 200 300 301 302 303 304 "
        "305 310 311 312 313 314 315 317 320 321 325 326 330 340 350 352 360 361 370 371 400 401 410 420 421 430 450 451 460 499 "
        "500 501 502 504 510 520 560 600 601 610 620 700 710 711 712 713 715 800 810 820 821 822 823 824 830 831 832 833 834 900 "
        "901 902 903 904 950 960 990"
    ),
    "treatment_function": (
        "100 101 110 120 130 180 199 223 300 301 302 303 307 314 315 318 320 326 328 330 340 350 361 370 400 410 420 424 430 499 "
        "501 502 560 650 700 710 711 712 713 715 812"
    ),
    "cds_type": "010 011 020 021 030 040 050 060 070 080 090 100 110 120 130 140 150 160 170 180 190 200",
    "attendance_category": "1 2 3",
    "arrival_mode": "1 2",
    "attendance_disposal": "01 02 03 04 05 06 07 10 11 12 13 14",
    "department_type": "01 02 03 04",
    "attended": "0 2 3 4 5 6 7",
    "first_attendance": "1 2 3 4 5",
    "outcome_of_attendance": "1 2 3",
    "priority_type": "1 2 3",
    "source_of_referral": "01 02 03 04 05 06 07 10 11 12 13 14 15 16 17 92 93 97",
    "gp_event_type": "consultation diagnosis medication process",
    "consultation_mode": "surgery nurse telephone home community",
    "code_system": "readv2 bnf",
    "yes_no": "Y N",
}
COUNTED = {
    "cld_event_type": 4,
    "cld_client_type": 3,
    "cld_service_type": 9,
    "cld_service_component": 22,
    "cld_delivery_mechanism": 3,
    "cld_cost_frequency": 11,
    "cld_event_outcome": 16,
    "cld_primary_support_reason": 13,
    "cld_route_of_access": 6,
    "cld_assessment_type": 3,
    "cld_review_reason": 3,
    "cld_accommodation_status": 20,
}
"""How many codes each list of words has."""


@pytest.mark.parametrize("name", CODES)
def test_a_list_holds_the_codes_of_its_source_in_their_order(name: str) -> None:
    assert code_list(name).codes == tuple(CODES[name].split())


@pytest.mark.parametrize("name", COUNTED)
def test_a_list_of_words_holds_as_many_as_its_source(name: str) -> None:
    assert len(set(code_list(name).codes)) == len(code_list(name).codes) == COUNTED[name]


PROCESSES = {
    "admission_avoidance_started": "8CV4.",
    "admission_avoidance_ended": "8CT2.",
    "care_plan_agreed": "8CSB.",
    "care_plan_declined": "8IAe1",
    "care_plan_reviewed": "8CMG3",
    "accountable_gp_told": "67DJ.",
}
CONDITIONS = {
    "hypertension": "G2",
    "coronary_heart_disease": "G3",
    "heart_failure": "G58",
    "atrial_fibrillation": "G573",
    "stroke_tia": "G61 G63 G64 G65 G66",
    "peripheral_arterial": "G73",
    "diabetes": "C10",
    "hypothyroidism": "C03 C04",
    "asthma": "H33",
    "copd": "H3... H31 H32 H36 H37 H38 H39",
    "chronic_kidney_disease": "1Z12 1Z13 1Z14 1Z15 1Z16 K05",
    "chronic_liver_disease": "J61",
    "cancer": "B0 B1 B2 B3 B4 B5 B6",
    "dementia": "Eu00 Eu01 Eu02 E00 F110",
    "depression": "Eu32 Eu33 E2B E112 E113",
    "severe_mental_illness": "Eu20 Eu22 Eu23 Eu25 Eu30 Eu31 E10 E110 E111 E114 E115 E116 E117",
    "learning_disability": "Eu7 E3",
    "alcohol": "E23",
    "epilepsy": "F25",
    "parkinsons": "F12",
    "multiple_sclerosis": "F20",
    "rheumatoid_arthritis": "N040",
    "osteoarthritis": "N05",
    "osteoporosis": "N330",
}


def test_a_condition_or_process_has_the_beginnings_of_its_codes() -> None:
    assert {name: " ".join(codes) for name, codes in RULES.clinical_codes.processes.items()} == PROCESSES
    assert {name: " ".join(codes) for name, codes in RULES.clinical_codes.long_term_conditions.items()} == CONDITIONS
    assert len(CONDITIONS) == 24


AMBULATORY = [
    ("chronic hepatitis B", "B180 B181", "", "D57", ""),
    ("asthma", "J45 J46X", "", "", ""),
    ("heart failure", "I50 I110 J81X I130", "", "", "K0 K1 K2 K3 K4 K50 K52 K55 K56 K57 K60 K61 K66 K67 K68 K69 K71 K73 K74"),
    ("diabetes", "E10 E11 E12 E13 E14", "", "", ""),
    ("chronic obstructive pulmonary disease", "J41 J43 J44 J42X J47X", "", "", ""),
    ("chronic obstructive pulmonary disease", "J20", "J41 J42 J43 J44 J47", "", ""),
    ("angina and coronary heart disease", "I20 I25", "", "", "A B C D E F G H I J K L M N O P Q R S T V W X0 X1 X2 X4 X5"),
    ("anaemia", "D51 D52 D501 D508 D509", "", "", ""),
    ("hypertension", "I10X I119", "", "", "K0 K1 K2 K3 K4 K50 K52 K55 K56 K57 K60 K61 K66 K67 K68 K69 K71 K73 K74"),
    ("atrial fibrillation", "I48", "", "", ""),
    ("epilepsy", "G40 G41", "", "", ""),
    ("dementia", "F00 F01 F02 F03", "", "", ""),
]


def test_a_condition_is_sensitive_to_ambulatory_care_by_its_diagnoses_and_procedures() -> None:
    found = [(rule.condition, *(" ".join(codes) for codes in (rule.primary, rule.with_, rule.without, rule.without_procedure))) for rule in RULES.ambulatory]
    assert found == AMBULATORY


# --- numbers of people --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "live", "synthetic"),
    [
        # the first and the last number of each range with a valid check digit
        ("0000000019", "number_never_issued", "number_never_issued"),
        ("0099999994", "number_never_issued", "number_never_issued"),
        ("0100000002", "number_other_nation", "number_other_nation"),
        ("3112999991", "number_other_nation", "number_other_nation"),
        ("3113000009", "number_never_issued", "number_never_issued"),
        ("3199999999", "number_never_issued", "number_never_issued"),
        ("3200000007", "number_other_nation", "number_other_nation"),
        ("3999999993", "number_other_nation", "number_other_nation"),
        ("4000000004", "sound", "number_live"),
        ("4999999994", "sound", "number_live"),
        ("5000000005", "number_never_issued", "number_never_issued"),
        ("5999999995", "number_never_issued", "number_never_issued"),
        ("6000000006", "sound", "number_live"),
        ("7999999997", "sound", "number_live"),
        ("8000000008", "number_never_issued", "number_never_issued"),
        ("8999999998", "number_never_issued", "number_never_issued"),
        ("9000000009", "number_never_issued", "sound"),
        ("9999999980", "number_never_issued", "sound"),
        # nine digits, eleven, and another check digit
        ("900000000", "number_format", "number_format"),
        ("90000000090", "number_format", "number_format"),
        ("9000000008", "number_check_digit", "number_check_digit"),
        ("9999999999", "number_repeated_digit", "number_repeated_digit"),
    ],
)
def test_a_number_is_of_its_range_up_to_its_ends(number: str, live: str, synthetic: str) -> None:
    frame = lazy(pl.DataFrame({"n": [number]}))
    given = frame.select(live=nhs_number.state(nw.col("n"), "live"), synthetic=nhs_number.state(nw.col("n"), "synthetic"))
    assert sorted_rows(given, "live", "synthetic") == [(live, synthetic)]


@pytest.mark.parametrize(
    ("extract", "column", "value", "broken"),
    [
        ("gp_events", "event_date", "1899-12-31", True),
        ("gp_events", "event_date", "1900-01-01", False),
        ("gp_events", "code", "H33..", False),
        ("gp_events", "code", "H33.", True),
        ("gp_events", "code", "H33...", True),
        ("hospital_admissions", "episode_number", "0", True),
        ("hospital_admissions", "episode_number", "1", False),
        ("hospital_admissions", "episode_number", "87", False),
        ("hospital_admissions", "episode_number", "88", True),
        ("hospital_admissions", "primary_procedure_opcs", "W37", False),
        ("hospital_admissions", "primary_procedure_opcs", "W371", False),
        ("hospital_admissions", "primary_procedure_opcs", "W3711", True),
        ("hospital_admissions", "primary_procedure_opcs", "W3", True),
        ("hospital_admissions", "primary_diagnosis_icd", "J46", False),
        ("hospital_admissions", "primary_diagnosis_icd", "J46XA", False),
        ("hospital_admissions", "primary_diagnosis_icd", "J46XAA", True),
        ("hospital_admissions", "primary_diagnosis_icd", "J4", True),
        ("emergency_care", "arrival_time", "00:00", False),
        ("emergency_care", "arrival_time", "19:59", False),
        ("emergency_care", "arrival_time", "23:59", False),
        ("emergency_care", "arrival_time", "24:00", True),
        ("emergency_care", "arrival_time", "12:60", True),
        ("adult_social_care", "la_code", "12", True),
        ("adult_social_care", "la_code", "123", False),
        ("adult_social_care", "la_code", "1234", True),
        ("adult_social_care", "la_code", "E0600004", True),
        ("adult_social_care", "la_code", "E06000045", False),
        ("adult_social_care", "la_code", "E060000450", True),
        ("adult_social_care", "unit_cost", "-0.01", True),
        ("adult_social_care", "unit_cost", "0", False),
        ("gp_registrations", "practice_code", "J8290", True),
        ("gp_registrations", "practice_code", "J82901", False),
        ("gp_registrations", "practice_code", "J829011", True),
        ("hospital_admissions", "organisation_code_code_of_provider", "RH", True),
        ("hospital_admissions", "organisation_code_code_of_provider", "RHM", False),
        ("hospital_admissions", "organisation_code_code_of_provider", "RHM123456", False),
        ("hospital_admissions", "organisation_code_code_of_provider", "RHM1234567", True),
    ],
)
def test_a_column_refuses_a_value_just_outside_its_rule(extract: str, column: str, value: str, broken: bool) -> None:
    declared: Table = EXTRACTS[extract]
    row = lazy(pl.DataFrame([dict.fromkeys(declared.names) | {column: value}], schema=dict.fromkeys(declared.names, pl.String)))
    found = collect(row.select(failures=row_rules.failure_bits(declared, [column])))["failures"].item()
    assert bool(list(row_rules.broken_rules(declared, found))) is broken


# --- disclosure ---------------------------------------------------------------------------------------------------------------


def shown(rule: SmallCountRule, *numbers: int) -> list[int | None]:
    """The counts as the rule shows them, None where it does not."""
    return [None if rule.is_primary_suppressed(number) else rule.round_count(number) for number in numbers]


@pytest.mark.parametrize(
    ("profile", "counted", "practice", "below"),
    [
        (
            "hes7r5",
            (0, 1, 7, 8, 10, 11, 12, 13, 14, 15),
            [0, None, None, 10, 10, 10, 10, 15, 15, 15],  # to the nearest 5 from 8 on
            [0, None, None, None, None, 10, 10, 10, 10, 20],  # to the nearest 10 from 11 on, a half up
        ),
        (
            "opensafely_mid6",
            (0, 1, 6, 7, 12, 13, 24, 25),
            [0, 3, 3, 9, 9, 15, 21, 27],  # the middle of 1 to 6, 7 to 12, 13 to 18, 19 to 24, 25 to 30
            [0, 6, 6, 6, 6, 18, 18, 30],  # the middle of 1 to 12, 13 to 24, 25 to 36
        ),
        (
            "acro10",
            (0, 1, 9, 10, 12, 13, 14, 15, 24, 25),
            [None, None, None, 10, 10, 15, 15, 15, 25, 25],  # to the nearest 5 from 10 on
            [None, None, None, None, None, None, None, 20, 20, 30],  # to the nearest 10 from 15 on
        ),
    ],
)
def test_a_count_is_hidden_up_to_its_threshold_and_rounded_beyond(
    profile: str, counted: tuple[int, ...], practice: list[int | None], below: list[int | None]
) -> None:
    disclosure = Rulebook.build(AS_AT, profile).disclosure
    assert shown(disclosure.rule, *counted) == practice
    assert shown(disclosure.below_practice, *counted) == below
    assert disclosure.rule_for("practice", "all") == disclosure.rule
    assert disclosure.rule_for("practice", "sex") == disclosure.rule_for("street", "all") == disclosure.below_practice


@pytest.mark.parametrize(("threshold", "base", "refused"), [(0, 1, False), (-1, 1, True), (0, 0, True), (7, 5, False)])
def test_a_rule_of_disclosure_has_a_base_of_1_and_a_threshold_of_0_at_least(threshold: int, base: int, refused: bool) -> None:
    entry = {"threshold": threshold, "base": base, "zero": "shown", "small_counts": "suppressed", "rounding": "nearest"}
    with refusing(refused, "the base must be 1 or more and the threshold 0 or more"):
        SmallCountRule.build("x", entry)


@pytest.mark.parametrize(("threshold", "refused"), [(11, True), (12, False), (13, True)])
def test_a_threshold_of_midpoints_is_a_multiple_of_its_base(threshold: int, refused: bool) -> None:
    entry = {"threshold": threshold, "base": 6, "zero": "shown", "small_counts": "rounded", "rounding": "midpoint"}
    with refusing(refused, "must be a multiple of its base"):
        SmallCountRule.build("x", entry)


# --- sharing and retention ----------------------------------------------------------------------------------------------------

CHECK: NationalCheck = SharingRules.build(date(2026, 1, 1)).national_check


def test_an_answer_of_the_national_service_may_be_used_for_21_days() -> None:
    assert last_day_of_use(date(2014, 9, 9), CHECK) == date(2014, 9, 30)
    assert last_day_of_use(date(2016, 2, 9), CHECK) == date(2016, 3, 1)  # 9 + 21 = 30, and this February has 29 days
    assert (CHECK.days, CHECK.most_percent, CHECK.smallest) == (21, 25, 100)
    assert (CHECK.workflow, CHECK.recipient) == ("SPINE_NTT_UPHOLDING", "X26HC036")


ZONES = ("landing", "pseudonymised", "published", "registers", "bridges", "reidentified")
STATED = [(zone, unit) for zone in ZONES for unit in ("days", "runs") if unit == "days" or zone in ("pseudonymised", "published", "registers")]


@pytest.mark.parametrize(("zone", "unit"), STATED)
@pytest.mark.parametrize(("number", "refused"), [(-1, True), (0, True), (1, False), (36_500, False), (36_501, True)])
def test_a_zone_is_kept_for_1_to_36500_days_or_runs(zone: str, unit: str, number: int, refused: bool) -> None:
    with refusing(refused, f"{zone} must be from 1 to 36,500"):
        assert parse_retention(Path("locality.toml"), {zone: {unit: number}}) == Retention(**{zone: RetentionPeriod(**{unit: number})})
    assert MAX_KEPT == 36_500


@pytest.mark.parametrize("zone", ["landing", "bridges", "reidentified"])
def test_zones_without_runs_are_kept_by_days_only(zone: str) -> None:
    with pytest.raises(UsageError, match=f"{zone} needs days, one number"):
        parse_retention(Path("locality.toml"), {zone: {"runs": 1}})


@pytest.mark.parametrize("zone", ["pseudonymised", "published", "registers"])
def test_one_number_says_how_long_a_zone_is_kept(zone: str) -> None:
    for stated in ({}, {"days": 1, "runs": 1}):
        with pytest.raises(UsageError, match=f"{zone} needs days or runs, one number"):
            parse_retention(Path("locality.toml"), {zone: stated})


@pytest.mark.parametrize(("seconds", "goes"), [(-1, False), (0, False), (1, True)])
def test_a_publication_is_removed_when_older_than_its_days(seconds: int, goes: bool, tmp_path: Path) -> None:
    """Published at noon on 1 September and kept for ten days, it stays through noon of 11 September."""
    run = "2014-08-31-aaaaaaaaaa"
    (tmp_path / "published" / run).mkdir(parents=True)
    history = History({run: datetime(2014, 9, 1, 12, tzinfo=UTC)}, {})
    now = datetime.fromtimestamp(datetime(2014, 9, 11, 12, tzinfo=UTC).timestamp() + seconds, UTC)
    removals = list(find_due_removals(Workspace(tmp_path), Retention(published=RetentionPeriod(days=10)), history, now))
    assert [removal.path.name for removal in removals] == ([run] if goes else [])


# --- linkage ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "percent", "light"),
    [
        ("match_rate", 95.0, "green"),
        ("match_rate", 94.99, "amber"),
        ("match_rate", 90.0, "amber"),
        ("match_rate", 89.99, "red"),
        ("precision", 99.9, "green"),
        ("precision", 99.89, "amber"),
        ("precision", 99.5, "amber"),
        ("precision", 99.49, "red"),
        ("recall", 99.75, "green"),
        ("recall", 99.74, "amber"),
        ("recall", 99.0, "amber"),
        ("recall", 98.99, "red"),
        ("recall", None, "not known"),
    ],
)
def test_a_figure_is_green_or_amber_from_its_threshold_on(code: str, percent: float | None, light: str) -> None:
    assert RULES.linkage.threshold(code).light(percent) == light


def test_the_limits_of_the_linkage_report_are_those_of_their_sources() -> None:
    limits, validation = RULES.linkage.limits, RULES.linkage.validation
    assert (limits.days_after_death, limits.difference, limits.least_in_pattern, limits.oldest, limits.long_stay) == (28, 10, 10, 120, 28)
    assert (validation.holdout_sample, validation.clerical_sample) == (1_000, 60)
    assert NationalTrace.build(AS_AT).least_confidence == 50


WEIGHTS = [
    ("number", None, "agrees mistyped differs", ((0.99, 5e-05), (0.001, 1e-06), (0.1, 1.0))),
    (
        "given_name",
        0.001,
        "agrees nickname swapped close initial alike differs",
        ((0.8, 0.005), (0.06, 0.005), (0.01, 1e-05), (0.08, 0.004), (0.01, 0.01), (0.03, 0.02), (0.06, 0.95)),
    ),
    (
        "family_name",
        0.0001,
        "agrees part swapped close alike differs",
        ((0.85, 0.0005), (0.02, 0.0005), (0.01, 0.01), (0.07, 0.002), (0.02, 0.01), (0.08, 0.98)),
    ),
    (
        "birth_date",
        3e-05,
        "agrees swapped close partial year vague differs",
        ((0.93, 3e-05), (0.005, 1e-05), (0.01, 0.001), (0.01, 0.004), (0.12, 0.0125), (0.1, 1.0), (0.01, 0.99)),
    ),
    ("sex", None, "agrees differs", ((0.99, 0.5), (0.01, 0.5))),
    ("postcode", 0.0002, "agrees close sector outcode differs", ((0.8, 0.0005), (0.06, 0.003), (0.03, 0.01), (0.06, 0.1), (0.25, 0.85))),
    ("address", 5e-05, "agrees close street neighbour differs", ((0.6, 5e-05), (0.15, 0.0003), (0.08, 0.002), (0.08, 0.5), (0.25, 0.98))),
]


def test_the_trace_has_the_declared_weights_and_guards() -> None:
    found = TraceRules.build(AS_AT)
    accepted = found.acceptance
    assert (accepted.threshold, accepted.margin, accepted.plausible, accepted.fewest_fields, accepted.fewest_personal) == (3.5, 5.0, 0.0, 3, 2)
    assert (found.smoothing, found.blocking.largest_block, found.blocking.most_pairs) == (1_000, 500, 1_000_000)
    guards = found.guards
    assert (guards.communal_postcode, guards.communal_address, guards.households, guards.fewest_homes) == (100, 10, 0.002, 100)
    found_levels = [
        (each.field, each.rarest, " ".join(level.level for level in each.levels), tuple((level.m, level.u) for level in each.levels))
        for each in found.comparisons
    ]
    assert found_levels == WEIGHTS
