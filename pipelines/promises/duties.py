"""Promises about what people may do: turn keys, find a way back, object, share, and keep."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from bcf_linkage.definitions.errors import Refusal
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.identifiable.opt_outs import holding
from bcf_linkage.identifiable.pseudonymise import PERSON, tokens
from bcf_linkage.identifiable.vault import Purpose, Vault
from bcf_linkage.identifiable.vault.bridge import bridged, carried, read_bridge, write_bridge
from bcf_linkage.identifiable.vault.opt_out_lists import KeptList, keep_list, objecting
from bcf_linkage.identifiable.vault.register import register_files, write_register
from bcf_linkage.identifiable.vault.sealed import SUFFIX, label_of
from bcf_linkage.storage import trail
from bcf_linkage.storage.engine import PSEUDONYMS
from pipelines import gates, reidentification
from pipelines.custody import for_project
from pipelines.governance_settings import Authorised, Keep, person
from pipelines.leaks import below
from pipelines.promises.held import Found, Held, counted, scanned
from pipelines.promises.plainly import made_up_numbers
from pipelines.receive import register_of
from pipelines.reidentification import Asked, Wanted
from pipelines.retention import History, Removal, due
from pipelines.settings import FILE, kind_of, read_settings
from pipelines.settling import ENGINE
from pipelines.workspaces import initialise

PRACTICE = "Z00001"
ALLOWED = {PRACTICE: Authorised(("a.gp",), ("c.guardian",))}
ASKED = Asked(PRACTICE, "a.gp", "c.guardian", reidentification.DIRECT_CARE, "list for the team meeting", Wanted(("a" * 32,)))
FORBIDDEN = (
    replace(ASKED, purpose="planning"),
    replace(ASKED, practice="Z00002"),
    replace(ASKED, requester="another"),
    replace(ASKED, approver="another"),
    replace(ASKED, approver="a.gp"),
    replace(ASKED, reason="because"),
    replace(ASKED, reason="for the patient 999 000 0018 again"),
)
"""Each in one way not as `ASKED`, to which nothing is to be said."""

SPOILT: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace('legal_basis = "pseudonymised third party"', 'legal_basis = "section 251"'),
    lambda text: text.replace('legal_basis = "pseudonymised third party"', 'legal_basis = "we have always done so"'),
    lambda text: text.replace("valid_to = 2015-03-31", "valid_to = 2014-06-01", 1),
    lambda text: text.replace('purposes = ["risk stratification"]', 'purposes = ["research"]', 1),
    lambda text: text[: text.index('agreement = "')] + text[text.index("\n\n[sources.gp_events]") :],
)
"""Settings as `bcf init` writes them, each with one thing that a gate must refuse."""

DAY = date(2014, 6, 2)
"""A day on which the agreements of a workspace as `bcf init` writes it hold."""

LONG_AFTER = timedelta(days=3_653)
"""Ten years."""


def rotation(held: Held) -> Iterator[Found]:
    """Promise 5."""
    ring = {entry.id for entry in held.vault.ring.entries if entry.purpose is Purpose.PSEUDONYM}
    of_people = {name: path for name, path in held.people.items() if "person" in scanned(path).collect_schema().names()}
    nameless = sorted(name for name, path in of_people.items() if _key_of(path) not in ring)
    yield Found(
        not nameless, f"{counted(len(of_people), 'table')} of pseudonyms name a key of the ring" + (f", but for {', '.join(nameless)}" if nameless else "")
    )
    astray = [name for name, file in below(held.workspace.root, "vault") if file.suffix == SUFFIX or file.suffix == ".key"]
    yield Found(not astray, f"lies outside the vault: {', '.join(astray)}" if astray else "nothing that is sealed, and no key, lies outside the vault")
    with tempfile.TemporaryDirectory() as folder:
        yield _turned(Vault(Path(folder)), held)


def _turned(vault: Vault, held: Held) -> Found:
    """A rotation of a vault of its own, with three people: every pseudonym changes, the bridge leads from each to its new one, a retired key opens nothing."""
    numbers = made_up_numbers(3)
    vault.begin(held.now)
    before = vault.current(Purpose.PSEUDONYM)
    old = tokens(for_project(before, held.settings), PERSON, numbers)
    write_register(vault, "tried", before.name, pl.DataFrame({"person": old, "nhs_number": numbers, "practice_code": [PRACTICE] * 3}))
    after = vault.prepare(Purpose.PSEUDONYM)
    write_bridge(vault, before.name, after.name, bridged(vault, before, for_project(after, held.settings)))
    vault.turn(Purpose.PSEUDONYM, held.now)
    new = tokens(for_project(vault.current(Purpose.PSEUDONYM), held.settings), PERSON, numbers)
    led = carried(pl.Series("person", old), read_bridge(vault, before.name, after.name)).to_list()
    vault.retire(before.name, held.now)
    well = led == new and not set(old) & set(new) and _is_refused(lambda: vault.key(before.name))
    return Found(well, "tried apart: a new key changes every pseudonym, a bridge leads over, a retired key opens nothing")


def _key_of(table: Path) -> str:
    """The id of the key that a table's metadata name; Spark notes it with the column."""
    file = next(iter(sorted(table.glob("*.parquet")))) if table.is_dir() else table
    noted: dict[bytes, bytes] = pq.read_metadata(file).metadata or {}
    if PSEUDONYMS.encode() in noted:
        return noted[PSEUDONYMS.encode()].decode()
    columns = json.loads(noted.get(b"org.apache.spark.sql.parquet.row.metadata", b"{}")).get("fields", [])
    return next((str(column["metadata"].get(PSEUDONYMS, "")) for column in columns if column["name"] == "person"), "")


def way_back(held: Held) -> Iterator[Found]:
    """Promise 8."""
    granted = not _is_refused(partial(reidentification.refuse_unless_allowed, ASKED, ALLOWED))
    refused = sum(_is_refused(partial(reidentification.refuse_unless_allowed, asked, ALLOWED)) for asked in FORBIDDEN) + _of_another_practice()
    yield Found(granted and refused == len(FORBIDDEN) + 1, f"{refused} of {len(FORBIDDEN) + 1} forbidden requests refused, the allowed one not")
    faults = trail.verify(held.workspace.trail)
    told = f"line {faults[0].line} {faults[0].words}" if faults else f"whole, {counted(len(held.trail), 'line')}"
    yield Found(not faults, f"the trail: {told}")
    asked = [line for line in held.trail if str(line.get("what", "")).startswith(reidentification.DEED)]
    given = [line for line in asked if line["what"] == f"{reidentification.DEED} given"]
    lacking = sum(not _is_accounted_for(line) for line in given)
    yield Found(not lacking, f"asked {counted(len(asked), 'time')}, given {len(given)}, {lacking} without two people, a reason or direct care")
    unsealed = [name for folder in ("register", "bridges", "opt_outs") for name, file in _of_vault(held, folder) if not _is_sealed(file)]
    registers = len(register_files(held.vault))
    yield Found(not unsealed, f"not sealed: {', '.join(unsealed)}" if unsealed else f"{counted(registers, 'register')}, sealed under a key of its own")


def _of_another_practice() -> bool:
    """Whether a practice that asks for another's patient is refused."""
    wanted = pl.DataFrame({"person": ["a" * 32]})
    register = pl.DataFrame({"person": ["a" * 32], "nhs_number": made_up_numbers(1), "practice_code": ["Z00002"]})
    return _is_refused(lambda: reidentification.of_own_practice(wanted, register, ASKED, "tried"))


def _is_accounted_for(line: dict[str, object]) -> bool:
    parties = line.get("parties")
    subjects = line.get("subjects")
    if not isinstance(parties, dict) or not isinstance(subjects, list) or set(parties) != {"requester", "approver", "practice"}:
        return False
    two = person(str(parties["requester"])) != person(str(parties["approver"]))
    cut = all(len(subject) <= reidentification.TOLD_OF_A_PSEUDONYM for subject in subjects)
    return two and cut and bool(line.get("why")) and bool(line.get("key")) and person(str(line.get("basis", ""))) == reidentification.DIRECT_CARE


def _of_vault(held: Held, folder: str) -> Iterator[tuple[str, Path]]:
    place = held.workspace.vault / folder
    yield from ((f"{folder}/{name}", file) for name, file in (below(place) if place.is_dir() else ()) if file.suffix != ".dat")


def _is_sealed(file: Path) -> bool:
    return not _is_refused(lambda: label_of(file))


def opt_outs(held: Held) -> Iterator[Found]:
    """Promise 9."""
    decided = held.begun_line.get("decisions", {})
    asked = [objection for objection in Objection if any(gate.startswith(f"{objection},") and told.startswith("passed") for gate, told in decided.items())]
    yield Found(len(asked) == len(Objection), f"before the run {len(asked)} of {len(Objection)} kinds of objection were looked at")
    if held.deliveries:
        objectors = objecting_in(held)
        left = held.pseudonyms.filter(pl.col("token").is_in(objectors)).height
        kept = sum(scanned(path).filter(pl.col("person").is_in(objectors)).select(pl.len()).collect().item() for path in _of_persons(held))
        yield Found(not left and not kept, f"{counted(len(objectors), 'number')} of people who object: {left + kept} in what was made")
    else:
        yield Found(True, "the deliveries have gone, so that nobody was looked for")
    yield Found(_is_stale_refused(held.now), "tried apart: a list is used through its last day and refused the day after; without one nothing runs")


def _of_persons(held: Held) -> Iterator[Path]:
    yield from (held.people[name] for name in ("people", "contacts") if name in held.people)


def objecting_in(held: Held) -> list[str]:
    """The pseudonyms that everybody who objects would have."""
    hold = gates.holding(held.settings, SharingRules.build(held.now.date()))
    register = register_of(held.deliveries["gp_registrations"], kind_of(held.settings), held.as_at)
    numbers = ENGINE.collect(holding.objections(ENGINE.frame(register.numbers), ENGINE.frame(objecting(held.vault, hold)), hold))["number"]
    sound = set(held.sound_numbers)
    return [token for token in tokens(held.key, PERSON, [number for number in numbers if number in sound]) if token]


def _is_stale_refused(now: datetime) -> bool:
    """In a new workspace that the national opt-out holds in: whether its gate is closed without a list, open through the last day of one, and closed after."""
    with tempfile.TemporaryDirectory() as folder:
        place = _tried(Path(folder))
        days = SharingRules.build(now.date()).national_check.days
        closed = not _national(place, DAY)
        since = now.replace(year=DAY.year, month=DAY.month, day=DAY.day, hour=12)
        keep_list(Vault(place / "vault"), Objection.NATIONAL, KeptList(pl.DataFrame({"number": made_up_numbers(1), "objects": [False]}), since))
        return closed and _national(place, DAY + timedelta(days=days)) and not _national(place, DAY + timedelta(days=days + 1))


def _national(place: Path, on: date) -> bool:
    return all(one.passed for one in gates.decisions(place, on) if one.gate in (gates.AGREEMENT, Objection.NATIONAL))


def _tried(folder: Path, change: Callable[[str], str] = str) -> Path:
    """A workspace as `bcf init` writes it, its settings changed."""
    place = folder / "tried"
    initialise(place)
    settings = place / FILE
    settings.write_text(change(settings.read_text(encoding="utf-8")), encoding="utf-8")
    return place


def legal_basis(held: Held) -> Iterator[Found]:
    """Promise 10."""
    rules, used = SharingRules.build(held.now.date()), sorted({one["extract"] for one in held.manifest["inputs"]})
    stated = {extract: source.agreement for extract in used if (source := held.settings.sources.get(extract))}
    without = [extract for extract in used if not stated.get(extract)]
    yield Found(
        not without,
        f"without an agreement: {', '.join(without)}"
        if without
        else f"{counted(len(used), 'source')} under {counted(len({str(one) for one in stated.values()}), 'agreement')}",
    )
    bases = {extract: rules.legal_bases.get(agreement.legal_basis) for extract, agreement in stated.items() if agreement}
    uncovered = [extract for extract, basis in bases.items() if basis is None or rules.sectors[extract] not in basis.covers]
    yield Found(
        not uncovered, f"no basis covers {', '.join(uncovered)}" if uncovered else f"on the basis of {', '.join(sorted({b.code for b in bases.values() if b}))}"
    )
    decided = held.begun_line.get("decisions", {})
    missing = [extract for extract in used if not decided.get(f"{gates.AGREEMENT}, {FILE} [sources.{extract}]", "").startswith("passed")]
    yield Found(not missing, f"no decision in the trail on {', '.join(missing)}" if missing else f"{len(used)} decisions in the trail")
    refused = sum(_is_agreement_refused(change) for change in SPOILT)
    yield Found(refused == len(SPOILT), f"{refused} of {len(SPOILT)} workspaces with a missing, expired or unfit agreement refused")


def _is_agreement_refused(change: Callable[[str], str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        sound, spoilt = _tried(Path(folder) / "sound"), _tried(Path(folder) / "spoilt", change)
        agreed = [all(one.passed for one in gates.agreements(read_settings(place), DAY)) for place in (sound, spoilt)]
        return agreed == [True, False]


def retention(held: Held) -> Iterator[Found]:
    """Promise 14."""
    stated = {zone: keep for zone, keep in vars(held.settings.retention).items() if keep != Keep()}
    history = History.of(held.trail)
    overdue = list(due(held.workspace, held.settings.retention, history, held.now))
    yield Found(not overdue, f"{counted(len(overdue), 'file or folder', 'files or folders')} kept for longer than stated" + _first(held, overdue))
    words = ", ".join(f"{zone} {counted(keep.days, 'day') if keep.days else counted(keep.runs or 0, 'run')}" for zone, keep in stated.items())
    # Made-up people need no end; of real ones somebody must have stated when the identifiable zone is emptied.
    yield Found(bool(held.settings.retention.landing.days) or held.settings.kind == "synthetic", f"stated: {words or 'nothing, so that all is kept for good'}")
    then = replace(held.settings.retention, landing=Keep(days=30))
    gone = {removal.path for removal in due(held.workspace, then, history, held.now + LONG_AFTER)}
    left = [file for files in held.deliveries.values() for file in files if file not in gone]
    yield Found(not left, f"tried with 30 days: after ten years {len(left)} of the run's {sum(map(len, held.deliveries.values()))} deliveries would be left")


def _first(held: Held, overdue: Sequence[Removal]) -> str:
    return "".join(f", such as {removal.path.relative_to(held.workspace.root)}" for removal in overdue[:1])


def _is_refused(what: Callable[[], object]) -> bool:
    try:
        what()
    except Refusal:
        return True
    return False
