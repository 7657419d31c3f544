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

from bcf_linkage.definitions.errors import BcfError, DataQualityError, UsageError
from bcf_linkage.definitions.intervals import wilson_interval
from bcf_linkage.identifiable.review_sample import REVIEWED_COLUMNS, build_review_sample
from bcf_linkage.published.linkage_report.error_checks import verdict_cells
from bcf_linkage.storage import trail
from bcf_linkage.storage.engine import POLARS
from pipelines.admin.clerical_review import export_review_sheet, import_review_sheet
from pipelines.publish.reviews import tally_reviews
from tests.conftest import CommandResult, context_of
from tests.delivery_builder import number

EXTRACT = "adult_social_care"


def person(n: int) -> str:
    return number(930_000_000 + 20 * n)


def identity(n: int, reason: str, **changes: Any) -> dict[str, Any]:
    fields = {name: f"{name} {n}" for name in REVIEWED_COLUMNS}
    return {"reason": reason, "score": 9.5, "margin": None, "pattern": "F=", "nhs_number": None, "person_number": person(n), **fields, **changes}


def draw_sample(identities: list[dict[str, Any]], each: int = 2) -> pl.DataFrame:
    register = pl.DataFrame(
        [{"number": person(n), **{name: f"{name} {n}*" for name in REVIEWED_COLUMNS}} for n in range(9)]
        + [{"number": "old", **dict.fromkeys(REVIEWED_COLUMNS, "old")}]
    )
    frame = pl.DataFrame(identities, infer_schema_length=None, schema_overrides={"nhs_number": pl.String, "margin": pl.Float64})
    return POLARS.collect(build_review_sample(POLARS.frame(frame), POLARS.frame(register), ("cross_check",), each))


def test_the_review_sample_pairs_unconfirmed_links_of_each_match_pass_with_their_register_entry() -> None:
    identities = [identity(n, "scored") for n in range(5)] + [
        identity(5, "exact_demographics"),
        identity(6, "cross_check"),
        identity(7, "tie", person_number=None),
    ]
    found = draw_sample(identities)
    assert Counter(found["trace_reason"]) == {"scored": 2, "exact_demographics": 1}
    assert found["pair"].to_list() == ["exact_demographics 1", "scored 1", "scored 2"]
    for row in found.to_dicts():
        assert row["register_nhs_number"] in map(person, range(6))
        assert all(row[f"register_{name}"] == f"{row[name]}*" for name in REVIEWED_COLUMNS)
    assert draw_sample(identities[::-1]).equals(found)
    lots = sorted((person(n) for n in range(5)), key=lambda one: one[::-1])
    assert found.filter(pl.col("trace_reason") == "scored")["register_nhs_number"].to_list() == lots[:2]


def test_a_person_is_reviewed_once_for_each_match_pass() -> None:
    assert draw_sample([identity(3, "scored", nhs_number=one) for one in (None, "123", "456")]).height == 1


@pytest.fixture
def published_copy(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "southampton", symlinks=True))


def fill_in(sheet: Path, verdict_of: Callable[[int], str], **changes: str) -> Path:
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for n, row in enumerate(rows):
        row["verdict"] = verdict_of(n)
    rows[0] |= changes
    out = sheet.with_name("filled.csv")
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return out


def last_entry(workspace: Path) -> dict[str, Any]:
    return trail.read_trail(workspace / "audit" / "trail.jsonl")[-1]


def test_what_a_person_found_is_kept_as_counts_alone(published_copy: Path, bcf: Callable[..., CommandResult]) -> None:
    sheet = export_review_sheet(published_copy, EXTRACT, "review of October")
    assert sheet.pairs > 10
    assert sheet.path.stat().st_mode & 0o777 == 0o600
    assert last_entry(published_copy)["counts"] == {"pairs": sheet.pairs}
    result = bcf(
        "clerical-review",
        "import",
        published_copy,
        EXTRACT,
        fill_in(sheet.path, lambda n: ("Same", "same", "another", "")[min(n, 3)]),
        "--why",
        "review",
        "--json",
    )
    assert result.code == 0, result.err
    summary = json.loads(result.out)
    assert (summary["same"], summary["another"], summary["cannot tell"]) == (2, 1, 0)
    assert summary["precision"][0] == pytest.approx(2 / 3)
    assert summary["precision"][1] < 2 / 3 < summary["precision"][2]
    line = last_entry(published_copy)
    assert line["what"] == "clerical-review imported"
    assert sum(line["counts"].values()) == 3
    names = set(pl.read_csv(sheet.path, infer_schema=False)["family_name"].drop_nulls())
    assert not any(name in json.dumps(line) + result.out for name in names if len(name) > 5)
    assert trail.verify_chain(published_copy / "audit" / "trail.jsonl") == ()


def test_the_next_run_tells_of_the_latest_review_and_one_made_again_of_what_it_told_before(published_copy: Path) -> None:
    sheet = export_review_sheet(published_copy, EXTRACT, "review").path
    assert tally_reviews(context_of(published_copy, "2014-10-31-aaaaaaaaaa")).is_empty()
    import_review_sheet(published_copy, EXTRACT, fill_in(sheet, lambda n: "another"), "a first look")
    import_review_sheet(published_copy, EXTRACT, fill_in(sheet, lambda n: ("same", "same", "same", "another", "cannot tell", "")[min(n, 5)]), "a second look")
    counts = {(measure, match_pass): n for measure, _, _, match_pass, n in tally_reviews(context_of(published_copy, "2014-10-31-aaaaaaaaaa")).iter_rows()}
    assert [counts[measure, "all"] for measure in ("reviewed", "reviewed_another", "reviewed_unsure")] == [4, 1, 1]
    assert sum(n for (measure, match_pass), n in counts.items() if measure == "reviewed" and match_pass != "all") == 4
    assert tally_reviews(context_of(published_copy, (published_copy / "published" / "current").readlink().name)).is_empty()


@pytest.mark.parametrize(
    ("reviewed", "another", "cells"),
    [
        (300, 0, ["300", "0", "100.0%", "1.0%"]),
        (60, 0, ["60", "0", "100.0%", "5.0%"]),
        (60, 15, ["60", "15", "75.0%", "37.2%"]),
        (60, None, ["60", "hidden", "hidden", "hidden"]),
        (0, 0, ["0", "", "", ""]),
    ],
)
def test_of_no_error_found_the_rule_of_three_tells_how_many_there_may_be(reviewed: int, another: int | None, cells: list[str]) -> None:
    row: dict[str, Any] = {"denominator": reviewed, "numerator": another, "value": None, "upper": None}
    if reviewed and another is not None:
        row |= {"value": 100 * another / reviewed, "upper": 100 * wilson_interval(another, reviewed)[1]}
    assert [cell.text for cell in verdict_cells(row)] == cells


@pytest.mark.parametrize(
    ("changes", "words", "kind"),
    [
        ({"pair": "scored 999"}, "row 1 names a pair that is not in the sample", DataQualityError),
        ({"verdict": "Quexzibarth"}, "row 1 has an unknown verdict; write one of same, another, cannot tell", DataQualityError),
    ],
)
def test_a_sheet_of_another_kind_is_refused_without_a_value(changes: dict[str, str], words: str, kind: type[BcfError], published_copy: Path) -> None:
    sheet = fill_in(export_review_sheet(published_copy, EXTRACT, "review").path, lambda n: "same", **changes)
    with pytest.raises(kind, match=words) as refusal:
        import_review_sheet(published_copy, EXTRACT, sheet, "review")
    assert not any(value in str(refusal.value) for value in changes.values())
    assert last_entry(published_copy)["what"] == "clerical-review import refused"


def test_a_file_without_verdicts_and_a_source_without_links_are_refused(published_copy: Path, tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    file.write_text("pair\nscored 1\n")
    with pytest.raises(UsageError, match="has no column verdict"):
        import_review_sheet(published_copy, EXTRACT, file, "review")
    with pytest.raises(UsageError, match="no source of that name is linked"):
        export_review_sheet(published_copy, "gp_registrations", "review")
