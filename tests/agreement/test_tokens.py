"""The tokens are those of the standard library's HMAC-SHA-256."""

from __future__ import annotations

import hmac
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.identifiable.pseudonymise import tokens

VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def plainly(key: bytes, domain: str, value: str) -> str:
    digits = hmac.new(key, f"v1|{domain}|{value}".encode(), "sha256").hexdigest()[:32]
    return "".join("abcdefghijklmnop"[int(digit, 16)] for digit in digits)


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.sampled_from(["person", "local", "spell"]), st.lists(VALUES, max_size=20))
def test_the_same_as_the_standard_library(key: bytes, domain: str, values: list[str]) -> None:
    assert tokens(key, domain, values) == [plainly(key, domain, value) for value in values]


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=20))
def test_a_token_holds_no_digit(values: list[str]) -> None:
    assert all(re.fullmatch("[a-p]{32}", token) for token in tokens(bytes(32), "person", values))
