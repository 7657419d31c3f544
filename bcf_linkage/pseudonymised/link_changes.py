"""What became of links since the run before. Clients are told apart by the token of the source's own number for them, which no run changes."""

from __future__ import annotations

from datetime import date

import narwhals as nw

from bcf_linkage.definitions.places import Place

KEPT, FOUND, MOVED, LOST, NEITHER = "links_kept", "links_found", "links_moved", "links_lost", "links_neither"
"""What can have become of a client who was there before: linked as before; now and not before; to another person; no longer; at neither time."""

CHANGED = (FOUND, MOVED, LOST)
BEFORE = ("person", "place", "trace_reason", "since")


def compared(now: nw.LazyFrame, before: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    """A source's links of this run and of the run before, one row per `client` each -> those of this run, with what became of them.

    `change` is null for who was not there before, and the columns of the link before are filled where it was another. `since` is the
    as-at date of the first run that linked so.
    """
    told = {name: f"{name}_before" for name in BEFORE}
    beside = now.join(before.select("client", *(nw.col(name).alias(told[name]) for name in BEFORE)), on="client", how="left")
    linked, was_linked = nw.col("place") == Place.LINKED, nw.col("place_before") == Place.LINKED
    same = (nw.col("person") == nw.col("person_before")) & (nw.col("place") == nw.col("place_before"))
    change = (
        nw.when(linked & was_linked & same)
        .then(nw.lit(KEPT))
        .when(linked & was_linked)
        .then(nw.lit(MOVED))
        .when(linked)
        .then(nw.lit(FOUND))
        .when(was_linked)
        .then(nw.lit(LOST))
        .otherwise(nw.lit(NEITHER))
    )
    is_known, another = ~nw.col("person_before").is_null(), ~same.fill_null(False)
    since = nw.when(same.fill_null(False)).then(nw.col("since_before")).otherwise(nw.lit(as_at))
    dated = beside.with_columns(change=nw.when(is_known).then(change), since=since.cast(nw.Date))
    return dated.with_columns(nw.when(another).then(nw.col(name)).alias(name) for name in told.values())


def first(now: nw.LazyFrame, as_at: date) -> nw.LazyFrame:
    """A source's links where there is no run before -> the same in the columns of `compared`."""
    nothing = {f"{name}_before": nw.lit(None).cast(nw.Date if name == "since" else nw.String) for name in BEFORE}
    return now.with_columns(**nothing, change=nw.lit(None).cast(nw.String), since=nw.lit(as_at).cast(nw.Date))


def as_before(links: nw.LazyFrame) -> nw.LazyFrame:
    """A source's links, compared -> `person`, and `candidate` and `place` that all records under this pseudonym had in the run before.

    Of people with several clients in the source, some of whom stayed, it cannot be told whose their records are: they are left out.
    """
    each = links.with_columns(candidate=nw.when(nw.col("change").is_in(list(CHANGED))).then(nw.col("person_before")))
    told = each.group_by("person").agg(
        clients=nw.len(),
        changed=nw.col("candidate").count(),
        candidate=nw.col("candidate").min(),
        last=nw.col("candidate").max(),
        place=nw.col("place_before").min(),
    )
    alike = (nw.col("clients") == nw.col("changed")) & (nw.col("candidate") == nw.col("last")) & (nw.col("candidate") != nw.col("person"))
    return told.filter(alike).select("person", "candidate", "place")
