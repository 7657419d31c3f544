"""An attacker of published tables who shares nothing with the code that protects them: a reader's knowledge as integer programmes, solved by HiGHS.

Many systems are solved at once, as blocks of one programme: they share no unknown, so the sum of their objectives is best where each is.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

MANY = 5_000
"""More than any count here: an unbounded unknown. Not larger than it must be, for a sum of large numbers drowns small ones."""


@dataclass
class Reader:
    """What somebody knows: unknown whole numbers with bounds, and sums of them that lie between two bounds."""

    low: dict[Hashable, int] = field(default_factory=dict)
    high: dict[Hashable, int] = field(default_factory=dict)
    lines: list[tuple[dict[Hashable, int], int, int]] = field(default_factory=list)

    def learns(self, name: Hashable, low: int, high: int = MANY) -> None:
        self.low[name] = max(low, self.low.get(name, 0))
        self.high[name] = min(high, self.high.get(name, MANY))

    def adds_up(self, whole: Hashable, parts: Iterable[Hashable]) -> None:
        self.lines.append(({whole: -1, **dict.fromkeys(parts, 1)}, 0, 0))

    def lies_within(self, part: Hashable, whole: Hashable, leaving: int = 0) -> None:
        """The part leaves at least so much of its whole."""
        self.lines.append(({whole: 1, part: -1}, leaving, MANY))


Target = dict[Hashable, int]
"""A sum of unknowns with signs: a count, or what one leaves of another."""


def ranges(readers: Sequence[Reader], targets: Sequence[Target | None]) -> list[tuple[int, int] | None]:
    """The least and the greatest that each reader finds possible for the target of its own; none for a reader without one."""
    aimed = [at for at, target in enumerate(targets) if target]
    columns = {(at, name): column for column, (at, name) in enumerate((at, name) for at in aimed for name in readers[at].low)}
    bounds = Bounds([readers[at].low[name] for at, name in columns], [readers[at].high[name] for at, name in columns])
    lines = [(at, line) for at in aimed for line in readers[at].lines]
    places = [(row, columns[at, name], sign) for row, (at, (terms, _, _)) in enumerate(lines) for name, sign in terms.items()]
    row, column, signs = zip(*places, strict=True) if places else ((), (), ())
    matrix = csr_matrix((signs, (row, column)), shape=(len(lines), len(columns)))
    sums = LinearConstraint(matrix, [low for _, (_, low, _) in lines], [high for _, (_, _, high) in lines])
    objective = np.zeros(len(columns))
    for at in aimed:
        for name, sign in (targets[at] or {}).items():
            objective[columns[at, name]] += sign
    ends = [_least(direction * objective, bounds, sums) for direction in (1, -1)]

    def reached(at: int, end: Any) -> int:
        return int(sum(sign * end[columns[at, name]] for name, sign in (targets[at] or {}).items()))

    return [(reached(at, ends[0]), reached(at, ends[1])) if target else None for at, target in enumerate(targets)]


def _least(objective: Any, bounds: Bounds, sums: LinearConstraint) -> Any:
    """Where the objective is least: over all numbers if the place that is found is a whole one, otherwise over whole numbers."""
    for whole in (0, 1):
        found = milp(objective, integrality=np.full(len(objective), whole), bounds=bounds, constraints=sums, options={"mip_rel_gap": 0})
        assert found.success, found.message
        if np.abs(found.x - np.round(found.x)).max() < 1e-6:
            break
    return np.round(found.x).astype(int)
