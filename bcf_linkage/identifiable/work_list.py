"""The work-list of a source: clients whose NHS number was found, has changed, conflicts or matches nobody, and what to do.

It names clients by the local number of the source, and it has NHS numbers. It leaves the identifiable zone only to that source.
"""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.trace_reasons import reasons_for, trace_reasons
from bcf_linkage.definitions.work_list import Supplied, TaskKind, tasks

WORK_LIST_COLUMNS = ("kind", "local_id", "supplied_nhs_number", "found_nhs_number", "trace_reason", "words", "status_code", "to_do", "records")
"""The columns of a work-list."""

SEPARATOR = " | "
"""Joins the reason and what was supplied into one key, by which the task is looked up."""


def build_work_list(identities: nw.LazyFrame, local_id_column: str) -> nw.LazyFrame:
    """Build the work-list: traced identities with `rows` (records) -> one row per client, number supplied, number found and reason, in order.

    An identity whose number was confirmed needs no work and is left out. `found_nhs_number` is filled only if the record is linked.
    """
    is_linked = nw.col("reason").is_in(reasons_for(Outcome.LINKED))
    supplied = identities.select(
        "reason",
        "rows",
        task=nw.concat_str("reason", _supplied_code(is_linked), separator=SEPARATOR),
        any_task=nw.concat_str(nw.col("reason"), nw.lit(str(Supplied.ANY)), separator=SEPARATOR),
        local_id=nw.col(local_id_column),
        supplied_nhs_number=nw.col("nhs_number"),
        found_nhs_number=nw.when(is_linked).then(nw.col("person_number")),
    )
    with_tasks = supplied.with_columns(**{name: nw.coalesce(_task_value("task", name), _task_value("any_task", name)) for name in ("kind", "to_do")})
    due = with_tasks.filter(~nw.col("kind").is_null())
    reasons = trace_reasons()
    labelled = due.with_columns(
        trace_reason=nw.col("reason"),
        words=_look_up(nw.col("reason"), {name: reason.words for name, reason in reasons.items()}),
        status_code=_look_up(nw.col("reason"), {name: reason.status for name, reason in reasons.items()}),
    )
    clients = labelled.group_by(*WORK_LIST_COLUMNS[:-1]).agg(records=nw.col("rows").sum())
    kind_order = _look_up(nw.col("kind"), {str(kind): str(n) for n, kind in enumerate(TaskKind)})
    ordered = clients.with_columns(kind_order=kind_order).sort("kind_order", *WORK_LIST_COLUMNS[1:5], nulls_last=True)
    return ordered.select(*WORK_LIST_COLUMNS)


def _supplied_code(is_linked: nw.Expr) -> nw.Expr:
    """Return how the number supplied compares with the number found; `any` if nobody was found."""
    is_unusable = nw.col("number_state") != nhs_number.SOUND
    is_same = (nw.col("number") == nw.col("person_number")).fill_null(False)
    return (
        nw.when(~is_linked)
        .then(nw.lit(str(Supplied.ANY)))
        .when(is_unusable)
        .then(nw.lit(str(Supplied.NONE)))
        .when(is_same)
        .then(nw.lit(str(Supplied.SAME)))
        .otherwise(nw.lit(str(Supplied.OTHER)))
    )


def _task_value(column: str, name: str) -> nw.Expr:
    return _look_up(nw.col(column), {SEPARATOR.join(task_key): str(getattr(task, name)) for task_key, task in tasks().items()})


def _look_up(column: nw.Expr, words: dict[str, str]) -> nw.Expr:
    return column.replace_strict(list(words), list(words.values()), default=None, return_dtype=nw.String)
