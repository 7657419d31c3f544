"""The national service: whom it is asked about and how, what of its answer is taken, and that its word alone links nobody."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.errors import DataQualityError, UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.national_trace import NationalTrace
from bcf_linkage.identifiable.parse import open_deliveries
from bcf_linkage.identifiable.trace import mps_exchange
from bcf_linkage.identifiable.vault.source_lists import SourceListKind, read_mps_answers, source_list_names
from bcf_linkage.storage import trail
from bcf_linkage.storage.engine import POLARS
from pipelines.admin import national_responses
from pipelines.admin.national_trace import export_trace_request, import_trace_answer
from pipelines.cli.demo import write_synthetic_workspace
from pipelines.cli.screens import Screen
from pipelines.receive.linkage_evidence import TRACED_REASONS, identities_with_rows
from pipelines.receive.receive import ReceiveContext, process_extract
from pipelines.refresh import Request, refresh
from pipelines.workspace.key_access import vault_of
from pipelines.workspace.settings import read_settings
from tests.conftest import AS_AT
from tests.delivery_builder import BIRTH_DATE, NAMELESS, Row, build_context, number, sound_row, sound_rows, write_delivery

EXTRACT = "adult_social_care"
TABLE, REGISTER = EXTRACTS[EXTRACT], EXTRACTS["gp_registrations"]
RULES = NationalTrace.build(AS_AT)
STRANGER = {"given_name": "Zebedee", "family_name": "Unlike", "postcode": "", "address_line_1": "", "nhs_number": ""}
"""A record of a person that nothing but the date of birth still tells of."""


def trace_one(folder: Path, row: Row, context: ReceiveContext) -> pl.DataFrame:
    """The one identity of a record, examined."""
    file = write_delivery(folder / "records", TABLE, [row])
    return identities_with_rows(process_extract(TABLE, open_deliveries(TABLE, [file]), context), TRACED_REASONS)


def identity_of(row: Row) -> str:
    frame = pl.DataFrame([{name: value or None for name, value in row.items()}], schema=dict.fromkeys(TABLE.names, pl.String))
    return str(POLARS.collect(POLARS.frame(frame).select(identity=mps_exchange.identity_text(TABLE))).item())


def answer_frame(row: Row, found: str) -> Any:
    return POLARS.frame(pl.DataFrame({"identity": [identity_of(row)], "national_number": [found]}))


def person(position: int) -> str:
    return number(930_000_000 + 20 * position)


NOBODY, FORMER = number(939_000_000), number(938_000_000)


@pytest.mark.parametrize(
    ("record", "found", "reason", "linked_to"),
    [
        ({}, person(3), "national_trace", person(3)),
        ({"nhs_number": "123"}, person(3), "national_trace", person(3)),
        ({}, FORMER, "national_trace", person(5)),
        ({"date_of_birth": "1999-12-31"}, person(3), "national_trace_conflict", None),
        ({"date_of_birth": ""}, person(3), "national_trace_conflict", None),
        ({"date_of_birth": "1970-06-06", "nhs_number": person(4)}, person(3), "national_trace_conflict", None),
        ({}, NOBODY, "number_missing", None),
        ({"nhs_number": person(4), "date_of_birth": BIRTH_DATE}, person(3), "cross_check", person(4)),
    ],
)
def test_an_answer_links_only_whom_the_register_confirms(record: Mapping[str, str], found: str, reason: str, linked_to: str | None, tmp_path: Path) -> None:
    register = sound_rows(REGISTER, 20)
    register[5] |= {"replaced_nhs_number": FORMER, "replaced_nhs_number_date": "2013-01-01"}
    register[3] |= {"date_of_birth": "1961-04-09"}
    born = {"date_of_birth": "1961-04-09"} if found == person(3) else {}
    row = sound_row(TABLE, 3, **(STRANGER | born | dict(record)))
    context = replace(build_context(tmp_path, register), answers=answer_frame(row, found))
    one = trace_one(tmp_path, row, context).row(0, named=True)
    assert (one["reason"], one["person_number"]) == (reason, linked_to)
    assert one["nhs_number"] == (row["nhs_number"] or None), "what was supplied is told as it was"


def test_an_answer_is_never_put_over_the_number_of_somebody_else(tmp_path: Path) -> None:
    """The record bears a person's number and the birth date of another, of whom the service speaks."""
    register = sound_rows(REGISTER, 20)
    register[3] |= {"date_of_birth": "1961-04-09"}
    row = sound_row(TABLE, 4, **{**STRANGER, "nhs_number": person(4), "date_of_birth": "1961-04-09"})
    context = build_context(tmp_path, register)
    assert trace_one(tmp_path, row, context)["reason"].to_list() == ["birth_date_conflict"]
    one = trace_one(tmp_path, row, replace(context, answers=answer_frame(row, person(3)))).row(0, named=True)
    assert (one["reason"], one["person_number"]) == ("national_trace_conflict", None)


def test_an_answer_about_a_record_that_was_corrected_since_is_about_it_no_longer(tmp_path: Path) -> None:
    asked = sound_row(TABLE, 3, **STRANGER)
    now = asked | {"family_name": "Corrected"}
    context = replace(build_context(tmp_path, sound_rows(REGISTER, 20)), answers=answer_frame(asked, person(3)))
    assert trace_one(tmp_path, now, context)["reason"].to_list() == ["number_missing"]


def questions(folder: Path, **changes: str) -> list[dict[str, Any]]:
    people = trace_one(folder, sound_row(TABLE, 3, **{**STRANGER, **changes}), build_context(folder, sound_rows(REGISTER, 20)))
    return POLARS.collect(mps_exchange.build_trace_requests(POLARS.frame(people), TABLE)).drop("identity").to_dicts()


def test_the_service_is_told_what_it_needs_in_its_own_form(tmp_path: Path) -> None:
    asked = questions(tmp_path, family_name='O"Hara, the elder', postcode="SO14 0AA", address_line_1="1, High Street", nhs_number=NOBODY)
    assert asked == [
        {
            "NHS_NO": NOBODY,
            "FAMILY_NAME": "O Hara the elder",
            "GIVEN_NAME": "Zebedee",
            "GENDER": "1",
            "DATE_OF_BIRTH": BIRTH_DATE.replace("-", ""),
            "POSTCODE": "SO14 0AA",
            "ADDRESS_LINE1": "1 High Street",
        }
    ]


@pytest.mark.parametrize(
    ("changes", "is_asked"),
    [
        ({}, True),
        ({"family_name": "", "nhs_number": NOBODY}, True),
        ({"family_name": ""}, False),
        ({"gender": "X"}, False),
        ({"date_of_birth": ""}, False),
        ({"nhs_number": person(3), **NAMELESS}, False),
    ],
)
def test_nobody_is_asked_about_who_was_found_or_tells_too_little(changes: Mapping[str, str], is_asked: bool, tmp_path: Path) -> None:
    assert bool(questions(tmp_path, **changes)) == is_asked


ASKED = pl.DataFrame({"reference": ["aa", "bb", "cc"], "identity": ["A", "B", "C"], "NHS_NO": [None, NOBODY, None]})
GOOD = {"ERROR/SUCCESS_CODE": "00", "MATCHED_NHS_NO": person(1), "MATCHED_ALGORITHM_INDICATOR": "4", "MATCHED_CONFIDENCE_PERCENTAGE": "81.5"}
CANARY = number(937_000_000)


def write_response(folder: Path, *rows: Mapping[str, str], **changes: str) -> Path:
    """A response to the three questions; the last of them changed, and other rows or columns if given."""
    answers = [{"UNIQUE REFERENCE": one, "REQ_NHS_NO": sent or "", **GOOD} for one, sent in ASKED.select("reference", "NHS_NO").iter_rows()]
    answers[-1] |= changes
    answers = [dict(row) for row in rows] or answers
    text = io.StringIO()
    writer = csv.DictWriter(text, list(answers[-1]), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(answers)
    file = folder / "answer.csv"
    file.write_text(text.getvalue(), encoding="utf-8")
    return file


def found_in(file: Path) -> dict[str, str]:
    rows = national_responses.read_response(file, ASKED, RULES, "synthetic")
    return dict(POLARS.collect(mps_exchange.accept_responses(POLARS.frame(rows), POLARS.frame(ASKED), RULES)).iter_rows())


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({}, True),
        ({"ERROR/SUCCESS_CODE": "90"}, True),
        ({"MATCHED_CONFIDENCE_PERCENTAGE": "50"}, True),
        ({"MATCHED_CONFIDENCE_PERCENTAGE": "49.9"}, False),
        ({"MATCHED_CONFIDENCE_PERCENTAGE": ""}, False),
        ({"ERROR/SUCCESS_CODE": "97", "MATCHED_NHS_NO": ""}, False),
        ({"ERROR/SUCCESS_CODE": "91"}, False),
        ({"ERROR/SUCCESS_CODE": "92"}, False),
        ({"MATCHED_ALGORITHM_INDICATOR": "0"}, False),
        ({"MATCHED_NHS_NO": "0000000000"}, False),
        ({"MATCHED_NHS_NO": "9999999999"}, False),
        ({"MATCHED_NHS_NO": ""}, False),
    ],
)
def test_what_of_an_answer_is_taken(changes: dict[str, str], is_taken: bool, tmp_path: Path) -> None:
    assert found_in(write_response(tmp_path, **changes)) == {"A": person(1), "B": person(1)} | ({"C": person(1)} if is_taken else {})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"UNIQUE REFERENCE": CANARY}, "row 3: UNIQUE REFERENCE is not a reference of the request; the response belongs to another request"),
        ({"UNIQUE REFERENCE": "bb"}, "row 3: UNIQUE REFERENCE has an answer in an earlier row"),
        ({"REQ_NHS_NO": "", "UNIQUE REFERENCE": ""}, "row 3: UNIQUE REFERENCE is not a reference of the request"),
        ({"ERROR/SUCCESS_CODE": CANARY}, "row 3: ERROR/SUCCESS_CODE is not a known code"),
        ({"ERROR/SUCCESS_CODE": ""}, "row 3: ERROR/SUCCESS_CODE is not a known code"),
        ({"MATCHED_ALGORITHM_INDICATOR": "2"}, "row 3: MATCHED_ALGORITHM_INDICATOR is not a known code"),
        ({"MATCHED_CONFIDENCE_PERCENTAGE": CANARY}, "row 3: MATCHED_CONFIDENCE_PERCENTAGE is not a number from 0 to 100"),
        ({"MATCHED_NHS_NO": "9434765918"}, "row 3: MATCHED_NHS_NO is not an NHS number that can be used here"),
        ({"MATCHED_NHS_NO": "4857773457"}, "row 3: MATCHED_NHS_NO is not an NHS number that can be used here"),
    ],
)
def test_a_wrong_answer_is_refused_by_row_and_column_without_a_value(changes: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(DataQualityError, match=words) as refusal:
        found_in(write_response(tmp_path, **changes))
    assert not any(value in str(refusal.value) for value in changes.values() if len(value) > 2)
    assert "\n" not in str(refusal.value)


def test_an_answer_under_another_number_than_was_asked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataQualityError, match="row 2: REQ_NHS_NO or REQ_NHS_NUMBER is not the number of the request"):
        found_in(write_response(tmp_path, *({"UNIQUE REFERENCE": one, "REQ_NHS_NUMBER": CANARY if one == "bb" else "", **GOOD} for one in ("aa", "bb", "cc"))))


def test_an_answer_that_broke_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataQualityError, match="has no answer for 1 of the 3 people asked about"):
        found_in(write_response(tmp_path, *({"UNIQUE REFERENCE": one, **GOOD} for one in ("aa", "bb"))))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"UNIQUE REFERENCE": "aa", **GOOD, CANARY: "x"}, "has 1 columns that a response does not have"),
        ({"UNIQUE REFERENCE": "aa", "MATCHED_NHS_NO": ""}, "has no ERROR/SUCCESS_CODE, MATCHED_ALGORITHM_INDICATOR, MATCHED_CONFIDENCE_PERCENTAGE"),
        ({"record_id": CANARY}, "names none of the columns"),
    ],
)
def test_a_file_of_another_layout_is_refused(row: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words) as refusal:
        found_in(write_response(tmp_path, row))
    assert CANARY not in str(refusal.value)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Row, str]:
    """A small published workspace, in which a client of the council is somebody on the register of whom only the date of birth is left; and who it is."""
    folder = tmp_path_factory.mktemp("asking") / "southampton"
    write_synthetic_workspace("southampton", 400, 5, folder, "csv", Screen(as_json=True))
    rows = {
        name: pl.read_csv(folder / "landing" / name / f"{name}.csv", infer_schema=False, encoding="utf8-lossy", truncate_ragged_lines=True)
        for name in (EXTRACT, REGISTER.name)
    }
    people = rows[REGISTER.name].filter(
        pl.col("type_1_opt_out") == "N", pl.col("nhs_number").str.contains("^9[0-9]{9}$"), pl.col("date_of_birth").str.contains("^19")
    )
    wanted = people.sort("nhs_number").row(20, named=True)
    clients = rows[EXTRACT].row(0, named=True)
    row = {**{name: value or "" for name, value in clients.items()}, **STRANGER, "event_reference": "ASKED-1", "la_person_unique_identifier": "ASKED"}
    row |= {"date_of_birth": wanted["date_of_birth"], "gender": "1"}
    with (folder / "landing" / EXTRACT / f"{EXTRACT}.csv").open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, list(clients), lineterminator="\n").writerow(row)
    with (folder / "locality.toml").open("a", encoding="utf-8") as file:
        file.write('"nhs_number: check_digit" = { tolerance_percent = 50, owner = "the test", reason = "few clients" }\n')
    refresh(Request(folder, AS_AT))
    return folder, row, wanted["nhs_number"]


@pytest.fixture
def published_copy(asking: tuple[Path, Row, str], tmp_path: Path) -> Path:
    return Path(shutil.copytree(asking[0], tmp_path / "southampton", symlinks=True))


def read_rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened_file:
        return list(csv.DictReader(opened_file))


def last_entry(workspace: Path) -> dict[str, Any]:
    assert trail.verify_chain(workspace / "audit" / "trail.jsonl") == ()
    return trail.read_trail(workspace / "audit" / "trail.jsonl")[-1]


def test_a_request_is_in_the_layout_of_the_service_and_names_nobody_by_a_pseudonym(published_copy: Path) -> None:
    given = export_trace_request(published_copy, EXTRACT, "clients without a number")
    asked = read_rows(given.path)
    assert tuple(asked[0]) == RULES.request
    assert len(asked) == given.people > 0
    assert given.path.stat().st_mode & 0o777 == 0o600
    assert b'"' not in given.path.read_bytes()
    assert [row["UNIQUE REFERENCE"] for row in asked] == sorted({row["UNIQUE REFERENCE"] for row in asked})
    persons = set(pl.read_parquet(next((published_copy / "pseudonymised").glob("*/people.parquet")))["person"])
    assert not persons & {row["UNIQUE REFERENCE"] for row in asked}
    assert [row["FAMILY_NAME"] for row in asked].count("Unlike") == 1
    assert last_entry(published_copy)["counts"] == {"people": given.people}
    again = export_trace_request(published_copy, EXTRACT, "clients without a number")
    assert again.path.read_bytes() == given.path.read_bytes()


def test_an_answer_is_a_match_pass_and_an_input_of_the_next_run(published_copy: Path, asking: tuple[Path, Row, str], tmp_path: Path) -> None:
    before, (_, client, true) = (published_copy / "published" / "current").resolve().name, asking
    asked = read_rows(export_trace_request(published_copy, EXTRACT, "clients without a number").path)
    answer = [{"UNIQUE REFERENCE": row["UNIQUE REFERENCE"], **GOOD, "MATCHED_NHS_NO": true if row["FAMILY_NAME"] == "Unlike" else ""} for row in asked]
    taken = import_trace_answer(published_copy, EXTRACT, write_response(tmp_path, *answer), "answer of October")
    assert (taken.people, taken.people_found) == (len(asked), 1)
    assert last_entry(published_copy)["counts"] == {"people": len(asked), "found": 1}
    assert true not in (published_copy / "audit" / "trail.jsonl").read_text()
    vault = vault_of(published_copy, read_settings(published_copy))
    assert source_list_names(vault, SourceListKind.ASKED, EXTRACT) == ()
    assert dict(read_mps_answers(vault, EXTRACT).iter_rows()) == {identity_of(client): true}

    done = refresh(Request(published_copy, AS_AT))
    assert done.run_id != before
    received = {run: pl.read_parquet(published_copy / "pseudonymised" / run / "received" / f"{EXTRACT}.parquet") for run in (before, done.run_id)}
    assert received[done.run_id].filter(pl.col("trace_reason") == "national_trace").height == 1
    linked = received[done.run_id].filter(pl.col("trace_reason") == "national_trace")
    was = received[before].join(linked.select("file", "row"), on=["file", "row"], how="semi")
    assert was["outcome"].to_list() == ["unlinked"]
    register = pl.read_parquet(published_copy / "pseudonymised" / done.run_id / "received" / "gp_registrations.parquet")
    assert linked["person"].is_in(register["person"].implode()).all()
    assert export_trace_request(published_copy, EXTRACT, "who is left").people == len(asked) - 1 if len(asked) > 1 else True


@pytest.mark.parametrize("extract", ["gp_registrations", "ambulance"])
def test_only_a_source_is_asked_about(extract: str, published_copy: Path) -> None:
    with pytest.raises(UsageError, match="no source of that name is traced; the sources are gp_events,"):
        export_trace_request(published_copy, extract, "why")
    assert last_entry(published_copy)["what"] == "national-trace export refused"


def test_an_answer_that_nobody_asked_for_is_refused_and_recorded(published_copy: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no request about .* is open"):
        import_trace_answer(published_copy, EXTRACT, write_response(tmp_path), "why")
    assert last_entry(published_copy)["what"] == "national-trace import refused"
    export_trace_request(published_copy, EXTRACT, "clients without a number")
    with pytest.raises(DataQualityError, match="belongs to another request"):
        import_trace_answer(published_copy, EXTRACT, write_response(tmp_path), "why")
    assert read_mps_answers(vault_of(published_copy, read_settings(published_copy)), EXTRACT).is_empty()
    assert source_list_names(vault_of(published_copy, read_settings(published_copy)), SourceListKind.ASKED, EXTRACT), "the question stays open"
