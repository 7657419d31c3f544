"""The information governance report: it shows only what the run knows, and only published numbers."""

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
from bcf_linkage.published.governance_report.facts import KEPT_PER_IDENTIFIER, build_facts
from bcf_linkage.published.governance_report.flow_map import draw_flow_map
from bcf_linkage.published.governance_report.page import DECIDE, render_governance_report
from bcf_linkage.published.governance_report.report_data import GovernanceReportData, PriorRelease
from bcf_linkage.storage.ledger import read_ledger
from bcf_linkage.storage.store import Workspace
from pipelines.publish import governance_report
from pipelines.workspace.runs import Delivery
from tests.conftest import context_of


class PageText(HTMLParser):
    """Parser that collects the words of a page, one entry per cell or line."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())

    @classmethod
    def parse(cls, page: str) -> list[str]:
        reader = cls()
        reader.feed(page[page.index("<body>") :])
        return reader.words


@pytest.fixture(scope="module")
def report(published: Path) -> str:
    return (published / "published" / "current" / governance_report.FILE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report_data(published: Path) -> GovernanceReportData:
    """Read the facts of the demo's report once more."""
    run_id = Workspace(published).current.readlink().name
    deliveries = tuple(Delivery(file.parent.name, file, "") for file in sorted((published / "landing").glob("*/*")))
    tables = {name: pl.read_parquet(published / "published" / run_id / "tables" / f"{name}.parquet") for name in governance_report.TABLES_READ}
    return governance_report.report_context(context_of(published, run_id, deliveries), tables)


def test_a_run_writes_the_report_and_the_same_facts_make_the_same_bytes(report: str, report_data: GovernanceReportData) -> None:
    assert render_governance_report(report_data) == report


def test_the_flow_map_names_every_source_and_every_zone(report: str, report_data: GovernanceReportData) -> None:
    drawing = report[report.index("<svg") : report.index("</svg>")]
    assert len(report_data.sources) == 6
    for part in ("landing/", "receive", "pseudonymised/", "published/", "vault/", *(source.extract.name.split("_")[-1] for source in report_data.sources)):
        assert part in drawing
    title, description = (re.search(f"<{tag}[^>]*>([^<]+)</{tag}>", drawing)[1] for tag in ("title", "desc"))  # type: ignore[index]
    assert title == "Data flow"
    assert all(word in description for word in ("GP registrations, ", "unreadable", "opted out", "linked: ", "keys", "direct care"))


def numbers_in(words: list[str]) -> set[int]:
    return {int(number.replace(",", "")) for text in words for number in re.findall(r"(?<![\w.-])\d{1,3}(?:,\d{3})*(?![\w.%-])", text)}


def test_the_report_has_no_number_that_the_run_did_not_publish(report: str, report_data: GovernanceReportData, published: Path) -> None:
    """The exact ledger has small and unrounded numbers. None of them may be in the report."""
    cells = [cell for row in re.findall(r"<tr[^>]*>(.*?)</tr>", report.split("<h2>B. ")[0]) for cell in re.findall(r'class="number">([^<]*)<', row)]
    shown = {number for number in report_data.figures.values() if number is not None} | {0}
    assert numbers_in(cells) <= shown
    assert "hidden" in cells
    ledger = read_ledger(published / "audit" / report_data.run_id)
    exact = set(ledger.group_by("extract", "outcome").agg(pl.col("rows").sum())["rows"]) - shown
    assert any(number % 5 for number in exact)
    assert not exact & numbers_in(cells)


def test_no_requester_approver_or_key_is_in_the_report(report: str, published: Path) -> None:
    assert "a.gp" not in report
    assert "c.guardian" not in report
    assert not any(key.read_text().strip() in report for key in (published / "vault" / "keys").glob("*.key"))


def test_every_draft_shows_what_a_person_must_decide(report: str, report_data: GovernanceReportData) -> None:
    open_rows = [row for draft in report_data.drafts.drafts for row in draft.rows if row.decide]
    assert report.count(f"<b>{DECIDE}</b>") == len(open_rows) > 30
    assert f"{len(open_rows)} points are for a person to decide" in report
    words = PageText.parse(report)
    assert all(row.decide in words for row in open_rows)
    assert all(any(row.decide for row in draft.rows) for draft in report_data.drafts.drafts)


def test_every_fact_of_a_draft_exists_and_every_fact_is_used(report_data: GovernanceReportData) -> None:
    shown = {code for draft in report_data.drafts.drafts for row in draft.rows for code in row.shows}
    assert shown == build_facts(report_data).keys()
    assert [draft.code for draft in report_data.drafts.drafts] == ["article_30", "dpia", "dspt", "caldicott"]
    assert [row.provision for row in report_data.drafts.drafts[2].rows] == [str(n) for n in range(1, 11)]
    assert [row.provision for row in report_data.drafts.drafts[3].rows] == [str(n) for n in range(1, 9)]


def test_every_kind_of_identifier_has_an_entry_for_what_is_kept() -> None:
    assert set(KEPT_PER_IDENTIFIER) == set(Identity)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"retention_limits": {}}, "retention", "everything is kept without limit"),
        ({"retention_limits": {"landing": "90 days"}}, "retention", "landing for 90 days"),
        ({"objections": ()}, "objections", "No kind of objection applies"),
        ({"objections": ("the national data opt-out",), "national_check_date": "3 June 2014"}, "objections", "checked as of 3 June 2014."),
        ({"practices": (3, 9)}, "reidentification", "For 3 of 9 practices"),
        ({"key_location": "environment variables"}, "keys", "Keys are kept in environment variables"),
        ({"earlier_releases": (PriorRelease("r", date(2014, 8, 31), "hes7r5", 10, 8),)}, "disclosure", "and 1 earlier release,"),
    ],
)
def test_a_fact_follows_the_data_of_the_run(change: dict[str, Any], code: str, words: str, report_data: GovernanceReportData) -> None:
    assert words in build_facts(replace(report_data, **change))[code]


def test_earlier_releases_are_listed(report_data: GovernanceReportData) -> None:
    assert "first release" in render_governance_report(report_data)
    again = render_governance_report(replace(report_data, earlier_releases=(PriorRelease("2014-08-31-aaaaaaaaaa", date(2014, 8, 31), "hes7r5", 2_000, 1_500),)))
    assert "2014-08-31-aaaaaaaaaa" in again
    assert "first release" not in again


def test_suppressed_numbers_are_hidden_in_the_flow_map(report_data: GovernanceReportData) -> None:
    hidden = replace(
        report_data, tables={**report_data.tables, "linkage_quality": [{**row, "numerator": None} for row in report_data.tables["linkage_quality"]]}
    )
    drawing = draw_flow_map(hidden)
    assert not numbers_in(re.findall(r"<text[^>]*>([^<]*)<", drawing))
    assert drawing.count(">hidden<") == 6


def test_text_of_the_settings_is_escaped(report_data: GovernanceReportData) -> None:
    malicious = replace(report_data.sources[0], supplier="<script>alert(1)</script>", agreement='"><img src=x>')
    text = render_governance_report(replace(report_data, sources=(malicious,), locality="<b>Town</b>", purpose="<i>planning</i>"))
    assert not re.search(r"<script|<img|<b>Town|<i>", text)


def test_drafts_are_refused_before_the_day_they_are_valid_from() -> None:
    from bcf_linkage.definitions.errors import UsageError

    with pytest.raises(UsageError, match="is valid from 2012-04-01"):
        Drafts.build(date(2011, 3, 31))
