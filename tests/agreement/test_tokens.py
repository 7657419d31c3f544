"""Tokens equal those that the standard library makes step by step, and do not depend on the engine that the values come from."""

from __future__ import annotations

import hmac
import random
import re
from dataclasses import replace
from pathlib import Path

import narwhals as nw
import polars as pl
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from bcf_linkage.definitions import nhs_number
from bcf_linkage.identifiable.pseudonymisation import LOCAL_DOMAIN, PERSON_DOMAIN, SPELL_DOMAIN, are_canonical_numbers, make_tokens, project_key
from bcf_linkage.identifiable.vault import Key
from bcf_linkage.storage.engine import Engine, PolarsEngine, SparkEngine

KEYS = st.binary(min_size=32, max_size=64)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
NUMBERS = st.integers(900_000_000, 999_999_999).map(lambda first: f"{first}{-sum((10 - n) * int(d) for n, d in enumerate(str(first))) % 11}")
SOUND = NUMBERS.filter(lambda number: len(number) == 10 and len(set(number)) > 1)


def derive_expected_key(key: bytes, *context: str) -> bytes:
    """Derive 32 bytes by HKDF, step by step as in RFC 5869."""
    extracted = hmac.digest(b"bcf-linkage v1", key, "sha256")
    info = b"".join(len(word.encode()).to_bytes(4, "big") + word.encode() for word in context)
    return hmac.digest(extracted, info + b"\x01", "sha256")


def expected_token(key: bytes, domain: str, value: str) -> str:
    digits = hmac.new(derive_expected_key(key, "domain", domain), value.encode(), "sha256").hexdigest()[:32]
    return "".join("abcdefghijklmnop"[int(digit, 16)] for digit in digits)


@settings(deadline=None)
@given(KEYS, st.sampled_from([LOCAL_DOMAIN, SPELL_DOMAIN]), st.lists(VALUES, max_size=20))
def test_tokens_equal_those_of_the_standard_library(key: bytes, domain: str, values: list[str]) -> None:
    assert make_tokens(key, domain, values) == [expected_token(key, domain, value) for value in values]


@settings(deadline=None)
@given(KEYS, VALUES, VALUES, st.lists(SOUND, max_size=20))
def test_tokens_of_people_equal_them_for_any_recipient_and_project(key: bytes, recipient: str, project: str, numbers: list[str]) -> None:
    expected_project_key = derive_expected_key(key, "pseudonym", recipient, project)
    assert make_tokens(project_key(Key(key), recipient, project), PERSON_DOMAIN, numbers) == [
        expected_token(expected_project_key, PERSON_DOMAIN, number) for number in numbers
    ]


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=20))
def test_a_token_has_no_digit_and_a_fixed_length(values: list[str]) -> None:
    assert all(re.fullmatch("[a-p]{32}", token or "") for token in make_tokens(bytes(32), LOCAL_DOMAIN, values))


@settings(deadline=None)
@given(st.lists(st.one_of(SOUND, VALUES, st.integers(0, 10**10 - 1).map("{:010}".format)), max_size=4))
def test_a_canonical_number_is_one_that_the_trace_takes_for_sound(values: list[str]) -> None:
    frame = nw.from_native(pl.LazyFrame({"text": pl.Series(values, dtype=pl.String)}))
    number = nhs_number.canonical(nw.col("text"))
    sound = (number == nw.col("text")) & nhs_number.has_valid_check_digit(number) & ~nhs_number.state(number, "live").is_in([nhs_number.REPEATED_DIGIT])
    assert are_canonical_numbers(values) == all(frame.select(sound=sound.fill_null(False)).to_native().collect()["sound"])


def test_both_engines_give_the_same_tokens_in_any_order(spark: SparkEngine) -> None:
    chance = random.Random(1)
    written = [f"{n[:3]} {n[3:6]} {n[6:]}" if chance.random() < 0.5 else n for n in SOUND_NUMBERS] + ["123", "", "943-476-5918"]
    chance.shuffle(written)
    assert tokens_by_number(PolarsEngine(), written) == tokens_by_number(spark, written[::-1])


SOUND_NUMBERS = [n for n in (f"9{k:09d}" for k in range(434765000, 434767000)) if are_canonical_numbers([n])]


def tokens_by_number(engine: Engine, written: list[str]) -> dict[str, str]:
    """Return the token of each canonical number. The engine converts the numbers to canonical form."""
    canonical = nhs_number.canonical(nw.col("written"))
    rows = engine.frame(pl.DataFrame({"written": written})).select(number=canonical).filter(nhs_number.has_valid_check_digit(nw.col("number"))).unique()
    numbers = engine.collect(rows)["number"].to_list()
    return dict(zip(numbers, (token or "" for token in make_tokens(bytes(range(32)), PERSON_DOMAIN, numbers)), strict=True))


def test_both_engines_write_the_key_id_of_the_pseudonyms_into_the_file(spark: SparkEngine, tmp_path: Path) -> None:
    rows = pl.DataFrame({"person": ["a" * 32], "month": ["2014-09"]})
    metadata = {}
    for engine in (PolarsEngine("pseudonym-1"), replace(spark, pseudonym_key_id="pseudonym-1")):
        path = tmp_path / type(engine).__name__
        engine.write(engine.frame(rows), path)
        file = path if path.is_file() else next(path.glob("*.parquet"))
        metadata[type(engine)] = b" ".join(pq.read_metadata(file).metadata.values())
        assert engine.collect(engine.scan(path)).equals(rows)
    assert all(b"pseudonym-1" in text for text in metadata.values())
