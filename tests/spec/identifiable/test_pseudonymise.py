"""Tokens with known answers, and the coarse values that are kept in place of identifiers."""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.identifiable import coarse_values
from bcf_linkage.identifiable.pseudonymisation import LOCAL_DOMAIN, PERSON_DOMAIN, SPELL_DOMAIN, make_tokens, person_subject, project_key
from bcf_linkage.identifiable.vault import Key

KEY = bytes(range(32))
AS_AT = date(2014, 9, 30)


def evaluate(expression: nw.Expr, *values: str | None) -> list[object]:
    frame = nw.from_native(pl.LazyFrame({"text": pl.Series(values, dtype=pl.String)}))
    return frame.select(value=expression).to_native().collect()["value"].to_list()


@pytest.mark.parametrize(
    ("domain", "value", "token"),
    [
        # OpenSSL's: `openssl kdf … HKDF` of the key with salt "bcf-linkage v1" and info "domain", the domain, each after its length in four bytes;
        # then `openssl dgst -sha256 -mac HMAC` of the value under that, the first 32 digits as letters.
        (PERSON_DOMAIN, "9434765919", "mgfmceomcddghhpaphkliadjpplhnfek"),
        (LOCAL_DOMAIN, "outpatients|P54", "klaonhpghafejcddahnlbjpboejkcima"),
        (SPELL_DOMAIN, "RHM|S1", "ncaelmbbhdociocjcmnkchdbpobgbiig"),
    ],
)
def test_tokens_equal_known_answers(domain: str, value: str, token: str) -> None:
    assert make_tokens(KEY, domain, [value]) == [token]


def test_a_token_of_a_recipient_and_project_equals_its_known_answer() -> None:
    assert make_tokens(project_key(Key(KEY), "00X", "risk stratification"), PERSON_DOMAIN, ["9434765919"]) == ["aphmkimmldpoheafcokodojlabjlljoi"]


def test_the_same_person_has_another_token_in_every_project_domain_and_for_every_recipient() -> None:
    keys = [project_key(Key(key), *words) for key in (KEY, KEY[::-1]) for words in (("a", "b"), ("a", "c"), ("c", "b"), ("ab", ""), ("", "ab"))]
    tokens = [make_tokens(key, domain, [value])[0] for key in keys for domain in (PERSON_DOMAIN, LOCAL_DOMAIN) for value in ("9434765919", "9434765870")]
    assert len(set(tokens)) == len(keys) * 4


@pytest.mark.parametrize(
    ("domain", "value"),
    [
        (PERSON_DOMAIN, ""),
        (PERSON_DOMAIN, "943 476 5919"),
        (PERSON_DOMAIN, "9434765918"),
        (PERSON_DOMAIN, "9999999999"),
        (PERSON_DOMAIN, "943476591"),
        (PERSON_DOMAIN, "94347659199"),
        (PERSON_DOMAIN, "９４３４７６５９１９"),
        (LOCAL_DOMAIN, ""),
        (SPELL_DOMAIN, ""),
    ],
)
def test_a_value_that_is_empty_or_not_canonical_is_never_hashed_or_quoted(domain: str, value: str) -> None:
    with pytest.raises(ValueError, match="never hashed") as error:
        make_tokens(KEY, domain, ["9434765919", value])
    assert not value or value not in str(error.value)


def test_a_missing_value_has_no_token() -> None:
    assert make_tokens(KEY, PERSON_DOMAIN, [None, "9434765919", None])[::2] == [None, None]
    assert subjects([None, "9434765919"], ["P1", None]) == [(LOCAL_DOMAIN, "outpatients|P1"), (PERSON_DOMAIN, "9434765919")]
    assert subjects([None], [None]) == [(LOCAL_DOMAIN, None)]


def subjects(numbers: list[str | None], locals_: list[str | None]) -> list[tuple[object, ...]]:
    schema = {"person_number": pl.String, "local": pl.String}
    frame = nw.from_native(pl.LazyFrame({"person_number": numbers, "local": locals_}, schema=schema))
    rows: list[tuple[object, ...]] = frame.select(**person_subject("outpatients", nw.col("local"))).to_native().collect().rows()
    return rows


@pytest.mark.parametrize(
    ("born", "age", "month"),
    [
        ("2014-09-30", 0, "2014-09"),
        ("2014-10-01", None, None),
        ("2013-10-01", 0, "2013-10"),
        ("2013-09-30", 1, "2013-09"),
        ("1949-09-30", 65, "1949-09"),
        ("1949-10-01", 64, "1949-10"),
        ("1900-01-01", 114, "1900-01"),
        (None, None, None),
    ],
)
def test_a_date_of_birth_becomes_an_age_and_a_month(born: str | None, age: int | None, month: str | None) -> None:
    assert evaluate(coarse_values.age(nw.col("text"), AS_AT), born) == [age]
    assert evaluate(coarse_values.birth_month(nw.col("text"), AS_AT), born) == [month]


def test_a_person_born_on_a_leap_day_has_the_birthday_on_1_march() -> None:
    assert evaluate(coarse_values.age(nw.col("text"), date(2013, 2, 28)), "1996-02-29") == [16]
    assert evaluate(coarse_values.age(nw.col("text"), date(2016, 2, 29)), "1996-02-29") == [20]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("SO14 0AA", "SO14 0AA"), ("so140aa", "SO14 0AA"), (" SO14  0aa ", "SO14 0AA"), ("S1 1AA", "S1 1AA"), ("0AA", "0AA"), ("", ""), (None, None)],
)
def test_canonical_postcodes(written: str | None, canonical: str | None) -> None:
    assert evaluate(coarse_values.canonical_postcode(nw.col("text")), written) == [canonical]


def test_a_postcode_becomes_its_area_or_null() -> None:
    lookup = nw.from_native(pl.LazyFrame({"postcode": ["so140aa", "SO14 0AB"], "lsoa": ["E1", "E2"], "deprivation_decile": ["1", "10"]}))
    records = nw.from_native(pl.LazyFrame({"postcode": ["SO14 0AA", "so14 0ab", "ZZ99 3VZ", None]}))
    areas = coarse_values.add_area(records, "postcode", coarse_values.build_areas(lookup)).select("lsoa", "deprivation_quintile").to_native().collect()
    assert sorted(areas.rows(), key=str) == [("E1", 1), ("E2", 5), (None, None), (None, None)]
