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
from bcf_linkage.identifiable.pseudonymise import LETTERS
from bcf_linkage.storage import trail
from bcf_linkage.storage.manifest import digests
from bcf_linkage.storage.store import Workspace
from pipelines.promises.checking import CHECKS, Judged, evidence, judged
from pipelines.promises.duties import objecting_in
from pipelines.promises.held import Held
from pipelines.promises.pseudonyms import made_of_nothing
from tests.conftest import Said

Spoil = Callable[[Path], None]


@pytest.fixture
def copy(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demo that may be spoilt, on a machine whose Prefect keeps nothing."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    return Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))


def run_of(place: Path) -> str:
    return Workspace(place).current.readlink().name


def table(place: Path, name: str) -> Path:
    return place / "pseudonymised" / run_of(place) / f"{name}.parquet"


def told(place: Path, name: str) -> Path:
    return place / "published" / run_of(place) / "tables" / f"{name}.parquet"


def rewritten(path: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """The table with other rows or columns, and the metadata that it had."""
    noted = pq.read_metadata(path).metadata or {}
    kept = {key.decode(): value.decode() for key, value in noted.items() if not key.startswith(b"ARROW")}
    change(pl.read_parquet(path)).write_parquet(path, metadata=kept)


def with_column(name: str, path: Callable[[Path], Path], values: Callable[[pl.DataFrame], pl.Series | pl.Expr]) -> Spoil:
    return lambda place: rewritten(path(place), lambda frame: frame.with_columns(values(frame).alias(name)))


def settings(place: Path, change: Callable[[str], str]) -> None:
    file = place / "locality.toml"
    before = file.read_text(encoding="utf-8")
    file.write_text(change(before), encoding="utf-8")
    assert file.read_text(encoding="utf-8") != before


def numbers(place: Path) -> list[str]:
    return pl.read_csv(place / "landing" / "gp_registrations" / "gp_registrations.csv", infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")[
        "nhs_number"
    ].to_list()


def no_longer_keyed(place: Path) -> None:
    """The persons of one extract under another sort of pseudonym."""
    rewritten(table(place, "received/emergency_care"), lambda frame: frame.with_columns(pl.col("person").str.reverse()))


def hashed_without_a_key(place: Path) -> None:
    plain = [sha256(number.encode()).hexdigest()[:32].translate(LETTERS) for number in numbers(place) if number][:1]
    rewritten(table(place, "received/outpatients"), lambda frame: frame.with_columns(person=pl.Series(plain * len(frame))))


def of_nothing(place: Path) -> None:
    nothing = made_of_nothing(Held.of(place, datetime.now(UTC)), "local")[0]
    rewritten(table(place, "received/adult_social_care"), lambda frame: frame.with_columns(person=pl.lit(nothing), place=pl.lit("unlinked")))


def number_in_a_log(place: Path) -> None:
    (place / "logs").mkdir()
    number = next(number for number in numbers(place) if number and len(number) == 10)
    (place / "logs" / "run.log").write_text(f"row 7: {number[:3]} {number[3:6]} {number[6:]} cannot be read", encoding="utf-8")


def key_in_the_settings(place: Path) -> None:
    key = (place / "vault" / "keys" / "pseudonym-1.key").read_text().strip()
    settings(place, lambda text: f"# {key}\n{text}")


def nameless(place: Path) -> None:
    path = table(place, "strata")
    pl.read_parquet(path).write_parquet(path)


def bridge_outside(place: Path) -> None:
    shutil.copy(next((place / "vault" / "register").glob("*.sealed")), place / "published" / "bridge.sealed")


def undeclared(place: Path) -> None:
    rewritten(table(place, "people"), lambda frame: frame.with_columns(surname=pl.lit("x")))


def open_vault(place: Path) -> None:
    (place / "vault").chmod(0o755)


def line(place: Path, **more: object) -> None:
    action = trail.Action(datetime.now(UTC), "analyst", "re-identification given", "list for the team meeting", run_of(place))
    trail.append(Workspace(place).trail, replace(action, **more))  # type: ignore[arg-type]


def one_person_alone(place: Path) -> None:
    parties = {"requester": "a.gp", "approver": "A.GP", "practice": "J82901"}
    line(place, parties=parties, basis="direct care", key="register-1", subjects=("abcdefgh",))


def trail_changed(place: Path) -> None:
    file = Workspace(place).trail
    file.write_bytes(file.read_bytes().replace(b'"linked":', b'"Linked":', 1))


def unsealed(place: Path) -> None:
    (place / "vault" / "register" / "2014-09-30-aaaaaaaaaa.sealed").write_text("person,nhs_number\n")
    (place / "vault" / "register" / "2014-09-30-aaaaaaaaaa.sealed").chmod(0o600)


def still_there(place: Path) -> None:
    """Somebody objects whom the run did not leave out."""
    held = Held.of(place, datetime.now(UTC))
    objector = objecting_in(held)[0]
    rewritten(table(place, "people"), lambda frame: frame.with_columns(person=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(objector)).otherwise("person")))


def undecided(place: Path) -> None:
    """A trail, sound in itself, in which no gate decided anything."""
    entries, file = trail.entries(Workspace(place).trail), Workspace(place).trail
    for path in (file, file.with_suffix(".head")):
        path.unlink()
    for entry in entries:
        kept = {name: entry[name] for name in ("who", "what", "why", "run", "inputs", "outputs", "counts")}
        trail.append(file, trail.Action(datetime.fromisoformat(entry["when"]), **kept))


def without_agreement(place: Path) -> None:
    """Social care data whose source no longer states under what they are shared."""
    settings(place, lambda text: re.sub(r"(\[sources\.adult_social_care\]\nsupplier = .*\n)(?:.+\n)*", r"\1", text))


def another_basis(place: Path) -> None:
    settings(place, lambda text: re.sub(r'(\[sources\.adult_social_care\](?:.|\n)*?legal_basis = )"made up"', r'\1"section 251"', text))


def small_number(place: Path) -> None:
    hidden = (pl.col("status") == "suppressed").cum_sum() == 1
    rewritten(
        told(place, "cohort_counts"),
        lambda frame: frame.with_columns(numerator=pl.when(hidden & (pl.col("status") == "suppressed")).then(3).otherwise("numerator")),
    )


def hidden_yet_told(place: Path) -> None:
    hidden = pl.col("status") == "suppressed"
    rewritten(told(place, "risk_bands"), lambda frame: frame.with_columns(status=pl.lit("suppressed"), people=pl.coalesce("people", pl.lit(10))))
    assert pl.read_parquet(told(place, "risk_bands")).filter(hidden).height


def pseudonym_published(place: Path) -> None:
    token = pl.read_parquet(table(place, "people"))["person"][0]
    (place / "published" / run_of(place) / "reports" / "sample.html").write_text(f"<p>{token}</p>")


def another_publication(place: Path) -> None:
    file = place / "published" / run_of(place) / "csv" / "risk_bands.csv"
    file.write_text(file.read_text().replace("High", "Highest", 1))


def not_kept_so_long(place: Path) -> None:
    settings(place, lambda text: text + "\n[retention]\nlanding = { days = 1 }\n")


BREAKS: dict[str, tuple[str, Spoil, str]] = {
    "a key that others may read": ("keyed", lambda place: (place / "vault" / "keys" / "register-1.key").chmod(0o644), "others than its owner may read it"),
    "a short key": ("keyed", lambda place: (place / "vault" / "keys" / "register-1.key").write_text("ab" * 16), "not a whole key"),
    "pseudonyms made otherwise": ("keyed", no_longer_keyed, "of them differ"),
    "a spell that is a person": (
        "apart",
        with_column("hospital_provider_spell_number", lambda p: table(p, "received/hospital_admissions"), lambda f: f["person"]),
        "two kinds",
    ),
    "a pseudonym of nothing": ("canonical", of_nothing, "made of nothing"),
    "a number in a log": ("nowhere_else", number_in_a_log, r"logs/run\.log: 1 of NHS number"),
    "a key in the settings": ("nowhere_else", key_in_the_settings, r"locality\.toml: 1 of key"),
    "a table that names no key": ("rotation", nameless, "but for strata"),
    "a bridge outside the vault": ("rotation", bridge_outside, r"published/bridge\.sealed"),
    "an undeclared column": ("duties", undeclared, "not declared: surname"),
    "an open vault": ("duties", open_vault, r"vault \(755\)"),
    "a hash without a key": ("not_undone", hashed_without_a_key, "1 pseudonym of"),
    "one person alone": ("way_back", one_person_alone, "given 1, 1 without two people"),
    "a changed trail": ("way_back", trail_changed, "was changed after it was written"),
    "a register in the clear": ("way_back", unsealed, "not sealed"),
    "somebody who objects": ("opt_outs", still_there, "1 in what was made"),
    "gates that were passed by": ("opt_outs", undecided, "0 of 3 kinds"),
    "a source without an agreement": ("legal_basis", without_agreement, "without an agreement: adult_social_care"),
    "a basis that does not cover social care": ("legal_basis", another_basis, "no basis covers adult_social_care"),
    "a full date of birth": (
        "minimised",
        with_column("birth_month", lambda p: table(p, "received/gp_events"), lambda f: pl.lit("1950-02-03")),
        "finer than a birth month",
    ),
    "a postcode": ("minimised", with_column("lsoa", lambda p: table(p, "people"), lambda f: pl.lit("SO14 0AA")), "finer than a lsoa"),
    "a small number": ("small_numbers", small_number, "1 tell a number that the rule hides, in cohort_counts"),
    "a number that is hidden and told": ("small_numbers", hidden_yet_told, "in risk_bands"),
    "a pseudonym in a report": ("small_numbers", pseudonym_published, r"but for sample\.html"),
    "another publication": ("same_again", another_publication, r"but for csv/risk_bands\.csv"),
    "a delivery that was to go": ("retention", not_kept_so_long, "6 files or folders kept for longer"),
    "a pseudonym of another shape": (
        "one_shape",
        with_column("person", lambda p: table(p, "received/outpatients"), lambda f: pl.col("person").str.slice(1)),
        "not 32 letters",
    ),
    "a record that does not say": (
        "one_shape",
        with_column("place", lambda p: table(p, "received/emergency_care"), lambda f: pl.lit("found")),
        "say where their trace ended",
    ),
}


def verdict(place: Path, code: str, now: datetime | None = None) -> Judged:
    """One promise alone, as `judged` comes to it."""
    (promise,) = (promise for promise in promises() if promise.code == code)
    return Judged(promise, evidence(CHECKS[code], Held.of(place, now or datetime.now(UTC))))


def test_each_promise_has_one_check_and_something_that_breaks_it() -> None:
    codes = [promise.code for promise in promises()]
    assert [promise.number for promise in promises()] == list(range(1, 16))
    assert list(CHECKS) == codes
    assert {code for code, _, _ in BREAKS.values()} == set(codes)


def test_all_are_kept_on_a_demo_and_nothing_in_it_is_changed(copy: Path, bcf: Callable[..., Said]) -> None:
    before = digests(copy)
    said = bcf("audit", "promises", copy, "--json")
    found = json.loads(said.out)
    assert [one["code"] for one in found if not one["kept"]] == []
    assert said.code == 0
    assert all(one["evidence"] and one["behind"] for one in found)
    assert digests(copy) == before
    persons = int(re.search(r"([\d,]+) pseudonyms made again", said.out)[1].replace(",", ""))  # type: ignore[index]
    assert persons > 1_900, "the evidence is on all people and not on a few"


@pytest.mark.parametrize("name", BREAKS)
def test_each_is_seen_to_be_broken(name: str, copy: Path) -> None:
    code, spoil, words = BREAKS[name]
    spoil(copy)
    broken = verdict(copy, code, datetime.now(UTC) + timedelta(days=40))
    assert not broken.kept
    assert re.search(words, broken.words), broken.words
    assert not re.search(r"\d{10}|[a-p]{32}", broken.words), "no number and no pseudonym stands in the evidence"


def test_a_broken_promise_is_told_on_the_screen_with_exit_code_1(copy: Path, bcf: Callable[..., Said]) -> None:
    open_vault(copy)
    said = bcf("audit", "promises", copy)
    assert said.code == 1
    assert " 6  BROKEN" in said.out
    assert "others may look into vault (755)" in said.out
    assert "Broken: 6." in said.out
    assert said.out.count("kept  ") == 14


def test_a_live_workspace_must_say_how_long_deliveries_are_kept(copy: Path) -> None:
    settings(copy, lambda text: text.replace('kind = "synthetic"', 'kind = "live"'))
    assert "nothing, so that all is kept for good" in verdict(copy, "retention").words
    settings(copy, lambda text: text + "\n[retention]\nlanding = { days = 90 }\n")
    assert verdict(copy, "retention").kept


def test_a_rotation_breaks_nothing_and_a_retired_key_calls_for_a_run(copy: Path, bcf: Callable[..., Said]) -> None:
    assert bcf("keys", "rotate", copy, "--why", "yearly rotation").code == 0
    assert bcf("keys", "rotate", copy, "--purpose", "register", "--why", "yearly rotation").code == 0
    found = {one.promise.code: one for one in judged(copy)}
    assert [code for code, one in found.items() if not one.kept] == []
    assert "4 keys of 32 random bytes" in found["keyed"].words
    assert bcf("keys", "retire", copy, "pseudonym-1", "--why", "history was carried over").code == 0
    said = bcf("audit", "promises", copy)
    assert (said.code, "pseudonym-1, which is retired" in said.err) == (2, True)


def test_where_nothing_is_published_there_is_nothing_to_look_at(workspace: Path, bcf: Callable[..., Said]) -> None:
    said = bcf("audit", "promises", workspace)
    assert (said.code, "run `bcf run` first" in said.err) == (2, True)


def test_without_the_deliveries_the_evidence_says_what_was_not_looked_at(copy: Path) -> None:
    shutil.rmtree(copy / "landing")
    found = {one.promise.code: one for one in judged(copy)}
    assert [code for code, one in found.items() if not one.kept] == []
    assert "the deliveries have gone" in found["keyed"].words
    assert "the deliveries have gone" in found["nowhere_else"].words
