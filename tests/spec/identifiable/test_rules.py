"""The row rules, as a table of values for each kind of constraint."""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.code_lists import CodeList
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import (
    Between,
    CheckDigit,
    Column,
    Consequence,
    Constraint,
    Matches,
    NotBefore,
    OneOf,
    Required,
    Table,
    Type,
    Typed,
)
from bcf_linkage.identifiable import row_rules

CODES = CodeList("colours", (("R", "red"), ("g", "green")), "nobody")


def one_column_table(kind: Type, *constraints: Constraint, on_mistype: Consequence = Consequence.REFUSE_ROW) -> Table:
    other = Column("other", kind, "Another", "nobody", on_type_error=Consequence.COUNT_ONLY)
    return Table("things", "one thing", "nobody", (Column("value", kind, "A value", "nobody", constraints, on_type_error=on_mistype), other))


def with_failures(table: Table, values: list[str | None], other: str | None = None) -> nw.LazyFrame:
    text = pl.LazyFrame({"value": pl.Series(values, dtype=pl.String)}).with_columns(other=pl.lit(other, dtype=pl.String))
    return row_rules.tidy_values(nw.from_native(text), table).with_columns(failures=row_rules.failure_bits(table, table.names))


def breaks(table: Table, rule: str, value: str | None, other: str | None = None) -> bool:
    failures = with_failures(table, [value], other).to_native().collect()["failures"].item()
    return ("value", rule) in {(column.name, constraint.rule) for column, constraint in row_rules.broken_rules(table, failures)}


@pytest.mark.parametrize(
    ("constraint", "kind", "keeping", "breaking"),
    [
        (Required(), Type.TEXT, ["x", " x ", "0", "-"], [None, "", " ", "\t", "\u00a0"]),
        (
            Typed(type=Type.DATE),
            Type.DATE,
            ["2014-09-30", " 2014-09-30 ", "2012-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "", None],
            [
                "2014-9-30",
                "2014-02-30",
                "2013-02-29",
                "1900-02-29",
                "2014-13-01",
                "2014-00-10",
                "2014-04-31",
                "0000-01-01",
                "30/09/2014",
                "20140930",
                "2014-09-30T00:00:00",
                "x",
            ],
        ),
        (Typed(type=Type.INTEGER), Type.INTEGER, ["0", "-1", "+12", "007", "9" * 30, " 1 ", ""], ["1.0", "1e3", "--1", "+", "one", "1 2", "1,000", "١"]),
        (Typed(type=Type.DECIMAL), Type.DECIMAL, ["0", "-1.5", "+.5", "5.", ".25", ""], [".", "-", "1e3", "1.2.3", "inf", "nan", "1,5", "£1"]),
        (Typed(type=Type.BOOLEAN), Type.BOOLEAN, ["true", "false", ""], ["True", "Y", "1"]),
        (OneOf(codes=CODES), Type.TEXT, ["R", "g", " R ", "", None], ["r", "G", "RR", "red"]),
        (Matches(pattern="[A-Z]{2}|x", meaning="two capitals"), Type.TEXT, ["AB", "x", ""], ["ABC", "ab", "xx", "A", "AB x"]),
        (Between(low="2014-01-01", high="2014-12-31"), Type.DATE, ["2014-01-01", "2014-12-31", "2014-02-31", "1/1/1999", ""], ["2013-12-31", "2015-01-01"]),
        (Between(low="2014-01-01"), Type.DATE, ["2014-01-01", "9999-12-31"], ["2013-12-31"]),
        (Between(low=1, high=87), Type.INTEGER, ["1", "87", "+9", "x", "1.5", ""], ["0", "88", "-1", "9" * 30]),
        (Between(low=0), Type.DECIMAL, ["0", "0.0", "1.5", "x"], ["-0.01"]),
        (
            CheckDigit(),
            Type.TEXT,
            ["9434765919", "943 476 5919", "", None],
            ["9434765918", "943-476-5919", "943476591", "9999999999", "0000000000", "94347659I9"],
        ),
    ],
)
def test_a_rule_separates_values_that_keep_it_from_values_that_break_it(
    constraint: Constraint, kind: Type, keeping: list[str | None], breaking: list[str | None]
) -> None:
    table = one_column_table(kind, *(() if isinstance(constraint, Typed) else (constraint,)))
    assert [value for value in keeping if breaks(table, constraint.rule, value)] == []
    assert [value for value in breaking if not breaks(table, constraint.rule, value)] == []


@pytest.mark.parametrize(
    ("value", "other", "broken"),
    [
        ("2014-01-02", "2014-01-01", False),
        ("2014-01-01", "2014-01-01", False),
        ("2013-12-31", "2014-01-01", True),
        ("2013-12-32", "2014-01-01", False),
        ("2013-12-31", "01/01/2014", False),
        ("", "2014-01-01", False),
        ("2013-12-31", "", False),
    ],
)
def test_two_dates_are_compared_only_if_both_are_real(value: str, other: str, broken: bool) -> None:
    assert breaks(one_column_table(Type.DATE, NotBefore(other="other")), "not_before", value, other) is broken


def test_the_first_refusing_rule_in_declared_order_is_the_reason() -> None:
    table = EXTRACTS["gp_events"]
    row = dict.fromkeys(table.names, "x")
    text = nw.from_native(pl.LazyFrame([{**row, "event_date": "1899-01-01", "event_type": ""}, {**row, "gp_patient_id": " ", "event_date": "31/12/2013"}, row]))
    failures = row_rules.tidy_values(text, table).select(failures=row_rules.failure_bits(table, table.names)).to_native().collect()["failures"].to_list()
    assert [row_rules.refusal_reason(table, f) for f in failures] == ["event_date: between", "gp_patient_id: required", "event_date: typed"]


def test_a_rule_that_only_counts_or_blanks_refuses_no_row() -> None:
    table = one_column_table(
        Type.TEXT, Matches(pattern="x", meaning="x", consequence=Consequence.COUNT_ONLY), OneOf(codes=CODES, consequence=Consequence.BLANK_VALUE)
    )
    failures = with_failures(table, ["y"]).to_native().collect()["failures"].item()
    assert failures != 0
    assert row_rules.refusal_reason(table, failures) is None


def test_counts_are_of_all_rows_and_every_rule() -> None:
    table = one_column_table(Type.DATE, Required(), Between(low="2014-01-01"))
    failures = with_failures(table, ["", "2013-01-01", "x", "2014-01-01", "2013-01-01"]).to_native().collect()["failures"].to_list()
    counts = row_rules.tally_rule_failures(table, {f: failures.count(f) for f in failures})
    assert [tuple(count) for count in counts] == [
        ("value", "required", 5, 1),
        ("value", "typed", 5, 1),
        ("value", "between", 5, 2),
        ("other", "typed", 5, 0),
    ]


@pytest.mark.parametrize(
    ("kind", "constraints", "on_mistype", "values", "kept"),
    [
        (Type.DATE, (), Consequence.BLANK_VALUE, [" 2014-09-30", "30/09/2014", ""], [date(2014, 9, 30), None, None]),
        (
            Type.DATE,
            (Between(low="2014-01-01", consequence=Consequence.BLANK_VALUE),),
            Consequence.REFUSE_ROW,
            ["2013-01-01", "2014-01-01"],
            [None, date(2014, 1, 1)],
        ),
        (Type.DATE, (Between(low="2014-01-01", consequence=Consequence.COUNT_ONLY),), Consequence.REFUSE_ROW, ["2013-01-01"], [date(2013, 1, 1)]),
        (Type.INTEGER, (), Consequence.BLANK_VALUE, ["+7", "007", "1.0", "9" * 30, ""], [7, 7, None, None, None]),
        (Type.DECIMAL, (), Consequence.BLANK_VALUE, ["1.50", "5.", ".5", "-2", "x", ""], [1.5, 5.0, 0.5, -2.0, None, None]),
        (Type.BOOLEAN, (), Consequence.BLANK_VALUE, ["true", "false", "x", ""], [True, False, None, None]),
        (Type.TEXT, (OneOf(codes=CODES, consequence=Consequence.BLANK_VALUE),), Consequence.REFUSE_ROW, [" R ", "x", ""], ["R", None, None]),
    ],
)
def test_a_value_is_converted_to_its_type_and_blanked_where_a_rule_says_so(
    kind: Type, constraints: tuple[Constraint, ...], on_mistype: Consequence, values: list[str | None], kept: list[object]
) -> None:
    table = one_column_table(kind, *constraints, on_mistype=on_mistype)
    assert with_failures(table, values).select(row_rules.typed_value(table, "value")).to_native().collect()["value"].to_list() == kept


def test_every_declared_rule_has_its_function() -> None:
    for table in EXTRACTS.values():
        text = nw.from_native(pl.LazyFrame(schema=dict.fromkeys(table.names, pl.String)))
        assert text.select(row_rules.failure_bits(table, table.names)).to_native().collect().is_empty()


def test_more_rules_than_fit_into_one_number_are_refused() -> None:
    columns = tuple(Column(f"c{n}", Type.TEXT, "A value", "nobody", (Required(),)) for n in range(63))
    with pytest.raises(ValueError, match="63 rules"):
        row_rules.failure_bits(Table("wide", "one thing", "nobody", columns), ["c0"])
