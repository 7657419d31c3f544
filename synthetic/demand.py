"""From need to the rates at which each person uses each service in each month.

Need sets how many pounds a year a person would cost. Emergency admissions and A&E attendances follow sourced rates by age and
deprivation, shared out by need; what they leave is planned care, divided among services by how much there is and by age.
Costs are never adjusted afterwards: they come out of activity at the declared unit costs.
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
from synthetic.rates import Floats, Integers, by_age, figure, numbers, table
from synthetic.stays import mean_cost
from synthetic.window import Window

LEVELS = 200
"""How finely spending is cut where the mix of services is read off."""


@dataclass(frozen=True)
class Demand:
    """Expected events in a month, people by months: emergency admissions, further A&E attendances, and pounds of planned care.

    `cell` places each person and month in the mix of services.
    """

    emergencies: Floats
    attendances: Floats
    planned: Floats
    cell: Integers

    def pounds(self, service: str) -> Floats:
        """Expected pounds of one planned service."""
        names, shares = _mix()
        pounds: Floats = self.planned * shares[names.index(service)].astype(np.float32)[self.cell]
        return pounds


def demand(people: People, conditions: Conditions, quintile: Integers, need: Floats, window: Window) -> Demand:
    """The demand of each person in each month for which the person is here."""
    knots = table("spend")
    spend = np.exp(np.interp(need, numbers(knots, "need"), np.log(numbers(knots, "pounds")))).astype(np.float32)
    there = window.presence(people.start, people.end)
    month = window.month_of_year
    registered = np.isin(people.standing, (Standing.REGISTERED, Standing.OBJECTING))
    target = emergency_targets(people.age, quintile, registered)
    kinds = target.groups
    steep = np.minimum(need, figure("urgent.steepest"))
    factor = np.exp(conditions.held.astype(np.float32) @ np.log(numbers(table("conditions"), "emergency")).astype(np.float32))
    hazard = factor[:, None] * np.exp(figure("urgent.emergency_slope") * steep) * there
    emergencies = hazard * _level(hazard, target.rates, kinds, registered)[:, None]
    attending = np.exp(figure("urgent.attendance_slope") * steep) * there
    attendances = attending * _level(attending, _attendance_targets(people.age, target.rates), by_age(table("use_by_age")).at(people.age), registered)[:, None]
    urgent = emergencies * mean_cost(people.age)[:, None] + attendances * np.float32(prices()["ae_not_admitted"])
    monthly = spend / 12 * there
    planned = np.maximum(monthly - urgent, np.float32(figure("urgent.least_planned")) * monthly)
    return Demand(emergencies * season("emergency", month), attendances * season("attendances", month), planned, _cells(spend, people.age))


@dataclass(frozen=True)
class Targets:
    """Each person's expected emergency admissions a year, and the group (of age and quintile) over which they are shared out."""

    rates: NDArray[np.float64]
    groups: Integers


def emergency_targets(age: Integers, quintile: Integers, registered: NDArray[np.bool_]) -> Targets:
    """Emergency admissions a year by age and quintile: the sourced table, spread over finer ages and raised by the locality's scale."""
    sourced, shape = by_age(table("emergency_admissions")), by_age(table("use_by_age"))
    coarse, fine = sourced.at(age), shape.at(age)
    within = shape.values[0][fine]
    mean = np.bincount(coarse, within * registered) / np.maximum(np.bincount(coarse, registered), 1)
    rates = figure("urgent.emergency_scale") / 1000 * sourced.values[quintile - 1, coarse] * within / np.maximum(mean[coarse], 1e-9)
    return Targets(rates, ((coarse * len(shape.starts) + fine) * 5 + quintile - 1).astype(np.int32))


def _attendance_targets(age: Integers, emergencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """A&E attendances a year that do not end in admission."""
    all_attendances = figure("urgent.attendance_scale") / 1000 * by_age(table("use_by_age")).of(age, 1)
    others: NDArray[np.float64] = np.maximum(all_attendances - figure("urgent.through_emergency_department") * emergencies, 0.1 * all_attendances)
    return others


def _level(hazard: Floats, rates: NDArray[np.float64], groups: Integers, registered: NDArray[np.bool_]) -> Floats:
    """What each person's hazards are multiplied by so that the last year's add up to the group's rate times its registered people."""
    year = hazard[:, -12:].sum(axis=1, dtype=np.float64) * registered
    wanted, found = np.bincount(groups, rates * registered), np.bincount(groups, year)
    overall = wanted.sum() / max(found.sum(), 1e-9)
    level: Floats = np.where(found > 0, wanted / np.maximum(found, 1e-9), overall).astype(np.float32)[groups]
    return level


def season(service: str, month: Integers) -> Floats:
    """How much more or less there is of a kind of service in each month of the window."""
    seasons = table("seasons").drop("service", "source", "mark").cast(pl.Float64).to_numpy()
    row = seasons[table("seasons")["service"].to_list().index(service)]
    relative: Floats = (row / row.mean()).astype(np.float32)[month]
    return relative


@cache
def prices() -> dict[str, float]:
    """The declared unit costs, in pounds."""
    return Prices.build().pounds


@cache
def _mix() -> tuple[list[str], NDArray[np.float64]]:
    """The services, and the share of planned care that each has (rows) in each cell of age band and level of spending."""
    mix, ages = table("mix"), by_age(table("mix_by_age"))
    levels = np.log([float(column) for column in mix.columns[1:-2]])
    at = np.linspace(levels[0], levels[-1], LEVELS)
    weights = mix[:, 1:-2].cast(pl.Float64).to_numpy()
    shares = np.stack([np.interp(at, levels, row) for row in weights])[:, None, :] * ages.values[:, :, None]
    return mix["service"].to_list(), (shares / shares.sum(axis=0)).reshape(len(weights), -1)


def _cells(spend: Floats, age: Integers) -> Integers:
    """The cell of the mix that each person and month is in."""
    ends = np.log([float(column) for column in table("mix").columns[1:-2]])[[0, -1]]
    level = np.clip((np.log(spend) - ends[0]) / (ends[1] - ends[0]) * (LEVELS - 1), 0, LEVELS - 1).astype(np.int16)
    cells: Integers = by_age(table("mix_by_age")).at(age).astype(np.int16)[:, None] * LEVELS + level
    return cells
