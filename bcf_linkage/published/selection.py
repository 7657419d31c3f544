"""Definitions interpreted: which rows meet the clauses of a cohort or a metric."""

from __future__ import annotations

from collections.abc import Iterable

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
    column, value = nw.col(clause.column), clause.value
    match clause.operator:
        case "known":
            return ~column.is_null() if value else column.is_null()
        case "none_of":
            return ~column.is_in(value).fill_null(False)
        case "one_of":
            return column.is_in(value).fill_null(False)
        case "is":
            return (column == value).fill_null(False)
        case "at_least":
            return (column >= value).fill_null(False)
        case "below":
            return (column < value).fill_null(False)
    raise ValueError(f"no operator {clause.operator}")
