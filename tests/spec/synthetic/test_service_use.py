"""Use of services in a synthetic locality varies by age, deprivation and year as in the sources."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bcf_linkage.definitions.periods import window_to
from synthetic import costs
from synthetic.demand import emergency_targets
from synthetic.people import Standing
from synthetic.rates import figure, rate_table
from tests.clean_locality import YEAR, YEAR_BEFORE, clean_extracts, clean_lives


@cache
def pounds(year: tuple) -> NDArray[np.float64]:
    return costs.health_costs(clean_extracts(), len(clean_lives().people), *year)


@cache
def emergencies() -> NDArray[np.int64]:
    return costs.emergency_admissions(clean_extracts(), len(clean_lives().people), *YEAR)


def registered() -> NDArray[np.bool_]:
    return clean_lives().people.standing == Standing.REGISTERED


def test_emergency_admissions_have_the_plans_rate() -> None:
    """The fund's metric counts admissions of people who have since left or died too, over those registered on the last day."""
    lives = clean_lives()
    counted = lives.people.on_register & (lives.people.standing != Standing.OBJECTING)
    assert abs(1000 * emergencies()[counted].sum() / registered().sum() / figure("urgent.emergency_admissions") - 1) < 0.08


def test_emergency_admissions_rise_with_age_after_childhood() -> None:
    age = clean_lives().people.age
    young, middle, older, oldest = (emergencies()[registered() & (age >= low) & (age < high)].mean() for low, high in ((15, 45), (45, 65), (65, 80), (80, 120)))
    assert young < middle < older < oldest
    assert emergencies()[registered() & (age < 5)].mean() > emergencies()[registered() & (age >= 5) & (age < 15)].mean()


def test_expected_admissions_keep_the_ratios_of_the_sourced_table() -> None:
    lives = clean_lives()
    rates = lives.demand.emergencies[:, -12:].sum(axis=1)
    sourced = rate_table("emergency_admissions")
    bands = [(0, 20), (20, 38), (38, 53), (53, 67), (67, 120)]
    found = np.array(
        [
            [rates[registered() & (lives.homes.quintile == q) & (lives.people.age >= low) & (lives.people.age < high)].mean() for low, high in bands]
            for q in range(1, 6)
        ]
    )
    ratios = 1000 * found / sourced.select([c for c in sourced.columns if c[0].isdigit()]).to_numpy()
    assert (np.abs(ratios / np.median(ratios) - 1) < 0.2).all()


def test_targets_keep_the_ratio_of_the_most_to_the_least_deprived_quintile() -> None:
    age = np.repeat(np.arange(100, dtype=np.int32), 5)
    quintile = np.tile(np.arange(1, 6, dtype=np.int32), 100)
    targets = emergency_targets(age, quintile, np.ones(len(age), np.bool_))
    old = age >= 67
    most, least = (targets.rates[old & (quintile == q)].mean() for q in (1, 5))
    assert abs(most / least - 282.2 / 202.4) < 0.01


def test_costs_rise_with_age_and_deprivation() -> None:
    lives = clean_lives(25_000)
    here = lives.people.standing == Standing.REGISTERED
    age, quintile, spent = lives.people.age[here], lives.homes.quintile[here], costs.health_costs(clean_extracts(25_000), len(lives.people), *YEAR)[here]
    by_age = [spent[(age >= low) & (age < low + 20)].mean() for low in (20, 40, 60, 80)]
    assert by_age == sorted(by_age)
    assert spent[quintile <= 2].mean() > 1.08 * spent[quintile >= 4].mean()


def test_some_but_not_all_heavy_users_are_heavy_users_next_year() -> None:
    stayed = registered() & (clean_lives().people.start <= clean_lives().window.first)
    before, after = pounds(YEAR_BEFORE)[stayed], pounds(YEAR)[stayed]
    most = round(0.05 * len(after))
    heavy = np.argsort(-before)[:most]
    assert 0.3 < np.isin(heavy, np.argsort(-after)[:most]).mean() < 0.55
    assert after[heavy].mean() < 0.8 * before[heavy].mean()
    assert after[heavy].mean() > 3 * after.mean()


def test_some_but_not_most_of_the_costliest_two_percent_stay_there() -> None:
    """Assumed: between the shares of a survey of the US, 20% of the costliest 1% and 38% of the costliest 5%, AHRQ brief 354 [M]. Chance keeps 2%."""
    stayed = registered() & (clean_lives().people.start <= clean_lives().window.first)
    before, after = pounds(YEAR_BEFORE)[stayed], pounds(YEAR)[stayed]
    most = round(0.02 * len(after))
    kept = np.isin(np.argsort(-before)[:most], np.argsort(-after)[:most]).mean()
    assert 0.2 < kept < 0.45


def test_correlation_between_months_falls_with_their_distance() -> None:
    stayed = registered() & (clean_lives().people.start <= clean_lives().window.first)
    months = [period_of(month) for month in window_to(YEAR[1]).months]
    monthly = np.log1p([costs.health_costs(clean_extracts(), len(clean_lives().people), *month)[stayed] for month in months])
    correlation = {apart: np.mean([np.corrcoef(monthly[n], monthly[n + apart])[0, 1] for n in range(24 - apart)]) for apart in (1, 3, 6, 12, 23)}
    assert list(correlation.values()) == sorted(correlation.values(), reverse=True)
    assert correlation[1] > 0.35
    assert 0.85 * correlation[1] > correlation[12] > correlation[23] > 0.1


def period_of(month: date) -> tuple[date, date]:
    return month, date(month.year, month.month, monthrange(month.year, month.month)[1])


def test_last_years_use_predicts_emergency_admission_as_well_as_real_models() -> None:
    lives = clean_lives()
    adults = registered() & (lives.people.age >= 18) & (lives.people.start <= lives.window.first)
    score, admitted = (np.log1p(pounds(YEAR_BEFORE)) + 0.03 * lives.people.age)[adults], emergencies()[adults] > 0
    rank = np.argsort(np.argsort(score))
    n = admitted.sum()
    area = (rank[admitted].sum() - n * (n - 1) / 2) / (n * (~admitted).sum())
    assert 0.68 < area < 0.85


def test_each_band_of_equal_cost_has_a_fifth_of_the_cost() -> None:
    year_costs = pounds(YEAR)[registered()]
    bands = costs.summarise_bands(year_costs)
    assert sum(people for people, _ in bands) == len(year_costs)
    for people, mean in bands[:5]:
        assert abs(people * mean / year_costs.sum() - 0.2) < year_costs.max() / year_costs.sum()


def test_the_band_table_of_a_small_locality_is_near_the_printed_one() -> None:
    bands, printed = costs.summarise_bands(pounds(YEAR)[registered()]), rate_table("bands")
    for (people, _), expected in zip(bands, printed["people"].cast(int), strict=True):
        assert abs(people / 5000 - expected / 249_089) < 0.03
