"""The re-identification register of a run: the only way from a pseudonym to its NHS number, sealed in the vault.

NHS numbers and pseudonyms are sealed while the GP register is received. Practices are added once people are linked. So no number
is read or hashed a second time, and none is stored in the clear.
"""

from __future__ import annotations

import narwhals as nw
import polars as pl

from bcf_linkage.identifiable import pseudonymisation
from bcf_linkage.identifiable.vault import sealed_register
from pipelines.workspace.run_context import RunContext


def store_numbers(run: RunContext, people: pl.DataFrame) -> None:
    """Seal the NHS number of each pseudonym in the vault.

    One row per identity of the GP register, with `domain`, `subject` and token `person` -> one row per person: `person`, `nhs_number`.
    """
    numbers = people.lazy().filter(pl.col("domain") == pseudonymisation.PERSON_DOMAIN).select("person", nhs_number="subject").unique("person").collect()
    sealed_register.write_register_numbers(run.vault, run.run_id, numbers)


def write_reidentification_register(run: RunContext) -> None:
    """Write one row per registered person: `person`, `nhs_number` and `practice_code`, sealed in the vault.

    It is written before the run is published. If the run fails later, it stays, sealed, until `bcf prune` removes it.
    """
    vault, engine = run.vault, run.engine
    people = engine.scan(run.table("people")).filter(nw.col("population") == "registered").select("person", "practice_code")
    registered = engine.collect(people).join(sealed_register.read_register_numbers(vault, run.run_id), on="person", how="inner").sort("person")
    sealed_register.write_register(vault, run.run_id, run.pseudonym_method.key, registered)
    sealed_register.remove_register_numbers(vault, run.run_id)
