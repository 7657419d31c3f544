"""Find the rates at which synthetic Southampton reproduces its plan's figures: spending at each need, and two single figures.

    python -m synthetic.calibrate --people 249089 --seeds 1 2 3 --rounds 3

Calibration changes rates only, never unit costs: the knots of `rates/spend.csv` and the figures in `FIGURES`. It measures
`RESULTS` on localities without faults. It measures the loss from faults once, and aims higher by that much. Each round solves for
the smoothest rising spending curve that, by the measured slopes, reproduces the plan. It writes the rates back after every round.
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
from synthetic.lives import Lives, generate_lives
from synthetic.locality import Locality
from synthetic.make_locality import build_extracts, build_truth
from synthetic.people import Standing
from synthetic.rates import column_values, figure, figures, rate_table

AS_AT = date(2014, 9, 30)
RATES_FOLDER = Path(__file__).parent / "rates"
RESULTS = ("Very High", "High", "Moderate", "Low", "Non users", "cost", "emergency admissions")
FIGURES = ("urgent.emergency_scale", "people.left_unnoticed")
SLOPE_STEP = 0.15
"""The step of each rate when slopes are measured, as a logarithm."""
RESULT_TOLERANCE, SLOPE_TOLERANCE, RATE_TOLERANCE = 0.001, 0.5, 0.3
"""Weights of the fit: a miss of RESULT_TOLERANCE costs as much as a change of slope of SLOPE_TOLERANCE or a rate moved by RATE_TOLERANCE."""
MIN_RISE = 0.02
"""The smallest rise of the curve from one knot to the next, as a logarithm."""

Vector = NDArray[np.float64]


def measure_results(lives: Lives, extracts: Mapping[str, pl.DataFrame]) -> Vector:
    """Return the logarithms of `RESULTS`, each per registered person. Emergency admissions are counted as in the fund's metric."""
    # Costs are per registered person, as in the plan; admissions also count people who left or died in the year, as the metric does.
    year, people = year_to(AS_AT), len(lives.people)
    registered = lives.people.standing == Standing.REGISTERED
    pounds = costs.health_costs(extracts, people, year.start, year.end)[registered]
    counted = lives.people.on_register & (lives.people.standing != Standing.OBJECTING)
    admissions = costs.emergency_admissions(extracts, people, year.start, year.end)[counted]
    shares = [n / len(pounds) for n, _ in costs.summarise_bands(pounds)]
    return np.log([*shares[:4], shares[5], pounds.mean(), admissions.sum() / len(pounds)])


def plan_results() -> Vector:
    """Return the plan's logarithms of `RESULTS`."""
    bands = rate_table("bands")
    shares, mean = column_values(bands, "people") / column_values(bands, "people").sum(), column_values(bands, "mean_cost")
    return np.log([*shares[:4], shares[5], shares @ mean, figure("urgent.emergency_admissions") / 1000])


def mean_clean_results(people: int, seeds: Iterable[int]) -> Vector:
    """Return the results at the current rates before faults, as a mean over the seeds."""
    results = [measure_results(lives, build_extracts(lives)) for lives in (_generate_southampton(people, seed) for seed in seeds)]
    mean: Vector = np.mean(results, axis=0)
    return mean


def loss_from_faults(people: int, seed: int) -> Vector:
    """Return by how much faults lower each result when only records that reach their person are counted."""
    lives = _generate_southampton(people, seed)
    clean_extracts = build_extracts(lives)
    faulted = faults.inject_faults(Locality(build_truth(lives), clean_extracts, lives.homes.lookup), lives.profile, seed, as_at=AS_AT)
    return measure_results(lives, clean_extracts) - measure_results(lives, faults.linkable_extracts(faulted))


def current_rates() -> Vector:
    """Return the rates to calibrate, as logarithms: pounds at each knot of need, then `FIGURES`."""
    return np.log([*column_values(rate_table("spend"), "pounds"), *(figure(name) for name in FIGURES)])


def write_rates(values: Vector) -> None:
    """Write the rates to their files and clear the caches of the old ones."""
    pounds, singles = np.split(np.exp(values), [len(values) - len(FIGURES)])
    rate_table("spend").with_columns(pounds=pl.Series([f"{value:.5g}" for value in pounds])).write_csv(RATES_FOLDER / "spend.csv")
    text = (RATES_FOLDER / "figures.toml").read_text(encoding="utf-8")
    for name, value in zip(FIGURES, singles, strict=True):
        text = re.sub(rf"(?m)^({name.split('.')[1]} = {{ value = )[0-9.]+", rf"\g<1>{value:.5f}", text)
    (RATES_FOLDER / "figures.toml").write_text(text, encoding="utf-8")
    rate_table.cache_clear()
    figures.cache_clear()


def measure_slopes(people: int, seed: int) -> Vector:
    """Return the change of each result (rows) for a change of each rate (columns)."""
    current, start = current_rates(), mean_clean_results(people, [seed])
    columns = []
    for nudge in SLOPE_STEP * np.eye(len(current)):
        write_rates(current + nudge)
        columns.append((mean_clean_results(people, [seed]) - start) / SLOPE_STEP)
    write_rates(current)
    return np.stack(columns, axis=1)


def next_rates(current: Vector, gap: Vector, slopes: Vector) -> Vector:
    """Return the rates of the smoothest rising curve that, by the slopes, closes the gap to the plan.

    The unknowns are the curve's first point and its rises from knot to knot, each at least `MIN_RISE`. Coordinate descent updates
    them in turn until they converge.
    """
    knots = len(current) - len(FIGURES)
    # From the first point and the rises to the points: a running sum.
    transform = np.eye(len(current))
    transform[:knots, :knots] = np.tril(np.ones((knots, knots)))
    slope_changes = np.hstack([_slope_change_matrix(column_values(rate_table("spend"), "need")), np.zeros((knots - 2, len(FIGURES)))])
    equations = np.vstack([slopes / RESULT_TOLERANCE, slope_changes / SLOPE_TOLERANCE, np.eye(len(current)) / RATE_TOLERANCE]) @ transform
    targets = np.concatenate([(gap + slopes @ current) / RESULT_TOLERANCE, np.zeros(knots - 2), current / RATE_TOLERANCE])
    solution, lower_bounds = np.linalg.solve(transform, current), np.full(len(current), -np.inf)
    lower_bounds[1:knots] = MIN_RISE
    normal, right_side = equations.T @ equations, equations.T @ targets
    for _ in range(20_000):
        for n in range(len(solution)):
            solution[n] = max(solution[n] + (right_side[n] - normal[n] @ solution) / normal[n, n], lower_bounds[n])
    result: Vector = transform @ solution
    return result


def main() -> None:
    """Calibrate, and print after each round by how many percent each result differs from the plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=249_089)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    fault_loss = loss_from_faults(arguments.people, arguments.seeds[0])
    _print_differences("loss from faults", fault_loss)
    slopes = measure_slopes(arguments.people, arguments.seeds[0])
    for number in range(arguments.rounds):
        differences = mean_clean_results(arguments.people, arguments.seeds) - fault_loss - plan_results()
        _print_differences(f"before round {number + 1}, difference", differences)
        write_rates(next_rates(current_rates(), -differences, slopes))
    _print_differences("at the end, difference", mean_clean_results(arguments.people, arguments.seeds) - fault_loss - plan_results())


def _generate_southampton(people: int, seed: int) -> Lives:
    return generate_lives(profiles.load_profile("southampton"), people, AS_AT, seed)


def _slope_change_matrix(need: Vector) -> Vector:
    """Return the matrix from a curve's points to its changes of slope between neighbouring segments."""
    rises: Vector = np.diff(np.eye(len(need)), axis=0) / np.diff(need)[:, None]
    slope_changes: Vector = np.diff(rises, axis=0)
    return slope_changes


def _print_differences(label: str, logarithms: Vector) -> None:
    sys.stdout.write(f"{label}: " + ", ".join(f"{name} {100 * (np.exp(gap) - 1):+.2f}%" for name, gap in zip(RESULTS, logarithms, strict=True)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
