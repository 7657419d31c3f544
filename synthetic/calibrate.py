"""Find the rates at which Southampton comes out as its plan prints: spending at each need, and two single figures.

    python -m synthetic.calibrate --people 249089 --seeds 1 2 3 --rounds 3

Only rates change, never costs: the knots of `rates/spend.csv` and the figures in `FIGURES`. What comes out is measured on
localities without faults; what faults take from it is measured once, and aimed above. Of all rising curves of spending that, as
far as the slopes tell, come out as the plan prints, each round takes the smoothest. Rates are written back after every round.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bcf_linkage.definitions.periods import year_to
from synthetic import costs, faults, profiles
from synthetic.lives import Lives, live
from synthetic.locality import Locality
from synthetic.make import observed, truth
from synthetic.people import Standing
from synthetic.rates import figure, figures, numbers, table

AS_AT = date(2014, 9, 30)
HERE = Path(__file__).parent / "rates"
OUTCOMES = ("Very High", "High", "Moderate", "Low", "Non users", "cost", "emergency admissions")
FIGURES = ("urgent.emergency_scale", "people.left_unnoticed")
NUDGE = 0.15
"""How far each rate is moved to measure slopes, as a logarithm."""
CLOSE, BEND, FAR = 0.001, 0.5, 0.3
"""A miss of the first weighs as much as a change of slope of the second, or a rate moved by the third in a round."""
FLATTEST = 0.02
"""From knot to knot the curve rises by this or more."""

Vector = NDArray[np.float64]


def outcomes(lives: Lives, extracts: Mapping[str, pl.DataFrame]) -> Vector:
    """Logarithms of `OUTCOMES`, each per registered person; emergency admissions as the metric of the fund counts them."""
    year, people = year_to(AS_AT), len(lives.people)
    registered = lives.people.standing == Standing.REGISTERED
    pounds = costs.health_costs(extracts, people, year.start, year.end)[registered]
    counted = lives.people.on_register & (lives.people.standing != Standing.OBJECTING)
    admissions = costs.emergency_admissions(extracts, people, year.start, year.end)[counted]
    held = [n / len(pounds) for n, _ in costs.bands(pounds)]
    return np.log([*held[:4], held[5], pounds.mean(), admissions.sum() / len(pounds)])


def printed() -> Vector:
    """The same of the plan."""
    bands = table("bands")
    held, mean = numbers(bands, "people") / numbers(bands, "people").sum(), numbers(bands, "mean_cost")
    return np.log([*held[:4], held[5], held @ mean, figure("urgent.emergency_admissions") / 1000])


def clean(people: int, seeds: Iterable[int]) -> Vector:
    """What comes out at the present rates before faults, a mean over the seeds."""
    each = [outcomes(lives, observed(lives)) for lives in (_southampton(people, seed) for seed in seeds)]
    mean: Vector = np.mean(each, axis=0)
    return mean


def taken_by_faults(people: int, seed: int) -> Vector:
    """How much lower each outcome is once faults are in and only what reaches its person is counted."""
    lives = _southampton(people, seed)
    sound = observed(lives)
    faulted = faults.apply(Locality(truth(lives), sound, lives.homes.lookup), lives.profile, seed, as_at=AS_AT)
    return outcomes(lives, sound) - outcomes(lives, faults.found(faulted))


def rates() -> Vector:
    """The rates to be found, as logarithms: pounds at each knot of need, then the figures."""
    return np.log([*numbers(table("spend"), "pounds"), *(figure(name) for name in FIGURES)])


def use(values: Vector) -> None:
    """Write the rates and forget those read before."""
    pounds, singles = np.split(np.exp(values), [len(values) - len(FIGURES)])
    table("spend").with_columns(pounds=pl.Series([f"{each:.5g}" for each in pounds])).write_csv(HERE / "spend.csv")
    text = (HERE / "figures.toml").read_text(encoding="utf-8")
    for name, value in zip(FIGURES, singles, strict=True):
        text = re.sub(rf"(?m)^({name.split('.')[1]} = {{ value = )[0-9.]+", rf"\g<1>{value:.5f}", text)
    (HERE / "figures.toml").write_text(text, encoding="utf-8")
    table.cache_clear()
    figures.cache_clear()


def slopes(people: int, seed: int) -> Vector:
    """How each outcome (rows) moves with each rate (columns)."""
    now, start = rates(), clean(people, [seed])
    columns = []
    for nudge in NUDGE * np.eye(len(now)):
        use(now + nudge)
        columns.append((clean(people, [seed]) - start) / NUDGE)
    use(now)
    return np.stack(columns, axis=1)


def step(now: Vector, miss: Vector, moves: Vector) -> Vector:
    """The next rates: those of the smoothest rising curve that, as far as the slopes tell, misses nothing.

    The curve is its first point and its rises from knot to knot, none of them below the flattest, found one after the other
    until they settle.
    """
    knots = len(now) - len(FIGURES)
    into = np.eye(len(now))
    into[:knots, :knots] = np.tril(np.ones((knots, knots)))
    bends = np.hstack([_bends(numbers(table("spend"), "need")), np.zeros((knots - 2, len(FIGURES)))])
    equations = np.vstack([moves / CLOSE, bends / BEND, np.eye(len(now)) / FAR]) @ into
    wanted = np.concatenate([(miss + moves @ now) / CLOSE, np.zeros(knots - 2), now / FAR])
    found, least = np.linalg.solve(into, now), np.full(len(now), -np.inf)
    least[1:knots] = FLATTEST
    normal, right = equations.T @ equations, equations.T @ wanted
    for _ in range(20_000):
        for n in range(len(found)):
            found[n] = max(found[n] + (right[n] - normal[n] @ found) / normal[n, n], least[n])
    following: Vector = into @ found
    return following


def main() -> None:
    """Calibrate, telling how far each round is off, in percent."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=249_089)
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    lost = taken_by_faults(chosen.people, chosen.seeds[0])
    _tell("taken by faults", lost)
    moves = slopes(chosen.people, chosen.seeds[0])
    for number in range(chosen.rounds):
        off = clean(chosen.people, chosen.seeds) - lost - printed()
        _tell(f"round {number + 1}, off by", off)
        use(step(rates(), -off, moves))
    _tell("at the end, off by", clean(chosen.people, chosen.seeds) - lost - printed())


def _southampton(people: int, seed: int) -> Lives:
    return live(profiles.load("southampton"), people, AS_AT, seed)


def _bends(need: Vector) -> Vector:
    """Takes the points of a curve to its changes of slope from one stretch to the next."""
    rises: Vector = np.diff(np.eye(len(need)), axis=0) / np.diff(need)[:, None]
    bends: Vector = np.diff(rises, axis=0)
    return bends


def _tell(what: str, logarithms: Vector) -> None:
    sys.stdout.write(f"{what}: " + ", ".join(f"{name} {100 * (np.exp(gap) - 1):+.2f}%" for name, gap in zip(OUTCOMES, logarithms, strict=True)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
