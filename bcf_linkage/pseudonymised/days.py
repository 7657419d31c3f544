"""Days as integers: what Narwhals cannot say of dates on every engine, said once."""

from __future__ import annotations

from datetime import date, timedelta

import narwhals as nw

from bcf_linkage.definitions.periods import Period


def day_number(day: nw.Expr) -> nw.Expr:
    """The date as a number of days, the same as `date.toordinal()`. Null stays null.

    The difference of two dates in days is not in Narwhals for Spark; the difference of two day numbers is.
    """
    years = day.dt.year().cast(nw.Int64) - 1
    return years * 365 + years // 4 - years // 100 + years // 400 + day.dt.ordinal_day().cast(nw.Int64)


def age_in_month_of(day: nw.Expr, birth_month: nw.Expr) -> nw.Expr:
    """Whole years from a month of birth (YYYY-MM) to the month of the day. Null if either is not known."""
    years = day.dt.year().cast(nw.Int64) - birth_month.str.slice(0, 4).cast(nw.Int64)
    before_birthday = day.dt.month().cast(nw.Int64) < birth_month.str.slice(5, 2).cast(nw.Int64)
    return years - nw.when(before_birthday).then(1).otherwise(0)


def by_month(frame: nw.LazyFrame, first: nw.Expr, last: nw.Expr, period: Period, keep: tuple[str, ...]) -> nw.LazyFrame:
    """One row that lasts from its first day to its last, both included -> one row for each month of the period in which it has a day.

    Keeps the named columns and adds `month` (its first day) and `days` (how many days of the month).
    """
    months = {str(start): (start.toordinal(), end) for start, end in _month_bounds(period)}
    days = [(nw.col("last_day").clip(upper_bound=end) - nw.col("first_day").clip(lower_bound=start) + 1).alias(name) for name, (start, end) in months.items()]
    return (
        frame.with_columns(first_day=day_number(first), last_day=day_number(last))
        .select(*keep, *days)
        .unpivot(on=list(months), index=list(keep), variable_name="month", value_name="days")
        .filter(nw.col("days") > 0)
        .with_columns(nw.col("month").str.to_date(format="%Y-%m-%d"))
    )


def _month_bounds(period: Period) -> list[tuple[date, int]]:
    following = [*period.months[1:], period.end + timedelta(days=1)]
    return [(start, (after - timedelta(days=1)).toordinal()) for start, after in zip(period.months, following, strict=True)]
