"""What is wrong with a delivery as a whole, which row by row would look like thousands of faults.

Told are the file, the column, counts and the first row's position.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import narwhals as nw

from bcf_linkage.definitions.errors import DataRefused
from bcf_linkage.definitions.periods import window_to
from bcf_linkage.definitions.schema import Table, Type
from bcf_linkage.identifiable import rules
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
"""How dates of other formats look once every digit is a 9 and every letter an a."""

FEWEST_ROWS = 50
"""An extract of fewer rows may have nothing recent by chance."""


def dates_in_doubt(table: Table, counts: Iterable[rules.RuleCount]) -> tuple[str, ...]:
    """The date columns of which so many values are no date that they may be written in another format."""
    failed = {(count.column, count.rule): count for count in counts}
    in_doubt = []
    for column in table.columns:
        if column.type is Type.DATE and (typed := failed[column.name, "typed"]).failed:
            blank = failed.get((column.name, "required"))
            if blank is None or 2 * typed.failed > typed.rows - blank.failed:
                in_doubt.append(column.name)
    return tuple(in_doubt)


def shapes(rows: nw.LazyFrame, column: str) -> nw.LazyFrame:
    """Tidied rows -> how a column's values look in each file: `file`, `shape` (9 for a digit, a for a letter; null for real dates), `rows`, `first_row`."""
    value = nw.col(column)
    shape = nw.when(~rules.is_written_as(value, Type.DATE)).then(value.str.replace_all("[0-9]", "9").str.replace_all("[A-Za-z]", "a"))
    return rows.filter(~value.is_null()).with_columns(shape=shape).group_by("file", "shape").agg(rows=nw.len(), first_row=nw.col("row").min())


def refuse_another_date_format(path: str, column: str, shape: str | None, first_row: int, rows: int, filled: int) -> None:
    """Raises DataRefused if more than half of a date column's values have the shape of one other format."""
    if (written := DATE_SHAPES.get(shape or "")) and 2 * rows > filled:
        raise DataRefused(
            f"{path}: column {column} holds dates written {written}, {rows:,} of {filled:,}, the first in row {first_row:,}; "
            "write them YYYY-MM-DD, such as 2014-09-30"
        )


def refuse_another_period(path: str, table: Table, as_at: date, outside: int, rows: int) -> None:
    """Raises DataRefused if more than half of a file's usable rows lie outside the period."""
    if 2 * outside > rows:
        raise DataRefused(
            f"{path}: is for another period: {outside:,} of its {rows:,} usable rows lie outside {window_to(as_at).start} to {as_at} "
            f"by {table.event_date}; deliver that period, or run for the month's end that this one was made for"
        )


def refuse_stale(path: str, table: Table, as_at: date, fresh: int, rows: int) -> None:
    """Raises DataRefused if an extract of events has none in the months up to the as-at date."""
    if table.event_date and rows >= FEWEST_ROWS and not fresh:
        raise DataRefused(
            f"{path}: is for another period: none of its {rows:,} usable rows has its {table.event_date} in the {FRESH_MONTHS} months to {as_at}; "
            "deliver the newest extract, or run for the month's end that this one was made for"
        )
