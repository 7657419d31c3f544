"""95% confidence intervals of the figures of a frame, and rounding that is the same on every engine."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.intervals import Z


def add_intervals(figures: nw.LazyFrame) -> nw.LazyFrame:
    """Figures with `top`, `bottom`, `scale` and `interval` (wilson, byar or null) -> with `value`, `lower` and `upper`, to two decimals.

    Wilson's score interval is for a proportion. Byar's approximation to the exact Poisson interval is for a count of events.
    """
    top, bottom = nw.col("top"), nw.col("bottom")
    # One step at a time: engines that take expressions as text (Spark) would otherwise repeat every shared term, and the terms within it.
    parts = figures.with_columns(share=top / bottom, square=Z * Z / bottom, root=top.sqrt(), more=top + 1, more_root=(top + 1).sqrt())
    share, square = nw.col("share"), nw.col("square")
    ends = parts.with_columns(
        middle=share + square / 2,
        half=(share * (1 - share) * square + square * square / 4).sqrt(),
        lower_factor=nw.when(top > 0).then(1 - 1 / (9 * top) - Z / (3 * nw.col("root"))).otherwise(0.0),
        upper_factor=1 - 1 / (9 * nw.col("more")) + Z / (3 * nw.col("more_root")),
    )
    wilson = {"lower": (nw.col("middle") - nw.col("half")) / (1 + square), "upper": (nw.col("middle") + nw.col("half")) / (1 + square)}
    byar = {"lower": top * nw.col("lower_factor") ** 3 / bottom, "upper": nw.col("more") * nw.col("upper_factor") ** 3 / bottom}
    kind = nw.col("interval")
    chosen = {end: nw.when(kind == "wilson").then(wilson[end]).otherwise(nw.when(kind == "byar").then(byar[end])) for end in ("lower", "upper")}
    scaled = ends.with_columns(value=share, **chosen).with_columns(nw.col("value", "lower", "upper") * nw.col("scale"))
    return scaled.with_columns(round_half_up(nw.col("value", "lower", "upper"), 2))


def round_half_up(value: nw.Expr, decimals: int) -> nw.Expr:
    """Round a number of 0 or more to so many decimals, a half up.

    Engines round a half differently and divide by a constant differently. The half is therefore decided in whole numbers, and the
    last step only finds the nearest number with so many decimals.
    """
    power = 10.0**decimals
    return ((value * power + 0.5).floor() / power).round(decimals)
