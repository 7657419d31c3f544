"""Standardise names, dates and addresses: remove differences of spelling, and blank values that say nothing.

This module uses Polars directly, as the parser does: Narwhals cannot separate a letter from its accent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.trace_rules import Guards, TraceRules

INPUT_COLUMNS = ("given_name", "family_name", "birth_date", "written_date", "sex", "postcode", "address_line_1")
"""The identifying columns of a record: text as received, blanks null. `birth_date` is a real ISO date; `written_date` is the text, real date or not."""

NAME_COLUMNS = ("given", "given_first", "known_as", "family", "family_first", "family_last")
DATE_COLUMNS = ("born", "born_year", "born_month", "born_day", "birth_date_is_exact")
HOME_COLUMNS = ("postcode", "sector", "outcode", "address", "house", "street")
STANDARD_COLUMNS = (*NAME_COLUMNS, *DATE_COLUMNS, "sex", *HOME_COLUMNS)
"""The standardised columns of a record."""

UNACCENTED_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "đ": "d", "þ": "th", "ł": "l", "ı": "i", "ħ": "h"}
"""Letters that Unicode does not split into a letter and an accent, with their usual spelling in plain letters."""

STREET_TYPES = {
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
"""Street types and their abbreviations."""

UNIT_WORDS = ("flat", "apartment", "apt", "unit", "room", "no", "number")
"""Words before or after a house or flat number, which are not part of the street."""

SEX_CODES = {"1": "1", "2": "2", "m": "1", "f": "2", "male": "1", "female": "2"}
"""Sex as it is written, with the NHS Data Dictionary code. Any other value is unknown."""

UK_POSTCODE = "^[A-Z]{1,2}[0-9O][A-Z0-9]?[0-9O][A-Z0-9]{2}$"
"""A UK postcode without its space; the letter O may stand for a zero."""

ISO_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
MAX_TEXT_LENGTH = 100
"""Characters of a name or address that are read, so that one very long value does not slow the comparison of its whole block. [D]"""

MC_MIN_LENGTH = 6
"""Letters of a family name from which on "Mac" is the same as "Mc"; a shorter one, such as Macey, is a name of its own. [D]"""


def standardise(records: nw.LazyFrame, rules: TraceRules) -> nw.LazyFrame:
    """Standardise records: rows with `INPUT_COLUMNS` -> the same rows with `STANDARD_COLUMNS` in their place, and what weakens each row.

    `junk_name` says that a name is given that is no name, such as "unknown". `default_date` says that the date of birth is a placeholder
    or a 1 January. A junk name, a placeholder date and a pseudo-postcode become null.
    """
    native: pl.LazyFrame = records.to_native()
    words = native.with_columns(
        given_words=_name_words("given_name", rules.guards.titles),
        family_words=_name_words("family_name", rules.guards.titles),
        address_words=_expand_street_types(_fold_case_and_accents("address_line_1").str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()),
        post=pl.col("postcode").str.to_uppercase().str.replace_all("[^A-Z0-9]", ""),
    )
    junk_pattern = _junk_pattern(rules.guards)
    without_junk = words.with_columns(
        junk_name=pl.any_horizontal(pl.col("given_words", "family_words").str.contains(junk_pattern)).fill_null(value=False),
        given_words=_null_if(pl.col("given_words").str.contains(junk_pattern), "given_words"),
        family_words=_null_if(pl.col("family_words").str.contains(junk_pattern), "family_words"),
        post=_null_if(pl.col("post").str.contains(rules.guards.pseudo_postcodes), "post"),
    )
    standardised = without_junk.with_columns(*_name_columns(rules), *_date_columns(rules.guards), *_home_columns(), sex=_sex_column())
    return nw.from_native(standardised.drop("given_words", "family_words", "address_words", "post", *(set(INPUT_COLUMNS) - {"sex", "postcode"})))


def _fold_case_and_accents(name: str) -> pl.Expr:
    """Convert to small letters without accents and apostrophes."""
    folded = pl.col(name).str.slice(0, MAX_TEXT_LENGTH).str.to_lowercase().str.normalize("NFKD").str.replace_all(r"[\p{M}'’`´]", "")
    return folded.str.replace_many(list(UNACCENTED_LETTERS), list(UNACCENTED_LETTERS.values()))


def _name_words(name: str, titles: Sequence[str]) -> pl.Expr:
    """Return the words of a name with one space between them and without a leading title; null if it has no letter."""
    words = _fold_case_and_accents(name).str.replace_all(r"[^\p{L}]+", " ").str.strip_chars()
    without_title = words.str.replace(rf"^(?:{'|'.join(titles)}) (.)", "$1")
    return pl.when(without_title != "").then(without_title)


def _junk_pattern(guards: Guards) -> str:
    """Return the pattern of junk names: only words from the list, or one letter repeated."""
    word = "|".join([*map(re.escape, guards.junk_names), *(f"{letter}{letter}+" for letter in "abcdefghijklmnopqrstuvwxyz")])
    return f"^(?:{word})(?: (?:{word}))*$"


def _null_if(condition: pl.Expr, name: str) -> pl.Expr:
    return pl.when(~condition & (pl.col(name) != "")).then(pl.col(name))


def _name_columns(rules: TraceRules) -> list[pl.Expr]:
    given, family = pl.col("given_words"), pl.col("family_words")
    first_name = given.str.extract(r"^(\S+)")
    nickname_groups = {nickname: " ".join((nickname, *names)) for nickname, names in rules.known_as.items()}
    without_spaces = family.str.replace_all(" ", "")
    has_two_words = family.str.contains(" ")
    return [
        given.str.replace_all(" ", "").alias("given"),
        first_name.alias("given_first"),
        first_name.replace(nickname_groups).alias("known_as"),
        pl.when(without_spaces.str.len_chars() >= MC_MIN_LENGTH).then(without_spaces.str.replace("^mac", "mc")).otherwise(without_spaces).alias("family"),
        pl.when(has_two_words).then(family.str.extract(r"^(\S{3,})")).alias("family_first"),
        pl.when(has_two_words).then(family.str.extract(r"(\S{3,})$")).alias("family_last"),
    ]


def _date_columns(guards: Guards) -> list[pl.Expr]:
    """Return the date as eight digits and in parts, null for a placeholder. `birth_date_is_exact` is false for a 1 January and for no real date."""
    written_date = pl.col("written_date")
    is_placeholder, is_vague = written_date.is_in(guards.placeholder_dates), written_date.str.ends_with(guards.vague_day)
    usable_date = pl.when(written_date.str.contains(ISO_DATE) & ~is_placeholder).then(written_date)
    return [
        usable_date.str.replace_all("-", "").alias("born"),
        usable_date.str.slice(0, 4).alias("born_year"),
        usable_date.str.slice(5, 2).alias("born_month"),
        usable_date.str.slice(8, 2).alias("born_day"),
        (pl.col("birth_date").is_not_null() & ~is_placeholder & ~is_vague).fill_null(value=False).alias("birth_date_is_exact"),
        (is_placeholder | is_vague).fill_null(value=False).alias("default_date"),
    ]


def _home_columns() -> list[pl.Expr]:
    """Return postcode and address columns. In a postcode the letters O and I become 0 and 1, because they are often typed for each other."""
    bare_postcode, address = pl.col("post"), pl.col("address_words")
    postcode = bare_postcode.str.replace_all("O", "0").str.replace_all("I", "1")
    is_uk_postcode = bare_postcode.str.contains(UK_POSTCODE)
    street = address.str.replace_all(r"\b\p{L}?\p{N}+\p{L}?\b", " ").str.replace_all(rf"\b(?:{'|'.join(UNIT_WORDS)})\b", " ").str.replace_all(r"\s+", "")
    house = address.str.extract_all(r"\b\p{L}?\p{N}+\p{L}?\b").list.join(" ")
    return [
        postcode.alias("postcode"),
        pl.when(is_uk_postcode).then(postcode.str.head(-2)).alias("sector"),
        pl.when(is_uk_postcode).then(postcode.str.head(-3)).alias("outcode"),
        pl.when(street != "").then(house + pl.lit(" ") + street).alias("address"),
        pl.when(house != "").then(house).alias("house"),
        pl.when(street != "").then(street).alias("street"),
    ]


def _expand_street_types(words: pl.Expr) -> pl.Expr:
    """Write out an abbreviated street type, where it is the last word."""
    for street_type, abbreviations in STREET_TYPES.items():
        words = words.str.replace(rf" (?:{'|'.join(abbreviations)})$", f" {street_type}")
    return words


def _sex_column() -> pl.Expr:
    return pl.col("sex").str.strip_chars().str.to_lowercase().replace_strict(SEX_CODES, default=None, return_dtype=pl.String)


def add_number_columns(records: nw.LazyFrame) -> nw.LazyFrame:
    """Add `digits` and `number_is_sound` to standardised records with `number_state` and `nhs_number`.

    `digits` are the digits of the number as written, with the letters O and I read as 0 and 1.
    """
    digits = nw.col("nhs_number").str.to_uppercase().str.replace_all("O", "0", literal=True).str.replace_all("I", "1", literal=True)
    return records.with_columns(digits=digits.str.replace_all("[^0-9]", ""), number_is_sound=nw.col("number_state") == nhs_number.SOUND)


def build_register_rows(registrations: nw.LazyFrame) -> nw.LazyFrame:
    """Select the register rows that are not refused: distinct `number` and `INPUT_COLUMNS`."""
    return registrations.filter(~nw.col("refused")).select(nhs_number.canonical(nw.col("nhs_number")).alias("number"), *INPUT_COLUMNS).unique()
