"""Faults of names and addresses, a row at a time. None of them changes where a row ends: number and date of birth still agree."""

from __future__ import annotations

import numpy as np
import polars as pl

from bcf_linkage.definitions.schema import Table
from synthetic.faults.world import World
from synthetic.names import nicknames

GIVEN, FAMILY = pl.col("given_name"), pl.col("family_name")
NAMES = pl.col("given_name", "family_name")
MC, APOSTROPHE = "^(Mc|Mac)([A-Z])", "^(O|D)'"
ACCENT = r"\p{M}"


def accent_lost(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Zoë becomes Zoe."""
    return rows.with_columns(NAMES.str.normalize("NFKD").str.replace_all(ACCENT, ""))


def hyphen_dropped(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Smith-Jones becomes Smith Jones or SmithJones."""
    return rows.with_columns(_either(rng, rows, NAMES.str.replace_all("-", " "), NAMES.str.replace_all("-", "")))


def apostrophe_dropped(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """O'Neill becomes O Neill or ONeill."""
    return rows.with_columns(_either(rng, rows, FAMILY.str.replace(APOSTROPHE, "$1 "), FAMILY.str.replace(APOSTROPHE, "$1")))


def mc_respelled(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """McDonald becomes MacDonald, and MacDonald McDonald."""
    other = pl.when(FAMILY.str.starts_with("Mac")).then(FAMILY.str.replace(MC, "Mc$2")).otherwise(FAMILY.str.replace(MC, "Mac$2"))
    return rows.with_columns(other.alias("family_name"))


def nickname(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Elizabeth becomes Liz, Beth or Betty."""
    known = nicknames()
    names = [known[given][int(draw * len(known[given]))] for given, draw in zip(rows["given_name"], rng.random(rows.height), strict=True)]
    return rows.with_columns(pl.Series("given_name", names, pl.String))


def married_name(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Another family name of these rows, or both with a hyphen between them where that is her own."""
    other = pl.Series(rng.permutation(rows["family_name"].to_numpy()))
    return rows.with_columns(pl.when(other != FAMILY).then(other).otherwise(FAMILY + "-Hart").alias("family_name"))


def names_swapped(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Given and family name in each other's column."""
    return rows.with_columns(given_name=FAMILY, family_name=GIVEN)


def moved(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """The address of somebody else on the register."""
    return _at(rows, world.addresses, rng)


def care_home(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """A care home's address."""
    return _at(rows, world.care_homes, rng)


def hostel(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """A hostel's address."""
    return _at(rows, world.hostels, rng)


def postcode_mistyped(rows: pl.DataFrame, table: Table, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """The letter O for the digit after the space."""
    return rows.with_columns(pl.col("postcode").str.replace(r" \d", " O"))


def accented(table: Table, world: World) -> pl.Expr:
    """Rows with an accent in a name."""
    return pl.any_horizontal(name.str.normalize("NFKD").str.contains(ACCENT) for name in (GIVEN, FAMILY))


def hyphenated(table: Table, world: World) -> pl.Expr:
    """Rows with a hyphen in a name."""
    return GIVEN.str.contains("-", literal=True) | FAMILY.str.contains("-", literal=True)


def with_apostrophe(table: Table, world: World) -> pl.Expr:
    """Rows whose family name begins with O' or D'."""
    return FAMILY.str.contains(APOSTROPHE)


def with_mc(table: Table, world: World) -> pl.Expr:
    """Rows whose family name begins with Mc or Mac and a capital."""
    return FAMILY.str.contains(MC)


def with_nickname(table: Table, world: World) -> pl.Expr:
    """Rows whose given name has a nickname."""
    return GIVEN.is_in(list(nicknames()))


def women(table: Table, world: World) -> pl.Expr:
    """Rows about women."""
    sex = next(column for column in table.columns if column.codes is not None and column.codes.name == "sex")
    return (pl.col(sex.name) == "2") & FAMILY.is_not_null()


def named(table: Table, world: World) -> pl.Expr:
    """Rows with two different names."""
    return GIVEN.is_not_null() & FAMILY.is_not_null() & (GIVEN != FAMILY)


def housed(table: Table, world: World) -> pl.Expr:
    """Rows with an address."""
    return pl.col("postcode").str.contains(r" \d") & pl.col("address_line_1").is_not_null()


def _at(rows: pl.DataFrame, addresses: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    chosen = addresses[rng.integers(0, addresses.height, rows.height)]
    return rows.with_columns(chosen["address_line_1"], chosen["postcode"])


def _either(rng: np.random.Generator, rows: pl.DataFrame, one: pl.Expr, other: pl.Expr) -> pl.Expr:
    return pl.when(pl.Series(rng.random(rows.height) < 0.5)).then(one).otherwise(other)
