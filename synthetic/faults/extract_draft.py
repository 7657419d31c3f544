"""An extract while faults are put into it: its clean rows, and the faulty rows that replace or follow them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from bcf_linkage.definitions.schema import Table
from synthetic.faults.rates import FaultRate

FAULT_COLUMN = "_column"
LABELS = pl.Schema({"extract": pl.String, "row": pl.Int64, "fault": pl.String, "outcome": pl.String, "reason": pl.String, "rule": pl.String})

LONG_RUN = 200

Positions = npt.NDArray[np.int64]
Placement = Literal["instead", "after", "end"]


@dataclass(frozen=True)
class FaultChange:
    """A fault in some rows: their positions in the clean frame and, unless the fault changes nothing yet, the rows after the change.

    The new rows replace the clean ones (`instead`), follow them (`after`), or come at the `end` of the extract. The column `_column`
    of the new rows names the column at fault.
    """

    rate: FaultRate
    positions: Positions
    rows: pl.DataFrame | None
    placement: Placement


@dataclass
class ExtractDraft:
    """One extract while faults are added. `claimed` marks the clean rows with a fault, so that no row has two."""

    table: Table
    clean: pl.DataFrame
    claimed: npt.NDArray[np.bool_] = field(init=False)
    changes: list[FaultChange] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.claimed = np.zeros(self.clean.height, dtype=bool)

    def unclaimed_rows(self, people: Positions) -> Positions:
        """Return the positions of the unclaimed rows of these people."""
        is_of_people = self.clean["true_person"].is_in(people.tolist()).to_numpy()
        return np.flatnonzero(is_of_people & ~self.claimed)

    def claim(self, rate: FaultRate, positions: Positions, rows: pl.DataFrame | None = None, placement: Placement = "instead") -> None:
        """Give these rows this fault. If the fault adds a row, its original is claimed as well and stays clean."""
        if len(positions):
            self.claimed[positions] = True
            self.changes.append(FaultChange(rate, positions, rows, placement))

    def finish(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the extract with its faults, and one label per faulty row by its final position (the first data row is 1)."""
        frames, source = [self.clean], np.arange(self.clean.height)
        before, added = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for change in self.changes:
            if change.rows is None:
                continue
            new = sum(frame.height for frame in frames) + np.arange(len(change.positions))
            frames.append(change.rows.select(self.clean.columns))
            if change.placement == "instead":
                source[change.positions] = new
            else:
                before.append(change.positions + 1 if change.placement == "after" else np.full_like(change.positions, len(source)))
                added.append(new)
        insert_positions = np.concatenate(before)
        order = np.argsort(insert_positions, kind="stable")
        merged = np.insert(source, insert_positions[order], np.concatenate(added)[order])
        faulty = _reorder(pl.concat(frames), merged) if len(frames) > 1 else self.clean
        return faulty, self._labels(insert_positions[order], np.argsort(order, kind="stable"))

    def _labels(self, before: Positions, rank: Positions) -> pl.DataFrame:
        """Return the labels, given the sorted clean positions before which rows were added and the rank of each added row among them."""
        labels, seen = [], 0
        for change in self.changes:
            if change.placement == "instead":
                row = change.positions + np.searchsorted(before, change.positions, side="right")
            else:
                added_ranks, seen = rank[seen : seen + len(change.positions)], seen + len(change.positions)
                row = before[added_ranks] + added_ranks
            labels.append(_label_rows(change, row + 1))
        return pl.concat([LABELS.to_frame(), *labels]).sort("row")


def _reorder(rows: pl.DataFrame, order: Positions) -> pl.DataFrame:
    """Return the rows in that order. If few rows move, concatenate slices of the frame and copy nothing."""
    cuts = np.flatnonzero(np.diff(order) != 1) + 1
    if len(order) < LONG_RUN * len(cuts):
        return rows.rechunk()[order]
    starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(order)]])
    return pl.concat([rows.slice(int(order[start]), int(end - start)) for start, end in zip(starts, ends, strict=True)], rechunk=False)


def _label_rows(change: FaultChange, row: Positions) -> pl.DataFrame:
    """Return the labels of one change, with the column at fault filled in."""
    rate = change.rate
    values = {"extract": rate.extract, "fault": rate.fault, "outcome": rate.outcome, "reason": rate.reason, "rule": rate.rule}
    frame = pl.DataFrame({"row": row})
    if change.rows is not None and FAULT_COLUMN in change.rows.columns:
        frame = frame.with_columns(change.rows[FAULT_COLUMN])
    return frame.select(pl.col("row"), **{name: _fill_in_column(text) for name, text in values.items()}).select(LABELS.names()).cast(LABELS)


def _fill_in_column(text: str | None) -> pl.Expr:
    if text and "{column}" in text:
        return pl.format(text.replace("{column}", "{}"), FAULT_COLUMN)
    return pl.lit(text, pl.String)
