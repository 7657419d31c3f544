"""Where every row must end, told from the truth alone: whose it is, and what was done to it.

The trace is taken to go by numbers and birth dates. Where it goes by more, rows whose label says `traced` may end better.
"""

from __future__ import annotations

import polars as pl

from bcf_linkage.definitions.places import Place
from synthetic.faults.faulted import Faulted
from synthetic.faults.rates import TRACED

REGISTER = "gp_registrations"
NEVER_READ = (Place.UNREADABLE, Place.REFUSED, Place.DUPLICATE)


def expected_places(records: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """One row per record: extract, row, place, reason.

    `records` has one row per record: extract, row, true_person. `labels` has one per faulty row. A row whose label names no
    place ends where its person does: linked if a row of the register that can be used is the person's, else not registered.
    """
    keys = ["extract", "row"]
    ends = labels.select(*keys, pl.col("place").replace(TRACED, str(Place.UNLINKED)), "reason")
    labelled = records.join(ends, on=keys, how="left", maintain_order="left")
    usable = ~pl.col("place").is_in(NEVER_READ).fill_null(value=False)
    held = labelled.filter((pl.col("extract") == REGISTER) & usable)["true_person"].unique()
    on_register = pl.col("true_person").is_in(held.implode())
    by_person = {
        "place": pl.when(on_register).then(pl.lit(Place.LINKED)).otherwise(pl.lit(Place.NOT_REGISTERED)),
        "reason": pl.when(on_register).then(pl.lit("cross_check")).otherwise(pl.lit("not_on_register")),
    }
    return labelled.select(*keys, *(pl.coalesce(name, default).alias(name) for name, default in by_person.items()))


def found(faulted: Faulted) -> dict[str, pl.DataFrame]:
    """The rows of each extract that reach their person: all but those that are never read, repeat another, are out of period or opted out.

    A row whose number does not lead to its person is among them, since name, date of birth and address nearly always do.
    """
    lost = faulted.labels.filter(pl.col("place").is_in([*NEVER_READ, Place.OUT_OF_PERIOD, Place.OPTED_OUT]) | (pl.col("fault") == "number_shared"))
    rows = dict(lost.group_by("extract").agg("row").iter_rows())
    return {name: frame.filter(~pl.int_range(1, pl.len() + 1).is_in(rows.get(name, []))) for name, frame in faulted.extracts.items()}
