"""What a run writes of itself for information governance: of what the run knows alone, with published numbers alone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.governance import Drafts
from bcf_linkage.definitions.schema import Identity
from bcf_linkage.published.governance_report.facts import KEPT_OF, facts
from bcf_linkage.published.governance_report.flow_map import flow_map
from bcf_linkage.published.governance_report.page import DECIDE, page
from bcf_linkage.published.governance_report.told import Release, Told
from bcf_linkage.storage.ledger import read_ledger
from bcf_linkage.storage.store import Workspace
from pipelines import governance_report
from pipelines.runs import Delivery, Request, Run
from tests.conftest import AS_AT


class Words(HTMLParser):
    """The words of a page, a cell or line each."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found.append(data.strip())

    @classmethod
    def of(cls, page: str) -> list[str]:
        reader = cls()
        reader.feed(page[page.index("<body>") :])
        return reader.found


@pytest.fixture(scope="module")
def report(published: Path) -> str:
    return (published / "published" / "current" / governance_report.FILE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def told(published: Path) -> Told:
    """What the report of the demo was told, told again."""
    run_id = Workspace(published).current.readlink().name
    deliveries = tuple(Delivery(file.parent.name, file, "") for file in sorted((published / "landing").glob("*/*")))
    tables = {name: pl.read_parquet(published / "published" / run_id / "tables" / f"{name}.parquet") for name in governance_report.READ}
    return governance_report.told(Run(Request(published, AS_AT), run_id, deliveries), tables)


def test_a_run_writes_it_and_the_same_facts_make_the_same_bytes(report: str, told: Told) -> None:
    assert page(told) == report


def test_it_names_every_source_and_every_zone(report: str, told: Told) -> None:
    drawing = report[report.index("<svg") : report.index("</svg>")]
    assert len(told.sources) == 6
    for part in ("landing/", "receive", "pseudonymised/", "published/", "vault/", *(source.extract.name.split("_")[-1] for source in told.sources)):
        assert part in drawing
    title, said = (re.search(f"<{tag}[^>]*>([^<]+)</{tag}>", drawing)[1] for tag in ("title", "desc"))  # type: ignore[index]
    assert title == "Where the data went"
    assert all(word in said for word in ("GP registrations, ", "unreadable", "opted out", "linked: ", "keys", "direct care"))


def numbers_in(words: list[str]) -> set[int]:
    return {int(number.replace(",", "")) for text in words for number in re.findall(r"(?<![\w.-])\d{1,3}(?:,\d{3})*(?![\w.%-])", text)}


def test_no_number_stands_in_it_that_the_run_did_not_publish(report: str, told: Told, published: Path) -> None:
    """The exact ledger holds small numbers and unrounded ones: none of a place of which the published number is hidden or another."""
    cells = [cell for row in re.findall(r"<tr[^>]*>(.*?)</tr>", report.split("B. What identifies")[0]) for cell in re.findall(r'class="number">([^<]*)<', row)]
    shown = {number for number in told.figures.values() if number is not None} | {0}
    assert numbers_in(cells) <= shown
    assert "hidden" in cells
    ledger = read_ledger(published / "audit" / told.run_id)
    exact = set(ledger.group_by("extract", "place").agg(pl.col("rows").sum())["rows"]) - shown
    assert any(number % 5 for number in exact)
    assert not exact & numbers_in(cells)


def test_nobody_who_may_ask_is_named_nor_any_key(report: str, published: Path) -> None:
    assert "a.gp" not in report
    assert "c.guardian" not in report
    assert not any(key.read_text().strip() in report for key in (published / "vault" / "keys").glob("*.key"))


def test_every_draft_says_what_is_left_to_a_person(report: str, told: Told) -> None:
    open_rows = [row for draft in told.drafts.drafts for row in draft.rows if row.decide]
    assert report.count(f"<b>{DECIDE}</b>") == len(open_rows) > 30
    assert f"{len(open_rows)} things are left open" in report
    words = Words.of(report)
    assert all(row.decide in words for row in open_rows)
    assert all(any(row.decide for row in draft.rows) for draft in told.drafts.drafts)


def test_every_fact_that_a_draft_shows_is_told_and_none_is_idle(told: Told) -> None:
    shown = {code for draft in told.drafts.drafts for row in draft.rows for code in row.shows}
    assert shown == facts(told).keys()
    assert [draft.code for draft in told.drafts.drafts] == ["article_30", "dpia", "dspt", "caldicott"]
    assert [row.place for row in told.drafts.drafts[2].rows] == [str(n) for n in range(1, 11)]
    assert [row.place for row in told.drafts.drafts[3].rows] == [str(n) for n in range(1, 9)]


def test_what_is_kept_is_said_of_every_kind_of_identifier() -> None:
    assert set(KEPT_OF) == set(Identity)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"kept": {}}, "retention", "all is kept for good"),
        ({"kept": {"landing": "90 days"}}, "retention", "landing for 90 days"),
        ({"objections": ()}, "objections", "No objection holds"),
        ({"objections": ("the national data opt-out",), "checked": "3 June 2014"}, "objections", "The national check spoke of 3 June 2014."),
        ({"practices": (3, 9)}, "reidentification", "For 3 of 9 practices"),
        ({"keys_lie": "environment variables"}, "keys", "Keys lie in environment variables"),
        ({"before": (Release("r", date(2014, 8, 31), "hes7r5", 10, 8),)}, "disclosure", "and 1 earlier release,"),
    ],
)
def test_what_the_run_is_told_is_what_it_says(change: dict[str, Any], code: str, words: str, told: Told) -> None:
    assert words in facts(replace(told, **change))[code]


def test_earlier_releases_are_listed(told: Told) -> None:
    assert "first release" in page(told)
    again = page(replace(told, before=(Release("2014-08-31-aaaaaaaaaa", date(2014, 8, 31), "hes7r5", 2_000, 1_500),)))
    assert "2014-08-31-aaaaaaaaaa" in again
    assert "first release" not in again


def test_hidden_numbers_are_hidden_in_the_map(told: Told) -> None:
    hidden = replace(told, tables={**told.tables, "linkage_quality": [{**row, "numerator": None} for row in told.tables["linkage_quality"]]})
    drawing = flow_map(hidden)
    assert not numbers_in(re.findall(r"<text[^>]*>([^<]*)<", drawing))
    assert drawing.count(">hidden<") == 6


def test_what_settings_say_cannot_become_part_of_the_page(told: Told) -> None:
    spoilt = replace(told.sources[0], supplier="<script>alert(1)</script>", agreement='"><img src=x>')
    text = page(replace(told, sources=(spoilt,), locality="<b>Town</b>", purpose="<i>planning</i>"))
    assert not re.search(r"<script|<img|<b>Town|<i>", text)


def test_drafts_of_another_day_are_refused() -> None:
    from bcf_linkage.definitions.errors import RequestRefused

    with pytest.raises(RequestRefused, match="holds from 2012-04-01"):
        Drafts.build(date(2011, 3, 31))
