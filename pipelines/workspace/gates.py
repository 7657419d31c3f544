"""The gates before a run: does an agreement cover each source, and are the opt-out lists present and recent enough?

No delivery is read before every gate has passed. The audit log records each decision, passed or refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.sharing import NationalCheck, Objection, SharingRules
from bcf_linkage.identifiable.vault import Vault
from bcf_linkage.identifiable.vault.opt_out_lists import SealedOptOutList, read_opt_out_list
from bcf_linkage.storage.trail_entry import Decision
from pipelines.workspace.audit_log import day_of
from pipelines.workspace.settings import SETTINGS_FILE, Settings
from pipelines.workspace.sharing_settings import Agreement

AGREEMENT = "agreement"
REGISTER, LISTS = "gp_registrations", "vault/opt_outs"


def evaluate_gates(settings: Settings, vault: Vault, day: date) -> tuple[Decision, ...]:
    """Return the decision of every gate on a day. The opt-out lists are checked only if every agreement passes.

    Raises BcfError if a list cannot be read.
    """
    agreement_decisions = check_agreements(settings, day)
    if not all(decision.passed for decision in agreement_decisions):
        return agreement_decisions
    rules = SharingRules.build(day)
    in_force = objections_in_force(settings, rules)
    return (
        *agreement_decisions,
        _check_type_1(in_force),
        _check_national(in_force, read_opt_out_list(vault, Objection.NATIONAL), rules.national_check, day),
        _check_local(in_force, read_opt_out_list(vault, Objection.LOCAL), settings),
    )


def objections_in_force(settings: Settings, rules: SharingRules) -> tuple[Objection, ...]:
    """Return the objections that apply to a workspace: those that apply to its purpose under the legal basis of any of its sources.

    A person who objects to the use of one source is left out of all sources, because the others would show only a part of their care.
    """
    bases = {source.agreement.legal_basis for source in settings.sources.values() if source.agreement}
    applicable = {objection for basis in bases for objection in rules.objections_for(basis, settings.purpose)}
    return tuple(objection for objection in Objection if objection in applicable)


def last_day_of_use(since: date, check: NationalCheck) -> date:
    """Return the last day on which an answer of the national service may be used, given the day on which it was asked for."""
    return since + timedelta(days=check.days)


def check_agreements(settings: Settings, day: date) -> tuple[Decision, ...]:
    """Return one decision per source: does its agreement allow its use on a day, for the workspace's purpose?"""
    return tuple(_check_agreement(extract, source.agreement, settings, day) for extract, source in settings.sources.items())


def source_subject(extract: str) -> str:
    """Return the subject of the decision on a source: its section of the settings."""
    return f"{SETTINGS_FILE} [sources.{extract}]"


def raise_on_refusals(decisions: Sequence[Decision]) -> None:
    """Raise UsageError with the first reason unless every decision passed."""
    if failed := [decision for decision in decisions if not decision.passed]:
        more = f" ({len(failed) - 1} more refused)" if len(failed) > 1 else ""
        raise UsageError(f"{failed[0].subject}: {failed[0].words}{more}")


def _check_agreement(extract: str, agreement: Agreement | None, settings: Settings, day: date) -> Decision:
    subject = source_subject(extract)
    if agreement is None:
        return Decision(AGREEMENT, subject, False, "no sharing agreement is stated; state one, or remove the source")
    if words := next(_agreement_problems(extract, agreement, settings, SharingRules.build(day), day), ""):
        return Decision(AGREEMENT, subject, False, words)
    return Decision(AGREEMENT, subject, True, f"{agreement}, for {settings.purpose} on the basis of {agreement.legal_basis}")


def _agreement_problems(extract: str, agreement: Agreement, settings: Settings, rules: SharingRules, day: date) -> Iterator[str]:
    """Yield every reason against use of the source, with what to do."""
    name, sector = f"agreement {agreement.reference}", rules.sectors[extract]
    if day < agreement.valid_from:
        yield f"{name} starts on {agreement.valid_from}, and today is {day}; wait until then, or remove the source"
    if day > agreement.valid_to:
        yield f"{name} expired after {agreement.valid_to}, and today is {day}; renew it, or remove the source"
    if extract not in agreement.data_sets:
        yield f"{name} covers {', '.join(agreement.data_sets)} and not {extract}; have it extended, or remove the source"
    if settings.purpose not in rules.purposes:
        yield f"the purpose of this workspace is unknown; set it in [locality] to one of {', '.join(rules.purposes)}"
    if settings.purpose not in agreement.purposes:
        yield f"{name} is for {', '.join(agreement.purposes)} and not for {settings.purpose}; have it extended, or remove the source"
    if (basis := rules.legal_bases.get(agreement.legal_basis)) is None:
        yield f"legal_basis is unknown; set it to one of {', '.join(rules.legal_bases)}"
    elif basis.workspace not in ("", settings.kind):
        yield f"the legal basis {basis.code} is for {basis.workspace} workspaces only; state the legal basis of {name}"
    elif sector not in basis.covers:
        covering = " or ".join(other.code for other in rules.legal_bases.values() if sector in other.covers and other.workspace in ("", settings.kind))
        yield f"the legal basis {basis.code} does not cover {sector} data; share them on the basis of {covering}, or remove the source"


def _check_type_1(in_force: Sequence[Objection]) -> Decision:
    words = "applies, as the GP register records it" if Objection.TYPE_1 in in_force else _not_in_force()
    return Decision(Objection.TYPE_1, REGISTER, True, words)


def _check_national(in_force: Sequence[Objection], stored_list: SealedOptOutList | None, check: NationalCheck, day: date) -> Decision:
    """Check that everybody was checked against the national data opt-out, recently enough."""
    gate = (Objection.NATIONAL, LISTS)
    if Objection.NATIONAL not in in_force:
        return Decision(*gate, True, _not_in_force())
    advice = "`bcf opt-outs export` writes the file to send, `bcf opt-outs import` reads the answer"
    if stored_list is None:
        return Decision(*gate, False, f"the national data opt-out applies, and nobody has been checked against it; {advice}")
    since = day_of(stored_list.as_of)
    if day > last_day_of_use(since, check):
        return Decision(
            *gate, False, f"the national data opt-outs of {since} could be used until {last_day_of_use(since, check)}, and today is {day}; {advice}"
        )
    return Decision(*gate, True, f"applies: {len(stored_list.numbers):,} numbers checked on {since}, which may be used until {last_day_of_use(since, check)}")


def _check_local(in_force: Sequence[Objection], stored_list: SealedOptOutList | None, settings: Settings) -> Decision:
    gate = (Objection.LOCAL, LISTS)
    if Objection.LOCAL not in in_force:
        return Decision(*gate, True, _not_in_force())
    if stored_list is None and settings.opt_outs.local_objections:
        return Decision(
            *gate, False, f"[opt_outs] in {SETTINGS_FILE} states local objections, but there is no list; import it with `bcf opt-outs import --local`"
        )
    return Decision(
        *gate, True, "there is no list" if stored_list is None else f"applies: {len(stored_list.numbers):,} numbers, imported on {day_of(stored_list.as_of)}"
    )


def _not_in_force() -> str:
    return "does not apply to this purpose and these legal bases"
