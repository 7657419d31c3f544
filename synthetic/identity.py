"""Names and identifiers of people. All are fictional: the NHS numbers come from the range that is never issued."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic.homes import Homes
from synthetic.households import Households
from synthetic.names import NamePools
from synthetic.nhs_numbers import check_digits
from synthetic.people import People
from synthetic.profiles import Profile
from synthetic.rates import Integers, figure
from synthetic.streams import allocate_by_share, stream
from synthetic.window import NEVER, iso_dates

ELSEWHERE_PRACTICE = "V99999"


def assign_identifiers(profile: Profile, pools: NamePools, people: People, households: Households, homes: Homes, seed: int) -> pl.DataFrame:
    """Return the identifiers by which services know each person: one row per person, every column text, null where blank."""
    rng = stream(seed, "identity")
    ethnic = _draw_ethnic_groups(rng, profile, people, households)
    codes = np.array(list(profile.ethnic_shares))
    given_name_pool = ethnic * 2 + people.female
    male_or_female = np.where(people.female, "2", "1")
    given = [names for code in codes for names in (pools.given[code, "1"], pools.given[code, "2"])]
    family = [pools.family[code] for code in codes]
    practices = pl.Series([practice.code for practice in profile.practices] + [ELSEWHERE_PRACTICE])
    practice = np.where(people.on_register, homes.practice, len(profile.practices))
    return pl.DataFrame(
        {
            "nhs_number": generate_nhs_numbers(rng, len(people)),
            "given_name": _redraw_twin_names(
                stream(seed, "names of twins"), given, given_name_pool, _draw_from_pools(rng, given, given_name_pool), people, households
            ),
            "family_name": _draw_from_pools(rng, family, ethnic)[households.named_after],
            "date_of_birth": iso_dates(people.born),
            "sex": male_or_female,
            "ethnic_category": codes[ethnic],
            "address_line_1": homes.address,
            "postcode": homes.lookup["postcode"][homes.postcode],
            "practice_code": practices[practice],
            "practice_code_before": practices[np.where(homes.practice_change_day < NEVER, homes.practice_before, practice)],
            "date_of_death": iso_dates(people.died),
            "gp_patient_id": generate_local_numbers(rng, "P", len(people)),
            "gp_patient_id_before": generate_local_numbers(rng, "Q", len(people)),
            "local_patient_identifier": generate_local_numbers(rng, "H", len(people)),
            "la_person_unique_identifier": generate_local_numbers(rng, "C", len(people)),
        }
    )


def generate_nhs_numbers(rng: Generator, count: int) -> pl.Series:
    """Return distinct ten-digit numbers that begin with 9, have a valid check digit and do not repeat one digit.

    Raises ValueError if the range has too few.
    """
    stems = rng.permutation(np.unique(9 * 10**8 + rng.integers(0, 10**8 - 1, round(count * 1.3) + 100)))
    check = check_digits(stems)
    numbers = (stems * 10 + check)[(check < 10) & (stems != 999_999_999)][:count]
    if len(numbers) < count:
        raise ValueError(f"the never-issued range has too few numbers for {count} people")
    return pl.Series(numbers).cast(pl.String)


def generate_local_numbers(rng: Generator, letter: str, count: int) -> pl.Series:
    """Return distinct local numbers of a supplier, a letter and digits, in random order."""
    return pl.Series(letter + pl.Series(10**6 + rng.permutation(count)).cast(pl.String))


def _draw_ethnic_groups(rng: Generator, profile: Profile, people: People, households: Households) -> Integers:
    """Draw each person's ethnic group by position. Most people have that of the head of their household."""
    drawn = allocate_by_share(rng, np.array(list(profile.ethnic_shares.values())), len(people))
    same_as_head = rng.random(len(people)) < figure("households.same_ethnic_group")
    return np.where(same_as_head & (households.communal == 0), drawn[households.head], drawn).astype(np.int32)


def _redraw_twin_names(
    rng: Generator, pools: list[NDArray[np.str_]], pool_index: Integers, given: pl.Series, people: People, households: Households
) -> pl.Series:
    """Redraw given names until no twin has the given name of a twin of the same sex."""
    while True:
        twin_keys = pl.DataFrame({"household": households.household, "born": people.born, "female": people.female, "given": given})
        repeated = np.flatnonzero(~twin_keys.select(pl.struct(pl.all()).is_first_distinct()).to_series())
        if not len(repeated):
            return given
        given = given.scatter(repeated, _draw_from_pools(rng, pools, pool_index[repeated]))


def _draw_from_pools(rng: Generator, pools: list[NDArray[np.str_]], pool_index: Integers) -> pl.Series:
    """Draw one word for each entry of `pool_index`, from the pool at that position."""
    sizes = np.array([len(pool) for pool in pools])
    starts = np.cumsum(sizes) - sizes
    words = pl.Series(np.concatenate(pools))
    return words.gather(starts[pool_index] + (rng.random(len(pool_index)) * sizes[pool_index]).astype(np.int64))
