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

from bcf_linkage.definitions.errors import EnvironmentRefused, Refusal, RequestRefused
from bcf_linkage.identifiable.pseudonymise import PERSON, are_numbers, tokens
from bcf_linkage.storage import trail
from bcf_linkage.storage.store import Workspace, locked
from pipelines.custody import pseudonym_key, vault_of
from pipelines.reidentification import Asked, Wanted, reidentify
from pipelines.settings import read_settings
from tests.conftest import Said

GOOD = Asked("", "a.gp", "c.guardian", "direct care", "team meeting of 14 October", Wanted(listed="high_risk_without_care_plan"))


@pytest.fixture
def place(published: Path, tmp_path: Path) -> Iterator[Path]:
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


def recorded(workspace: Path) -> list[dict[str, Any]]:
    assert trail.verify(workspace / "audit" / "trail.jsonl") == ()
    return [entry for entry in trail.entries(workspace / "audit" / "trail.jsonl") if entry["what"].startswith("re-identification")]


def true_numbers(workspace: Path) -> dict[str, str]:
    """Pseudonym to NHS number, worked out anew from the deliveries."""
    file = workspace / "landing" / "gp_registrations" / "gp_registrations.csv"
    numbers = pl.read_csv(file, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")["nhs_number"]
    sound = [n for n in {(number or "").replace(" ", "").replace("-", "") for number in numbers} if are_numbers([n])]
    return dict(zip((token or "" for token in tokens(pseudonym_key(workspace), PERSON, sound)), sound, strict=True))


def test_a_practice_is_given_the_numbers_of_its_own_patients(place: Path) -> None:
    practice = practices(place)[0]
    wanted = patients(place, practice)[:5]
    given = reidentify(place, replace(GOOD, practice=practice, wanted=Wanted(tuple(wanted))))
    listed = pl.read_csv(given.path, infer_schema=False)
    truth = true_numbers(place)
    assert listed.columns == ["nhs_number", "pseudonym"]
    assert dict(zip(listed["pseudonym"], listed["nhs_number"], strict=True)) == {token: truth[token] for token in wanted}
    assert given.path.parent == place / "vault" / "reidentified"
    assert given.path.stat().st_mode & 0o777 == 0o600
    assert given.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_list_by_its_name_shows_numbers_and_why_and_no_more(place: Path) -> None:
    everybody = people(place).join(pl.read_parquet(next((place / "pseudonymised").glob("*/strata.parquet"))), on="person")
    everybody = everybody.join(pl.read_parquet(next((place / "pseudonymised").glob("*/care.parquet"))), on="person")
    found = everybody.filter("high_risk", ~pl.col("care_plan"), pl.col("population") == "registered", pl.col("practice_code").is_in(practices(place)[:2]))
    practice = found["practice_code"][0]
    given = reidentify(place, replace(GOOD, practice=practice))
    listed = pl.read_csv(given.path, infer_schema=False)
    truth = true_numbers(place)
    assert listed.columns == ["nhs_number", "accountable_professional", "case_management_register", "social_care"]
    assert listed["nhs_number"].to_list() == sorted(truth[token] for token in found.filter(pl.col("practice_code") == practice)["person"])
    again = reidentify(place, replace(GOOD, practice=practice))
    assert again.path != given.path


def test_what_was_given_is_recorded_with_who_why_and_for_whom_but_no_number(place: Path) -> None:
    practice = practices(place)[0]
    wanted = patients(place, practice)[:2]
    given = reidentify(place, replace(GOOD, practice=practice, wanted=Wanted(tuple(wanted))))
    (entry,) = recorded(place)
    assert entry["what"] == "re-identification given"
    assert entry["parties"] == {"requester": "a.gp", "approver": "c.guardian", "practice": practice}
    assert (entry["why"], entry["basis"], entry["counts"]) == ("team meeting of 14 October", "direct care", {"asked": 2})
    assert entry["subjects"] == [token[:8] for token in wanted]
    assert entry["key"] == "register-1"
    assert entry["run"] == given.run
    (digest,) = entry["outputs"].values()
    assert digest.startswith("hmac-sha-256 "), "a plain digest of a short list could be tried out number by number"
    text = (place / "audit" / "trail.jsonl").read_text()
    assert not any(number in text for number in pl.read_csv(given.path, infer_schema=False)["nhs_number"])
    assert not any(token in text for token in wanted)


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "another purpose": ({"purpose": "service evaluation"}, "for direct care alone"),
    "no purpose": ({"purpose": ""}, "for direct care alone"),
    "no reason": ({"reason": "  "}, "the reason must say"),
    "hardly a reason": ({"reason": "asked"}, "the reason must say"),
    "a reason with a line break": ({"reason": "team meeting\nof October"}, "the reason must say"),
    "a reason that names a patient": ({"reason": "for the patient 943 476 5919"}, "may hold an NHS number"),
    "a practice nobody may ask for": ({"practice": "Z99999"}, "nobody is authorised for this practice"),
    "a requester of nowhere": ({"requester": "d.nobody"}, "this requester may not ask for"),
    "a requester of another practice": ({"requester": "second.gp"}, "this requester may not ask for"),
    "an approver of nowhere": ({"approver": "d.nobody"}, "this approver may not approve for"),
    "an approver who asks": ({"approver": "a.gp"}, "requester and approver are one person"),
    "the same, written otherwise": ({"approver": "  A.GP "}, "requester and approver are one person"),
    "a requester as approver": ({"requester": "first.gp", "approver": "first.gp"}, "this approver may not approve for"),
    "nobody": ({"wanted": Wanted()}, "one list by its name"),
    "two ways at once": ({"wanted": Wanted(("a" * 32,), None, "high_risk_without_care_plan")}, "one list by its name"),
    "no such list": ({"wanted": Wanted(listed="astronauts")}, "no such list; there are high_risk_without_care_plan"),
    "no such run": ({"run": "2014-09-30-aaaaaaaaaa"}, "that run is not published"),
    "a run of another place": ({"run": "../../elsewhere"}, "no name of a run"),
    "a number for a pseudonym": ({"wanted": Wanted(("9434765919",))}, "pseudonym 1: no pseudonym"),
    "a pseudonym of another project": ({"wanted": Wanted(("abcdefghijklmnop" * 2,))}, "made for another project or under another key; none is given"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_may_not_be_asked_is_refused_in_one_line_and_recorded(name: str, place: Path) -> None:
    changed, words = REFUSALS[name]
    before = sorted((place / "vault").rglob("*"))
    with pytest.raises(RequestRefused, match=words) as refusal:
        reidentify(place, replace(GOOD, **{"practice": practices(place)[0], **changed}))
    assert "\n" not in str(refusal.value)
    (entry,) = recorded(place)
    assert entry["what"] == "re-identification refused"
    assert entry["refused"] == str(refusal.value)
    assert "943 476 5919" not in json.dumps(entry) + str(refusal.value)
    assert "9434765919" not in json.dumps(entry) + str(refusal.value)
    assert sorted((place / "vault").rglob("*")) == before, "nothing was given"


def test_another_practices_patient_is_refused_and_with_them_the_whole_list(place: Path) -> None:
    first, second = practices(place)[:2]
    wanted = (*patients(place, first)[:3], patients(place, second)[0])
    with pytest.raises(RequestRefused, match=f"1 of 4 are no patients of {first} as at run .*none is given"):
        reidentify(place, replace(GOOD, practice=first, wanted=Wanted(wanted)))
    assert not (place / "vault" / "reidentified").exists()
    assert recorded(place)[0]["subjects"] == [token[:8] for token in wanted]


def test_who_is_not_registered_is_nobodys_patient(place: Path) -> None:
    seen = people(place).filter(pl.col("population") != "registered")["person"][0]
    with pytest.raises(RequestRefused, match="nobody's who is registered"):
        reidentify(place, replace(GOOD, practice=practices(place)[0], wanted=Wanted((seen,))))


def test_a_pseudonym_made_for_another_project_opens_nothing(place: Path) -> None:
    practice = practices(place)[0]
    number = true_numbers(place)[patients(place, practice)[0]]
    settings = place / "locality.toml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text('keys = { project = "another" }\n' + before, encoding="utf-8")
    (token,) = tokens(pseudonym_key(place), PERSON, [number])
    settings.write_text(before, encoding="utf-8")
    with pytest.raises(RequestRefused, match="made for another project"):
        reidentify(place, replace(GOOD, practice=practice, wanted=Wanted((token or "",))))


@pytest.mark.parametrize("out", ["published/current/list.csv", "pseudonymised/list.csv", "landing/list.csv", "audit/list.csv", "list.csv"])
def test_a_list_is_never_put_where_others_read(out: str, place: Path) -> None:
    practice = practices(place)[0]
    with pytest.raises(RequestRefused, match="lies in the workspace"):
        reidentify(place, replace(GOOD, practice=practice, wanted=Wanted((patients(place, practice)[0],)), out=place / out))


def test_a_list_is_put_where_the_requester_says_and_replaces_nothing(place: Path, tmp_path: Path) -> None:
    practice = practices(place)[0]
    asked = replace(GOOD, practice=practice, wanted=Wanted((patients(place, practice)[0],)), out=tmp_path / "list.csv")
    given = reidentify(place, asked)
    assert given.path == tmp_path / "list.csv"
    assert given.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(RequestRefused, match="is there already"):
        reidentify(place, asked)
    (tmp_path / "link").symlink_to(place / "published")
    with pytest.raises(RequestRefused, match="lies in the workspace"):
        reidentify(place, replace(asked, out=tmp_path / "link" / "list.csv"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("person\nabc\n", "line 2: no pseudonym"),
        ("\n\n9434765919\n", "line 3: no pseudonym.*what stands there is not shown"),
        ("", "holds no pseudonym"),
        ("person\n", "holds no pseudonym"),
        ("\xff", "cannot be read as text"),
    ],
)
def test_a_file_that_holds_no_pseudonyms_is_refused_by_line(text: str, words: str, place: Path, tmp_path: Path) -> None:
    (tmp_path / "asked.txt").write_text(text, encoding="latin-1")
    with pytest.raises(RequestRefused, match=words) as refusal:
        reidentify(place, replace(GOOD, practice=practices(place)[0], wanted=Wanted(file=tmp_path / "asked.txt")))
    assert "9434765919" not in str(refusal.value)


def test_a_register_that_was_changed_or_swapped_opens_nothing(place: Path) -> None:
    (register,) = (place / "vault" / "register").iterdir()
    sound = register.read_bytes()
    practice = practices(place)[0]
    asked = replace(GOOD, practice=practice, wanted=Wanted((patients(place, practice)[0],)))
    for spoilt in (sound[:-1], sound[:100], b"", sound.replace(b"register-1", b"register-9"), sound[:-1] + bytes([sound[-1] ^ 1])):
        register.write_bytes(spoilt)
        with pytest.raises(Refusal):
            reidentify(place, asked)
    register.write_bytes(sound)
    reidentify(place, asked)
    register.unlink()
    with pytest.raises(RequestRefused, match="no such file in the vault"):
        reidentify(place, asked)


def test_the_register_is_sealed_and_under_another_key_than_pseudonyms(place: Path) -> None:
    (register,) = (place / "vault" / "register").iterdir()
    content = register.read_bytes()
    truth = true_numbers(place)
    assert not any(text.encode() in content for pair in list(truth.items())[:200] for text in pair)
    vault = vault_of(place, read_settings(place))
    shutil.copy(place / "vault" / "keys" / "pseudonym-1.key", place / "vault" / "keys" / "register-1.key")
    with pytest.raises(EnvironmentRefused, match="is not the key that register-1 has been"):
        vault.key("register-1")


def test_nobody_is_named_while_a_run_is_at_work(place: Path) -> None:
    with locked(Workspace(place)), pytest.raises(EnvironmentRefused, match="another run is at work"):
        reidentify(place, replace(GOOD, practice=practices(place)[0]))
    assert [entry["what"] for entry in recorded(place)] == ["re-identification refused"]


def test_a_trail_that_was_cut_lets_nobody_be_named_and_keeps_what_was_asked(place: Path) -> None:
    practice, file = practices(place)[0], place / "audit" / "trail.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:1]))
    with pytest.raises(EnvironmentRefused, match="line 2 is missing"):
        reidentify(place, replace(GOOD, practice=practice, wanted=Wanted((patients(place, practice)[0],))))
    assert not (place / "vault" / "reidentified").exists()
    assert b"re-identification" in file.with_suffix(".refused").read_bytes()


def test_the_command(place: Path, bcf: Callable[..., Said]) -> None:
    practice = practices(place)[0]
    options = ("--practice", practice, "--requester", "a.gp", "--approver", "c.guardian", "--purpose", "direct care", "--reason", "team meeting of 14 October")
    said = bcf("reidentify", place, patients(place, practice)[0], *options, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["people"] == 1
    assert bcf("reidentify", place, "abc", *options).code == 2
