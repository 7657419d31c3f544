"""`bcf opt-outs`: the file of NHS numbers to be checked against the national data opt-out, its answer, and the list of local objections.

What is asked and answered lies sealed in the vault, apart from every record, and an answer may be used for so many days. Each step is
a line of the trail, which holds counts and never a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import DataRefused, RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.definitions.sharing import NationalCheck, Objection, SharingRules
from bcf_linkage.identifiable import rules
from bcf_linkage.identifiable.opt_outs import number_files
from bcf_linkage.identifiable.parse import opened
from bcf_linkage.identifiable.vault import Vault
from bcf_linkage.identifiable.vault.files import write_whole
from bcf_linkage.identifiable.vault.opt_out_lists import ASKED, KeptList, forget_list, keep_list, kept_list
from bcf_linkage.storage import trail
from bcf_linkage.storage.store import Workspace
from pipelines import gates
from pipelines.at_work import at_work
from pipelines.custody import keyed_digest, private_place
from pipelines.receive import reading
from pipelines.recording import Deed, day_of, today
from pipelines.runs import delivered
from pipelines.settings import FILE, Settings, kind_of
from pipelines.settling import ENGINE, text_of

EXPORT, IMPORT, EMPTY = "opt-outs export", "opt-outs import", "opt-outs empty"
EXPORTED, IMPORTED, EMPTIED = "opt-outs exported", "opt-outs imported", "opt-outs emptied"
NUMBERS = (Identity.NHS_NUMBER, Identity.REPLACED_NHS_NUMBER)


@dataclass(frozen=True)
class Exported:
    """The file to send: how many numbers it holds, the MESH workflow and mailbox that it goes to, and the last day to use its answer."""

    path: Path
    numbers: int
    workflow: str
    recipient: str
    until: date


@dataclass(frozen=True)
class Imported:
    """A list that was taken: how many numbers it is about, how many of them object, and the last day to use it, if there is one."""

    objection: Objection
    numbers: int
    objecting: int
    until: date | None = None


def export(workspace: Path, why: str, out: Path | None = None) -> Exported:
    """Write every NHS number of the deliveries in landing to a file in the national service's form. Raises a Refusal; then nothing is written."""
    with at_work(workspace, EXPORT, why) as (place, settings, vault, deed, _):
        agreed = gates.agreements(settings, today())
        gates.refuse(agreed)
        if not settings.opt_outs.mailbox:
            raise RequestRefused(f"{FILE}: [opt_outs] has no mailbox; name the MESH mailbox that the file is sent from")
        sharing, now = SharingRules.build(today()), datetime.now(UTC)
        if Objection.NATIONAL not in gates.holding(settings, sharing):
            raise RequestRefused("the national data opt-out does not hold against this purpose and these legal bases, so nobody need be asked about")
        check, numbers = sharing.national_check, numbers_in(place, settings)
        name = number_files.file_name(settings.opt_outs.mailbox, day_of(now), 1 + _exported_in_month(place, day_of(now)))
        file, content = private_place(place, out or _folder(place) / name), number_files.written(numbers)
        digest, key = keyed_digest(vault, EXPORT, content)
        deed.record(EXPORTED, counts={"numbers": len(numbers)}, outputs={name: digest}, key=key, decisions=gates.told(agreed))
        _forget_asked(place, vault)
        keep_list(vault, ASKED, KeptList(numbers.to_frame().with_columns(objects=pl.lit(None, pl.Boolean)), now))
        write_whole(file, content)
        return Exported(file, len(numbers), check.workflow, check.recipient, gates.last_day(day_of(now), check))


def import_national(workspace: Path, answer: Path, why: str) -> Imported:
    """Take the answer of the national service: whoever was asked about and is not in it objects. Raises a Refusal; then the list before it stays."""
    with at_work(workspace, IMPORT, why) as (place, settings, vault, deed, _):
        check, asked = SharingRules.build(today()).national_check, kept_list(vault, ASKED)
        if asked is None:
            raise RequestRefused("nobody was asked about, so there is nothing to answer; `bcf opt-outs export` writes the file to send")
        until = gates.last_day(day_of(asked.since), check)
        if today() > until:
            raise RequestRefused(f"it was asked on {day_of(asked.since)}, and the answer could be used through {until}; `bcf opt-outs export` anew")
        content = _content(answer)
        allowed = number_files.read(content, str(answer), kind_of(settings))
        kept = KeptList(answered(asked.numbers["number"], allowed, str(answer), check), asked.since)
        imported = _take(vault, deed, Objection.NATIONAL, kept, content)
        _forget_asked(place, vault)
        return replace(imported, until=until)


def import_local(workspace: Path, file: Path, why: str) -> Imported:
    """Take the list of everybody who objects locally, in place of the one before it. Raises a Refusal; then that one stays."""
    with at_work(workspace, IMPORT, why) as (_, settings, vault, deed, _):
        content = _content(file)
        numbers = number_files.read(content, str(file), kind_of(settings))
        return _take(vault, deed, Objection.LOCAL, KeptList(numbers.to_frame().with_columns(objects=pl.lit(value=True)), datetime.now(UTC)), content)


def empty_local(workspace: Path, why: str) -> int:
    """Put an empty list in the place of the local objections: from now on nobody objects in this way. Gives back how many did. Raises a Refusal."""
    with at_work(workspace, EMPTY, why) as (_, _, vault, deed, _):
        if (kept := kept_list(vault, Objection.LOCAL)) is None:
            raise RequestRefused("there is no list of local objections, so there is nothing to empty")
        deed.record(EMPTIED, counts={"numbers": len(kept.numbers)})
        keep_list(vault, Objection.LOCAL, KeptList(kept.numbers.clear(), datetime.now(UTC)))
        return len(kept.numbers)


def numbers_in(place: Workspace, settings: Settings) -> pl.Series:
    """Every sound NHS number that the deliveries in landing hold, present or replaced, once and in order. Raises a Refusal."""
    files: dict[str, list[Path]] = {}
    for one in delivered(place, settings):
        files.setdefault(one.extract, []).append(one.file)
    found = [column for extract, paths in files.items() for column in _numbers_of(EXTRACTS[extract], paths, kind_of(settings))]
    return pl.concat(found).unique().sort().rename("number")


def answered(asked: pl.Series, allowed: pl.Series, place: str, check: NationalCheck) -> pl.DataFrame:
    """One row per number asked about, with `objects`: it is not among those that may be used.

    Raises DataRefused for the answer to another question, and for one that leaves out so many that it must have broken off.
    """
    if strangers := len(allowed) - int(allowed.is_in(asked.implode()).sum()):
        raise DataRefused(
            f"{place}: {strangers:,} of its {len(allowed):,} numbers were not asked about; it answers another file: find the answer to the last one"
        )
    objects = ~asked.is_in(allowed.implode())
    if len(asked) >= check.smallest and 100 * int(objects.sum()) > check.most_percent * len(asked):
        raise DataRefused(
            f"{place}: leaves out more than {check.most_percent}% of the {len(asked):,} numbers asked about, as if it had broken off; ask for the answer again"
        )
    return pl.DataFrame({"number": asked, "objects": objects})


def _numbers_of(table: Table, files: Sequence[Path], kind: nhs_number.Kind) -> Iterator[pl.Series]:
    deliveries = opened(table, files)
    text = rules.tidied(nw.from_native(text_of(deliveries)), table)
    for identity in NUMBERS:
        if column := table.identity(identity):
            told = text.select(number=nhs_number.canonical(nw.col(column)), state=nhs_number.state(nw.col(column), kind))
            with reading(deliveries):
                yield ENGINE.collect(told.filter(nw.col("state") == nhs_number.SOUND).select("number").unique())["number"]


def _take(vault: Vault, deed: Deed, objection: Objection, kept: KeptList, content: bytes) -> Imported:
    """Record a list and keep it. Its digest is a keyed one: a short list could be found out by its plain digest, number by number."""
    imported = Imported(objection, len(kept.numbers), int(kept.numbers["objects"].sum()))
    digest, key = keyed_digest(vault, IMPORT, content)
    counts = {"numbers": imported.numbers, "objecting": imported.objecting}
    deed.record(IMPORTED, counts=counts, inputs={str(objection): digest}, key=key)
    keep_list(vault, objection, kept)
    return imported


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RequestRefused(f"{file}: cannot be read ({error.strerror}); name the file as it was received") from None


def _exported_in_month(place: Workspace, day: date) -> int:
    """How many files were written in a day's month, by which the service wants the next one numbered."""
    written = (datetime.fromisoformat(entry["when"]) for entry in trail.entries(place.trail) if entry.get("what") == EXPORTED)
    return sum((moment.year, moment.month) == (day.year, day.month) for moment in written)


def _folder(place: Workspace) -> Path:
    return place.vault / "opt_outs"


def _forget_asked(place: Workspace, vault: Vault) -> None:
    """Remove who was asked about before, and the file of them if it lies in the vault."""
    forget_list(vault, ASKED)
    for file in _folder(place).glob("*.dat"):
        file.unlink()
