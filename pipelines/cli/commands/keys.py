"""`bcf keys …`"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.commands.arguments import Json, Why, WorkspaceFolder, command_group, example_help

app = command_group("Make, list, rotate and retire the keys behind pseudonyms. No key is ever shown. The audit log records every change.")


class PurposeChoice(StrEnum):
    """What a key is for."""

    PSEUDONYM = "pseudonym"
    REGISTER = "register"


PurposeOption = Annotated[PurposeChoice, typer.Option(help="pseudonym: makes pseudonyms. register: seals the re-identification register.")]


@app.command(epilog=example_help('bcf keys new southampton --why "the vault was set up"'))
def new(workspace: WorkspaceFolder, why: Why, purpose: PurposeOption = PurposeChoice.PSEUDONYM, as_json: Json = False) -> None:
    """Make the first key of a purpose, or register the one that \\[keys] in locality.toml names."""
    from bcf_linkage.identifiable import vault
    from pipelines.admin import keys
    from pipelines.cli.screens import Screen

    entry = keys.create_key(workspace, vault.KeyPurpose(purpose), why)
    Screen(as_json).show_message({"key": entry.id, "fingerprint": entry.fingerprint}, f"{entry.id} is in use. Keep a copy of the vault's keys in a safe place.")


@app.command("list", epilog=example_help("bcf keys list southampton"))
def list_(workspace: WorkspaceFolder, as_json: Json = False) -> None:
    """Show every current and former key: its id, state, dates and fingerprint."""
    from pipelines.admin import keys
    from pipelines.cli.screens import Screen

    Screen(as_json).show_table(keys.list_keys(workspace))


@app.command(
    epilog=example_help('bcf keys rotate southampton --why "yearly rotation"', 'bcf keys rotate southampton --purpose register --why "the custodian left"')
)
def rotate(
    workspace: WorkspaceFolder,
    why: Why,
    purpose: PurposeOption = PurposeChoice.PSEUDONYM,
    bridge: Annotated[bool, typer.Option("--bridge/--no-bridge", help="Seal in the vault which old pseudonym is which new one.")] = True,
    as_json: Json = False,
) -> None:
    """Replace the key in use by a new one. The next run makes new pseudonyms."""
    from bcf_linkage.identifiable import vault
    from pipelines.admin import keys
    from pipelines.cli.screens import Screen

    rotation = keys.rotate_key(workspace, vault.KeyPurpose(purpose), why, bridge)
    words = f"{rotation.entry.id} is in use. The bridge covers {rotation.people_bridged:,} people; {rotation.files_resealed:,} files were sealed again."
    Screen(as_json).show_message({"key": rotation.entry.id, "people_bridged": rotation.people_bridged, "files_sealed_anew": rotation.files_resealed}, words)


@app.command(epilog=example_help('bcf keys retire southampton pseudonym-1 --why "history was carried over"'))
def retire(
    workspace: WorkspaceFolder,
    key: Annotated[str, typer.Argument(help="Id of a rotated key; `bcf keys list` shows them.", show_default=False)],
    why: Why,
    as_json: Json = False,
) -> None:
    """Stop using a rotated key for good. A key that is a file in the vault is destroyed; its custodian destroys any other copy."""
    from pipelines.admin import keys
    from pipelines.cli.screens import Screen

    entry = keys.retire_key(workspace, key, why)
    Screen(as_json).show_message({"key": entry.id, "state": str(entry.state)}, f"{entry.id} is retired.")


@app.command(epilog=example_help('bcf keys carry southampton pseudonymised/RUN/strata.parquet --out strata.parquet --why "trend over the rotation"'))
def carry(
    workspace: WorkspaceFolder,
    table: Annotated[Path, typer.Argument(help="Table of pseudonyms that a run wrote before the rotation.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Path of the same table under the key in use.", show_default=False)],
    why: Why,
    as_json: Json = False,
) -> None:
    """Convert an older table to the pseudonyms of the key in use, through the bridges in the vault."""
    from pipelines.admin import keys
    from pipelines.cli.screens import Screen

    carried = keys.carry_table_over(workspace, table, out, why)
    Screen(as_json).show_message(
        {"table": str(carried.path), "rows": carried.rows, "without": carried.rows_without_bridge},
        f"{carried.path}: {carried.rows:,} rows. {carried.rows_without_bridge:,} of them lose their pseudonym, because no bridge covers the person.",
    )


@app.command("export-public", epilog=example_help("bcf keys export-public southampton > keys.json"))
def export_public(workspace: WorkspaceFolder) -> None:
    """Print, as JSON, the public facts on how pseudonyms are made here: key ids, dates, fingerprints, the algorithm and a test vector."""
    from pipelines.admin import keys
    from pipelines.cli.screens import Screen

    Screen(as_json=True).print_json(keys.public_key_details(workspace))
