"""The extracts as the stages take them: all that are declared, each with its declared columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import received as received_table
from bcf_linkage.definitions.schema import Type

Extracts = Mapping[str, nw.LazyFrame]
"""Extract name to its received frame."""

TYPES: dict[Type, Any] = {Type.TEXT: nw.String, Type.DATE: nw.Date, Type.INTEGER: nw.Int64, Type.DECIMAL: nw.Float64, Type.TRUTH: nw.Boolean}


def complete(received: Extracts) -> Extracts:
    """The extracts that are shared -> all declared ones, those that are not shared without a row. The GP register must be there."""
    register = received["gp_registrations"]
    return {name: received.get(name, _without_rows(register, name)) for name in EXTRACTS}


def _without_rows(register: nw.LazyFrame, name: str) -> nw.LazyFrame:
    """No row, with the columns of the extract. They are made from a column of the register: constants alone would make a row."""
    nothing = nw.col("row")
    columns = {column.name: nw.when(nothing < 0).then(nw.lit(None)).cast(TYPES[column.type]) for column in received_table(EXTRACTS[name]).columns}
    return register.filter(nothing < 0).select(**columns)
