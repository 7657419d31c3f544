"""Whom the unlinked are: linked and unlinked people side by side, and how far apart they stand in standard deviations.

Of each source by itself, as its own records tell it, since a linked person's other sources would make the unlinked look well.
A standardised difference does not grow with the number of people; 0.1 is where the literature begins to remark on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import narwhals as nw

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.rulebook import AgeBand
from bcf_linkage.published.disclosure_control.figures import SHOWN, SUPPRESSED
from bcf_linkage.published.exact import ALL, text_of
from bcf_linkage.published.linkage_quality.match import group
from bcf_linkage.published.linkage_quality.tallies import MEAN, REGISTER, tally

MEANS = {"age": "Age", "records": "Records (in the source)", "pounds": "Cost (in the source, in pounds)"}
SHARED = ("sex", "deprivation_quintile", "ethnic_category", "care_home")
"""Characteristics whose groups linked and unlinked people are shared out among."""

COLUMNS = {"care_home": "residence"}
"""The columns of `contacts` that tell of a characteristic, where they go by another name."""


def people_by_group(contacts: nw.LazyFrame, rules: QualityRules, ages: Sequence[AgeBand]) -> nw.LazyFrame:
    """`contacts` -> tallies of linked and of unlinked people by characteristic, and of all the unlinked. Who is not registered is neither."""
    shared = [c for c in rules.characteristics if c.code in SHARED]
    people = _people(contacts, {c.code: group(c, COLUMNS.get(c.code, c.code), ages, ()).min() for c in shared})
    extract, measure, one = nw.col("extract"), nw.col("measure"), nw.lit(1)
    divided = [tally(people.filter(extract.is_in(list(c.columns))), measure, extract, one, c.code, nw.col(c.code)) for c in shared]
    return nw.concat([tally(people.filter(measure == "people_unlinked"), measure, extract, one), *divided])


def means(contacts: nw.LazyFrame, costs: nw.LazyFrame) -> nw.LazyFrame:
    """`contacts` and `costs` -> one row per source, quantity, and linked or unlinked: how many people, the sum and the sum of squares.

    All are whole numbers, so that they add up to the same in any order.
    """
    people = _people(contacts, {"age": nw.col("age").max(), "records": nw.col("records").sum()})
    spent = costs.select("person", "cost", extract=nw.col("setting"))
    costed = people.join(spent, on=["person", "extract"], how="left").with_columns(pounds=(nw.col("cost").fill_null(0.0) + 0.5).floor())
    whole = costed.select("measure", area_code=nw.col("extract"), **{name: nw.col(name).cast(nw.Int64) for name in MEANS})
    long = whole.unpivot(on=list(MEANS), index=["area_code", "measure"], variable_name="quantity", value_name="amount")
    known = long.filter(~nw.col("amount").is_null()).with_columns(square=nw.col("amount") * nw.col("amount"))
    sums = known.group_by("area_code", "measure", "quantity")
    return sums.agg(people=nw.len().cast(nw.Int64), total=nw.col("amount").sum(), squares=nw.col("square").sum())


def people_measured(sums: nw.LazyFrame) -> nw.LazyFrame:
    """The sums of `means` -> tallies of the people behind each: those of whom the quantity is known."""
    return sums.select("measure", "area_code", group_type=nw.lit(MEAN), group=nw.col("quantity"), count=nw.col("people"))


def _people(contacts: nw.LazyFrame, told: Mapping[str, nw.Expr]) -> nw.LazyFrame:
    """`contacts` of sources -> one row per person, extract, and `measure` (linked or unlinked), with what is told of them there."""
    place = nw.col("place")
    measure = nw.when(place == Place.LINKED).then(nw.lit("people_linked")).otherwise(nw.lit("people_unlinked"))
    of_sources = contacts.filter((place != Place.NOT_REGISTERED) & (nw.col("extract") != REGISTER))
    return of_sources.with_columns(measure=measure).group_by("person", "extract", "measure").agg(**told)


def differences(protected: nw.LazyFrame, sums: nw.LazyFrame, rules: QualityRules, fewest: int) -> nw.LazyFrame:
    """Protected counts and the sums of `means` -> one row per source, characteristic and group, without its stamp.

    Shares are of rounded numbers, means of exact ones and shown of the `fewest` people at least.
    """
    least = rules.limits.difference / 100
    both = nw.concat([_of_shares(protected, rules), _of_means(protected, sums, fewest)])
    wide = both.with_columns(spread=((nw.col("linked_spread") + nw.col("unlinked_spread")) / 2).sqrt())
    apart = (nw.col("linked") - nw.col("unlinked")) / nw.when(nw.col("spread") > 0).then(nw.col("spread"))
    known = nw.col("status") == SHOWN
    signed = wide.with_columns(difference=nw.when(known).then(apart.round(2)))
    return signed.with_columns(
        area_name=nw.col("area_code").str.replace_all("_", " ", literal=True),
        linked=nw.when(known).then(nw.col("linked").round(1)),
        unlinked=nw.when(known).then(nw.col("unlinked").round(1)),
        stands_out=nw.when(known).then((nw.col("difference").abs() > least).fill_null(False)),
    ).drop("linked_spread", "unlinked_spread", "spread")


_ROW = (
    "area_code", "characteristic", "characteristic_name", "group", "unit", "linked_people", "unlinked_people",
    "linked", "unlinked", "linked_spread", "unlinked_spread", "status", "period_start", "period_end",
)  # fmt: skip


def _of_shares(protected: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    names = {c.code: c.name for c in rules.characteristics if c.code in SHARED}
    grouped = protected.filter(nw.col("group_type").is_in(list(names)))
    key = ("area_code", "group_type", "group")

    def side(measure: str) -> nw.LazyFrame:
        word = measure.removeprefix("people_")
        people = grouped.filter(nw.col("measure") == measure)
        share = nw.col("value") / 100
        return people.select(
            *key,
            "period_start",
            "period_end",
            nw.col("denominator").alias(f"{word}_people"),
            nw.col("value").alias(word),
            (share * (1 - share) * 10_000).alias(f"{word}_spread"),
        )

    paired = side("people_linked").join(side("people_unlinked").drop("period_start", "period_end"), on=list(key), how="inner")
    status = nw.when(nw.col("linked").is_null() | nw.col("unlinked").is_null()).then(nw.lit(SUPPRESSED)).otherwise(nw.lit(SHOWN))
    return paired.with_columns(
        characteristic=nw.col("group_type"), characteristic_name=text_of(nw.col("group_type"), names), unit=nw.lit("percent"), status=status
    ).select(*_ROW)


def _of_means(protected: nw.LazyFrame, sums: nw.LazyFrame, fewest: int) -> nw.LazyFrame:
    behind = protected.filter(nw.col("group_type") == MEAN).select(
        "measure", "area_code", "period_start", "period_end", quantity=nw.col("group"), number=nw.col("numerator")
    )
    people = nw.col("people").cast(nw.Float64)
    mean = nw.col("total") / people
    is_shown = ~nw.col("number").is_null() & (nw.col("people") >= fewest)
    told = sums.join(behind, on=["measure", "area_code", "quantity"], how="inner").with_columns(
        mean=nw.when(is_shown).then(mean),
        spread=nw.when(is_shown).then(nw.col("squares") / people - mean * mean),
    )

    def side(measure: str) -> nw.LazyFrame:
        word = measure.removeprefix("people_")
        renamed = {"number": f"{word}_people", "mean": word, "spread": f"{word}_spread"}
        return told.filter(nw.col("measure") == measure).select(
            "area_code", "quantity", "period_start", "period_end", *(nw.col(name).alias(new) for name, new in renamed.items())
        )

    paired = side("people_linked").join(side("people_unlinked").drop("period_start", "period_end"), on=["area_code", "quantity"], how="inner")
    status = nw.when(nw.col("linked").is_null() | nw.col("unlinked").is_null()).then(nw.lit(SUPPRESSED)).otherwise(nw.lit(SHOWN))
    return paired.with_columns(
        characteristic=nw.col("quantity"), characteristic_name=text_of(nw.col("quantity"), MEANS), group=nw.lit(ALL), unit=nw.lit("mean"), status=status
    ).select(*_ROW)
