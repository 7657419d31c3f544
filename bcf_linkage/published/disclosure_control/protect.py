"""The defence: hide what else must be hidden until an attack on every guarded count finds that it could be all that the rule hides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bcf_linkage.published.disclosure_control.attack import Aim, Attack, World
from bcf_linkage.published.disclosure_control.system import System

SHARES = (2, 4)
"""What share of the counts is pushed at once, before they are seen to one by one."""


@dataclass(frozen=True)
class Guard:
    """A count that must stay possible at every value from `low` to `high`, for the sake of a published count: mostly itself."""

    cell: int
    low: int
    high: int
    published: int


@dataclass(frozen=True)
class Tried:
    """A guard, and the lowest and the highest value that an attack found its count able to have."""

    guard: Guard
    low: int
    high: int

    @property
    def possible(self) -> int:
        """How many values could stand behind the count."""
        return self.high - self.low + 1

    @property
    def held(self) -> bool:
        """Whether they are as many as the rule hides. If they are not, no count that is still shown is in the way."""
        return self.possible > self.guard.high - self.guard.low


def protect(system: System, guards: Iterable[Guard]) -> list[Tried]:
    """Hide counts of the system until every guard holds; gives back what the attacks on each found.

    Hiding only widens what is told, so a world that was found stays possible while the next guards are seen to.
    """
    defence = _Defence(system, tuple(guards))
    defence.sweep()
    for at in range(len(defence.guards)):
        defence.see_to(at)
    return [Tried(guard, int(low), int(high)) for guard, low, high in zip(defence.guards, defence.lowest, defence.highest, strict=True)]


class _Defence:
    """The guards, and the lowest and highest value that each one's count had in any world so far."""

    def __init__(self, system: System, guards: Sequence[Guard]) -> None:
        self.system, self.guards, self.attack = system, guards, Attack(system, [guard.cell for guard in guards])
        self.cells = np.array([guard.cell for guard in guards], dtype=np.int64)
        self.lowest = self.attack.counts[self.cells].copy()
        self.highest = self.lowest.copy()
        self.least = self.attack.least()[self.cells]

    def sweep(self) -> None:
        """Push many counts at once, hiding nothing: a share of them up and as many down, each in its turn."""
        everyone = range(len(self.guards))
        for share in SHARES:
            for turn in range(2 * share):
                ups_and_downs = ((turn // 2, (-1, 1)[turn % 2]), (turn // 2 + 1, (1, -1)[turn % 2]))
                aims = [aim for group, step in ups_and_downs for at in everyone if (_lot(at) - group) % share == 0 for aim in self._aims(at, step)]
                if aims:
                    self._learn(self.attack.world(aims))

    def see_to(self, at: int) -> None:
        """Attack one count, hiding whatever stands in the way.

        A count cannot be less than the number of its parts that are not zero, where zeros are shown: if that bars some of the
        lowest values, as many must be possible above the guarded ones.
        """
        for step in (-1, 1):
            for aim in self._aims(at, step):
                # Where the sums that were left out do matter, none is left out.
                self._learn(self.attack.world([aim], may_hide=True) or Attack(self.system).world([aim], may_hide=True))

    def _aims(self, at: int, step: int) -> Iterator[Aim]:
        """Where the count is still to be moved to."""
        guard, count = self.guards[at], self.system.counts[self.guards[at].cell]
        if step < 0 and self.lowest[at] > max(guard.low, self.least[at]):
            yield Aim(guard.cell, step, guard.low, count)
        if step > 0 and self.highest[at] < (end := guard.high + max(0, int(self.lowest[at]) - guard.low)):
            yield Aim(guard.cell, step, count, end)

    def _learn(self, world: World | None) -> None:
        if world is not None:
            self.attack.hide(world.hidden)
            values = world.values[self.cells]
            self.lowest, self.highest = np.minimum(self.lowest, values), np.maximum(self.highest, values)


def _lot(at: int) -> int:
    """As good as drawn by lot, and always the same."""
    return at * 0x9E3779B1 >> 7
