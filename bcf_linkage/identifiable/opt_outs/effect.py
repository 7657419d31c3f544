"""Whom objections take out of a source, told as counts: the one thing about them that leaves this zone."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.identifiable.opt_outs.holding import RANK

COUNTED = ("age", "sex", "objection", "people")


def people_left_out(identities: nw.LazyFrame) -> nw.LazyFrame:
    """Examined identities of an extract, of which records would be used -> how many people of each `age` and `sex` for each `objection`, null for none.

    A person whose records differ is told once, by the first objection, the greatest age and the first sex in order.
    """
    ranked = identities.select("person", "age", "sex", rank=nw.col("objection").replace_strict(RANK, default=None, return_dtype=nw.Int64))
    people = ranked.group_by("person").agg(nw.col("age").max(), nw.col("sex").min(), nw.col("rank").min())
    counted = people.group_by("age", "sex", "rank").agg(people=nw.col("person").count())
    objection = nw.col("rank").replace_strict({rank: code for code, rank in RANK.items()}, default=None, return_dtype=nw.String)
    return counted.select(nw.col("age").cast(nw.Int64), "sex", objection=objection, people=nw.col("people").cast(nw.Int64))
