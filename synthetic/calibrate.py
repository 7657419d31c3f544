"""Find the spending at each need, and the level of emergency admissions, at which Southampton comes out as its plan prints.

    python -m synthetic.calibrate --people 249089 --seeds 1 2 3 --rounds 3

Only rates change: the knots of `rates/spend.csv` and `urgent.emergency_scale`. What comes out is measured on localities without
faults; what faults take from it is measured once, and aimed above. Of all rising curves of spending that come out as the plan
prints, the smoothest is taken: each round steps towards it (Gauss-Newton), with slopes measured on the same people. Rates are
written back after every round.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bcf_linkage.definitions.periods import year_to
from synthetic import costs, faults, profiles
from synthetic.demand import demand
from synthetic.lives import Lives, live
from synthetic.locality import Locality
from synthetic.make import observed, truth
from synthetic.people import Standing
from synthetic.rates import figure, figures, numbers, table

AS_AT = date(2014, 9, 30)
HERE = Path(__file__).parent / "rates"
NUDGE = 0.1
"""How far each rate is moved to measure slopes, as a logarithm."""
CLOSE, BEND = 0.001, 1.0
"""A miss of the first, and a change of slope of the second, weigh the same."""
FURTHEST = 0.5
"""No rate moves further than this in a round."""

Vector = NDArray[np.float64]


def outcomes(lives: Lives, extracts: Mapping[str, pl.DataFrame]) -> Vector:
    """Logarithms of what is to come out, each per registered person: people of the bands, cost, emergency admissions as the fund's metric counts them."""
    year, people = year_to(AS_AT), len(lives.people)
    registered = lives.people.standing == Standing.REGISTERED
    pounds = costs.health_costs(extracts, people, year.start, year.end)[registered]
    admissions = costs.emergency_admissions(extracts, people, year.start, year.end)[lives.people.on_register]
    held = [n / len(pounds) for n, _ in costs.bands(pounds)]
    return np.log([*held[:4], held[5], pounds.mean(), admissions.sum() / len(pounds)])


def printed() -> Vector:
    """The same of the plan."""
    bands = table("bands")
    held, mean = numbers(bands, "people") / numbers(bands, "people").sum(), numbers(bands, "mean_cost")
    return np.log([*held[:4], held[5], held @ mean, figure("urgent.emergency_admissions") / 1000])


def clean(made: Iterable[Lives]) -> Vector:
    """What comes out at the present rates before faults, a mean over the localities."""
    again = (replace(lives, demand=demand(lives.people, lives.conditions, lives.homes.quintile, lives.need, lives.window)) for lives in made)
    return np.mean([outcomes(lives, observed(lives)) for lives in again], axis=0)


def taken_by_faults(lives: Lives) -> Vector:
    """How much lower each outcome is once faults are in and only what links is counted."""
    sound = observed(lives)
    faulted = faults.apply(Locality(truth(lives), sound, lives.homes.lookup), lives.profile, lives.seed, as_at=AS_AT)
    return outcomes(lives, sound) - outcomes(lives, faults.linked(faulted))


def rates() -> Vector:
    """The rates to be found, as logarithms: pounds at each knot of need, then the level of emergency admissions."""
    return np.log([*numbers(table("spend"), "pounds"), figure("urgent.emergency_scale")])


def use(values: Vector) -> None:
    """Write the rates and forget those read before."""
    table("spend").with_columns(pounds=pl.Series([f"{each:.5g}" for each in np.exp(values[:-1])])).write_csv(HERE / "spend.csv")
    text = (HERE / "figures.toml").read_text(encoding="utf-8")
    scale = rf"\g<1>{np.exp(values[-1]):.4f}"
    (HERE / "figures.toml").write_text(re.sub(r"(emergency_scale = \{ value = )[0-9.]+", scale, text), encoding="utf-8")
    table.cache_clear()
    figures.cache_clear()


def slopes(lives: Lives) -> Vector:
    """How each outcome (rows) moves with each rate (columns)."""
    now = rates()
    columns = []
    for nudge in NUDGE * np.eye(len(now)):
        ends = []
        for sign in (1, -1):
            use(now + sign * nudge)
            ends.append(clean([lives]))
        columns.append((ends[0] - ends[1]) / (2 * NUDGE))
    use(now)
    return np.stack(columns, axis=1)


def step(now: Vector, miss: Vector, moves: Vector) -> Vector:
    """The next rates: those of the smoothest rising curve that, as far as the slopes tell, misses nothing.

    The curve is its first point and the logarithms of its rises, so that whatever these are it rises.
    """
    bends = _bends(numbers(table("spend"), "need"))
    level = np.array([now[0], *np.log(np.maximum(np.diff(now[:-1]), 0.02)), now[-1]])
    for _ in range(200):
        rates = _of(level)
        into = np.zeros((len(now), len(now)))
        into[:-1, 0], into[-1, -1] = 1, 1
        into[1:-1, 1:-1] = np.tril(np.broadcast_to(np.exp(level[1:-1]), (len(now) - 2, len(now) - 2)))
        residual = np.concatenate([(miss - moves @ (rates - now)) / CLOSE, -bends @ rates[:-1] / BEND])
        slope = np.vstack([moves @ into / CLOSE, bends @ into[:-1] / BEND])
        change = np.linalg.lstsq(np.vstack([slope, 0.1 * np.eye(len(now))]), np.append(residual, np.zeros(len(now))), rcond=None)[0]
        level = level + np.clip(change, -0.2, 0.2)
    return now + np.clip(_of(level) - now, -FURTHEST, FURTHEST)


def _of(level: Vector) -> Vector:
    return np.array([*(level[0] + np.cumsum([0.0, *np.exp(level[1:-1])])), level[-1]])


def _bends(need: Vector) -> Vector:
    """Takes the points of a curve to its changes of slope between one stretch and the next."""
    rises = np.diff(np.eye(len(need)), axis=0) / np.diff(need)[:, None]
    return np.diff(rises, axis=0)


def main() -> None:
    """Calibrate, telling how far each round is off, in percent."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=249_089)
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    made = [live(profiles.load("southampton"), chosen.people, AS_AT, seed) for seed in chosen.seeds]
    lost = taken_by_faults(made[0])
    _tell("taken by faults", lost)
    for number in range(chosen.rounds):
        miss = printed() + lost - clean(made)
        _tell(f"round {number + 1}, off by", -miss)
        use(step(rates(), miss, slopes(made[0])))
    _tell("at the end, off by", clean(made) - lost - printed())


def _tell(what: str, logarithms: Vector) -> None:
    names = ("Very High", "High", "Moderate", "Low", "Non users", "cost", "emergency admissions")
    sys.stdout.write(f"{what}: " + ", ".join(f"{name} {100 * (np.exp(gap) - 1):+.2f}%" for name, gap in zip(names, logarithms, strict=True)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
