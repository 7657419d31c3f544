"""Headers: every spelling of a declared column is matched, and a line that may be a person's row is never quoted."""

from __future__ import annotations

import pytest

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.identifiable.header import declared_names

TABLE = EXTRACTS["gp_events"]
NAMES = list(TABLE.names)


def changed(**names: str) -> list[str]:
    return [names.get(name, name) for name in NAMES]


@pytest.mark.parametrize("spelling", ["nhs_number", "NHSNumber", "NHS NUMBER", "NHS-Number", " Nhs_Number ", "nhsnumber", "NHS.Number"])
def test_a_column_is_matched_in_any_spelling(spelling: str) -> None:
    assert declared_names(TABLE, changed(nhs_number=spelling), "x.csv") == TABLE.names


def test_columns_may_be_in_any_order() -> None:
    assert declared_names(TABLE, NAMES[::-1], "x.csv") == tuple(NAMES[::-1])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (NAMES[:-1], "x.csv: the header lacks column value;"),
        (NAMES[:-2], "lacks columns consultation_mode, value;"),
        ([*NAMES, "shoe_size"], "has the unknown column shoe_size;"),
        (changed(value="amount"), "lacks column value; has the unknown column amount;"),
        ([*NAMES, "NHSNumber"], "repeats column nhs_number;"),
        ([*NAMES, ""], "has the unknown column (blank);"),
        ([*NAMES, "a\x1b[31mb"], "has the unknown column a?[31mb;".replace("[31m", "?31m")),
    ],
)
def test_an_error_names_the_faulty_columns(fields: list[str], words: str) -> None:
    with pytest.raises(UsageError) as refusal:
        declared_names(TABLE, fields, "x.csv")
    assert words in str(refusal.value)
    assert "`bcf schema gp_events`" in str(refusal.value)


def test_a_row_instead_of_a_header_is_not_quoted() -> None:
    row = ["0000000001", "P54", "9434765919", "1989-11-03", "J82014", "2013-04-23", "medication", "bnf", "0601A", "surgery", "1"]
    with pytest.raises(UsageError) as refusal:
        declared_names(TABLE, row, "x.csv")
    assert str(refusal.value) == "x.csv: the first line is no header of gp_events: 0 of its 11 fields are a declared column; `bcf schema gp_events` lists them"
