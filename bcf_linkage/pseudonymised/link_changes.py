"""Changes of links since the previous run. A client is a token of the source's own number, which is the same in every run."""

from __future__ import annotations

from datetime import date

import narwhals as nw

from bcf_linkage.definitions.outcomes import Outcome

LINK_KEPT, LINK_FOUND, LINK_MOVED, LINK_LOST, NEVER_LINKED = "links_kept", "links_found", "links_moved", "links_lost", "links_neither"
"""The change of a client of the previous run: same link; linked now, not before; linked to another person; no longer linked; linked in neither run."""

CHANGED = (LINK_FOUND, LINK_MOVED, LINK_LOST)
COMPARED_COLUMNS = ("person", "outcome", "trace_reason", "since")


def compare_links(current: nw.LazyFrame, previous: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    """Compare the links of a source with those of the previous run: one row per `client` in each -> the links of this run, with `change`.

    `change` is null for a client who was not in the previous run. The `_before` columns are filled where the link has changed. `since` is
    the as-at date of the first run with this link.
    """
    names_before = {name: f"{name}_before" for name in COMPARED_COLUMNS}
    joined = current.join(previous.select("client", *(nw.col(name).alias(names_before[name]) for name in COMPARED_COLUMNS)), on="client", how="left")
    linked, was_linked = nw.col("outcome") == Outcome.LINKED, nw.col("outcome_before") == Outcome.LINKED
    is_same = (nw.col("person") == nw.col("person_before")) & (nw.col("outcome") == nw.col("outcome_before"))
    change = (
        nw.when(linked & was_linked & is_same)
        .then(nw.lit(LINK_KEPT))
        .when(linked & was_linked)
        .then(nw.lit(LINK_MOVED))
        .when(linked)
        .then(nw.lit(LINK_FOUND))
        .when(was_linked)
        .then(nw.lit(LINK_LOST))
        .otherwise(nw.lit(NEVER_LINKED))
    )
    was_present, has_changed = ~nw.col("person_before").is_null(), ~is_same.fill_null(False)
    since = nw.when(is_same.fill_null(False)).then(nw.col("since_before")).otherwise(nw.lit(as_at))
    dated = joined.with_columns(change=nw.when(was_present).then(change), since=since.cast(nw.Date))
    return dated.with_columns(nw.when(has_changed).then(nw.col(name)).alias(name) for name in names_before.values())


def start_links(current: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    """Return the links of a source without a previous run, one row per `client`, with the columns of `compare_links`."""
    blank_columns = {f"{name}_before": nw.lit(None).cast(nw.Date if name == "since" else nw.String) for name in COMPARED_COLUMNS}
    return current.with_columns(**blank_columns, change=nw.lit(None).cast(nw.String), since=nw.lit(as_at).cast(nw.Date))


def restore_previous_links(links: nw.LazyFrame) -> nw.LazyFrame:
    """Return the previous link of each person whose links changed: one row per `person`, with `candidate` (the pseudonym before) and `outcome`.

    A person with several clients in the source is left out unless all of them had the same previous pseudonym, because the records
    of the person cannot be divided among the clients.
    """
    with_candidate = links.with_columns(candidate=nw.when(nw.col("change").is_in(list(CHANGED))).then(nw.col("person_before")))
    by_person = with_candidate.group_by("person").agg(
        clients=nw.len(),
        changed=nw.col("candidate").count(),
        candidate=nw.col("candidate").min(),
        last=nw.col("candidate").max(),
        outcome=nw.col("outcome_before").min(),
    )
    is_unambiguous = (nw.col("clients") == nw.col("changed")) & (nw.col("candidate") == nw.col("last")) & (nw.col("candidate") != nw.col("person"))
    return by_person.filter(is_unambiguous).select("person", "candidate", "outcome")
