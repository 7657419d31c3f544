"""Promises about places: what lies where, who may look, and that what is published tells of nobody."""

from __future__ import annotations

import os
import pickle
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.disclosure import Rule
from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.published_tables import PUBLISHED
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.schema import Identity
from bcf_linkage.definitions.zones import Zone, listed
from bcf_linkage.identifiable import examine
from bcf_linkage.storage.releases import read_release
from bcf_linkage.storage.unpacking import texts_of
from bcf_linkage.storage.zones import refuse_undeclared, too_open
from pipelines.leaks import HOLD_IDENTIFIERS, below, leaks
from pipelines.promises.held import Found, Held, counted, scanned

NUMBERS = ("numerator", "denominator", "people", "rows", "failed", "linked_people", "unlinked_people")
"""Columns of published tables that are counts."""

SHARES = ("linked", "unlinked")
"""Columns that may be what a suppressed row hides."""

RUNS = ("pseudonymised", "published")
COARSE = {"birth_month": r"^\d{4}-\d{2}$", "lsoa": r"^[EWSN]\d{8}$"}
OLDEST = 130
A_PSEUDONYM = re.compile(r"(?<![a-z])[a-p]{32}(?![a-z])")


def nowhere_else(held: Held) -> Iterator[Found]:
    """Promise 4."""
    searched = [*_outside(held), *_of_prefect()]
    found = leaks(searched, held.identifiers)
    megabytes = sum(file.stat().st_size for _, file in searched) / 1e6
    numbers = len(held.identifiers.numbers)
    yield Found(
        not found,
        f"{counted(len(searched), 'file')} ({megabytes:,.0f} MB) searched for {numbers:,} NHS numbers, their postcodes, addresses and hashes, and keys",
    )
    for place, kinds in found.items():
        yield Found(False, f"{place}: {', '.join(f'{number} of {kind}' for kind, number in kinds.items())}")
    if not held.deliveries:
        yield Found(True, "the deliveries have gone, so that only keys were searched for")
    yield Found("withheld" in repr(held.root_key) and _is_never_pickled(held.root_key), "a key is neither printed nor pickled")


def _outside(held: Held) -> Iterator[tuple[str, Path]]:
    """Files of the workspace that may hold no identifier; of runs' folders, those of the current run."""
    for name, file in below(held.workspace.root, *HOLD_IDENTIFIERS):
        zone, _, inside = name.partition("/")
        if zone not in RUNS or inside.split("/")[0] == held.run:
            yield name, file


def _of_prefect() -> Iterator[tuple[str, Path]]:
    """What Prefect keeps by itself, where it does."""
    home = Path(os.environ.get("PREFECT_HOME", "") or Path.home() / ".prefect")
    yield from ((f"Prefect's {file.name}", file) for file in sorted(home.glob("prefect.db*")))
    yield from ((f"Prefect's storage/{name}", file) for name, file in (below(home / "storage") if (home / "storage").is_dir() else ()))


def _is_never_pickled(key: bytes) -> bool:
    try:
        return not pickle.dumps(key)
    except TypeError:
        return True


def duties(held: Held) -> Iterator[Found]:
    """Promise 6."""
    columns = [(table, column) for table in EXTRACTS.values() for column in examine.who(table)]
    payload = [f"{table.name}.{column}" for table, column in columns if not table[column].identity and table[column].codes != code_list("sex")]
    yield Found(not payload, f"the linker is given {counted(len(columns), 'column')}, {len(payload)} of them payload")
    tables = {**held.people, **dict(_published(held))}
    undeclared = [words for name, path in tables.items() if (words := _undeclared(name, path))]
    yield Found(not undeclared, "; ".join(undeclared) or f"{counted(len(tables), 'table')} hold declared columns alone, none that identifies")
    opened = [f"{folder.name} ({mode:03o})" for folder, mode in too_open(held.workspace)]
    yield Found(not opened, f"others may look into {', '.join(opened)}" if opened else "landing, vault, pseudonymised and audit are closed to others")
    files = [file for _, file in below(held.workspace.vault)]
    readable = [file.name for file in files if stat.S_IMODE(file.stat().st_mode) & 0o077]
    yield Found(not readable, f"others may read {', '.join(readable)}" if readable else f"{counted(len(files), 'file')} of the vault are their owner's alone")


def _published(held: Held) -> Iterator[tuple[str, Path]]:
    folder = held.workspace.published(held.run)
    yield from ((path.relative_to(folder).with_suffix("").as_posix(), path) for path in sorted((folder / "tables").glob("*.parquet")))


def _undeclared(name: str, path: Path) -> str:
    try:
        refuse_undeclared(path, scanned(path).collect_schema().names())
    except EnvironmentRefused as refusal:
        return str(refusal).removeprefix(f"{path}: ").partition(";")[0]
    return ""


def minimised(held: Held) -> Iterator[Found]:
    """Promise 11."""
    kinds = {Identity.BIRTH_DATE, Identity.ADDRESS, Identity.POSTCODE}
    listed_columns = [column for table in listed(Zone.PSEUDONYMISED).values() for column in table.columns]
    full = sum(column.identity in kinds for column in listed_columns)
    yield Found(not full, f"{full} of {len(listed_columns)} declared columns hold a full date of birth, an address or a postcode")
    looked, finer = 0, []
    for name, path in held.people.items():
        frame = scanned(path)
        present = set(frame.collect_schema().names())
        wrong = {column: ~pl.col(column).str.contains(shape) for column, shape in COARSE.items() if column in present}
        wrong |= {"age": ~pl.col("age").is_between(0, OLDEST)} if "age" in present else {}
        looked += len(wrong)
        rows = frame.select(**{column: expression.sum() for column, expression in wrong.items()}).collect().to_dicts() if wrong else []
        finer += [f"{name}: {counted(number, 'row')} finer than a {column.replace('_', ' ')}" for row in rows for column, number in row.items() if number]
    yield Found(not finer, "; ".join(finer) or f"{counted(looked, 'column')} of ages, months and areas hold nothing finer")


def small_numbers(held: Held) -> Iterator[Found]:
    """Promise 12."""
    disclosure = Rulebook.build(held.as_at, held.settings.disclosure).disclosure
    looked, told = 0, []
    for name, path in _published(held):
        table = PUBLISHED[name.removeprefix("tables/")]
        counts = [column for column in NUMBERS if column in table.names]
        for row in pl.read_parquet(path).to_dicts() if counts and "status" in table.names else ():
            rule = disclosure.rule_for(row["area_type"], row["group_type"]) if "area_type" in row else disclosure.rule
            looked += 1
            numbers = [row[column] for column in counts]
            hides = row["status"] != "suppressed" or None in numbers or None in [row[column] for column in SHARES if column in row]
            if not hides or not all(_may_stand(rule, number) for number in numbers):
                told.append(table.name)
    yield Found(not told, f"{counted(looked, 'published row')}: {len(told)} tell a number that the rule hides{_in(told)}")
    release = read_release(held.workspace.audit(held.run))
    narrowed = release.total("narrowed")
    yield Found(not narrowed, f"{release.total('tried'):,} hidden numbers attacked, {narrowed} narrowed")
    people, texts = set(held.pseudonyms["token"]), list(_texts_outside(held))
    known = sorted({name for name, text in texts if people & set(A_PSEUDONYM.findall(text))})
    yield Found(not known, f"{counted(len(texts), 'text')} of audit and publication hold no pseudonym" + (f", but for {', '.join(known)}" if known else ""))


def _may_stand(rule: Rule, number: int | None) -> bool:
    """Whether the rule lets a number be told: it is none, or one that the rule rounds to."""
    if number is None:
        return True
    low, high = rule.told(number)
    return low <= high and rule.rounded(low) == number


def _in(names: list[str]) -> str:
    return f", in {', '.join(sorted(set(names)))}" if names else ""


def _texts_outside(held: Held) -> Iterator[tuple[str, str]]:
    """Every text of the run's audit and publication, and of the trail, unpacked where it is packed."""
    folders = (held.workspace.audit(held.run), held.workspace.published(held.run))
    for file in (held.workspace.trail, *(file for folder in folders for _, file in below(folder))):
        unpacked = list(texts_of(file))
        yield from unpacked or [(file.name, file.read_text(encoding="utf-8", errors="ignore"))]
