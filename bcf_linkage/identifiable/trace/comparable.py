"""Names, dates and addresses as they are compared: whatever is mere spelling is gone, and whatever says nothing is blank.

This works on Polars, as the parser does: Narwhals cannot take a letter apart from its accent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.trace_rules import Guards, TraceRules

GIVEN = "given_name"
DESCRIBED = ("given_name", "family_name", "birth_date", "written_date", "sex", "postcode", "address_line_1")
"""What a record tells of who somebody is: text as received, blanks null, `birth_date` a real ISO date and `written_date` any of that shape."""

NAMES = ("given", "given_first", "known_as", "family", "family_first", "family_last")
DATES = ("born", "born_year", "born_month", "born_day", "born_for_certain")
HOME = ("postcode", "sector", "outcode", "address", "house", "street")
COMPARABLE = (*NAMES, *DATES, "sex", *HOME)
WEAKNESSES = ("junk_name", "default_date", "communal")

LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "đ": "d", "þ": "th", "ł": "l", "ı": "i", "ħ": "h"}
"""Letters that have no accent to take away, as they are written where they are not to be had."""

STREETS = {
    "street": ("st", "str"),
    "road": ("rd",),
    "avenue": ("av", "ave"),
    "crescent": ("cres", "cr"),
    "close": ("cl",),
    "court": ("ct", "crt"),
    "drive": ("dr", "drv"),
    "gardens": ("gdns", "gdn"),
    "grove": ("gr", "grv"),
    "lane": ("ln",),
    "place": ("pl",),
    "square": ("sq",),
    "terrace": ("terr", "tce"),
}
UNITS = ("flat", "apartment", "apt", "unit", "room", "no", "number")
SEXES = {"1": "1", "2": "2", "m": "1", "f": "2", "male": "1", "female": "2"}
UK_POSTCODE = "^[A-Z]{1,2}[0-9O][A-Z0-9]?[0-9O][A-Z0-9]{2}$"
WRITTEN_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
LONGEST_TEXT = 100


def comparable(described: nw.LazyFrame, rules: TraceRules) -> nw.LazyFrame:
    """Rows with the columns `DESCRIBED` -> the same rows with the columns `COMPARABLE` in their place, and with what weakens each.

    `junk_name` says that a name was given that is none, `default_date` that the date of birth stands for one that was not known.
    """
    rows: pl.LazyFrame = described.to_native()
    words = rows.with_columns(
        given_words=_words("given_name", rules.guards.titles),
        family_words=_words("family_name", rules.guards.titles),
        address_words=_spelt_out(_bare("address_line_1").str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()),
        post=pl.col("postcode").str.to_uppercase().str.replace_all("[^A-Z0-9]", ""),
    )
    junk = _junk(rules.guards)
    kept = words.with_columns(
        junk_name=pl.any_horizontal(pl.col("given_words", "family_words").str.contains(junk)).fill_null(value=False),
        given_words=_unless(pl.col("given_words").str.contains(junk), "given_words"),
        family_words=_unless(pl.col("family_words").str.contains(junk), "family_words"),
        post=_unless(pl.col("post").str.contains(rules.guards.pseudo_postcodes), "post"),
    )
    compared = kept.with_columns(*_names(rules), *_dates(rules.guards), *_home(), sex=_sex())
    return nw.from_native(compared.drop("given_words", "family_words", "address_words", "post", *(set(DESCRIBED) - {"sex", "postcode"})))


def _bare(name: str) -> pl.Expr:
    """Small letters without accents and apostrophes."""
    plain = pl.col(name).str.slice(0, LONGEST_TEXT).str.to_lowercase().str.normalize("NFKD").str.replace_all(r"[\p{M}'’`´]", "")
    return plain.str.replace_many(list(LETTERS), list(LETTERS.values()))


def _words(name: str, titles: Sequence[str]) -> pl.Expr:
    """A name's words, one space between them, without a title before them; null if it has no letter."""
    words = _bare(name).str.replace_all(r"[^\p{L}]+", " ").str.strip_chars()
    untitled = words.str.replace(rf"^(?:{'|'.join(titles)}) (.)", "$1")
    return pl.when(untitled != "").then(untitled)


def _junk(guards: Guards) -> str:
    """What no name looks like: nothing but words that say so, or one letter again and again."""
    word = "|".join([*map(re.escape, guards.junk_names), *(f"{letter}{letter}+" for letter in "abcdefghijklmnopqrstuvwxyz")])
    return f"^(?:{word})(?: (?:{word}))*$"


def _unless(condition: pl.Expr, name: str) -> pl.Expr:
    return pl.when(~condition & (pl.col(name) != "")).then(pl.col(name))


def _names(rules: TraceRules) -> list[pl.Expr]:
    given, family = pl.col("given_words"), pl.col("family_words")
    first = given.str.extract(r"^(\S+)")
    stands_for = {known: " ".join((known, *names)) for known, names in rules.known_as.items()}
    joined = family.str.replace_all(" ", "")
    two_words = family.str.contains(" ")
    return [
        given.str.replace_all(" ", "").alias("given"),
        first.alias("given_first"),
        first.replace(stands_for).alias("known_as"),
        pl.when(joined.str.len_chars() > 5).then(joined.str.replace("^mac", "mc")).otherwise(joined).alias("family"),
        pl.when(two_words).then(family.str.extract(r"^(\S{3,})")).alias("family_first"),
        pl.when(two_words).then(family.str.extract(r"(\S{3,})$")).alias("family_last"),
    ]


def _dates(guards: Guards) -> list[pl.Expr]:
    """The date as eight digits and in parts, unless it is a placeholder. `born_for_certain` is false for a 1 January and for no real date."""
    written = pl.col("written_date")
    placeholder, vague = written.is_in(guards.placeholder_dates), written.str.ends_with(guards.vague_day)
    told = pl.when(written.str.contains(WRITTEN_DATE) & ~placeholder).then(written)
    return [
        told.str.replace_all("-", "").alias("born"),
        told.str.slice(0, 4).alias("born_year"),
        told.str.slice(5, 2).alias("born_month"),
        told.str.slice(8, 2).alias("born_day"),
        (pl.col("birth_date").is_not_null() & ~placeholder & ~vague).fill_null(value=False).alias("born_for_certain"),
        (placeholder | vague).fill_null(value=False).alias("default_date"),
    ]


def _home() -> list[pl.Expr]:
    """Postcode and address. The letter O stands for a zero everywhere, as both are typed for each other."""
    post, address = pl.col("post"), pl.col("address_words")
    postcode = post.str.replace_all("O", "0").str.replace_all("I", "1")
    british = post.str.contains(UK_POSTCODE)
    street = address.str.replace_all(r"\b\p{L}?\p{N}+\p{L}?\b", " ").str.replace_all(rf"\b(?:{'|'.join(UNITS)})\b", " ").str.replace_all(r"\s+", "")
    house = address.str.extract_all(r"\b\p{L}?\p{N}+\p{L}?\b").list.join(" ")
    return [
        postcode.alias("postcode"),
        pl.when(british).then(postcode.str.head(-2)).alias("sector"),
        pl.when(british).then(postcode.str.head(-3)).alias("outcode"),
        pl.when(street != "").then(house + pl.lit(" ") + street).alias("address"),
        pl.when(house != "").then(house).alias("house"),
        pl.when(street != "").then(street).alias("street"),
    ]


def _spelt_out(words: pl.Expr) -> pl.Expr:
    """The short forms of streets written out, where they are the last word."""
    for full, short in STREETS.items():
        words = words.str.replace(rf" (?:{'|'.join(short)})$", f" {full}")
    return words


def _sex() -> pl.Expr:
    return pl.col("sex").str.strip_chars().str.to_lowercase().replace_strict(SEXES, default=None, return_dtype=pl.String)


def numbered(compared: nw.LazyFrame) -> nw.LazyFrame:
    """Comparable records with `number_state` and `nhs_number` -> the same with `digits` and `stands_up`, whether the number can be anybody's.

    `digits` are those of a number as it was meant: the letters O and I stand for a nought and a one.
    """
    digits = nw.col("nhs_number").str.to_uppercase().str.replace_all("O", "0", literal=True).str.replace_all("I", "1", literal=True)
    return compared.with_columns(digits=digits.str.replace_all("[^0-9]", ""), stands_up=nw.col("number_state") == nhs_number.SOUND)


def of_register(registrations: nw.LazyFrame) -> nw.LazyFrame:
    """Rows of the register that are not refused -> their `number` and what they tell of who somebody is."""
    return registrations.filter(~nw.col("refused")).select(nhs_number.canonical(nw.col("nhs_number")).alias("number"), *DESCRIBED).unique()
