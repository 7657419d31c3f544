"""The attack: find the values that a suppressed count can have, given everything that the release shows.

A reader cannot rule out a value of a suppressed count if there is a feasible table: one whole number for each count, where the
suppressed count has that value, all sums add up and no known bound is violated. A linear programme searches for feasible tables. Each
one found is verified in whole numbers, sum by sum and bound by bound, so correctness does not depend on the solver. A table that is
found is a proof. A table that is missed errs on the safe side: the reader is taken to know more than is possible.

The same programme finds what must be suppressed to make a table feasible: it may violate the bounds of counts that can be hidden, at a
penalty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from highspy import HighsLp, HighsModelStatus, MatrixFormat, _Highs  # type: ignore[attr-defined] # `Highs` prints a banner before its output can be turned off
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from scipy.sparse.csgraph import connected_components

from bcf_linkage.published.disclosure_control.constraint_system import ConstraintSystem, Loss

MAX_DEPTH = 4
"""Levels of parts of parts that are added up to find the smallest possible value of a count."""

SLACK = 24
"""Distance from its bounds at which a count can absorb what moving the protected counts changes."""

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

OBJECTIVE_WEIGHT = 1e4
"""Reward of one step towards an objective: more than any penalty on the way."""


@dataclass(frozen=True)
class Objective:
    """A count to move up (1) or down (-1) as far as possible, within `low` to `high`."""

    cell: int
    step: int
    low: int
    high: int


@dataclass(frozen=True)
class FeasibleTable:
    """One whole number for each count, and the counts that must be hidden for a reader to consider it possible."""

    values: IntArray
    hidden: tuple[int, ...]


class Attack:
    """Search for feasible tables of a constraint system, whose bounds and sums are arrays here.

    A count far from its bounds and in one sum only can absorb any change to that sum. Such sums are left out of the programme, which
    then splits into small regions, and the absorbing counts are corrected in what it finds. Without `objective_cells` no sum is left out.
    """

    def __init__(self, system: ConstraintSystem, objective_cells: Sequence[int] | None = None) -> None:
        self.system = system
        self.counts = np.array(system.counts, dtype=np.int64)
        self.known_bounds, self.bounds_if_hidden = (
            np.array([(interval.low, interval.high) for interval in bounds], float).reshape(-1, 2) for bounds in (system.known_bounds, system.bounds_if_hidden)
        )
        self.can_hide = np.array([system.can_hide(cell) for cell in range(len(self.counts))], dtype=bool)
        self.penalty = np.array([_penalty(system.loss[revealing_cell]) for revealing_cell in system.revealed_by])
        terms = [(row, cell, sign) for row, members in enumerate(system.sums) for cell, sign in members]
        rows, cells, signs = (np.array(column, dtype=np.int64) for column in zip(*terms, strict=True)) if terms else (np.zeros(0, np.int64),) * 3
        self.sums = csr_matrix((signs, (rows, cells)), shape=(len(system.sums), len(system.counts)), dtype=np.int64)
        self.absorbed_sums = () if objective_cells is None else tuple(_find_absorbable_sums(self.sums, _has_slack(system, objective_cells)))
        # An empty array first: `np.concatenate` fails without any.
        self.remaining_sums = np.delete(np.arange(self.sums.shape[0]), np.concatenate([np.zeros(0, np.int64), *(rows for rows, _, _ in self.absorbed_sums)]))
        self.region = self._find_regions()
        self._programmes: dict[tuple[bytes, bool], _Programme] = {}

    def _find_regions(self) -> IntArray:
        """Return the region of each count, -1 for a count with one possible value. Counts of different regions share no sum apart from those."""
        free_cells = np.flatnonzero((self.known_bounds[:, 0] < self.known_bounds[:, 1]) | self.can_hide)
        incidence = abs(self.sums[self.remaining_sums][:, free_cells])
        region = np.full(len(self.counts), -1, dtype=np.int64)
        if len(free_cells):
            region[free_cells] = connected_components(incidence.T @ incidence, directed=False)[1]
        return region

    def hide(self, cells: Iterable[int]) -> None:
        """Hide these counts in the system."""
        self.system.hide(cells)
        for cell in cells:
            widened_cells = [cell, *self.system.reveals.get(cell, ())]
            self.known_bounds[widened_cells], self.can_hide[widened_cells] = self.bounds_if_hidden[widened_cells], False

    def find_feasible_table(self, objectives: Sequence[Objective], may_hide: bool = False) -> FeasibleTable | None:
        """Return a feasible table where the counts are as near to their objectives as possible, None if none is found."""
        cells = np.flatnonzero(np.isin(self.region, self.region[[objective.cell for objective in objectives]]) & (self.region >= 0))
        if not len(cells):
            return None
        programme = self._get_programme(cells, may_hide)
        # Real numbers first: they are fast, and their solution is mostly whole.
        for as_integers in (0, 1):
            moves = programme.solve(objectives, as_integers)
            if moves is not None and (table := self._verify_moves(cells, moves, may_hide)):
                return table
        return None

    def _get_programme(self, cells: IntArray, may_hide: bool) -> _Programme:
        """Return the programme for these counts, built once."""
        key = cells.tobytes(), may_hide
        if key not in self._programmes:
            self._programmes[key] = _Programme(self, cells, may_hide)
        return self._programmes[key]

    def lower_bounds(self) -> IntArray:
        """Return the smallest possible value of each count if everything that can be hidden were: at least the sum of its parts."""
        lowest = np.where(self.can_hide, self.bounds_if_hidden[:, 0], self.known_bounds[:, 0]).astype(np.int64)
        rows, totals = (self.sums < 0).nonzero()
        parts = (self.sums > 0).astype(np.int64)[rows]
        for _ in range(MAX_DEPTH):
            np.maximum.at(lowest, totals, parts @ lowest)
        return lowest

    def _verify_moves(self, cells: IntArray, moves: IntArray, may_hide: bool) -> FeasibleTable | None:
        """Return the table after these moves, None if it is not feasible."""
        values = self.counts.copy()
        values[cells] += moves
        for rows, absorbing_cells, signs in reversed(self.absorbed_sums):
            values[absorbing_cells] -= signs * (self.sums[rows] @ values)
        if (self.sums @ values != 0).any():
            return None
        violated = _is_outside(values, self.known_bounds)
        if violated.any() and not (may_hide and self.can_hide[violated].all() and not _is_outside(values, self.bounds_if_hidden).any()):
            return None
        return FeasibleTable(values, tuple(sorted({self.system.revealed_by[cell] for cell in np.flatnonzero(violated)})))


def _is_outside(values: IntArray, bounds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each value is outside its bounds."""
    outside: NDArray[np.bool_] = (values < bounds[:, 0]) | (values > bounds[:, 1])
    return outside


def _has_slack(system: ConstraintSystem, objective_cells: Sequence[int]) -> NDArray[np.bool_]:
    """Whether each count is at least `SLACK` from its bounds and is not an objective."""
    has_slack = np.array(
        [interval.low + SLACK <= count <= interval.high - SLACK for interval, count in zip(system.known_bounds, system.counts, strict=True)], dtype=bool
    )
    has_slack[list(objective_cells)] = False
    return has_slack


def _find_absorbable_sums(sums: csr_matrix, has_slack: NDArray[np.bool_]) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """Yield the sums that a count with slack and in no other sum absorbs, those counts, and their signs. Repeat for the sums that are left."""
    remaining = np.ones(sums.shape[0], dtype=bool)
    while True:
        terms = sums.multiply(remaining[:, None]).tocoo()
        absorbing = has_slack & (np.bincount(terms.col[terms.data != 0], minlength=sums.shape[1]) == 1)
        positions = np.flatnonzero(absorbing[terms.col] & (terms.data != 0))
        rows, first = np.unique(terms.row[positions], return_index=True)
        if not len(rows):
            return
        yield rows.astype(np.int64), terms.col[positions][first].astype(np.int64), terms.data[positions][first].astype(np.int64)
        remaining[rows] = False


class _Programme:
    """Linear programme over the moves of some counts: bounds, sums, objectives, and the penalty of each violated bound.

    The sums stay the same while bounds and objectives change, so one solver is used again and starts from its last solution. Each count
    that may be hidden has two more columns: how far it moves beyond its known bounds, up and down.
    """

    def __init__(self, attack: Attack, cells: IntArray, may_hide: bool) -> None:
        self.attack, self.cells = attack, cells
        self.positions = {int(cell): n for n, cell in enumerate(cells)}
        self.spare = np.flatnonzero(attack.can_hide[cells] & may_hide)
        sums = attack.sums[attack.remaining_sums][:, cells]
        sums = sums[np.flatnonzero(np.diff(sums.indptr))]
        hideable_sums = sums[:, self.spare]
        self.solver = _build_solver(hstack([sums, hideable_sums, -hideable_sums], format="csr"))
        self.columns = np.arange(len(cells) + 2 * len(self.spare), dtype=np.int32)

    def solve(self, objectives: Sequence[Objective], as_integers: int) -> IntArray | None:
        """Solve over real numbers (0) or whole numbers (1) and return the moves, rounded. None if there is no optimal solution."""
        low, high, cost = self._column_bounds_and_costs(objectives)
        columns, n, m = self.columns, len(self.cells), len(self.spare)
        self.solver.changeColsBounds(len(columns), columns, low, np.where(high > EFFECTIVE_INFINITY, np.inf, high))
        self.solver.changeColsCost(len(columns), columns, cost)
        self.solver.changeColsIntegrality(len(columns), columns, np.full(len(columns), as_integers, dtype=np.uint8))
        self.solver.run()
        if self.solver.getModelStatus() != HighsModelStatus.kOptimal:
            return None
        solution = np.array(self.solver.getSolution().col_value)
        moves = solution[:n]
        moves[self.spare] += solution[n : n + m] - solution[n + m :]
        integer_moves: IntArray = np.round(moves).astype(np.int64)
        return integer_moves

    def _column_bounds_and_costs(self, objectives: Sequence[Objective]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the lower and upper bound of each column, and its cost."""
        attack, cells = self.attack, self.cells
        can_hide, bounds, cost = attack.can_hide[cells], attack.known_bounds[cells], np.zeros(len(cells))
        may_hide = np.zeros(len(cells), dtype=bool)
        may_hide[self.spare] = can_hide[self.spare]
        for objective in objectives:
            if (n := self.positions.get(objective.cell)) is not None:
                low, high = attack.bounds_if_hidden[objective.cell] if may_hide[n] else bounds[n]
                bounds[n], cost[n], may_hide[n] = (max(low, objective.low), min(high, objective.high)), -OBJECTIVE_WEIGHT * objective.step, False
        hideable = cells[self.spare]
        up, down = (
            attack.bounds_if_hidden[hideable, 1] - attack.known_bounds[hideable, 1],
            attack.known_bounds[hideable, 0] - attack.bounds_if_hidden[hideable, 0],
        )
        low, high = (bounds - attack.counts[cells, None]).T
        extra_room = np.where(may_hide[self.spare], [up, down], 0.0)
        return (
            np.concatenate([low, np.zeros(2 * len(hideable))]),
            np.concatenate([high, *extra_room]),
            np.concatenate([cost, attack.penalty[hideable], attack.penalty[hideable]]),
        )


def _build_solver(sums: csr_matrix) -> _Highs:
    """Build a solver for programmes with these sums, each equal to zero."""
    lp = HighsLp()
    lp.num_row_, lp.num_col_ = sums.shape
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = (np.zeros(lp.num_col_) for _ in range(3))
    lp.row_lower_, lp.row_upper_ = np.zeros(lp.num_row_), np.zeros(lp.num_row_)
    lp.a_matrix_.format_ = MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = sums.indptr, sums.indices, sums.data.astype(float)
    solver = _Highs()
    solver.setOptionValue("output_flag", False)
    solver.passModel(lp)
    return solver


EFFECTIVE_INFINITY = 1e15
"""Bound above any count, passed to the solver as infinity."""


def _penalty(loss: Loss | None) -> float:
    """Return the cost of one step beyond the bounds of a count: more for a larger weight, and for a larger count."""
    weight, size = loss or (0, 0)
    return (1 + weight) ** 2 * (1 + float(np.log2(1 + size)) / 40)
