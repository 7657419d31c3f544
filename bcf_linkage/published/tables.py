"""The last step of a published table: add the stamp, select the declared columns, sort by the key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import narwhals as nw

from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.schema import Table


@dataclass(frozen=True)
class Stamp:
    """Columns of every published row: the as-at date and the run."""

    as_at: date
    run_id: str


def finish_table(frame: nw.LazyFrame, table: Table, edition: Edition, stamp: Stamp) -> nw.LazyFrame:
    """Rows of a published table -> the table as declared: with its stamp, columns in order, and rows sorted by key."""
    version = f"{edition.name} {edition.version}"
    stamped = frame.with_columns(as_at=nw.lit(stamp.as_at), definition_version=nw.lit(version), run_id=nw.lit(stamp.run_id))
    return stamped.select(*table.names).sort(*table.key)
