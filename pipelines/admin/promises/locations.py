"""Checks of the promises on storage: what each folder holds, who may read it, and that publications identify nobody."""

from __future__ import annotations

import os
import pickle
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.disclosure import SmallCountRule
from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.published_tables import PUBLISHED
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.schema import Identity
from bcf_linkage.definitions.zones import Zone, allowed_tables
from bcf_linkage.identifiable import identity_stages
from bcf_linkage.storage.file_texts import extract_texts
from bcf_linkage.storage.releases import read_release
from bcf_linkage.storage.zones import find_open_folders, refuse_undeclared_columns
from pipelines.admin.leaks import IDENTIFIABLE_FOLDERS, files_below, find_leaks
from pipelines.admin.promises.workspace_snapshot import CheckResult, WorkspaceSnapshot, count_phrase, scan_table

PUBLISHED_COUNTS = ("numerator", "denominator", "people", "rows", "failed", "linked_people", "unlinked_people")
"""Columns of published tables that hold counts."""

SHARE_COLUMNS = ("linked", "unlinked")
"""Columns of shares that may be the suppressed value of a row."""

RUN_FOLDERS = ("pseudonymised", "published")
COARSE_FORMATS = {"birth_month": r"^\d{4}-\d{2}$", "lsoa": r"^[EWSN]\d{8}$"}
MAX_AGE = 130
PSEUDONYM_PATTERN = re.compile(r"(?<![a-z])[a-p]{32}(?![a-z])")


def check_no_identifiers_elsewhere(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 4: no identifier of the deliveries and no key is outside the folders that may hold identifiers."""
    searched = [*_files_without_identifiers(snapshot), *_prefect_files()]
    leaked = find_leaks(searched, snapshot.identifiers)
    megabytes = sum(file.stat().st_size for _, file in searched) / 1e6
    numbers = len(snapshot.identifiers.numbers)
    yield CheckResult(
        not leaked,
        f"{count_phrase(len(searched), 'file')} ({megabytes:,.0f} MB) searched for {numbers:,} NHS numbers, postcodes, addresses, their hashes, and keys",
    )
    for location, kinds in leaked.items():
        yield CheckResult(False, f"{location}: {', '.join(f'{number} of {kind}' for kind, number in kinds.items())}")
    if not snapshot.deliveries:
        yield CheckResult(True, "the deliveries were removed, so only keys were searched for")
    yield CheckResult("withheld" in repr(snapshot.root_key) and _is_never_pickled(snapshot.root_key), "a key cannot be printed or pickled")


def _files_without_identifiers(snapshot: WorkspaceSnapshot) -> Iterator[tuple[str, Path]]:
    """Yield the files of the workspace that may hold no identifier; in folders of runs, those of the current run."""
    for name, file in files_below(snapshot.workspace.root, *IDENTIFIABLE_FOLDERS):
        zone, _, inside = name.partition("/")
        if zone not in RUN_FOLDERS or inside.split("/")[0] == snapshot.run:
            yield name, file


def _prefect_files() -> Iterator[tuple[str, Path]]:
    """Yield the files of Prefect's database and storage, if there are any."""
    home = Path(os.environ.get("PREFECT_HOME", "") or Path.home() / ".prefect")
    yield from ((f"Prefect's {file.name}", file) for file in sorted(home.glob("prefect.db*")))
    yield from ((f"Prefect's storage/{name}", file) for name, file in (files_below(home / "storage") if (home / "storage").is_dir() else ()))


def _is_never_pickled(key: bytes) -> bool:
    try:
        return not pickle.dumps(key)
    except TypeError:
        return True


def check_separation_of_duties(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 6: the linkage gets no payload, and analysts get no identifiers."""
    columns = [(table, column) for table in EXTRACTS.values() for column in identity_stages.identity_columns(table)]
    payload = [f"{table.name}.{column}" for table, column in columns if not table[column].identity and table[column].codes != code_list("sex")]
    yield CheckResult(not payload, f"the linkage gets {count_phrase(len(columns), 'column')}, {len(payload)} of them payload")
    tables = {**snapshot.person_tables, **dict(_published_tables(snapshot))}
    undeclared = [words for path in tables.values() if (words := _undeclared_columns(path))]
    yield CheckResult(not undeclared, "; ".join(undeclared) or f"{count_phrase(len(tables), 'table')} have only declared columns, none of them identifying")
    open_folders = [f"{folder.name} ({mode:03o})" for folder, mode in find_open_folders(snapshot.workspace)]
    yield CheckResult(
        not open_folders,
        f"other accounts may read {', '.join(open_folders)}" if open_folders else "other accounts may not read landing, vault, pseudonymised or audit",
    )
    files = [file for _, file in files_below(snapshot.workspace.vault)]
    readable = [file.name for file in files if stat.S_IMODE(file.stat().st_mode) & 0o077]
    yield CheckResult(
        not readable,
        f"other accounts may read {', '.join(readable)}" if readable else f"{count_phrase(len(files), 'file')} of the vault readable by their owner only",
    )


def _published_tables(snapshot: WorkspaceSnapshot) -> Iterator[tuple[str, Path]]:
    folder = snapshot.workspace.published(snapshot.run)
    yield from ((path.relative_to(folder).with_suffix("").as_posix(), path) for path in sorted((folder / "tables").glob("*.parquet")))


def _undeclared_columns(path: Path) -> str:
    """Return why a table may not be in its zone; an empty text if it may."""
    try:
        refuse_undeclared_columns(path, scan_table(path).collect_schema().names())
    except EnvironmentFault as error:
        return str(error).removeprefix(f"{path}: ").partition(";")[0]
    return ""


def check_minimisation(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 11: person-level tables hold ages, months and areas, and nothing finer."""
    kinds = {Identity.BIRTH_DATE, Identity.ADDRESS, Identity.POSTCODE}
    listed_columns = [column for table in allowed_tables(Zone.PSEUDONYMISED).values() for column in table.columns]
    identifying = sum(column.identity in kinds for column in listed_columns)
    yield CheckResult(not identifying, f"{identifying} of {len(listed_columns)} declared columns hold a full date of birth, an address or a postcode")
    checked, too_fine = 0, []
    for name, path in snapshot.person_tables.items():
        frame = scan_table(path)
        present = set(frame.collect_schema().names())
        wrong = {column: ~pl.col(column).str.contains(shape) for column, shape in COARSE_FORMATS.items() if column in present}
        wrong |= {"age": ~pl.col("age").is_between(0, MAX_AGE)} if "age" in present else {}
        checked += len(wrong)
        rows = frame.select(**{column: expression.sum() for column, expression in wrong.items()}).collect().to_dicts() if wrong else []
        too_fine += [
            f"{name}: {count_phrase(number, 'row')} finer than a {column.replace('_', ' ')}" for row in rows for column, number in row.items() if number
        ]
    yield CheckResult(not too_fine, "; ".join(too_fine) or f"{count_phrase(checked, 'column')} of ages, months and areas have nothing finer")


def check_small_numbers(snapshot: WorkspaceSnapshot) -> Iterator[CheckResult]:
    """Check promise 12: small numbers are suppressed, the rest is rounded, and no attack narrows a suppressed number."""
    disclosure = Rulebook.build(snapshot.as_at, snapshot.settings.disclosure).disclosure
    checked, disclosing = 0, []
    for name, path in _published_tables(snapshot):
        table = PUBLISHED[name.removeprefix("tables/")]
        counts = [column for column in PUBLISHED_COUNTS if column in table.names]
        for row in pl.read_parquet(path).to_dicts() if counts and "status" in table.names else ():
            rule = disclosure.rule_for(row["area_type"], row["group_type"]) if "area_type" in row else disclosure.rule
            checked += 1
            numbers = [row[column] for column in counts]
            # A row that is marked as suppressed must lack a value.
            status_is_true = row["status"] != "suppressed" or None in numbers or None in [row[column] for column in SHARE_COLUMNS if column in row]
            if not status_is_true or not all(_is_disclosable(rule, number) for number in numbers):
                disclosing.append(table.name)
    yield CheckResult(
        not disclosing, f"{count_phrase(checked, 'published row')}: {len(disclosing)} show a number that the rule suppresses{_list_names(disclosing)}"
    )
    release = read_release(snapshot.workspace.audit(snapshot.run))
    narrowed = release.total("narrowed")
    yield CheckResult(not narrowed, f"{release.total('attacked'):,} suppressed numbers attacked, {narrowed} narrowed")
    people, texts = set(snapshot.pseudonyms["token"]), list(_texts_outside_vault(snapshot))
    leaking_texts = sorted({name for name, text in texts if people & set(PSEUDONYM_PATTERN.findall(text))})
    yield CheckResult(
        not leaking_texts,
        f"{count_phrase(len(texts), 'text')} of audit and publication without a pseudonym" + (f", except {', '.join(leaking_texts)}" if leaking_texts else ""),
    )


def _is_disclosable(rule: SmallCountRule, number: int | None) -> bool:
    """Whether the rule allows a number to be published: it is missing, or a number that the rule rounds to."""
    if number is None:
        return True
    low, high = rule.interval_for(number)
    return low <= high and rule.round_count(low) == number


def _list_names(names: list[str]) -> str:
    return f", in {', '.join(sorted(set(names)))}" if names else ""


def _texts_outside_vault(snapshot: WorkspaceSnapshot) -> Iterator[tuple[str, str]]:
    """Yield every text of the run's audit folder and publication, and of the audit log, with packed files unpacked."""
    folders = (snapshot.workspace.audit(snapshot.run), snapshot.workspace.published(snapshot.run))
    for file in (snapshot.workspace.trail, *(file for folder in folders for _, file in files_below(folder))):
        unpacked = list(extract_texts(file))
        yield from unpacked or [(file.name, file.read_text(encoding="utf-8", errors="ignore"))]
