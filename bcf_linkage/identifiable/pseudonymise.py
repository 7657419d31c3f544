"""What stands for a person, a client or a spell once its identifier is gone, and what is kept of a row.

A token is HMAC-SHA-256 (RFC 2104) under the vault's key over "v1|<domain>|<value>", cut to 128 bits, each of its hexadecimal
digits written as a letter from a to p. It holds no digit, so that it can never be taken for an NHS number, a date or a postcode.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import narwhals as nw

from bcf_linkage.definitions.pseudonymised_tables import received
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.identifiable import rules

PERSON, LOCAL, SPELL = "person", "local", "spell"
"""The domains: a canonical NHS number; "<extract>|<local number>" where no number can be trusted; "<provider>|<spell number>"."""

PROVIDER = "organisation_code_code_of_provider"
KEPT_AS_SUPPLIED = ("07", "08")
TRACE_REQUIRED = "03"

BLOCK, TOKEN_BYTES = 64, 16
LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def tokens(key: bytes, domain: str, values: Iterable[str]) -> list[str]:
    """The token of each value, in order. The key is hashed once for all of them, which halves the time of one call for each."""
    padded = key.ljust(BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + f"v1|{domain}|".encode())
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
    return [_token(inner, outer, value.encode()) for value in values]


def _token(inner: hashlib._Hash, outer: hashlib._Hash, value: bytes) -> str:
    within, around = inner.copy(), outer.copy()
    within.update(value)
    around.update(within.digest())
    return around.digest()[:TOKEN_BYTES].hex().translate(LETTERS)


def person(extract: str, local_id: nw.Expr) -> dict[str, nw.Expr]:
    """`domain` and `subject` of a traced record: the number that its person now has, or the supplier's own number for them."""
    number = nw.col("person_number")
    return {
        "domain": nw.when(number.is_null()).then(nw.lit(LOCAL)).otherwise(nw.lit(PERSON)),
        "subject": nw.coalesce(number, nw.concat_str(nw.lit(extract), local_id.fill_null(""), separator="|")),
    }


def spell(table: Table) -> nw.Expr:
    """What a tidied row's spell token is made from, null where the table knows no spells."""
    number = table.identity(Identity.SPELL_ID)
    return nw.lit(None, dtype=nw.String) if number is None else nw.concat_str(nw.col(PROVIDER), nw.col(number), separator="|")


def kept(rows: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Tidied rows that are kept, each beside what was found of it and its person -> the received table.

    Beside the declared columns a row has `file`, `row`, `failures`, `person`, `place`, `trace_reason`, `status`, `spell_token`
    and, where the table has the value that they come from, `age`, `birth_month`, `lsoa` and `deprivation_quintile`.
    """
    spell_number = table.identity(Identity.SPELL_ID)
    typed = {column.name: rules.typed(table, column.name) for column in table.columns if column.identity is None}
    made = {"row": nw.col("row").cast(nw.Int64), "nhs_number_status_derived": _status(table)}
    if spell_number is not None:
        made[spell_number] = nw.col("spell_token")
    return rows.select(*((typed | made).get(name, nw.col(name)).alias(name) for name in received(table).names))


def _status(table: Table) -> nw.Expr:
    """The status that the trace derived; a supplier's word that no number is to be had or looked for stands."""
    derived = nw.col("status")
    supplied = next((column.name for column in table.columns if column.codes and column.codes.name == "nhs_number_status"), None)
    if supplied is None:
        return derived
    return nw.when((derived == TRACE_REQUIRED) & nw.col(supplied).is_in(KEPT_AS_SUPPLIED)).then(nw.col(supplied)).otherwise(derived)
