"""The one rule for a registration, for an age and for an age band, and that every wing uses it."""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions import ages, registration
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.identifiable import coarse_values
from bcf_linkage.pseudonymised import days, people, spells
from bcf_linkage.published import metrics, opt_outs
from bcf_linkage.published.linkage_quality import match_rates
from tests.frame_builder import lazy, sorted_rows

DAY = date(2014, 9, 30)
BANDS = (AgeBand("child", 5), AgeBand("adult", 18))


@pytest.mark.parametrize(
    ("start", "end", "death", "has_registration", "is_registered"),
    [
        (date(2014, 9, 30), None, None, True, True),
        (date(2014, 10, 1), None, None, False, False),
        (date(2000, 1, 1), date(2014, 9, 30), None, True, True),
        (date(2000, 1, 1), date(2014, 9, 29), None, False, False),
        (date(2000, 1, 1), None, date(2014, 9, 30), True, False),
        (date(2000, 1, 1), None, date(2014, 10, 1), True, True),
        (None, None, None, None, None),
    ],
)
def test_a_registration_covers_a_day_and_its_person_is_alive_at_the_end_of_it(
    start: date | None, end: date | None, death: date | None, has_registration: bool | None, is_registered: bool | None
) -> None:
    row: dict[str, Any] = {"registration_start_date": start, "registration_end_date": end, "date_of_death": death, "day": DAY}
    frame = lazy(pl.DataFrame([row], schema=dict.fromkeys(row, pl.Date)))
    found = frame.select(
        has=registration.has_registration_on(DAY),
        has_by_column=registration.has_registration_on(nw.col("day")),
        registered=registration.is_registered_on(DAY),
    )
    assert sorted_rows(found, "has", "has_by_column", "registered") == [(has_registration, has_registration, is_registered)]


@pytest.mark.parametrize(("born", "to_come", "age"), [(1964, False, 50), (1964, True, 49), (2014, False, 0), (2014, True, -1), (None, None, None)])
def test_an_age_is_the_years_since_birth_less_one_before_the_birthday(born: int | None, to_come: bool | None, age: int | None) -> None:
    frame = lazy(pl.DataFrame({"born": [born], "to_come": [to_come], "year": [2014]}, schema={"born": pl.Int64, "to_come": pl.Boolean, "year": pl.Int64}))
    born_column, to_come_column = nw.col("born"), nw.col("to_come")
    found = frame.select(
        with_integer=ages.whole_years(born_column, to_come_column, 2014), by_column=ages.whole_years(born_column, to_come_column, nw.col("year"))
    )
    assert sorted_rows(found, "with_integer", "by_column") == [(age, age)]


@pytest.mark.parametrize(("age", "band"), [(4, None), (5, "child"), (17, "child"), (18, "adult"), (110, "adult"), (None, None)])
def test_an_age_is_in_the_last_band_that_begins_by_then(age: int | None, band: str | None) -> None:
    frame = lazy(pl.DataFrame({"age": [age]}, schema={"age": pl.Int64}))
    assert sorted_rows(frame.select(band=ages.age_band(nw.col("age"), BANDS)), "band") == [(band,)]


def test_every_wing_uses_the_same_functions() -> None:
    assert people.is_registered_on is metrics.is_registered_on is registration.is_registered_on
    assert spells.has_registration_on is registration.has_registration_on
    assert people.age_band is match_rates.age_band is opt_outs.age_band is ages.age_band
    assert coarse_values.whole_years is days.whole_years is ages.whole_years
