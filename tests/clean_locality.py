"""Clean synthetic localities, generated once for the tests of their contents."""

from __future__ import annotations

from datetime import date
from functools import cache

import polars as pl

from synthetic import profiles
from synthetic.lives import Lives, generate_lives
from synthetic.make_locality import build_extracts

AS_AT = date(2014, 9, 30)
YEAR_BEFORE, YEAR = (date(2012, 10, 1), date(2013, 9, 30)), (date(2013, 10, 1), AS_AT)


@cache
def clean_lives(people: int = 5000, locality: str = "southampton", seed: int = 3) -> Lives:
    """Return the people of a locality."""
    return generate_lives(profiles.load_profile(locality), people, AS_AT, seed)


@cache
def clean_extracts(people: int = 5000, locality: str = "southampton", seed: int = 3) -> dict[str, pl.DataFrame]:
    """Return each service's records of these people."""
    return build_extracts(clean_lives(people, locality, seed))
