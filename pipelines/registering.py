"""The re-identification register of a run: the one way back from a pseudonym, sealed in the vault.

Numbers and pseudonyms are noted, sealed, while the GP register is received; once people are linked, it is known who is registered
where. So no number is read or hashed a second time, and none lies anywhere in the clear.
"""

from __future__ import annotations

import narwhals as nw
import polars as pl

from bcf_linkage.identifiable import pseudonymise
from bcf_linkage.identifiable.vault import Vault, register
from bcf_linkage.storage.engine import engine_named
from pipelines.custody import vault_of
from pipelines.runs import Run


def note_numbers(run: Run, people: pl.DataFrame) -> None:
    """Identities of the GP register, each with the `domain`, `subject` and token `person` of its pseudonym -> numbers, noted."""
    known = people.lazy().filter(pl.col("domain") == pseudonymise.PERSON).select("person", nhs_number="subject").unique("person").collect()
    register.note_numbers(_vault(run), run.run_id, known)


def register_people(run: Run) -> None:
    """`people` and the noted numbers -> the run's register: who is registered, under which number, with which practice.

    It lies in the vault before the run is published. Where the run is refused after this, it stays, sealed, until `bcf prune`.
    """
    vault, engine = _vault(run), engine_named(run.request.engine)
    people = engine.scan(run.table("people")).filter(nw.col("population") == "registered").select("person", "practice_code")
    found = engine.collect(people).join(register.noted_numbers(vault, run.run_id), on="person", how="inner").sort("person")
    register.write_register(vault, run.run_id, run.pseudonyms.key, found)
    register.forget_numbers(vault, run.run_id)


def _vault(run: Run) -> Vault:
    return vault_of(run.request.workspace, run.settings())
