"""Objections: the files that tell them, whom they hold for, and what a run makes of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.errors import DataQualityError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.published_tables import OPT_OUTS
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable.opt_outs import number_files, objections_in_force, people_left_out
from bcf_linkage.identifiable.parse import open_deliveries
from bcf_linkage.identifiable.pseudonymisation import are_canonical_numbers
from bcf_linkage.identifiable.trace import register_numbers
from bcf_linkage.identifiable.vault import KeyPurpose, Vault, opt_out_lists
from bcf_linkage.identifiable.vault.opt_out_lists import SealedOptOutList, opt_out_list_file, read_opt_out_list, write_opt_out_list
from bcf_linkage.published.opt_outs import build_opt_outs, count_opt_outs
from bcf_linkage.published.tables import Stamp, finish_table
from bcf_linkage.storage import trail
from pipelines.admin.opt_outs import derive_objections
from pipelines.receive.receive import process_extract
from pipelines.workspace import gates
from pipelines.workspace.audit_log import today
from pipelines.workspace.key_access import vault_of
from pipelines.workspace.run_context import Request, run_context
from pipelines.workspace.settings import read_settings
from tests.conftest import CommandResult
from tests.delivery_builder import AS_AT, NAMELESS, build_context, count_outcomes, number, receive_rows, sound_row, sound_rows, write_delivery
from tests.frame_builder import protect_counts
from tests.spec.identifiable.trace.test_match_on_number import entry
from tests.spec.pipelines.workspace.test_gates import decisions_by_subject

RULES = SharingRules.build(date(2026, 1, 1)).national_check
ANN, BEA, CAT, OLD_BEA, OLDER_BEA, NOBODY = (number(930_000_000 + 20 * n) for n in range(6))


# --- files of numbers -----------------------------------------------------------------------------------------------------------------


def test_a_file_is_written_as_the_national_service_takes_it() -> None:
    assert number_files.render_number_file(pl.Series([BEA, ANN, BEA])) == f"{ANN},\n{BEA},\n".encode()
    assert number_files.file_name("8HQ50OT001", date(2020, 6, 3), 1) == "8HQ50OT001-030620-0001.dat"


@pytest.mark.parametrize("content", [f"{ANN},\n{BEA},\n", f"{ANN}\n{BEA}\n", f"{ANN},\n{BEA}\n"])
def test_a_file_is_read_with_or_without_its_commas(content: str) -> None:
    assert number_files.parse_number_file(content.encode(), "answer.dat", "synthetic").to_list() == [ANN, BEA]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (f"{ANN},\r\n{BEA},\r\n".encode(), "line 1 ends in CR and LF, and must end in LF alone"),
        (f"{ANN},\n{BEA},\r{CAT},\n".encode(), "line 2 ends in CR"),
        (f"\ufeff{ANN},\n".encode(), "line 1 is not plain ASCII text"),
        (f"{ANN},\n".encode("utf-16"), "line 1 holds a zero byte"),
        (f"{ANN},\n{BEA},\n".encode() + b"\xa0\n", "line 3 is not plain ASCII text"),
        (f"{ANN},\n{BEA}".encode(), "line 2 has no line feed, so the file may be cut short there"),
        (f"nhs_number\n{ANN}\n".encode(), "line 1 is not ten digits and nothing else"),
        (f"{ANN},\n{BEA},\n2 records\n".encode(), "line 3 is not ten digits and nothing else"),
        (f"{ANN},\n\n{BEA},\n".encode(), "line 2 is not ten digits and nothing else"),
        (
            f"{ANN},,\n{BEA};\n".encode(),
            "line 1 is not ten digits and nothing else; a file has no header and no trailer (1 more lines have the same fault)",
        ),
        (f"{ANN},\n{ANN[:3]} {ANN[3:6]} {ANN[6:]},\n".encode(), "line 2 is not ten digits"),
        (f"{ANN},\n9434765918,\n".encode(), "line 2 holds no NHS number that can be used here (number_check_digit)"),
        (f"{ANN},\n9999999999,\n".encode(), "line 2 holds no NHS number that can be used here (number_repeated_digit)"),
        (f"{ANN},\n4010232137,\n".encode(), "line 2 holds no NHS number that can be used here (number_live)"),
        (f"{ANN},\n{BEA},\n{ANN},\n".encode(), "line 3 repeats the number of an earlier line"),
    ],
)
def test_a_file_with_anything_else_is_refused_by_line_without_a_value(content: bytes, words: str) -> None:
    with pytest.raises(DataQualityError, match=re.escape(words)) as refusal:
        number_files.parse_number_file(content, "answer.dat", "synthetic")
    assert "\n" not in str(refusal.value)
    assert not re.search(r"\d{9}", str(refusal.value))


def test_who_is_not_in_the_answer_objects() -> None:
    found = derive_objections(pl.Series([ANN, BEA, CAT]), pl.Series([CAT, ANN]), "answer.dat", RULES)
    assert found.rows() == [(ANN, False), (BEA, True), (CAT, False)]


def test_an_answer_to_another_question_or_one_that_broke_off_is_refused() -> None:
    with pytest.raises(DataQualityError, match="1 of its 2 numbers were not asked about"):
        derive_objections(pl.Series([ANN, BEA]), pl.Series([CAT, ANN]), "answer.dat", RULES)
    asked = pl.Series([f"{n:010}" for n in range(RULES.smallest)])
    fewest = RULES.smallest * (100 - RULES.most_percent) // 100
    assert derive_objections(asked, asked.head(fewest), "answer.dat", RULES)["objects"].sum() == RULES.smallest - fewest
    with pytest.raises(DataQualityError, match="leaves out more than 25% of the 100 numbers asked about"):
        derive_objections(asked, asked.head(fewest - 1), "answer.dat", RULES)


# --- whom an objection holds for ------------------------------------------------------------------------------------------------------


def register(*entries: dict[str, Any]) -> nw.LazyFrame:
    schema = {name: pl.Boolean if name == "refused" else pl.String for name in entries[0]}
    return register_numbers.build_number_register(
        register_numbers.build_numbers(nw.from_native(pl.LazyFrame(entries, schema=schema)), AS_AT, "synthetic", TraceRules.build(AS_AT).guards)
    )


def objections_by_number(known: nw.LazyFrame, listed: list[tuple[str, Objection]], holds: tuple[Objection, ...] = tuple(Objection)) -> dict[str, str]:
    rows = pl.LazyFrame([(listed_number, str(one)) for listed_number, one in listed], schema={"number": pl.String, "objection": pl.String}, orient="row")
    return dict(objections_in_force.build_objections(known, nw.from_native(rows), holds).to_native().collect().rows())


PEOPLE = (
    entry(ANN, type_1_opt_out="y"),
    entry(BEA, replaced_nhs_number=OLD_BEA, replaced_nhs_number_date="2014-09-30"),
    entry(OLD_BEA, replaced_nhs_number=OLDER_BEA),
    entry(CAT),
)


@pytest.mark.parametrize("listed_number", [BEA, OLD_BEA, OLDER_BEA])
def test_an_objection_under_one_number_holds_for_all_numbers_of_the_person(listed_number: str) -> None:
    assert objections_by_number(register(*PEOPLE), [(listed_number, Objection.LOCAL)]) == {
        ANN: "type_1",
        **dict.fromkeys((BEA, OLD_BEA, OLDER_BEA), "local_objection"),
    }


def test_a_type_1_objection_counts_from_any_row_of_the_person_even_one_that_is_refused() -> None:
    assert objections_by_number(register(entry(CAT, type_1_opt_out="Y", refused=True), entry(ANN)), []) == {CAT: "type_1"}
    assert objections_by_number(register(entry(BEA, replaced_nhs_number=OLD_BEA), entry(OLD_BEA, type_1_opt_out="Y")), []) == {BEA: "type_1", OLD_BEA: "type_1"}


def test_who_objects_in_several_ways_is_told_by_the_first_that_holds() -> None:
    listed = [(ANN, Objection.LOCAL), (ANN, Objection.NATIONAL), (CAT, Objection.LOCAL), (CAT, Objection.NATIONAL)]
    assert objections_by_number(register(*PEOPLE), listed) == {ANN: "type_1", CAT: "national_data_opt_out"}
    assert objections_by_number(register(*PEOPLE), listed, (Objection.LOCAL, Objection.NATIONAL)) == dict.fromkeys((ANN, CAT), "national_data_opt_out")
    assert objections_by_number(register(*PEOPLE), listed, (Objection.LOCAL,)) == dict.fromkeys((ANN, CAT), "local_objection")
    assert objections_by_number(register(*PEOPLE), listed, ()) == {}


def test_somebody_whom_the_register_does_not_know_may_object() -> None:
    assert objections_by_number(register(entry(ANN)), [(NOBODY, Objection.NATIONAL)]) == {NOBODY: "national_data_opt_out"}


def test_rows_of_objectors_are_opted_out_however_they_are_found(tmp_path: Path) -> None:
    """By a confirmed number, an unconfirmed one, a replaced one, on demographics alone, or seen and not registered."""
    table, register_table = EXTRACTS["emergency_care"], EXTRACTS["gp_registrations"]
    entries = [sound_row(register_table, n, type_1_opt_out="Y" if n == 3 else "N") for n in range(10)]
    entries[1]["replaced_nhs_number"] = number(940_000_000)
    person = [number(930_000_000 + 20 * n) for n in range(20)]
    listed = {person[1]: Objection.NATIONAL, person[2]: Objection.LOCAL, person[15]: Objection.NATIONAL, person[3]: Objection.LOCAL}
    rows = [
        sound_row(table, 1),
        sound_row(table, 1, nhs_number=number(940_000_000), ae_attendance_number="a"),
        sound_row(table, 1, date_of_birth="1900-01-01", ae_attendance_number="b", **NAMELESS),
        sound_row(table, 2, nhs_number="", sex="1", ae_attendance_number="c"),
        sound_row(table, 3),
        sound_row(table, 4),
        sound_row(table, 15, **NAMELESS),
        sound_row(table, 16, **NAMELESS),
    ]
    received = receive_rows(tmp_path, "emergency_care", rows, build_context(tmp_path, entries, listed_objections=listed))
    assert count_outcomes(received) == {
        ("opted out", "national_data_opt_out"): 4,
        ("opted out", "local_objection"): 1,
        ("opted out", "type_1"): 1,
        ("linked", "cross_check"): 1,
        ("seen, not registered", "not_on_register"): 1,
    }
    assert pl.read_parquet(received.path).height == 2


def test_nobody_who_objects_is_asked_about_again_to_test_the_trace(tmp_path: Path) -> None:
    table, entries = EXTRACTS["emergency_care"], sound_rows(EXTRACTS["gp_registrations"], 8)
    file = write_delivery(tmp_path / "in", table, sound_rows(table, 8))
    listed = {number(930_000_000 + 20 * n): Objection.LOCAL for n in range(3)}
    for objectors, sampled in (({}, 8), (listed, 5)):
        context = replace(build_context(tmp_path, entries, listed_objections=objectors), sample_size=100)
        assert process_extract(table, open_deliveries(table, [file]), context).rows.validation_counts.filter(measure="holdout")["count"].sum() == sampled


# --- the lists in the vault -----------------------------------------------------------------------------------------------------------

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_list_is_sealed_and_reads_as_it_was_kept_under_a_newer_key_too(tmp_path: Path) -> None:
    from bcf_linkage.identifiable.vault.reseal import refuse_key_in_use, reseal

    vault = Vault(tmp_path / "vault")
    vault.create_first_keys(WHEN)
    kept = SealedOptOutList(pl.DataFrame({"number": [ANN, BEA], "objects": [True, False]}), WHEN)
    file = write_opt_out_list(vault, Objection.NATIONAL, kept)
    assert file.stat().st_mode & 0o777 == 0o600
    assert ANN.encode() not in file.read_bytes()
    vault.prepare_key(KeyPurpose.REGISTER)
    vault.activate_key(KeyPurpose.REGISTER, WHEN)
    assert reseal(vault) == 1
    refuse_key_in_use(vault, "register-1")
    read = read_opt_out_list(vault, Objection.NATIONAL)
    assert read
    assert (read.numbers.rows(), read.as_of) == (kept.numbers.rows(), WHEN)
    assert read_opt_out_list(vault, Objection.LOCAL) is None


# --- a whole round --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(workspace: Path) -> Path:
    """A locality whose sources are shared as real ones would be."""
    file = workspace / "locality.toml"
    text = file.read_text(encoding="utf-8").replace('"made up"', '"section 251"')
    head, social_care = text.split("[sources.adult_social_care]")
    social_care = social_care.replace('"section 251"', '"pseudonymised third party"')
    file.write_text(f'{head}[sources.adult_social_care]{social_care}\n[opt_outs]\nmailbox = "8HQ50OT001"\n', encoding="utf-8")
    return workspace


def trail_entries(workspace: Path) -> list[dict[str, Any]]:
    assert trail.verify_chain(workspace / "audit" / "trail.jsonl") == ()
    return list(trail.read_trail(workspace / "audit" / "trail.jsonl"))


def run(bcf: Callable[..., CommandResult], workspace: Path) -> CommandResult:
    return bcf("run", workspace, "--as-at", AS_AT, "--no-prefect", "--json")


def backdate_list(workspace: Path, name: str, days: int) -> None:
    """The same list, as if it had been kept some days before."""
    vault = vault_of(workspace, read_settings(workspace))
    kept = read_opt_out_list(vault, name)
    assert kept
    write_opt_out_list(vault, name, SealedOptOutList(kept.numbers, datetime.now(UTC) - timedelta(days=days)))


def test_a_run_asks_first_and_leaves_out_who_objects(asking: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    result = run(bcf, asking)
    assert (result.code, "nobody has been checked against it; `bcf opt-outs export`" in result.err) == (2, True)

    asked = bcf("opt-outs", "export", asking, "--why", "run of October", "--json")
    assert asked.code == 0, asked.err
    file = Path(json.loads(asked.out)["file"])
    assert file.parent == asking / "vault" / "opt_outs"
    assert re.fullmatch(r"8HQ50OT001-\d{6}-0001\.dat", file.name)
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text().splitlines()
    assert len(lines) == len(set(lines)) == json.loads(asked.out)["numbers"] > 2_000
    register = pl.read_csv(asking / "landing/gp_registrations/gp_registrations.csv", infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")
    replaced = {listed_number for listed_number in register["replaced_nhs_number"].drop_nulls() if are_canonical_numbers([listed_number])}
    assert replaced
    assert replaced <= {line[:10] for line in lines}, "an objection may stand under a number that somebody had before"

    objectors = lines[100:200]
    answer = tmp_path / "answer.dat"
    answer.write_text("".join(f"{line}\n" for line in lines if line not in objectors))
    taken = bcf("opt-outs", "import", asking, answer, "--why", "run of October", "--json")
    assert taken.code == 0, taken.err
    assert json.loads(taken.out) == {
        "objection": "national_data_opt_out",
        "numbers": len(lines),
        "objecting": 100,
        "until": str(today() + timedelta(days=RULES.days)),
    }
    assert [path.name for path in file.parent.iterdir()] == ["national_data_opt_out.sealed"], "who was asked about is forgotten once the answer is there"
    locally = tmp_path / "letters.txt"
    locally.write_text("".join(f"{line[:10]}\n" for line in lines[195:205]))
    assert bcf("opt-outs", "import", asking, locally, "--local", "--why", "letters of October").code == 0

    done = run(bcf, asking)
    assert done.code == 0, done.err
    (ledger,) = (asking / "audit").glob("*/ledger.parquet")
    reasons = dict(pl.read_parquet(ledger).filter(outcome="opted out", extract="gp_registrations").group_by("reason").agg(pl.col("rows").sum()).rows())
    assert set(reasons) == set(map(str, Objection))
    assert 0 < reasons["local_objection"] <= 5, "the first reason that holds is told"
    begun = next(entry for entry in trail_entries(asking) if entry["what"] == "run begun")
    national, local = (decisions_by_subject(begun)[objection, "vault/opt_outs"] for objection in ("national_data_opt_out", "local_objection"))
    assert national["passed"]
    assert local["passed"]
    assert national["words"].startswith(f"applies: {len(lines):,} numbers checked on {today()}")
    assert local["words"].startswith("applies: 10 numbers")
    text = (asking / "audit" / "trail.jsonl").read_text()
    assert not any(line[:10] in text for line in lines)
    exported = next(entry for entry in trail_entries(asking) if entry["what"] == "opt-outs exported")
    assert exported["outputs"][file.name].startswith("hmac-sha-256 ")


@pytest.fixture
def answered_for(asking: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> Path:
    """The same, everybody checked, nobody objecting."""
    asked = bcf("opt-outs", "export", asking, "--why", "run of October", "--json")
    answer = Path(shutil.copy(json.loads(asked.out)["file"], tmp_path / "answer.dat"))
    assert bcf("opt-outs", "import", asking, answer, "--why", "run of October").code == 0
    return asking


@pytest.mark.parametrize(("days", "code"), [(RULES.days, 0), (RULES.days + 1, 3)])
def test_an_answer_may_be_used_through_its_last_day(days: int, code: int, answered_for: Path, bcf: Callable[..., CommandResult]) -> None:
    backdate_list(answered_for, Objection.NATIONAL, days)
    result = bcf("doctor", answered_for, "--json")
    assert result.code == code
    if code:
        run_result = run(bcf, answered_for)
        assert run_result.code == 2
        assert f"could be used until {today() - timedelta(days=1)}, and today is {today()}" in run_result.err
        assert not decisions_by_subject(trail_entries(answered_for)[-1])["national_data_opt_out", "vault/opt_outs"]["passed"]


def test_somebody_who_came_after_the_question_stops_the_run(answered_for: Path, bcf: Callable[..., CommandResult]) -> None:
    file = answered_for / "landing" / "gp_registrations" / "gp_registrations.csv"
    header = file.read_text(encoding="utf-8", errors="replace").split("\n")[0].split(",")
    newcomer = sound_row(EXTRACTS["gp_registrations"], 1, nhs_number=number(999_000_000), gp_patient_id="newcomer")
    with file.open("ab") as appended:
        appended.write((",".join(newcomer[name] for name in header) + "\n").encode())
    result = run(bcf, answered_for)
    assert result.code == 2
    assert re.search(r"gp_registrations\.csv: 1 of [\d,]+ NHS numbers have not been checked against the national data opt-out", result.err)
    assert not (answered_for / "published" / "current").exists()


def test_direct_care_needs_no_check(asking: Path, bcf: Callable[..., CommandResult]) -> None:
    file = asking / "locality.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"risk stratification"', '"direct care"'), encoding="utf-8")
    assert run(bcf, asking).code == 0
    begun = next(entry for entry in trail_entries(asking) if entry["what"] == "run begun")
    decision = decisions_by_subject(begun)["national_data_opt_out", "vault/opt_outs"]
    assert decision["passed"]
    assert decision["words"] == "does not apply to this purpose and these legal bases"
    (ledger,) = (asking / "audit").glob("*/ledger.parquet")
    assert pl.read_parquet(ledger).filter(outcome="opted out").is_empty(), "nor does a type 1 objection hold against direct care"


def test_an_answer_nobody_asked_for_is_refused_and_recorded(asking: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    (tmp_path / "answer.dat").write_text(f"{ANN},\n")
    result = bcf("opt-outs", "import", asking, tmp_path / "answer.dat", "--why", "run of October")
    assert (result.code, "no check is open" in result.err) == (2, True)
    assert trail_entries(asking)[-1]["what"] == "opt-outs import refused"


def test_a_question_is_never_written_where_others_read_and_needs_a_mailbox(asking: Path, bcf: Callable[..., CommandResult]) -> None:
    result = bcf("opt-outs", "export", asking, "--why", "run of October", "--out", asking / "published" / "asked.dat")
    assert (result.code, "is in the workspace, where others can read" in result.err) == (2, True)
    file = asking / "locality.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('mailbox = "8HQ50OT001"', ""), encoding="utf-8")
    result = bcf("opt-outs", "export", asking, "--why", "run of October")
    assert (result.code, "[opt_outs] has no mailbox" in result.err) == (2, True)


def test_nobody_is_asked_about_without_need(workspace: Path, bcf: Callable[..., CommandResult]) -> None:
    with (workspace / "locality.toml").open("a", encoding="utf-8") as file:
        file.write('\n[opt_outs]\nmailbox = "8HQ50OT001"\n')
    result = bcf("opt-outs", "export", workspace, "--why", "run of October")
    assert (result.code, "so no check is needed" in result.err) == (2, True)
    assert not (workspace / "vault" / "opt_outs").exists()


def test_who_objects_is_an_input_of_a_run_and_gives_it_another_name(workspace: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    names = []
    for listed in ((ANN, BEA), (ANN,), (BEA, ANN), (ANN, BEA)):
        (tmp_path / "letters.txt").write_text("".join(f"{one}\n" for one in listed))
        assert bcf("opt-outs", "import", workspace, tmp_path / "letters.txt", "--local", "--why", "letters of October").code == 0
        with suppress(RuntimeError), run_context(Request(workspace, AS_AT)) as begun:
            names.append(begun.run_id)
            raise RuntimeError
    assert names[0] == names[2] == names[3] != names[1]


def test_local_objections_that_must_be_there_and_are_not_stop_the_run(workspace: Path, bcf: Callable[..., CommandResult]) -> None:
    with (workspace / "locality.toml").open("a", encoding="utf-8") as file:
        file.write("\n[opt_outs]\nlocal_objections = true\n")
    result = run(bcf, workspace)
    assert (result.code, "states local objections, but there is no list; import it with `bcf opt-outs import --local`" in result.err) == (2, True)
    assert not opt_out_list_file(vault_of(workspace, read_settings(workspace)), Objection.LOCAL).exists()


def test_local_objections_can_be_emptied_and_then_hold_against_nobody(workspace: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    with (workspace / "locality.toml").open("a", encoding="utf-8") as file:
        file.write("\n[opt_outs]\nlocal_objections = true\n")
    none_yet = bcf("opt-outs", "empty", workspace, "--why", "letters withdrawn")
    assert (none_yet.code, "no list of local objections to empty" in none_yet.err) == (2, True)
    (tmp_path / "letters.txt").write_text(f"{ANN}\n{BEA}\n")
    assert bcf("opt-outs", "import", workspace, tmp_path / "letters.txt", "--local", "--why", "letters of October").code == 0
    (tmp_path / "letters.txt").write_text("")
    assert bcf("opt-outs", "import", workspace, tmp_path / "letters.txt", "--local", "--why", "none any more").code != 0

    result = bcf("opt-outs", "empty", workspace, "--why", "letters withdrawn")

    assert (result.code, "2 numbers" in result.out) == (0, True)
    settings = read_settings(workspace)
    vault = vault_of(workspace, settings)
    assert opt_out_lists.read_objectors(vault, tuple(Objection)).is_empty()
    (local,) = (decision for decision in gates.evaluate_gates(settings, vault, today()) if decision.gate == Objection.LOCAL)
    assert (local.passed, local.words.startswith("applies: 0 numbers")) == (True, True), "that there is a list, and nobody on it, is known"
    trail_entry = trail.read_trail(workspace / "audit" / "trail.jsonl")[-1]
    assert (trail_entry["what"], trail_entry["why"], trail_entry["counts"]) == ("opt-outs emptied", "letters withdrawn", {"numbers": 2})


# --- whom they take out ---------------------------------------------------------------------------------------------------------------


def test_people_are_counted_once_by_the_first_objection() -> None:
    rows = [
        ("ann", 40, "2", None),
        ("ann", 41, "1", None),
        ("bea", 70, "2", "local_objection"),
        ("bea", 70, "2", "type_1"),
        ("cat", 70, "2", "type_1"),
        ("dee", None, None, "national_data_opt_out"),
    ]
    frame = pl.LazyFrame(rows, ["person", "age", "sex", "objection"], orient="row")
    counted = people_left_out.count_people_left_out(nw.from_native(frame)).to_native().collect()
    assert sorted(counted.rows(), key=str) == sorted([(41, "1", None, 1), (70, "2", "type_1", 2), (None, None, "national_data_opt_out", 1)], key=str)


def shares_of(*rows: tuple[int | None, str | None, str | None, int]) -> dict[tuple[str, str], dict[str, Any]]:
    """The published shares of one source, by kind of group and group."""
    frame = pl.DataFrame([("outpatients", *row) for row in rows], ["extract", "age", "sex", "objection", "people"], orient="row")
    book = Rulebook.build(AS_AT)
    exact = count_opt_outs(nw.from_native(frame.lazy()), book.bands.ages, year_to(AS_AT))
    shares = finish_table(build_opt_outs(protect_counts(exact)), OPT_OUTS, book.bands.edition, Stamp(AS_AT, "a-run"))
    return {(row["group_type"], row["group"]): row for row in shares.to_native().collect().to_dicts()}


def test_the_shares_left_out_are_told_by_age_sex_and_objection_and_held_against_the_whole() -> None:
    found = shares_of(
        (40, "1", None, 800), (40, "2", None, 960), (70, "1", None, 100), (40, "1", "type_1", 20), (40, "2", "local_objection", 20), (70, "1", "type_1", 100)
    )
    shares = {group: (row["numerator"], row["denominator"], row["value"], row["reference"], row["gap"], row["stands_out"]) for group, row in found.items()}
    assert shares == {
        ("all", "all"): (140, 2000, 7.0, None, None, None),
        ("age_band", "18-64"): (40, 1800, 2.22, 7.0, -4.78, True),
        ("age_band", "65-74"): (100, 200, 50.0, 7.0, 43.0, True),
        ("sex", "Male"): (120, 1020, 11.76, 7.0, 4.76, True),
        ("sex", "Female"): (20, 980, 2.04, 7.0, -4.96, True),
        ("objection", "type_1"): (120, 2000, 6.0, None, None, None),
        ("objection", "local_objection"): (20, 2000, 1.0, None, None, None),
    }


def test_few_objectors_are_hidden() -> None:
    found = shares_of(
        (40, "1", None, 800), (70, "1", None, 300), (80, "1", None, 300), (40, "1", "type_1", 40), (70, "1", "type_1", 3), (80, "1", "type_1", 20)
    )
    hidden = {group for (kind, group), row in found.items() if kind == "age_band" and row["numerator"] is None}
    assert hidden == {"65-74"}, "what the others leave of the whole is blurred by three roundings: any of 1 to 7"
    assert all(row["status"] == "suppressed" for row in found.values() if row["numerator"] is None)
    everybody = shares_of((40, "1", None, 3), (40, "1", "type_1", 400))
    assert everybody["all", "all"]["numerator"] is None, "nor is it told that all but a few object"


def test_a_run_publishes_who_is_left_out(published_run: pl.DataFrame) -> None:
    whole = published_run.filter(group_type="all")
    assert set(whole["area_code"]) == set(EXTRACTS)
    assert whole["numerator"].is_not_null().any()
    assert set(published_run["group_type"]) == {"all", "age_band", "sex", "objection"}
    assert set(published_run.filter(group_type="objection")["group"]) == {"type_1"}


@pytest.fixture
def published_run(published: Path) -> pl.DataFrame:
    return pl.read_parquet(published / "published" / "current" / "tables" / "opt_outs.parquet")
