"""Great Expectations and the row rules interpret one declaration independently, and count the same failures on the same rows."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import narwhals as nw
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Between, CheckDigit, Column, Matches, NotBefore, OneOf, Required, Table, Type, Typed
from bcf_linkage.identifiable.row_rules import breaks_rule, tidy_values
from expectations.delivery_rules import Unique
from expectations.rule_results import RuleResult, check_rows

BLANKS = (None, "", " ", "\t", " \u00a0 ", "\u3000")
DATES = """
    2014-02-30 2014-2-3 30/09/2014 2014-09-30 2014-09-29 2012-02-29 1900-02-29 2000-02-29 2100-02-29 1899-12-31 1900-01-01 0001-01-01
    0000-01-01 9999-12-31 10000-01-01 20140930 2014-W40-2 2014-09-30T00:00:00 2014-13-01 2014-00-10 2014-01-00 -014-01-01 ２０１４-09-30
    2014-09-3０ 1582-10-10 2014-09-30Z
"""
NUMBERS = "0 1 87 88 -1 +5 -0 00012 1.5 .5 5. . + - 1e3 1,000 ٣ ０ NaN inf 0x10 1_000 -.5 87.0 99999999999999999999"
NHS_NUMBERS = """
    9990000018 999-000-0018 9999999999 0000000000 999000001 99900000181 9990000019 ٩٩٩٠٠٠٠٠١٨ 999000001X
    99９0000018 9876543210
"""
ODDS = """
    x Z00001 z00001 SO140AA so140aa S0140AA 12:30 24:00 C10.. J46X \u00e9 null N/A \u200b a,b " true false True M
"""
SPACED = ("SO14 0AA", "so14 0aa", "999 000 0018", " 9990000018 ", "9990000018\t", "two\nlines", "\x1c", "9" * 320, "-" + "9" * 320)
ODD = (*DATES.split(), *NUMBERS.split(), *NHS_NUMBERS.split(), *ODDS.split(), *SPACED, *BLANKS)


def random_value(column: Column, random: Random) -> str | None:
    """Return a value of a column as a supplier may write it: usually right, else nearly right, or wrong in one of many ways."""
    fitting: list[str] = list(column.codes.codes)[:8] if column.codes else []
    if column.type is Type.DATE:
        fitting += [str(date(2014, 1, 1) + timedelta(days=n)) for n in range(4)]
    if any(isinstance(rule, CheckDigit) for rule in column.constraints):
        fitting += ["9990000018", "999 000 0018", "9990000026"]
    near = [change(code) for code in fitting for change in (str.lower, " {}\t".format)]
    return random.choice(random.choice([pool for pool in (fitting, fitting, near, ODD) if pool]))


def random_table(table: Table, rows: int, random: Random) -> pl.DataFrame:
    return pl.DataFrame(
        {column.name: [random_value(column, random) for _ in range(rows)] for column in table.columns}, schema=dict.fromkeys(table.names, pl.String)
    )


def row_rules(table: Table, text: pl.DataFrame) -> list[RuleResult]:
    rules = list(table.rules)
    broken = (breaks_rule(column, rule).cast(nw.Int64).sum().alias(str(n)) for n, (column, rule) in enumerate(rules))
    sums = nw.from_native(text.lazy()).pipe(tidy_values, table).select(*broken).collect().rows()[0]
    return [RuleResult(table.name, column.name, rule.rule, text.height, failed or 0) for (column, rule), failed in zip(rules, sums, strict=True)]


def repeated_keys(table: Table, text: pl.DataFrame) -> list[RuleResult]:
    """Return the number of rows beyond the first of each key, counted row by row."""
    keys = [tuple((value or "").strip(" \t\n\u00a0\u3000") for value in row) for row in text.select(table.key).iter_rows()]
    whole = [key for key in keys if all(key)]
    return [RuleResult(table.name, "+".join(table.key), "unique", text.height, len(whole) - len(set(whole)))]


@pytest.mark.parametrize("table", EXTRACTS.values(), ids=lambda table: table.name)
@settings(max_examples=3, deadline=None, phases=[Phase.generate], database=None)
@given(rows=st.integers(0, 400), random=st.randoms(use_true_random=False))
def test_the_two_readers_count_the_same(table: Table, rows: int, random: Random) -> None:
    text = random_table(table, rows, random)
    assert list(check_rows(table, text.lazy())) == row_rules(table, text) + repeated_keys(table, text)


SMALL = Table(
    "small",
    "one odd value",
    "made up",
    (
        Column("day", Type.DATE, "", "", (Required(), Between(low="1900-01-01", high="2014-09-30"), NotBefore(other="other_day"))),
        Column("other_day", Type.DATE, "", ""),
        Column("whole", Type.INTEGER, "", "", (Between(low=1, high=87),)),
        Column("number", Type.DECIMAL, "", "", (Between(low=-0.5),)),
        Column("most", Type.DECIMAL, "", "", (Between(high=1.5),)),
        Column("truth", Type.BOOLEAN, "", ""),
        Column("postcode", Type.TEXT, "", "", EXTRACTS["outpatients"]["postcode"].constraints),
        Column("code", Type.TEXT, "", "", EXTRACTS["gp_events"]["code"].constraints),
        Column("nhs_number", Type.TEXT, "", "", (CheckDigit(),)),
        Column("sex", Type.TEXT, "", "", EXTRACTS["outpatients"]["sex"].constraints),
    ),
)


def test_the_two_readers_agree_on_every_odd_value() -> None:
    """The nth value is in n rows, so that a value refused by only one reader cannot offset one refused by only the other."""
    values = [value for n, value in enumerate(dict.fromkeys(ODD), 1) for _ in range(n)]
    text = pl.DataFrame(dict.fromkeys(SMALL.names, values), schema=dict.fromkeys(SMALL.names, pl.String)).with_columns(other_day=pl.lit("2014-09-01"))
    results = row_rules(SMALL, text)
    assert list(check_rows(SMALL, text.lazy())) == results
    assert all(0 < result.failed < result.rows for result in results if result.column != "other_day")


def test_every_kind_of_constraint_is_compared() -> None:
    kinds = {type(rule) for table in (*EXTRACTS.values(), SMALL) for _, rule in table.rules}
    assert kinds == {Required, Typed, OneOf, Matches, Between, NotBefore, CheckDigit}
    assert Unique not in kinds
