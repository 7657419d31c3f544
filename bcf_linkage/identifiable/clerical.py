"""Links for a person to look at: a sample of those that no number confirmed, each record beside the entry of the register that it was linked to."""

from __future__ import annotations

from collections.abc import Collection

import narwhals as nw

from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.trace_reasons import reasons_for

COMPARED = ("given_name", "family_name", "birth_date", "sex", "postcode", "address_line_1")
"""What is set side by side."""

PAIR = (
    "pair",
    "trace_reason",
    "score",
    "margin",
    "pattern",
    "nhs_number",
    "register_nhs_number",
    *(side + name for name in COMPARED for side in ("", "register_")),
)
VERDICTS = ("same", "another", "cannot tell")


def pairs(identities: nw.LazyFrame, register: nw.LazyFrame, by_number: Collection[str], each: int) -> nw.LazyFrame:
    """Examined identities of a source, and rows of the register by `number` as it describes people -> pairs with the columns `PAIR`, so many of each rung.

    They are taken in the order of the numbers found read backwards, which is as good as a lot and falls alike on every run. Of a person
    whom the register describes in several ways the first in order is shown.
    """
    wanted = nw.col("reason").is_in(reasons_for(Place.LINKED)) & ~nw.col("reason").is_in(list(by_number))
    told = identities.filter(wanted).select("score", "margin", "pattern", "nhs_number", "person_number", *COMPARED, trace_reason=nw.col("reason"))
    once = told.unique(["trace_reason", "person_number"], keep="first", order_by=["nhs_number", *COMPARED])
    drawn = once.with_columns(lot=_backwards("person_number"))
    ranked = drawn.with_columns(rank=nw.col("lot").rank("ordinal").over("trace_reason")).filter(nw.col("rank") <= each)
    described = register.join(ranked.select(number="person_number"), on="number", how="semi").unique("number", keep="first", order_by=list(COMPARED))
    entries = described.select(*(nw.col(name).alias(f"register_{name}") for name in COMPARED), person_number="number")
    beside = ranked.join(entries, on="person_number", how="inner").with_columns(register_nhs_number=nw.col("person_number"))
    named = beside.with_columns(pair=nw.concat_str("trace_reason", nw.col("rank").cast(nw.Int64).cast(nw.String), separator=" "))
    return named.sort("trace_reason", "rank").select(*PAIR)


def _backwards(number: str) -> nw.Expr:
    """The ten digits of a number from the last to the first."""
    return nw.concat_str(*(nw.col(number).str.slice(at, 1) for at in range(9, -1, -1)))
