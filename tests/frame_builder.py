"""Small hand-written frames: a test states the columns that matter, the declared table fills in the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import received_table as received_table
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.schema import Table, Type
from bcf_linkage.published.disclosure_control.figures import build_figures
from bcf_linkage.published.disclosure_control.knowledge import build_knowledge
from bcf_linkage.published.disclosure_control.release import protect_release
from bcf_linkage.published.exact_counts import CONTROL_COLUMNS, parse_counts
from bcf_linkage.published.linkage_quality.published_views import PREVIOUS_COLUMNS

POLARS_TYPES: dict[Type, Any] = {Type.TEXT: pl.String, Type.DATE: pl.Date, Type.INTEGER: pl.Int64, Type.DECIMAL: pl.Float64, Type.BOOLEAN: pl.Boolean}
LINKED = {"outcome": "linked", "trace_reason": "cross_check", "nhs_number_status_derived": "01"}
REGISTRATION = {"practice_code": "J82001", "registration_start_date": date(2000, 1, 1), "age": 50, "birth_month": "1964-05", "type_1_opt_out": "N"}

Row = Mapping[str, Any]


def build_table(declared: Table, rows: Iterable[Row]) -> pl.DataFrame:
    """Return the declared table with these rows. Missing values are null; an undeclared column fails the test."""
    materialised = list(rows)
    assert not {name for row in materialised for name in row} - set(declared.names)
    return pl.DataFrame({c.name: pl.Series([row.get(c.name) for row in materialised], dtype=POLARS_TYPES[c.type]) for c in declared.columns})


def build_received_extract(name: str, rows: Iterable[Row]) -> pl.DataFrame:
    """Return a received extract: rows are numbered in order, and linked unless they state another outcome."""
    defaults = {**LINKED, **(REGISTRATION if name == "gp_registrations" else {})}
    return build_table(received_table(EXTRACTS[name]), ({"row": n, **defaults, **row} for n, row in enumerate(rows, 1)))


def build_received_extracts(**rows: Iterable[Row]) -> dict[str, nw.LazyFrame[Any]]:
    """Return every extract, empty where no rows are given."""
    return {name: lazy(build_received_extract(name, rows.get(name, ()))) for name in EXTRACTS}


def previous_figures(*rows: tuple[str, str, str, str, float]) -> nw.LazyFrame[Any]:
    """Return the linkage figures that the previous run published, one per row; none for a first run."""
    return lazy(pl.DataFrame(rows, {**dict.fromkeys(PREVIOUS_COLUMNS, pl.String), "value": pl.Float64}, orient="row"))


def lazy(frame: pl.DataFrame) -> nw.LazyFrame[Any]:
    """Return the frame in the form that stages take."""
    return nw.from_native(frame.lazy())


def collect(frame: nw.LazyFrame[Any]) -> pl.DataFrame:
    """Return the rows of a stage's result."""
    return frame.collect("polars").to_native()


def sorted_rows(frame: nw.LazyFrame[Any], *columns: str) -> list[tuple[Any, ...]]:
    """Return the named columns of a stage's result as sorted rows."""
    return collect(frame).select(columns).sort(columns).rows()


def protect_counts(exact: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Exact counts -> their figures, as a release of them alone under the default profile."""
    counts = collect(exact)
    tables = parse_counts({"counts": counts.select(CONTROL_COLUMNS).rows()})
    release = protect_release(build_knowledge(tables, Rulebook.build(date(2014, 9, 30)).disclosure))
    numbers = pl.DataFrame([(str(node), number) for node, number in release.published_numbers.items()], {"node": pl.String, "number": pl.Int64}, orient="row")
    return build_figures(lazy(counts), lazy(numbers))
