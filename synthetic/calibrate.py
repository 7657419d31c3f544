"""Find the spending at each need, and the level of emergency admissions, at which Southampton comes out as its plan prints.

    python -m synthetic.calibrate --people 249089 --seeds 1 2 3 --rounds 3

Only rates change: the knots of `rates/spend.csv` and `urgent.emergency_scale`. Each round makes clean localities, measures the
people in each band, the total cost and the emergency admissions, and steps all knots at once by least squares (Gauss-Newton).
The slopes are measured on a smaller locality with the same random numbers. Rates are written back after every round.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bcf_linkage.definitions.periods import year_to
from synthetic import costs, profiles
from synthetic.demand import demand
from synthetic.lives import Lives, live
from synthetic.make import observed
from synthetic.people import Standing
from synthetic.rates import figure, figures, numbers, table

AS_AT = date(2014, 9, 30)
HERE = Path(__file__).parent / "rates"
NUDGE, CAUTION = 0.2, 0.1

Vector = NDArray[np.float64]


def measured(made: list[Lives]) -> Vector:
    """Logarithms of what is to come out: people of the bands, mean cost of all, emergency admissions. Each per person, a mean over the localities."""
    results = []
    for lives in made:
        extracts = observed(asked_again(lives))
        year, people = year_to(AS_AT), len(lives.people)
        registered = lives.people.standing == Standing.REGISTERED
        pounds = costs.health_costs(extracts, people, year.start, year.end)[registered]
        admissions = costs.emergency_admissions(extracts, people, year.start, year.end)[registered]
        held = [n / len(pounds) for n, _ in costs.bands(pounds)]
        results.append([*held[:4], held[5], pounds.mean(), admissions.mean()])
    return np.log(np.mean(results, axis=0))


def asked_again(lives: Lives) -> Lives:
    """The same people, asking for services at the present rates."""
    return replace(lives, demand=demand(lives.people, lives.conditions, lives.homes.quintile, lives.need, lives.window))


def wanted() -> Vector:
    """The same of the plan. Costs and admissions lie a little above it, since faulty records will lose some."""
    bands = table("bands")
    people, mean = numbers(bands, "people"), numbers(bands, "mean_cost")
    kept = 1 - figure("calibration.lost_to_faults")
    held = people / people.sum()
    return np.log([*held[:4], held[5], (held @ mean) / kept, figure("urgent.emergency_admissions") / 1000 / kept])


def rates() -> Vector:
    """The rates to be found, as logarithms: pounds at each knot of need, then the level of emergency admissions."""
    return np.log([*numbers(table("spend"), "pounds"), figure("urgent.emergency_scale")])


def use(values: Vector) -> None:
    """Write the rates and forget those read before."""
    pounds = np.maximum.accumulate(np.exp(values[:-1]))
    spend = table("spend").with_columns(pounds=pl.Series([f"{each:.4g}" for each in pounds]))
    spend.write_csv(HERE / "spend.csv")
    text = (HERE / "figures.toml").read_text(encoding="utf-8")
    scale = rf"\g<1>{np.exp(values[-1]):.4f}"
    (HERE / "figures.toml").write_text(re.sub(r"(emergency_scale = \{ value = )[0-9.]+", scale, text), encoding="utf-8")
    table.cache_clear()
    figures.cache_clear()


def slopes(made: list[Lives]) -> Vector:
    """How each outcome moves with each rate."""
    now, start = rates(), measured(made)
    columns = []
    for n in range(len(now)):
        use(now + NUDGE * (np.arange(len(now)) == n))
        columns.append((measured(made) - start) / NUDGE)
    use(now)
    return np.stack(columns, axis=1)


def step(outcomes: Vector, moves: Vector) -> Vector:
    """The change of rates that brings the outcomes nearest to what is wanted, the smallest that does."""
    size = moves.shape[1]
    stacked = np.vstack([moves, CAUTION * np.eye(size)])
    change: Vector = np.linalg.lstsq(stacked, np.append(wanted() - outcomes, np.zeros(size)), rcond=None)[0]
    return np.clip(change, -0.3, 0.3)


def main() -> None:
    """Calibrate, telling how far each round is off, in percent."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=249_089)
    options.add_argument("--slopes-from", type=int, default=40_000)
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--slopes-every", type=int, default=2)
    chosen = options.parse_args()
    southampton = profiles.load("southampton")
    few = [live(southampton, chosen.slopes_from, AS_AT, chosen.seeds[0])]
    made = [live(southampton, chosen.people, AS_AT, seed) for seed in chosen.seeds] if chosen.people != chosen.slopes_from else few
    for number in range(chosen.rounds):
        if number % chosen.slopes_every == 0:
            moves = slopes(few)
        outcomes = measured(made)
        off = ", ".join(f"{100 * (np.exp(gap) - 1):+.2f}%" for gap in outcomes - wanted())
        sys.stdout.write(f"Very High, High, Moderate, Low, Non users, cost, emergency admissions: {off}\n")
        sys.stdout.flush()
        use(rates() + step(outcomes, moves))


if __name__ == "__main__":
    main()
