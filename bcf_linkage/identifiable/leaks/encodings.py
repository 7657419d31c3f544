"""Encodings in which an identifier could leave unseen: another text encoding, or a hash without a key.

Encoded text is decoded and then searched like any other. A hash cannot be decoded: every number that is searched for is hashed instead.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bcf_linkage.identifiable.pseudonymisation import TOKEN_LETTERS

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
DIGEST_PREFIX_BYTES = 8
"""Bytes of a digest that are compared: few enough to find a digest cut to half of MD5's length, too many to agree by chance."""

DIGEST_PREFIX_BASE_64 = 12
"""Base64 characters that decode to at least `DIGEST_PREFIX_BYTES`: four characters make three bytes."""

# The shortest run that is searched encodes a digest prefix: 16 hexadecimal digits, 11 base64 characters without padding, or 16 token letters.
HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{16,}")
BASE_64 = (re.compile(rb"[A-Za-z0-9+/]{11,}"), re.compile(rb"[A-Za-z0-9_-]{11,}"))
TOKEN_LETTER_RUN = re.compile(rb"[a-p]{16,}")
LETTERS_TO_HEXADECIMAL = bytes.maketrans(*(bytes(side) for side in zip(*((letter, digit) for digit, letter in TOKEN_LETTERS.items()), strict=True)))
URL_SAFE = bytes.maketrans(b"-_", b"+/")


def spellings(number: str) -> tuple[str, str, str]:
    """Return the usual spellings of an NHS number: plain, and in groups of 3, 3 and 4 digits with spaces or hyphens."""
    parts = (number[:3], number[3:6], number[6:])
    return number, " ".join(parts), "-".join(parts)


def hash_numbers(numbers: Iterable[str]) -> dict[bytes, str]:
    """Hash each number in each spelling with each algorithm: the first bytes of the digest -> the algorithm."""
    texts = [spelling.encode() for number in numbers for spelling in spellings(number)]
    return {hashlib.new(name, text, usedforsecurity=False).digest()[:DIGEST_PREFIX_BYTES]: name for name in ALGORITHMS for text in texts}


@dataclass(frozen=True)
class EncodedRuns:
    """The parts of a text that could be encoded: runs of characters from the alphabet of an encoding."""

    content: bytes
    hexadecimal_runs: list[bytes]
    base_64_runs: list[bytes]
    letter_runs: list[bytes]

    @classmethod
    def find_in(cls, content: bytes) -> EncodedRuns:
        """Find the runs of a text."""
        plain, url_safe = (pattern.findall(content) for pattern in BASE_64)
        base_64 = [*plain, *(run.translate(URL_SAFE) for run in url_safe if b"-" in run or b"_" in run)]
        return cls(
            content=content,
            hexadecimal_runs=HEXADECIMAL.findall(content),
            # Digits in base64 always have a capital letter, so skip runs of small letters: most of them are our own pseudonyms.
            base_64_runs=[run for run in base_64 if not run.islower()],
            letter_runs=TOKEN_LETTER_RUN.findall(content),
        )

    def decode(self) -> Iterator[tuple[str, bytes]]:
        """Decode the runs: the name of each encoding, and the decoded runs, one per line.

        The encoded text may begin anywhere in a run, so each run is decoded from every possible first position.
        """
        if b"\0" in self.content:
            yield "UTF-16", self.content.replace(b"\0", b"")
        if self.hexadecimal_runs:
            yield "hexadecimal", b"\n".join(bytes.fromhex(_even_length(run[start:])) for run in self.hexadecimal_runs for start in (0, 1))
        if self.base_64_runs:
            yield "base64", b"\n".join(_decode_base_64(run[start:]) for run in self.base_64_runs for start in range(4))

    def candidate_digests(self) -> Iterator[tuple[str, bytes]]:
        """Return the first bytes of each run that could be a digest, with its encoding: hexadecimal, base64, or letters as in a pseudonym."""
        yield from (("hexadecimal", bytes.fromhex(_even_length(run[: 2 * DIGEST_PREFIX_BYTES]))) for run in self.hexadecimal_runs)
        yield from (("base64", _decode_base_64(run[:DIGEST_PREFIX_BASE_64])[:DIGEST_PREFIX_BYTES]) for run in self.base_64_runs)
        for run in self.letter_runs:
            yield "letters", bytes.fromhex(run[: 2 * DIGEST_PREFIX_BYTES].translate(LETTERS_TO_HEXADECIMAL).decode())


def _decode_base_64(run: bytes) -> bytes:
    # One character beyond a multiple of four encodes no whole byte: drop it, then pad.
    complete = run[: len(run) - (len(run) % 4 == 1)]
    return base64.b64decode(complete + b"=" * (-len(complete) % 4))


def _even_length(run: bytes) -> str:
    return run[: len(run) // 2 * 2].decode()
