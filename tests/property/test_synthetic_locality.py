"""Any small locality, of any place and seed, keeps every rule and comes out the same each time."""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.extracts import EXTRACTS
from synthetic import profiles
from synthetic.lives import live
from synthetic.make import observed
from tests.spec.declared import broken

PLACES = st.sampled_from(profiles.names())
SEEDS = st.integers(0, 2**31)
MONTH_ENDS = st.sampled_from([date(2013, 2, 28), date(2014, 9, 30), date(2016, 2, 29), date(2024, 12, 31)])
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def made(place: str, people: int, as_at: date, seed: int) -> dict[str, pl.DataFrame]:
    return observed(live(profiles.load(place), people, as_at, seed))


@FEW
@given(PLACES, st.integers(200, 700), MONTH_ENDS, SEEDS)
def test_no_rule_is_broken_at_any_size_place_and_date(place: str, people: int, as_at: date, seed: int) -> None:
    extracts = made(place, people, as_at, seed)
    for name, table in EXTRACTS.items():
        assert broken(extracts[name], table) == {}
        assert extracts[name].height > 0
        assert extracts[name].select(table.key).n_unique() == extracts[name].height


@FEW
@given(PLACES, SEEDS)
def test_the_same_seed_gives_the_same_locality_and_another_another(place: str, seed: int) -> None:
    first, again, other = (made(place, 250, date(2014, 9, 30), s) for s in (seed, seed, seed + 1))
    for name in EXTRACTS:
        assert first[name].equals(again[name])
        assert not first[name].equals(other[name])
