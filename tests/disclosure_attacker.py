"""An attacker of published tables that shares no code with disclosure control: the knowledge of a reader as integer programmes, solved by HiGHS.

Many systems are solved at once, as blocks of one programme. They share no unknown, so the sum of their objectives is optimal where each is.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

UNBOUNDED = 5_000
"""Upper bound of an unbounded unknown: above any count here, but no larger than needed, as large numbers make the solver inexact."""


@dataclass
class Attacker:
    """What a reader knows: unknown whole numbers with bounds, and sums of them with bounds."""

    low: dict[Hashable, int] = field(default_factory=dict)
    high: dict[Hashable, int] = field(default_factory=dict)
    constraints: list[tuple[dict[Hashable, int], int, int]] = field(default_factory=list)

    def add_bounds(self, name: Hashable, low: int, high: int = UNBOUNDED) -> None:
        """Add an unknown, or tighten its bounds."""
        self.low[name] = max(low, self.low.get(name, 0))
        self.high[name] = min(high, self.high.get(name, UNBOUNDED))

    def add_sum(self, whole: Hashable, parts: Iterable[Hashable]) -> None:
        """Add the constraint that the parts add up to the whole."""
        self.constraints.append(({whole: -1, **dict.fromkeys(parts, 1)}, 0, 0))

    def add_part(self, part: Hashable, whole: Hashable, smallest_remainder: int = 0) -> None:
        """Add the constraint that the whole less the part is at least so much."""
        self.constraints.append(({whole: 1, part: -1}, smallest_remainder, UNBOUNDED))


Target = dict[Hashable, int]
"""A sum of unknowns with signs: a count, or a remainder."""


def feasible_ranges(readers: Sequence[Attacker], targets: Sequence[Target | None]) -> list[tuple[int, int] | None]:
    """Return the smallest and largest value that each reader finds possible for its own target, None for a reader without one."""
    targeted = [reader for reader, target in enumerate(targets) if target]
    columns = {(reader, name): column for column, (reader, name) in enumerate((reader, name) for reader in targeted for name in readers[reader].low)}
    bounds = Bounds([readers[reader].low[name] for reader, name in columns], [readers[reader].high[name] for reader, name in columns])
    constraints = [(reader, constraint) for reader in targeted for constraint in readers[reader].constraints]
    entries = [(row, columns[reader, name], sign) for row, (reader, (terms, _, _)) in enumerate(constraints) for name, sign in terms.items()]
    row, column, signs = zip(*entries, strict=True) if entries else ((), (), ())
    matrix = csr_matrix((signs, (row, column)), shape=(len(constraints), len(columns)))
    sums = LinearConstraint(matrix, [low for _, (_, low, _) in constraints], [high for _, (_, _, high) in constraints])
    objective = np.zeros(len(columns))
    for reader in targeted:
        for name, sign in (targets[reader] or {}).items():
            objective[columns[reader, name]] += sign
    lowest, highest = (_minimise(direction * objective, bounds, sums) for direction in (1, -1))

    def value(reader: int, solution: Any) -> int:
        return int(sum(sign * solution[columns[reader, name]] for name, sign in (targets[reader] or {}).items()))

    return [(value(reader, lowest), value(reader, highest)) if target else None for reader, target in enumerate(targets)]


def _minimise(objective: Any, bounds: Bounds, sums: LinearConstraint) -> Any:
    """Return the solution that minimises the objective: over real numbers if it is whole, otherwise over whole numbers."""
    for as_integers in (0, 1):
        solution = milp(objective, integrality=np.full(len(objective), as_integers), bounds=bounds, constraints=sums, options={"mip_rel_gap": 0})
        assert solution.success, solution.message
        if np.abs(solution.x - np.round(solution.x)).max() < 1e-6:
            break
    return np.round(solution.x).astype(int)
