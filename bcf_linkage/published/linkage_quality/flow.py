"""The flow of records, as a linkage report draws it: every record read is in one place, and every place in one above it."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.places import KEPT, Place
from bcf_linkage.published.exact import text_of
from bcf_linkage.published.linkage_quality.tallies import tally

MEASURES = {place: {Place.LINKED: "linked", Place.NOT_REGISTERED: "not_registered", Place.UNLINKED: "unlinked"}.get(place, str(place)) for place in Place}
REASON = "reason"


def flow(ledger: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """The exact ledger, one row per extract, file, place and reason -> tallies: read, traced, each place, each place by reason, links by basis."""
    area, count, place = nw.col("extract"), nw.col("rows"), text_of(nw.col("place"), {str(p): measure for p, measure in MEASURES.items()})
    traced = ledger.filter(nw.col("place").is_in([str(p) for p in KEPT]))
    by_number = nw.col("reason").is_in(list(rules.number_reasons))
    basis = nw.when(by_number).then(nw.lit("linked_by_number")).otherwise(nw.lit("linked_on_demographics"))
    return nw.concat(
        [
            tally(ledger, nw.lit("rows_read"), area, count),
            tally(traced, nw.lit("rows_traced"), area, count),
            tally(traced.filter(nw.col("place") != Place.LINKED), nw.lit("not_matched"), area, count),
            tally(ledger, place, area, count),
            tally(ledger, place, area, count, REASON, nw.col("reason")),
            tally(traced.filter(nw.col("place") == Place.LINKED), basis, area, count),
        ]
    )


def months_seen(contacts: nw.LazyFrame) -> nw.LazyFrame:
    """`contacts` -> one row per extract, first and last month in which somebody was seen (YYYY-MM): how many `people` were seen so."""
    seen = contacts.group_by("extract", "person").agg(first=nw.col("first_day").min(), last=nw.col("last_day").max())
    return seen.select("extract", first=_month("first"), last=_month("last")).group_by("extract", "first", "last").agg(people=nw.len().cast(nw.Int64))


def coverage(seen: nw.LazyFrame, fewest: int) -> nw.LazyFrame:
    """What `months_seen` gives -> one row per extract, `first_month` and `last_month`: outside them its records tell of fewer people than `fewest`.

    Nobody's first or last record gives its month. An extract that saw so few people has no row.
    """
    first, last = (seen.group_by("extract", end).agg(nw.col("people").sum()) for end in ("first", "last"))
    so_far, after = (months.with_columns(so_far=nw.col("people").cum_sum().over("extract", order_by=end)) for months, end in ((first, "first"), (last, "last")))
    from_here = nw.col("people").sum().over("extract") - nw.col("so_far") + nw.col("people")
    begun = so_far.filter(nw.col("so_far") >= fewest).group_by("extract").agg(first_month=nw.col("first").min())
    ended = after.with_columns(from_here=from_here).filter(nw.col("from_here") >= fewest).group_by("extract").agg(last_month=nw.col("last").max())
    return begun.join(ended, on="extract", how="inner")


def _month(column: str) -> nw.Expr:
    """Year and month of a day, as text."""
    return nw.col(column).cast(nw.String).str.slice(0, 7)


def sightings(contacts: nw.LazyFrame) -> nw.LazyFrame:
    """`contacts` -> tallies of people, and of those who are linked. Who was linked once and unlinked another time counts twice."""
    is_linked = nw.when(nw.col("place") == Place.LINKED).then(1).otherwise(0)
    people = contacts.select("person", "extract", people_linked=is_linked, people=nw.lit(1)).unique()
    long = people.unpivot(on=["people", "people_linked"], index=["extract"], variable_name="measure", value_name="count")
    return tally(long, nw.col("measure"), nw.col("extract"), nw.col("count"))
