"""Count the people whom objections exclude from a source. Only these counts leave the identifiable zone."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.identifiable.opt_outs.objections_in_force import OBJECTION_RANK

LEFT_OUT_COLUMNS = ("age", "sex", "objection", "people")


def count_people_left_out(identities: nw.LazyFrame) -> nw.LazyFrame:
    """Count people: one row per traced identity whose records would otherwise be used -> `people` by `age`, `sex` and `objection`, null for none.

    A person whose records differ is counted once, under the first objection, the greatest age and the first sex in order.
    """
    ranked = identities.select("person", "age", "sex", rank=nw.col("objection").replace_strict(OBJECTION_RANK, default=None, return_dtype=nw.Int64))
    people = ranked.group_by("person").agg(nw.col("age").max(), nw.col("sex").min(), nw.col("rank").min())
    counted = people.group_by("age", "sex", "rank").agg(people=nw.col("person").count())
    objection = nw.col("rank").replace_strict({rank: code for code, rank in OBJECTION_RANK.items()}, default=None, return_dtype=nw.String)
    return counted.select(nw.col("age").cast(nw.Int64), "sex", objection=objection, people=nw.col("people").cast(nw.Int64))
