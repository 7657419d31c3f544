"""Clean synthetic localities, made once for the tests of what is in them."""

from __future__ import annotations

from datetime import date
from functools import cache

import polars as pl

from synthetic import profiles
from synthetic.lives import Lives, live
from synthetic.make import observed

AS_AT = date(2014, 9, 30)
YEAR_BEFORE, YEAR = (date(2012, 10, 1), date(2013, 9, 30)), (date(2013, 10, 1), AS_AT)


@cache
def lives(people: int = 5000, locality: str = "southampton", seed: int = 3) -> Lives:
    """The people of a locality."""
    return live(profiles.load(locality), people, AS_AT, seed)


@cache
def extracts(people: int = 5000, locality: str = "southampton", seed: int = 3) -> dict[str, pl.DataFrame]:
    """What each service recorded of them."""
    return observed(lives(people, locality, seed))
