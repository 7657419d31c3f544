"""The attack: how far a count could be from what it is, with everything that was told still true.

A reader cannot rule out a value of a hidden count if there is another world, one whole number for each count, in which the hidden
count has that value, all sums add up and nothing that was told is broken. A linear programme looks for such worlds; what it finds
is checked in whole numbers, sum by sum and bound by bound, so that nothing rests on the solver: a world that is found is a proof,
and one that is missed can only have us take a reader to know more than can be known.

The same programme says what must be hidden to make room for a world: bounds of counts that can be hidden may be broken at a price.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from highspy import HighsLp, HighsModelStatus, MatrixFormat, _Highs  # type: ignore[attr-defined] # `Highs` speaks before it can be silenced
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from scipy.sparse.csgraph import connected_components

from bcf_linkage.published.disclosure_control.system import Loss, System

DEPTH = 4
"""Parts of parts of parts of a count that tell how large it must be."""

ROOM = 24
"""So far from its bounds, a count takes up what moving guarded counts disturbs."""

Numbers = NDArray[np.int64]
Reals = NDArray[np.float64]

AIM = 1e4
"""What a step towards an aim is worth: more than any loss on the way."""


@dataclass(frozen=True)
class Aim:
    """A count to be moved as far up (1) or down (-1) as it goes, and no further than from `low` to `high`."""

    cell: int
    step: int
    low: int
    high: int


@dataclass(frozen=True)
class World:
    """One whole number for each count, and the counts that must be hidden for a reader to think it possible."""

    values: Numbers
    hidden: tuple[int, ...]


class Attack:
    """Worlds of a system, and what is told and hidden of it as arrays.

    Far from its bounds, a count of one sum takes up whatever disturbs that sum: such sums are left out of the programme, which
    falls into small regions by it, and are set right in what it finds; unless nothing is said of what is `aimed` at.
    """

    def __init__(self, system: System, aimed: Sequence[int] | None = None) -> None:
        self.system = system
        self.counts = np.array(system.counts, dtype=np.int64)
        self.told, self.hidden = (np.array([(one.low, one.high) for one in bounds], float).reshape(-1, 2) for bounds in (system.told, system.hidden))
        self.can_hide = np.array([system.can_hide(cell) for cell in range(len(self.counts))], dtype=bool)
        self.price = np.array([_price(system.loss[by]) for by in system.told_by])
        terms = [(row, cell, sign) for row, members in enumerate(system.sums) for cell, sign in members]
        rows, cells, signs = (np.array(column, dtype=np.int64) for column in zip(*terms, strict=True)) if terms else (np.zeros(0, np.int64),) * 3
        self.sums = csr_matrix((signs, (rows, cells)), shape=(len(system.sums), len(system.counts)), dtype=np.int64)
        self.absorbed = () if aimed is None else tuple(_absorbed(self.sums, _roomy(system, aimed)))
        self.kept = np.delete(np.arange(self.sums.shape[0]), np.concatenate([np.zeros(0, np.int64), *(rows for rows, _, _ in self.absorbed)]))
        self.region = self._regions()
        self._programmes: dict[tuple[bytes, bool], _Programme] = {}

    def _regions(self) -> Numbers:
        """The region of each count: counts of different regions share no sum, but for counts that cannot be other than they are."""
        loose = np.flatnonzero((self.told[:, 0] < self.told[:, 1]) | self.can_hide)
        bound = abs(self.sums[self.kept][:, loose])
        region = np.full(len(self.counts), -1, dtype=np.int64)
        if len(loose):
            region[loose] = connected_components(bound.T @ bound, directed=False)[1]
        return region

    def hide(self, cells: Iterable[int]) -> None:
        """Have the system show these counts no longer."""
        self.system.hide(cells)
        for cell in cells:
            widened = [cell, *self.system.tells.get(cell, ())]
            self.told[widened], self.can_hide[widened] = self.hidden[widened], False

    def world(self, aims: Sequence[Aim], may_hide: bool = False) -> World | None:
        """A world in which the counts come as near to their aims as can be; None if none is found."""
        cells = np.flatnonzero(np.isin(self.region, self.region[[aim.cell for aim in aims]]) & (self.region >= 0))
        if not len(cells):
            return None
        programme = self._programme(cells, may_hide)
        for whole in (0, 1):
            moved = programme.solved(aims, whole)
            if moved is not None and (found := self._checked(cells, moved, may_hide)):
                return found
        return None

    def _programme(self, cells: Numbers, may_hide: bool) -> _Programme:
        """The programme for these counts, made once."""
        asked = cells.tobytes(), may_hide
        if asked not in self._programmes:
            self._programmes[asked] = _Programme(self, cells, may_hide)
        return self._programmes[asked]

    def least(self) -> Numbers:
        """The least that each count could be if all that can be hidden were: as much as its parts."""
        least = np.where(self.can_hide, self.hidden[:, 0], self.told[:, 0]).astype(np.int64)
        rows, wholes = (self.sums < 0).nonzero()
        parts = (self.sums > 0).astype(np.int64)[rows]
        for _ in range(DEPTH):
            np.maximum.at(least, wholes, parts @ least)
        return least

    def _checked(self, cells: Numbers, moved: Numbers, may_hide: bool) -> World | None:
        """The world in which these counts are moved by so much, if it is one."""
        values = self.counts.copy()
        values[cells] += moved
        for rows, absorbing, signs in reversed(self.absorbed):
            values[absorbing] -= signs * (self.sums[rows] @ values)
        if (self.sums @ values != 0).any():
            return None
        broken = _outside(values, self.told)
        if broken.any() and not (may_hide and self.can_hide[broken].all() and not _outside(values, self.hidden).any()):
            return None
        return World(values, tuple(sorted({self.system.told_by[cell] for cell in np.flatnonzero(broken)})))


def _outside(values: Numbers, bounds: NDArray[np.float64]) -> NDArray[np.bool_]:
    beyond: NDArray[np.bool_] = (values < bounds[:, 0]) | (values > bounds[:, 1])
    return beyond


def _roomy(system: System, aimed: Sequence[int]) -> NDArray[np.bool_]:
    """Which counts lie far from the bounds of what is told of them, and are not aimed at."""
    roomy = np.array([told.low + ROOM <= count <= told.high - ROOM for told, count in zip(system.told, system.counts, strict=True)], dtype=bool)
    roomy[list(aimed)] = False
    return roomy


def _absorbed(sums: csr_matrix, roomy: NDArray[np.bool_]) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    """Sums that a roomy count of no other sum takes up, those counts, and their signs; then such sums as are left without these, and so on."""
    left = np.ones(sums.shape[0], dtype=bool)
    while True:
        terms = sums.multiply(left[:, None]).tocoo()
        single = roomy & (np.bincount(terms.col[terms.data != 0], minlength=sums.shape[1]) == 1)
        at = np.flatnonzero(single[terms.col] & (terms.data != 0))
        rows, first = np.unique(terms.row[at], return_index=True)
        if not len(rows):
            return
        yield rows.astype(np.int64), terms.col[at][first].astype(np.int64), terms.data[at][first].astype(np.int64)
        left[rows] = False


class _Programme:
    """By how much each of some counts is moved, as a programme: bounds, sums, aims, and the price of each broken bound.

    The sums stay as they are while bounds and aims change, so it is asked again and again, and begins where it last ended. Beside each
    count that may be hidden stands how far it is moved beyond what is told of it, up and down.
    """

    def __init__(self, attack: Attack, cells: Numbers, may_hide: bool) -> None:
        self.attack, self.cells = attack, cells
        self.at = {int(cell): n for n, cell in enumerate(cells)}
        self.spare = np.flatnonzero(attack.can_hide[cells] & may_hide)
        sums = attack.sums[attack.kept][:, cells]
        sums = sums[np.flatnonzero(np.diff(sums.indptr))]
        beyond = sums[:, self.spare]
        self.solver = _solver(hstack([sums, beyond, -beyond], format="csr"))
        self.columns = np.arange(len(cells) + 2 * len(self.spare), dtype=np.int32)

    def solved(self, aims: Sequence[Aim], whole: int) -> Numbers | None:
        """The moves that the solver finds, rounded; over all numbers, or over whole ones."""
        low, high, price = self._asked(aims)
        columns, n, m = self.columns, len(self.cells), len(self.spare)
        self.solver.changeColsBounds(len(columns), columns, low, np.where(high > UNHEARD_OF, np.inf, high))
        self.solver.changeColsCost(len(columns), columns, price)
        self.solver.changeColsIntegrality(len(columns), columns, np.full(len(columns), whole, dtype=np.uint8))
        self.solver.run()
        if self.solver.getModelStatus() != HighsModelStatus.kOptimal:
            return None
        found = np.array(self.solver.getSolution().col_value)
        moved = found[:n]
        moved[self.spare] += found[n : n + m] - found[n + m :]
        whole_moves: Numbers = np.round(moved).astype(np.int64)
        return whole_moves

    def _asked(self, aims: Sequence[Aim]) -> tuple[Reals, Reals, Reals]:
        """The least and greatest move of each column, and what a step of it costs."""
        attack, cells = self.attack, self.cells
        can_hide, bounds, price = attack.can_hide[cells], attack.told[cells], np.zeros(len(cells))
        may_hide = np.zeros(len(cells), dtype=bool)
        may_hide[self.spare] = can_hide[self.spare]
        for aim in aims:
            if (n := self.at.get(aim.cell)) is not None:
                low, high = attack.hidden[aim.cell] if may_hide[n] else bounds[n]
                bounds[n], price[n], may_hide[n] = (max(low, aim.low), min(high, aim.high)), -AIM * aim.step, False
        spare = cells[self.spare]
        up, down = attack.hidden[spare, 1] - attack.told[spare, 1], attack.told[spare, 0] - attack.hidden[spare, 0]
        low, high = (bounds - attack.counts[cells, None]).T
        room = np.where(may_hide[self.spare], [up, down], 0.0)
        return (
            np.concatenate([low, np.zeros(2 * len(spare))]),
            np.concatenate([high, *room]),
            np.concatenate([price, attack.price[spare], attack.price[spare]]),
        )


def _solver(sums: csr_matrix) -> _Highs:
    """A solver for programmes with these sums, each of which comes to nothing."""
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


UNHEARD_OF = 1e15
"""Beyond any count: no bound."""


def _price(loss: Loss | None) -> float:
    """What a step beyond the bounds of a count costs: more for what is worth more, and for larger counts."""
    weight, count, _ = loss or (0, 0, "")
    return (1 + weight) ** 2 * (1 + float(np.log2(1 + count)) / 40)
