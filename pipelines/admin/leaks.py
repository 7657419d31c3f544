"""Searches files for identifiers: every identifier of the deliveries, in every byte of every file, packed files unpacked as well."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.identifiable import row_rules
from bcf_linkage.identifiable.leaks import Identifiers
from bcf_linkage.identifiable.leaks.identifiers import MIN_ADDRESS_LENGTH
from bcf_linkage.identifiable.parse import open_deliveries
from bcf_linkage.storage.engine import POLARS
from bcf_linkage.storage.file_texts import extract_texts
from pipelines.receive.reading import explain_read_errors, text_of

IDENTIFIABLE_FOLDERS = ("landing", "vault", "lookups", "truth")
"""Folders of a workspace that may hold identifiers: deliveries, the vault, the postcode lookup, and the true links of synthetic people."""

SEARCHED_IDENTITIES = (
    *(Identity.NHS_NUMBER, Identity.REPLACED_NHS_NUMBER, Identity.BIRTH_DATE, Identity.POSTCODE),
    *(Identity.ADDRESS, Identity.GIVEN_NAME, Identity.FAMILY_NAME),
)


def collect_identifiers(deliveries: Mapping[str, Sequence[Path]]) -> Identifiers:
    """Return every identifier of the deliveries, given by extract, in the form to search for. Raises BcfError for a delivery that cannot be read."""
    values: dict[Identity, set[str]] = {kind: set() for kind in SEARCHED_IDENTITIES}
    for extract, files in deliveries.items():
        for kind, column_values in _identifier_values(EXTRACTS[extract], files):
            values[kind] |= set(column_values)
    unspaced = {kind: {re.sub("[ -]", "", value) for value in column_values} for kind, column_values in values.items()}
    numbers = unspaced[Identity.NHS_NUMBER] | unspaced[Identity.REPLACED_NHS_NUMBER]
    return Identifiers(
        # Some systems write one digit ten times for a missing NHS number.
        numbers=frozenset(value for value in numbers if re.fullmatch("[0-9]{10}", value) and len(set(value)) > 1),
        dates=frozenset(value for value in values[Identity.BIRTH_DATE] if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)),
        postcodes=frozenset(unspaced[Identity.POSTCODE]),
        addresses=frozenset(value for value in values[Identity.ADDRESS] if len(value) >= MIN_ADDRESS_LENGTH),
        names=frozenset(value for kind in (Identity.GIVEN_NAME, Identity.FAMILY_NAME) for value in values[kind] if len(value) > 2),
    )


def find_leaks(files: Iterable[tuple[str, Path]], identifiers: Identifiers) -> dict[str, Counter[str]]:
    """Search files, given with their names. Return the number of identifiers by kind for each file, or part of a packed file, that has any."""
    hits_by_file: dict[str, Counter[str]] = {}
    for name, file in files:
        unpacked = list(extract_texts(file))
        hits = identifiers.find_in(file.read_bytes(), is_binary=bool(unpacked) or file.suffix.startswith(".db"))
        hits_by_file[name] = Counter(_hit_label(hit.kind, hit.encoding) for hit in hits)
        for part, text in unpacked:
            hits_by_file[f"{name}, {part}"] = Counter(_hit_label(hit.kind, hit.encoding) for hit in identifiers.find_in(text.encode()))
    return {location: kinds for location, kinds in hits_by_file.items() if kinds}


def files_below(folder: Path, *excluded: str) -> Iterator[tuple[str, Path]]:
    """Yield every file below a folder with its path below it, without the excluded top-level folders. Links are not followed."""
    for file in sorted(folder.rglob("*")):
        relative = file.relative_to(folder)
        if relative.parts[0] not in excluded and file.is_file() and not file.is_symlink():
            yield relative.as_posix(), file


def _identifier_values(table: Table, files: Sequence[Path]) -> Iterator[tuple[Identity, pl.Series]]:
    deliveries = open_deliveries(table, files)
    text = row_rules.tidy_values(nw.from_native(text_of(deliveries)), table)
    for column in table.columns:
        if column.identity in SEARCHED_IDENTITIES:
            with explain_read_errors(deliveries):
                yield column.identity, POLARS.collect(text.select(column.name).unique().drop_nulls())[column.name]


def _hit_label(kind: str, encoding: str) -> str:
    return f"{kind} ({encoding})" if encoding else kind
