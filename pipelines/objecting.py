"""Steps in the identifiable zone about who objects: whose numbers that are, and that everybody who had to be asked about was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.identifiable.opt_outs import effect, holding
from bcf_linkage.identifiable.vault.opt_out_lists import kept_list, objecting
from pipelines import gates
from pipelines.custody import vault_of
from pipelines.evidence import TRACED, with_rows
from pipelines.receive import ReadThrough
from pipelines.recording import today
from pipelines.runs import Run
from pipelines.tracing import ENGINE, Register


@dataclass(frozen=True, repr=False)
class Objections:
    """Of a run: `number` and `objection` of everybody for whom one holds, and the numbers that were checked nationally if that opt-out holds."""

    numbers: pl.DataFrame
    checked: pl.DataFrame | None

    @property
    def frame(self) -> nw.LazyFrame:
        return ENGINE.frame(self.numbers)


def objections_of(run: Run, register: Register) -> Objections:
    """The objections that hold in a run, from the register and the lists in the vault. Raises a Refusal."""
    settings = run.settings()
    vault, hold = vault_of(run.request.workspace, settings), gates.holding(settings, SharingRules.build(today()))
    numbers = ENGINE.collect(holding.objections(ENGINE.frame(register.numbers), ENGINE.frame(objecting(vault, hold)), hold))
    if Objection.NATIONAL not in hold:
        return Objections(numbers, None)
    kept = kept_list(vault, Objection.NATIONAL)
    return Objections(numbers, kept.numbers if kept else pl.DataFrame(schema={"number": pl.String}))


def refuse_unchecked(through: ReadThrough, objections: Objections) -> None:
    """Raises RequestRefused if the national opt-out holds and somebody in an extract was not checked against it: silence is no consent."""
    if objections.checked is None:
        return
    sound = through.rows.people.filter(pl.col("number_state") == nhs_number.SOUND).select("number").unique()
    if unchecked := sound.join(objections.checked, on="number", how="anti").height:
        files = ", ".join(str(delivery.path) for delivery in through.deliveries)
        raise RequestRefused(
            f"{files}: {unchecked:,} of {len(sound):,} NHS numbers have not been checked against the national data opt-out; "
            "`bcf opt-outs export` anew, as deliveries have come since, and import the answer"
        )


def note_left_out(run: Run, through: ReadThrough) -> None:
    """Write how many people of an extract objections take out, by age and sex, as exact counts to the audit zone."""
    identities = with_rows(through, [*map(str, Objection), *TRACED])
    counted = ENGINE.collect(effect.people_left_out(ENGINE.frame(identities)))
    target = _left_out(run) / f"{through.extract.name}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    counted.select(pl.lit(through.extract.name).alias("extract"), *effect.COUNTED).sort("age", "sex", "objection").write_parquet(target)


def left_out(run: Run) -> pl.DataFrame:
    """What was noted of all extracts: `extract`, `age`, `sex`, `objection` (null for none), `people`."""
    return pl.concat([pl.read_parquet(path) for path in sorted(_left_out(run).glob("*.parquet"))])


def _left_out(run: Run) -> Path:
    return run.staging.audit / "opt_outs"
