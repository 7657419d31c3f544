"""The received extracts in the form that the stages need: every declared extract, each with its declared columns."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import received_table as received_table
from bcf_linkage.definitions.schema import Type

Extracts = Mapping[str, nw.LazyFrame]
"""Extract name to its received frame."""

TYPES: Mapping[Type, nw.dtypes.DType] = {
    Type.TEXT: nw.String(),
    Type.DATE: nw.Date(),
    Type.INTEGER: nw.Int64(),
    Type.DECIMAL: nw.Float64(),
    Type.BOOLEAN: nw.Boolean(),
}
"""The Narwhals type of each declared type."""


def add_missing_extracts(received: Extracts) -> Extracts:
    """Add an empty frame for each declared extract that is not shared. Raises KeyError without the GP register."""
    register = received["gp_registrations"]
    return {name: received.get(name, _empty_extract(register, name)) for name in EXTRACTS}


def _empty_extract(register: nw.LazyFrame, name: str) -> nw.LazyFrame:
    """Return a frame without rows and with the columns of the extract.

    The columns derive from a column of the register, because constants alone would make a row.
    """
    row_number = nw.col("row")
    columns = {column.name: nw.when(row_number < 0).then(nw.lit(None)).cast(TYPES[column.type]) for column in received_table(EXTRACTS[name]).columns}
    return register.filter(row_number < 0).select(**columns)
