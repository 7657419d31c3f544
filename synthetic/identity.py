"""What people are called and numbered. All of it is made up: the NHS numbers come from the range that is never issued."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic.homes import Homes
from synthetic.households import Households
from synthetic.names import Pools
from synthetic.nhs_numbers import check_digits
from synthetic.people import People
from synthetic.profiles import Profile
from synthetic.rates import Integers, figure
from synthetic.streams import shared_out, stream
from synthetic.window import NEVER, iso

ELSEWHERE_PRACTICE = "V99999"


def name(profile: Profile, pools: Pools, people: People, households: Households, homes: Homes, seed: int) -> pl.DataFrame:
    """The words by which services know each person: one row per person, every column text, blank as null."""
    rng = stream(seed, "identity")
    ethnic = _ethnic_groups(rng, profile, people, households)
    codes = np.array(list(profile.ethnic_shares))
    named_from = ethnic * 2 + people.female
    male_or_female = np.where(people.female, "2", "1")
    given = [names for code in codes for names in (pools.given[code, "1"], pools.given[code, "2"])]
    family = [pools.family[code] for code in codes]
    practices = pl.Series([practice.code for practice in profile.practices] + [ELSEWHERE_PRACTICE])
    practice = np.where(people.on_register, homes.practice, len(profile.practices))
    return pl.DataFrame(
        {
            "nhs_number": nhs_numbers(rng, len(people)),
            "given_name": _unlike_twins(stream(seed, "names of twins"), given, named_from, _drawn(rng, given, named_from), people, households),
            "family_name": _drawn(rng, family, ethnic)[households.named_after],
            "date_of_birth": iso(people.born),
            "sex": male_or_female,
            "ethnic_category": codes[ethnic],
            "address_line_1": homes.address,
            "postcode": homes.lookup["postcode"][homes.postcode],
            "practice_code": practices[practice],
            "practice_code_before": practices[np.where(homes.changed < NEVER, homes.practice_before, practice)],
            "date_of_death": iso(people.died),
            "gp_patient_id": local_numbers(rng, "P", len(people)),
            "gp_patient_id_before": local_numbers(rng, "Q", len(people)),
            "local_patient_identifier": local_numbers(rng, "H", len(people)),
            "la_person_unique_identifier": local_numbers(rng, "C", len(people)),
        }
    )


def nhs_numbers(rng: Generator, count: int) -> pl.Series:
    """So many different ten-digit numbers that begin with 9, end in the right check digit and do not repeat one digit."""
    stems = rng.permutation(np.unique(9 * 10**8 + rng.integers(0, 10**8 - 1, round(count * 1.3) + 100)))
    check = check_digits(stems)
    numbers = (stems * 10 + check)[(check < 10) & (stems != 999_999_999)][:count]
    if len(numbers) < count:
        raise ValueError(f"the never-issued range has too few numbers for {count} people")
    return pl.Series(numbers).cast(pl.String)


def local_numbers(rng: Generator, letter: str, count: int) -> pl.Series:
    """So many different numbers of a supplier's own: a letter and digits, in no order."""
    return pl.Series(letter + pl.Series(10**6 + rng.permutation(count)).cast(pl.String))


def _ethnic_groups(rng: Generator, profile: Profile, people: People, households: Households) -> Integers:
    """Each person's ethnic group by position: mostly that of the head of the household."""
    drawn = shared_out(rng, np.array(list(profile.ethnic_shares.values())), len(people))
    alike = rng.random(len(people)) < figure("households.same_ethnic_group")
    return np.where(alike & (households.communal == 0), drawn[households.head], drawn).astype(np.int32)


def _unlike_twins(rng: Generator, pools: list[NDArray[np.str_]], which: Integers, given: pl.Series, people: People, households: Households) -> pl.Series:
    """Given names, drawn anew for whoever would be called as a twin of theirs is."""
    while True:
        told = pl.DataFrame({"household": households.household, "born": people.born, "female": people.female, "given": given})
        alike = np.flatnonzero(~told.select(pl.struct(pl.all()).is_first_distinct()).to_series())
        if not len(alike):
            return given
        given = given.scatter(alike, _drawn(rng, pools, which[alike]))


def _drawn(rng: Generator, pools: list[NDArray[np.str_]], which: Integers) -> pl.Series:
    """One word for each entry, from the pool that it names by position."""
    sizes = np.array([len(pool) for pool in pools])
    starts = np.cumsum(sizes) - sizes
    words = pl.Series(np.concatenate(pools))
    return words.gather(starts[which] + (rng.random(len(which)) * sizes[which]).astype(np.int64))
