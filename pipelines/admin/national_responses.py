"""Reads and checks a response of the national trace. Accepts it whole or not at all. Errors name the row and the column, never the value."""

from __future__ import annotations

from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import DataQualityError, UsageError
from bcf_linkage.definitions.national_trace import CODE_COLUMN, CONFIDENCE_COLUMN, NUMBER_COLUMN, REFERENCE_COLUMN, STEP_COLUMN, NationalTrace
from bcf_linkage.identifiable.parse.selected_columns import read_selected_columns
from bcf_linkage.storage.engine import POLARS

SENT_NUMBER_COLUMNS = ("REQ_NHS_NO", "REQ_NHS_NUMBER")
"""Columns in which the service returns the NHS number of the request."""


def read_response(file: Path, requests: pl.DataFrame, rules: NationalTrace, kind: nhs_number.WorkspaceKind) -> pl.DataFrame:
    """Return one row per record of a response, with the columns that `rules` requires, as text.

    `requests` has one row per person asked about, with `reference` and `NHS_NO`. Raises UsageError for a file of another layout. Raises
    DataQualityError unless the response answers exactly the request, with known codes and valid NHS numbers.
    """
    columns = read_selected_columns(file, dict.fromkeys((*rules.required, *rules.optional), ()))
    if missing := [name for name in rules.required if name not in columns.present]:
        raise UsageError(f"{file}: has no {', '.join(missing)}; it is not a response in the layout of MPS: name the received file")
    if columns.ignored:
        raise UsageError(f"{file}: has {columns.ignored} columns that a response does not have; name the received file")
    rows = columns.text
    _raise_on_another_request(rows, requests, file)
    _raise_on_rows(~_is_in(rows, CODE_COLUMN, (*rules.found, *rules.not_found)), file, f"{CODE_COLUMN} is not a known code")
    _raise_on_rows(rows[STEP_COLUMN].is_not_null() & ~_is_in(rows, STEP_COLUMN, ("0", *rules.steps)), file, f"{STEP_COLUMN} is not a known code")
    confidence = rows[CONFIDENCE_COLUMN].cast(pl.Float64, strict=False)
    _raise_on_rows(
        rows[CONFIDENCE_COLUMN].is_not_null() & ~confidence.is_between(0, 100).fill_null(value=False),
        file,
        f"{CONFIDENCE_COLUMN} is not a number from 0 to 100",
    )
    _raise_on_rows(_number_state(rows, NUMBER_COLUMN, kind, rules) != nhs_number.SOUND, file, f"{NUMBER_COLUMN} is not an NHS number that can be used here")
    return rows.select(*rules.required)


def _raise_on_another_request(rows: pl.DataFrame, requests: pl.DataFrame, file: Path) -> None:
    """Raise DataQualityError unless each person asked about has one answer, with the NHS number of the request."""
    advice = "the response belongs to another request: find the response to the last one"
    _raise_on_rows(~_is_in(rows, REFERENCE_COLUMN, requests["reference"].to_list()), file, f"{REFERENCE_COLUMN} is not a reference of the request; {advice}")
    _raise_on_rows(~rows[REFERENCE_COLUMN].is_first_distinct(), file, f"{REFERENCE_COLUMN} has an answer in an earlier row")
    if missing := len(requests) - len(rows):
        raise DataQualityError(
            f"{file}: has no answer for {missing:,} of the {len(requests):,} people asked about and seems incomplete; ask for the response again"
        )
    sent = rows.select(reference=REFERENCE_COLUMN, returned_number=pl.coalesce(SENT_NUMBER_COLUMNS)).join(
        requests, on="reference", how="left", maintain_order="left"
    )
    _raise_on_rows(
        (sent["returned_number"] != sent["NHS_NO"]).fill_null(value=False),
        file,
        f"{' or '.join(SENT_NUMBER_COLUMNS)} is not the number of the request; {advice}",
    )


def _is_in(rows: pl.DataFrame, column: str, values: tuple[str, ...] | list[str]) -> pl.Series:
    return rows[column].is_in(list(values)).fill_null(value=False)


def _number_state(rows: pl.DataFrame, column: str, kind: nhs_number.WorkspaceKind, rules: NationalTrace) -> pl.Series:
    """Return the state of each NHS number. A value that stands for no number counts as sound."""
    is_placeholder = pl.col(column).is_null() | pl.col(column).is_in(rules.no_number)
    states = POLARS.frame(rows.select(column)).with_columns(state=nhs_number.state(nw.col(column), kind))
    return POLARS.collect(states).select(pl.when(is_placeholder).then(pl.lit(nhs_number.SOUND)).otherwise("state").alias("state"))["state"]


def _raise_on_rows(is_wrong: pl.Series, file: Path, words: str) -> None:
    if count := int(is_wrong.sum()):
        more = f" ({count - 1:,} more rows have the same fault)" if count > 1 else ""
        raise DataQualityError(f"{file}: row {is_wrong.arg_max() + 1:,}: {words}{more}; nothing was imported")  # type: ignore[operator]
