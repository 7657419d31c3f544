"""The gates before a run: whether each source may be used at all, and whether the lists of who opted out are there and fresh.

No delivery is looked at before. What a gate decides is in the trail, whether it lets the run through or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.sharing import NationalCheck, Objection, SharingRules
from bcf_linkage.identifiable.vault.opt_out_lists import KeptList, kept_list
from pipelines.custody import vault_of
from pipelines.recording import day_of
from pipelines.settings import FILE, Settings, read_settings
from pipelines.sharing_settings import Agreement

AGREEMENT = "agreement"
REGISTER, LISTS = "gp_registrations", "vault/opt_outs"


@dataclass(frozen=True)
class Decision:
    """What a gate decided about a subject, in words: of one that did not pass, why and what to do."""

    gate: str
    subject: str
    passed: bool
    words: str


def decisions(workspace: Path, on: date) -> tuple[Decision, ...]:
    """What every gate decides on a day. The lists are looked at once every source may be used. Raises a Refusal where settings or lists cannot be read."""
    settings = read_settings(workspace)
    agreed = agreements(settings, on)
    if not all(one.passed for one in agreed):
        return agreed
    vault, rules = vault_of(workspace, settings), SharingRules.build(on)
    hold = holding(settings, rules)
    return (
        *agreed,
        _type_1(hold),
        _national(hold, kept_list(vault, Objection.NATIONAL), rules.national_check, on),
        _local(hold, kept_list(vault, Objection.LOCAL), settings),
    )


def holding(settings: Settings, rules: SharingRules) -> tuple[Objection, ...]:
    """The objections that hold in a workspace whose agreements all passed: those that hold against its purpose and any of its legal bases.

    Who may not be in one source is left out of all: what the others tell of them would be a person half seen.
    """
    bases = {source.agreement.legal_basis for source in settings.sources.values() if source.agreement}
    found = {objection for basis in bases for objection in rules.holding(basis, settings.purpose)}
    return tuple(objection for objection in Objection if objection in found)


def last_day(since: date, check: NationalCheck) -> date:
    """The last day on which an answer of the national service may be used."""
    return since + timedelta(days=check.days)


def agreements(settings: Settings, on: date) -> tuple[Decision, ...]:
    """Whether each source's agreement lets it be used on a day, for the workspace's purpose."""
    return tuple(_agreement(extract, source.agreement, settings, on) for extract, source in settings.sources.items())


def told(decisions: Sequence[Decision]) -> dict[str, str]:
    """Decisions as the trail says them."""
    return {f"{one.gate}, {one.subject}": f"{'passed' if one.passed else 'refused'}: {one.words}" for one in decisions}


def refuse(decisions: Sequence[Decision]) -> None:
    """Raises RequestRefused, with the first reason, unless every decision passed."""
    if failed := [one for one in decisions if not one.passed]:
        more = f" ({len(failed) - 1} more are refused)" if len(failed) > 1 else ""
        raise RequestRefused(f"{failed[0].subject}: {failed[0].words}{more}")


def _agreement(extract: str, agreement: Agreement | None, settings: Settings, on: date) -> Decision:
    subject = f"{FILE} [sources.{extract}]"
    if agreement is None:
        return Decision(AGREEMENT, subject, False, "no sharing agreement is stated; state it, or take the source out")
    if words := next(_objections(extract, agreement, settings, SharingRules.build(on), on), ""):
        return Decision(AGREEMENT, subject, False, words)
    return Decision(AGREEMENT, subject, True, f"{agreement}, for {settings.purpose} on the basis of {agreement.legal_basis}")


def _objections(extract: str, agreement: Agreement, settings: Settings, rules: SharingRules, on: date) -> Iterator[str]:
    """Everything that speaks against using the source, in words."""
    name, sector = f"agreement {agreement.reference}", rules.sectors[extract]
    if on < agreement.valid_from:
        yield f"{name} begins on {agreement.valid_from}, and today is {on}; wait for it, or take the source out"
    if on > agreement.valid_to:
        yield f"{name} ended with {agreement.valid_to}, and today is {on}; renew it, or take the source out"
    if extract not in agreement.data_sets:
        yield f"{name} is about {', '.join(agreement.data_sets)} and not {extract}; have it extended, or take the source out"
    if settings.purpose not in rules.purposes:
        yield f"the purpose of this workspace is unknown; say in [locality] one of {', '.join(rules.purposes)}"
    if settings.purpose not in agreement.purposes:
        yield f"{name} is for {', '.join(agreement.purposes)} and not for {settings.purpose}; have it extended, or take the source out"
    if (basis := rules.legal_bases.get(agreement.legal_basis)) is None:
        yield f"legal_basis is unknown; it is one of {', '.join(rules.legal_bases)}"
    elif basis.workspace not in ("", settings.kind):
        yield f"the legal basis {basis.code} is for {basis.workspace} workspaces alone; state the one that {name} has"
    elif sector not in basis.covers:
        covering = " or ".join(other.code for other in rules.legal_bases.values() if sector in other.covers and other.workspace in ("", settings.kind))
        yield f"the legal basis {basis.code} does not cover {sector} data; share them on the basis of {covering}, or take the source out"


def _type_1(hold: Sequence[Objection]) -> Decision:
    words = "holds, as the GP register tells it" if Objection.TYPE_1 in hold else _does_not_hold()
    return Decision(Objection.TYPE_1, REGISTER, True, words)


def _national(hold: Sequence[Objection], kept: KeptList | None, check: NationalCheck, on: date) -> Decision:
    """Whether everybody who is to be used may be: the answer is there, and young enough."""
    gate = (Objection.NATIONAL, LISTS)
    if Objection.NATIONAL not in hold:
        return Decision(*gate, True, _does_not_hold())
    again = "`bcf opt-outs export` writes the file to send, `bcf opt-outs import` takes the answer"
    if kept is None:
        return Decision(*gate, False, f"the national data opt-out holds, and nobody has been checked against it; {again}")
    since = day_of(kept.since)
    if on > last_day(since, check):
        return Decision(*gate, False, f"the national data opt-outs of {since} could be used through {last_day(since, check)}, and today is {on}; {again}")
    return Decision(*gate, True, f"holds: {len(kept.numbers):,} numbers checked on {since}, which may be used through {last_day(since, check)}")


def _local(hold: Sequence[Objection], kept: KeptList | None, settings: Settings) -> Decision:
    gate = (Objection.LOCAL, LISTS)
    if Objection.LOCAL not in hold:
        return Decision(*gate, True, _does_not_hold())
    if kept is None and settings.opt_outs.local_objections:
        return Decision(
            *gate, False, f"[opt_outs] in {FILE} says that there are local objections, and there is no list; `bcf opt-outs import --local` takes it"
        )
    return Decision(*gate, True, "no list is kept" if kept is None else f"holds: {len(kept.numbers):,} numbers, as imported on {day_of(kept.since)}")


def _does_not_hold() -> str:
    return "does not hold against this purpose and these legal bases"
