"""A key: random bytes that no print, log or pickle ever shows, whether they will do, and what is derived from them."""

from __future__ import annotations

from itertools import pairwise
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bcf_linkage.definitions.errors import EnvironmentRefused

FEWEST_BYTES, MOST_BYTES = 32, 64
FEWEST_DISTINCT = 16
"""Of 32 random bytes about 30 differ; that fewer than 16 do has odds of one in more than a million million."""

PRINTABLE = range(0x20, 0x7F)
SALT = b"bcf-linkage v1"


class Key(bytes):
    """Bytes that are never shown. `name` says which key it is and may be told to anybody."""

    name: str

    def __new__(cls, secret: bytes, name: str = "") -> Key:
        key = super().__new__(cls, secret)
        key.name = name
        return key

    def __repr__(self) -> str:
        return f"Key({self.name or 'unnamed'}, withheld)"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a key is never pickled or copied")


def parsed(text: str, name: str, place: str) -> Key:
    """A key from its hexadecimal digits. Raises EnvironmentRefused, with the place that it came from, for one that is short or not random."""
    try:
        key = Key(bytes.fromhex(text.strip()), name)
    except ValueError:
        raise EnvironmentRefused(f"{place}: is not a key in hexadecimal; bring it back from its safe copy") from None
    if words := weakness(key):
        raise EnvironmentRefused(f"{place}: {words}; bring the key back from its safe copy, or make one with `bcf keys new`")
    return key


def weakness(key: bytes) -> str:
    """Why the bytes will not do as a key, in words; nothing if they will."""
    if not FEWEST_BYTES <= len(key) <= MOST_BYTES:
        return f"is not a whole key of {FEWEST_BYTES} to {MOST_BYTES} bytes"
    if len(set(key)) < FEWEST_DISTINCT:
        return "repeats so few bytes that it cannot be random"
    if len({(after - before) % 256 for before, after in pairwise(key)}) == 1:
        return "counts up or down and is not random"
    if any(key == key[:period] * (len(key) // period) for period in range(1, len(key) // 2 + 1) if len(key) % period == 0):
        return "repeats itself and is not random"
    if all(byte in PRINTABLE for byte in key):
        return "is text that somebody typed and not random bytes"
    return ""


def derived(key: bytes, *context: str) -> Key:
    """The key for one use: HKDF-SHA-256 (RFC 5869) under a fixed salt; 32 bytes.

    Each word of the context goes in with its length before it, so that no two contexts run together into the same bytes.
    """
    words = [word.encode() for word in context]
    info = b"".join(len(word).to_bytes(4, "big") + word for word in words)
    return Key(HKDF(algorithm=SHA256(), length=FEWEST_BYTES, salt=SALT, info=info).derive(bytes(key)), getattr(key, "name", ""))


def fingerprint(key: bytes) -> str:
    """Sixteen hexadecimal digits that tell one key from another and nothing of either."""
    return derived(key, "fingerprint").hex()[:16]
