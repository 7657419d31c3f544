"""Reads what the national service answers, and takes it whole or not at all. Of what is wrong the row and the column are told, never the value."""

from __future__ import annotations

from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import DataRefused, RequestRefused
from bcf_linkage.definitions.national_trace import CODE, CONFIDENCE, NUMBER, REFERENCE, STEP, NationalTrace
from bcf_linkage.identifiable.parse.some_columns import some_columns
from pipelines.tracing import ENGINE

ASKED_UNDER = ("REQ_NHS_NO", "REQ_NHS_NUMBER")
"""The number that was sent, as the service sends it back."""


def read(answer: Path, asked: pl.DataFrame, rules: NationalTrace, kind: nhs_number.Kind) -> pl.DataFrame:
    """The records of a response, with the columns that `rules` needs, as text. `asked` has the `reference` and `NHS_NO` of everybody it must answer for.

    Raises RequestRefused for a file of another layout, and DataRefused unless it answers just what was asked, with numbers that can be.
    """
    told = some_columns(answer, dict.fromkeys((*rules.needed, *rules.besides), ()))
    if missing := [name for name in rules.needed if name not in told.found]:
        raise RequestRefused(f"{answer}: lacks {', '.join(missing)}; it is no response in the layout of MPS: name the file as it came")
    if told.ignored:
        raise RequestRefused(f"{answer}: has {told.ignored} columns that no response has; name the file as it came")
    rows = told.text
    _refuse_another_question(rows, asked, answer)
    _refuse(~_in(rows, CODE, (*rules.found, *rules.not_found)), answer, f"{CODE} is none that is known")
    _refuse(rows[STEP].is_not_null() & ~_in(rows, STEP, ("0", *rules.steps)), answer, f"{STEP} is none that is known")
    confidence = rows[CONFIDENCE].cast(pl.Float64, strict=False)
    _refuse(rows[CONFIDENCE].is_not_null() & ~confidence.is_between(0, 100).fill_null(value=False), answer, f"{CONFIDENCE} is no number from 0 to 100")
    _refuse(_state(rows, NUMBER, kind, rules) != nhs_number.SOUND, answer, f"{NUMBER} is no NHS number that can be used here")
    return rows.select(*rules.needed)


def _refuse_another_question(rows: pl.DataFrame, asked: pl.DataFrame, answer: Path) -> None:
    """Raises DataRefused unless each question has one answer, under the number that it was asked with."""
    cure = "it answers another request: find the answer to the last one"
    _refuse(~_in(rows, REFERENCE, asked["reference"].to_list()), answer, f"{REFERENCE} is of nobody who was asked about; {cure}")
    _refuse(~rows[REFERENCE].is_first_distinct(), answer, f"{REFERENCE} was answered in an earlier row")
    if lacking := len(asked) - len(rows):
        raise DataRefused(f"{answer}: leaves out {lacking:,} of the {len(asked):,} people asked about, as if it had broken off; ask for the answer again")
    sent = rows.select(reference=REFERENCE, sent_back=pl.coalesce(ASKED_UNDER)).join(asked, on="reference", how="left", maintain_order="left")
    _refuse((sent["sent_back"] != sent["NHS_NO"]).fill_null(value=False), answer, f"{' or '.join(ASKED_UNDER)} is not what was asked; {cure}")


def _in(rows: pl.DataFrame, column: str, values: tuple[str, ...] | list[str]) -> pl.Series:
    return rows[column].is_in(list(values)).fill_null(value=False)


def _state(rows: pl.DataFrame, column: str, kind: nhs_number.Kind, rules: NationalTrace) -> pl.Series:
    """Whether each number is sound; one that stands for no number is left alone."""
    none = pl.col(column).is_null() | pl.col(column).is_in(rules.no_number)
    states = ENGINE.frame(rows.select(column)).with_columns(state=nhs_number.state(nw.col(column), kind))
    return ENGINE.collect(states).select(pl.when(none).then(pl.lit(nhs_number.SOUND)).otherwise("state").alias("state"))["state"]


def _refuse(broken: pl.Series, place: Path, words: str) -> None:
    if count := int(broken.sum()):
        more = f" ({count - 1:,} more are like it)" if count > 1 else ""
        raise DataRefused(f"{place}: row {broken.arg_max() + 1:,}: {words}{more}; nothing of the file is taken")  # type: ignore[operator]
