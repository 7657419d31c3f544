"""Steps that ask the trace again about people whose number and full date of birth were confirmed, under harder conditions.

They serve as gold standard: their number is hidden, or they bear another's, or they are thought off the register. What becomes of
them tells what becomes of others of whom no truth is known. They are scored with the records of their source, under the same rules.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.identifiable import coarsen
from pipelines.tracing import Climb, Traced, climbed

HIDDEN, STRANGER = "hidden", "stranger"
COUNTED = pl.Schema({"age": pl.Int64, "sex": pl.String, "measure": pl.String, "count": pl.Int64})
NO_NUMBER = {"nhs_number": pl.lit(None, pl.String), "number": pl.lit(None, pl.String), "number_state": pl.lit(nhs_number.MISSING)}


def harder(climb: Climb, records: pl.DataFrame, who: Collection[str], objecting: pl.Series, size: int) -> tuple[Climb, Climb]:
    """A sample of verified people, again: without their number, and with the number of another; and without their number where they are not registered.

    `records` are those of the climb, `who` the columns that make an identity. No more than `size` people are asked about, and nobody
    whose number is among those `objecting`.
    """
    sample = _sampled(climb, records, who, objecting, size)
    hidden = sample.with_columns(asked=pl.lit(HIDDEN), **NO_NUMBER)
    of_the_next = {name: pl.col(name).shift(-1, fill_value=pl.col(name).first()) for name in ("nhs_number", "number")}
    strangers = sample.with_columns(asked=pl.lit(STRANGER), **of_the_next)
    again = pl.concat([hidden, strangers if sample.height > 1 else hidden.clear()])
    return climbed(_numbered(again), climb.register), climbed(_numbered(hidden), climb.register.without(sample["verified"]))


def outcomes(again: Traced, decoys: Traced, as_at: date) -> pl.DataFrame:
    """What became of those whom `harder` asked about: how many people by `measure`, and by the `age` and `sex` that their records tell."""
    linked = pl.col("trace_reason").is_in(reasons_for(Place.LINKED))
    is_right, was_hidden = pl.col("person_number") == pl.col("verified"), pl.col("asked") == HIDDEN
    measures = {
        "holdout": was_hidden,
        "holdout_missed": was_hidden & ~(linked & is_right).fill_null(value=False),
        "holdout_linked": was_hidden & linked,
        "holdout_wrong": was_hidden & linked & ~is_right,
        "strangers_numbers": ~was_hidden,
        "strangers_numbers_linked": ~was_hidden & linked & ~is_right,
    }
    of_decoys = {"decoys": was_hidden, "decoys_linked": linked}
    return pl.concat([_counted(again.records, measures, as_at), _counted(decoys.records, of_decoys, as_at)])


def _counted(records: pl.DataFrame, measures: dict[str, pl.Expr], as_at: date) -> pl.DataFrame:
    aged: pl.DataFrame = nw.from_native(records).with_columns(age=coarsen.age(nw.col("birth_date"), as_at)).to_native()
    counted = aged.group_by("age", "sex").agg(**{measure: holds.sum() for measure, holds in measures.items()})
    return counted.unpivot(on=list(measures), index=["age", "sex"], variable_name="measure", value_name="count").cast(COUNTED).select(*COUNTED)


def _sampled(climb: Climb, records: pl.DataFrame, who: Collection[str], objecting: pl.Series, size: int) -> pl.DataFrame:
    """The records of verified people, one each, with the number that was `verified`.

    They are taken in the order of their numbers read backwards, which is as good as a lot, and falls alike on every run.
    """
    linked = pl.col("trace_reason").is_in(reasons_for(Place.LINKED)) & ~pl.col("number").is_in(objecting.implode())
    verified = climb.first.filter(linked).join(climb.found, on="id", how="anti").select("id", verified="person_number")
    drawn = verified["verified"].unique().to_frame().sort(pl.col("verified").str.reverse()).head(size)
    chosen = records.join(verified.join(drawn, on="verified", how="semi"), on="id", how="inner")
    return chosen.sort("verified", *who).unique("verified", keep="first", maintain_order=True)


def _numbered(records: pl.DataFrame) -> pl.DataFrame:
    return records.with_columns(id=pl.int_range(pl.len(), dtype=pl.Int64))
