"""Faults of a delivery as a whole, such as another date format, which row by row would look like thousands of faults.

An error names the file, the column, counts and the position of the first row. It never quotes a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import narwhals as nw

from bcf_linkage.definitions.errors import DataQualityError
from bcf_linkage.definitions.periods import window_to
from bcf_linkage.definitions.schema import Table, Type
from bcf_linkage.identifiable import row_rules
from bcf_linkage.identifiable.period import FRESH_MONTHS

DATE_SHAPES = {
    "99/99/9999": "DD/MM/YYYY",
    "9/9/9999": "D/M/YYYY",
    "9/99/9999": "D/MM/YYYY",
    "99/9/9999": "DD/M/YYYY",
    "99/99/99": "DD/MM/YY",
    "99-99-9999": "DD-MM-YYYY",
    "99.99.9999": "DD.MM.YYYY",
    "99-aaa-9999": "DD-MON-YYYY",
    "99-aaa-99": "DD-MON-YY",
    "99aaa9999": "DDMONYYYY",
    "99 aaa 9999": "DD MON YYYY",
    "9999/99/99": "YYYY/MM/DD",
    "99999999": "YYYYMMDD",
    "99999": "a spreadsheet's day numbers",
    "9999-99-99 99:99": "YYYY-MM-DD with a time of day",
    "9999-99-99 99:99:99": "YYYY-MM-DD with a time of day",
    "9999-99-99a99:99:99": "YYYY-MM-DD with a time of day",
}
"""The shape of a date in each other format: every digit written as 9 and every letter as a."""

MIN_ROWS = 50
"""Rows from which on an extract without a recent event is refused. With fewer rows there may be none by chance. [D]"""


def suspect_date_columns(table: Table, counts: Iterable[row_rules.RuleCount]) -> tuple[str, ...]:
    """Return the date columns in which more than half of the filled values are no date, so that another format is likely."""
    failed = {(count.column, count.rule): count for count in counts}
    suspect = []
    for column in table.columns:
        if column.type is Type.DATE and (typed := failed[column.name, "typed"]).failed:
            blank = failed.get((column.name, "required"))
            if blank is None or 2 * typed.failed > typed.rows - blank.failed:
                suspect.append(column.name)
    return tuple(suspect)


def build_date_shapes(rows: nw.LazyFrame, column: str) -> nw.LazyFrame:
    """Count the shapes of a date column: tidied rows -> one row per `file` and `shape`, with `rows` and `first_row`.

    A shape has 9 for each digit and a for each letter. It is null for real dates.
    """
    value = nw.col(column)
    shape = nw.when(~row_rules.is_written_as(value, Type.DATE)).then(value.str.replace_all("[0-9]", "9").str.replace_all("[A-Za-z]", "a"))
    return rows.filter(~value.is_null()).with_columns(shape=shape).group_by("file", "shape").agg(rows=nw.len(), first_row=nw.col("row").min())


def refuse_wrong_date_format(path: str, column: str, shape: str | None, first_row: int, rows: int, filled: int) -> None:
    """Check one column of one file. Raises DataQualityError if more than half of the filled values have the shape of one other date format."""
    if (date_format := DATE_SHAPES.get(shape or "")) and 2 * rows > filled:
        raise DataQualityError(
            f"{path}: column {column} holds dates written {date_format}, {rows:,} of {filled:,}, the first in row {first_row:,}; "
            "write them YYYY-MM-DD, such as 2014-09-30"
        )


def refuse_wrong_period(path: str, table: Table, as_at: date, outside: int, rows: int) -> None:
    """Check the period of one file. Raises DataQualityError if more than half of its usable rows are outside the period."""
    if 2 * outside > rows:
        raise DataQualityError(
            f"{path}: is for another period: {outside:,} of its {rows:,} usable rows are outside {window_to(as_at).start} to {as_at} "
            f"by {table.event_date}; deliver that period, or run for the month end of this delivery"
        )


def refuse_stale_delivery(path: str, table: Table, as_at: date, fresh: int, rows: int) -> None:
    """Check that a file is recent. Raises DataQualityError if an extract of events has none in the `FRESH_MONTHS` months to the as-at date."""
    if table.event_date and rows >= MIN_ROWS and not fresh:
        raise DataQualityError(
            f"{path}: is for another period: none of its {rows:,} usable rows has its {table.event_date} in the {FRESH_MONTHS} months to {as_at}; "
            "deliver the newest extract, or run for the month end of this delivery"
        )
