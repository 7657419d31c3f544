"""Definitions interpreted: which rows meet the clauses of a cohort or a metric."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import narwhals as nw

from bcf_linkage.definitions.measures import Clause


def meets(clauses: Iterable[Clause]) -> nw.Expr:
    """Whether a row meets every clause: true or false, never null. Without a clause every row does.

    What is not known meets no clause, with one exception: it is none of the values of `none_of`.
    """
    every: nw.Expr = nw.lit(True)
    for clause in clauses:
        every = every & _meets(clause)
    return every


def _meets(clause: Clause) -> nw.Expr:
    column = nw.col(clause.column)
    if clause.operator == "known":
        return ~column.is_null() if clause.value else column.is_null()
    if clause.operator == "none_of":
        return ~column.is_in(clause.value).fill_null(False)
    return _compares(column, clause).fill_null(False)


def _compares(column: nw.Expr, clause: Clause) -> nw.Expr:
    comparisons: dict[str, Callable[[Any], nw.Expr]] = {
        "is": column.__eq__,
        "at_least": column.__ge__,
        "below": column.__lt__,
        "one_of": column.is_in,
    }
    return comparisons[clause.operator](clause.value)
