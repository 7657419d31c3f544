"""`bcf query` and `bcf cohort`: read the published tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.published_tables import PUBLISHED

DATABASE = Path("published") / "current" / "cohorts.duckdb"


@dataclass(frozen=True)
class QueryResult:
    """The column names and rows of a query, in the order of the database."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def run_query(workspace: Path, sql: str, parameters: tuple[str, ...] = ()) -> QueryResult:
    """Run one statement on the current publication. Raises UsageError if nothing is published or the statement is refused.

    The database is opened read-only and without access to other files, so no statement can reach a person's record.
    """
    import duckdb

    database = workspace / DATABASE
    if not database.exists():
        raise UsageError(f"{workspace}: nothing is published here yet; `bcf run {workspace} --as-at DATE` publishes")
    # All rows are read into memory, so that a run can replace the file while a query is open. Published counts are small.
    with duckdb.connect(str(database), read_only=True, config={"enable_external_access": "false", "lock_configuration": "true"}) as connection:
        try:
            result = connection.execute(sql, parameters)
            return QueryResult(tuple(column[0] for column in result.description or ()), tuple(result.fetchall()))
        except duckdb.Error as error:
            raise UsageError(f"the query was refused: {str(error).splitlines()[0]}; the tables are {', '.join(PUBLISHED)}") from None


def query_cohort(workspace: Path, name: str, area_type: str) -> QueryResult:
    """Read one published cohort: one row per area. Raises UsageError, with the names of all cohorts, for an unknown name."""
    cohorts = [str(row[0]) for row in run_query(workspace, "select distinct measure from cohort_counts order by measure").rows]
    if name not in cohorts:
        raise UsageError(f"no cohort {name}; the cohorts are {', '.join(cohorts)}")
    return run_query(
        workspace,
        """select area_code, area_name, numerator, denominator, value, lower, upper, unit, status
           from cohort_counts where measure = ? and area_type = ? and group_type = 'all' order by area_code""",
        (name, area_type),
    )
