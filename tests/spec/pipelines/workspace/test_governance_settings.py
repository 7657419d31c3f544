"""What `locality.toml` states of keys, retention and names: what is read, and what is refused with which words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.identifiable.vault import KeyPurpose, KeySource
from pipelines.workspace.governance_settings import AuthorisedPeople, Retention, RetentionPeriod
from pipelines.workspace.new_workspace import create_workspace
from pipelines.workspace.settings import read_settings
from pipelines.workspace.sharing_settings import OptOutSettings
from tests.spec.pipelines.workspace.test_settings import GOOD, write

GOVERNANCE_SETTINGS = """
[keys]
recipient = "10X"
project = "evaluation"
pseudonym = { command = ["site-keys", "get", "{id}"] }
register = { file = "secure/{id}.key" }
[retention]
landing = { days = 90 }
pseudonymised = { runs = 13 }
[reidentification.Z00001]
requesters = ["a.gp", "b.gp"]
approvers = ["c.guardian"]
"""


def test_what_is_stated_is_read(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, GOOD + GOVERNANCE_SETTINGS))
    assert (settings.recipient, settings.keys.project) == ("10X", "evaluation")
    assert settings.keys.sources == {
        KeyPurpose.PSEUDONYM: KeySource("command", ("site-keys", "get", "{id}")),
        KeyPurpose.REGISTER: KeySource("file", (str(tmp_path / "secure/{id}.key"),)),
    }
    assert settings.retention == Retention(landing=RetentionPeriod(days=90), pseudonymised=RetentionPeriod(runs=13))
    assert settings.reidentification == {"Z00001": AuthorisedPeople(("a.gp", "b.gp"), ("c.guardian",))}


def test_without_any_of_it_keys_lie_in_the_vault_all_is_kept_and_nobody_is_named(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, GOOD))
    assert (settings.recipient, settings.keys.project, settings.keys.sources) == ("00X", "risk stratification", {})
    assert settings.retention == Retention()
    assert settings.reidentification == {}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("recipient =", "recipeint =", "[keys] has the unknown key recipeint; remove it"),
        ('"10X"', '""', "[keys] recipient is empty; fill it in"),
        ('"10X"', '"a\\u0000b"', "[keys] recipient has a control character"),
        ("{ command", '{ environment = "KEY", command', "[keys.pseudonym] names environment and command; a key has one source"),
        ("{ command", '{ hex = "00", command', "[keys.pseudonym] has the unknown key hex"),
        ('["site-keys", "get", "{id}"]', "[]", "[keys.pseudonym] command must be a list of texts in quotes"),
        ('["site-keys", "get", "{id}"]', '["site-keys", 7]', "[keys.pseudonym] command must be a list of texts in quotes"),
        ('"secure/{id}.key"', f'"{"ab" * 32}"', "[keys.register] file seems to hold a key"),
        ('"get"', f'"{"AB" * 32}"', "[keys.pseudonym] command seems to hold a key"),
        (
            '{ command = ["site-keys", "get", "{id}"] }\nregister = { file = "secure/{id}.key" }',
            '{ file = "a" }\nregister = { file = "a" }',
            "the same key; give each its own",
        ),
        ("landing =", "vault =", "[retention] has the unknown key vault"),
        ("{ days = 90 }", "90", "[retention] landing must be a table"),
        ("{ days = 90 }", "{ days = 0 }", "[retention] landing must be from 1 to 36,500"),
        ("{ days = 90 }", "{ days = -1 }", "[retention] landing must be from 1 to 36,500"),
        ("{ days = 90 }", "{ days = 1.5 }", "[retention.landing] days must be a whole number"),
        ("{ days = 90 }", "{ days = true }", "[retention.landing] days must be a whole number"),
        ("{ days = 90 }", "{ runs = 2 }", "[retention] landing needs days, one number"),
        ("{ days = 90 }", "{}", "[retention] landing needs days, one number"),
        ("{ runs = 13 }", "{ runs = 13, days = 2 }", "[retention] pseudonymised needs days or runs, one number"),
        ("[reidentification.Z00001]", "[reidentification.Z99999]", "[reidentification.Z99999] is no practice of [[clusters]]"),
        ('approvers = ["c.guardian"]', "", "[reidentification.Z00001] has no approvers; add it"),
        ('["c.guardian"]', "[]", "[reidentification.Z00001] approvers must be a list of texts"),
        ('["c.guardian"]', '"c.guardian"', "[reidentification.Z00001] approvers must be a list"),
        ('["c.guardian"]', '["B.GP "]', "[reidentification.Z00001] has a requester whose requests nobody else could approve"),
        ("{ days = 90 }", "{ days = 99999999999999999999 }", "[retention] landing must be from 1 to 36,500"),
    ],
)
def test_a_wrong_statement_is_refused_in_words(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOVERNANCE_SETTINGS
    with pytest.raises(UsageError, match=re.escape(words)) as refusal:
        read_settings(write(tmp_path, GOOD + GOVERNANCE_SETTINGS.replace(old, new, 1)))
    assert "ab" * 32 not in str(refusal.value).lower()
    assert "\n" not in str(refusal.value)


def test_what_init_suggests_can_be_taken_up(tmp_path: Path) -> None:
    create_workspace(tmp_path / "new")
    file = tmp_path / "new" / "locality.toml"
    text = file.read_text(encoding="utf-8")
    suggested = re.sub(
        r"^# (?=\[(keys|retention|reidentification|opt_outs)|mailbox|local_objections|recipient|project|pseudonym|register"
        r"|landing|published|bridges|reidentified|requesters|approvers)",
        "",
        text,
        flags=re.M,
    )
    file.write_text(suggested, encoding="utf-8")
    settings = read_settings(tmp_path / "new")
    assert settings.opt_outs == OptOutSettings("8HQ50OT001", local_objections=True)
    assert settings.keys.sources.keys() == set(KeyPurpose)
    assert settings.retention.landing == RetentionPeriod(days=90)
    assert settings.retention.bridges == RetentionPeriod(days=365)
    assert settings.reidentification["Z00001"].approvers == ("c.guardian",)
