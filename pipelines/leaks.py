"""The search for identifiers over whole folders: what the deliveries hold of them is looked for in every byte of every file, unpacked as well."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.identifiable import rules
from bcf_linkage.identifiable.leaks import Identifiers
from bcf_linkage.identifiable.leaks.identifiers import SHORTEST_ADDRESS
from bcf_linkage.identifiable.parse import opened
from bcf_linkage.storage.unpacking import texts_of
from pipelines.receive import reading
from pipelines.settling import ENGINE, text_of

HOLD_IDENTIFIERS = ("landing", "vault", "lookups", "truth")
"""Folders of a workspace that may: deliveries, the vault, the postcode lookup, and the truth about people who are made up."""

SEARCHED = (
    *(Identity.NHS_NUMBER, Identity.REPLACED_NHS_NUMBER, Identity.BIRTH_DATE, Identity.POSTCODE),
    *(Identity.ADDRESS, Identity.GIVEN_NAME, Identity.FAMILY_NAME),
)


def identifiers_in(deliveries: Mapping[str, Sequence[Path]]) -> Identifiers:
    """Everything identifying that deliveries hold, by extract, in the form in which it is looked for. Raises a Refusal for one that cannot be read."""
    values: dict[Identity, set[str]] = {kind: set() for kind in SEARCHED}
    for extract, files in deliveries.items():
        for kind, told in _told(EXTRACTS[extract], files):
            values[kind] |= set(told)
    bare = {kind: {re.sub("[ -]", "", value) for value in told} for kind, told in values.items()}
    numbers = bare[Identity.NHS_NUMBER] | bare[Identity.REPLACED_NHS_NUMBER]
    return Identifiers(
        # One digit ten times is what a system writes that has no number.
        numbers=frozenset(value for value in numbers if re.fullmatch("[0-9]{10}", value) and len(set(value)) > 1),
        dates=frozenset(value for value in values[Identity.BIRTH_DATE] if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)),
        postcodes=frozenset(bare[Identity.POSTCODE]),
        addresses=frozenset(value for value in values[Identity.ADDRESS] if len(value) >= SHORTEST_ADDRESS),
        names=frozenset(value for kind in (Identity.GIVEN_NAME, Identity.FAMILY_NAME) for value in values[kind] if len(value) > 2),
    )


def leaks(files: Iterable[tuple[str, Path]], identifiers: Identifiers) -> dict[str, Counter[str]]:
    """Files by name -> where identifiers stand (the file, and the part of it), with how many of each kind; only where there are any."""
    found: dict[str, Counter[str]] = {}
    for name, file in files:
        unpacked = list(texts_of(file))
        hits = identifiers.found_in(file.read_bytes(), packed=bool(unpacked) or file.suffix.startswith(".db"))
        found[name] = Counter(_told_of(hit.kind, hit.disguise) for hit in hits)
        for part, text in unpacked:
            found[f"{name}, {part}"] = Counter(_told_of(hit.kind, hit.disguise) for hit in identifiers.found_in(text.encode()))
    return {place: kinds for place, kinds in found.items() if kinds}


def below(folder: Path, *apart: str) -> Iterator[tuple[str, Path]]:
    """Every file below a folder by its path, but for the folders in it that are set apart. Links are not followed."""
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if inside.parts[0] not in apart and file.is_file() and not file.is_symlink():
            yield inside.as_posix(), file


def _told(table: Table, files: Sequence[Path]) -> Iterator[tuple[Identity, pl.Series]]:
    deliveries = opened(table, files)
    text = rules.tidied(nw.from_native(text_of(deliveries)), table)
    for column in table.columns:
        if column.identity in SEARCHED:
            with reading(deliveries):
                yield column.identity, ENGINE.collect(text.select(column.name).unique().drop_nulls())[column.name]


def _told_of(kind: str, disguise: str) -> str:
    return f"{kind} ({disguise})" if disguise else kind
