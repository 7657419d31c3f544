"""Links for a person to read: which, side by side with what, and that of what was found nothing but counts is kept."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.errors import DataRefused, Refusal, RequestRefused
from bcf_linkage.identifiable.clerical import COMPARED, pairs
from bcf_linkage.published.linkage_quality.assessment import wilson
from bcf_linkage.published.linkage_report.errors import verdicts
from bcf_linkage.storage import trail
from pipelines.clerical import export, reviewed, take
from pipelines.runs import Request, Run
from pipelines.tracing import ENGINE
from tests.conftest import AS_AT, Said
from tests.spec.delivered import number

EXTRACT = "adult_social_care"


def person(n: int) -> str:
    return number(930_000_000 + 20 * n)


def identity(n: int, reason: str, **changes: Any) -> dict[str, Any]:
    told = {name: f"{name} {n}" for name in COMPARED}
    return {"reason": reason, "score": 9.5, "margin": None, "pattern": "F=", "nhs_number": None, "person_number": person(n), **told, **changes}


def sampled(identities: list[dict[str, Any]], each: int = 2) -> pl.DataFrame:
    register = pl.DataFrame(
        [{"number": person(n), **{name: f"{name} {n}*" for name in COMPARED}} for n in range(9)] + [{"number": "old", **dict.fromkeys(COMPARED, "old")}]
    )
    frame = pl.DataFrame(identities, infer_schema_length=None, schema_overrides={"nhs_number": pl.String, "margin": pl.Float64})
    return ENGINE.collect(pairs(ENGINE.frame(frame), ENGINE.frame(register), ("cross_check",), each))


def test_so_many_of_each_rung_that_no_number_confirms_stand_beside_their_entry() -> None:
    told = [identity(n, "scored") for n in range(5)] + [identity(5, "exact_demographics"), identity(6, "cross_check"), identity(7, "tie", person_number=None)]
    found = sampled(told)
    assert Counter(found["trace_reason"]) == {"scored": 2, "exact_demographics": 1}
    assert found["pair"].to_list() == ["exact_demographics 1", "scored 1", "scored 2"]
    for row in found.to_dicts():
        assert row["register_nhs_number"] in map(person, range(6))
        assert all(row[f"register_{name}"] == f"{row[name]}*" for name in COMPARED)
    assert sampled(told[::-1]).equals(found)
    lots = sorted((person(n) for n in range(5)), key=lambda one: one[::-1])
    assert found.filter(pl.col("trace_reason") == "scored")["register_nhs_number"].to_list() == lots[:2]


def test_a_person_is_read_about_once_for_each_rung() -> None:
    assert sampled([identity(3, "scored", nhs_number=one) for one in (None, "123", "456")]).height == 1


@pytest.fixture
def place(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))


def filled(sheet: Path, judged: Callable[[int], str], **changes: str) -> Path:
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for n, row in enumerate(rows):
        row["verdict"] = judged(n)
    rows[0] |= changes
    out = sheet.with_name("filled.csv")
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return out


def last(place: Path) -> dict[str, Any]:
    return trail.entries(place / "audit" / "trail.jsonl")[-1]


def test_what_a_person_found_is_kept_as_counts_alone(place: Path, bcf: Callable[..., Said]) -> None:
    sheet = export(place, EXTRACT, "review of October")
    assert sheet.pairs > 10
    assert sheet.path.stat().st_mode & 0o777 == 0o600
    assert last(place)["counts"] == {"pairs": sheet.pairs}
    said = bcf(
        "clerical-review", "import", place, EXTRACT, filled(sheet.path, lambda n: ("Same", "same", "another", "")[min(n, 3)]), "--why", "review", "--json"
    )
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert (told["same"], told["another"], told["cannot tell"]) == (2, 1, 0)
    assert told["right"][0] == pytest.approx(2 / 3)
    assert told["right"][1] < 2 / 3 < told["right"][2]
    line = last(place)
    assert line["what"] == "clerical-review imported"
    assert sum(line["counts"].values()) == 3
    names = set(pl.read_csv(sheet.path, infer_schema=False)["family_name"].drop_nulls())
    assert not any(name in json.dumps(line) + said.out for name in names if len(name) > 5)
    assert trail.verify(place / "audit" / "trail.jsonl") == ()


def test_the_next_run_tells_of_the_latest_review_and_one_made_again_of_what_it_told_before(place: Path) -> None:
    sheet = export(place, EXTRACT, "review").path
    assert reviewed(run(place, "2014-10-31-aaaaaaaaaa")).is_empty()
    take(place, EXTRACT, filled(sheet, lambda n: "another"), "a first look")
    take(place, EXTRACT, filled(sheet, lambda n: ("same", "same", "same", "another", "cannot tell", "")[min(n, 5)]), "a second look")
    told = {(measure, rung): n for measure, _, _, rung, n in reviewed(run(place, "2014-10-31-aaaaaaaaaa")).iter_rows()}
    assert [told[measure, "all"] for measure in ("reviewed", "reviewed_another", "reviewed_unsure")] == [4, 1, 1]
    assert sum(n for (measure, rung), n in told.items() if measure == "reviewed" and rung != "all") == 4
    assert reviewed(run(place, (place / "published" / "current").readlink().name)).is_empty()


def run(place: Path, named: str) -> Run:
    return Run(Request(place, AS_AT), named, ())


@pytest.mark.parametrize(
    ("judged", "another", "cells"),
    [
        (300, 0, ["300", "0", "100.0%", "1.0%"]),
        (60, 0, ["60", "0", "100.0%", "5.0%"]),
        (60, 15, ["60", "15", "75.0%", "37.2%"]),
        (60, None, ["60", "hidden", "hidden", "hidden"]),
        (0, 0, ["0", "", "", ""]),
    ],
)
def test_of_no_error_found_the_rule_of_three_tells_how_many_there_may_be(judged: int, another: int | None, cells: list[str]) -> None:
    row: dict[str, Any] = {"denominator": judged, "numerator": another, "value": None, "upper": None}
    if judged and another is not None:
        row |= {"value": 100 * another / judged, "upper": 100 * wilson(another, judged)[1]}
    assert [cell.text for cell in verdicts(row)] == cells


@pytest.mark.parametrize(
    ("changes", "words", "kind"),
    [
        ({"pair": "scored 999"}, "row 1 names no pair of the sample", DataRefused),
        ({"verdict": "Quexzibarth"}, "row 1 has another verdict than same, another, cannot tell", DataRefused),
    ],
)
def test_a_sheet_of_another_kind_is_refused_without_a_value(changes: dict[str, str], words: str, kind: type[Refusal], place: Path) -> None:
    sheet = filled(export(place, EXTRACT, "review").path, lambda n: "same", **changes)
    with pytest.raises(kind, match=words) as refusal:
        take(place, EXTRACT, sheet, "review")
    assert not any(value in str(refusal.value) for value in changes.values())
    assert last(place)["what"] == "clerical-review import refused"


def test_a_file_without_verdicts_and_a_source_without_links_are_refused(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    file.write_text("pair\nscored 1\n")
    with pytest.raises(RequestRefused, match="lacks the column verdict"):
        take(place, EXTRACT, file, "review")
    with pytest.raises(RequestRefused, match="no source of that name is linked"):
        export(place, "gp_registrations", "review")
