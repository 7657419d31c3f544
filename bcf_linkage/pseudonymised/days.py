"""Date arithmetic in whole numbers, for what Narwhals does not offer on every engine."""

from __future__ import annotations

from datetime import date, timedelta

import narwhals as nw

from bcf_linkage.definitions.ages import whole_years
from bcf_linkage.definitions.periods import Period


def day_number(day: nw.Expr) -> nw.Expr:
    """Return a date as a number of days, the same as `date.toordinal()`. Null stays null.

    Narwhals cannot subtract dates on Spark, but it can subtract day numbers.
    """
    years = day.dt.year().cast(nw.Int64) - 1
    return years * 365 + years // 4 - years // 100 + years // 400 + day.dt.ordinal_day().cast(nw.Int64)


def age_in_month_of(day: nw.Expr, birth_month: nw.Expr) -> nw.Expr:
    """Return the age in whole years in the month of the day, from a month of birth (YYYY-MM). Null if either is not known."""
    birthday_to_come = day.dt.month().cast(nw.Int64) < birth_month.str.slice(5, 2).cast(nw.Int64)
    return whole_years(birth_month.str.slice(0, 4).cast(nw.Int64), birthday_to_come, day.dt.year().cast(nw.Int64))


def split_by_month(frame: nw.LazyFrame, first: nw.Expr, last: nw.Expr, period: Period, kept_columns: tuple[str, ...]) -> nw.LazyFrame:
    """One row from a first to a last day, both included -> one row per month of the period with a day of it.

    Keeps the named columns. Adds `month` (the first day of the month) and `days` (the number of days in it).
    """
    months = {str(start): (start.toordinal(), end) for start, end in _month_bounds(period)}
    days = [(nw.col("last_day").clip(upper_bound=end) - nw.col("first_day").clip(lower_bound=start) + 1).alias(name) for name, (start, end) in months.items()]
    return (
        frame.with_columns(first_day=day_number(first), last_day=day_number(last))
        .select(*kept_columns, *days)
        .unpivot(on=list(months), index=list(kept_columns), variable_name="month", value_name="days")
        .filter(nw.col("days") > 0)
        .with_columns(nw.col("month").str.to_date(format="%Y-%m-%d"))
    )


def _month_bounds(period: Period) -> list[tuple[date, int]]:
    following = [*period.months[1:], period.end + timedelta(days=1)]
    return [(start, (after - timedelta(days=1)).toordinal()) for start, after in zip(period.months, following, strict=True)]
