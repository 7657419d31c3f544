"""Reading what is published: one SELECT, or one cohort."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.published_tables import PUBLISHED

DATABASE = Path("published") / "current" / "cohorts.duckdb"


@dataclass(frozen=True)
class Answer:
    """Column names and rows, in the order in which the database gave them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def ask(workspace: Path, sql: str, parameters: tuple[Any, ...] = ()) -> Answer:
    """The answer to one statement on the current publication. Raises RequestRefused.

    The database is opened read-only and shut off from every other file, so that no statement reaches a person's record.
    """
    import duckdb

    database = workspace / DATABASE
    if not database.exists():
        raise RequestRefused(f"{workspace}: nothing is published here yet; `bcf run {workspace} --as-at DATE` publishes")
    # The published counts are small: reading them into memory lets a run swap the file while somebody queries.
    with duckdb.connect(str(database), read_only=True, config={"enable_external_access": "false", "lock_configuration": "true"}) as connection:
        try:
            result = connection.execute(sql, parameters)
            return Answer(tuple(column[0] for column in result.description or ()), tuple(result.fetchall()))
        except duckdb.Error as error:
            raise RequestRefused(f"the query was refused: {str(error).splitlines()[0]}; the tables are {', '.join(PUBLISHED)}") from None


def cohort_rows(workspace: Path, name: str, area_type: str) -> Answer:
    """One row per area for one published cohort. Raises RequestRefused naming the cohorts there are."""
    known = [row[0] for row in ask(workspace, "select distinct measure from cohort_counts order by measure").rows]
    if name not in known:
        raise RequestRefused(f"no cohort {name}; there are {', '.join(known)}")
    return ask(
        workspace,
        """select area_code, area_name, numerator, denominator, value, lower, upper, unit, status
           from cohort_counts where measure = ? and area_type = ? and group_type = 'all' order by area_code""",
        (name, area_type),
    )
