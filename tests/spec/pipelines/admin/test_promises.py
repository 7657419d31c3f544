"""Every promise is kept on a demo, and for each something is done to a copy of it that breaks the promise: the check must say so."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from bcf_linkage.definitions.promises import promises
from bcf_linkage.identifiable.pseudonymisation import TOKEN_LETTERS
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import digests
from bcf_linkage.storage.store import Workspace
from pipelines.admin.promises.check_promises import CHECKS, PromiseResult, check_promises, collect_evidence
from pipelines.admin.promises.governance import objecting_pseudonyms
from pipelines.admin.promises.pseudonyms import pseudonyms_of_blanks
from pipelines.admin.promises.workspace_snapshot import WorkspaceSnapshot
from tests.conftest import CommandResult

Spoil = Callable[[Path], None]


@pytest.fixture
def copy(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demo that may be spoilt, on a machine whose Prefect keeps nothing."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    return Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))


def run_of(workspace: Path) -> str:
    return Workspace(workspace).current.readlink().name


def table(workspace: Path, name: str) -> Path:
    return workspace / "pseudonymised" / run_of(workspace) / f"{name}.parquet"


def published_file(workspace: Path, name: str) -> Path:
    return workspace / "published" / run_of(workspace) / "tables" / f"{name}.parquet"


def rewrite(path: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """The table with other rows or columns, and the metadata that it had."""
    noted = pq.read_metadata(path).metadata or {}
    kept = {key.decode(): value.decode() for key, value in noted.items() if not key.startswith(b"ARROW")}
    change(pl.read_parquet(path)).write_parquet(path, metadata=kept)


def with_column(name: str, path: Callable[[Path], Path], values: Callable[[pl.DataFrame], pl.Series | pl.Expr]) -> Spoil:
    return lambda workspace: rewrite(path(workspace), lambda frame: frame.with_columns(values(frame).alias(name)))


def change_settings(workspace: Path, change: Callable[[str], str]) -> None:
    file = workspace / "locality.toml"
    before = file.read_text(encoding="utf-8")
    file.write_text(change(before), encoding="utf-8")
    assert file.read_text(encoding="utf-8") != before


def nhs_numbers(workspace: Path) -> list[str]:
    return pl.read_csv(
        workspace / "landing" / "gp_registrations" / "gp_registrations.csv", infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy"
    )["nhs_number"].to_list()


def no_longer_keyed(workspace: Path) -> None:
    """The persons of one extract under another sort of pseudonym."""
    rewrite(table(workspace, "received/emergency_care"), lambda frame: frame.with_columns(pl.col("person").str.reverse()))


def hashed_without_a_key(workspace: Path) -> None:
    plain = [sha256(number.encode()).hexdigest()[:32].translate(TOKEN_LETTERS) for number in nhs_numbers(workspace) if number][:1]
    rewrite(table(workspace, "received/outpatients"), lambda frame: frame.with_columns(person=pl.Series(plain * len(frame))))


def of_nothing(workspace: Path) -> None:
    nothing = pseudonyms_of_blanks(WorkspaceSnapshot.from_folder(workspace, datetime.now(UTC)), "local")[0]
    rewrite(table(workspace, "received/adult_social_care"), lambda frame: frame.with_columns(person=pl.lit(nothing), outcome=pl.lit("unlinked")))


def number_in_a_log(workspace: Path) -> None:
    (workspace / "logs").mkdir()
    number = next(number for number in nhs_numbers(workspace) if number and len(number) == 10)
    (workspace / "logs" / "run.log").write_text(f"row 7: {number[:3]} {number[3:6]} {number[6:]} cannot be read", encoding="utf-8")


def key_in_the_settings(workspace: Path) -> None:
    key = (workspace / "vault" / "keys" / "pseudonym-1.key").read_text().strip()
    change_settings(workspace, lambda text: f"# {key}\n{text}")


def nameless(workspace: Path) -> None:
    path = table(workspace, "strata")
    pl.read_parquet(path).write_parquet(path)


def bridge_outside(workspace: Path) -> None:
    shutil.copy(next((workspace / "vault" / "register").glob("*.sealed")), workspace / "published" / "bridge.sealed")


def undeclared(workspace: Path) -> None:
    rewrite(table(workspace, "people"), lambda frame: frame.with_columns(surname=pl.lit("x")))


def open_vault(workspace: Path) -> None:
    (workspace / "vault").chmod(0o755)


def append_line(workspace: Path, **more: object) -> None:
    action = trail.TrailEntry(datetime.now(UTC), "analyst", "re-identification given", "list for the team meeting", run_of(workspace))
    trail.append_entry(Workspace(workspace).trail, replace(action, **more))  # type: ignore[arg-type]


def one_person_alone(workspace: Path) -> None:
    parties = {"requester": "a.gp", "approver": "A.GP", "practice": "J82901"}
    append_line(workspace, parties=parties, basis="direct care", key="register-1", subjects=("abcdefgh",))


def trail_changed(workspace: Path) -> None:
    file = Workspace(workspace).trail
    file.write_bytes(file.read_bytes().replace(b'"linked":', b'"Linked":', 1))


def unsealed(workspace: Path) -> None:
    (workspace / "vault" / "register" / "2014-09-30-aaaaaaaaaa.sealed").write_text("person,nhs_number\n")
    (workspace / "vault" / "register" / "2014-09-30-aaaaaaaaaa.sealed").chmod(0o600)


def still_there(workspace: Path) -> None:
    """Somebody objects whom the run did not leave out."""
    snapshot = WorkspaceSnapshot.from_folder(workspace, datetime.now(UTC))
    objector = objecting_pseudonyms(snapshot)[0]
    rewrite(
        table(workspace, "people"), lambda frame: frame.with_columns(person=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(objector)).otherwise("person"))
    )


def undecided(workspace: Path) -> None:
    """Replace the audit log by an intact one without decisions of the gates."""
    entries, file = trail.read_trail(Workspace(workspace).trail), Workspace(workspace).trail
    for path in (file, file.with_suffix(".head")):
        path.unlink()
    for entry in entries:
        kept = {name: entry[name] for name in ("who", "what", "why", "run", "inputs", "outputs", "counts")}
        trail.append_entry(file, trail.TrailEntry(datetime.fromisoformat(entry["when"]), **kept))


def without_agreement(workspace: Path) -> None:
    """Social care data whose source no longer states under what they are shared."""
    change_settings(workspace, lambda text: re.sub(r"(\[sources\.adult_social_care\]\nsupplier = .*\n)(?:.+\n)*", r"\1", text))


def another_basis(workspace: Path) -> None:
    change_settings(workspace, lambda text: re.sub(r'(\[sources\.adult_social_care\](?:.|\n)*?legal_basis = )"made up"', r'\1"section 251"', text))


def small_number(workspace: Path) -> None:
    hidden = (pl.col("status") == "suppressed").cum_sum() == 1
    rewrite(
        published_file(workspace, "cohort_counts"),
        lambda frame: frame.with_columns(numerator=pl.when(hidden & (pl.col("status") == "suppressed")).then(3).otherwise("numerator")),
    )


def hidden_yet_told(workspace: Path) -> None:
    hidden = pl.col("status") == "suppressed"
    rewrite(published_file(workspace, "risk_bands"), lambda frame: frame.with_columns(status=pl.lit("suppressed"), people=pl.coalesce("people", pl.lit(10))))
    assert pl.read_parquet(published_file(workspace, "risk_bands")).filter(hidden).height


def pseudonym_published(workspace: Path) -> None:
    token = pl.read_parquet(table(workspace, "people"))["person"][0]
    (workspace / "published" / run_of(workspace) / "reports" / "sample.html").write_text(f"<p>{token}</p>")


def another_publication(workspace: Path) -> None:
    file = workspace / "published" / run_of(workspace) / "csv" / "risk_bands.csv"
    file.write_text(file.read_text().replace("High", "Highest", 1))


def not_kept_so_long(workspace: Path) -> None:
    change_settings(workspace, lambda text: text + "\n[retention]\nlanding = { days = 1 }\n")


BREAKS: dict[str, tuple[str, Spoil, str]] = {
    "a key that others may read": (
        "keyed",
        lambda workspace: (workspace / "vault" / "keys" / "register-1.key").chmod(0o644),
        "others than its owner may read it",
    ),
    "a short key": ("keyed", lambda workspace: (workspace / "vault" / "keys" / "register-1.key").write_text("ab" * 16), "not a whole key"),
    "pseudonyms made otherwise": ("keyed", no_longer_keyed, "of them differ"),
    "a spell that is a person": (
        "apart",
        with_column("hospital_provider_spell_number", lambda p: table(p, "received/hospital_admissions"), lambda f: f["person"]),
        "of two kinds",
    ),
    "a pseudonym of nothing": ("canonical", of_nothing, "made from a blank"),
    "a number in a log": ("nowhere_else", number_in_a_log, r"logs/run\.log: 1 of NHS number"),
    "a key in the settings": ("nowhere_else", key_in_the_settings, r"locality\.toml: 1 of key"),
    "a table that names no key": ("rotation", nameless, "except strata"),
    "a bridge outside the vault": ("rotation", bridge_outside, r"published/bridge\.sealed"),
    "an undeclared column": ("duties", undeclared, "not declared: surname"),
    "an open vault": ("duties", open_vault, r"vault \(755\)"),
    "a hash without a key": ("not_undone", hashed_without_a_key, "unkeyed hashes of delivered numbers: 1 of"),
    "one person alone": ("way_back", one_person_alone, "1 granted, 1 of these without two people"),
    "a changed trail": ("way_back", trail_changed, "was changed after it was written"),
    "a register in the clear": ("way_back", unsealed, "not sealed"),
    "somebody who objects": ("opt_outs", still_there, "1 rows or pseudonyms of them"),
    "gates that were passed by": ("opt_outs", undecided, "0 of 3 kinds"),
    "a source without an agreement": ("legal_basis", without_agreement, "without an agreement: adult_social_care"),
    "a basis that does not cover social care": ("legal_basis", another_basis, "no legal basis covers adult_social_care"),
    "a full date of birth": (
        "minimised",
        with_column("birth_month", lambda p: table(p, "received/gp_events"), lambda f: pl.lit("1950-02-03")),
        "finer than a birth month",
    ),
    "a postcode": ("minimised", with_column("lsoa", lambda p: table(p, "people"), lambda f: pl.lit("SO14 0AA")), "finer than a lsoa"),
    "a small number": ("small_numbers", small_number, "1 show a number that the rule suppresses, in cohort_counts"),
    "a number that is hidden and told": ("small_numbers", hidden_yet_told, "in risk_bands"),
    "a pseudonym in a report": ("small_numbers", pseudonym_published, r"except sample\.html"),
    "another publication": ("same_again", another_publication, r"except csv/risk_bands\.csv"),
    "a delivery that was to go": ("retention", not_kept_so_long, "6 files or folders kept longer"),
    "a pseudonym of another shape": (
        "one_shape",
        with_column("person", lambda p: table(p, "received/outpatients"), lambda f: pl.col("person").str.slice(1)),
        "not 32 letters",
    ),
    "a record that does not say": (
        "one_shape",
        with_column("outcome", lambda p: table(p, "received/emergency_care"), lambda f: pl.lit("found")),
        "without the outcome of their trace",
    ),
}


def verdict(workspace: Path, code: str, now: datetime | None = None) -> PromiseResult:
    """One promise alone, as `judged` comes to it."""
    (promise,) = (promise for promise in promises() if promise.code == code)
    return PromiseResult(promise, collect_evidence(CHECKS[code], WorkspaceSnapshot.from_folder(workspace, now or datetime.now(UTC))))


def test_each_promise_has_one_check_and_something_that_breaks_it() -> None:
    codes = [promise.code for promise in promises()]
    assert [promise.number for promise in promises()] == list(range(1, 16))
    assert list(CHECKS) == codes
    assert {code for code, _, _ in BREAKS.values()} == set(codes)


def test_all_are_kept_on_a_demo_and_nothing_in_it_is_changed(copy: Path, bcf: Callable[..., CommandResult]) -> None:
    before = digests(copy)
    result = bcf("audit", "promises", copy, "--json")
    found = json.loads(result.out)
    assert [one["code"] for one in found if not one["kept"]] == []
    assert result.code == 0
    assert all(one["evidence"] and one["behind"] for one in found)
    assert digests(copy) == before
    persons = int(re.search(r"([\d,]+) pseudonyms recomputed", result.out)[1].replace(",", ""))  # type: ignore[index]
    assert persons > 1_900, "the evidence is on all people and not on a few"


@pytest.mark.parametrize("name", BREAKS)
def test_each_is_seen_to_be_broken(name: str, copy: Path) -> None:
    code, spoil, words = BREAKS[name]
    spoil(copy)
    broken = verdict(copy, code, datetime.now(UTC) + timedelta(days=40))
    assert not broken.is_kept
    assert re.search(words, broken.words), broken.words
    assert not re.search(r"\d{10}|[a-p]{32}", broken.words), "no number and no pseudonym stands in the evidence"


def test_a_broken_promise_is_told_on_the_screen_with_exit_code_1(copy: Path, bcf: Callable[..., CommandResult]) -> None:
    open_vault(copy)
    result = bcf("audit", "promises", copy)
    assert result.code == 1
    assert " 6  BROKEN" in result.out
    assert "other accounts may read vault (755)" in result.out
    assert "Broken: 6." in result.out
    assert result.out.count("kept  ") == 14


def test_a_live_workspace_must_say_how_long_deliveries_are_kept(copy: Path) -> None:
    change_settings(copy, lambda text: text.replace('kind = "synthetic"', 'kind = "live"'))
    assert "nothing, so everything is kept for good" in verdict(copy, "retention").words
    change_settings(copy, lambda text: text + "\n[retention]\nlanding = { days = 90 }\n")
    assert verdict(copy, "retention").is_kept


def test_a_rotation_breaks_nothing_and_a_retired_key_calls_for_a_run(copy: Path, bcf: Callable[..., CommandResult]) -> None:
    assert bcf("keys", "rotate", copy, "--why", "yearly rotation").code == 0
    assert bcf("keys", "rotate", copy, "--purpose", "register", "--why", "yearly rotation").code == 0
    found = {one.promise.code: one for one in check_promises(copy)}
    assert [code for code, one in found.items() if not one.is_kept] == []
    assert "4 keys of 32 random bytes" in found["keyed"].words
    assert bcf("keys", "retire", copy, "pseudonym-1", "--why", "history was carried over").code == 0
    result = bcf("audit", "promises", copy)
    assert (result.code, "pseudonym-1, which is retired" in result.err) == (2, True)


def test_where_nothing_is_published_there_is_nothing_to_look_at(workspace: Path, bcf: Callable[..., CommandResult]) -> None:
    result = bcf("audit", "promises", workspace)
    assert (result.code, "run `bcf run` first" in result.err) == (2, True)


def test_without_the_deliveries_the_evidence_says_what_was_not_looked_at(copy: Path) -> None:
    shutil.rmtree(copy / "landing")
    found = {one.promise.code: one for one in check_promises(copy)}
    assert [code for code, one in found.items() if not one.is_kept] == []
    assert "the deliveries were removed" in found["keyed"].words
    assert "the deliveries were removed" in found["nowhere_else"].words
