"""The sample for clerical review: links that no NHS number confirmed, each record beside the register entry that it was linked to."""

from __future__ import annotations

from collections.abc import Collection

import narwhals as nw

from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.trace_reasons import reasons_for

REVIEWED_COLUMNS = ("given_name", "family_name", "birth_date", "sex", "postcode", "address_line_1")
"""The columns that a reviewer compares."""

PAIR_COLUMNS = (
    "pair",
    "trace_reason",
    "score",
    "margin",
    "pattern",
    "nhs_number",
    "register_nhs_number",
    *(side + name for name in REVIEWED_COLUMNS for side in ("", "register_")),
)
VERDICTS = ("same", "another", "cannot tell")


def build_review_sample(identities: nw.LazyFrame, register: nw.LazyFrame, number_reasons: Collection[str], per_reason: int) -> nw.LazyFrame:
    """Draw the sample: traced identities, and register rows by `number` -> one row per pair with `PAIR_COLUMNS`, at most `per_reason` of each reason.

    `number_reasons` are the match passes that confirm a number, which need no review. Pairs are taken in the order of the numbers found
    read backwards: as good as a random order, and the same on every run. If the register has several descriptions of a person, the first
    in order is shown.
    """
    is_sampled = nw.col("reason").is_in(reasons_for(Outcome.LINKED)) & ~nw.col("reason").is_in(list(number_reasons))
    links = identities.filter(is_sampled).select("score", "margin", "pattern", "nhs_number", "person_number", *REVIEWED_COLUMNS, trace_reason=nw.col("reason"))
    distinct = links.unique(["trace_reason", "person_number"], keep="first", order_by=["nhs_number", *REVIEWED_COLUMNS])
    keyed = distinct.with_columns(order_key=_reversed_digits("person_number"))
    ranked = keyed.with_columns(rank=nw.col("order_key").rank("ordinal").over("trace_reason")).filter(nw.col("rank") <= per_reason)
    register_rows = register.join(ranked.select(number="person_number"), on="number", how="semi").unique(
        "number", keep="first", order_by=list(REVIEWED_COLUMNS)
    )
    entries = register_rows.select(*(nw.col(name).alias(f"register_{name}") for name in REVIEWED_COLUMNS), person_number="number")
    paired = ranked.join(entries, on="person_number", how="inner").with_columns(register_nhs_number=nw.col("person_number"))
    labelled = paired.with_columns(pair=nw.concat_str("trace_reason", nw.col("rank").cast(nw.Int64).cast(nw.String), separator=" "))
    return labelled.sort("trace_reason", "rank").select(*PAIR_COLUMNS)


def _reversed_digits(number: str) -> nw.Expr:
    """Return the ten digits of a number from the last to the first."""
    return nw.concat_str(*(nw.col(number).str.slice(position, 1) for position in range(9, -1, -1)))
