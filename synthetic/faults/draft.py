"""An extract while faults are put into it: the clean rows, and beside them what is to stand in their place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from bcf_linkage.definitions.schema import Table
from synthetic.faults.rates import Rate

AT_FAULT = "_column"
LABELS = pl.Schema({"extract": pl.String, "row": pl.Int64, "fault": pl.String, "place": pl.String, "reason": pl.String, "rule": pl.String})

LONG_RUN = 200

Rows = npt.NDArray[np.int64]
Where = Literal["instead", "after", "end"]


@dataclass(frozen=True)
class Change:
    """A fault in some rows: their positions in the clean frame and, unless nothing is changed, the rows as they now read.

    The new rows stand `instead` of the clean ones, `after` them, or at the `end` of the extract. A column `_column` in them
    names the column at fault.
    """

    rate: Rate
    at: Rows
    rows: pl.DataFrame | None
    where: Where


@dataclass
class Draft:
    """One extract in the making. `taken` marks the clean rows that a fault has claimed, so that no row carries two."""

    table: Table
    clean: pl.DataFrame
    taken: npt.NDArray[np.bool_] = field(init=False)
    changes: list[Change] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.taken = np.zeros(self.clean.height, dtype=bool)

    def free_rows_of(self, people: Rows) -> Rows:
        """Positions of the unclaimed rows of these people."""
        theirs = self.clean["true_person"].is_in(people.tolist()).to_numpy()
        return np.flatnonzero(theirs & ~self.taken)

    def claim(self, rate: Rate, at: Rows, rows: pl.DataFrame | None = None, where: Where = "instead") -> None:
        """Give these rows this fault. Where a row is added, its original is claimed with it and stays clean."""
        if len(at):
            self.taken[at] = True
            self.changes.append(Change(rate, at, rows, where))

    def finish(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The extract with its faults, and one label per faulty row by its final position (the first data row is 1)."""
        frames, source = [self.clean], np.arange(self.clean.height)
        before, added = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for change in self.changes:
            if change.rows is None:
                continue
            new = sum(frame.height for frame in frames) + np.arange(len(change.at))
            frames.append(change.rows.select(self.clean.columns))
            if change.where == "instead":
                source[change.at] = new
            else:
                before.append(change.at + 1 if change.where == "after" else np.full_like(change.at, len(source)))
                added.append(new)
        places = np.concatenate(before)
        order = np.argsort(places, kind="stable")
        merged = np.insert(source, places[order], np.concatenate(added)[order])
        faulty = _in_order(pl.concat(frames), merged) if len(frames) > 1 else self.clean
        return faulty, self._labels(places[order], np.argsort(order, kind="stable"))

    def _labels(self, before: Rows, rank: Rows) -> pl.DataFrame:
        """Labels, given the clean positions before which rows were added (sorted) and each added row's rank among them."""
        labels, seen = [], 0
        for change in self.changes:
            if change.where == "instead":
                row = change.at + np.searchsorted(before, change.at, side="right")
            else:
                mine, seen = rank[seen : seen + len(change.at)], seen + len(change.at)
                row = before[mine] + mine
            labels.append(_label(change, row + 1))
        return pl.concat([LABELS.to_frame(), *labels]).sort("row")


def _in_order(rows: pl.DataFrame, order: Rows) -> pl.DataFrame:
    """The rows in that order. Where it hardly differs from their own, nothing is copied: the result is made of long runs of the rows."""
    cuts = np.flatnonzero(np.diff(order) != 1) + 1
    if len(order) < LONG_RUN * len(cuts):
        return rows.rechunk()[order]
    starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(order)]])
    return pl.concat([rows.slice(int(order[start]), int(end - start)) for start, end in zip(starts, ends, strict=True)], rechunk=False)


def _label(change: Change, row: Rows) -> pl.DataFrame:
    """The labels of one change, the column at fault filled in."""
    rate = change.rate
    said = {"extract": rate.extract, "fault": rate.fault, "place": rate.place, "reason": rate.reason, "rule": rate.rule}
    frame = pl.DataFrame({"row": row})
    if change.rows is not None and AT_FAULT in change.rows.columns:
        frame = frame.with_columns(change.rows[AT_FAULT])
    return frame.select(pl.col("row"), **{name: _filled(text) for name, text in said.items()}).select(LABELS.names()).cast(LABELS)


def _filled(text: str | None) -> pl.Expr:
    if text and "{column}" in text:
        return pl.format(text.replace("{column}", "{}"), AT_FAULT)
    return pl.lit(text, pl.String)
