"""Steps in the identifiable zone: from deliveries to pseudonymised rows. The first file that is written is already pseudonymised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.extracts.gp_registrations import GP_REGISTRATIONS
from bcf_linkage.definitions.nhs_number import Kind
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable import coarsen, examine, rules, whole_file
from bcf_linkage.identifiable.parse import Delivery, opened
from bcf_linkage.identifiable.rules import RuleCount
from bcf_linkage.storage.scoring import Scoring, scored_on_duckdb
from pipelines.settling import ENGINE, Entry, Rows, ledger, read, settled, text_of, write_kept
from pipelines.tokens import Tokens
from pipelines.tracing import Register

AREA_COLUMNS = ("postcode", "lsoa", "deprivation_decile")


@dataclass(frozen=True)
class ReceiveContext:
    """What deliveries are received with: `register` as `register_of` makes it, `areas` as `areas_of` does, the tokens made so far, the objections that hold.

    `sample` is the number of people per extract on whom the trace is put to the test, `answers` what the national service answered about its people.
    """

    kind: Kind
    as_at: date
    tokens: Tokens
    areas: nw.LazyFrame
    register: Register
    objections: nw.LazyFrame
    sample: int = 0
    answers: nw.LazyFrame | None = None

    @property
    def against(self) -> examine.Against:
        return examine.Against(self.as_at, self.kind, self.areas, self.objections, self.answers)


@dataclass(frozen=True)
class Received:
    """What became of an extract: each row read is in the ledger once, and those kept are in the Parquet file at `path`."""

    extract: str
    rows_read: int
    ledger: tuple[Entry, ...]
    rules: tuple[RuleCount, ...]
    path: Path


@dataclass(frozen=True)
class ReadThrough:
    """Deliveries of one extract read to their end and found to be of the right kind and period, with the end of every row."""

    extract: Table
    deliveries: Sequence[Delivery]
    rows: Rows
    ended: pl.DataFrame
    rules: tuple[RuleCount, ...]


def receive(extract: Table, files: Sequence[Path], context: ReceiveContext, out: Path) -> Received:
    """Receive all deliveries of one extract. Raises a Refusal that names the file; then nothing is written."""
    return write(read_through(extract, opened(extract, files), context), context, out)


def read_through(extract: Table, deliveries: Sequence[Delivery], context: ReceiveContext) -> ReadThrough:
    """Settle where every row ends, and write nothing. Raises a Refusal for a file that is as a whole not what it should be."""
    with reading(deliveries):
        rows = read(extract, deliveries, context.against, context.register, context.tokens, context.sample)
        counts = rules.counts(extract, dict(rows.told.group_by("failures").len().iter_rows()))
        _refuse_another_date_format(rows, counts, deliveries)
        ended = settled(rows)
        _refuse_another_period(rows, ended, deliveries, context.as_at)
    return ReadThrough(extract, deliveries, rows, ended, counts)


def write(through: ReadThrough, context: ReceiveContext, out: Path) -> Received:
    """Write the rows that are kept, pseudonymised, and count where all of them ended."""
    with reading(through.deliveries):
        write_kept(through.rows, through.ended, context.tokens, out)
    rows_read = sum(delivery.rows for delivery in through.deliveries)
    return Received(through.extract.name, rows_read, ledger(through.ended, through.deliveries), through.rules, out)


def readable(deliveries: Sequence[Delivery]) -> pl.LazyFrame:
    """The readable rows of an extract as text, just as they came: the batch that Great Expectations judges."""
    return text_of(deliveries).drop("file", "row")


def register_of(files: Sequence[Path], kind: Kind, as_at: date, scored: Scoring = scored_on_duckdb) -> Register:
    """The register that every trace is made against, in memory, from the deliveries of gp_registrations. Raises a Refusal."""
    deliveries = opened(GP_REGISTRATIONS, files)
    with reading(deliveries):
        rows = examine.registrations(rules.tidied(nw.from_native(text_of(deliveries)), GP_REGISTRATIONS), GP_REGISTRATIONS)
        return Register.build(rows, as_at, kind, TraceRules.build(as_at), scored)


def areas_of(lookup: Path) -> nw.LazyFrame:
    """The postcode lookup, in memory: `postcode`, `lsoa`, `deprivation_quintile`. Raises RequestRefused."""
    cure = f"cut it from the ONS postcode directory, with the columns {', '.join(AREA_COLUMNS)}, deciles from 1 to 10"
    try:
        text = pl.read_csv(lookup, infer_schema=False, glob=False).select(AREA_COLUMNS)
        areas = ENGINE.collect(coarsen.areas(nw.from_native(text.lazy())))
    except FileNotFoundError:
        raise RequestRefused(f"{lookup}: no such file; {cure}") from None
    except pl.exceptions.PolarsError:
        raise RequestRefused(f"{lookup}: is no postcode lookup; {cure}") from None
    if areas["postcode"].is_duplicated().any() or not areas["deprivation_quintile"].is_between(1, 5).all():
        raise RequestRefused(f"{lookup}: names a postcode twice or a decile that there is not; {cure}")
    return ENGINE.frame(areas)


@contextmanager
def reading(deliveries: Sequence[Delivery]) -> Iterator[None]:
    """Within this block, what Polars says of a file that it cannot read to the end is told in our own words: its own may quote the file."""
    try:
        yield
    except pl.exceptions.PolarsError as error:
        files = ", ".join(str(delivery.path) for delivery in deliveries)
        raise RequestRefused(f"{files}: cannot be read to its end ({type(error).__name__}); ask the supplier for it again") from None


def _refuse_another_date_format(rows: Rows, counts: Sequence[RuleCount], deliveries: Sequence[Delivery]) -> None:
    paths = {delivery.file: str(delivery.path) for delivery in deliveries}
    for column in whole_file.dates_in_doubt(rows.extract, counts):
        found = ENGINE.collect(whole_file.shapes(rows.text, column)).with_columns(filled=pl.col("rows").sum().over("file"))
        for file, shape, count, first_row, filled in found.sort("file", "first_row").select("file", "shape", "rows", "first_row", "filled").iter_rows():
            whole_file.refuse_another_date_format(paths[file], column, shape, first_row, count, filled)


def _refuse_another_period(rows: Rows, ended: pl.DataFrame, deliveries: Sequence[Delivery], as_at: date) -> None:
    usable = rows.told.filter(~ended["reason"].is_in([*rows.refusals.values()]))
    for delivery in deliveries:
        theirs = usable.filter(pl.col("file") == delivery.file)["outside"]
        whole_file.refuse_another_period(str(delivery.path), rows.extract, as_at, theirs.count(), len(theirs))
    files = ", ".join(str(delivery.path) for delivery in deliveries)
    whole_file.refuse_stale(files, rows.extract, as_at, int(usable["fresh"].sum()), len(usable))
