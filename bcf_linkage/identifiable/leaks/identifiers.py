"""Identifiers that may not be found, and the search for them in any bytes. What a hit holds stays with the search: only its kind and number are told."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from bcf_linkage.identifiable.leaks.disguises import Stretches, digests

SHORTEST_ADDRESS = 8
SHORTEST_NAME_AMONG_BYTES = 6
"""Three letters of a name stand by chance in any packed file; its texts are searched unpacked as well, for names of any length."""

NUMBER = re.compile(rb"(?<!\d)\d{3}[ .-]?\d{3}[ .-]?\d{4}(?!\d)")
DATE = re.compile(rb"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
POSTCODE = re.compile(rb"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")
WORD = re.compile(r"[A-Za-zÀ-ɏ'’-]+|\d+")
SEPARATORS = re.compile(rb"[ .-]")


class Hit(NamedTuple):
    """An identifier that was found: of which kind, in which disguise (blank if it stood there as it is), and which one, which is never shown."""

    kind: str
    disguise: str
    value: str


@dataclass(frozen=True, repr=False)
class Identifiers:
    """What may not be found. Numbers and postcodes are without spaces; `secrets` are keys."""

    numbers: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()
    postcodes: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    secrets: tuple[bytes, ...] = field(default=())

    @cached_property
    def hashed(self) -> dict[bytes, str]:
        """The beginnings of the digests of all numbers -> the algorithm."""
        return digests(self.numbers)

    @cached_property
    def written_secrets(self) -> tuple[tuple[str, bytes], ...]:
        """Each key as it could be written down, by how."""
        return tuple(
            (way, written)
            for key in self.secrets
            for way, written in (
                ("bytes", bytes(key)),
                ("hexadecimal", key.hex().encode()),
                ("hexadecimal", key.hex().upper().encode()),
                ("base64", base64.b64encode(key).rstrip(b"=")),
                ("base64", base64.urlsafe_b64encode(key).rstrip(b"=")),
            )
        )

    def found_in(self, content: bytes, *, packed: bool = False) -> set[Hit]:
        """The identifiers that stand in these bytes in any disguise; of bytes that are `packed`, those that cannot be there by chance."""
        stretches = Stretches.of(content)
        return {*self._plain(content, packed), *self._packed_away(stretches), *self._hashed(stretches), *self._secrets(content)}

    def _plain(self, content: bytes, packed: bool) -> Iterator[Hit]:
        yield from self._numbers(content, "")
        if self.dates:
            yield from (Hit("date of birth", "", day) for day in {hit.decode() for hit in DATE.findall(content)} & self.dates)
        if self.postcodes and not packed:
            postcodes = {hit.replace(b" ", b"").decode() for hit in POSTCODE.findall(content)}
            yield from (Hit("postcode", "", postcode) for postcode in postcodes & self.postcodes)
        # Every address has a space in it, and no column of pseudonyms has: most of what is searched are such columns.
        addresses = self._addresses if b" " in content and not packed else {}
        if self.names or addresses:
            text = content.decode("utf-8", "ignore")
            words = WORD.findall(text)
            yield from (Hit("name", "", word) for word in self.names.intersection(words) if not packed or len(word) >= SHORTEST_NAME_AMONG_BYTES)
            begun = addresses.keys() & set(pairwise(words)) if addresses else ()
            yield from (Hit("address", "", address) for beginning in begun for address in addresses[beginning] if address in text)

    @cached_property
    def _addresses(self) -> dict[tuple[str, ...], list[str]]:
        """Addresses of two words and more by their first two, of which there are few in any text."""
        found: dict[tuple[str, ...], list[str]] = {}
        for address in (address for address in self.addresses if " " in address):
            found.setdefault(tuple(WORD.findall(address)[:2]), []).append(address)
        return found

    def _numbers(self, content: bytes, disguise: str) -> Iterator[Hit]:
        found = {SEPARATORS.sub(b"", hit).decode() for hit in NUMBER.findall(content)}
        yield from (Hit("NHS number", disguise, number) for number in found & self.numbers)

    def _packed_away(self, stretches: Stretches) -> Iterator[Hit]:
        for disguise, text in stretches.unpacked():
            yield from self._numbers(text, disguise)

    def _hashed(self, stretches: Stretches) -> Iterator[Hit]:
        for written, beginning in stretches.digests():
            if algorithm := self.hashed.get(beginning):
                yield Hit("NHS number", f"{algorithm} without a key, in {written}", beginning.hex())

    def _secrets(self, content: bytes) -> Iterator[Hit]:
        yield from (Hit("key", f"as {way}", way) for way, written in self.written_secrets if written in content)
