"""`bcf reidentify`: from pseudonyms back to NHS numbers, for the direct care of a practice's own patients and for nothing else.

A named requester of the practice asks, a second person approves, and the answer is a list for the practice's own team meeting.
Whatever is asked, given or not, is a line of the trail, which holds the beginnings of pseudonyms and never a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.case_finding import case_lists
from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.identifiable.vault.register import read_register
from bcf_linkage.published.selection import meets
from bcf_linkage.storage.engine import PolarsEngine
from bcf_linkage.storage.store import Workspace, locked
from pipelines.custody import free_place, keyed_digest, private_place, vault_of, write_private
from pipelines.governance_settings import Authorised, person
from pipelines.recording import Deed, refusal_recorded
from pipelines.runs import published_run
from pipelines.settings import read_settings

DIRECT_CARE = "direct care"
PSEUDONYM = re.compile("[a-p]{32}")
MAY_IDENTIFY = re.compile(r"(\d[\s.-]?){9,}")
"""As many digits as an NHS number nearly has: such a text is not put in the trail."""

LONGEST_REASON, SHORTEST_REASON = 300, 10
TOLD_OF_A_PSEUDONYM = 8
DEED = "re-identification"


@dataclass(frozen=True)
class Wanted:
    """Who is asked for: pseudonyms as they were typed, a file of them, or a list by its name; one of the three."""

    pseudonyms: tuple[str, ...] = ()
    file: Path | None = None
    listed: str = ""


@dataclass(frozen=True)
class Asked:
    """Who asks for whom and why, of the current publication's run unless another is named."""

    practice: str
    requester: str
    approver: str
    purpose: str
    reason: str
    wanted: Wanted
    run: str = ""
    out: Path | None = None


@dataclass(frozen=True)
class Given:
    """The answer: where the list lies and how many people are on it."""

    path: Path
    people: int
    run: str


def reidentify(workspace: Path, asked: Asked) -> Given:
    """Write the list that was asked for. Raises a Refusal; then nothing is written but a line of the trail."""
    settings, place = read_settings(workspace), Workspace(workspace)
    vault = vault_of(workspace, settings)
    parties = {"requester": asked.requester, "approver": asked.approver, "practice": asked.practice}
    deed = Deed(place, DEED, _told(asked.reason), more={"parties": {part: _told(name) for part, name in parties.items()}, "basis": _told(asked.purpose)})
    with refusal_recorded(deed) as known, locked(place):
        refuse_unless_allowed(asked, settings.reidentification)
        known["run"] = run = published_run(place, asked.run)
        wanted = _listed(place, run, asked) if asked.wanted.listed else pl.DataFrame({"person": _pseudonyms(asked.wanted)})
        known |= {"counts": {"asked": len(wanted)}, "subjects": tuple(token[:TOLD_OF_A_PSEUDONYM] for token in wanted["person"])}
        text = of_own_practice(wanted, read_register(vault, run), asked, run).write_csv().encode()
        out = _place(place, asked, run)
        digest, key = keyed_digest(vault, DEED, text)
        # Recorded before it is given: nothing leaves the vault unseen.
        deed.about(**known).record(f"{DEED} given", outputs={out.name: digest}, key=key)
        write_private(out, text)
        return Given(out, len(wanted), run)


def refuse_unless_allowed(asked: Asked, authorised: Mapping[str, Authorised]) -> None:
    """Raises RequestRefused unless the purpose is direct care, the reason is stated, and the two people may ask and approve for the practice."""
    if person(asked.purpose) != DIRECT_CARE:
        raise RequestRefused(f"re-identification is for {DIRECT_CARE} alone; nothing else is a purpose for it")
    if not SHORTEST_REASON <= len(asked.reason.strip()) <= LONGEST_REASON or not asked.reason.isprintable():
        raise RequestRefused(f"the reason must say in {SHORTEST_REASON} to {LONGEST_REASON} letters what the list is for")
    if any(MAY_IDENTIFY.search(text) for text in (asked.reason, asked.requester, asked.approver, asked.practice)):
        raise RequestRefused("what was asked holds so many digits that it may hold an NHS number; say it without")
    if (allowed := authorised.get(asked.practice)) is None:
        raise RequestRefused(f"nobody is authorised for this practice; [reidentification.PRACTICE] in locality.toml names {', '.join(authorised) or 'none'}")
    if person(asked.requester) not in map(person, allowed.requesters):
        raise RequestRefused(f"this requester may not ask for {asked.practice}; locality.toml names those who may")
    if person(asked.approver) not in map(person, allowed.approvers):
        raise RequestRefused(f"this approver may not approve for {asked.practice}; locality.toml names those who may")
    if person(asked.approver) == person(asked.requester):
        raise RequestRefused("requester and approver are one person; a second one must approve")
    if sum(map(bool, (asked.wanted.pseudonyms, asked.wanted.file, asked.wanted.listed))) != 1:
        raise RequestRefused("ask for pseudonyms, for a file of them, or for one list by its name")


def read_pseudonyms(file: Path) -> tuple[str, ...]:
    """The pseudonyms of a file, one a line, below a header `person` if it has one. Raises RequestRefused with the lines that hold none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise RequestRefused(f"{file}: cannot be read as text; it should hold one pseudonym a line") from None
    filled = [(n, line.strip()) for n, line in enumerate(lines, 1) if line.strip() and not (n == 1 and line.strip() == "person")]
    if not filled:
        raise RequestRefused(f"{file}: holds no pseudonym")
    return _checked((token for _, token in filled), f"{file}: line", tuple(n for n, _ in filled))


def _pseudonyms(wanted: Wanted) -> list[str]:
    """The pseudonyms that were typed or filed, each once. Raises RequestRefused where one is none."""
    typed = wanted.pseudonyms
    found = read_pseudonyms(wanted.file) if wanted.file else _checked(typed, "pseudonym", tuple(range(1, len(typed) + 1)))
    return list(dict.fromkeys(found))


def _checked(pseudonyms: Iterable[str], place: str, positions: tuple[int, ...]) -> tuple[str, ...]:
    found = tuple(pseudonyms)
    if wrong := [str(n) for n, token in zip(positions, found, strict=True) if not PSEUDONYM.fullmatch(token)]:
        raise RequestRefused(f"{place} {', '.join(wrong[:5])}: no pseudonym, which is 32 letters from a to p; what stands there is not shown")
    return found


def _listed(workspace: Workspace, run: str, asked: Asked) -> pl.DataFrame:
    """The practice's people on a list, with what it shows of them."""
    lists, engine, folder = case_lists(date.fromisoformat(run[:10])), PolarsEngine(), workspace.pseudonymised(run)
    if (wanted := lists.get(asked.wanted.listed)) is None:
        raise RequestRefused(f"no such list; there are {', '.join(lists)}")
    if not (folder / "people.parquet").exists():
        raise RequestRefused(f"{folder}: holds no people any more; name a run that does")
    people, strata, care = (_scanned(folder / f"{name}.parquet") for name in ("people", "strata", "care"))
    own = people.filter(nw.col("population") == "registered", nw.col("practice_code") == asked.practice)
    everything = own.join(strata, on="person", how="left").join(care, on="person", how="left")
    found = engine.collect(everything.filter(meets(wanted.where)).select("person", *wanted.shows))
    if found.is_empty():
        raise RequestRefused(f"nobody of {asked.practice} is on the list {wanted.code}")
    return found


def _scanned(table: Path) -> nw.LazyFrame:
    """A table of the run. Spark writes a folder of files where Polars writes one."""
    return nw.from_native(pl.scan_parquet(table / "*.parquet" if table.is_dir() else table))


def of_own_practice(wanted: pl.DataFrame, register: pl.DataFrame, asked: Asked, run: str) -> pl.DataFrame:
    """The list, in order of NHS number. Raises RequestRefused unless everybody on it is the practice's own patient; it is all or nobody."""
    found = wanted.join(register, on="person", how="left", maintain_order="left")
    if unknown := found["nhs_number"].null_count():
        raise RequestRefused(
            f"{unknown} of {len(found)} pseudonyms are nobody's who is registered in run {run}: made for another project or under another key; none is given"
        )
    if others := len(found.filter(pl.col("practice_code").ne_missing(asked.practice))):
        raise RequestRefused(f"{others} of {len(found)} are no patients of {asked.practice} as at run {run}; a practice is given its own alone: none is given")
    # Whoever asked with pseudonyms has to tell the answers apart; a list by its name has no use for them.
    shown = pl.exclude("person", "nhs_number", "practice_code") if asked.wanted.listed else pl.col("person").alias("pseudonym")
    return found.select("nhs_number", shown).sort("nhs_number")


def _place(workspace: Workspace, asked: Asked, run: str) -> Path:
    """Where the list goes: where the requester says, or into the vault under a name that is free. Raises RequestRefused."""
    name = f"{run[:10]}-{asked.practice}-{asked.wanted.listed or 'pseudonyms'}"
    return private_place(workspace, asked.out or free_place(workspace, name))


def _told(text: str) -> str:
    """A text as it may stand in the trail."""
    return "withheld, as it may hold an identifier" if MAY_IDENTIFY.search(text) or len(text) > LONGEST_REASON else text
