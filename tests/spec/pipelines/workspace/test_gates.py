"""What lets a source into a run and what keeps it out: its agreement's days, purpose, data set and legal basis. Each decision is recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.storage import trail
from pipelines.workspace import gates
from pipelines.workspace.audit_log import day_of, today
from pipelines.workspace.settings import Settings, SourceSettings, read_settings
from pipelines.workspace.sharing_settings import Agreement
from tests.conftest import CommandResult
from tests.spec.pipelines.workspace.test_settings import GOOD, write

FIRST, LAST = date(2014, 4, 1), date(2015, 3, 31)
RULES = SharingRules.build(date(2026, 1, 1))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(write(tmp_path, GOOD))


def settings_with(settings: Settings, extract: str = "gp_registrations", **changes: Any) -> Settings:
    """Settings with one source, whose agreement has these changes."""
    agreement = settings.sources["gp_registrations"].agreement
    assert agreement
    agreed = replace(agreement, data_sets=(extract,), **{key: value for key, value in changes.items() if key in Agreement.__dataclass_fields__})
    others = {key: value for key, value in changes.items() if key not in Agreement.__dataclass_fields__}
    return replace(settings, sources={extract: SourceSettings("somebody", agreed)}, **others)


def refusal_message(settings: Settings, on: date) -> str:
    """The line with which a day's decisions are refused, or nothing."""
    decisions = gates.check_agreements(settings, on)
    if all(one.passed for one in decisions):
        gates.raise_on_refusals(decisions)
        return ""
    with pytest.raises(UsageError) as refused:
        gates.raise_on_refusals(decisions)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("on", "words"),
    [
        (FIRST - timedelta(days=1), "agreement DSA-1 starts on 2014-04-01, and today is 2014-03-31; wait until then"),
        (FIRST, ""),
        (LAST - timedelta(days=1), ""),
        (LAST, ""),
        (LAST + timedelta(days=1), "agreement DSA-1 expired after 2015-03-31, and today is 2015-04-01; renew it"),
    ],
)
def test_an_agreement_holds_from_its_first_day_through_its_last(on: date, words: str, settings: Settings) -> None:
    refused = refusal_message(settings, on)
    assert refused.startswith(f"locality.toml [sources.gp_registrations]: {words}") if words else refused == ""


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2015, 3, 31, 22, 59, tzinfo=UTC), LAST),
        (datetime(2015, 3, 31, 23, 0, tzinfo=UTC), date(2015, 4, 1)),
        (datetime(2015, 1, 31, 23, 59, tzinfo=UTC), date(2015, 1, 31)),
    ],
)
def test_the_last_day_ends_at_midnight_in_london(moment: datetime, day: date) -> None:
    assert day_of(moment) == day


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"purposes": ("planning",)}, "agreement DSA-1 is for planning and not for risk stratification"),
        ({"purposes": ("planning", "risk stratification")}, ""),
        ({"purpose": "evaluation"}, "agreement DSA-1 is for risk stratification and not for evaluation"),
        (
            {"purpose": "curiosity", "purposes": ("curiosity",)},
            "the purpose of this workspace is unknown; set it in [locality] to one of direct care, risk stratification",
        ),
        ({"legal_basis": "none"}, "legal_basis is unknown; set it to one of section 251, consent, pseudonymised third party"),
        ({"kind": "live", "legal_basis": "made up"}, "the legal basis made up is for synthetic workspaces only"),
        ({"legal_basis": "made up"}, ""),
    ],
)
def test_an_agreement_covers_the_purpose_on_a_known_basis_or_is_refused(changes: dict[str, Any], words: str, settings: Settings) -> None:
    refused = refusal_message(settings_with(settings, **changes), LAST)
    assert refused.startswith(f"locality.toml [sources.gp_registrations]: {words}") if words else refused == ""


def test_an_agreement_about_something_else_does_not_cover_the_source(settings: Settings) -> None:
    agreement = settings.sources["gp_registrations"].agreement
    sources = {**settings.sources, "gp_events": SourceSettings("practices", agreement), "outpatients": SourceSettings("trust", None)}
    words = refusal_message(replace(settings, sources=sources), LAST)
    assert words.startswith(
        "locality.toml [sources.gp_events]: agreement DSA-1 covers gp_registrations and not gp_events; have it extended, or remove the source"
    )
    assert words.endswith("(1 more refused)")


def test_a_source_without_an_agreement_is_refused(tmp_path: Path) -> None:
    bare = re.sub(r"^(agreement|parties|purposes|data_sets|legal_basis|valid_from|valid_to) = .*\n", "", GOOD, flags=re.M)
    assert refusal_message(read_settings(write(tmp_path, bare)), LAST).startswith("locality.toml [sources.gp_registrations]: no sharing agreement is stated")


@pytest.mark.parametrize("basis", RULES.legal_bases)
def test_social_care_data_come_by_consent_or_pseudonymised_by_a_third_party(basis: str, settings: Settings) -> None:
    words = refusal_message(replace(settings_with(settings, "adult_social_care", legal_basis=basis), kind="live"), LAST)
    allowed = basis in ("consent", "pseudonymised third party")
    assert (words == "") is allowed
    if not allowed and basis != "made up":
        assert "does not cover social care data; share them on the basis of consent or pseudonymised third party" in words


@pytest.mark.parametrize("purpose", RULES.purposes)
@pytest.mark.parametrize("basis", RULES.legal_bases)
def test_which_objections_hold_is_decided_by_purpose_and_basis(purpose: str, basis: str, settings: Settings) -> None:
    holds = gates.objections_in_force(settings_with(settings, purpose=purpose, legal_basis=basis), RULES)
    assert (Objection.NATIONAL in holds) == (purpose != "direct care" and basis in ("section 251", "pseudonymised third party"))
    assert (Objection.TYPE_1 in holds) == (purpose != "direct care" and basis not in ("direct care", "legal duty"))
    assert Objection.LOCAL in holds


def test_an_objection_that_holds_in_one_source_holds_in_all(settings: Settings) -> None:
    agreement = settings.sources["gp_registrations"].agreement
    assert agreement
    sources = {**settings.sources, "adult_social_care": SourceSettings("council", replace(agreement, legal_basis="consent"))}
    assert gates.objections_in_force(replace(settings, sources=sources), RULES) == tuple(Objection)


def test_every_extract_has_a_sector_and_every_rule_its_source_and_mark() -> None:
    assert set(RULES.sectors) == set(EXTRACTS)
    entries = [*RULES.legal_bases.values(), *RULES.purposes.values(), RULES.national_check]
    assert all(one.source and one.mark in ("S", "S-part", "M", "D") for one in entries)
    assert RULES.sectors["adult_social_care"] == "social care"


def change_setting(workspace: Path, extract: str, key: str, value: str) -> None:
    """Another value for a key of one source in locality.toml."""
    file = workspace / "locality.toml"
    text, changed = re.subn(rf"(\[sources\.{extract}\]\n(?:.+\n)*?{key} = ).*", rf"\g<1>{value}", file.read_text(encoding="utf-8"))
    assert changed == 1
    file.write_text(text, encoding="utf-8")


def trail_entries(workspace: Path) -> list[dict[str, Any]]:
    assert trail.verify_chain(workspace / "audit" / "trail.jsonl") == ()
    return list(trail.read_trail(workspace / "audit" / "trail.jsonl"))


def decisions_by_subject(entry: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The decisions of an audit event, by gate and subject."""
    return {(decision["gate"], decision["subject"]): decision for decision in entry["decisions"]}


def test_a_run_on_the_day_after_is_refused_before_any_delivery_is_opened_and_recorded(workspace: Path, bcf: Callable[..., CommandResult]) -> None:
    change_setting(workspace, "outpatients", "valid_to", f"{today() - timedelta(days=1)}")
    for file in (workspace / "landing").glob("*/*.csv"):
        file.write_bytes(b"not looked at")
    result = bcf("run", workspace, "--as-at", "2014-09-30", "--no-prefect")
    assert result.code == 2
    assert len(result.err.strip().splitlines()) == 1
    assert f"locality.toml [sources.outpatients]: agreement SYN-AC-01 expired after {today() - timedelta(days=1)}, and today is {today()}" in result.err
    (entry,) = trail_entries(workspace)
    assert (entry["what"], entry["refused"] in result.err) == ("run refused", True)
    decisions = decisions_by_subject(entry)
    assert not decisions["agreement", "locality.toml [sources.outpatients]"]["passed"]
    assert decisions["agreement", "locality.toml [sources.outpatients]"]["words"].startswith("agreement SYN-AC-01 expired")
    assert decisions["agreement", "locality.toml [sources.gp_events]"]["passed"]
    assert decisions["agreement", "locality.toml [sources.gp_events]"]["words"].startswith("SYN-GP-01, ")
    assert not (workspace / "published").exists()
    assert "expired after" in bcf("doctor", workspace, "--json").out


def test_what_passed_is_recorded_when_a_run_begins(published: Path) -> None:
    (begun,) = (entry for entry in trail_entries(published) if entry["what"] == "run begun")
    decisions = decisions_by_subject(begun)
    assert {subject for gate, subject in decisions if gate == "agreement"} == {f"locality.toml [sources.{name}]" for name in EXTRACTS}
    assert {gate for gate, _ in decisions} == {"agreement", *Objection}
    assert all(decision["passed"] is True for decision in begun["decisions"])
    assert "for risk stratification on the basis of made up" in decisions["agreement", "locality.toml [sources.gp_events]"]["words"]
    assert begun["basis"] == "risk stratification: made up (SYN-AC-01); risk stratification: made up (SYN-GP-01); risk stratification: made up (SYN-SC-01)"
    assert json.dumps(begun)
