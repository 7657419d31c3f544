"""Pseudonymise: replace the identifiers of people, clients and spells by tokens, and select what is kept of a row.

A token is HMAC-SHA-256 (RFC 2104) of the canonical value, cut to 128 bits, with each hexadecimal digit written as a letter from a to p. It
has no digit, so that nobody takes it for an NHS number, a date or a postcode. Its key is derived from a root key of the vault for one
recipient, one project and one domain. So a person has a different token in each, and tokens of two projects cannot be joined.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import narwhals as nw
import numpy as np

from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.pseudonymised_tables import received_table
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.identifiable import row_rules
from bcf_linkage.identifiable.vault.key import Key, derive_key

PERSON_DOMAIN, LOCAL_DOMAIN, SPELL_DOMAIN = "person", "local", "spell"
"""The domains and what is hashed in each: a canonical NHS number; "<extract>|<local number>" if there is no usable NHS number; "<provider>|<spell number>"."""

PROVIDER_COLUMN = "organisation_code_code_of_provider"
SUPPLIED_STATUSES_KEPT = ("07", "08")
"""NHS number statuses that only a supplier can know (NHS Data Dictionary): 07 no number and no trace required, 08 trace postponed."""

NO_NUMBER = "number_missing"

HASH_BLOCK_BYTES, HMAC_PADS = 64, (0x36, 0x5C)
"""HMAC-SHA-256: its block in bytes, and its inner and outer pad (RFC 2104)."""

TOKEN_BYTES = 16
"""Bytes of the hash that make a token: 128 bits, so that two of a whole country's people practically never share one."""

NUMBER_LENGTH, CHECK_DIGIT_WEIGHTS, CHECK_DIGIT_MODULUS = 10, np.arange(10, 0, -1), 11
"""The check digit of an NHS number: the weighted sum of all ten digits is divisible by 11 (NHS Data Dictionary)."""

TOKEN_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def project_key(root: Key, recipient: str, project: str) -> Key:
    """Derive the key of one recipient and one project from a root key."""
    return derive_key(root, "pseudonym", recipient, project)


def key_name(key: bytes) -> str:
    """Return the id of the root key that a key was derived from, which is public; blank for bytes without a name."""
    return key.name if isinstance(key, Key) else ""


def make_tokens(key: bytes, domain: str, values: Iterable[str | None]) -> list[str | None]:
    """Return the token of each value under a project's key, in order; None for a missing value.

    Raises ValueError for an empty value, and in the domain of people for a value that is no canonical NHS number: these are never hashed.
    """
    all_values = list(values)
    present = [value for value in all_values if value is not None]
    _refuse_unsound(domain, present)
    # Hash the two padded keys once and copy the state: half the time of one `hmac.digest` per value.
    padded = derive_key(key, "domain", domain).ljust(HASH_BLOCK_BYTES, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in padded)) for pad in HMAC_PADS)
    text = b"".join(_digest(inner, outer, value.encode()) for value in present).hex().translate(TOKEN_LETTERS)
    token_iterator = (text[start : start + 2 * TOKEN_BYTES] for start in range(0, len(text), 2 * TOKEN_BYTES))
    return [None if value is None else next(token_iterator) for value in all_values]


def _digest(inner: hashlib._Hash, outer: hashlib._Hash, value: bytes) -> bytes:
    inner_hash, outer_hash = inner.copy(), outer.copy()
    inner_hash.update(value)
    outer_hash.update(inner_hash.digest())
    return outer_hash.digest()[:TOKEN_BYTES]


def _refuse_unsound(domain: str, values: Sequence[str]) -> None:
    if not all(values) or (domain == PERSON_DOMAIN and not are_canonical_numbers(values)):
        raise ValueError("a value that is missing or not canonical is never hashed")


def are_canonical_numbers(values: Sequence[str]) -> bool:
    """Return whether every value is a canonical NHS number: ten digits, the last the check digit, and not one digit repeated."""
    text = "".join(values).encode()
    if any(len(value) != NUMBER_LENGTH for value in values) or len(text) != NUMBER_LENGTH * len(values) or (values and not text.isdigit()):
        return False
    digits = np.frombuffer(text, np.uint8).reshape(-1, NUMBER_LENGTH) - ord("0")
    return bool((digits @ CHECK_DIGIT_WEIGHTS % CHECK_DIGIT_MODULUS == 0).all() and (digits != digits[:, :1]).any(axis=1).all())


def person_subject(extract: str, local_id: nw.Expr) -> dict[str, nw.Expr]:
    """Return `domain` and `subject` of a traced record: the person's present NHS number, or else the local number of the extract, null without one."""
    number = nw.col("person_number")
    return {
        "domain": nw.when(number.is_null()).then(nw.lit(LOCAL_DOMAIN)).otherwise(nw.lit(PERSON_DOMAIN)),
        "subject": nw.coalesce(number, nw.concat_str(nw.lit(extract), local_id, separator="|")),
    }


def spell_subject(table: Table) -> nw.Expr:
    """Return the value from which the spell token of a tidied row is made; null if the table has no spells."""
    number = table.identity(Identity.SPELL_ID)
    return nw.lit(None, dtype=nw.String) if number is None else nw.concat_str(nw.col(PROVIDER_COLUMN), nw.col(number), separator="|")


def payload_columns(table: Table) -> list[nw.Expr]:
    """Return the columns of a tidied row that identify nobody, each converted to its type."""
    return [row_rules.typed_value(table, column.name) for column in table.columns if column.identity is None]


def build_received(rows: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Build the received table: one kept row with its payload and results -> one row of `received_table(table)`.

    Besides the payload a row has `file`, `row`, `person`, `outcome`, `trace_reason`, `trace_score`, `trace_margin`, `trace_pattern`,
    `number_state`, `status` and `spell_token`. It has `age`, `birth_month`, `lsoa` and `deprivation_quintile` if the table has the identifiers
    that they come from.
    """
    spell_number = table.identity(Identity.SPELL_ID)
    overrides = {"file": nw.col("file").cast(nw.String), "row": nw.col("row").cast(nw.Int64), "nhs_number_status_derived": _nhs_number_status(table)}
    if spell_number is not None:
        overrides[spell_number] = nw.col("spell_token")
    return rows.select(*(overrides.get(name, nw.col(name)).alias(name) for name in received_table(table).names))


def _nhs_number_status(table: Table) -> nw.Expr:
    """Return the status that the trace derived. Keep `SUPPLIED_STATUSES_KEPT` for an unlinked row without a number."""
    derived = nw.col("status")
    supplied = next((column.name for column in table.columns if column.codes and column.codes.name == "nhs_number_status"), None)
    if supplied is None:
        return derived
    untraced = (nw.col("outcome") == Outcome.UNLINKED) & (nw.col("number_state") == NO_NUMBER)
    return nw.when(untraced & nw.col(supplied).is_in(SUPPLIED_STATUSES_KEPT)).then(nw.col(supplied)).otherwise(derived)
