"""The metrics of the Better Care Fund: events of a period, over a population."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import narwhals as nw

from bcf_linkage.definitions.criteria import count_descriptions
from bcf_linkage.definitions.measures import Metric, MetricSet
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.periods import Period, year_to
from bcf_linkage.definitions.registration import is_registered_on
from bcf_linkage.published.clause_filters import meets_clauses
from bcf_linkage.published.exact_counts import ALL, ALL_LOCALITIES, AREA, EXACT_COLUMNS, label_for_code, node_for

FOLLOW_UP = timedelta(days=91)
"""Days after discharge at which reablement is assessed."""


def count_metric_events(
    register: nw.LazyFrame, spells: nw.LazyFrame, transfers: nw.LazyFrame, areas: nw.LazyFrame, rules: MetricSet, as_at: date
) -> nw.LazyFrame:
    """The received GP register, `spells` and `transfers` -> exact counts for the whole locality, one row per metric and period.

    Each metric has its latest period and the one before: the year to the as-at date, or the latest October to December with a follow-up
    of 91 days. A population is counted on the last day of its period.
    """
    locality = areas.select(area_code=nw.col("locality_code").max(), area_name=nw.col("locality_name").max())
    descriptions = count_descriptions(rules.metrics)
    rows = []
    for kind, periods in _metric_periods(as_at).items():
        for period in periods:
            events = _select_events(register, spells, transfers, period, as_at)
            for name, frame in events.items():
                selected = [metric for metric in rules.metrics if metric.period == kind and metric.events == name]
                if selected:
                    rows.append(
                        _count_events(frame, selected, period, descriptions)
                        .join(locality, how="cross")
                        .with_columns(**_tree_columns(period))
                        .select(*EXACT_COLUMNS)
                    )
    return nw.concat(rows)


def _metric_periods(as_at: date) -> Mapping[str, tuple[Period, Period]]:
    """Return the latest period and the one before, by kind of period."""
    year = year_to(as_at)
    quarter = date(as_at.year - 1, 12, 31)
    if quarter + FOLLOW_UP > as_at:
        quarter = date(as_at.year - 2, 12, 31)
    year_before = year_to(year.start - timedelta(days=1))
    winter, winter_before = (Period(date(year_number, 10, 1), date(year_number, 12, 31)) for year_number in (quarter.year, quarter.year - 1))
    return {"year": (year, year_before), "october_december": (winter, winter_before)}


def _select_events(register: nw.LazyFrame, spells: nw.LazyFrame, transfers: nw.LazyFrame, period: Period, as_at: date) -> dict[str, nw.LazyFrame]:
    """Return the events of a period by name, one row per event or resident."""
    admitted = nw.col("start_date_hospital_provider_spell").is_between(period.start, period.end)
    in_period = transfers.filter(nw.col("day").is_between(period.start, period.end))
    kinds = ("delay", "care_home_admission", "reablement_discharge")
    return {
        "resident": select_residents(register, period.end, as_at),
        "admission": spells.filter(nw.col("registered") & admitted),
        **{kind: in_period.filter(nw.col("transfer") == kind) for kind in kinds},
    }


def select_residents(register: nw.LazyFrame, day: date, as_at: date) -> nw.LazyFrame:
    """The received GP register -> one row per person registered and alive at the end of the day, with the age on that day.

    The day must be the as-at date or the same day of an earlier year, so that ages differ by whole years.
    """
    current = register.filter((nw.col("outcome") == Outcome.LINKED) & is_registered_on(day))
    return current.group_by("person").agg(age=nw.col("age").max() - (as_at.year - day.year))


def _count_events(events: nw.LazyFrame, metrics: list[Metric], period: Period, descriptions: Mapping[str, str]) -> nw.LazyFrame:
    """Events of a period -> one row per metric with its count, before its position in the tree of counts."""
    amounts = [
        nw.when(meets_clauses(metric.where)).then(nw.col(metric.sums) if metric.sums else nw.lit(1)).otherwise(0).cast(nw.Int64).alias(metric.code)
        for metric in metrics
    ]
    codes = [metric.code for metric in metrics]
    totals = events.select(*amounts).select(*(nw.col(code).sum().fill_null(0) for code in codes))
    measure = nw.col("measure")
    denominators = {metric.code: descriptions[metric.among] for metric in metrics if metric.among}
    return totals.unpivot(on=codes, variable_name="measure", value_name="count").with_columns(
        measure_name=label_for_code(measure, {metric.code: metric.name for metric in metrics}),
        area_type=nw.lit("locality"),
        group_type=nw.lit(ALL),
        group=nw.lit(ALL),
        period_start=nw.lit(period.start),
        period_end=nw.lit(period.end),
        unit=label_for_code(measure, {metric.code: metric.unit for metric in metrics}),
        what=label_for_code(measure, descriptions),
        what_among=label_for_code(measure, denominators),
    )


def _tree_columns(period: Period) -> dict[str, nw.Expr]:
    node_area = (nw.lit(ALL_LOCALITIES), nw.lit(ALL_LOCALITIES), period)
    return {
        "node": node_for(nw.col("what"), *node_area),
        "among": node_for(nw.col("what_among"), *node_area),
        "part_of": nw.lit(None).cast(nw.String),
        "split": nw.lit(AREA),
    }
