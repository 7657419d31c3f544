"""The step that writes the re-identification register: the one way back from a pseudonym, sealed in the vault."""

from __future__ import annotations

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.nhs_number import Kind
from bcf_linkage.identifiable.pseudonymise import PERSON, tokens
from bcf_linkage.identifiable.vault import Purpose
from bcf_linkage.identifiable.vault.register import write_register
from bcf_linkage.storage.engine import engine_named
from pipelines.custody import for_project, vault_of
from pipelines.receive import register_of
from pipelines.runs import Run

REGISTER = "gp_registrations"


def register_people(run: Run) -> None:
    """`people` and the GP register to the run's register: who is registered, under which number, with which practice.

    It lies in the vault before the run is published. Where the run is refused after this, it stays, sealed, until `bcf prune`.
    """
    settings = run.settings()
    kind: Kind = "synthetic" if settings.kind == "synthetic" else "live"
    vault, engine = vault_of(run.request.workspace, settings), engine_named(run.request.engine)
    key = for_project(vault.current(Purpose.PSEUDONYM), settings)
    numbers = engine_named("polars").collect(register_of(run.files(REGISTER), kind, run.as_at).select("person_number").unique())["person_number"]
    registered = engine.collect(engine.scan(run.table("people")).filter(nw.col("population") == "registered").select("person", "practice_code"))
    found = pl.DataFrame({"person": tokens(key, PERSON, numbers), "nhs_number": numbers})
    write_register(vault, run.run_id, key, registered.join(found, on="person", how="inner").sort("person"))
