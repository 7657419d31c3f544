"""Why pseudonyms need a key: a plain hash of an NHS number is reversed by trying every number, a keyed pseudonym only with the key.

Fewer than a thousand million numbers can exist, so anybody can hash them all and look a hash up. The tests try one five-hundredth of
them, which is enough to measure.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable

from bcf_linkage.identifiable.pseudonymisation import PERSON_DOMAIN, TOKEN_LETTERS, are_canonical_numbers, make_tokens, project_key
from bcf_linkage.identifiable.vault import Key

FIRST, TRIED = 943_476_000, 200_000
"""The first nine digits of the first candidate, and how many are tried. Those whose check digit would be 10 are no numbers."""

SECRET = "9434765919"
SECONDS = 60


def candidates() -> Iterable[str]:
    """Yield every number of the range that has a check digit."""
    for first in range(FIRST, FIRST + TRIED):
        check = -sum((10 - n) * int(digit) for n, digit in enumerate(str(first))) % 11
        if check < 10:
            yield f"{first}{check}"


def find_number(token: str, hash_numbers: Callable[[list[str]], Iterable[str | None]]) -> str | None:
    """Return the number of a token, if trying the candidates one by one finds it."""
    tried = list(candidates())
    return next((number for number, guess in zip(tried, hash_numbers(tried), strict=True) if guess == token), None)


def plain_hashes(numbers: Iterable[str]) -> list[str]:
    """Hash numbers without a key, as is often done."""
    return [hashlib.sha256(number.encode()).hexdigest() for number in numbers]


def salted_hashes(numbers: Iterable[str], salt: str = "our project 2014") -> list[str]:
    """Hash numbers with a salt that every recipient of the files knows."""
    return [hashlib.sha256(f"{number}{salt}".encode()).hexdigest() for number in numbers]


def test_a_plain_hash_is_reversed_in_seconds() -> None:
    began = time.perf_counter()
    assert find_number(plain_hashes([SECRET])[0], plain_hashes) == SECRET
    assert time.perf_counter() - began < SECONDS


def test_a_hash_with_a_known_salt_is_reversed_as_fast() -> None:
    assert find_number(salted_hashes([SECRET])[0], salted_hashes) == SECRET


def test_a_keyed_pseudonym_is_not_reversed_without_the_key() -> None:
    key = project_key(Key(os.urandom(32)), "00X", "risk stratification")
    (pseudonym,) = make_tokens(key, PERSON_DOMAIN, [SECRET])
    assert pseudonym
    assert are_canonical_numbers([SECRET])
    with_the_key = lambda numbers: make_tokens(key, PERSON_DOMAIN, numbers)  # noqa: E731
    assert find_number(pseudonym, with_the_key) == SECRET, "only the key protects: anybody who has it can try all numbers"
    digits = lambda hashed: (text[:32].translate(TOKEN_LETTERS) for text in hashed)  # noqa: E731
    assert find_number(pseudonym, lambda numbers: digits(plain_hashes(numbers))) is None
    assert find_number(pseudonym, lambda numbers: digits(salted_hashes(numbers))) is None
    for guess in (bytes(32), b"password" * 4, os.urandom(32), bytes(key)[:31] + bytes([key[31] ^ 1])):
        another = lambda numbers, guess=guess: make_tokens(guess, PERSON_DOMAIN, numbers)  # noqa: E731
        assert find_number(pseudonym, another) is None


def test_the_tokens_of_two_projects_have_none_in_common() -> None:
    root, numbers = Key(os.urandom(32)), list(candidates())[:20_000]
    token_sets = [set(make_tokens(project_key(root, *words), PERSON_DOMAIN, numbers)) for words in (("00X", "a"), ("00X", "b"), ("00Y", "a"))]
    assert [len(each) for each in token_sets] == [len(numbers)] * 3
    assert not token_sets[0] & token_sets[1] | token_sets[0] & token_sets[2] | token_sets[1] & token_sets[2]
