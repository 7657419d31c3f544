"""The shape of exact counts, before disclosure control: one row per count, each with its place in the tree of counts.

`node` names the count. `part_of` names the count that it is a part of and `split` by what that one was divided: counts of one
parent and split add up to the parent. `level` is its distance from the root. `among` names the count that is its denominator,
itself a row of the frame, so that one number is decided once, wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

WORDS = ("measure", "measure_name", "area_type", "area_code", "area_name", "group_type", "group", "period_start", "period_end", "unit")
TREE = ("node", "part_of", "split", "level", "among")
EXACT = (*WORDS, *TREE, "count")
ALL = "all"


def node(*parts: nw.Expr) -> nw.Expr:
    """The name of a count, from what identifies it in its table. Null if a part of it is null."""
    return nw.concat_str(*parts, separator="|")


def text_of(column: nw.Expr, words: Mapping[str, str]) -> nw.Expr:
    """The word for each code, null for a code without one."""
    if not words:
        return nw.lit(None).cast(nw.String)
    return column.replace_strict(words, default=None, return_dtype=nw.String)
