"""Computes pseudonyms a second time, from the standards and with Python's own library only, to check the first computation."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from functools import cache
from itertools import islice

LETTERS = {ord(digit): letter for digit, letter in zip("0123456789abcdef", "abcdefghijklmnop", strict=True)}


def derive_subkey(key: bytes, *context: str) -> bytes:
    """Derive a key of 32 bytes by HKDF-SHA-256 (RFC 5869). Each word of the context has its length before it."""
    info = b"".join(len(word.encode()).to_bytes(4, "big") + word.encode() for word in context)
    return hmac.digest(hmac.digest(b"bcf-linkage v1", key, "sha256"), info + b"\x01", "sha256")


def make_pseudonyms(root: bytes, recipient: str, project: str, domain: str, values: Iterable[str]) -> list[str]:
    """Return the HMAC-SHA-256 (RFC 2104) of each value under the key of recipient, project and domain, cut to 128 bits and written in letters a to p."""
    key = derive_subkey(derive_subkey(root, "pseudonym", recipient, project), "domain", domain)
    return [hmac.digest(key, value.encode(), "sha256")[:16].hex().translate(LETTERS) for value in values]


@cache
def make_unissued_numbers(count: int) -> tuple[str, ...]:
    """Return a number of valid NHS numbers from the range that is never issued."""
    with_check_digits = ((first, -sum((10 - n) * int(digit) for n, digit in enumerate(str(first))) % 11) for first in range(999_000_000, 1_000_000_000))
    return tuple(f"{first}{check}" for first, check in islice((pair for pair in with_check_digits if pair[1] < 10), count))
