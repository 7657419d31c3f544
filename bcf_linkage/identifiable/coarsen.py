"""What is kept of who somebody is: an age and a month for a date of birth, a small area for a postcode."""

from __future__ import annotations

from datetime import date

import narwhals as nw


def age(birth_date: nw.Expr, as_at: date) -> nw.Expr:
    """Whole years from a date of birth, as ISO text, to the as-at date; null if it is not known or lies after it."""
    years = as_at.year - birth_date.str.slice(0, 4).cast(nw.Int64)
    to_come = birth_date.str.slice(5) > f"{as_at:%m-%d}"
    return nw.when(birth_date <= as_at.isoformat()).then(years - to_come.cast(nw.Int64))


def birth_month(birth_date: nw.Expr, as_at: date) -> nw.Expr:
    """Year and month of a date of birth, as ISO text; null if it is not known or lies after the as-at date."""
    return nw.when(birth_date <= as_at.isoformat()).then(birth_date.str.slice(0, 7))


def canonical_postcode(text: nw.Expr) -> nw.Expr:
    """A postcode in capitals with one space before its last three characters, however it was spaced."""
    return text.str.to_uppercase().str.replace_all(" ", "", literal=True).str.replace_all("^(.+)(...)$", "$1 $2")


def with_area(records: nw.LazyFrame, postcode: str, postcodes: nw.LazyFrame) -> nw.LazyFrame:
    """Records -> the same with `canonical_postcode`, and `lsoa` and `deprivation_quintile`, null where the lookup does not know it. Their order is not kept."""
    written = records.select(postcode).unique().with_columns(canonical_postcode=canonical_postcode(nw.col(postcode)))
    placed = written.join(postcodes, left_on="canonical_postcode", right_on="postcode", how="left")
    return records.join(placed, on=postcode, how="left")


def areas(lookup: nw.LazyFrame) -> nw.LazyFrame:
    """The postcode lookup as text (`postcode`, `lsoa`, `deprivation_decile`), one row per postcode -> the same with `deprivation_quintile`."""
    return lookup.select(
        canonical_postcode(nw.col("postcode")).alias("postcode"),
        "lsoa",
        deprivation_quintile=(nw.col("deprivation_decile").cast(nw.Int64) + 1) // 2,
    )
