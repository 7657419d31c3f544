"""A pseudonym worked out a second time: after the standards and with Python's own library alone, so that one reader vouches for the other."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from functools import cache
from itertools import islice

LETTERS = {ord(digit): letter for digit, letter in zip("0123456789abcdef", "abcdefghijklmnop", strict=True)}


def derived(key: bytes, *context: str) -> bytes:
    """HKDF-SHA-256 (RFC 5869) of 32 bytes, the words of the context each led by its length."""
    info = b"".join(len(word.encode()).to_bytes(4, "big") + word.encode() for word in context)
    return hmac.digest(hmac.digest(b"bcf-linkage v1", key, "sha256"), info + b"\x01", "sha256")


def pseudonyms(root: bytes, recipient: str, project: str, domain: str, values: Iterable[str]) -> list[str]:
    """HMAC-SHA-256 (RFC 2104) of each value under the key of its recipient, project and domain, cut to 128 bits and written in letters."""
    key = derived(derived(root, "pseudonym", recipient, project), "domain", domain)
    return [hmac.digest(key, value.encode(), "sha256")[:16].hex().translate(LETTERS) for value in values]


@cache
def made_up_numbers(count: int) -> tuple[str, ...]:
    """So many sound NHS numbers of the range that is never issued."""
    checked = ((first, -sum((10 - n) * int(digit) for n, digit in enumerate(str(first))) % 11) for first in range(999_000_000, 1_000_000_000))
    return tuple(f"{first}{check}" for first, check in islice((one for one in checked if one[1] < 10), count))
