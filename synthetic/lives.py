"""The people of a locality with all that the services' records are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from synthetic import conditions as illness
from synthetic import homes as housing
from synthetic import households as household
from synthetic import identity, names, need, people
from synthetic.conditions import Conditions
from synthetic.demand import Demand, demand
from synthetic.homes import Homes
from synthetic.households import Households
from synthetic.people import People
from synthetic.profiles import Profile
from synthetic.rates import Floats
from synthetic.window import Window, window_of


@dataclass(frozen=True)
class Lives:
    """One entry per person throughout: `words` are what services know the person by, `need` is by month, `persistent` what stays of it."""

    profile: Profile
    window: Window
    seed: int
    people: People
    households: Households
    homes: Homes
    words: pl.DataFrame
    conditions: Conditions
    persistent: Floats
    need: Floats
    demand: Demand


def live(profile: Profile, count: int, as_at: date, seed: int) -> Lives:
    """The people of a locality, `count` of them on the register on the as-at date without objecting. Raises ValueError for a date that ends no month."""
    window = window_of(as_at)
    drawn, households = household.form(people.draw(profile, count, window, seed), window, seed)
    pools = names.pools(seed)
    homes = housing.settle(profile, pools, drawn, households, window, seed)
    words = identity.name(profile, pools, drawn, households, homes, seed)
    conditions = illness.fall_ill(drawn, homes.quintile, window, seed)
    persistent = need.persistent(drawn, conditions, homes.quintile, seed)
    monthly = need.by_month(drawn, persistent, window, seed)
    asked = demand(drawn, conditions, homes.quintile, monthly, window)
    return Lives(profile, window, seed, drawn, households, homes, words, conditions, persistent, monthly, asked)
