"""The people on the register as a trace compares with them."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.trace_rules import Guards
from bcf_linkage.identifiable.trace.comparable import COMPARABLE

RARE = {"given": "given_name", "family": "family_name", "born": "birth_date", "postcode": "postcode", "address": "address"}
"""The columns whose value's own frequency counts, with the field that they belong to."""

RAREST_NEIGHBOUR = 0.001
"""How rarely at the least two people of one postcode live in one street."""

MANY_ALIKE = 20
"""A group of more people who share birth date and family name, or birth date and home, is no family."""


def entries(compared: nw.LazyFrame, numbers: nw.LazyFrame) -> nw.LazyFrame:
    """Rows of the register with `number` and `COMPARABLE`, and the numbers -> one row per person and way in which they are described.

    `person` is the number that they now have, `shared` whether it is two people's. Rows whose number is not listed are left out.
    """
    known = numbers.filter(nw.col("listed")).select("number", person="person_number", shared="shared")
    return compared.join(known, on="number", how="inner").select("person", "shared", "junk_name", *COMPARABLE).unique()


def communal(entries: nw.LazyFrame, guards: Guards) -> nw.LazyFrame:
    """Entries -> `postcode` and `address` at which so many live that it proves nothing, once each; `address` is null where the whole postcode is."""
    homes = entries.filter(~nw.col("postcode").is_null()).select("person", "postcode", "address").unique()
    crowded = homes.group_by("postcode").agg(people=nw.col("person").n_unique()).filter(nw.col("people") >= guards.communal_postcode)
    addresses = homes.group_by("postcode", "address").agg(people=nw.col("person").n_unique())
    shared = addresses.filter((nw.col("people") >= guards.communal_address) & ~nw.col("address").is_null())
    return nw.concat([crowded.select("postcode", nw.lit(None, nw.String).alias("address")), shared.select("postcode", "address")])


def without_communal(compared: nw.LazyFrame, communal: nw.LazyFrame) -> nw.LazyFrame:
    """Comparable rows -> the same, the home blank where it is a communal one, which `communal` says."""
    postcodes = communal.filter(nw.col("address").is_null()).select("postcode", crowded=nw.lit(True))
    addresses = communal.filter(~nw.col("address").is_null()).with_columns(shared_home=nw.lit(True))
    found = compared.join(postcodes, on="postcode", how="left").join(addresses, on=["postcode", "address"], how="left")
    flagged = found.with_columns(communal=nw.col("crowded").fill_null(False) | nw.col("shared_home").fill_null(False))
    home = ("postcode", "sector", "outcode", "address", "house", "street")
    return flagged.with_columns(nw.when(~nw.col("communal")).then(nw.col(name)).alias(name) for name in home).drop("crowded", "shared_home")


def frequencies(entries: nw.LazyFrame, column: str, rarest: float, smoothing: int) -> nw.LazyFrame:
    """Entries -> for each value of the column, as `tf_<column>`, how likely somebody other than its bearer is to have it.

    Counted are the others who have it; in a small register, where nobody else can be expected to, it is as rare as it can be.
    """
    held = entries.filter(~nw.col(column).is_null()).select("person", column).unique()
    counted = held.group_by(column).agg(people=nw.len()).with_columns(everybody=nw.col("people").sum())
    likely = (nw.col("people") - 1 + rarest * smoothing) / (nw.col("everybody") - 1 + smoothing)
    return counted.select(column, nw.max_horizontal(likely, nw.lit(rarest)).alias(f"tf_{column}"))


def born_together(entries: nw.LazyFrame) -> nw.LazyFrame:
    """Entries -> each person beside another who was born on the same day and has the same family name or home: `person`, `given`, `twin_given`."""
    pairs = [_pairs(entries, ("born", "family")), _pairs(entries, ("born", "postcode", "address"))]
    return nw.concat(pairs).unique()


def _pairs(entries: nw.LazyFrame, alike: tuple[str, ...]) -> nw.LazyFrame:
    known = entries.filter(~nw.any_horizontal(*(nw.col(name).is_null() for name in alike), ignore_nulls=True)).select("person", "given", *alike).unique()
    groups = known.group_by(*alike).agg(people=nw.col("person").n_unique()).filter((nw.col("people") > 1) & (nw.col("people") <= MANY_ALIKE))
    members = known.join(groups.select(*alike), on=list(alike), how="inner")
    others = members.select(*alike, twin="person", twin_given="given")
    return members.join(others, on=list(alike), how="inner").filter(nw.col("person") != nw.col("twin")).select("person", "given", "twin_given")


def kin_expected(entries: nw.LazyFrame, guards: Guards) -> nw.LazyFrame:
    """Entries -> one row: `kin`, whether kin are to be expected.

    They are where people live with others of their family name beyond twice what chance brings together, as it does strangers of one
    postcode, and where the register tells the homes of too few to show it. Where it tells postcodes alone or addresses alone, those
    are the homes. A communal one is none.
    """
    told = ~nw.col("family").is_null() & ~(nw.col("postcode").is_null() & nw.col("address").is_null())
    home = nw.concat_str("postcode", "address", separator=" ", ignore_nulls=True)
    lived = entries.filter(told).select("person", "family", home=home).unique()
    families = lived.group_by("home", "family").agg(people=nw.len()).with_columns(kin=_pairs_of("people"))
    homes = families.group_by("home").agg(nw.col("people").sum(), nw.col("kin").sum()).filter(nw.col("people") < guards.communal_postcode)
    named = lived.group_by("family").agg(people=nw.len()).with_columns(alike=_pairs_of("people"), everybody=nw.col("people").sum())
    chance = named.select(chance=nw.col("alike").sum() / nw.max_horizontal(_pairs_of("everybody").max(), nw.lit(1)))
    met = homes.select(people=nw.col("people").sum(), kin=nw.col("kin").sum(), pairs=_pairs_of("people").sum()).join(chance, how="cross")
    beyond_chance = nw.col("kin") - 2 * nw.col("pairs") * nw.col("chance")
    return met.select(kin=(nw.col("people") < guards.fewest_homes) | (beyond_chance > guards.households * nw.col("people")))


def _pairs_of(people: str) -> nw.Expr:
    number = nw.col(people).cast(nw.Float64)
    return number * (number - 1)


def neighbours(entries: nw.LazyFrame) -> nw.LazyFrame:
    """Entries -> one row: `share`, how many pairs of people who share a postcode also share the street; 1 where a postcode is a street.

    It is never so low that a street could prove more than a postcode does.
    """
    lived = entries.filter(~nw.col("street").is_null() & ~nw.col("postcode").is_null()).select("person", "postcode", "street").unique()
    streets = lived.group_by("postcode", "street").agg(people=nw.len()).with_columns(pairs=nw.col("people") * (nw.col("people") - 1))
    postcodes = streets.group_by("postcode").agg(nw.col("pairs").sum(), people=nw.col("people").sum())
    share = (nw.col("pairs").sum() + RAREST_NEIGHBOUR) / ((nw.col("people") * (nw.col("people") - 1)).sum() + 1)
    return postcodes.select(share=nw.max_horizontal(share, nw.lit(RAREST_NEIGHBOUR)))
