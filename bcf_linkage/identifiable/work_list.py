"""The work-list of a source: which of its clients' NHS numbers were found, have changed, conflict or lead to nobody, and what to do.

It names clients by the source's own number for them, and holds NHS numbers: it never leaves the identifiable zone but to that source.
"""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.trace_reasons import reasons_for, trace_reasons
from bcf_linkage.definitions.work_list import Kind, Supplied, tasks

LISTED = ("kind", "local_id", "supplied_nhs_number", "found_nhs_number", "trace_reason", "words", "status_code", "to_do", "records")
"""The columns of a work-list."""

SEPARATOR = " | "


def work_list(identities: nw.LazyFrame, local_number: str) -> nw.LazyFrame:
    """Examined identities, each with how many `rows` it has -> one row per client, number supplied, number found and reason, in order.

    Identities whose number was confirmed leave nothing to do, and are not on it. A number is told as found only where the record is linked.
    """
    is_linked = nw.col("reason").is_in(reasons_for(Place.LINKED))
    told = identities.select(
        "reason",
        "rows",
        task=nw.concat_str("reason", _supplied(is_linked), separator=SEPARATOR),
        any_task=nw.concat_str(nw.col("reason"), nw.lit(str(Supplied.ANY)), separator=SEPARATOR),
        local_id=nw.col(local_number),
        supplied_nhs_number=nw.col("nhs_number"),
        found_nhs_number=nw.when(is_linked).then(nw.col("person_number")),
    )
    known = told.with_columns(**{name: nw.coalesce(_of_task("task", name), _of_task("any_task", name)) for name in ("kind", "to_do")})
    due = known.filter(~nw.col("kind").is_null())
    reasons = trace_reasons()
    each = due.with_columns(
        trace_reason=nw.col("reason"),
        words=_word(nw.col("reason"), {name: reason.words for name, reason in reasons.items()}),
        status_code=_word(nw.col("reason"), {name: reason.status for name, reason in reasons.items()}),
    )
    clients = each.group_by(*LISTED[:-1]).agg(records=nw.col("rows").sum())
    first = _word(nw.col("kind"), {str(kind): str(n) for n, kind in enumerate(Kind)})
    ordered = clients.with_columns(first=first).sort("first", *LISTED[1:5], nulls_last=True)
    return ordered.select(*LISTED)


def _supplied(is_linked: nw.Expr) -> nw.Expr:
    """What was supplied beside what was found; `any` where nobody was found."""
    unusable = nw.col("number_state") != nhs_number.SOUND
    same = (nw.col("number") == nw.col("person_number")).fill_null(False)
    return (
        nw.when(~is_linked)
        .then(nw.lit(str(Supplied.ANY)))
        .when(unusable)
        .then(nw.lit(str(Supplied.NONE)))
        .when(same)
        .then(nw.lit(str(Supplied.SAME)))
        .otherwise(nw.lit(str(Supplied.OTHER)))
    )


def _of_task(column: str, name: str) -> nw.Expr:
    return _word(nw.col(column), {SEPARATOR.join(of): str(getattr(task, name)) for of, task in tasks().items()})


def _word(column: nw.Expr, words: dict[str, str]) -> nw.Expr:
    return column.replace_strict(list(words), list(words.values()), default=None, return_dtype=nw.String)
