"""Why pseudonyms are made under a key: a plain hash of an NHS number is undone by trying every number, ours by nothing but the key.

All numbers that can exist are fewer than a thousand million, so whoever holds a hash can hash them all and look it up. Here one
five-hundredth of them is tried, which is enough to measure.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable

from bcf_linkage.identifiable.pseudonymise import LETTERS, PERSON, are_numbers, project_key, tokens
from bcf_linkage.identifiable.vault import Key

FIRST, TRIED = 943_476_000, 200_000
"""The first nine digits of the first candidate, and how many nine digits are tried; those whose check digit would be 10 fall out."""

SECRET = "9434765919"
SECONDS = 60


def candidates() -> Iterable[str]:
    """Every number of the range that has a check digit."""
    for first in range(FIRST, FIRST + TRIED):
        check = -sum((10 - n) * int(digit) for n, digit in enumerate(str(first))) % 11
        if check < 10:
            yield f"{first}{check}"


def undone(token: str, hashed: Callable[[list[str]], Iterable[str | None]]) -> str | None:
    """The number behind a token, if trying the candidates one by one finds it."""
    tried = list(candidates())
    return next((number for number, guess in zip(tried, hashed(tried), strict=True) if guess == token), None)


def plain(numbers: Iterable[str]) -> list[str]:
    """A plain hash, as it is often met."""
    return [hashlib.sha256(number.encode()).hexdigest() for number in numbers]


def salted(numbers: Iterable[str], salt: str = "our project 2014") -> list[str]:
    """A hash with a salt that everybody who got the files also got."""
    return [hashlib.sha256(f"{number}{salt}".encode()).hexdigest() for number in numbers]


def test_a_plain_hash_is_undone_in_seconds() -> None:
    began = time.perf_counter()
    assert undone(plain([SECRET])[0], plain) == SECRET
    assert time.perf_counter() - began < SECONDS


def test_a_hash_with_a_known_salt_is_undone_as_fast() -> None:
    assert undone(salted([SECRET])[0], salted) == SECRET


def test_ours_is_not_as_no_candidate_can_be_tested_without_the_key() -> None:
    key = project_key(Key(os.urandom(32)), "00X", "risk stratification")
    (ours,) = tokens(key, PERSON, [SECRET])
    assert ours
    assert are_numbers([SECRET])
    with_the_key = lambda numbers: tokens(key, PERSON, numbers)  # noqa: E731
    assert undone(ours, with_the_key) == SECRET, "the key is what protects, and nothing else: whoever holds it can try"
    digits = lambda hashed: (text[:32].translate(LETTERS) for text in hashed)  # noqa: E731
    assert undone(ours, lambda numbers: digits(plain(numbers))) is None
    assert undone(ours, lambda numbers: digits(salted(numbers))) is None
    for guess in (bytes(32), b"password" * 4, os.urandom(32), bytes(key)[:31] + bytes([key[31] ^ 1])):
        another = lambda numbers, guess=guess: tokens(guess, PERSON, numbers)  # noqa: E731
        assert undone(ours, another) is None


def test_the_tokens_of_two_projects_have_nobody_in_common() -> None:
    root, numbers = Key(os.urandom(32)), list(candidates())[:20_000]
    made = [set(tokens(project_key(root, *words), PERSON, numbers)) for words in (("00X", "a"), ("00X", "b"), ("00Y", "a"))]
    assert [len(each) for each in made] == [len(numbers)] * 3
    assert not made[0] & made[1] | made[0] & made[2] | made[1] & made[2]
