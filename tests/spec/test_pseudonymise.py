"""Tokens with known answers, and what is kept of who somebody is."""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.identifiable import coarsen
from bcf_linkage.identifiable.pseudonymise import LOCAL, PERSON, SPELL, person, project_key, tokens
from bcf_linkage.identifiable.vault import Key

KEY = bytes(range(32))
AS_AT = date(2014, 9, 30)


def evaluated(expression: nw.Expr, *values: str | None) -> list[object]:
    frame = nw.from_native(pl.LazyFrame({"text": pl.Series(values, dtype=pl.String)}))
    return frame.select(found=expression).to_native().collect()["found"].to_list()


@pytest.mark.parametrize(
    ("domain", "value", "token"),
    [
        # OpenSSL's: `openssl kdf … HKDF` of the key with salt "bcf-linkage v1" and info "domain", the domain, each after its length in four bytes;
        # then `openssl dgst -sha256 -mac HMAC` of the value under that, the first 32 digits as letters.
        (PERSON, "9434765919", "mgfmceomcddghhpaphkliadjpplhnfek"),
        (LOCAL, "outpatients|P54", "klaonhpghafejcddahnlbjpboejkcima"),
        (SPELL, "RHM|S1", "ncaelmbbhdociocjcmnkchdbpobgbiig"),
    ],
)
def test_known_answers(domain: str, value: str, token: str) -> None:
    assert tokens(KEY, domain, [value]) == [token]


def test_a_known_answer_for_a_recipient_and_a_project() -> None:
    assert tokens(project_key(Key(KEY), "00X", "risk stratification"), PERSON, ["9434765919"]) == ["aphmkimmldpoheafcokodojlabjlljoi"]


def test_the_same_person_has_another_token_in_every_project_domain_and_for_every_recipient() -> None:
    keys = [project_key(Key(key), *words) for key in (KEY, KEY[::-1]) for words in (("a", "b"), ("a", "c"), ("c", "b"), ("ab", ""), ("", "ab"))]
    made = [tokens(key, domain, [value])[0] for key in keys for domain in (PERSON, LOCAL) for value in ("9434765919", "9434765870")]
    assert len(set(made)) == len(keys) * 4


@pytest.mark.parametrize(
    ("domain", "value"),
    [
        (PERSON, ""),
        (PERSON, "943 476 5919"),
        (PERSON, "9434765918"),
        (PERSON, "9999999999"),
        (PERSON, "943476591"),
        (PERSON, "94347659199"),
        (PERSON, "９４３４７６５９１９"),
        (LOCAL, ""),
        (SPELL, ""),
    ],
)
def test_what_is_missing_or_not_canonical_is_never_hashed_and_not_told(domain: str, value: str) -> None:
    with pytest.raises(ValueError, match="never hashed") as refused:
        tokens(KEY, domain, ["9434765919", value])
    assert not value or value not in str(refused.value)


def test_what_is_missing_has_no_token() -> None:
    assert tokens(KEY, PERSON, [None, "9434765919", None])[::2] == [None, None]
    assert evaluated_people([None, "9434765919"], ["P1", None]) == [(LOCAL, "outpatients|P1"), (PERSON, "9434765919")]
    assert evaluated_people([None], [None]) == [(LOCAL, None)]


def evaluated_people(numbers: list[str | None], locals_: list[str | None]) -> list[tuple[object, ...]]:
    schema = {"person_number": pl.String, "local": pl.String}
    frame = nw.from_native(pl.LazyFrame({"person_number": numbers, "local": locals_}, schema=schema))
    rows: list[tuple[object, ...]] = frame.select(**person("outpatients", nw.col("local"))).to_native().collect().rows()
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
    assert evaluated(coarsen.age(nw.col("text"), AS_AT), born) == [age]
    assert evaluated(coarsen.birth_month(nw.col("text"), AS_AT), born) == [month]


def test_somebody_born_on_a_leap_day_grows_older_on_the_first_of_march() -> None:
    assert evaluated(coarsen.age(nw.col("text"), date(2013, 2, 28)), "1996-02-29") == [16]
    assert evaluated(coarsen.age(nw.col("text"), date(2016, 2, 29)), "1996-02-29") == [20]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("SO14 0AA", "SO14 0AA"), ("so140aa", "SO14 0AA"), (" SO14  0aa ", "SO14 0AA"), ("S1 1AA", "S1 1AA"), ("0AA", "0AA"), ("", ""), (None, None)],
)
def test_canonical_postcodes(written: str | None, canonical: str | None) -> None:
    assert evaluated(coarsen.canonical_postcode(nw.col("text")), written) == [canonical]


def test_a_postcode_becomes_its_area_or_nothing() -> None:
    lookup = nw.from_native(pl.LazyFrame({"postcode": ["so140aa", "SO14 0AB"], "lsoa": ["E1", "E2"], "deprivation_decile": ["1", "10"]}))
    records = nw.from_native(pl.LazyFrame({"postcode": ["SO14 0AA", "so14 0ab", "ZZ99 3VZ", None]}))
    found = coarsen.with_area(records, "postcode", coarsen.areas(lookup)).select("lsoa", "deprivation_quintile").to_native().collect()
    assert sorted(found.rows(), key=str) == [("E1", 1), ("E2", 5), (None, None), (None, None)]
