"""Type 1 objections: the person's data must not leave the GP practice for purposes beyond direct care."""

from __future__ import annotations

import narwhals as nw

OBJECTION_CODE = "Y"


def has_objection() -> nw.Expr:
    """Return whether a tidied row of gp_registrations has an objection: true or false, never null.

    Use it on every readable row, even on one that is refused for another fault: an objection counts whatever the quality of its row.
    """
    return (nw.col("type_1_opt_out").str.to_uppercase() == OBJECTION_CODE).fill_null(False)
