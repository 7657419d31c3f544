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

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.storage import trail
from pipelines import gates
from pipelines.recording import day_of, today
from pipelines.settings import Settings, Source, read_settings
from pipelines.sharing_settings import Agreement
from tests.conftest import Said
from tests.spec.test_settings import GOOD, write

FIRST, LAST = date(2014, 4, 1), date(2015, 3, 31)
RULES = SharingRules.build(date(2026, 1, 1))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(write(tmp_path, GOOD))


def stated(settings: Settings, extract: str = "gp_registrations", **changes: Any) -> Settings:
    """Settings with one source, whose agreement has these changes."""
    agreement = settings.sources["gp_registrations"].agreement
    assert agreement
    agreed = replace(agreement, data_sets=(extract,), **{key: value for key, value in changes.items() if key in Agreement.__dataclass_fields__})
    others = {key: value for key, value in changes.items() if key not in Agreement.__dataclass_fields__}
    return replace(settings, sources={extract: Source("somebody", agreed)}, **others)


def refusal(settings: Settings, on: date) -> str:
    """The line with which a day's decisions are refused, or nothing."""
    decisions = gates.agreements(settings, on)
    if all(one.passed for one in decisions):
        gates.refuse(decisions)
        return ""
    with pytest.raises(RequestRefused) as refused:
        gates.refuse(decisions)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("on", "words"),
    [
        (FIRST - timedelta(days=1), "agreement DSA-1 begins on 2014-04-01, and today is 2014-03-31; wait for it"),
        (FIRST, ""),
        (LAST - timedelta(days=1), ""),
        (LAST, ""),
        (LAST + timedelta(days=1), "agreement DSA-1 ended with 2015-03-31, and today is 2015-04-01; renew it"),
    ],
)
def test_an_agreement_holds_from_its_first_day_through_its_last(on: date, words: str, settings: Settings) -> None:
    refused = refusal(settings, on)
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
            "the purpose of this workspace is unknown; say in [locality] one of direct care, risk stratification",
        ),
        ({"legal_basis": "none"}, "legal_basis is unknown; it is one of section 251, consent, pseudonymised third party"),
        ({"kind": "live", "legal_basis": "made up"}, "the legal basis made up is for synthetic workspaces alone"),
        ({"legal_basis": "made up"}, ""),
    ],
)
def test_an_agreement_covers_the_purpose_on_a_known_basis_or_is_refused(changes: dict[str, Any], words: str, settings: Settings) -> None:
    refused = refusal(stated(settings, **changes), LAST)
    assert refused.startswith(f"locality.toml [sources.gp_registrations]: {words}") if words else refused == ""


def test_an_agreement_about_something_else_does_not_cover_the_source(settings: Settings) -> None:
    agreement = settings.sources["gp_registrations"].agreement
    sources = {**settings.sources, "gp_events": Source("practices", agreement), "outpatients": Source("trust", None)}
    words = refusal(replace(settings, sources=sources), LAST)
    assert words.startswith(
        "locality.toml [sources.gp_events]: agreement DSA-1 is about gp_registrations and not gp_events; have it extended, or take the source out"
    )
    assert words.endswith("(1 more are refused)")


def test_a_source_without_an_agreement_is_refused(tmp_path: Path) -> None:
    bare = re.sub(r"^(agreement|parties|purposes|data_sets|legal_basis|valid_from|valid_to) = .*\n", "", GOOD, flags=re.M)
    assert refusal(read_settings(write(tmp_path, bare)), LAST).startswith("locality.toml [sources.gp_registrations]: no sharing agreement is stated")


@pytest.mark.parametrize("basis", RULES.legal_bases)
def test_social_care_data_come_by_consent_or_pseudonymised_by_a_third_party(basis: str, settings: Settings) -> None:
    words = refusal(replace(stated(settings, "adult_social_care", legal_basis=basis), kind="live"), LAST)
    allowed = basis in ("consent", "pseudonymised third party")
    assert (words == "") is allowed
    if not allowed and basis != "made up":
        assert "does not cover social care data; share them on the basis of consent or pseudonymised third party" in words


@pytest.mark.parametrize("purpose", RULES.purposes)
@pytest.mark.parametrize("basis", RULES.legal_bases)
def test_which_objections_hold_is_decided_by_purpose_and_basis(purpose: str, basis: str, settings: Settings) -> None:
    holds = gates.holding(stated(settings, purpose=purpose, legal_basis=basis), RULES)
    assert (Objection.NATIONAL in holds) == (purpose != "direct care" and basis in ("section 251", "pseudonymised third party"))
    assert (Objection.TYPE_1 in holds) == (purpose != "direct care" and basis not in ("direct care", "legal duty"))
    assert Objection.LOCAL in holds


def test_an_objection_that_holds_in_one_source_holds_in_all(settings: Settings) -> None:
    agreement = settings.sources["gp_registrations"].agreement
    assert agreement
    sources = {**settings.sources, "adult_social_care": Source("council", replace(agreement, legal_basis="consent"))}
    assert gates.holding(replace(settings, sources=sources), RULES) == tuple(Objection)


def test_every_extract_has_a_sector_and_every_rule_its_source_and_mark() -> None:
    assert set(RULES.sectors) == set(EXTRACTS)
    told = [*RULES.legal_bases.values(), *RULES.purposes.values(), RULES.national_check]
    assert all(one.source and one.mark in ("S", "S-part", "M", "D") for one in told)
    assert RULES.sectors["adult_social_care"] == "social care"


def restated(workspace: Path, extract: str, key: str, value: str) -> None:
    """Another value for a key of one source in locality.toml."""
    file = workspace / "locality.toml"
    text, changed = re.subn(rf"(\[sources\.{extract}\]\n(?:.+\n)*?{key} = ).*", rf"\g<1>{value}", file.read_text(encoding="utf-8"))
    assert changed == 1
    file.write_text(text, encoding="utf-8")


def recorded(workspace: Path) -> list[dict[str, Any]]:
    assert trail.verify(workspace / "audit" / "trail.jsonl") == ()
    return list(trail.entries(workspace / "audit" / "trail.jsonl"))


def test_a_run_on_the_day_after_is_refused_before_any_delivery_is_opened_and_recorded(workspace: Path, bcf: Callable[..., Said]) -> None:
    restated(workspace, "outpatients", "valid_to", f"{today() - timedelta(days=1)}")
    for file in (workspace / "landing").glob("*/*.csv"):
        file.write_bytes(b"not looked at")
    said = bcf("run", workspace, "--as-at", "2014-09-30", "--no-prefect")
    assert said.code == 2
    assert len(said.err.strip().splitlines()) == 1
    assert f"locality.toml [sources.outpatients]: agreement SYN-AC-01 ended with {today() - timedelta(days=1)}, and today is {today()}" in said.err
    (entry,) = recorded(workspace)
    assert (entry["what"], entry["refused"] in said.err) == ("run refused", True)
    assert entry["decisions"]["agreement, locality.toml [sources.outpatients]"].startswith("refused: agreement SYN-AC-01 ended")
    assert entry["decisions"]["agreement, locality.toml [sources.gp_events]"].startswith("passed: SYN-GP-01, ")
    assert not (workspace / "published").exists()
    assert "ended with" in bcf("doctor", workspace, "--json").out


def test_what_passed_is_recorded_when_a_run_begins(published: Path) -> None:
    (begun,) = (entry for entry in recorded(published) if entry["what"] == "run begun")
    assert {subject.split(", ")[1] for subject in begun["decisions"] if subject.startswith("agreement")} == {
        f"locality.toml [sources.{name}]" for name in EXTRACTS
    }
    assert {subject.split(", ")[0] for subject in begun["decisions"]} == {"agreement", *Objection}
    assert all(words.startswith("passed: ") for words in begun["decisions"].values())
    assert "for risk stratification on the basis of made up" in begun["decisions"]["agreement, locality.toml [sources.gp_events]"]
    assert begun["basis"] == "risk stratification: made up (SYN-AC-01); risk stratification: made up (SYN-GP-01); risk stratification: made up (SYN-SC-01)"
    assert json.dumps(begun)
