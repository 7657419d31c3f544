"""Small frames drawn by hand: a test states the columns that matter, the declaration fills in the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import received as received_table
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.schema import Table, Type
from bcf_linkage.published.disclosure_control.figures import figures
from bcf_linkage.published.disclosure_control.knowledge import Besides, known
from bcf_linkage.published.disclosure_control.release import released
from bcf_linkage.published.linkage_quality.views import BEFORE

TYPES: dict[Type, Any] = {Type.TEXT: pl.String, Type.DATE: pl.Date, Type.INTEGER: pl.Int64, Type.DECIMAL: pl.Float64, Type.TRUTH: pl.Boolean}
LINKED = {"place": "linked", "trace_reason": "cross_check", "nhs_number_status_derived": "01"}
REGISTRATION = {"practice_code": "J82001", "registration_start_date": date(2000, 1, 1), "age": 50, "birth_month": "1964-05", "type_1_opt_out": "N"}

Row = Mapping[str, Any]


def table(declared: Table, rows: Iterable[Row]) -> pl.DataFrame:
    """The declared table with these rows; what a row does not state is null. A column that is not declared is a mistake in the test."""
    listed = list(rows)
    assert not {name for row in listed for name in row} - set(declared.names)
    return pl.DataFrame({c.name: pl.Series([row.get(c.name) for row in listed], dtype=TYPES[c.type]) for c in declared.columns})


def extract(name: str, rows: Iterable[Row]) -> pl.DataFrame:
    """A received extract: rows are linked unless they say otherwise, and numbered as they stand."""
    defaults = {**LINKED, **(REGISTRATION if name == "gp_registrations" else {})}
    return table(received_table(EXTRACTS[name]), ({"row": n, **defaults, **row} for n, row in enumerate(rows, 1)))


def received(**rows: Iterable[Row]) -> dict[str, nw.LazyFrame[Any]]:
    """Every extract, empty where no rows are given."""
    return {name: lazy(extract(name, rows.get(name, ()))) for name in EXTRACTS}


def published_before(*rows: tuple[str, str, str, str, float]) -> nw.LazyFrame[Any]:
    """What the run before published of its linkage, row by row; nothing on a first run."""
    return lazy(pl.DataFrame(rows, {**dict.fromkeys(BEFORE, pl.String), "value": pl.Float64}, orient="row"))


def lazy(frame: pl.DataFrame) -> nw.LazyFrame[Any]:
    """The frame as the stages take it."""
    return nw.from_native(frame.lazy())


def collected(frame: nw.LazyFrame[Any]) -> pl.DataFrame:
    """What a stage gave."""
    return frame.collect("polars").to_native()


def rows_of(frame: nw.LazyFrame[Any], *columns: str) -> list[tuple[Any, ...]]:
    """The named columns of what a stage gave, row by row in their sorted order."""
    return collected(frame).select(columns).sort(columns).rows()


def as_released(exact: nw.LazyFrame[Any], within: Sequence[tuple[str, Sequence[str]]] = ()) -> nw.LazyFrame[Any]:
    """Exact counts -> their figures, as a release of them alone under the default profile."""
    counts = collected(exact)
    release = released(known({"counts": counts.to_dicts()}, Rulebook.build(date(2014, 9, 30)).disclosure, besides=Besides(within)))
    return figures(lazy(counts), lazy(pl.DataFrame(release.numbers, {"node": pl.String, "number": pl.Int64})))
