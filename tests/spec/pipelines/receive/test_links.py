"""Links across runs: tokens and pseudonyms stay the same, changed links are found, and the cohorts that they change are counted."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from bcf_linkage.identifiable.client_links import build_client_links
from bcf_linkage.identifiable.vault.source_lists import SourceListKind, source_list_names, write_source_list
from bcf_linkage.pseudonymised.link_changes import compare_links, restore_previous_links, start_links
from bcf_linkage.storage import releases
from bcf_linkage.storage.engine import POLARS
from bcf_linkage.storage.manifest import digest, digests
from bcf_linkage.storage.store import Workspace
from pipelines.receive.links import previous_links
from pipelines.refresh import Request, refresh
from pipelines.workspace.key_access import vault_of
from pipelines.workspace.settings import read_settings
from tests.conftest import AS_AT, context_of

BEFORE = date(2014, 8, 31)
EXTRACT = "adult_social_care"
LINKED, UNLINKED, ELSEWHERE = "linked", "unlinked", "seen, not registered"


def frame(*rows: tuple[str, str, str], since: date | None = None) -> Any:
    links_table = pl.DataFrame(rows, ["client", "person", "outcome"], orient="row").with_columns(trace_reason=pl.lit("why"))
    return POLARS.frame(links_table if since is None else links_table.with_columns(since=pl.lit(since)))


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        (("P", LINKED), ("P", LINKED), "links_kept"),
        (("C", UNLINKED), ("P", LINKED), "links_found"),
        (("P", ELSEWHERE), ("P", LINKED), "links_found"),
        (("Q", LINKED), ("P", LINKED), "links_moved"),
        (("P", LINKED), ("C", UNLINKED), "links_lost"),
        (("P", LINKED), ("P", ELSEWHERE), "links_lost"),
        (("C", UNLINKED), ("C", UNLINKED), "links_neither"),
        (("C", UNLINKED), ("P", ELSEWHERE), "links_neither"),
    ],
)
def test_a_link_is_compared_with_the_run_before(was: tuple[str, str], now: tuple[str, str], change: str) -> None:
    (row,) = POLARS.collect(compare_links(frame(("c", *now)), frame(("c", *was), since=BEFORE), AS_AT)).to_dicts()
    assert row["change"] == change
    same = was == now
    assert row["since"] == (BEFORE if same else AS_AT)
    assert (row["person_before"], row["outcome_before"], row["trace_reason_before"], row["since_before"]) == ((None,) * 4 if same else (*was, "why", BEFORE))


def test_a_new_client_has_no_change() -> None:
    compared_links = POLARS.collect(compare_links(frame(("new", "P", LINKED)), frame(("gone", "Q", LINKED), since=BEFORE), AS_AT))
    assert compared_links.select("client", "change", "since", "person_before").rows() == [("new", None, AS_AT, None)]
    assert POLARS.collect(start_links(frame(("new", "P", LINKED)), AS_AT)).select(compared_links.columns).equals(compared_links)


def test_previous_links_are_restored_only_where_they_are_unambiguous() -> None:
    now = frame(("a", "P", LINKED), ("b", "Q", LINKED), ("c", "Q", LINKED), ("d", "R", LINKED), ("e", "R", LINKED), ("f", "F", UNLINKED), ("g", "G", LINKED))
    before = frame(
        ("a", "A", UNLINKED),
        ("b", "B", UNLINKED),
        ("c", "Q", LINKED),
        ("d", "S", LINKED),
        ("e", "S", LINKED),
        ("f", "T", LINKED),
        ("g", "G", LINKED),
        since=BEFORE,
    )
    restored = POLARS.collect(restore_previous_links(compare_links(now, before, AS_AT))).sort("person")
    assert restored.rows() == [("F", "T", LINKED), ("P", "A", UNLINKED), ("R", "S", LINKED)]


def test_a_client_is_linked_to_the_person_of_most_linked_records() -> None:
    def identity(person: str, reason: str, rows: int, client: str = "c") -> dict[str, Any]:
        return {"person": person, "reason": reason, "rows": rows, "la": client}

    identities = [
        identity("C", "number_missing", 9),
        identity("P", "scored", 1),
        identity("Q", "cross_check", 2),
        identity("Q", "scored", 1),
        identity("N", "not_on_register", 5),
        identity("D", "tie", 1, "d"),
    ]
    for rows in (identities, identities[::-1]):
        found = POLARS.collect(build_client_links(POLARS.frame(pl.DataFrame(rows)), "la")).sort("local_id")
        assert found.rows() == [("c", "Q", LINKED, "cross_check"), ("d", "D", UNLINKED, "tie")]


class TwoRuns(NamedTuple):
    """A workspace with two runs. In the second, some of the council's clients have lost their identifiers."""

    workspace: Path
    runs: tuple[str, str]
    spoilt: frozenset[str]


@pytest.fixture(scope="module")
def two_runs(published: Path, tmp_path_factory: pytest.TempPathFactory) -> TwoRuns:
    workspace = Path(shutil.copytree(published, tmp_path_factory.mktemp("twice") / "southampton", symlinks=True))
    write_source_list(
        vault_of(workspace, read_settings(workspace)), SourceListKind.WORK_LISTS, EXTRACT, "2014-09-30-refusedrun", pl.DataFrame({"kind": ["found"]})
    )
    file = workspace / "landing" / EXTRACT / f"{EXTRACT}.csv"
    lines = file.read_bytes().split(b"\n")
    header = lines[0].decode().split(",")
    blank = [header.index(name) for name in ("nhs_number", "given_name", "family_name", "postcode", "address_line_1")]
    client, spoilt = header.index("la_person_unique_identifier"), set()
    for n, line in enumerate(lines[1:], 1):
        fields = line.split(b",")
        if len(fields) == len(header) and b'"' not in line and fields[client].endswith((b"1", b"2", b"3")):
            for at in blank:
                fields[at] = b""
            spoilt.add(fields[client].decode("utf-8", "replace"))
            lines[n] = b",".join(fields)
    file.write_bytes(b"\n".join(lines))
    settings = workspace / "locality.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("tolerance_percent = 28", "tolerance_percent = 90"), encoding="utf-8")
    before = (workspace / "published" / "current").resolve().name
    return TwoRuns(workspace, (before, refresh(Request(workspace=workspace, as_at=AS_AT)).run_id), frozenset(spoilt))


def table(two_runs: TwoRuns, name: str, run: int = 1) -> pl.DataFrame:
    return pl.read_parquet(two_runs.workspace / "pseudonymised" / two_runs.runs[run] / f"{name}.parquet")


def published_table(workspace: Path, run: str, name: str) -> pl.DataFrame:
    return pl.read_parquet(workspace / "published" / run / "tables" / f"{name}.parquet")


def test_a_person_has_the_same_pseudonym_in_every_run(two_runs: TwoRuns) -> None:
    before, now = (table(two_runs, "received/gp_registrations", run).select("file", "row", "person") for run in (0, 1))
    assert before.height > 1_000
    assert before.equals(now)
    clients = [table(two_runs, f"links_{EXTRACT}", run)["client"] for run in (0, 1)]
    assert set(clients[0]) <= set(clients[1]), "and so has a client, linked or not"


def test_the_first_run_has_nothing_to_compare(two_runs: TwoRuns, published: Path) -> None:
    assert table(two_runs, f"links_{EXTRACT}", 0)["change"].null_count() == table(two_runs, f"links_{EXTRACT}", 0).height
    run = (published / "published" / "current").resolve().name
    assert not published_table(published, run, "linkage_quality")["measure"].str.starts_with("links_").any()
    assert set(published_table(published, run, "linkage_sensitivity")["rule"]) == {"strict", "unscored", "default", "loose"}
    report = (published / "published" / run / "reports" / "linkage_quality.html").read_text(encoding="utf-8")
    assert "Changes since the previous run" not in report


def expected_changes(two_runs: TwoRuns) -> Counter[str]:
    """Count the changes of the council's clients, from the received rows of both runs and the council's own client numbers."""
    with (two_runs.workspace / "landing" / EXTRACT / f"{EXTRACT}.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.reader(file)
        client = next(reader).index("la_person_unique_identifier")
        client_of_row = {row: fields[client].strip() for row, fields in enumerate(reader, 1) if len(fields) > client}
    linked: list[dict[str, set[str]]] = []
    for run in (0, 1):
        persons_by_client: dict[str, set[str]] = {}
        for row in table(two_runs, f"received/{EXTRACT}", run).to_dicts():
            persons_by_client.setdefault(client_of_row[row["row"]], set()).update({row["person"]} if row["outcome"] == LINKED else ())
        linked.append(persons_by_client)
    found: Counter[str] = Counter()
    for shared_client in linked[0].keys() & linked[1].keys():
        was, now = linked[0][shared_client], linked[1][shared_client]
        found["links_compared"] += 1
        found["links_kept" if was and was == now else "links_moved" if was and now else "links_found" if now else "links_lost" if was else "links_neither"] += 1
    return found


def test_changes_are_counted_as_they_are_and_small_numbers_hidden(two_runs: TwoRuns) -> None:
    expected = expected_changes(two_runs)
    assert expected["links_lost"] > 20
    exact = Counter(table(two_runs, f"links_{EXTRACT}")["change"].drop_nulls().to_list())
    assert exact == {change: count for change, count in expected.items() if change != "links_compared"}
    shown = published_table(two_runs.workspace, two_runs.runs[1], "linkage_quality").filter(
        pl.col("area_code") == EXTRACT, pl.col("measure").str.starts_with("links_")
    )
    assert set(shown["measure"]) == set(expected)
    for measure, number in shown.select("measure", "numerator").iter_rows():
        assert number is None or abs(number - expected[measure]) <= 2
        assert number is None or expected[measure] not in range(1, 8), "small and not hidden"
    assert not shown.filter(pl.col("measure") == "links_lost")["numerator"].is_null().any()


def test_the_cohorts_are_also_counted_under_the_previous_links(two_runs: TwoRuns) -> None:
    under = published_table(two_runs.workspace, two_runs.runs[1], "linkage_sensitivity").filter(pl.col("measure") == "social_care_clients")
    people_by_rule = dict(under.select("rule", "people").iter_rows())
    before = published_table(two_runs.workspace, two_runs.runs[0], "linkage_sensitivity").filter(
        pl.col("measure") == "social_care_clients", pl.col("rule") == "default"
    )
    assert people_by_rule["before"] == before["people"][0] > people_by_rule["default"], "the same people under the old links are as many as before"
    report = (two_runs.workspace / "published" / two_runs.runs[1] / "reports" / "linkage_quality.html").read_text(encoding="utf-8")
    assert f"Compared with run {two_runs.runs[0]}" in report


def test_a_change_has_the_previous_person_reason_and_date_as_pseudonyms_only(two_runs: TwoRuns) -> None:
    lost = table(two_runs, f"links_{EXTRACT}").filter(pl.col("change") == "links_lost")
    was = table(two_runs, f"links_{EXTRACT}", 0).select("client", "person", "trace_reason", "since")
    beside = lost.join(was, on="client", suffix="_then")
    assert beside.height == lost.height > 20
    for name in ("person", "trace_reason", "since"):
        assert (beside[f"{name}_before"] == beside[f"{name}_then"]).all()
    assert lost["trace_reason"].is_in(["number_missing"]).all()
    assert all(token.isalpha() and len(token) == 32 for name in ("client", "person", "person_before") for token in lost[name])


def test_lists_of_a_run_that_never_published_are_removed_by_the_next(two_runs: TwoRuns) -> None:
    vault = vault_of(two_runs.workspace, read_settings(two_runs.workspace))
    assert source_list_names(vault, SourceListKind.WORK_LISTS, EXTRACT) == tuple(sorted(two_runs.runs)), "the list of the refused run is removed"


def test_a_repeated_run_is_compared_with_the_same_run_and_publishes_the_same_bytes(two_runs: TwoRuns) -> None:
    folder = two_runs.workspace / "published" / two_runs.runs[1]
    before, links_digest = digests(folder), digest(two_runs.workspace / "pseudonymised" / two_runs.runs[1] / f"links_{EXTRACT}.parquet")
    assert refresh(Request(workspace=two_runs.workspace, as_at=AS_AT)).run_id == two_runs.runs[1]
    assert digests(folder) == before
    assert digest(two_runs.workspace / "pseudonymised" / two_runs.runs[1] / f"links_{EXTRACT}.parquet") == links_digest
    assert releases.list_earlier_releases(Workspace(two_runs.workspace), two_runs.runs[1]) == (two_runs.runs[0],)


@pytest.mark.parametrize(("key", "is_compared"), [("pseudonym-1", True), ("pseudonym-2", False)])
def test_links_under_another_key_are_not_compared(key: str, is_compared: bool, published: Path) -> None:
    following = context_of(published, "2014-09-30-aaaaaaaaaa")
    assert (previous_links(following, EXTRACT, key) is not None) == is_compared
    assert previous_links(following, "no_source", key) is None
