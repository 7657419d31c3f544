"""The shape of exact counts, before disclosure control: one row per count, each with its place in the tree of counts.

`node` says what is counted, where and when: counts of one node are one number, in whatever table and under whatever name they
stand, and are decided once. `part_of` is the node that it is a part of and `split` by what that one was divided: counts of one
whole and split add up to the whole. `among` is the node of its denominator, itself a row of the frame.
"""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.definitions.periods import Period

WORDS = ("measure", "measure_name", "area_type", "area_code", "area_name", "group_type", "group", "period_start", "period_end", "unit")
TREE = ("node", "part_of", "split", "among")
EXACT = (*WORDS, *TREE, "count")
ALL, AREA, EVERYWHERE = "all", "area", "everywhere"
SEPARATOR = " | "


def node(what: nw.Expr, area_type: nw.Expr, area_code: nw.Expr, period: Period) -> nw.Expr:
    """The name of a count: what is counted, in which area, in which period. Null if a part of it is null."""
    return nw.concat_str(what, area_type, area_code, nw.lit(f"{period.start} to {period.end}"), separator=SEPARATOR)


def text_of(column: nw.Expr, words: Mapping[str, str]) -> nw.Expr:
    """The word for each code, null for a code without one."""
    if not words:
        return nw.lit(None).cast(nw.String)
    return column.replace_strict(words, default=None, return_dtype=nw.String)


def everywhere(name: str) -> str:
    """The node of the same count in all localities together."""
    what, _, _, period = name.split(SEPARATOR)
    return SEPARATOR.join((what, EVERYWHERE, EVERYWHERE, period))
