"""Where people live and which practice is theirs.

The locality is a ring: LSOAs lie around it, practices too in the order of their clusters, and people mostly choose one nearby.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic.households import Households
from synthetic.names import Pools
from synthetic.people import People, Standing
from synthetic.profiles import Profile
from synthetic.rates import Integers, figure
from synthetic.streams import pick, stream
from synthetic.window import NEVER, Window

NEVER_INWARD = "CIKMOV"
"""Letters that the part of a real postcode after the space never has; every fictional one has at least one of them."""
INWARD = tuple(f"{digit}{a}{b}" for digit in "0123456789" for a in ascii_uppercase for b in ascii_uppercase if a in NEVER_INWARD or b in NEVER_INWARD)
STEP = 1237
FIRST_LSOA = 990_000


@dataclass(frozen=True)
class Homes:
    """For each person: address line, position of the postcode in `lookup`, deprivation quintile (1 the most deprived), practice.

    Who changes practice within the locality had `practice_before` until the day before `changed`, which is else `NEVER`.
    """

    lookup: pl.DataFrame
    address: pl.Series
    postcode: Integers
    quintile: Integers
    practice: Integers
    practice_before: Integers
    changed: Integers


def settle(profile: Profile, pools: Pools, people: People, households: Households, window: Window, seed: int) -> Homes:
    """A home for every household and a practice for every person, also for those registered elsewhere (the one nearby that they do not use)."""
    rng = stream(seed, "homes")
    count = int(households.household.max()) + 1
    areas = max(10, round(len(people) / figure("places.people_per_lsoa")))
    each = min(max(1, round(count / areas / figure("places.households_per_postcode"))), len(INWARD) * len(profile.postcode_districts) // areas)
    lookup = _lookup(rng, profile, areas, each)
    home = rng.integers(0, areas * each, count).astype(np.int32)
    area = home // each
    nearby = _nearby(profile, areas)
    choice = pick(rng, nearby[area])[households.household]
    own, before = (pick(rng, nearby[area[households.household]]) for _ in range(2))
    practice = np.where(rng.random(len(people)) < figure("households.same_practice"), choice, own).astype(np.int32)
    return Homes(
        lookup,
        _addresses(rng, pools, households, home),
        home[households.household],
        ((lookup["deprivation_decile"].to_numpy()[home] + 1) // 2).astype(np.int32)[households.household],
        practice,
        before,
        _changes(rng, people, practice != before, window),
    )


def _lookup(rng: Generator, profile: Profile, areas: int, each: int) -> pl.DataFrame:
    """Each fictional postcode with its LSOA and decile of deprivation, which changes gradually around the ring."""
    place = (np.arange(areas) + 0.5) / areas
    lie = np.sin(4 * np.pi * (place + rng.random())) + rng.normal(0, 0.6, areas)
    shares = np.repeat([profile.deprivation_shares[q] / 2 for q in range(1, 6)], 2)
    decile = np.empty(areas, np.int32)
    decile[np.argsort(lie, kind="stable")] = np.searchsorted(np.cumsum(shares)[:-1], (np.arange(areas) + 0.5) / areas, side="right") + 1
    area = np.repeat(np.arange(areas), each)
    district = area * len(profile.postcode_districts) // areas
    number = (np.arange(len(area)) * STEP + rng.integers(len(INWARD))) % len(INWARD)
    codes = [f"{profile.postcode_districts[d]} {INWARD[n]}" for d, n in zip(district.tolist(), number.tolist(), strict=True)]
    lsoas = [f"E01{FIRST_LSOA + a}" for a in area.tolist()]
    return pl.DataFrame({"postcode": codes, "lsoa": lsoas, "deprivation_decile": decile[area]})


def _nearby(profile: Profile, areas: int) -> NDArray[np.float32]:
    """How likely each practice (columns) is for those who live in each LSOA (rows)."""
    weight = np.array([practice.weight for practice in profile.practices])
    at = (np.cumsum(weight) - weight / 2) / weight.sum()
    apart = np.abs((np.arange(areas)[:, None] + 0.5) / areas - at)
    near: NDArray[np.float32] = (weight * np.exp(-0.5 * (np.minimum(apart, 1 - apart) / figure("places.catchment")) ** 2)).astype(np.float32)
    return near


def _addresses(rng: Generator, pools: Pools, households: Households, home: Integers) -> pl.Series:
    """First line of each person's address: house and street, or the name of the care home or hostel."""
    order = np.argsort(home, kind="stable")
    first = np.searchsorted(home[order], home)
    nth = np.empty_like(home)
    nth[order] = np.arange(len(home)) - first[order]
    house = pl.Series(pools.houses)[(home * 17 + nth) % len(pools.houses)]
    street = pl.Series(pools.streets)[rng.integers(0, len(pools.streets), int(home.max()) + 1)[home]]
    line = (house + " " + street)[households.household]
    for kind, names in ((1, pools.care_homes), (2, pools.hostels)):
        named = pl.Series(names)[households.household % len(names)]
        line = pl.select(pl.when(pl.Series(households.communal == kind)).then(named).otherwise(line)).to_series()
    return line


def _changes(rng: Generator, people: People, other: NDArray[np.bool_], window: Window) -> Integers:
    """The day from which those who change practice within the locality are with the new one: one in so many, a month or more after they came."""
    low, high = np.maximum(people.start, window.first) + 30, people.end - 30
    changes = other & (high > low) & (people.standing != Standing.ELSEWHERE) & (rng.random(len(people)) < figure("people.changing_practice") * window.years)
    day = low + (rng.random(len(people)) * np.maximum(high - low, 1)).astype(np.int32)
    return np.where(changes, day, NEVER).astype(np.int32)
