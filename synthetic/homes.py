"""Addresses, postcodes and practices.

The locality is a ring. LSOAs are placed around it, and practices too, in the order of their clusters. Most people choose a practice nearby.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic.households import Households
from synthetic.names import NamePools
from synthetic.people import People, Standing
from synthetic.profiles import Profile
from synthetic.rates import Integers, figure
from synthetic.streams import pick_columns, stream
from synthetic.window import NEVER, Window

UNUSED_INWARD_LETTERS = "CIKMOV"
"""Letters that never occur after the space of a real postcode. Every fictional postcode has at least one of them."""
INWARD_CODES = tuple(
    f"{digit}{a}{b}" for digit in "0123456789" for a in ascii_uppercase for b in ascii_uppercase if a in UNUSED_INWARD_LETTERS or b in UNUSED_INWARD_LETTERS
)
INWARD_STEP = 1237
FIRST_LSOA = 990_000


@dataclass(frozen=True)
class Homes:
    """For each person: address line, position of the postcode in `lookup`, deprivation quintile (1 the most deprived), practice.

    A person who changes practice within the locality has `practice_before` until the day before `practice_change_day`. For everybody
    else that day is `NEVER`.
    """

    lookup: pl.DataFrame
    address: pl.Series
    postcode: Integers
    quintile: Integers
    practice: Integers
    practice_before: Integers
    practice_change_day: Integers


def assign_homes(profile: Profile, pools: NamePools, people: People, households: Households, window: Window, seed: int) -> Homes:
    """Assign a home to every household and a practice to every person. People registered elsewhere get the nearby practice that they do not use."""
    rng = stream(seed, "homes")
    count = int(households.household.max()) + 1
    areas = max(10, round(len(people) / figure("geography.people_per_lsoa")))
    # A small locality or few districts: no more postcodes than fictional codes.
    postcodes_per_area = min(
        max(1, round(count / areas / figure("geography.households_per_postcode"))), len(INWARD_CODES) * len(profile.postcode_districts) // areas
    )
    lookup = _build_postcode_lookup(rng, profile, areas, postcodes_per_area)
    home = rng.integers(0, areas * postcodes_per_area, count).astype(np.int32)
    area = home // postcodes_per_area
    practice_weights = _practice_weights(profile, areas)
    household_practice = pick_columns(rng, practice_weights[area])[households.household]
    own_practice, previous_practice = (pick_columns(rng, practice_weights[area[households.household]]) for _ in range(2))
    practice = np.where(rng.random(len(people)) < figure("households.same_practice"), household_practice, own_practice).astype(np.int32)
    return Homes(
        lookup,
        _addresses(rng, pools, households, home),
        home[households.household],
        ((lookup["deprivation_decile"].to_numpy()[home] + 1) // 2).astype(np.int32)[households.household],
        practice,
        previous_practice,
        _practice_change_days(rng, people, practice != previous_practice, window),
    )


def _build_postcode_lookup(rng: Generator, profile: Profile, areas: int, postcodes_per_area: int) -> pl.DataFrame:
    """Return each fictional postcode with its LSOA and decile of deprivation. Deprivation changes gradually around the ring."""
    ring_position = (np.arange(areas) + 0.5) / areas
    deprivation_score = np.sin(4 * np.pi * (ring_position + rng.random())) + rng.normal(0, 0.6, areas)
    shares = np.repeat([profile.deprivation_shares[q] / 2 for q in range(1, 6)], 2)
    decile = np.empty(areas, np.int32)
    decile[np.argsort(deprivation_score, kind="stable")] = np.searchsorted(np.cumsum(shares)[:-1], (np.arange(areas) + 0.5) / areas, side="right") + 1
    area = np.repeat(np.arange(areas), postcodes_per_area)
    district = area * len(profile.postcode_districts) // areas
    # The step has no factor in common with the number of codes, so that no postcode of a district repeats.
    number = (np.arange(len(area)) * INWARD_STEP + rng.integers(len(INWARD_CODES))) % len(INWARD_CODES)
    codes = [f"{profile.postcode_districts[d]} {INWARD_CODES[n]}" for d, n in zip(district.tolist(), number.tolist(), strict=True)]
    lsoas = [f"E01{FIRST_LSOA + a}" for a in area.tolist()]
    return pl.DataFrame({"postcode": codes, "lsoa": lsoas, "deprivation_decile": decile[area]})


def _practice_weights(profile: Profile, areas: int) -> NDArray[np.float32]:
    """Return how likely each practice (columns) is for residents of each LSOA (rows)."""
    weight = np.array([practice.weight for practice in profile.practices])
    practice_position = (np.cumsum(weight) - weight / 2) / weight.sum()
    distance = np.abs((np.arange(areas)[:, None] + 0.5) / areas - practice_position)
    weights: NDArray[np.float32] = (weight * np.exp(-0.5 * (np.minimum(distance, 1 - distance) / figure("geography.catchment")) ** 2)).astype(np.float32)
    return weights


def _addresses(rng: Generator, pools: NamePools, households: Households, home: Integers) -> pl.Series:
    """Return the first line of each person's address: house and street, or the name of the care home or hostel."""
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


def _practice_change_days(rng: Generator, people: People, has_other_practice: NDArray[np.bool_], window: Window) -> Integers:
    """Draw the first day with the new practice for a share of people, at least 30 days after arrival and before leaving; else `NEVER`."""
    low, high = np.maximum(people.start, window.first) + 30, people.end - 30
    changes = (
        has_other_practice
        & (high > low)
        & (people.standing != Standing.ELSEWHERE)
        & (rng.random(len(people)) < figure("people.changing_practice") * window.years)
    )
    day = low + (rng.random(len(people)) * np.maximum(high - low, 1)).astype(np.int32)
    return np.where(changes, day, NEVER).astype(np.int32)
