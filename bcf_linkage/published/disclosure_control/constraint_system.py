"""A system of constraints: the bounds that a release shows of each count, and the sums that relate the counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

NO_UPPER_BOUND = 1 << 60


class Loss(NamedTuple):
    """What is lost if a count is hidden: its weight (denominators and large areas weigh more), and its size."""

    weight: int
    size: int


@dataclass(frozen=True)
class Bounds:
    """Smallest and largest value that a reader can give a count."""

    low: int = 0
    high: int = NO_UPPER_BOUND

    def intersect(self, other: Bounds) -> Bounds:
        """Return the bounds that both allow."""
        return Bounds(max(self.low, other.low), min(self.high, other.high))

    def contains(self, count: int) -> bool:
        """Whether the count is within the bounds."""
        return self.low <= count <= self.high


NO_BOUNDS = Bounds()


@dataclass
class ConstraintSystem:
    """Counts by position, each with its bounds, related by sums: a whole and the parts that add up to it.

    `known_bounds` are the bounds of a count as the release is now. `bounds_if_hidden` are those that a reader has if this release hides
    it: that it is not zero where zeros are shown, and what an earlier release shows. `revealed_by` is the count whose number shows the
    bounds. Mostly that is the count itself; the remainder of a share is revealed by the number of the share. `reveals` is the inverse.
    `loss` orders the counts by the loss if they are hidden: denominators and larger counts are hidden later. A count without `loss`
    cannot be hidden: it is not published, or its zero is shown. `shown` says whether this release shows the count.
    """

    names: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    known_bounds: list[Bounds] = field(default_factory=list)
    bounds_if_hidden: list[Bounds] = field(default_factory=list)
    loss: list[Loss | None] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)
    revealed_by: list[int] = field(default_factory=list)
    reveals: dict[int, list[int]] = field(default_factory=dict)
    sums: list[tuple[tuple[int, int], ...]] = field(default_factory=list)

    def add_count(
        self, name: str, count: int, bounds: Bounds = NO_BOUNDS, bounds_if_hidden: Bounds = NO_BOUNDS, loss: Loss | None = None, shown: bool = False
    ) -> int:
        """Add a count and return its position. Raises ValueError if the count is outside its bounds."""
        if not (bounds.contains(count) and bounds_if_hidden.contains(count)):
            raise ValueError(f"{name}: the count is outside its bounds")
        self.names.append(name)
        self.counts.append(count)
        self.known_bounds.append(bounds.intersect(bounds_if_hidden))
        self.bounds_if_hidden.append(bounds_if_hidden)
        self.loss.append(loss)
        self.shown.append(shown)
        self.revealed_by.append(len(self.names) - 1)
        return len(self.names) - 1

    def tighten(self, cell: int, bounds: Bounds, revealing_cell: int | None = None) -> None:
        """Tighten the bounds of a count: for good, or while another count is shown. Raises ValueError if the count is outside them."""
        if not bounds.contains(self.counts[cell]):
            raise ValueError(f"{self.names[cell]}: the count is outside its bounds")
        if revealing_cell is None:
            self.bounds_if_hidden[cell] = self.bounds_if_hidden[cell].intersect(bounds)
        else:
            self.revealed_by[cell] = revealing_cell
            self.reveals.setdefault(revealing_cell, []).append(cell)
        self.known_bounds[cell] = self.known_bounds[cell].intersect(bounds)

    def add_sum(self, whole: int, parts: Sequence[int]) -> None:
        """Add the constraint that the parts add up to the whole. Raises ValueError if they do not."""
        if sum(self.counts[part] for part in parts) != self.counts[whole]:
            raise ValueError(f"the parts of {self.names[whole]} do not add up to it")
        members = ((whole, -1), *((part, 1) for part in parts))
        self.sums.append(members)

    def can_hide(self, cell: int) -> bool:
        """Whether a reader would have wider bounds of the count if the count that reveals it were hidden."""
        return self.loss[self.revealed_by[cell]] is not None and self.known_bounds[cell] != self.bounds_if_hidden[cell]

    def hide(self, cells: Iterable[int]) -> None:
        """Hide these counts, and widen the bounds of all that they reveal."""
        for cell in cells:
            self.shown[cell] = False
            for revealed in (cell, *self.reveals.get(cell, ())):
                self.known_bounds[revealed] = self.bounds_if_hidden[revealed]
