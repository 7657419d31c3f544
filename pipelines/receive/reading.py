"""Read deliveries as text, and replace the reader's error messages by our own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import polars as pl

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.identifiable.parse import ParsedDelivery


def text_of(deliveries: Sequence[ParsedDelivery]) -> pl.LazyFrame:
    """Concatenate the readable rows of all deliveries. Each row has its `file` and `row` number."""
    return pl.concat([delivery.text.with_columns(file=pl.lit(delivery.file)) for delivery in deliveries])


def readable_text(deliveries: Sequence[ParsedDelivery]) -> pl.LazyFrame:
    """Concatenate the readable rows as they were delivered, without `file` and `row`: the batch that Great Expectations validates."""
    return text_of(deliveries).drop("file", "row")


@contextmanager
def explain_read_errors(deliveries: Sequence[ParsedDelivery]) -> Iterator[None]:
    """Raise UsageError in place of a Polars error within this block. The message of Polars may quote a value of the file."""
    try:
        yield
    except pl.exceptions.PolarsError as error:
        files = ", ".join(str(delivery.path) for delivery in deliveries)
        raise UsageError(f"{files}: cannot be read to its end ({type(error).__name__}); ask the supplier to send it again") from None
