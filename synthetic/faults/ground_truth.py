"""The expected outcome of every row, derived from the ground truth alone: the row's person and its fault.

The derivation assumes a trace by number and date of birth only. A trace with further match passes may do better on rows with
the label `traced`.
"""

from __future__ import annotations

import polars as pl

from bcf_linkage.definitions.outcomes import Outcome
from synthetic.faults.injection import FaultedLocality
from synthetic.faults.rates import DECIDED_BY_TRACE

REGISTER = "gp_registrations"
DROPPED_BEFORE_TRACE = (Outcome.UNREADABLE, Outcome.REFUSED, Outcome.DUPLICATE)


def expected_outcomes(records: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Return one row per record: extract, row, outcome, reason.

    `records` has one row per record: extract, row, true_person. `labels` has one row per faulty row. A row whose label has no
    outcome has its person's: linked if a usable row of the register is the person's, else seen and not registered.
    """
    keys = ["extract", "row"]
    labelled_outcomes = labels.select(*keys, pl.col("outcome").replace(DECIDED_BY_TRACE, str(Outcome.UNLINKED)), "reason")
    labelled = records.join(labelled_outcomes, on=keys, how="left", maintain_order="left")
    usable = ~pl.col("outcome").is_in(DROPPED_BEFORE_TRACE).fill_null(value=False)
    registered_people = labelled.filter((pl.col("extract") == REGISTER) & usable)["true_person"].unique()
    on_register = pl.col("true_person").is_in(registered_people.implode())
    by_person = {
        "outcome": pl.when(on_register).then(pl.lit(Outcome.LINKED)).otherwise(pl.lit(Outcome.NOT_REGISTERED)),
        "reason": pl.when(on_register).then(pl.lit("cross_check")).otherwise(pl.lit("not_on_register")),
    }
    return labelled.select(*keys, *(pl.coalesce(name, default).alias(name) for name, default in by_person.items()))


def linkable_extracts(faulted: FaultedLocality) -> dict[str, pl.DataFrame]:
    """Return the rows of each extract that reach their person, without rows that are unreadable, refused, duplicate, out of period or opted out.

    Rows whose number does not identify their person are included, because name, date of birth and address nearly always do.
    Rows with a number that two people share are not.
    """
    dropped = faulted.labels.filter(
        pl.col("outcome").is_in([*DROPPED_BEFORE_TRACE, Outcome.OUT_OF_PERIOD, Outcome.OPTED_OUT]) | (pl.col("fault") == "number_shared")
    )
    rows = dict(dropped.group_by("extract").agg("row").iter_rows())
    return {name: frame.filter(~pl.int_range(1, pl.len() + 1).is_in(rows.get(name, []))) for name, frame in faulted.extracts.items()}
