"""A small locality of any profile and seed breaks no rule and is reproducible."""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions.extracts import EXTRACTS
from synthetic import profiles
from synthetic.lives import generate_lives
from synthetic.make_locality import build_extracts
from tests.constraint_checks import count_broken_rules

LOCALITIES = st.sampled_from(profiles.locality_names())
SEEDS = st.integers(0, 2**31)
MONTH_ENDS = st.sampled_from([date(2013, 2, 28), date(2014, 9, 30), date(2016, 2, 29), date(2024, 12, 31)])
FEW_EXAMPLES = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def build_locality(locality_name: str, people: int, as_at: date, seed: int) -> dict[str, pl.DataFrame]:
    return build_extracts(generate_lives(profiles.load_profile(locality_name), people, as_at, seed))


@FEW_EXAMPLES
@given(LOCALITIES, st.integers(200, 700), MONTH_ENDS, SEEDS)
def test_no_rule_is_broken_at_any_size_profile_and_date(locality_name: str, people: int, as_at: date, seed: int) -> None:
    extracts = build_locality(locality_name, people, as_at, seed)
    for name, table in EXTRACTS.items():
        assert count_broken_rules(extracts[name], table) == {}
        assert extracts[name].height > 0
        assert extracts[name].select(table.key).n_unique() == extracts[name].height


@FEW_EXAMPLES
@given(LOCALITIES, SEEDS)
def test_the_same_seed_gives_the_same_locality_and_another_seed_another(locality_name: str, seed: int) -> None:
    first, again, other = (build_locality(locality_name, 250, date(2014, 9, 30), s) for s in (seed, seed, seed + 1))
    for name in EXTRACTS:
        assert first[name].equals(again[name])
        assert not first[name].equals(other[name])
