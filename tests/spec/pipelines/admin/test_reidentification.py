"""A practice is given its own patients' numbers, for direct care, on a second person's word. Everything else is refused, and all of it recorded."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.errors import BcfError, EnvironmentFault, UsageError
from bcf_linkage.identifiable.pseudonymisation import PERSON_DOMAIN, are_canonical_numbers, make_tokens
from bcf_linkage.storage import trail
from bcf_linkage.storage.store import Workspace, lock_workspace
from pipelines.admin.reidentification import ReidentificationRequest, RequestedPeople, reidentify
from pipelines.workspace.key_access import pseudonym_key, vault_of
from pipelines.workspace.settings import read_settings
from tests.conftest import CommandResult

GOOD = ReidentificationRequest("", "a.gp", "c.guardian", "direct care", "team meeting of 14 October", RequestedPeople(case_list="high_risk_without_care_plan"))


@pytest.fixture
def published_copy(published: Path, tmp_path: Path) -> Iterator[Path]:
    """A published workspace in which two practices may ask."""
    workspace = Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))
    stated = "".join(
        f'\n[reidentification.{code}]\nrequesters = ["a.gp", "{name}"]\napprovers = ["c.guardian", "a.gp"]\n'
        for code, name in zip(practices(workspace)[:2], ("first.gp", "second.gp"), strict=True)
    )
    settings = workspace / "locality.toml"
    own = re.sub(r"\[reidentification\.\w+\]\n(.+\n)+", "", settings.read_text(encoding="utf-8"))
    settings.write_text(own + stated, encoding="utf-8")
    return workspace


def practices(workspace: Path) -> list[str]:
    return [code for cluster in read_settings(workspace).clusters for code, _ in cluster.practices]


def people(workspace: Path) -> pl.DataFrame:
    return pl.read_parquet(next((workspace / "pseudonymised").glob("*/people.parquet")))


def patients(workspace: Path, practice: str) -> list[str]:
    return people(workspace).filter(pl.col("practice_code") == practice, pl.col("population") == "registered")["person"].sort().to_list()


def trail_entries(workspace: Path) -> list[dict[str, Any]]:
    assert trail.verify_chain(workspace / "audit" / "trail.jsonl") == ()
    return [entry for entry in trail.read_trail(workspace / "audit" / "trail.jsonl") if entry["what"].startswith("re-identification")]


def true_numbers(workspace: Path) -> dict[str, str]:
    """Pseudonym to NHS number, worked out anew from the deliveries."""
    file = workspace / "landing" / "gp_registrations" / "gp_registrations.csv"
    numbers = pl.read_csv(file, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")["nhs_number"]
    sound = [n for n in {(number or "").replace(" ", "").replace("-", "") for number in numbers} if are_canonical_numbers([n])]
    return dict(zip((token or "" for token in make_tokens(pseudonym_key(workspace), PERSON_DOMAIN, sound)), sound, strict=True))


def test_a_practice_is_given_the_numbers_of_its_own_patients(published_copy: Path) -> None:
    practice = practices(published_copy)[0]
    wanted = patients(published_copy, practice)[:5]
    given = reidentify(published_copy, replace(GOOD, practice=practice, people=RequestedPeople(tuple(wanted))))
    listed = pl.read_csv(given.path, infer_schema=False)
    truth = true_numbers(published_copy)
    assert listed.columns == ["nhs_number", "pseudonym"]
    assert dict(zip(listed["pseudonym"], listed["nhs_number"], strict=True)) == {token: truth[token] for token in wanted}
    assert given.path.parent == published_copy / "vault" / "reidentified"
    assert given.path.stat().st_mode & 0o777 == 0o600
    assert given.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_list_by_its_name_shows_numbers_and_why_and_no_more(published_copy: Path) -> None:
    everybody = people(published_copy).join(pl.read_parquet(next((published_copy / "pseudonymised").glob("*/strata.parquet"))), on="person")
    everybody = everybody.join(pl.read_parquet(next((published_copy / "pseudonymised").glob("*/care.parquet"))), on="person")
    found = everybody.filter(
        "high_risk", ~pl.col("care_plan"), pl.col("population") == "registered", pl.col("practice_code").is_in(practices(published_copy)[:2])
    )
    practice = found["practice_code"][0]
    given = reidentify(published_copy, replace(GOOD, practice=practice))
    listed = pl.read_csv(given.path, infer_schema=False)
    truth = true_numbers(published_copy)
    assert listed.columns == ["nhs_number", "accountable_professional", "case_management_register", "social_care"]
    assert listed["nhs_number"].to_list() == sorted(truth[token] for token in found.filter(pl.col("practice_code") == practice)["person"])
    again = reidentify(published_copy, replace(GOOD, practice=practice))
    assert again.path != given.path


def test_what_was_given_is_recorded_with_who_why_and_for_whom_but_no_number(published_copy: Path) -> None:
    practice = practices(published_copy)[0]
    wanted = patients(published_copy, practice)[:2]
    given = reidentify(published_copy, replace(GOOD, practice=practice, people=RequestedPeople(tuple(wanted))))
    (entry,) = trail_entries(published_copy)
    assert entry["what"] == "re-identification given"
    assert entry["parties"] == {"requester": "a.gp", "approver": "c.guardian", "practice": practice}
    assert (entry["why"], entry["basis"], entry["counts"]) == ("team meeting of 14 October", "direct care", {"asked": 2})
    assert entry["subjects"] == [token[:8] for token in wanted]
    assert entry["key"] == "register-1"
    assert entry["run"] == given.run
    (digest,) = entry["outputs"].values()
    assert digest.startswith("hmac-sha-256 "), "a plain digest of a short list could be tried out number by number"
    text = (published_copy / "audit" / "trail.jsonl").read_text()
    assert not any(number in text for number in pl.read_csv(given.path, infer_schema=False)["nhs_number"])
    assert not any(token in text for token in wanted)


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "another purpose": ({"purpose": "service evaluation"}, "only for direct care"),
    "no purpose": ({"purpose": ""}, "only for direct care"),
    "no reason": ({"reason": "  "}, "the reason must state"),
    "hardly a reason": ({"reason": "asked"}, "the reason must state"),
    "a reason with a line break": ({"reason": "team meeting\nof October"}, "the reason must state"),
    "a reason that names a patient": ({"reason": "for the patient 943 476 5919"}, "may hold an NHS number"),
    "a practice nobody may ask for": ({"practice": "Z99999"}, "nobody is authorised for this practice"),
    "a requester of nowhere": ({"requester": "d.nobody"}, "this requester is not authorised for"),
    "a requester of another practice": ({"requester": "second.gp"}, "this requester is not authorised for"),
    "an approver of nowhere": ({"approver": "d.nobody"}, "this approver is not authorised for"),
    "an approver who asks": ({"approver": "a.gp"}, "requester and approver are the same person"),
    "the same, written otherwise": ({"approver": "  A.GP "}, "requester and approver are the same person"),
    "a requester as approver": ({"requester": "first.gp", "approver": "first.gp"}, "this approver is not authorised for"),
    "nobody": ({"people": RequestedPeople()}, "exactly one of these"),
    "two ways at once": ({"people": RequestedPeople(("a" * 32,), None, "high_risk_without_care_plan")}, "exactly one of these"),
    "no such list": ({"people": RequestedPeople(case_list="astronauts")}, "unknown list; the lists are high_risk_without_care_plan"),
    "no such run": ({"run": "2014-09-30-aaaaaaaaaa"}, "that run is not published"),
    "a run of another place": ({"run": "../../elsewhere"}, "not the name of a run"),
    "a number for a pseudonym": ({"people": RequestedPeople(("9434765919",))}, "pseudonym 1: not a pseudonym"),
    "a pseudonym of another project": (
        {"people": RequestedPeople(("abcdefghijklmnop" * 2,))},
        "made for another project or under another key; no list is",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_may_not_be_asked_is_refused_in_one_line_and_recorded(name: str, published_copy: Path) -> None:
    changed, words = REFUSALS[name]
    before = sorted((published_copy / "vault").rglob("*"))
    with pytest.raises(UsageError, match=words) as refusal:
        reidentify(published_copy, replace(GOOD, **{"practice": practices(published_copy)[0], **changed}))
    assert "\n" not in str(refusal.value)
    (entry,) = trail_entries(published_copy)
    assert entry["what"] == "re-identification refused"
    assert entry["refused"] == str(refusal.value)
    assert "943 476 5919" not in json.dumps(entry) + str(refusal.value)
    assert "9434765919" not in json.dumps(entry) + str(refusal.value)
    assert sorted((published_copy / "vault").rglob("*")) == before, "nothing was given"


def test_another_practices_patient_is_refused_and_with_them_the_whole_list(published_copy: Path) -> None:
    first, second = practices(published_copy)[:2]
    wanted = (*patients(published_copy, first)[:3], patients(published_copy, second)[0])
    with pytest.raises(UsageError, match=f"1 of 4 are not patients of {first} in run .*no list is given"):
        reidentify(published_copy, replace(GOOD, practice=first, people=RequestedPeople(wanted)))
    assert not (published_copy / "vault" / "reidentified").exists()
    assert trail_entries(published_copy)[0]["subjects"] == [token[:8] for token in wanted]


def test_who_is_not_registered_is_nobodys_patient(published_copy: Path) -> None:
    seen = people(published_copy).filter(pl.col("population") != "registered")["person"][0]
    with pytest.raises(UsageError, match="of nobody registered in run"):
        reidentify(published_copy, replace(GOOD, practice=practices(published_copy)[0], people=RequestedPeople((seen,))))


def test_a_pseudonym_made_for_another_project_opens_nothing(published_copy: Path) -> None:
    practice = practices(published_copy)[0]
    number = true_numbers(published_copy)[patients(published_copy, practice)[0]]
    settings = published_copy / "locality.toml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text('keys = { project = "another" }\n' + before, encoding="utf-8")
    (token,) = make_tokens(pseudonym_key(published_copy), PERSON_DOMAIN, [number])
    settings.write_text(before, encoding="utf-8")
    with pytest.raises(UsageError, match="made for another project"):
        reidentify(published_copy, replace(GOOD, practice=practice, people=RequestedPeople((token or "",))))


@pytest.mark.parametrize("out", ["published/current/list.csv", "pseudonymised/list.csv", "landing/list.csv", "audit/list.csv", "list.csv"])
def test_a_list_is_never_put_where_others_read(out: str, published_copy: Path) -> None:
    practice = practices(published_copy)[0]
    with pytest.raises(UsageError, match="is in the workspace"):
        reidentify(published_copy, replace(GOOD, practice=practice, people=RequestedPeople((patients(published_copy, practice)[0],)), out=published_copy / out))


def test_a_list_is_put_where_the_requester_says_and_replaces_nothing(published_copy: Path, tmp_path: Path) -> None:
    practice = practices(published_copy)[0]
    asked = replace(GOOD, practice=practice, people=RequestedPeople((patients(published_copy, practice)[0],)), out=tmp_path / "list.csv")
    given = reidentify(published_copy, asked)
    assert given.path == tmp_path / "list.csv"
    assert given.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="already exists"):
        reidentify(published_copy, asked)
    (tmp_path / "link").symlink_to(published_copy / "published")
    with pytest.raises(UsageError, match="is in the workspace"):
        reidentify(published_copy, replace(asked, out=tmp_path / "link" / "list.csv"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("person\nabc\n", "line 2: not a pseudonym"),
        ("\n\n9434765919\n", "line 3: not a pseudonym.*the value is not shown"),
        ("", "has no pseudonym"),
        ("person\n", "has no pseudonym"),
        ("\xff", "cannot be read as text"),
    ],
)
def test_a_file_that_holds_no_pseudonyms_is_refused_by_line(text: str, words: str, published_copy: Path, tmp_path: Path) -> None:
    (tmp_path / "asked.txt").write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match=words) as refusal:
        reidentify(published_copy, replace(GOOD, practice=practices(published_copy)[0], people=RequestedPeople(file=tmp_path / "asked.txt")))
    assert "9434765919" not in str(refusal.value)


def test_a_register_that_was_changed_or_swapped_opens_nothing(published_copy: Path) -> None:
    (register,) = (published_copy / "vault" / "register").iterdir()
    sound = register.read_bytes()
    practice = practices(published_copy)[0]
    asked = replace(GOOD, practice=practice, people=RequestedPeople((patients(published_copy, practice)[0],)))
    for spoilt in (sound[:-1], sound[:100], b"", sound.replace(b"register-1", b"register-9"), sound[:-1] + bytes([sound[-1] ^ 1])):
        register.write_bytes(spoilt)
        with pytest.raises(BcfError):
            reidentify(published_copy, asked)
    register.write_bytes(sound)
    reidentify(published_copy, asked)
    register.unlink()
    with pytest.raises(UsageError, match="no such file in the vault"):
        reidentify(published_copy, asked)


def test_the_register_is_sealed_and_under_another_key_than_pseudonyms(published_copy: Path) -> None:
    (register,) = (published_copy / "vault" / "register").iterdir()
    content = register.read_bytes()
    truth = true_numbers(published_copy)
    assert not any(text.encode() in content for pair in list(truth.items())[:200] for text in pair)
    vault = vault_of(published_copy, read_settings(published_copy))
    shutil.copy(published_copy / "vault" / "keys" / "pseudonym-1.key", published_copy / "vault" / "keys" / "register-1.key")
    with pytest.raises(EnvironmentFault, match="is not the key that register-1 was"):
        vault.key("register-1")


def test_nobody_is_named_while_a_run_is_at_work(published_copy: Path) -> None:
    with lock_workspace(Workspace(published_copy)), pytest.raises(EnvironmentFault, match="another run is in progress"):
        reidentify(published_copy, replace(GOOD, practice=practices(published_copy)[0]))
    assert [entry["what"] for entry in trail_entries(published_copy)] == ["re-identification refused"]


def test_a_trail_that_was_cut_lets_nobody_be_named_and_keeps_what_was_asked(published_copy: Path) -> None:
    practice, file = practices(published_copy)[0], published_copy / "audit" / "trail.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:1]))
    with pytest.raises(EnvironmentFault, match="line 2 is missing"):
        reidentify(published_copy, replace(GOOD, practice=practice, people=RequestedPeople((patients(published_copy, practice)[0],))))
    assert not (published_copy / "vault" / "reidentified").exists()
    assert b"re-identification" in file.with_suffix(".refused").read_bytes()


def test_the_command(published_copy: Path, bcf: Callable[..., CommandResult]) -> None:
    practice = practices(published_copy)[0]
    options = ("--practice", practice, "--requester", "a.gp", "--approver", "c.guardian", "--purpose", "direct care", "--reason", "team meeting of 14 October")
    result = bcf("reidentify", published_copy, patients(published_copy, practice)[0], *options, "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["people"] == 1
    assert bcf("reidentify", published_copy, "abc", *options).code == 2
