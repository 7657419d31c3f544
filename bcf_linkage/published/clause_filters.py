"""The clauses of a cohort or metric as a filter of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import narwhals as nw

from bcf_linkage.definitions.measures import Clause


def meets_clauses(clauses: Iterable[Clause]) -> nw.Expr:
    """Return whether a row meets every clause: true or false, never null. Every row meets an empty list.

    A null value meets no clause, with one exception: it meets `none_of`, because it is none of the values.
    """
    condition: nw.Expr = nw.lit(True)
    for clause in clauses:
        condition = condition & _meets_clause(clause)
    return condition


def _meets_clause(clause: Clause) -> nw.Expr:
    column = nw.col(clause.column)
    if clause.operator == "known":
        return ~column.is_null() if clause.value else column.is_null()
    if clause.operator == "none_of":
        return ~column.is_in(clause.value).fill_null(False)
    return _compares(column, clause).fill_null(False)


def _compares(column: nw.Expr, clause: Clause) -> nw.Expr:
    comparisons: dict[str, Callable[..., nw.Expr]] = {
        "is": column.__eq__,
        "at_least": column.__ge__,
        "below": column.__lt__,
        "one_of": column.is_in,
    }
    return comparisons[clause.operator](clause.value)
