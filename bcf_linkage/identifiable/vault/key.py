"""A key: secret random bytes that are never printed, logged or pickled; checks of their quality; keys derived from them."""

from __future__ import annotations

from itertools import pairwise
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bcf_linkage.definitions.errors import EnvironmentFault

MIN_KEY_BYTES, MAX_KEY_BYTES = 32, 64
"""Bytes of a key: at least the output of SHA-256, at most its block. HMAC gains nothing from a longer key (RFC 2104, section 3)."""

MIN_DISTINCT_BYTES = 16
"""Distinct bytes of a key. Of 32 random bytes about 30 differ; fewer than 16 happen less often than once in a million million keys."""

PRINTABLE = range(0x20, 0x7F)
HKDF_SALT = b"bcf-linkage v1"
"""Fixed, because changing it changes every pseudonym."""

FINGERPRINT_DIGITS = 16
"""Hexadecimal digits of a fingerprint: 64 bits, enough to tell the keys of a vault apart."""


class Key(bytes):
    """Bytes that are never shown. `name` is the id of the key, which is public."""

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


def parse_key(text: str, name: str, location: str) -> Key:
    """Parse a key from its hexadecimal digits. Raises EnvironmentFault, with the location of the key, if it is short or not random."""
    try:
        key = Key(bytes.fromhex(text.strip()), name)
    except ValueError:
        raise EnvironmentFault(f"{location}: is not a key in hexadecimal; restore it from its backup") from None
    if problem := key_weakness(key):
        raise EnvironmentFault(f"{location}: {problem}; restore the key from its backup, or make one with `bcf keys new`")
    return key


def key_weakness(key: bytes) -> str:
    """Return why the bytes are no usable key, in words; blank if they are one."""
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        return f"is not a whole key of {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes"
    if len(set(key)) < MIN_DISTINCT_BYTES:
        return "repeats so few bytes that it cannot be random"
    if len({(after - before) % 256 for before, after in pairwise(key)}) == 1:
        return "counts up or down and is not random"
    if any(key == key[:period] * (len(key) // period) for period in range(1, len(key) // 2 + 1) if len(key) % period == 0):
        return "repeats itself and is not random"
    if all(byte in PRINTABLE for byte in key):
        return "is text that somebody typed and not random bytes"
    return ""


def derive_key(key: bytes, *context: str) -> Key:
    """Derive the key for one use: HKDF-SHA-256 (RFC 5869) with a fixed salt; 32 bytes."""
    # Each word has its length before it, so that two contexts such as ("ab", "c") and ("a", "bc") never give the same bytes.
    words = [word.encode() for word in context]
    info = b"".join(len(word).to_bytes(4, "big") + word for word in words)
    return Key(HKDF(algorithm=SHA256(), length=MIN_KEY_BYTES, salt=HKDF_SALT, info=info).derive(bytes(key)), getattr(key, "name", ""))


def key_fingerprint(key: bytes) -> str:
    """Return the fingerprint of a key: it differs for every key and reveals nothing of it."""
    return derive_key(key, "fingerprint").hex()[:FINGERPRINT_DIGITS]
