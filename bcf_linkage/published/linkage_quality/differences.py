"""Linked people compared with unlinked people of each source, by standardised difference.

Each source is compared by its own records: other sources exist only for linked people, so with them unlinked people would look healthier.
A standardised difference is in standard deviations and does not depend on the number of people. The literature marks 0.1 (Austin 2009).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import narwhals as nw

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.published.disclosure_control.figures import SHOWN, SUPPRESSED
from bcf_linkage.published.exact_counts import ALL, label_for_code
from bcf_linkage.published.linkage_quality.match_rates import group_of_record
from bcf_linkage.published.linkage_quality.tallies import MEAN, REGISTER, tally

MEANS = {"age": "Age", "records": "Records (in the source)", "pounds": "Cost (in the source, in pounds)"}
COMPARED_CHARACTERISTICS = ("sex", "deprivation_quintile", "ethnic_category", "care_home")
"""Characteristics whose groups are compared."""

CONTACT_COLUMNS = {"care_home": "residence"}
"""Columns of `contacts` that have another name than their characteristic."""


def tally_people_by_group(contacts: nw.LazyFrame, rules: QualityRules, ages: Sequence[AgeBand]) -> nw.LazyFrame:
    """`contacts` -> tallies of linked and unlinked people by characteristic, and of all unlinked people. People not registered are neither."""
    characteristics = [c for c in rules.characteristics if c.code in COMPARED_CHARACTERISTICS]
    people = _people_by_link(contacts, {c.code: group_of_record(c, CONTACT_COLUMNS.get(c.code, c.code), ages, ()).min() for c in characteristics})
    extract, measure, person_count = nw.col("extract"), nw.col("measure"), nw.lit(1)
    by_characteristic = [tally(people.filter(extract.is_in(list(c.columns))), measure, extract, person_count, c.code, nw.col(c.code)) for c in characteristics]
    return nw.concat([tally(people.filter(measure == "people_unlinked"), measure, extract, person_count), *by_characteristic])


def sum_quantities(contacts: nw.LazyFrame, costs: nw.LazyFrame) -> nw.LazyFrame:
    """`contacts` and `costs` -> one row per source, quantity, and linked or unlinked: number of people, sum and sum of squares.

    All are whole numbers (cost in whole pounds), because a sum of floats depends on the order of the rows.
    """
    people = _people_by_link(contacts, {"age": nw.col("age").max(), "records": nw.col("records").sum()})
    spent = costs.select("person", "cost", extract=nw.col("setting"))
    costed = people.join(spent, on=["person", "extract"], how="left").with_columns(pounds=(nw.col("cost").fill_null(0.0) + 0.5).floor())
    amounts = costed.select("measure", area_code=nw.col("extract"), **{name: nw.col(name).cast(nw.Int64) for name in MEANS})
    long = amounts.unpivot(on=list(MEANS), index=["area_code", "measure"], variable_name="quantity", value_name="amount")
    recorded = long.filter(~nw.col("amount").is_null()).with_columns(square=nw.col("amount") * nw.col("amount"))
    sums = recorded.group_by("area_code", "measure", "quantity")
    return sums.agg(people=nw.len().cast(nw.Int64), total=nw.col("amount").sum(), squares=nw.col("square").sum())


def tally_people_measured(sums: nw.LazyFrame) -> nw.LazyFrame:
    """Sums of `sum_quantities` -> tallies of the people in each sum: those whose quantity is known."""
    return sums.select("measure", "area_code", group_type=nw.lit(MEAN), group=nw.col("quantity"), count=nw.col("people"))


def _people_by_link(contacts: nw.LazyFrame, characteristics: Mapping[str, nw.Expr]) -> nw.LazyFrame:
    """`contacts` -> one row per person, extract and `measure` (linked or unlinked), with the characteristics recorded there."""
    outcome = nw.col("outcome")
    measure = nw.when(outcome == Outcome.LINKED).then(nw.lit("people_linked")).otherwise(nw.lit("people_unlinked"))
    source_contacts = contacts.filter((outcome != Outcome.NOT_REGISTERED) & (nw.col("extract") != REGISTER))
    return source_contacts.with_columns(measure=measure).group_by("person", "extract", "measure").agg(**characteristics)


def compare_linked_and_unlinked(protected: nw.LazyFrame, sums: nw.LazyFrame, rules: QualityRules, min_people: int) -> nw.LazyFrame:
    """Protected counts and sums of `sum_quantities` -> rows of `linkage_differences` without their stamp: one per source, characteristic and group.

    Percentages use rounded numbers. Means use exact numbers and are shown for at least `min_people` people.
    """
    threshold = rules.limits.difference / 100
    sides = nw.concat([_compare_shares(protected, rules), _compare_means(protected, sums, min_people)])
    with_spread = sides.with_columns(spread=((nw.col("linked_spread") + nw.col("unlinked_spread")) / 2).sqrt())
    difference = (nw.col("linked") - nw.col("unlinked")) / nw.when(nw.col("spread") > 0).then(nw.col("spread"))
    is_shown = nw.col("status") == SHOWN
    signed = with_spread.with_columns(difference=nw.when(is_shown).then(difference.round(2)))
    return signed.with_columns(
        area_name=nw.col("area_code").str.replace_all("_", " ", literal=True),
        linked=nw.when(is_shown).then(nw.col("linked").round(1)),
        unlinked=nw.when(is_shown).then(nw.col("unlinked").round(1)),
        stands_out=nw.when(is_shown).then((nw.col("difference").abs() > threshold).fill_null(False)),
    ).drop("linked_spread", "unlinked_spread", "spread")


_ROW_COLUMNS = (
    "area_code", "characteristic", "characteristic_name", "group", "unit", "linked_people", "unlinked_people",
    "linked", "unlinked", "linked_spread", "unlinked_spread", "status", "period_start", "period_end",
)  # fmt: skip


def _compare_shares(protected: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """Return the percentage of linked and unlinked people in each group, with the variance of a proportion, p (1 - p)."""
    names = {c.code: c.name for c in rules.characteristics if c.code in COMPARED_CHARACTERISTICS}
    grouped = protected.filter(nw.col("group_type").is_in(list(names)))
    key = ("area_code", "group_type", "group")

    def side(measure: str) -> nw.LazyFrame:
        side_name = measure.removeprefix("people_")
        people = grouped.filter(nw.col("measure") == measure)
        share = nw.col("value") / 100
        return people.select(
            *key,
            "period_start",
            "period_end",
            nw.col("denominator").alias(f"{side_name}_people"),
            nw.col("value").alias(side_name),
            (share * (1 - share) * 10_000).alias(f"{side_name}_spread"),
        )

    paired = side("people_linked").join(side("people_unlinked").drop("period_start", "period_end"), on=list(key), how="inner")
    status = nw.when(nw.col("linked").is_null() | nw.col("unlinked").is_null()).then(nw.lit(SUPPRESSED)).otherwise(nw.lit(SHOWN))
    return paired.with_columns(
        characteristic=nw.col("group_type"), characteristic_name=label_for_code(nw.col("group_type"), names), unit=nw.lit("percent"), status=status
    ).select(*_ROW_COLUMNS)


def _compare_means(protected: nw.LazyFrame, sums: nw.LazyFrame, min_people: int) -> nw.LazyFrame:
    """Return the mean of each quantity of linked and unlinked people, with its variance."""
    people_counts = protected.filter(nw.col("group_type") == MEAN).select(
        "measure", "area_code", "period_start", "period_end", quantity=nw.col("group"), number=nw.col("numerator")
    )
    people = nw.col("people").cast(nw.Float64)
    mean = nw.col("total") / people
    is_shown = ~nw.col("number").is_null() & (nw.col("people") >= min_people)
    quantities = sums.join(people_counts, on=["measure", "area_code", "quantity"], how="inner").with_columns(
        mean=nw.when(is_shown).then(mean),
        spread=nw.when(is_shown).then(nw.col("squares") / people - mean * mean),
    )

    def side(measure: str) -> nw.LazyFrame:
        side_name = measure.removeprefix("people_")
        renamed = {"number": f"{side_name}_people", "mean": side_name, "spread": f"{side_name}_spread"}
        return quantities.filter(nw.col("measure") == measure).select(
            "area_code", "quantity", "period_start", "period_end", *(nw.col(name).alias(new) for name, new in renamed.items())
        )

    paired = side("people_linked").join(side("people_unlinked").drop("period_start", "period_end"), on=["area_code", "quantity"], how="inner")
    status = nw.when(nw.col("linked").is_null() | nw.col("unlinked").is_null()).then(nw.lit(SUPPRESSED)).otherwise(nw.lit(SHOWN))
    return paired.with_columns(
        characteristic=nw.col("quantity"), characteristic_name=label_for_code(nw.col("quantity"), MEANS), group=nw.lit(ALL), unit=nw.lit("mean"), status=status
    ).select(*_ROW_COLUMNS)
