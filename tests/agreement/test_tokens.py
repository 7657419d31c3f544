"""The tokens are those that the standard library makes step by step, and the same whichever engine the values come from."""

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
from bcf_linkage.identifiable.pseudonymise import LOCAL, PERSON, SPELL, are_numbers, project_key, tokens
from bcf_linkage.identifiable.vault import Key
from bcf_linkage.storage.engine import Engine, PolarsEngine, SparkEngine

KEYS = st.binary(min_size=32, max_size=64)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
NUMBERS = st.integers(900_000_000, 999_999_999).map(lambda first: f"{first}{-sum((10 - n) * int(d) for n, d in enumerate(str(first))) % 11}")
SOUND = NUMBERS.filter(lambda number: len(number) == 10 and len(set(number)) > 1)


def derived_plainly(key: bytes, *context: str) -> bytes:
    """HKDF as RFC 5869 writes it down, for 32 bytes."""
    extracted = hmac.digest(b"bcf-linkage v1", key, "sha256")
    info = b"".join(len(word.encode()).to_bytes(4, "big") + word.encode() for word in context)
    return hmac.digest(extracted, info + b"\x01", "sha256")


def plainly(key: bytes, domain: str, value: str) -> str:
    digits = hmac.new(derived_plainly(key, "domain", domain), value.encode(), "sha256").hexdigest()[:32]
    return "".join("abcdefghijklmnop"[int(digit, 16)] for digit in digits)


@settings(deadline=None)
@given(KEYS, st.sampled_from([LOCAL, SPELL]), st.lists(VALUES, max_size=20))
def test_the_same_as_the_standard_library(key: bytes, domain: str, values: list[str]) -> None:
    assert tokens(key, domain, values) == [plainly(key, domain, value) for value in values]


@settings(deadline=None)
@given(KEYS, VALUES, VALUES, st.lists(SOUND, max_size=20))
def test_people_too_for_any_recipient_and_project(key: bytes, recipient: str, project: str, numbers: list[str]) -> None:
    of_project = derived_plainly(key, "pseudonym", recipient, project)
    assert tokens(project_key(Key(key), recipient, project), PERSON, numbers) == [plainly(of_project, PERSON, number) for number in numbers]


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=20))
def test_a_token_holds_no_digit_and_has_one_length(values: list[str]) -> None:
    assert all(re.fullmatch("[a-p]{32}", token or "") for token in tokens(bytes(32), LOCAL, values))


@settings(deadline=None)
@given(st.lists(st.one_of(SOUND, VALUES, st.integers(0, 10**10 - 1).map("{:010}".format)), max_size=4))
def test_what_counts_as_a_number_is_what_the_trace_takes_for_one(values: list[str]) -> None:
    frame = nw.from_native(pl.LazyFrame({"text": pl.Series(values, dtype=pl.String)}))
    number = nhs_number.canonical(nw.col("text"))
    sound = (number == nw.col("text")) & nhs_number.check_digit_holds(number) & ~nhs_number.state(number, "live").is_in([nhs_number.REPEATED_DIGIT])
    assert are_numbers(values) == all(frame.select(sound=sound.fill_null(False)).to_native().collect()["sound"])


def test_both_engines_lead_to_the_same_tokens_byte_for_byte_in_whatever_order(spark: SparkEngine) -> None:
    chance = random.Random(1)
    numbers = [SOUND_ONES[n] for n in range(len(SOUND_ONES))]
    written = [f"{n[:3]} {n[3:6]} {n[6:]}" if chance.random() < 0.5 else n for n in numbers] + ["123", "", "943-476-5918"]
    chance.shuffle(written)
    assert of_engine(PolarsEngine(), written) == of_engine(spark, written[::-1])


SOUND_ONES = [n for n in (f"9{k:09d}" for k in range(434765000, 434767000)) if are_numbers([n])]


def of_engine(engine: Engine, written: list[str]) -> dict[str, str]:
    """Each canonical number to its token, the numbers brought into their canonical form by the engine."""
    canonical = nhs_number.canonical(nw.col("written"))
    rows = engine.frame(pl.DataFrame({"written": written})).select(number=canonical).filter(nhs_number.check_digit_holds(nw.col("number"))).unique()
    numbers = engine.collect(rows)["number"].to_list()
    return dict(zip(numbers, (token or "" for token in tokens(bytes(range(32)), PERSON, numbers)), strict=True))


def test_both_engines_note_the_key_of_the_pseudonyms_in_what_they_write(spark: SparkEngine, tmp_path: Path) -> None:
    rows = pl.DataFrame({"person": ["a" * 32], "month": ["2014-09"]})
    noted = {}
    for engine in (PolarsEngine("pseudonym-1"), replace(spark, pseudonyms="pseudonym-1")):
        path = tmp_path / type(engine).__name__
        engine.write(engine.frame(rows), path)
        file = path if path.is_file() else next(path.glob("*.parquet"))
        noted[type(engine)] = b" ".join(pq.read_metadata(file).metadata.values())
        assert engine.collect(engine.scan(path)).equals(rows)
    assert all(b"pseudonym-1" in text for text in noted.values())
