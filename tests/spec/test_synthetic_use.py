"""Who uses services how much in a synthetic locality: by age and deprivation, and from one year to the next."""

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
from synthetic.rates import figure, table
from tests.spec.clean_locality import YEAR, YEAR_BEFORE, extracts, lives


@cache
def pounds(year: tuple) -> NDArray[np.float64]:
    return costs.health_costs(extracts(), len(lives().people), *year)


@cache
def emergencies() -> NDArray[np.int64]:
    return costs.emergency_admissions(extracts(), len(lives().people), *YEAR)


def registered() -> NDArray[np.bool_]:
    return lives().people.standing == Standing.REGISTERED


def test_emergency_admissions_come_at_the_plan_s_rate() -> None:
    """As the metric of the fund counts them: also of people who have since left or died, beside those registered on the last day."""
    made = lives()
    counted = made.people.on_register & (made.people.standing != Standing.OBJECTING)
    assert abs(1000 * emergencies()[counted].sum() / registered().sum() / figure("urgent.emergency_admissions") - 1) < 0.08


def test_emergency_admissions_rise_with_age_after_childhood() -> None:
    age = lives().people.age
    young, middle, older, oldest = (emergencies()[registered() & (age >= low) & (age < high)].mean() for low, high in ((15, 45), (45, 65), (65, 80), (80, 120)))
    assert young < middle < older < oldest
    assert emergencies()[registered() & (age < 5)].mean() > emergencies()[registered() & (age >= 5) & (age < 15)].mean()


def test_expected_admissions_keep_the_ratios_of_the_sourced_table() -> None:
    made = lives()
    rates = made.demand.emergencies[:, -12:].sum(axis=1)
    sourced = table("emergency_admissions")
    bands = [(0, 20), (20, 38), (38, 53), (53, 67), (67, 120)]
    found = np.array(
        [
            [rates[registered() & (made.homes.quintile == q) & (made.people.age >= low) & (made.people.age < high)].mean() for low, high in bands]
            for q in range(1, 6)
        ]
    )
    ratios = 1000 * found / sourced.select([c for c in sourced.columns if c[0].isdigit()]).to_numpy()
    assert (np.abs(ratios / np.median(ratios) - 1) < 0.2).all()


def test_targets_are_the_table_times_one_scale() -> None:
    age = np.repeat(np.arange(100, dtype=np.int32), 5)
    quintile = np.tile(np.arange(1, 6, dtype=np.int32), 100)
    targets = emergency_targets(age, quintile, np.ones(len(age), np.bool_))
    old = age >= 67
    most, least = (targets.rates[old & (quintile == q)].mean() for q in (1, 5))
    assert abs(most / least - 282.2 / 202.4) < 0.01


def test_costs_rise_with_age_and_deprivation() -> None:
    made = lives(25_000)
    here = made.people.standing == Standing.REGISTERED
    age, quintile, spent = made.people.age[here], made.homes.quintile[here], costs.health_costs(extracts(25_000), len(made.people), *YEAR)[here]
    by_age = [spent[(age >= low) & (age < low + 20)].mean() for low in (20, 40, 60, 80)]
    assert by_age == sorted(by_age)
    assert spent[quintile <= 2].mean() > 1.08 * spent[quintile >= 4].mean()


def test_next_year_s_heavy_users_are_some_but_not_all_of_this_year_s() -> None:
    stayed = registered() & (lives().people.start <= lives().window.first)
    before, after = pounds(YEAR_BEFORE)[stayed], pounds(YEAR)[stayed]
    most = round(0.05 * len(after))
    heavy = np.argsort(-before)[:most]
    assert 0.3 < np.isin(heavy, np.argsort(-after)[:most]).mean() < 0.55
    assert after[heavy].mean() < 0.8 * before[heavy].mean()
    assert after[heavy].mean() > 3 * after.mean()


def test_of_the_costliest_fiftieth_some_but_not_most_stay_there() -> None:
    """Assumed: between what a survey of the United States found for the costliest 1% (20%) and 5% (38%), AHRQ brief 354 [M]. Chance alone keeps 2%."""
    stayed = registered() & (lives().people.start <= lives().window.first)
    before, after = pounds(YEAR_BEFORE)[stayed], pounds(YEAR)[stayed]
    most = round(0.02 * len(after))
    kept = np.isin(np.argsort(-before)[:most], np.argsort(-after)[:most]).mean()
    assert 0.2 < kept < 0.45


def test_months_resemble_each_other_the_less_the_further_they_lie_apart() -> None:
    stayed = registered() & (lives().people.start <= lives().window.first)
    months = [period_of(month) for month in window_to(YEAR[1]).months]
    monthly = np.log1p([costs.health_costs(extracts(), len(lives().people), *month)[stayed] for month in months])
    alike = {apart: np.mean([np.corrcoef(monthly[n], monthly[n + apart])[0, 1] for n in range(24 - apart)]) for apart in (1, 3, 6, 12, 23)}
    assert list(alike.values()) == sorted(alike.values(), reverse=True)
    assert alike[1] > 0.35
    assert 0.85 * alike[1] > alike[12] > alike[23] > 0.1


def period_of(month: date) -> tuple[date, date]:
    return month, date(month.year, month.month, monthrange(month.year, month.month)[1])


def test_last_year_s_use_predicts_emergency_admission_as_well_as_real_models_do() -> None:
    made = lives()
    adults = registered() & (made.people.age >= 18) & (made.people.start <= made.window.first)
    score, admitted = (np.log1p(pounds(YEAR_BEFORE)) + 0.03 * made.people.age)[adults], emergencies()[adults] > 0
    rank = np.argsort(np.argsort(score))
    n = admitted.sum()
    area = (rank[admitted].sum() - n * (n - 1) / 2) / (n * (~admitted).sum())
    assert 0.68 < area < 0.85


def test_bands_of_equal_cost_hold_a_fifth_each() -> None:
    mine = pounds(YEAR)[registered()]
    held = costs.bands(mine)
    assert sum(people for people, _ in held) == len(mine)
    for people, mean in held[:5]:
        assert abs(people * mean / mine.sum() - 0.2) < mine.max() / mine.sum()


def test_the_small_band_table_lies_near_the_printed_one() -> None:
    held, printed = costs.bands(pounds(YEAR)[registered()]), table("bands")
    for (people, _), expected in zip(held, printed["people"].cast(int), strict=True):
        assert abs(people / 5000 - expected / 249_089) < 0.03
