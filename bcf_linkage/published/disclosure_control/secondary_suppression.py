"""Secondary suppression: hide further counts until every protected count can have every value that the rule protects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bcf_linkage.published.disclosure_control.attack import Attack, FeasibleTable, Objective
from bcf_linkage.published.disclosure_control.constraint_system import ConstraintSystem

BATCH_SHARES = (2, 4)
"""Denominators of the shares of counts that are attacked at once, before each is attacked alone."""


@dataclass(frozen=True)
class ProtectedCell:
    """A count that must stay possible at every value from `low` to `high`, to protect a published count: mostly itself."""

    cell: int
    low: int
    high: int
    published_cell: int


@dataclass(frozen=True)
class AttackResult:
    """A protected cell, with the lowest and the highest value that an attack found feasible."""

    protected_cell: ProtectedCell
    low: int
    high: int

    @property
    def feasible_values(self) -> int:
        """Number of values that the count can have."""
        return self.high - self.low + 1

    @property
    def is_protected(self) -> bool:
        """Whether as many values are feasible as the rule protects. If not, no count that is still shown narrows them."""
        return self.feasible_values > self.protected_cell.high - self.protected_cell.low


def apply_secondary_suppression(system: ConstraintSystem, protected_cells: Iterable[ProtectedCell]) -> list[AttackResult]:
    """Hide counts of the system until every protected cell is protected. Return the result of the attacks on each.

    Hiding only widens bounds, so a feasible table stays feasible while the next cells are attacked.
    """
    suppression = _SecondarySuppression(system, tuple(protected_cells))
    suppression.attack_in_batches()
    for index in range(len(suppression.protected_cells)):
        suppression.attack_cell(index)
    return [
        AttackResult(protected_cell, int(low), int(high))
        for protected_cell, low, high in zip(suppression.protected_cells, suppression.lowest, suppression.highest, strict=True)
    ]


class _SecondarySuppression:
    """The protected cells, with the lowest and highest value of each in any feasible table so far."""

    def __init__(self, system: ConstraintSystem, protected_cells: Sequence[ProtectedCell]) -> None:
        self.system, self.protected_cells = system, protected_cells
        cells = [protected_cell.cell for protected_cell in protected_cells]
        self.attack, self.cells = Attack(system, cells), np.array(cells, dtype=np.int64)
        self.lowest = self.attack.counts[self.cells].copy()
        self.highest = self.lowest.copy()
        self.lower_bounds = self.attack.lower_bounds()[self.cells]

    def attack_in_batches(self) -> None:
        """Attack many counts at once without hiding any: move one share of them up and as many down, each share in turn. This saves attacks later."""
        indices = range(len(self.protected_cells))
        for share in BATCH_SHARES:
            for turn in range(2 * share):
                directions = ((turn // 2, (-1, 1)[turn % 2]), (turn // 2 + 1, (1, -1)[turn % 2]))
                objectives = [
                    objective
                    for group, step in directions
                    for index in indices
                    if (_batch_number(index) - group) % share == 0
                    for objective in self._objectives(index, step)
                ]
                if objectives:
                    self._record_extremes(self.attack.find_feasible_table(objectives))

    def attack_cell(self, index: int) -> None:
        """Attack one count, and hide the counts that narrow it.

        Where zeros are shown, a count cannot be less than the number of its parts that are not zero. If that rules out the lowest
        values, as many must be possible above the protected ones.
        """
        for step in (-1, 1):
            for objective in self._objectives(index, step):
                # A sum that was left out can matter after all: then search again with all sums.
                self._record_extremes(
                    self.attack.find_feasible_table([objective], may_hide=True) or Attack(self.system).find_feasible_table([objective], may_hide=True)
                )

    def _objectives(self, index: int, step: int) -> Iterator[Objective]:
        """Yield the objective of a count in one direction, if it is not reached yet."""
        protected_cell, count = self.protected_cells[index], self.system.counts[self.protected_cells[index].cell]
        if step < 0 and self.lowest[index] > max(protected_cell.low, self.lower_bounds[index]):
            yield Objective(protected_cell.cell, step, protected_cell.low, count)
        if step > 0 and self.highest[index] < (upper_target := protected_cell.high + max(0, int(self.lowest[index]) - protected_cell.low)):
            yield Objective(protected_cell.cell, step, count, upper_target)

    def _record_extremes(self, table: FeasibleTable | None) -> None:
        """Hide what the table needs hidden, and record the lowest and highest values."""
        if table is not None:
            self.attack.hide(table.hidden)
            values = table.values[self.cells]
            self.lowest, self.highest = np.minimum(self.lowest, values), np.maximum(self.highest, values)


def _batch_number(index: int) -> int:
    """Return a number that spreads the indices over the batches as if at random, and is always the same."""
    return index * 0x9E3779B1 >> 7
