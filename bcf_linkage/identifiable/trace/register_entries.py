"""The register entries that records are compared with, and the rates that are measured on them."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.trace_rules import Guards
from bcf_linkage.identifiable.trace.standardise import STANDARD_COLUMNS

FREQUENCY_FIELDS = {"given": "given_name", "family": "family_name", "born": "birth_date", "postcode": "postcode", "address": "address"}
"""Columns whose match weight depends on how common the value is, with the field that they belong to."""

MIN_NEIGHBOUR_SHARE = 0.001
"""Lower limit of the share of neighbours in one street, so that a small register does not give a street too much weight. [D]"""

MAX_FAMILY_SIZE = 20
"""More people with the same birth date and family name, or birth date and home, are not taken for a family: a common name, or an institution. [D]"""

CHANCE_FACTOR = 2
"""Shared family names in one home count only beyond so many times what chance brings together, because strangers of one postcode share names too. [D]"""


def build_entries(standardised: nw.LazyFrame, numbers: nw.LazyFrame) -> nw.LazyFrame:
    """Build the register entries: standardised rows with `number`, and the numbers -> one row per person and distinct description.

    `person` is the person's present number. `shared` says that it belongs to two people. Rows whose number is not listed are left out.
    """
    listed_numbers = numbers.filter(nw.col("listed")).select("number", person="person_number", shared="shared")
    return standardised.join(listed_numbers, on="number", how="inner").select("person", "shared", "junk_name", *STANDARD_COLUMNS).unique()


def build_communal_homes(entries: nw.LazyFrame, guards: Guards) -> nw.LazyFrame:
    """Find communal homes: entries -> one row per `postcode` and `address` where so many people live that it carries no weight.

    `address` is null where the whole postcode is communal.
    """
    homes = entries.filter(~nw.col("postcode").is_null()).select("person", "postcode", "address").unique()
    communal_postcodes = homes.group_by("postcode").agg(people=nw.col("person").n_unique()).filter(nw.col("people") >= guards.communal_postcode)
    addresses = homes.group_by("postcode", "address").agg(people=nw.col("person").n_unique())
    communal_addresses = addresses.filter((nw.col("people") >= guards.communal_address) & ~nw.col("address").is_null())
    return nw.concat([communal_postcodes.select("postcode", nw.lit(None, nw.String).alias("address")), communal_addresses.select("postcode", "address")])


def blank_communal_homes(records: nw.LazyFrame, communal_homes: nw.LazyFrame) -> nw.LazyFrame:
    """Blank communal homes: standardised rows -> the same rows, postcode and address null where `communal` is true."""
    postcodes = communal_homes.filter(nw.col("address").is_null()).select("postcode", crowded=nw.lit(True))
    addresses = communal_homes.filter(~nw.col("address").is_null()).with_columns(shared_home=nw.lit(True))
    joined = records.join(postcodes, on="postcode", how="left").join(addresses, on=["postcode", "address"], how="left")
    flagged = joined.with_columns(communal=nw.col("crowded").fill_null(False) | nw.col("shared_home").fill_null(False))
    home_columns = ("postcode", "sector", "outcode", "address", "house", "street")
    return flagged.with_columns(nw.when(~nw.col("communal")).then(nw.col(name)).alias(name) for name in home_columns).drop("crowded", "shared_home")


def build_frequencies(entries: nw.LazyFrame, column: str, rarest: float, smoothing: int) -> nw.LazyFrame:
    """Estimate how common each value of a column is: entries -> one row per value, with the frequency `tf_<column>` among other people.

    The frequency is that of the others who have the value, smoothed with `smoothing` people who have it at the rate `rarest`. It is never
    below `rarest`: in a small register a value that nobody else has would look rarer than it is.
    """
    values = entries.filter(~nw.col(column).is_null()).select("person", column).unique()
    counted = values.group_by(column).agg(people=nw.len()).with_columns(everybody=nw.col("people").sum())
    frequency = (nw.col("people") - 1 + rarest * smoothing) / (nw.col("everybody") - 1 + smoothing)
    return counted.select(column, nw.max_horizontal(frequency, nw.lit(rarest)).alias(f"tf_{column}"))


def build_twin_pairs(entries: nw.LazyFrame) -> nw.LazyFrame:
    """Find possible twins: entries -> one row per ordered pair born on the same day with the same family name or home: `person`, `given`, `twin_given`."""
    pairs = [_build_pairs(entries, ("born", "family")), _build_pairs(entries, ("born", "postcode", "address"))]
    return nw.concat(pairs).unique()


def _build_pairs(entries: nw.LazyFrame, shared_fields: tuple[str, ...]) -> nw.LazyFrame:
    complete = (
        entries.filter(~nw.any_horizontal(*(nw.col(name).is_null() for name in shared_fields), ignore_nulls=True))
        .select("person", "given", *shared_fields)
        .unique()
    )
    groups = complete.group_by(*shared_fields).agg(people=nw.col("person").n_unique()).filter((nw.col("people") > 1) & (nw.col("people") <= MAX_FAMILY_SIZE))
    members = complete.join(groups.select(*shared_fields), on=list(shared_fields), how="inner")
    others = members.select(*shared_fields, twin="person", twin_given="given")
    return members.join(others, on=list(shared_fields), how="inner").filter(nw.col("person") != nw.col("twin")).select("person", "given", "twin_given")


def build_kin_expectation(entries: nw.LazyFrame, guards: Guards) -> nw.LazyFrame:
    """Decide whether relatives (kin) live together on the register: entries -> one row with `kin`.

    `kin` is true if people live with others of their family name more often than `CHANCE_FACTOR` times chance, by more than `households`
    a person. It is also true if fewer than `fewest_homes` people have a known home, because so few cannot show it. A home is postcode
    and address, or whichever of the two the register has. A communal postcode is no home.
    """
    is_usable = ~nw.col("family").is_null() & ~(nw.col("postcode").is_null() & nw.col("address").is_null())
    home = nw.concat_str("postcode", "address", separator=" ", ignore_nulls=True)
    residents = entries.filter(is_usable).select("person", "family", home=home).unique()
    families = residents.group_by("home", "family").agg(people=nw.len()).with_columns(kin=_ordered_pairs("people"))
    homes = families.group_by("home").agg(nw.col("people").sum(), nw.col("kin").sum()).filter(nw.col("people") < guards.communal_postcode)
    by_family_name = residents.group_by("family").agg(people=nw.len()).with_columns(namesakes=_ordered_pairs("people"), everybody=nw.col("people").sum())
    # The probability that two residents taken at random have the same family name.
    chance = by_family_name.select(chance=nw.col("namesakes").sum() / nw.max_horizontal(_ordered_pairs("everybody").max(), nw.lit(1)))
    totals = homes.select(people=nw.col("people").sum(), kin=nw.col("kin").sum(), pairs=_ordered_pairs("people").sum()).join(chance, how="cross")
    beyond_chance = nw.col("kin") - CHANCE_FACTOR * nw.col("pairs") * nw.col("chance")
    return totals.select(kin=(nw.col("people") < guards.fewest_homes) | (beyond_chance > guards.households * nw.col("people")))


def _ordered_pairs(people_column: str) -> nw.Expr:
    # As a decimal: the square of a large group overflows a 32-bit whole number.
    people_count = nw.col(people_column).cast(nw.Float64)
    return people_count * (people_count - 1)


def build_neighbour_share(entries: nw.LazyFrame) -> nw.LazyFrame:
    """Measure the share of pairs with one postcode that also have one street: entries -> one row with `share`.

    It is 1 where every postcode is one street. It is never below `MIN_NEIGHBOUR_SHARE`, so that a street never weighs more than a postcode.
    """
    residents = entries.filter(~nw.col("street").is_null() & ~nw.col("postcode").is_null()).select("person", "postcode", "street").unique()
    streets = residents.group_by("postcode", "street").agg(people=nw.len()).with_columns(pairs=nw.col("people") * (nw.col("people") - 1))
    postcodes = streets.group_by("postcode").agg(nw.col("pairs").sum(), people=nw.col("people").sum())
    share = (nw.col("pairs").sum() + MIN_NEIGHBOUR_SHARE) / ((nw.col("people") * (nw.col("people") - 1)).sum() + 1)
    return postcodes.select(share=nw.max_horizontal(share, nw.lit(MIN_NEIGHBOUR_SHARE)))
