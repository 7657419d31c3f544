"""The metrics of the fund: events of a period among a population."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import narwhals as nw

from bcf_linkage.definitions.meanings import what_is_counted
from bcf_linkage.definitions.measures import Metric, MetricSet
from bcf_linkage.definitions.periods import Period, year_to
from bcf_linkage.definitions.places import Place
from bcf_linkage.published.exact import ALL, AREA, EVERYWHERE, EXACT, node, text_of
from bcf_linkage.published.selection import meets

FOLLOW_UP = timedelta(days=91)


def metrics(register: nw.LazyFrame, spells: nw.LazyFrame, transfers: nw.LazyFrame, areas: nw.LazyFrame, rules: MetricSet, as_at: date) -> nw.LazyFrame:
    """The received GP register, `spells` and `transfers` -> exact counts, one row per metric and period, for the whole locality.

    Each metric stands for its latest period and for the one before: the year to the as-at date, or the latest October to
    December that has been followed for 91 days. Populations are counted on the last day of their own period.
    """
    locality = areas.select(area_code=nw.col("locality_code").max(), area_name=nw.col("locality_name").max())
    said = what_is_counted(rules.metrics)
    rows = []
    for kind, periods in _periods(as_at).items():
        for period in periods:
            events = _events(register, spells, transfers, period, as_at)
            for name, frame in events.items():
                wanted = [metric for metric in rules.metrics if metric.period == kind and metric.events == name]
                if wanted:
                    rows.append(_counted(frame, wanted, period, said).join(locality, how="cross").with_columns(**_tree(period)).select(*EXACT))
    return nw.concat(rows)


def _periods(as_at: date) -> Mapping[str, tuple[Period, Period]]:
    year = year_to(as_at)
    quarter = date(as_at.year - 1, 12, 31)
    if quarter + FOLLOW_UP > as_at:
        quarter = date(as_at.year - 2, 12, 31)
    year_before = year_to(year.start - timedelta(days=1))
    winter, winter_before = (Period(date(each, 10, 1), date(each, 12, 31)) for each in (quarter.year, quarter.year - 1))
    return {"year": (year, year_before), "october_december": (winter, winter_before)}


def _events(register: nw.LazyFrame, spells: nw.LazyFrame, transfers: nw.LazyFrame, period: Period, as_at: date) -> dict[str, nw.LazyFrame]:
    admitted = nw.col("start_date_hospital_provider_spell").is_between(period.start, period.end)
    in_period = transfers.filter(nw.col("day").is_between(period.start, period.end))
    kinds = ("delay", "care_home_admission", "reablement_discharge")
    return {
        "resident": residents(register, period.end, as_at),
        "admission": spells.filter(nw.col("registered") & admitted),
        **{kind: in_period.filter(nw.col("transfer") == kind) for kind in kinds},
    }


def residents(register: nw.LazyFrame, day: date, as_at: date) -> nw.LazyFrame:
    """The received GP register -> one row per person registered and alive on the day, with the age on it.

    The day is the as-at date or the same day of an earlier year, so that ages differ by whole years.
    """
    ends, dies = nw.col("registration_end_date"), nw.col("date_of_death")
    holds = (nw.col("registration_start_date") <= day) & (ends.is_null() | (ends >= day)) & (dies.is_null() | (dies > day))
    current = register.filter((nw.col("place") == Place.LINKED) & holds)
    return current.group_by("person").agg(age=nw.col("age").max() - (as_at.year - day.year))


def _counted(events: nw.LazyFrame, metrics: list[Metric], period: Period, said: Mapping[str, str]) -> nw.LazyFrame:
    """Events of the period -> exact counts, one row per metric."""
    amounts = [
        nw.when(meets(metric.where)).then(nw.col(metric.sums) if metric.sums else nw.lit(1)).otherwise(0).cast(nw.Int64).alias(metric.code)
        for metric in metrics
    ]
    codes = [metric.code for metric in metrics]
    totals = events.select(*amounts).select(*(nw.col(code).sum().fill_null(0) for code in codes))
    measure = nw.col("measure")
    denominators = {metric.code: said[metric.among] for metric in metrics if metric.among}
    return totals.unpivot(on=codes, variable_name="measure", value_name="count").with_columns(
        measure_name=text_of(measure, {metric.code: metric.name for metric in metrics}),
        area_type=nw.lit("locality"),
        group_type=nw.lit(ALL),
        group=nw.lit(ALL),
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
        unit=text_of(measure, {metric.code: metric.unit for metric in metrics}),
        what=text_of(measure, said),
        what_among=text_of(measure, denominators),
    )


def _tree(period: Period) -> dict[str, nw.Expr]:
    place = (nw.lit(EVERYWHERE), nw.lit(EVERYWHERE), period)
    return {
        "node": node(nw.col("what"), *place),
        "among": node(nw.col("what_among"), *place),
        "part_of": nw.lit(None).cast(nw.String),
        "split": nw.lit(AREA),
    }
