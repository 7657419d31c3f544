"""Convert need to the rates at which each person uses each service in each month.

Need sets each person's expected spending in pounds a year. Emergency admissions and A&E attendances follow sourced rates by age
and deprivation, shared out by need. The remaining spending is planned care, divided among services by amount and by age.
Costs are never adjusted afterwards: they follow from activity at the declared unit costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bcf_linkage.definitions.rulebook import Prices
from synthetic.conditions import Conditions
from synthetic.people import People, Standing
from synthetic.rates import Floats, Integers, by_age, column_values, figure, rate_table
from synthetic.stays import mean_emergency_cost
from synthetic.window import Window

LEVELS = 200
"""The number of spending levels at which the mix of services is tabulated."""


@dataclass(frozen=True)
class Demand:
    """Expected events per person (rows) and month (columns): emergency admissions, other A&E attendances, pounds of planned care.

    `mix_cell` is the cell of the service mix for each person and month.
    """

    emergencies: Floats
    attendances: Floats
    planned: Floats
    mix_cell: Integers

    def pounds(self, service: str) -> Floats:
        """Return the expected pounds of one planned service."""
        names, shares = _service_mix()
        pounds: Floats = self.planned * shares[names.index(service)].astype(np.float32)[self.mix_cell]
        return pounds


def compute_demand(people: People, conditions: Conditions, quintile: Integers, need: Floats, window: Window) -> Demand:
    """Return each person's demand in each month in which the person is present."""
    knots = rate_table("spend")
    spend = np.exp(np.interp(need, column_values(knots, "need"), np.log(column_values(knots, "pounds")))).astype(np.float32)
    presence = window.presence(people.start, people.end)
    month = window.month_of_year
    registered = np.isin(people.standing, (Standing.REGISTERED, Standing.OBJECTING))
    target = emergency_targets(people.age, quintile, registered)
    groups = target.groups
    capped_need = np.minimum(need, figure("urgent.steepest"))
    factor = np.exp(conditions.has_condition.astype(np.float32) @ np.log(column_values(rate_table("conditions"), "emergency")).astype(np.float32))
    hazard = factor[:, None] * np.exp(figure("urgent.emergency_slope") * capped_need) * presence
    emergencies = hazard * _scale_to_rates(hazard, target.rates, groups, registered)[:, None]
    attendance_hazard = np.exp(figure("urgent.attendance_slope") * capped_need) * presence
    attendances = (
        attendance_hazard
        * _scale_to_rates(attendance_hazard, _attendance_targets(people.age, target.rates), by_age(rate_table("use_by_age")).band_of(people.age), registered)[
            :, None
        ]
    )
    # A share of spending always remains for planned care, also where expected urgent care costs more than the person's spending.
    urgent = emergencies * mean_emergency_cost(people.age)[:, None] + attendances * np.float32(unit_costs()["ae_not_admitted"])
    monthly = spend / 12 * presence
    planned = np.maximum(monthly - urgent, np.float32(figure("urgent.least_planned")) * monthly)
    return Demand(
        emergencies * seasonal_factor("emergency", month), attendances * seasonal_factor("attendances", month), planned, _mix_cells(spend, people.age)
    )


@dataclass(frozen=True)
class AdmissionTargets:
    """Each person's expected emergency admissions a year, and the group (age and quintile) over which they are shared out."""

    rates: NDArray[np.float64]
    groups: Integers


def emergency_targets(age: Integers, quintile: Integers, registered: NDArray[np.bool_]) -> AdmissionTargets:
    """Return emergency admissions a year by age and quintile: the sourced table, spread over finer ages, times the locality's scale."""
    sourced, shape = by_age(rate_table("emergency_admissions")), by_age(rate_table("use_by_age"))
    coarse, fine = sourced.band_of(age), shape.band_of(age)
    within = shape.values[0][fine]
    mean = np.bincount(coarse, within * registered) / np.maximum(np.bincount(coarse, registered), 1)
    rates = figure("urgent.emergency_scale") / 1000 * sourced.values[quintile - 1, coarse] * within / np.maximum(mean[coarse], 1e-9)
    return AdmissionTargets(rates, ((coarse * len(shape.starts) + fine) * 5 + quintile - 1).astype(np.int32))


def _attendance_targets(age: Integers, emergencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return A&E attendances a year that do not end in admission."""
    all_attendances = figure("urgent.attendance_scale") / 1000 * by_age(rate_table("use_by_age")).value_at(age, 1)
    others: NDArray[np.float64] = np.maximum(all_attendances - figure("urgent.through_emergency_department") * emergencies, 0.1 * all_attendances)
    return others


def _scale_to_rates(hazard: Floats, rates: NDArray[np.float64], groups: Integers, registered: NDArray[np.bool_]) -> Floats:
    """Return factors that scale the last year's hazards so that each group's sum is its rate times its registered people."""
    year = hazard[:, -12:].sum(axis=1, dtype=np.float64) * registered
    expected, modelled = np.bincount(groups, rates * registered), np.bincount(groups, year)
    overall = expected.sum() / max(modelled.sum(), 1e-9)
    scale: Floats = np.where(modelled > 0, expected / np.maximum(modelled, 1e-9), overall).astype(np.float32)[groups]
    return scale


def seasonal_factor(service: str, month: Integers) -> Floats:
    """Return the seasonal factor of a kind of service in each month of the window; the mean over a year is 1."""
    seasons = rate_table("seasons").drop("service", "source", "mark").cast(pl.Float64).to_numpy()
    row = seasons[rate_table("seasons")["service"].to_list().index(service)]
    relative: Floats = (row / row.mean()).astype(np.float32)[month]
    return relative


@cache
def unit_costs() -> dict[str, float]:
    """Return the declared unit costs, in pounds."""
    return Prices.build().pounds


@cache
def _service_mix() -> tuple[list[str], NDArray[np.float64]]:
    """Return the services, and each one's share of planned care (rows) in each cell of age band and spending level (columns)."""
    mix, ages = rate_table("mix"), by_age(rate_table("mix_by_age"))
    levels = np.log([float(column) for column in mix.columns[1:-2]])
    points = np.linspace(levels[0], levels[-1], LEVELS)
    weights = mix[:, 1:-2].cast(pl.Float64).to_numpy()
    shares = np.stack([np.interp(points, levels, row) for row in weights])[:, None, :] * ages.values[:, :, None]
    return mix["service"].to_list(), (shares / shares.sum(axis=0)).reshape(len(weights), -1)


def _mix_cells(spend: Floats, age: Integers) -> Integers:
    """Return the mix cell of each person and month."""
    ends = np.log([float(column) for column in rate_table("mix").columns[1:-2]])[[0, -1]]
    level = np.clip((np.log(spend) - ends[0]) / (ends[1] - ends[0]) * (LEVELS - 1), 0, LEVELS - 1).astype(np.int16)
    cells: Integers = by_age(rate_table("mix_by_age")).band_of(age).astype(np.int16)[:, None] * LEVELS + level
    return cells
