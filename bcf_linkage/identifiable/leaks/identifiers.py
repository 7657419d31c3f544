"""The identifiers that must not be found, and the search for them in any bytes. Reports give the kind of a hit and counts, never its value."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from bcf_linkage.identifiable.leaks.encodings import EncodedRuns, hash_numbers

MIN_ADDRESS_LENGTH = 8
"""Characters from which on an address is searched for. A shorter one is in other text by chance. [D]"""

MIN_NAME_LENGTH_IN_BINARY = 6
"""Letters from which on a name is searched for in a binary file, which has short names by chance. Its decoded text is searched for names of any length. [D]"""

NUMBER_PATTERN = re.compile(rb"(?<!\d)\d{3}[ .-]?\d{3}[ .-]?\d{4}(?!\d)")
DATE_PATTERN = re.compile(rb"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
POSTCODE_PATTERN = re.compile(rb"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")
WORD_PATTERN = re.compile(r"[A-Za-zÀ-ɏ'’-]+|\d+")
SEPARATORS = re.compile(rb"[ .-]")


class IdentifierHit(NamedTuple):
    """An identifier that was found: its kind, its encoding (blank if plain), and its value, which is never shown."""

    kind: str
    encoding: str
    value: str


@dataclass(frozen=True, repr=False)
class Identifiers:
    """The identifiers to search for. Numbers and postcodes are without spaces; `secrets` are keys."""

    numbers: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()
    postcodes: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    secrets: tuple[bytes, ...] = field(default=())

    @cached_property
    def number_digests(self) -> dict[bytes, str]:
        """The first bytes of the digests of all numbers -> the algorithm."""
        return hash_numbers(self.numbers)

    @cached_property
    def encoded_secrets(self) -> tuple[tuple[str, bytes], ...]:
        """Each key in each encoding: the name of the encoding, and the encoded key."""
        return tuple(
            (encoding, encoded)
            for key in self.secrets
            for encoding, encoded in (
                ("bytes", bytes(key)),
                ("hexadecimal", key.hex().encode()),
                ("hexadecimal", key.hex().upper().encode()),
                ("base64", base64.b64encode(key).rstrip(b"=")),
                ("base64", base64.urlsafe_b64encode(key).rstrip(b"=")),
            )
        )

    def find_in(self, content: bytes, *, is_binary: bool = False) -> set[IdentifierHit]:
        """Return the identifiers in these bytes, plain or encoded. With `is_binary`, leave out those that can be there by chance."""
        encoded_runs = EncodedRuns.find_in(content)
        return {*self._find_plain(content, is_binary), *self._find_encoded(encoded_runs), *self._find_hashed(encoded_runs), *self._find_secrets(content)}

    def _find_plain(self, content: bytes, is_binary: bool) -> Iterator[IdentifierHit]:
        yield from self._find_numbers(content, "")
        if self.dates:
            yield from (IdentifierHit("date of birth", "", day) for day in {hit.decode() for hit in DATE_PATTERN.findall(content)} & self.dates)
        if self.postcodes and not is_binary:
            postcodes = {hit.replace(b" ", b"").decode() for hit in POSTCODE_PATTERN.findall(content)}
            yield from (IdentifierHit("postcode", "", postcode) for postcode in postcodes & self.postcodes)
        # An address has a space, a column of pseudonyms has none. Most of the search is in such columns, so skip addresses there.
        addresses = self._addresses_by_first_words if b" " in content and not is_binary else {}
        if self.names or addresses:
            text = content.decode("utf-8", "ignore")
            words = WORD_PATTERN.findall(text)
            yield from (IdentifierHit("name", "", word) for word in self.names.intersection(words) if not is_binary or len(word) >= MIN_NAME_LENGTH_IN_BINARY)
            first_words = addresses.keys() & set(pairwise(words)) if addresses else ()
            yield from (IdentifierHit("address", "", address) for pair in first_words for address in addresses[pair] if address in text)

    @cached_property
    def _addresses_by_first_words(self) -> dict[tuple[str, ...], list[str]]:
        """Addresses by their first two words: few of them are in any text, so few addresses are compared in full."""
        by_first_words: dict[tuple[str, ...], list[str]] = {}
        for address in (address for address in self.addresses if " " in address):
            by_first_words.setdefault(tuple(WORD_PATTERN.findall(address)[:2]), []).append(address)
        return by_first_words

    def _find_numbers(self, content: bytes, encoding: str) -> Iterator[IdentifierHit]:
        found = {SEPARATORS.sub(b"", hit).decode() for hit in NUMBER_PATTERN.findall(content)}
        yield from (IdentifierHit("NHS number", encoding, number) for number in found & self.numbers)

    def _find_encoded(self, encoded_runs: EncodedRuns) -> Iterator[IdentifierHit]:
        for encoding, text in encoded_runs.decode():
            yield from self._find_numbers(text, encoding)

    def _find_hashed(self, encoded_runs: EncodedRuns) -> Iterator[IdentifierHit]:
        for encoding, digest_prefix in encoded_runs.candidate_digests():
            if algorithm := self.number_digests.get(digest_prefix):
                yield IdentifierHit("NHS number", f"{algorithm} without a key, in {encoding}", digest_prefix.hex())

    def _find_secrets(self, content: bytes) -> Iterator[IdentifierHit]:
        yield from (IdentifierHit("key", f"as {encoding}", encoding) for encoding, encoded in self.encoded_secrets if encoded in content)
