"""The flow of records: every record read has one outcome, and the outcomes add up to the records read."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.outcomes import KEPT_OUTCOMES, Outcome
from bcf_linkage.published.exact_counts import label_for_code
from bcf_linkage.published.linkage_quality.tallies import tally

MEASURE_OF_OUTCOME = {
    outcome: {Outcome.LINKED: "linked", Outcome.NOT_REGISTERED: "not_registered", Outcome.UNLINKED: "unlinked"}.get(outcome, str(outcome))
    for outcome in Outcome
}
"""Code of the figure of each outcome."""

REASON = "reason"
"""Kind of group: the reason of an outcome."""


def tally_flow(ledger: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """The exact ledger, one row per extract, file, outcome and reason -> tallies: read, traced, by outcome, by outcome and reason, links by basis."""
    area, count, outcome_measure = (
        nw.col("extract"),
        nw.col("rows"),
        label_for_code(nw.col("outcome"), {str(outcome): measure for outcome, measure in MEASURE_OF_OUTCOME.items()}),
    )
    traced = ledger.filter(nw.col("outcome").is_in([str(outcome) for outcome in KEPT_OUTCOMES]))
    has_number_reason = nw.col("reason").is_in(list(rules.number_reasons))
    basis = nw.when(has_number_reason).then(nw.lit("linked_by_number")).otherwise(nw.lit("linked_on_demographics"))
    return nw.concat(
        [
            tally(ledger, nw.lit("rows_read"), area, count),
            tally(traced, nw.lit("rows_traced"), area, count),
            tally(traced.filter(nw.col("outcome") != Outcome.LINKED), nw.lit("not_matched"), area, count),
            tally(ledger, outcome_measure, area, count),
            tally(ledger, outcome_measure, area, count, REASON, nw.col("reason")),
            tally(traced.filter(nw.col("outcome") == Outcome.LINKED), basis, area, count),
        ]
    )


def count_by_months_seen(contacts: nw.LazyFrame) -> nw.LazyFrame:
    """`contacts` -> one row per extract, first and last month of a person's records (YYYY-MM), with the number of `people`."""
    month_range = contacts.group_by("extract", "person").agg(first=nw.col("first_day").min(), last=nw.col("last_day").max())
    return month_range.select("extract", first=_month("first"), last=_month("last")).group_by("extract", "first", "last").agg(people=nw.len().cast(nw.Int64))


def find_coverage(seen: nw.LazyFrame, min_people: int) -> nw.LazyFrame:
    """Rows of `count_by_months_seen` -> one row per extract: `first_month` and `last_month` of its coverage.

    Before and after these months the extract has records of fewer than `min_people` people, so that the months do not reveal the first or
    last record of one person. An extract with fewer people has no row.
    """
    first, last = (seen.group_by("extract", end).agg(nw.col("people").sum()) for end in ("first", "last"))
    cumulative, after = (
        months.with_columns(so_far=nw.col("people").cum_sum().over("extract", order_by=end)) for months, end in ((first, "first"), (last, "last"))
    )
    from_here = nw.col("people").sum().over("extract") - nw.col("so_far") + nw.col("people")
    first_months = cumulative.filter(nw.col("so_far") >= min_people).group_by("extract").agg(first_month=nw.col("first").min())
    last_months = after.with_columns(from_here=from_here).filter(nw.col("from_here") >= min_people).group_by("extract").agg(last_month=nw.col("last").max())
    return first_months.join(last_months, on="extract", how="inner")


def _month(column: str) -> nw.Expr:
    """Return the month of a day as text (YYYY-MM)."""
    return nw.col(column).cast(nw.String).str.slice(0, 7)


def tally_people_seen(contacts: nw.LazyFrame) -> nw.LazyFrame:
    """`contacts` -> tallies of people, and of linked people. A person linked on one record and unlinked on another counts twice."""
    is_linked = nw.when(nw.col("outcome") == Outcome.LINKED).then(1).otherwise(0)
    people = contacts.select("person", "extract", people_linked=is_linked, people=nw.lit(1)).unique()
    long = people.unpivot(on=["people", "people_linked"], index=["extract"], variable_name="measure", value_name="count")
    return tally(long, nw.col("measure"), nw.col("extract"), nw.col("count"))
