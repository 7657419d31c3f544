"""Dates of birth as files write them: which format a file uses, and each date in it as YYYY-MM-DD."""

from __future__ import annotations

import polars as pl

from bcf_linkage.definitions.errors import RequestRefused

READ = "(?:[ T]00:00(?::00(?:\\.0+)?)?)?$"
FORMATS = {
    "YYYY-MM-DD": rf"^(?P<year>\d{{4}})[-/](?P<month>\d{{2}})[-/](?P<day>\d{{2}}){READ}",
    "YYYYMMDD": r"^(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:\.0)?$",
    "DD/MM/YYYY": rf"^(?P<day>\d{{1,2}})[-/.](?P<month>\d{{1,2}})[-/.](?P<year>\d{{4}}){READ}",
}
"""The formats that can be told for certain, as long as a file does not also write dates month first."""

SHORT_YEAR = r"^\d{1,2}[-/.]\d{1,2}[-/.]\d{2}$"
MOST_MONTHS = 12


def iso(dates: pl.Series, file: str) -> pl.Series:
    """Dates as text -> YYYY-MM-DD, whether there is such a day or not; null what is blank or no date.

    Raises RequestRefused where dates are unclear: written with two digits for the year, or month first.
    """
    if short := _rows(dates.str.contains(SHORT_YEAR)):
        raise RequestRefused(f"{file}: birth_date has {_told(short)} with two digits for the year; write them YYYY-MM-DD, such as 1950-02-28")
    frame = dates.to_frame("written")
    day_first = frame.select(pl.col("written").str.extract_groups(FORMATS["DD/MM/YYYY"])).unnest("written").cast(pl.Int32)
    if wrong := _rows((day_first["month"] > MOST_MONTHS) & (day_first["day"] <= MOST_MONTHS)):
        raise RequestRefused(f"{file}: birth_date has {_told(wrong)} written month first; write them YYYY-MM-DD, such as 1950-02-28")
    parts = [pl.col("written").str.extract_groups(pattern) for pattern in FORMATS.values()]
    written = [pl.format("{}-{}-{}", *(part.struct.field(name).str.zfill(size) for name, size in (("year", 4), ("month", 2), ("day", 2)))) for part in parts]
    return frame.select(pl.coalesce(written)).to_series()


def _rows(found: pl.Series) -> list[int]:
    return (found.fill_null(value=False).arg_true() + 1).to_list()


def _told(rows: list[int]) -> str:
    return f"{len(rows):,} {'date' if len(rows) == 1 else 'dates'}, the first in row {rows[0]:,},"
