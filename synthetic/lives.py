"""The people of a locality, with everything from which the services' records are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from synthetic import conditions as illness
from synthetic import homes as housing
from synthetic import households as household
from synthetic import identity, names, need, people
from synthetic.conditions import Conditions
from synthetic.demand import Demand, compute_demand
from synthetic.homes import Homes
from synthetic.households import Households
from synthetic.people import People
from synthetic.profiles import Profile
from synthetic.rates import Floats
from synthetic.window import Window, build_window


@dataclass(frozen=True)
class Lives:
    """One entry per person throughout. `identifiers` are what services know of the person, `monthly_need` is need by month.

    `persistent_need` is the lasting part of need.
    """

    profile: Profile
    window: Window
    seed: int
    people: People
    households: Households
    homes: Homes
    identifiers: pl.DataFrame
    conditions: Conditions
    persistent_need: Floats
    monthly_need: Floats
    demand: Demand


def generate_lives(profile: Profile, count: int, as_at: date, seed: int) -> Lives:
    """Generate the people of a locality, `count` of them registered and not objecting on the as-at date.

    Raises ValueError for a date that is not the last day of a month.
    """
    window = build_window(as_at)
    everybody, households = household.form_households(people.draw_people(profile, count, window, seed), window, seed)
    pools = names.name_pools(seed)
    homes = housing.assign_homes(profile, pools, everybody, households, window, seed)
    identifiers = identity.assign_identifiers(profile, pools, everybody, households, homes, seed)
    conditions = illness.assign_conditions(everybody, homes.quintile, window, seed)
    persistent_need = need.persistent_need(everybody, conditions, homes.quintile, seed)
    monthly_need = need.monthly_need(everybody, persistent_need, window, seed)
    demand = compute_demand(everybody, conditions, homes.quintile, monthly_need, window)
    return Lives(profile, window, seed, everybody, households, homes, identifiers, conditions, persistent_need, monthly_need, demand)
