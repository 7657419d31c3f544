"""Load the GP register that records are traced to, and the postcode lookup, into memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.engine import PairScorer
from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.extracts.gp_registrations import GP_REGISTRATIONS
from bcf_linkage.definitions.nhs_number import WorkspaceKind
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable import coarse_values, identity_stages, row_rules
from bcf_linkage.identifiable.parse import open_deliveries
from bcf_linkage.identifiable.trace.tracing import Register
from bcf_linkage.storage.engine import POLARS
from bcf_linkage.storage.scoring import score_on_duckdb
from pipelines.receive.reading import explain_read_errors, text_of

AREA_COLUMNS = ("postcode", "lsoa", "deprivation_decile")


def load_register(files: Sequence[Path], kind: WorkspaceKind, as_at: date, score: PairScorer = score_on_duckdb) -> Register:
    """Load the register from the deliveries of gp_registrations. Raises a BcfError for a delivery that cannot be read."""
    deliveries = open_deliveries(GP_REGISTRATIONS, files)
    with explain_read_errors(deliveries):
        rows = identity_stages.build_registrations(row_rules.tidy_values(nw.from_native(text_of(deliveries)), GP_REGISTRATIONS), GP_REGISTRATIONS)
        return Register.build(rows, as_at, kind, TraceRules.build(as_at), POLARS, score)


def read_areas(lookup: Path) -> nw.LazyFrame:
    """Load the postcode lookup, one row per postcode: `postcode`, `lsoa`, `deprivation_quintile`. Raises UsageError if it cannot be used."""
    advice = f"extract it from the ONS Postcode Directory, with the columns {', '.join(AREA_COLUMNS)}, deciles from 1 to 10"
    try:
        text = pl.read_csv(lookup, infer_schema=False, glob=False).select(AREA_COLUMNS)
        areas = POLARS.collect(coarse_values.build_areas(nw.from_native(text.lazy())))
    except FileNotFoundError:
        raise UsageError(f"{lookup}: no such file; {advice}") from None
    except pl.exceptions.PolarsError:
        raise UsageError(f"{lookup}: is not a postcode lookup; {advice}") from None
    if areas["postcode"].is_duplicated().any() or not areas["deprivation_quintile"].is_between(1, 5).all():
        raise UsageError(f"{lookup}: has a postcode twice or a decile outside 1 to 10; {advice}")
    return POLARS.frame(areas)
