"""Looking for identifiers where none may be: every byte of every file, and every text that a file holds packed away."""

from __future__ import annotations

import base64
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Identity

NAMES = (Identity.GIVEN_NAME, Identity.FAMILY_NAME)
SHORTEST_ADDRESS = 8
SHORTEST_NAME_AMONG_BYTES = 6
"""Three letters of a name stand by chance in any packed file; its texts are searched unpacked as well, for names of any length."""

NUMBER = re.compile(rb"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")
DATE = re.compile(rb"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
POSTCODE = re.compile(rb"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")
WORD = re.compile("[A-Za-z\u00c0-\u024f'’-]{3,}".encode().decode())


@dataclass(frozen=True)
class Identifiers:
    """What may not be found. Numbers and postcodes are without spaces."""

    numbers: frozenset[str]
    dates: frozenset[str]
    postcodes: frozenset[str]
    addresses: frozenset[str]
    names: frozenset[str]

    def found_in(self, content: bytes, *, packed: bool = False) -> set[str]:
        """The identifiers that stand in these bytes; of bytes that are `packed`, those that cannot be there by chance."""
        numbers = {re.sub(rb"[ -]", b"", hit).decode() for hit in NUMBER.findall(content)} & self.numbers
        dates = {hit.decode() for hit in DATE.findall(content)} & self.dates
        postcodes = {hit.replace(b" ", b"").decode() for hit in POSTCODE.findall(content)} & self.postcodes
        text = content.decode("utf-8", "ignore")
        names = {word for word in WORD.findall(text) if not packed or len(word) >= SHORTEST_NAME_AMONG_BYTES} & self.names
        addresses = {address for address in self.addresses if address in text} if any(a[:SHORTEST_ADDRESS] in text for a in self.addresses) else set()
        return numbers | dates | postcodes | names | addresses


def identifiers_of(workspace: Path, not_dates: set[str], not_names: set[str]) -> Identifiers:
    """Everything identifying that the deliveries hold, but for dates and words that the run itself has reason to write."""
    values: dict[Identity, set[str]] = {kind: set() for kind in Identity}
    for table in EXTRACTS.values():
        for file in (workspace / "landing" / table.name).glob("*.csv"):
            frame = pl.read_csv(file, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")
            for column in table.columns:
                if column.identity:
                    values[column.identity] |= set(frame[column.name].drop_nulls().str.strip_chars())
    packed = lambda kind: frozenset(re.sub(r"[ -]", "", v) for v in values[kind])  # noqa: E731
    return Identifiers(
        numbers=frozenset(v for v in packed(Identity.NHS_NUMBER) | packed(Identity.REPLACED_NHS_NUMBER) if len(v) == 10),
        dates=frozenset(v for v in values[Identity.BIRTH_DATE] if re.fullmatch(r"\d{4}-\d{2}-\d{2}", v)) - not_dates,
        postcodes=packed(Identity.POSTCODE),
        addresses=frozenset(v for v in values[Identity.ADDRESS] if len(v) >= SHORTEST_ADDRESS),
        names=frozenset(v for kind in NAMES for v in values[kind] if len(v) > 2 and v.lower() not in not_names and v != v.lower()),
    )


def leaks(folder: Path, identifiers: Identifiers) -> dict[str, int]:
    """File (and table or column) to how many different identifiers stand in it; only where there are any."""
    found: dict[str, int] = {}
    for file in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        name, unpacked = str(file.relative_to(folder)), list(texts_of(file))
        found[name] = len(identifiers.found_in(file.read_bytes(), packed=bool(unpacked) or file.suffix.startswith(".db")))
        found |= {f"{name}, {part}": len(identifiers.found_in(text.encode())) for part, text in unpacked}
    return {name: number for name, number in found.items() if number}


def texts_of(file: Path) -> Iterator[tuple[str, str]]:
    """What a file holds packed away: texts of Parquet, DuckDB and SQLite, and what Prefect pickles. Date columns hold dates of events, not of birth."""
    if file.suffix == ".parquet":
        yield "metadata", str(pq.read_metadata(file).metadata) + str(pq.read_schema(file))
        frame = pl.read_parquet(file)
        for column in frame.select(pl.col(pl.String)).columns:
            yield f"column {column}", "\n".join(frame[column].drop_nulls().unique())
    elif file.suffix == ".duckdb":
        with duckdb.connect(str(file), read_only=True) as database:
            for (table,) in database.execute("select table_name from information_schema.tables").fetchall():
                yield f"table {table}", "\n".join(map(str, database.execute(f'select columns(*)::varchar from "{table}"').fetchall()))
    elif file.suffix in (".db", ".sqlite"):
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as sqlite:
            yield "as SQL", "\n".join(sqlite.iterdump())
    elif file.parent.name == "storage":
        yield "pickled", base64.b64decode(file.read_bytes()).decode("utf-8", "ignore")
