"""Codes and numbers as people and spreadsheets write them are read as what they stand for, and nothing else is changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.code_lists import code_list, code_synonyms
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable.parse import open_deliveries
from bcf_linkage.identifiable.parse.written_forms import (
    standardise_codes,
    standardise_icd_10,
    standardise_nhs_numbers,
    standardise_opcs_4,
    standardise_read_codes,
    standardise_times,
)
from expectations.rule_results import check_rows
from pipelines.receive.reading import readable_text
from tests.delivery_builder import sound_rows, write_delivery


def read(standardise: Callable[[pl.Series], pl.Series], text: str | None) -> str | None:
    value: str | None = standardise(pl.Series([text], dtype=pl.String)).item()
    return value


@pytest.mark.parametrize(
    "written",
    [
        "9990000018",
        "999 000 0018",
        "999-000-0018",
        "999\u00a0000\u00a00018",
        "999\u2009000\u20090018",
        "999\u202f000\u202f0018",
        "999\t000\t0018",
        "9990000018\u200b",
        "\ufeff9990000018",
        "999\u2013000\u20130018",
        "999\u2011000\u20110018",
        "999\u2212000\u22120018",
        "'9990000018",
        '="9990000018"',
        "9990000018.0",
        "9990000018.00",
    ],
)
def test_an_nhs_number_is_read_however_it_is_spaced_or_wrapped(written: str) -> None:
    assert read(standardise_nhs_numbers, written) == "9990000018"


@pytest.mark.parametrize("written", ["9.99E+09", "9.990000018E+09", "999000001", "99900000180", "999000001X", "999.000.0018", "9990000018.5", "", None])
def test_what_does_not_come_to_ten_digits_stays_as_it_is(written: str | None) -> None:
    assert read(standardise_nhs_numbers, written) == written


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("K509", "K509"),
        ("K50.9", "K509"),
        ("k50.9", "K509"),
        ("K509-", "K509"),
        ("K509-D", "K509"),
        ("K509-A", "K509"),
        ("J46X-", "J46X"),
        ("J46-", "J46"),
        ("J46--", "J46"),
        ("J46", "J46"),
        ("I10.X", "I10X"),
        ("E119†", "E119"),
        ("G30.9*", "G309"),
        ("A170+", "A170"),
        ("S7200", "S7200"),
        ("S72000", "S72000"),
        ("E1190D", "E1190"),
        ("E1190A", "E1190"),
        ("unknown", "unknown"),
        ("K5", "K5"),
        (None, None),
    ],
)
def test_icd_10_with_dot_hyphen_dagger_or_in_lower_case(written: str | None, code: str | None) -> None:
    assert read(standardise_icd_10, written) == code


@pytest.mark.parametrize(
    ("written", "code"), [("W371", "W371"), ("W37.1", "W371"), ("w37.1", "W371"), ("W37", "W37"), ("W37-", "W37"), ("?", "?"), (None, None)]
)
def test_opcs_4_with_dot_or_in_lower_case(written: str | None, code: str | None) -> None:
    assert read(standardise_opcs_4, written) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("H33..", "H33.."),
        ("H33", "H33.."),
        ("H33.", "H33.."),
        ("5135", "5135."),
        ("C10F.00", "C10F."),
        ("G58..00", "G58.."),
        ("XaBVJ", "XaBVJ"),
        ("XaBVJ11", "XaBVJ"),
        ("h33..", "h33.."),
        ("195967001", "195967001"),
        ("H3 3.", "H3 3."),
        (None, None),
    ],
)
def test_read_codes_of_three_to_seven_characters(written: str | None, code: str | None) -> None:
    """A SNOMED CT code is no Read code: it stays, and the rules count it."""
    assert read(standardise_read_codes, written) == code


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("10:45", "10:45"),
        ("10:45:00", "10:45"),
        ("10:45:59.123", "10:45"),
        ("9:05", "09:05"),
        ("1045", "10:45"),
        ("104500", "10:45"),
        ("23:59:59", "23:59"),
        ("24:00", "24:00"),
        ("10:60", "10:60"),
        ("10:45 pm", "10:45 pm"),
        (None, None),
    ],
)
def test_times_with_seconds_or_without_a_colon(written: str | None, time: str | None) -> None:
    assert read(standardise_times, written) == time


@pytest.mark.parametrize(
    ("name", "written", "code"),
    [
        ("cld_client_type", "SERVICE  user", "Service user"),
        ("cld_client_type", "Carer", "Unpaid carer"),
        ("cld_client_type", "Neighbour", "Neighbour"),
        ("cld_service_type", "Long Term Support: Residential Care", "Long term support: Residential care"),
        ("cld_service_component", "Domiciliary Care", "Home support or domiciliary care"),
        ("sex", "Male", "1"),
        ("sex", "f", "2"),
        ("sex", "1", "1"),
        ("department_type", "1", "01"),
        ("department_type", "01", "01"),
        ("department_type", "9", "9"),
        ("admission_method", "2a", "2A"),
        ("ethnic_category", "A1", "A"),
        ("ethnic_category", "AA", "A"),
        ("ethnic_category", "a", "A"),
        ("ethnic_category", "99", "99"),
        ("ethnic_category", "Q1", "Q1"),
        ("ethnic_category", None, None),
    ],
)
def test_codes_in_other_capitals_without_zeros_or_by_another_name(name: str, written: str | None, code: str | None) -> None:
    assert read(lambda texts: standardise_codes(texts, code_list(name)), written) == code


def test_every_synonym_stands_for_a_code_of_its_list_and_is_none_itself() -> None:
    for name in {codes.name for table in EXTRACTS.values() for column in table.columns if (codes := column.codes)}:
        codes = code_list(name)
        assert set(code_synonyms(name).values()) <= set(codes.codes)
        assert not set(code_synonyms(name)) & set(codes.codes)


def test_a_delivery_is_read_in_standard_forms_and_judged_so(tmp_path: Path) -> None:
    """The one place through which all of it passes: what `bcf check` and a run read."""
    table = EXTRACTS["hospital_admissions"]
    changed = {"primary_diagnosis_icd": "K50.9", "sex": "Male", "ethnic_group": "A1"}
    plain = {"primary_diagnosis_icd": "K509", "sex": "1", "ethnic_group": "A"}
    as_written = open_deliveries(table, [write_delivery(tmp_path / "written", table, sound_rows(table, 5, **changed))])
    as_declared = open_deliveries(table, [write_delivery(tmp_path / "declared", table, sound_rows(table, 5, **plain))])
    assert as_written[0].text.collect().equals(as_declared[0].text.collect())
    assert check_rows(table, readable_text(as_written)) == check_rows(table, readable_text(as_declared))
