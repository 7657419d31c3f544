"""The last touch: a table's declared columns, in order, stamped and sorted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import narwhals as nw

from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.schema import Table


@dataclass(frozen=True)
class Stamp:
    """What every published row carries: the day on which people are counted, and the run."""

    as_at: date
    run_id: str


def finished(frame: nw.LazyFrame, table: Table, edition: Edition, stamp: Stamp) -> nw.LazyFrame:
    """Rows of a published table, with `position` -> the table as declared, in one order only: by position, then by key."""
    order = [nw.col("position"), *(nw.col(key) for key in table.key)]
    return (
        frame.with_columns(as_at=nw.lit(stamp.as_at), definition_version=nw.lit(f"{edition.name} {edition.version}"), run_id=nw.lit(stamp.run_id))
        .with_columns(*(expression.alias(f"order {n}") for n, expression in enumerate(order)))
        .sort(*(f"order {n}" for n in range(len(order))))
        .select(*table.names)
    )
