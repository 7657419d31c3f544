"""What may be written in which zone, who may read it, and that neither an analyst nor the linker needs what the other has."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.pseudonymised_tables import PEOPLE, received_table
from bcf_linkage.definitions.schema import Identity
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.definitions.zones import Zone, allowed_tables, reason_not_allowed
from bcf_linkage.identifiable import identity_stages
from bcf_linkage.identifiable.trace import standardise
from bcf_linkage.identifiable.trace.tracing import Register
from bcf_linkage.storage.engine import POLARS, PSEUDONYM_KEY_METADATA, PolarsEngine
from bcf_linkage.storage.scoring import score_on_duckdb
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.zones import make_folders_private, refuse_open_folders, refuse_undeclared_columns
from pipelines.receive.identities import trace_identities
from pipelines.refresh import Request, refresh
from pipelines.workspace.new_workspace import create_workspace
from tests.conftest import AS_AT, CommandResult
from tests.delivery_builder import build_objections

IDENTIFYING = sorted({column.name for table in EXTRACTS.values() for column in table.columns if column.identity and column.identity is not Identity.SPELL_ID})


@pytest.mark.parametrize("zone", Zone)
def test_no_listed_table_declares_an_identifying_column(zone: Zone) -> None:
    assert allowed_tables(zone)
    for table in allowed_tables(zone).values():
        assert not reason_not_allowed(table, table.names)
        assert not set(table.names) & set(IDENTIFYING), table.name


@pytest.mark.parametrize("column", IDENTIFYING)
@pytest.mark.parametrize(
    "target", ["pseudonymised/run/people.parquet", ".staging/run/pseudonymised/received/gp_events.parquet", "published/run/tables/risk_bands.parquet"]
)
def test_an_identifying_column_cannot_be_written_into_a_zone_that_may_not_hold_it(column: str, target: str, tmp_path: Path) -> None:
    path = tmp_path / target
    with pytest.raises(EnvironmentFault, match=f"has columns that are not declared: {column}; nothing was written"):
        PolarsEngine().write(nw.from_native(pl.LazyFrame({column: ["Ann"]})), path)
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("target", "columns", "words"),
    [
        ("pseudonymised/run/people.parquet", PEOPLE.names, ""),
        ("pseudonymised/run/received/gp_events.parquet", received_table(EXTRACTS["gp_events"]).names, ""),
        ("pseudonymised/run/gp_events.parquet", received_table(EXTRACTS["gp_events"]).names, "gp_events is on no list"),
        ("pseudonymised/run/received/people.parquet", PEOPLE.names, "received/people is on no list"),
        ("published/run/tables/people.parquet", PEOPLE.names, "tables/people is on no list"),
        ("published/run/people.parquet", PEOPLE.names, "people is on no list"),
        ("published/landing/pseudonymised/run/people.parquet", PEOPLE.names, ""),
        ("elsewhere/people.parquet", ("nhs_number",), ""),
    ],
)
def test_a_table_lies_in_its_own_zone_or_nowhere(target: str, columns: tuple[str, ...], words: str, tmp_path: Path) -> None:
    if not words:
        refuse_undeclared_columns(Path("/w") / target, columns)
        return
    with pytest.raises(EnvironmentFault, match=words):
        refuse_undeclared_columns(Path("/w") / target, columns)


def test_a_declaration_with_an_identifying_column_is_never_allowed() -> None:
    number = next(column for column in EXTRACTS["gp_events"].columns if column.identity is Identity.NHS_NUMBER)
    assert "declares the identifying columns nhs_number" in reason_not_allowed(replace(PEOPLE, columns=(*PEOPLE.columns, number)), PEOPLE.names)


def modes(workspace: Path) -> dict[str, int]:
    return {name: (workspace / name).stat().st_mode & 0o777 for name in ("landing", "vault", "pseudonymised", "audit") if (workspace / name).exists()}


def test_a_workspace_is_closed_from_its_beginning_whatever_the_umask(tmp_path: Path, published: Path) -> None:
    before = os.umask(0)
    try:
        create_workspace(tmp_path / "new")
    finally:
        os.umask(before)
    assert set(modes(tmp_path / "new").values()) == set(modes(published).values()) == {0o700}
    files = [path for path in (published / "vault").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_what_is_published_can_be_read_by_everybody_whatever_the_umask(workspace: Path) -> None:
    before = os.umask(0o077)
    try:
        refresh(Request(workspace, AS_AT))
    finally:
        os.umask(before)
    paths = [target for target in (workspace / "published").rglob("*") if not target.is_symlink()]
    assert {target.stat().st_mode & 0o777 for target in paths if target.is_file()} == {0o644}
    assert {target.stat().st_mode & 0o777 for target in (workspace / "published", *paths) if target.is_dir()} == {0o755}


@pytest.mark.parametrize(
    ("folder", "mode", "refused"),
    [
        ("vault", 0o750, True),
        ("vault", 0o701, True),
        ("pseudonymised", 0o755, True),
        ("audit", 0o740, True),
        ("landing", 0o705, True),
        ("landing", 0o770, False),
        ("published", 0o755, False),
    ],
)
def test_a_folder_that_others_may_look_into_is_refused(folder: str, mode: int, refused: bool, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    make_folders_private(workspace)
    (tmp_path / "published").mkdir()
    (tmp_path / folder).chmod(mode)
    if refused:
        with pytest.raises(EnvironmentFault, match=rf"{folder}: other accounts may read it \(mode {mode:03o}\); `chmod 700` it"):
            refuse_open_folders(workspace)
    else:
        refuse_open_folders(workspace)


def test_a_run_with_an_open_vault_is_refused_and_recorded(workspace: Path, bcf: Callable[..., CommandResult]) -> None:
    (workspace / "vault").chmod(0o755)
    result = bcf("run", workspace, "--as-at", AS_AT, "--no-prefect")
    assert result.code == 3
    assert "other accounts may read it" in result.err
    assert "other accounts may read it" in bcf("audit", "show", workspace, "--json").out
    assert "vault" in bcf("doctor", workspace).out


@pytest.mark.parametrize("command", [("query", "select band, people from risk_bands"), ("cohort", "aged_75")])
def test_an_analyst_needs_nothing_from_the_vault(command: tuple[str, ...], published: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    workspace = Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))
    for name in ("vault", "landing", "pseudonymised", "audit", "truth", "locality.toml"):
        shutil.rmtree(workspace / name) if (workspace / name).is_dir() else (workspace / name).unlink()
    verb, *rest = command
    assert bcf(verb, workspace, *rest, "--json") == bcf(verb, published, *rest, "--json")


@pytest.mark.parametrize("name", EXTRACTS)
def test_the_linker_needs_nothing_from_the_payload(name: str) -> None:
    """The trace is given columns that tell who somebody is, and works; it could not see a diagnosis if it wanted to."""
    table = EXTRACTS[name]
    columns = identity_stages.identity_columns(table)
    assert all(table[column].identity or table[column].codes == code_list("sex") for column in columns)
    one = pl.DataFrame({column: pl.Series(["9434765919"], dtype=pl.String) for column in columns})
    texts = (*standardise.INPUT_COLUMNS, "nhs_number", "replaced_nhs_number", "replaced_nhs_number_date", "type_1_opt_out")
    nobody = pl.LazyFrame(schema={**dict.fromkeys(texts, pl.String), "refused": pl.Boolean})
    register = Register.build(nw.from_native(nobody), date(2014, 9, 30), "synthetic", TraceRules.build(date(2014, 9, 30)), POLARS, score_on_duckdb)
    areas = nw.from_native(pl.LazyFrame(schema={"postcode": pl.String, "lsoa": pl.String, "deprivation_quintile": pl.Int64}))
    traced, _ = trace_identities(one, table, identity_stages.TraceContext(date(2014, 9, 30), "synthetic", areas, build_objections(register, {})), register)
    assert traced["subject"].to_list() == ["9434765919"]


def test_every_pseudonymised_table_names_its_key_and_holds_it_not(published: Path) -> None:
    import pyarrow.parquet as pq

    key = (published / "vault" / "keys" / "pseudonym-1.key").read_text().strip()
    (run,) = (published / "pseudonymised").iterdir()
    tables = {table.relative_to(run).with_suffix("").as_posix(): table for table in run.rglob("*.parquet")}
    assert tables.keys() <= allowed_tables(Zone.PSEUDONYMISED).keys(), "every table that lies there is on the list"
    assert {"people", "strata", "care", *(f"received/{name}" for name in EXTRACTS)} <= tables.keys()
    for table in tables.values():
        assert pq.read_metadata(table).metadata[PSEUDONYM_KEY_METADATA.encode()] == b"pseudonym-1", table.name
    manifest = next((published / "audit").glob("*/manifest.json")).read_text()
    assert re.search(r'"key": "pseudonym-1"', manifest)
    searched = [path for zone in ("published", "pseudonymised", "audit") for path in (published / zone).rglob("*") if path.is_file()]
    assert not [path for path in searched if key.encode() in path.read_bytes() or bytes.fromhex(key) in path.read_bytes()]
