"""Faults of names and addresses, one row at a time. None changes a row's outcome, because number and date of birth still agree."""

from __future__ import annotations

import numpy as np
import polars as pl

from bcf_linkage.definitions.schema import Table
from synthetic.faults.fault_context import FaultContext
from synthetic.names import nicknames

GIVEN, FAMILY = pl.col("given_name"), pl.col("family_name")
NAMES = pl.col("given_name", "family_name")
MC, APOSTROPHE = "^(Mc|Mac)([A-Z])", "^(O|D)'"
ACCENT = r"\p{M}"


def remove_accents(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Remove accents: Zoë becomes Zoe."""
    return rows.with_columns(NAMES.str.normalize("NFKD").str.replace_all(ACCENT, ""))


def remove_hyphens(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Remove hyphens: Smith-Jones becomes Smith Jones or SmithJones."""
    return rows.with_columns(_choose_at_random(rng, rows, NAMES.str.replace_all("-", " "), NAMES.str.replace_all("-", "")))


def remove_apostrophe(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Remove the apostrophe: O'Neill becomes O Neill or ONeill."""
    return rows.with_columns(_choose_at_random(rng, rows, FAMILY.str.replace(APOSTROPHE, "$1 "), FAMILY.str.replace(APOSTROPHE, "$1")))


def respell_mc(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write McDonald as MacDonald, and MacDonald as McDonald."""
    other = pl.when(FAMILY.str.starts_with("Mac")).then(FAMILY.str.replace(MC, "Mc$2")).otherwise(FAMILY.str.replace(MC, "Mac$2"))
    return rows.with_columns(other.alias("family_name"))


def use_nickname(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write a nickname: Elizabeth becomes Liz, Beth or Betty."""
    nicknames_by_name = nicknames()
    names = [
        nicknames_by_name[given][int(draw * len(nicknames_by_name[given]))] for given, draw in zip(rows["given_name"], rng.random(rows.height), strict=True)
    ]
    return rows.with_columns(pl.Series("given_name", names, pl.String))


def change_family_name(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write another family name drawn from these rows. If it is the same name, append a second name with a hyphen."""
    other = pl.Series(rng.permutation(rows["family_name"].to_numpy()))
    return rows.with_columns(pl.when(other != FAMILY).then(other).otherwise(FAMILY + "-Hart").alias("family_name"))


def swap_names(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Swap given and family name."""
    return rows.with_columns(given_name=FAMILY, family_name=GIVEN)


def use_another_address(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write the address of another person on the register."""
    return _set_address(rows, context.addresses, rng)


def use_care_home_address(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write the address of a care home."""
    return _set_address(rows, context.care_homes, rng)


def use_hostel_address(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write the address of a hostel."""
    return _set_address(rows, context.hostels, rng)


def mistype_postcode(rows: pl.DataFrame, table: Table, context: FaultContext, rng: np.random.Generator) -> pl.DataFrame:
    """Write the letter O in place of the digit after the space."""
    return rows.with_columns(pl.col("postcode").str.replace(r" \d", " O"))


def has_accent(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows with an accent in a name."""
    return pl.any_horizontal(name.str.normalize("NFKD").str.contains(ACCENT) for name in (GIVEN, FAMILY))


def has_hyphen(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows with a hyphen in a name."""
    return GIVEN.str.contains("-", literal=True) | FAMILY.str.contains("-", literal=True)


def has_apostrophe(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows whose family name begins with O' or D'."""
    return FAMILY.str.contains(APOSTROPHE)


def has_mc(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows whose family name begins with Mc or Mac and a capital."""
    return FAMILY.str.contains(MC)


def has_nickname(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows whose given name has a nickname."""
    return GIVEN.is_in(list(nicknames()))


def is_woman(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows of women."""
    sex = next(column for column in table.columns if column.codes is not None and column.codes.name == "sex")
    return (pl.col(sex.name) == "2") & FAMILY.is_not_null()


def has_two_names(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows with two different names."""
    return GIVEN.is_not_null() & FAMILY.is_not_null() & (GIVEN != FAMILY)


def has_address(table: Table, context: FaultContext) -> pl.Expr:
    """Select rows with an address."""
    return pl.col("postcode").str.contains(r" \d") & pl.col("address_line_1").is_not_null()


def _set_address(rows: pl.DataFrame, addresses: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    chosen = addresses[rng.integers(0, addresses.height, rows.height)]
    return rows.with_columns(chosen["address_line_1"], chosen["postcode"])


def _choose_at_random(rng: np.random.Generator, rows: pl.DataFrame, first: pl.Expr, second: pl.Expr) -> pl.Expr:
    return pl.when(pl.Series(rng.random(rows.height) < 0.5)).then(first).otherwise(second)
