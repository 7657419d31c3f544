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
    """Rows of a published table -> the table as declared: stamped, its columns in order, its rows in the order of its key."""
    version = f"{edition.name} {edition.version}"
    stamped = frame.with_columns(as_at=nw.lit(stamp.as_at), definition_version=nw.lit(version), run_id=nw.lit(stamp.run_id))
    return stamped.select(*table.names).sort(*table.key)
