"""Codes and numbers as suppliers and spreadsheets write them -> the one form that declarations, rules and the trace know.

Every value of every delivery passes through here once, so that `bcf check`, `bcf trace` and a run read a value alike. A value that
is not another way of writing a declared one stays as it is, for the rules to judge. Nothing is guessed: 9.4E+09 has lost its digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import polars as pl

from bcf_linkage.definitions.code_lists import CodeList, code_synonyms
from bcf_linkage.definitions.columns import ICD_10, OPCS_4, READ_CODE, TIME_OF_DAY
from bcf_linkage.definitions.schema import Column, Identity, Matches, OneOf, Table

Rewrite = Callable[[pl.Series], pl.Series]
"""Texts -> the same, each in its standard form."""

NHS_NUMBER_IDENTITIES = (Identity.NHS_NUMBER, Identity.REPLACED_NHS_NUMBER)
SPREADSHEET_MARKS = r"""^(?:'|=")|"$|\.0+$"""
"""What spreadsheets put around a number: an apostrophe, ="…", and the decimals of a number that was taken for an amount."""
SPACES_AND_HYPHENS = r"[\s\-\u{00A0}\u{00AD}\u{180E}\u{2000}-\u{2015}\u{202F}\u{205F}\u{2060}\u{2212}\u{3000}\u{FE58}\u{FE63}\u{FEFF}\u{FF0D}]"
"""White space and hyphens of every width, those without any among them."""

TIME_FORMS = r"^(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])(?::[0-5][0-9](?:\.[0-9]+)?)?$|^(?P<h>[01][0-9]|2[0-3])(?P<m>[0-5][0-9])(?:[0-5][0-9])?$"
ETHNIC_CATEGORY = "ethnic_category"


def standardise_nhs_numbers(texts: pl.Series) -> pl.Series:
    """NHS numbers, however written -> ten digits; what does not come to ten digits stays as it is."""
    bare = texts.str.replace_all(SPREADSHEET_MARKS, "").str.replace_all(SPACES_AND_HYPHENS, "")
    return _where(bare.str.contains("^[0-9]{10}$"), bare, texts)


def standardise_icd_10(texts: pl.Series) -> pl.Series:
    """ICD-10 codes without dot, hyphens that fill unused places, daggers and asterisks, in capitals (NHS Data Model and Dictionary, ICD-10)."""
    bare = texts.str.to_uppercase().str.replace_all(r"[.\s\u{00A0}]", "").str.replace(r"[†‡*+]+$", "")
    filled = bare.str.replace(r"^([A-Z][0-9]{2}[0-9X]?)-+[DA]?$", "${1}")
    marked = filled.str.replace(r"^([A-Z][0-9]{2}[0-9X][0-9A-Z])[DA]$", "${1}")
    return _where(marked.str.contains(f"^(?:{ICD_10.pattern})$"), marked, texts)


def standardise_opcs_4(texts: pl.Series) -> pl.Series:
    """OPCS-4 codes without dot, in capitals."""
    bare = texts.str.to_uppercase().str.replace_all(r"[.\s\u{00A0}]", "").str.replace(r"-+$", "")
    return _where(bare.str.contains(f"^(?:{OPCS_4.pattern})$"), bare, texts)


def standardise_read_codes(texts: pl.Series) -> pl.Series:
    """Read codes of five characters: padded with dots where those were trimmed, without the two characters of the term. Letter case counts."""
    padded = texts.str.pad_end(5, ".")
    of_five = _where(padded.str.contains(r"^[0-9A-Za-z][0-9A-Za-z.]{4}[0-9A-Za-z]{2}$"), padded.str.head(5), padded)
    return _where(of_five.str.contains(r"^[0-9A-Za-z]{1,5}\.{0,4}$"), of_five, texts)


def standardise_times(texts: pl.Series) -> pl.Series:
    """Times of day as HH:MM: without seconds, with a colon and two digits for the hour."""
    parts = texts.to_frame("text").select(pl.col("text").str.extract_groups(TIME_FORMS)).unnest("text")
    hour, minute = parts["hour"].fill_null(parts["h"]), parts["minute"].fill_null(parts["m"])
    return _where(hour.is_not_null(), hour.str.zfill(2) + ":" + minute, texts)


def standardise_codes(texts: pl.Series, codes: CodeList) -> pl.Series:
    """Codes of a list, in whatever capitals and spaces, without leading zeros, or by another name -> as the list has them."""
    written = pl.Series(texts.unique().drop_nulls())
    known = {_folded(code): code for code in codes.codes}
    known |= {_folded(name): code for name, code in code_synonyms(codes.name).items()}
    digits = [code for code in codes.codes if code.isdecimal()]
    unpadded = [code.lstrip("0") or "0" for code in digits]
    known |= {short: code for short, code in zip(unpadded, digits, strict=True) if unpadded.count(short) == 1 and short not in known}
    standard = {text: known[folded] for text in written if (folded := _folded(text)) in known}
    if codes.name == ETHNIC_CATEGORY:
        # The national code is the first character; the second is the supplier's own [S: NHS Data Model and Dictionary, ETHNIC CATEGORY].
        standard |= {text: text[0].upper() for text in written if text not in standard and len(text) == 2 and text[0].upper() in codes.codes}
    return texts.replace(standard) if standard else texts


def standard_forms(text: pl.LazyFrame, table: Table) -> pl.LazyFrame:
    """The declared columns of a delivery as text -> the same, each value in its standard form."""
    return text.with_columns(_rewritten(column, usual, rewrite) for column in table.columns for usual, rewrite in _forms_of(column))


def _forms_of(column: Column) -> Iterator[tuple[Callable[[pl.Series], pl.Series], Rewrite]]:
    """How a column is known to be in its standard form, and how it is brought there otherwise; nothing where it has no other forms."""
    if column.identity in NHS_NUMBER_IDENTITIES:
        # Ten characters that are not ten digits cannot come to ten digits either.
        yield lambda texts: texts.str.len_bytes() == 10, standardise_nhs_numbers
    elif codes := next((rule.codes for rule in column.rules if isinstance(rule, OneOf)), None):
        yield lambda texts: texts.is_in(codes.codes), partial(standardise_codes, codes=codes)
    elif pattern := next((rule for rule in REWRITES if rule in column.rules), None):
        yield lambda texts: texts.str.contains(f"^(?:{pattern.pattern})$"), REWRITES[pattern]


REWRITES: dict[Matches, Rewrite] = {
    ICD_10: standardise_icd_10,
    OPCS_4: standardise_opcs_4,
    READ_CODE: standardise_read_codes,
    TIME_OF_DAY: standardise_times,
}


def _rewritten(column: Column, is_standard: Callable[[pl.Series], pl.Series], rewrite: Rewrite) -> pl.Expr:
    def standardise(texts: pl.Series) -> pl.Series:
        # Most files need nothing: only the values that differ are rewritten.
        other = texts.is_not_null() & ~is_standard(texts)
        if not other.any():
            return texts
        rewritten = rewrite(texts.filter(other).str.strip_chars())
        # `scatter` writes into the series that it is called on.
        return texts.clone().scatter(other.arg_true(), rewritten)

    return pl.col(column.name).map_batches(standardise, return_dtype=pl.String, is_elementwise=True)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _where(holds: pl.Series, then: pl.Series, otherwise: pl.Series) -> pl.Series:
    return then.zip_with(holds.fill_null(value=False), otherwise)
