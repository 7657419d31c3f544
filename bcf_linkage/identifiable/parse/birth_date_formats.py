"""Convert dates of birth to YYYY-MM-DD from the formats that files use."""

from __future__ import annotations

import polars as pl

from bcf_linkage.definitions.errors import UsageError

MIDNIGHT_SUFFIX = "(?:[ T]00:00(?::00(?:\\.0+)?)?)?$"
DATE_FORMATS = {
    "YYYY-MM-DD": rf"^(?P<year>\d{{4}})[-/](?P<month>\d{{2}})[-/](?P<day>\d{{2}}){MIDNIGHT_SUFFIX}",
    "YYYYMMDD": r"^(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:\.0)?$",
    "DD/MM/YYYY": rf"^(?P<day>\d{{1,2}})[-/.](?P<month>\d{{1,2}})[-/.](?P<year>\d{{4}}){MIDNIGHT_SUFFIX}",
}
"""The formats that can be read without doubt, as long as the file has no date with the month first."""

TWO_DIGIT_YEAR = r"^\d{1,2}[-/.]\d{1,2}[-/.]\d{2}$"
MONTHS_IN_YEAR = 12


def parse_birth_dates(dates: pl.Series, file: str) -> pl.Series:
    """Convert dates as text to YYYY-MM-DD, whether the day exists or not; null for a blank or no date.

    Raises UsageError, with the number of dates and the first row, if the year has two digits or the month comes first.
    """
    if two_digit_rows := _row_numbers(dates.str.contains(TWO_DIGIT_YEAR)):
        raise UsageError(f"{file}: birth_date has {_dates_text(two_digit_rows)} with two digits for the year; write them YYYY-MM-DD, such as 1950-02-28")
    frame = dates.to_frame("written")
    day_first = frame.select(pl.col("written").str.extract_groups(DATE_FORMATS["DD/MM/YYYY"])).unnest("written").cast(pl.Int32)
    if month_first_rows := _row_numbers((day_first["month"] > MONTHS_IN_YEAR) & (day_first["day"] <= MONTHS_IN_YEAR)):
        raise UsageError(f"{file}: birth_date has {_dates_text(month_first_rows)} written month first; write them YYYY-MM-DD, such as 1950-02-28")
    matches = [pl.col("written").str.extract_groups(pattern) for pattern in DATE_FORMATS.values()]
    iso_dates = [
        pl.format("{}-{}-{}", *(match.struct.field(name).str.zfill(width) for name, width in (("year", 4), ("month", 2), ("day", 2)))) for match in matches
    ]
    return frame.select(pl.coalesce(iso_dates)).to_series()


def _row_numbers(is_selected: pl.Series) -> list[int]:
    return (is_selected.fill_null(value=False).arg_true() + 1).to_list()


def _dates_text(rows: list[int]) -> str:
    return f"{len(rows):,} {'date' if len(rows) == 1 else 'dates'}, the first in row {rows[0]:,},"
