"""What a reader of a release knows: for each count the bounds that were told of it, and the sums that bind the counts together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

UNBOUNDED = 1 << 60

Loss = tuple[int, int, str]


@dataclass(frozen=True)
class Told:
    """The least and the greatest that a count can be, from what was told of it."""

    low: int = 0
    high: int = UNBOUNDED

    def and_also(self, other: Told) -> Told:
        """What the two tell together."""
        return Told(max(self.low, other.low), min(self.high, other.high))

    def admits(self, count: int) -> bool:
        return self.low <= count <= self.high


NOTHING = Told()


@dataclass
class System:
    """Counts by position, each with what is told of it, bound by sums: a whole and the parts that add up to it.

    `told` is what is told of each now, `by_number` what is told of it while its number is shown; `hidden` is what a reader would know
    of a count that this release did not show: that it is not zero where zeros are shown, and what an earlier release told. `told_by`
    is the count whose number tells it: mostly its own; of what a share leaves of its whole the share's number tells. `loss` orders
    the counts by how much is lost if they are hidden: counts that others are rated by last, the larger ones later. A count without
    `loss` cannot be hidden: it is not published, or its zero is shown. `shown` says whether this release shows the count.
    """

    names: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    by_number: list[Told] = field(default_factory=list)
    hidden: list[Told] = field(default_factory=list)
    loss: list[Loss | None] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)
    told_by: list[int] = field(default_factory=list)
    tells: dict[int, list[int]] = field(default_factory=dict)
    sums: list[tuple[tuple[int, int], ...]] = field(default_factory=list)

    def add(self, name: str, count: int, told: Told = NOTHING, hidden: Told = NOTHING, loss: Loss | None = None, shown: bool = False) -> int:
        """Add a count; gives back its position. Raises ValueError if what is told of it is not so."""
        if not (told.admits(count) and hidden.admits(count)):
            raise ValueError(f"what is told of {name} is not so")
        self.names.append(name)
        self.counts.append(count)
        self.told.append(told.and_also(hidden))
        self.by_number.append(self.told[-1])
        self.hidden.append(hidden)
        self.loss.append(loss)
        self.shown.append(shown)
        self.told_by.append(len(self.names) - 1)
        return len(self.names) - 1

    def tell(self, cell: int, told: Told, by: int | None = None) -> None:
        """Have more be told of a count: for good, or as long as another is shown. Raises ValueError if it is not so."""
        if not told.admits(self.counts[cell]):
            raise ValueError(f"what is told of {self.names[cell]} is not so")
        if by is None:
            self.hidden[cell] = self.hidden[cell].and_also(told)
        else:
            self.told_by[cell] = by
            self.tells.setdefault(by, []).append(cell)
        self.by_number[cell] = self.by_number[cell].and_also(told)
        self.told[cell] = self.told[cell].and_also(told)

    def bind(self, whole: int, parts: Sequence[int]) -> None:
        """Have the parts add up to the whole. Raises ValueError if they do not."""
        if sum(self.counts[part] for part in parts) != self.counts[whole]:
            raise ValueError(f"the parts of {self.names[whole]} do not add up to it")
        members = ((whole, -1), *((part, 1) for part in parts))
        self.sums.append(members)

    def can_hide(self, cell: int) -> bool:
        """Whether a reader would have wider bounds of the count if what tells it were hidden."""
        return self.loss[self.told_by[cell]] is not None and self.told[cell] != self.hidden[cell]

    def hide(self, cells: Iterable[int]) -> None:
        """Show these counts no longer."""
        for cell in cells:
            self.shown[cell] = False
            for told in (cell, *self.tells.get(cell, ())):
                self.told[told] = self.hidden[told]

    def show(self, cell: int) -> None:
        """Show the count after all."""
        self.shown[cell] = True
        for told in (cell, *self.tells.get(cell, ())):
            self.told[told] = self.by_number[told]
