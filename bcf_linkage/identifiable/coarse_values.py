"""Coarse values that are kept in place of identifiers: age and month for a date of birth, small area (LSOA) for a postcode."""

from __future__ import annotations

from datetime import date

import narwhals as nw

from bcf_linkage.definitions.ages import whole_years


def age(birth_date: nw.Expr, as_at: date) -> nw.Expr:
    """Return the age in whole years on the as-at date, from a date of birth as ISO text; null if unknown or after the as-at date.

    A person born on 29 February has the birthday on 1 March in other years.
    """
    birthday_to_come = birth_date.str.slice(5) > f"{as_at:%m-%d}"
    return nw.when(birth_date <= as_at.isoformat()).then(whole_years(birth_date.str.slice(0, 4).cast(nw.Int64), birthday_to_come, as_at.year))


def birth_month(birth_date: nw.Expr, as_at: date) -> nw.Expr:
    """Return year and month of a date of birth, as ISO text; null if unknown or after the as-at date."""
    return nw.when(birth_date <= as_at.isoformat()).then(birth_date.str.slice(0, 7))


def canonical_postcode(text: nw.Expr) -> nw.Expr:
    """Return a postcode in capitals, with one space before its last three characters and no other."""
    return text.str.to_uppercase().str.replace_all(" ", "", literal=True).str.replace_all("^(.+)(...)$", "$1 $2")


def add_area(records: nw.LazyFrame, postcode_column: str, postcodes: nw.LazyFrame) -> nw.LazyFrame:
    """Add `canonical_postcode`, `lsoa` and `deprivation_quintile` to records, null where the lookup has no such postcode. Order is not kept."""
    # Look up each distinct postcode once: many records share one.
    distinct = records.select(postcode_column).unique().with_columns(canonical_postcode=canonical_postcode(nw.col(postcode_column)))
    matched = distinct.join(postcodes, left_on="canonical_postcode", right_on="postcode", how="left")
    return records.join(matched, on=postcode_column, how="left")


def build_areas(lookup: nw.LazyFrame) -> nw.LazyFrame:
    """Build the areas: one row per postcode as text (`postcode`, `lsoa`, `deprivation_decile` 1 to 10) -> the same with `deprivation_quintile` 1 to 5."""
    return lookup.select(
        canonical_postcode(nw.col("postcode")).alias("postcode"),
        "lsoa",
        deprivation_quintile=(nw.col("deprivation_decile").cast(nw.Int64) + 1) // 2,
    )
