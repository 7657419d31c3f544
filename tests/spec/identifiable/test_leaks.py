"""Known identifiers are found in every encoding and in every kind of file that a run leaves. Other people's identifiers are not."""

from __future__ import annotations

import base64
import hashlib
import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from bcf_linkage.identifiable.leaks import Identifiers
from bcf_linkage.identifiable.pseudonymisation import PERSON_DOMAIN, TOKEN_LETTERS, make_tokens
from bcf_linkage.identifiable.vault import Key
from pipelines.admin.leaks import files_below, find_leaks

NUMBER, OTHER_NUMBER = "9990000018", "9990000026"
KEY = bytes(range(7, 7 + 64, 2))
IDENTIFIERS = Identifiers(
    numbers=frozenset({NUMBER}),
    dates=frozenset({"1931-05-17"}),
    postcodes=frozenset({"SO140ZZ"}),
    addresses=frozenset({"17 Quexley Gardens", "The Old Quexhouse"}),
    names=frozenset({"Quexzibarth"}),
    secrets=(KEY,),
)
WRITTEN = {"plain": NUMBER, "spaced": "999 000 0018", "hyphened": "999-000-0018", "dotted": "999.000.0018"}


def digest(algorithm: str, text: str = NUMBER) -> bytes:
    return hashlib.new(algorithm, text.encode()).digest()


ENCODED: dict[str, bytes] = {
    **{f"{name} in a text": f"row 7: {text} is wrong".encode() for name, text in WRITTEN.items()},
    **{f"{name} in base64": b"value=" + base64.b64encode(text.encode()) for name, text in WRITTEN.items()},
    **{f"after {n} bytes in base64": base64.b64encode(b"x" * n + b" " + NUMBER.encode() + b" and more") for n in range(4)},
    "in base64 within other letters": b"path/to/" + base64.urlsafe_b64encode(b"?>" + NUMBER.encode()),
    "in base64 for addresses": b"token_" + base64.urlsafe_b64encode(b"\xff\xfe\xfb " + NUMBER.encode()).rstrip(b"="),
    **{f"{name} in hexadecimal": b'{"v":"' + text.encode().hex().encode() + b'"}' for name, text in WRITTEN.items()},
    "in capital hexadecimal": b"0x" + NUMBER.encode().hex().upper().encode(),
    "in hexadecimal after an odd digit": b"a" + f" {NUMBER} ".encode().hex().encode(),
    "in UTF-16": f"number {NUMBER}".encode("utf-16"),
    "pickled": pickle.dumps({"nhs_number": NUMBER}),
    **{
        f"{name} by {a} in hexadecimal": digest(a, text).hex().encode() for a in ("md5", "sha1", "sha256", "sha512") for name, text in list(WRITTEN.items())[:3]
    },
    **{f"by {a} in base64": b'"' + base64.b64encode(digest(a)) + b'"' for a in ("md5", "sha1", "sha256", "sha512")},
    **{f"by {a} in base64 for addresses": base64.urlsafe_b64encode(digest(a)).rstrip(b"=") for a in ("md5", "sha1", "sha256", "sha512")},
    "by sha256, cut short": digest("sha256").hex()[:16].encode(),
    "by sha256, in letters as a pseudonym is": digest("sha256").hex()[:32].translate(TOKEN_LETTERS).encode(),
    "a date of birth": b"born 1931-05-17,",
    "a postcode": b"lives in SO14 0ZZ now",
    "a postcode without its space": b"SO140ZZ",
    "an address": b'"17 Quexley Gardens"',
    "an address without a number": b"at The Old Quexhouse,",
    "a name": b"seen by Quexzibarth_7",
    "a key as it is": b"x" + KEY + b"x",
    "a key in hexadecimal": KEY.hex().encode(),
    "a key in base64": base64.b64encode(KEY),
}


@pytest.mark.parametrize("name", ENCODED)
def test_an_identifier_is_found_in_every_encoding(name: str) -> None:
    assert IDENTIFIERS.find_in(ENCODED[name])


@pytest.mark.parametrize("name", ENCODED)
def test_other_identifiers_are_not_found(name: str) -> None:
    other_identifiers = Identifiers(
        numbers=frozenset({OTHER_NUMBER}),
        dates=frozenset({"1931-05-18"}),
        postcodes=frozenset({"SO141ZZ"}),
        addresses=frozenset({"17 Quexley Garth"}),
        names=frozenset({"Quex"}),
        secrets=(bytes(32),),
    )
    assert not other_identifiers.find_in(ENCODED[name])


def test_a_hit_names_its_encoding_and_the_search_never_prints_an_identifier() -> None:
    (hit,) = IDENTIFIERS.find_in(digest("sha1").hex().encode())
    assert (hit.kind, hit.encoding) == ("NHS number", "sha1 without a key, in hexadecimal")
    (encoded_hit,) = IDENTIFIERS.find_in(base64.b64encode(NUMBER.encode()))
    assert encoded_hit.encoding == "base64"
    assert NUMBER not in repr(IDENTIFIERS)


def test_a_pseudonym_is_no_hit() -> None:
    (pseudonym,) = make_tokens(Key(KEY), PERSON_DOMAIN, [NUMBER])
    assert pseudonym
    assert not IDENTIFIERS.find_in(pseudonym.encode())


def in_parquet(column: str, value: object) -> Callable[[Path], None]:
    return lambda folder: pl.DataFrame({column: [value]}).write_parquet(folder / "a.parquet")


def in_metadata(folder: Path) -> None:
    pl.DataFrame({"n": [1]}).write_parquet(folder / "a.parquet", metadata={"first": NUMBER})


def in_a_column_name(folder: Path) -> None:
    pl.DataFrame({f"of {NUMBER}": [1]}).write_parquet(folder / "a.parquet")


def in_duckdb(kind: str, value: object) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with duckdb.connect(str(folder / "a.duckdb")) as database:
            database.execute(f"create table t (a {kind})")
            database.execute("insert into t values (?)", [value])

    return write


def in_sqlite(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "a.db")) as database, database:
        database.execute("create table log (message text)")
        database.execute("insert into log values (?)", [f"cannot parse {NUMBER}"])


def in_prefect_storage(folder: Path) -> None:
    (folder / "storage").mkdir()
    (folder / "storage" / "0123abcd").write_bytes(base64.b64encode(pickle.dumps([NUMBER])))


FILES: dict[str, Callable[[Path], None]] = {
    "text in Parquet": in_parquet("a", f"about {NUMBER}"),
    "whole number in Parquet": in_parquet("a", int(NUMBER)),
    "digest in Parquet": in_parquet("a", digest("sha512")),
    "base64 in Parquet": in_parquet("a", base64.b64encode(NUMBER.encode()).decode()),
    "Parquet metadata": in_metadata,
    "name of a column": in_a_column_name,
    "text in DuckDB": in_duckdb("varchar", f"about {NUMBER}"),
    "whole number in DuckDB": in_duckdb("bigint", int(NUMBER)),
    "digest in DuckDB": in_duckdb("blob", digest("md5")),
    "SQLite": in_sqlite,
    "what Prefect stores": in_prefect_storage,
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_searched_in_decoded_form(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path)
    hits = find_leaks(files_below(tmp_path), IDENTIFIERS)
    assert hits, "the number is in the file"
    assert all(location.startswith(("a.", "storage/")) and NUMBER not in "".join(kinds) for location, kinds in hits.items())


def test_excluded_folders_and_links_are_not_searched(tmp_path: Path) -> None:
    for folder in ("vault", "logs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(NUMBER)
    (tmp_path / "logs" / "b.txt").symlink_to(tmp_path / "vault" / "a.txt")
    assert set(find_leaks(files_below(tmp_path, "vault"), IDENTIFIERS)) == {"logs/a.txt"}
