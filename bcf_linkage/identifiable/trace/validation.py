"""Linkage validation: trace a hold-out sample of verified people again under harder conditions, to estimate false and missed matches.

Verified people are those whose NHS number and full date of birth agreed. They serve as gold standard:

- hold-out: their number is hidden. A wrong link is a false match, no link a missed match.
- swapped: their number is replaced by another person's. A link to that person is a false match.
- decoys: their number is hidden and they are removed from the register. Any link is a false match.

They are scored together with the records of their source, under the same rules.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.identifiable import coarse_values
from bcf_linkage.identifiable.trace.tracing import DeterministicMatch, TracedRecords, match_deterministically

HIDDEN, SWAPPED = "hidden", "swapped"
VALIDATION_SCHEMA = pl.Schema({"age": pl.Int64, "sex": pl.String, "measure": pl.String, "count": pl.Int64})
NO_NUMBER = {"nhs_number": pl.lit(None, pl.String), "number": pl.lit(None, pl.String), "number_state": pl.lit(nhs_number.MISSING)}


def build_validation_samples(
    deterministic: DeterministicMatch, records: pl.DataFrame, identity_columns: Collection[str], objecting_numbers: pl.Series, sample_size: int
) -> tuple[DeterministicMatch, DeterministicMatch]:
    """Build the validation samples, run through passes 1 to 3: hold-out and swapped people together, and decoys.

    `records` are those that `deterministic` was made from. `identity_columns` order the records of a person. The sample has at most
    `sample_size` people, and nobody whose number is in `objecting_numbers`.
    """
    sample = _draw_sample(deterministic, records, identity_columns, objecting_numbers, sample_size)
    hidden = sample.with_columns(condition=pl.lit(HIDDEN), **NO_NUMBER)
    # Each person gets the number of the next one in the sample, the last that of the first. One person alone has nobody to swap with.
    next_number = {name: pl.col(name).shift(-1, fill_value=pl.col(name).first()) for name in ("nhs_number", "number")}
    swapped = sample.with_columns(condition=pl.lit(SWAPPED), **next_number)
    holdout = pl.concat([hidden, swapped if sample.height > 1 else hidden.clear()])
    decoy_register = deterministic.register.without(sample["verified"])
    return match_deterministically(_with_ids(holdout), deterministic.register), match_deterministically(_with_ids(hidden), decoy_register)


def count_validation_results(holdout: TracedRecords, decoys: TracedRecords, as_at: date) -> pl.DataFrame:
    """Count the results of the validation samples: one row per `age`, `sex` (as in the records) and `measure`, with `count` in people."""
    linked = pl.col("trace_reason").is_in(reasons_for(Outcome.LINKED))
    is_correct, was_hidden = pl.col("person_number") == pl.col("verified"), pl.col("condition") == HIDDEN
    measures = {
        "holdout": was_hidden,
        "holdout_missed": was_hidden & ~(linked & is_correct).fill_null(value=False),
        "holdout_linked": was_hidden & linked,
        "holdout_wrong": was_hidden & linked & ~is_correct,
        "strangers_numbers": ~was_hidden,
        "strangers_numbers_linked": ~was_hidden & linked & ~is_correct,
    }
    decoy_measures = {"decoys": was_hidden, "decoys_linked": linked}
    return pl.concat([_count_by_age_and_sex(holdout.records, measures, as_at), _count_by_age_and_sex(decoys.records, decoy_measures, as_at)])


def _count_by_age_and_sex(records: pl.DataFrame, measures: dict[str, pl.Expr], as_at: date) -> pl.DataFrame:
    with_age: pl.DataFrame = nw.from_native(records).with_columns(age=coarse_values.age(nw.col("birth_date"), as_at)).to_native()
    counts = with_age.group_by("age", "sex").agg(**{measure: flag.sum() for measure, flag in measures.items()})
    return (
        counts.unpivot(on=list(measures), index=["age", "sex"], variable_name="measure", value_name="count").cast(VALIDATION_SCHEMA).select(*VALIDATION_SCHEMA)
    )


def _draw_sample(
    deterministic: DeterministicMatch, records: pl.DataFrame, identity_columns: Collection[str], objecting_numbers: pl.Series, sample_size: int
) -> pl.DataFrame:
    """Draw the sample: one record per verified person, with the verified number as `verified`.

    People are taken in the order of their numbers read backwards: as good as a random order, and the same on every run.
    """
    linked = pl.col("trace_reason").is_in(reasons_for(Outcome.LINKED)) & ~pl.col("number").is_in(objecting_numbers.implode())
    verified = deterministic.number_matches.filter(linked).join(deterministic.further_matches, on="id", how="anti").select("id", verified="person_number")
    drawn = verified["verified"].unique().to_frame().sort(pl.col("verified").str.reverse()).head(sample_size)
    chosen = records.join(verified.join(drawn, on="verified", how="semi"), on="id", how="inner")
    return chosen.sort("verified", *identity_columns).unique("verified", keep="first", maintain_order=True)


def _with_ids(records: pl.DataFrame) -> pl.DataFrame:
    return records.with_columns(id=pl.int_range(pl.len(), dtype=pl.Int64))
