"""The one rule for an age in whole years, and the one rule for its band. All three wings use them."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from bcf_linkage.definitions.rulebook import AgeBand


def whole_years(birth_year: nw.Expr, birthday_to_come: nw.Expr, year: nw.Expr | int) -> nw.Expr:
    """Return an age in whole years: the years since the year of birth, less one if the birthday of `year` is still to come.

    Null if the year of birth is not known.
    """
    return year - birth_year - birthday_to_come.cast(nw.Int64)


def age_band(age: nw.Expr, ages: Sequence[AgeBand]) -> nw.Expr:
    """Return the name of the band of an age, null if the age is not known or is below the first band."""
    band = nw.when(age >= ages[0].from_age).then(nw.lit(ages[0].name)).otherwise(nw.lit(None).cast(nw.String))
    for next_band in ages[1:]:
        band = nw.when(age >= next_band.from_age).then(nw.lit(next_band.name)).otherwise(band)
    return band
