"""Type 1 objections: whose data must not leave the practice for purposes beyond direct care."""

from __future__ import annotations

import narwhals as nw

OBJECTS = "Y"


def objects() -> nw.Expr:
    """Whether a tidied row of gp_registrations says that the person objects: true or false, never null.

    It is read from every row that can be read, even one that is refused for another fault: an objection counts however poor
    the row that carries it.
    """
    return (nw.col("type_1_opt_out").str.to_uppercase() == OBJECTS).fill_null(False)
