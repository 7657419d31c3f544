"""`bcf keys …`"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.arguments import Json, Why, Workspace, example, group

app = group("The keys behind pseudonyms: make, list, rotate, retire. No key is ever shown, and each turn is a line of the trail.")


class Use(StrEnum):
    """What a key is for."""

    PSEUDONYM = "pseudonym"
    REGISTER = "register"


Purpose = Annotated[Use, typer.Option(help="pseudonym: what pseudonyms are made with. register: what seals the way back.")]


@app.command(epilog=example('bcf keys new southampton --why "the vault was set up"'))
def new(workspace: Workspace, why: Why, purpose: Purpose = Use.PSEUDONYM, as_json: Json = False) -> None:
    """Make the first key of a purpose, or take the one that \\[keys] in locality.toml names."""
    from bcf_linkage.identifiable import vault
    from pipelines import keys
    from pipelines.screens import Screen

    entry = keys.new(workspace, vault.Purpose(purpose), why)
    Screen(as_json).told({"key": entry.id, "fingerprint": entry.fingerprint}, f"{entry.id} is in use. Keep a copy of the vault's keys in a safe place.")


@app.command("list", epilog=example("bcf keys list southampton"))
def list_(workspace: Workspace, as_json: Json = False) -> None:
    """Show every key that there is or has been: its id, state, dates and fingerprint."""
    from pipelines import keys
    from pipelines.screens import Screen

    Screen(as_json).listed(keys.listing(workspace))


@app.command(epilog=example('bcf keys rotate southampton --why "yearly rotation"', 'bcf keys rotate southampton --purpose register --why "the custodian left"'))
def rotate(
    workspace: Workspace,
    why: Why,
    purpose: Purpose = Use.PSEUDONYM,
    bridge: Annotated[bool, typer.Option("--bridge/--no-bridge", help="Keep, sealed in the vault, which old pseudonym is which new one.")] = True,
    as_json: Json = False,
) -> None:
    """Put a new key in the place of the one in use. The next run makes new pseudonyms."""
    from bcf_linkage.identifiable import vault
    from pipelines import keys
    from pipelines.screens import Screen

    turned = keys.rotate(workspace, vault.Purpose(purpose), why, bridge)
    words = f"{turned.entry.id} is in use; the bridge spans {turned.bridged:,} people, {turned.resealed:,} files were sealed anew."
    Screen(as_json).told({"key": turned.entry.id, "people_bridged": turned.bridged, "files_sealed_anew": turned.resealed}, words)


@app.command(epilog=example('bcf keys retire southampton pseudonym-1 --why "history was carried over"'))
def retire(
    workspace: Workspace,
    key: Annotated[str, typer.Argument(help="The id of a rotated key; `bcf keys list` shows them.", show_default=False)],
    why: Why,
    as_json: Json = False,
) -> None:
    """Never use a rotated key again. One that the vault keeps in a file is destroyed; a copy elsewhere is its custodian's to destroy."""
    from pipelines import keys
    from pipelines.screens import Screen

    entry = keys.retire(workspace, key, why)
    Screen(as_json).told({"key": entry.id, "state": str(entry.state)}, f"{entry.id} is retired.")


@app.command(epilog=example('bcf keys carry southampton pseudonymised/RUN/strata.parquet --out strata.parquet --why "trend over the rotation"'))
def carry(
    workspace: Workspace,
    table: Annotated[Path, typer.Argument(help="A table of pseudonyms that a run wrote before the rotation.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The same table under the key in use.", show_default=False)],
    why: Why,
    as_json: Json = False,
) -> None:
    """Write an older table anew under the key in use, over the bridges in the vault."""
    from pipelines import keys
    from pipelines.screens import Screen

    done = keys.carry(workspace, table, out, why)
    Screen(as_json).told(
        {"table": str(done.path), "rows": done.rows, "without": done.without},
        f"{done.path}: {done.rows:,} rows, of which {done.without:,} are of people whom no bridge spans.",
    )


@app.command("export-public", epilog=example("bcf keys export-public southampton > keys.json"))
def export_public(workspace: Workspace) -> None:
    """Print, as JSON, what may be told of how pseudonyms are made here: ids, dates, fingerprints, the algorithm and a known answer."""
    from pipelines import keys
    from pipelines.screens import Screen

    Screen(as_json=True).json(keys.public(workspace))
