"""The disguises in which an identifier could leave: packed into another encoding, or hashed without a key.

A packed text is unpacked and then read as any other. A hash cannot be: there, every number that is looked for is hashed in turn.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bcf_linkage.identifiable.pseudonymise import LETTERS

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
TOLD_APART_BY = 8
"""Bytes of a digest that are compared: one that was cut to half of MD5's length is still known, and chance does not come so far."""

HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{16,}")
BASE_64 = (re.compile(rb"[A-Za-z0-9+/]{11,}"), re.compile(rb"[A-Za-z0-9_-]{11,}"))
IN_LETTERS = re.compile(rb"[a-p]{16,}")
BACK_TO_DIGITS = bytes.maketrans(*(bytes(side) for side in zip(*((letter, digit) for digit, letter in LETTERS.items()), strict=True)))
URL_SAFE = bytes.maketrans(b"-_", b"+/")


def spellings(number: str) -> tuple[str, str, str]:
    """Ten digits as they are written: plain, spaced and hyphened, 3-3-4."""
    parts = (number[:3], number[3:6], number[6:])
    return number, " ".join(parts), "-".join(parts)


def digests(numbers: Iterable[str]) -> dict[bytes, str]:
    """The beginning of the digest of each number, however it is spelled, by each algorithm -> the algorithm."""
    texts = [spelling.encode() for number in numbers for spelling in spellings(number)]
    return {hashlib.new(name, text, usedforsecurity=False).digest()[:TOLD_APART_BY]: name for name in ALGORITHMS for text in texts}


@dataclass(frozen=True)
class Stretches:
    """What of a text could be packed: its stretches of letters and digits of an encoding's alphabet."""

    content: bytes
    hexadecimal: list[bytes]
    base_64: list[bytes]
    in_letters: list[bytes]

    @classmethod
    def of(cls, content: bytes) -> Stretches:
        """Those of a text. What holds digits in base64 always shows a capital letter, so that our own pseudonyms need not be unpacked."""
        plain, url_safe = (pattern.findall(content) for pattern in BASE_64)
        base_64 = [*plain, *(run.translate(URL_SAFE) for run in url_safe if b"-" in run or b"_" in run)]
        return cls(content, HEXADECIMAL.findall(content), [run for run in base_64 if not run.islower()], IN_LETTERS.findall(content))

    def unpacked(self) -> Iterator[tuple[str, bytes]]:
        """What is packed in them, by the name of the encoding, each stretch on a line of its own.

        One may begin anywhere within others of its alphabet, so each is unpacked from every place at which it could begin.
        """
        if b"\0" in self.content:
            yield "UTF-16", self.content.replace(b"\0", b"")
        if self.hexadecimal:
            yield "hexadecimal", b"\n".join(bytes.fromhex(_even(run[start:])) for run in self.hexadecimal for start in (0, 1))
        if self.base_64:
            yield "base64", b"\n".join(_from_base_64(run[start:]) for run in self.base_64 for start in range(4))

    def digests(self) -> Iterator[tuple[str, bytes]]:
        """The first bytes of whatever could be a digest, by how it is written: in hexadecimal, in base64, or in letters as a pseudonym is."""
        yield from (("hexadecimal", bytes.fromhex(_even(run[: 2 * TOLD_APART_BY]))) for run in self.hexadecimal)
        yield from (("base64", _from_base_64(run[:12])[:TOLD_APART_BY]) for run in self.base_64)
        for run in self.in_letters:
            yield "letters", bytes.fromhex(run[: 2 * TOLD_APART_BY].translate(BACK_TO_DIGITS).decode())


def _from_base_64(run: bytes) -> bytes:
    whole = run[: len(run) - (len(run) % 4 == 1)]
    return base64.b64decode(whole + b"=" * (-len(whole) % 4))


def _even(run: bytes) -> str:
    return run[: len(run) // 2 * 2].decode()
