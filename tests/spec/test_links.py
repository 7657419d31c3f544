"""Links across runs: a client's token and a person's pseudonym stay, changes are told from what stays, and what they move is counted."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from bcf_linkage.identifiable.clients import links
from bcf_linkage.identifiable.vault.source_lists import Listed, lists_of, write_list
from bcf_linkage.pseudonymised.link_changes import as_before, compared, first
from bcf_linkage.storage import releases
from bcf_linkage.storage.manifest import digest, digests
from bcf_linkage.storage.store import Workspace
from pipelines.custody import vault_of
from pipelines.links import links_before
from pipelines.refresh import Request, refresh
from pipelines.runs import Run
from pipelines.settings import read_settings
from pipelines.tracing import ENGINE
from tests.conftest import AS_AT

BEFORE = date(2014, 8, 31)
EXTRACT = "adult_social_care"
LINKED, UNLINKED, ELSEWHERE = "linked", "unlinked", "seen, not registered"


def frame(*rows: tuple[str, str, str], since: date | None = None) -> Any:
    told = pl.DataFrame(rows, ["client", "person", "place"], orient="row").with_columns(trace_reason=pl.lit("why"))
    return ENGINE.frame(told if since is None else told.with_columns(since=pl.lit(since)))


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
def test_what_became_of_a_link(was: tuple[str, str], now: tuple[str, str], change: str) -> None:
    (row,) = ENGINE.collect(compared(frame(("c", *now)), frame(("c", *was), since=BEFORE), AS_AT)).to_dicts()
    assert row["change"] == change
    same = was == now
    assert row["since"] == (BEFORE if same else AS_AT)
    assert (row["person_before"], row["place_before"], row["trace_reason_before"], row["since_before"]) == ((None,) * 4 if same else (*was, "why", BEFORE))


def test_who_was_not_there_before_has_not_changed() -> None:
    told = ENGINE.collect(compared(frame(("new", "P", LINKED)), frame(("gone", "Q", LINKED), since=BEFORE), AS_AT))
    assert told.select("client", "change", "since", "person_before").rows() == [("new", None, AS_AT, None)]
    assert ENGINE.collect(first(frame(("new", "P", LINKED)), AS_AT)).select(told.columns).equals(told)


def test_records_go_back_to_whom_they_had_only_where_it_is_certain_whose_they_are() -> None:
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
    told = ENGINE.collect(as_before(compared(now, before, AS_AT))).sort("person")
    assert told.rows() == [("F", "T", LINKED), ("P", "A", UNLINKED), ("R", "S", LINKED)]


def test_a_client_is_linked_to_whom_most_of_the_linked_records_are() -> None:
    def one(person: str, reason: str, rows: int, client: str = "c") -> dict[str, Any]:
        return {"person": person, "reason": reason, "rows": rows, "la": client}

    told = [
        one("C", "number_missing", 9),
        one("P", "scored", 1),
        one("Q", "cross_check", 2),
        one("Q", "scored", 1),
        one("N", "not_on_register", 5),
        one("D", "tie", 1, "d"),
    ]
    for rows in (told, told[::-1]):
        found = ENGINE.collect(links(ENGINE.frame(pl.DataFrame(rows)), "la")).sort("local_id")
        assert found.rows() == [("c", "Q", LINKED, "cross_check"), ("d", "D", UNLINKED, "tie")]


class Twice(NamedTuple):
    """A workspace with two runs, the second of which has lost what identified some of the council's clients."""

    place: Path
    runs: tuple[str, str]
    spoilt: frozenset[str]


@pytest.fixture(scope="module")
def twice(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Twice:
    place = Path(shutil.copytree(published, tmp_path_factory.mktemp("twice") / "southampton", symlinks=True))
    write_list(vault_of(place, read_settings(place)), Listed.WORK, EXTRACT, "2014-09-30-refusedrun", pl.DataFrame({"kind": ["found"]}))
    file = place / "landing" / EXTRACT / f"{EXTRACT}.csv"
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
    settings = place / "locality.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("tolerance_percent = 28", "tolerance_percent = 90"), encoding="utf-8")
    before = (place / "published" / "current").resolve().name
    return Twice(place, (before, refresh(Request(place, AS_AT)).run_id), frozenset(spoilt))


def table(twice: Twice, name: str, run: int = 1) -> pl.DataFrame:
    return pl.read_parquet(twice.place / "pseudonymised" / twice.runs[run] / f"{name}.parquet")


def published_table(place: Path, run: str, name: str) -> pl.DataFrame:
    return pl.read_parquet(place / "published" / run / "tables" / f"{name}.parquet")


def test_a_person_has_the_same_pseudonym_in_every_run(twice: Twice) -> None:
    before, now = (table(twice, "received/gp_registrations", run).select("file", "row", "person") for run in (0, 1))
    assert before.height > 1_000
    assert before.equals(now)
    clients = [table(twice, f"links_{EXTRACT}", run)["client"] for run in (0, 1)]
    assert set(clients[0]) <= set(clients[1]), "and so has a client, linked or not"


def test_the_first_run_has_nothing_to_compare(twice: Twice, published: Path) -> None:
    assert table(twice, f"links_{EXTRACT}", 0)["change"].null_count() == table(twice, f"links_{EXTRACT}", 0).height
    run = (published / "published" / "current").resolve().name
    assert not published_table(published, run, "linkage_quality")["measure"].str.starts_with("links_").any()
    assert set(published_table(published, run, "linkage_sensitivity")["rule"]) == {"strict", "unscored", "default", "loose"}
    report = (published / "published" / run / "reports" / "linkage_quality.html").read_text(encoding="utf-8")
    assert "Changes since the run before" not in report


def changes_in_plain_python(twice: Twice) -> Counter[str]:
    """What became of the council's clients, from the received rows of both runs and the council's own numbers."""
    with (twice.place / "landing" / EXTRACT / f"{EXTRACT}.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.reader(file)
        client = next(reader).index("la_person_unique_identifier")
        whose = {row: fields[client].strip() for row, fields in enumerate(reader, 1) if len(fields) > client}
    linked: list[dict[str, set[str]]] = []
    for run in (0, 1):
        told: dict[str, set[str]] = {}
        for row in table(twice, f"received/{EXTRACT}", run).to_dicts():
            told.setdefault(whose[row["row"]], set()).update({row["person"]} if row["place"] == LINKED else ())
        linked.append(told)
    found: Counter[str] = Counter()
    for one in linked[0].keys() & linked[1].keys():
        was, now = linked[0][one], linked[1][one]
        found["links_compared"] += 1
        found["links_kept" if was and was == now else "links_moved" if was and now else "links_found" if now else "links_lost" if was else "links_neither"] += 1
    return found


def test_changes_are_counted_as_they_are_and_small_numbers_hidden(twice: Twice) -> None:
    expected = changes_in_plain_python(twice)
    assert expected["links_lost"] > 20
    exact = Counter(table(twice, f"links_{EXTRACT}")["change"].drop_nulls().to_list())
    assert exact == {change: count for change, count in expected.items() if change != "links_compared"}
    shown = published_table(twice.place, twice.runs[1], "linkage_quality").filter(pl.col("area_code") == EXTRACT, pl.col("measure").str.starts_with("links_"))
    assert set(shown["measure"]) == set(expected)
    for measure, number in shown.select("measure", "numerator").iter_rows():
        assert number is None or abs(number - expected[measure]) <= 2
        assert number is None or expected[measure] not in range(1, 8), "small and not hidden"
    assert not shown.filter(pl.col("measure") == "links_lost")["numerator"].is_null().any()


def test_the_cohorts_that_changed_links_move_are_told(twice: Twice) -> None:
    under = published_table(twice.place, twice.runs[1], "linkage_sensitivity").filter(pl.col("measure") == "social_care_clients")
    told = dict(under.select("rule", "people").iter_rows())
    before = published_table(twice.place, twice.runs[0], "linkage_sensitivity").filter(pl.col("measure") == "social_care_clients", pl.col("rule") == "default")
    assert told["before"] == before["people"][0] > told["default"], "the same people under the old links are as many as before"
    report = (twice.place / "published" / twice.runs[1] / "reports" / "linkage_quality.html").read_text(encoding="utf-8")
    assert f"Held against run {twice.runs[0]}" in report


def test_a_change_says_who_was_linked_to_whom_since_when_and_why_by_pseudonyms_alone(twice: Twice) -> None:
    lost = table(twice, f"links_{EXTRACT}").filter(pl.col("change") == "links_lost")
    was = table(twice, f"links_{EXTRACT}", 0).select("client", "person", "trace_reason", "since")
    beside = lost.join(was, on="client", suffix="_then")
    assert beside.height == lost.height > 20
    for name in ("person", "trace_reason", "since"):
        assert (beside[f"{name}_before"] == beside[f"{name}_then"]).all()
    assert lost["trace_reason"].is_in(["number_missing"]).all()
    assert all(token.isalpha() and len(token) == 32 for name in ("client", "person", "person_before") for token in lost[name])


def test_lists_of_a_run_that_never_published_are_forgotten_by_the_next(twice: Twice) -> None:
    vault = vault_of(twice.place, read_settings(twice.place))
    assert lists_of(vault, Listed.WORK, EXTRACT) == tuple(sorted(twice.runs)), "what stood there of a refused run is gone"


def test_a_run_that_is_made_again_is_held_against_the_same_run_and_publishes_the_same_bytes(twice: Twice) -> None:
    folder = twice.place / "published" / twice.runs[1]
    before, told = digests(folder), digest(twice.place / "pseudonymised" / twice.runs[1] / f"links_{EXTRACT}.parquet")
    assert refresh(Request(twice.place, AS_AT)).run_id == twice.runs[1]
    assert digests(folder) == before
    assert digest(twice.place / "pseudonymised" / twice.runs[1] / f"links_{EXTRACT}.parquet") == told
    assert releases.before(Workspace(twice.place), twice.runs[1]) == (twice.runs[0],)


@pytest.mark.parametrize(("key", "is_compared"), [("pseudonym-1", True), ("pseudonym-2", False)])
def test_links_under_another_key_are_not_compared(key: str, is_compared: bool, published: Path) -> None:
    following = Run(Request(published, AS_AT), "2014-09-30-aaaaaaaaaa", ())
    assert (links_before(following, EXTRACT, key) is not None) == is_compared
    assert links_before(following, "no_source", key) is None
