"""Read the objections in force, check that the national data opt-out covers every delivered number, and count the people left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.sharing import Objection
from bcf_linkage.identifiable.opt_outs import objections_in_force, people_left_out
from bcf_linkage.identifiable.trace.tracing import Register
from bcf_linkage.identifiable.vault.opt_out_lists import read_objectors, read_opt_out_list
from bcf_linkage.storage.engine import POLARS
from pipelines.receive.receive import TRACED_REASONS, ProcessedExtract, identities_with_rows
from pipelines.workspace import gates
from pipelines.workspace.run_context import RunContext


@dataclass(frozen=True, repr=False)
class Objections:
    """The objections of a run. It contains identifiers.

    `numbers`: one row per NHS number and objection in force. `nationally_checked`: the numbers that were checked against the
    national data opt-out, None if that is not in force.
    """

    numbers: pl.DataFrame
    nationally_checked: pl.DataFrame | None

    @property
    def frame(self) -> nw.LazyFrame:
        """`numbers` for a stage."""
        return POLARS.frame(self.numbers)


def read_objections(run: RunContext, register: Register) -> Objections:
    """Read the objections in force from the register and from the lists in the vault. Raises a BcfError for a list that cannot be read."""
    vault, in_force = run.vault, gates.objections_in_force(run.settings, run.sharing)
    numbers = POLARS.collect(objections_in_force.build_objections(POLARS.frame(register.numbers), POLARS.frame(read_objectors(vault, in_force)), in_force))
    if Objection.NATIONAL not in in_force:
        return Objections(numbers, None)
    stored_list = read_opt_out_list(vault, Objection.NATIONAL)
    return Objections(numbers, stored_list.numbers if stored_list else pl.DataFrame(schema={"number": pl.String}))


def raise_on_unchecked(processed: ProcessedExtract, objections: Objections) -> None:
    """Raise UsageError if the national data opt-out is in force and an NHS number of the extract was not checked against it."""
    if objections.nationally_checked is None:
        return
    sound = processed.rows.people.filter(pl.col("number_state") == nhs_number.SOUND).select("number").unique()
    if unchecked := sound.join(objections.nationally_checked, on="number", how="anti").height:
        files = ", ".join(str(delivery.path) for delivery in processed.deliveries)
        raise UsageError(
            f"{files}: {unchecked:,} of {len(sound):,} NHS numbers have not been checked against the national data opt-out; "
            "these deliveries are newer than the check: run `bcf opt-outs export` again, send the file, and import the answer"
        )


def write_opt_out_counts(run: RunContext, processed: ProcessedExtract) -> None:
    """Count the people of an extract whom objections leave out, by age, sex and objection. Write the exact counts to the audit zone."""
    identities = identities_with_rows(processed, [*map(str, Objection), *TRACED_REASONS])
    counts = POLARS.collect(people_left_out.count_people_left_out(POLARS.frame(identities)))
    target = _opt_out_folder(run) / f"{processed.extract.name}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    counts.select(pl.lit(processed.extract.name).alias("extract"), *people_left_out.LEFT_OUT_COLUMNS).sort("age", "sex", "objection").write_parquet(target)


def read_opt_out_counts(run: RunContext) -> pl.DataFrame:
    """Read the counts of all extracts: `extract`, `age`, `sex`, `objection` (null for none), `people`."""
    return pl.concat([pl.read_parquet(path) for path in sorted(_opt_out_folder(run).glob("*.parquet"))])


def _opt_out_folder(run: RunContext) -> Path:
    return run.staging.audit / "opt_outs"
