"""Open the reports in a browser, as a reader does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser import open_report
from tests.conftest import CommandResult

PHONE, PAPER = 390, 718
"""Widths in pixels: of a phone, and of an A4 page within its margins."""


def test_the_report_of_a_check_opens_without_an_error_or_a_network_request(locality: Path, tmp_path: Path, bcf: Callable[..., CommandResult]) -> None:
    report = tmp_path / "report.html"
    file = sorted((locality / "landing" / "adult_social_care").iterdir())[0]
    assert bcf("check", "adult_social_care", file, "--workspace", locality, "--report", report).code in (0, 1)
    with open_report(report) as page:
        assert page.console_messages == []
        assert page.requests == []
        assert page.accessibility_violations() == []
        assert page.page.title().endswith("adult_social_care")
        assert page.page.locator("svg rect.bar").count() > 0
        page.page.screenshot(path=tmp_path / "report.png", full_page=True)


def test_the_linkage_report_opens_without_an_error_or_a_network_request(published: Path, tmp_path: Path) -> None:
    report = published / "published" / "current" / "reports" / "linkage_quality.html"
    with open_report(report) as page:
        assert page.console_messages == []
        assert page.requests == []
        assert page.accessibility_violations() == []
        assert page.page.title() == "Linkage quality: Southampton City, 30 September 2014"
        assert page.page.locator("script").count() == 0
        headings = page.page.locator("h2").all_inner_texts()
        assert [heading[0] for heading in headings if heading[1] == "."] == list("ABCDEFGHIJ")
        assert headings[-1] == "Sign-off"
        # The summary with its lights comes first, and every drawing has a description.
        assert page.page.locator(".cards .light").all_inner_texts()[0] in ("green", "amber", "red")
        drawings = page.page.locator("svg")
        assert drawings.count() >= 4
        assert all(drawings.nth(n).locator("desc").text_content() for n in range(drawings.count()))
        assert page.page.evaluate(OVERLAPPING_TEXTS) == []
        assert page.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wide tables scroll by themselves"
        page.page.screenshot(path=tmp_path / "linkage.png", full_page=True)
        assert page.page.locator(".signature th[scope=col]").all_inner_texts() == [
            "Role",
            "Name",
            "Fit for use? For which purpose, within which limits?",
            "Signature",
            "Date",
        ]
        page.page.set_viewport_size({"width": PHONE, "height": 800})
        assert page.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.page.set_viewport_size({"width": PAPER, "height": 1_000})
        page.page.emulate_media(media="print")
        assert page.page.evaluate("[...document.querySelectorAll('table')].filter(each => each.scrollWidth > window.innerWidth).length") == 0
        paper = page.page.pdf(path=tmp_path / "linkage.pdf", format="A4")
        assert paper.startswith(b"%PDF")


def test_the_governance_report_opens_without_an_error_or_a_network_request(published: Path, tmp_path: Path) -> None:
    with open_report(published / "published" / "current" / "reports" / "governance.html") as page:
        assert page.console_messages == []
        assert page.requests == []
        assert page.accessibility_violations() == []
        assert page.page.title() == "Information governance: Southampton City, 30 September 2014"
        assert page.page.locator("script").count() == 0
        headings = page.page.locator("h2").all_inner_texts()
        assert [heading[0] for heading in headings[:-1]] == list("ABCDEFGH")
        assert headings[-1] == "Sign-off"
        # Every text of the flow map stays within its box.
        boxes = page.page.evaluate(TEXTS_OUTSIDE_BOXES)
        assert boxes == []
        assert page.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.page.screenshot(path=tmp_path / "governance.png", full_page=True)


OVERLAPPING_TEXTS = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
    const all = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBBox()]), whole = svg.viewBox.baseVal;
    const over = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
    return all.filter(([, a], n) => a.x < 0 || a.x + a.width > whole.width || all.some(([, b], m) => m > n && over(a, b))).map(([words]) => words);
})"""
"""Find texts that leave their drawing or overlap another text."""

TEXTS_OUTSIDE_BOXES = """() => {
    const svg = document.querySelector('svg'), boxes = [...svg.querySelectorAll('rect')].map(r => r.getBBox()), texts = [...svg.querySelectorAll('text')];
    return texts.filter(text => {
        const t = text.getBBox(), middle = t.y + t.height / 2;
        const around = boxes.filter(b => b.x <= t.x + 1 && t.x < b.x + b.width && b.y <= middle && middle <= b.y + b.height);
        const own = around.sort((a, b) => a.width * a.height - b.width * b.height)[0];
        return !own || t.x + t.width > own.x + own.width;
    }).map(text => text.textContent);
}"""
"""Find texts of the map that leave the innermost box in which they begin."""
