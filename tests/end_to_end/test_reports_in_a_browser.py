"""The reports opened as a person would open them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser import opened
from tests.conftest import Said

PHONE, PAPER = 390, 718
"""Widths in pixels: of a phone, and of a sheet of A4 within its margins."""


def test_the_report_of_a_check_opens_without_a_complaint_and_asks_the_network_for_nothing(locality: Path, tmp_path: Path, bcf: Callable[..., Said]) -> None:
    report = tmp_path / "report.html"
    file = sorted((locality / "landing" / "adult_social_care").iterdir())[0]
    assert bcf("check", "adult_social_care", file, "--workspace", locality, "--report", report).code in (0, 1)
    with opened(report) as page:
        assert page.complaints == []
        assert page.requests == []
        assert page.stumbling_blocks() == []
        assert page.shown.title().endswith("adult_social_care")
        assert page.shown.locator("svg rect.bar").count() > 0
        page.shown.screenshot(path=tmp_path / "report.png", full_page=True)


def test_the_linkage_report_opens_without_a_complaint_and_asks_the_network_for_nothing(published: Path, tmp_path: Path) -> None:
    report = published / "published" / "current" / "reports" / "linkage_quality.html"
    with opened(report) as page:
        assert page.complaints == []
        assert page.requests == []
        assert page.stumbling_blocks() == []
        assert page.shown.title() == "Linkage quality: Southampton City, 30 September 2014"
        assert page.shown.locator("script").count() == 0
        headings = page.shown.locator("h2").all_inner_texts()
        assert [heading[0] for heading in headings if heading[1] == "."] == list("ABCDEFGHIJ")
        assert headings[-1] == "Sign-off"
        # Plain words and lights come first, and every drawing says in words what it shows.
        assert page.shown.locator(".cards .light").all_inner_texts()[0] in ("green", "amber", "red")
        drawings = page.shown.locator("svg")
        assert drawings.count() >= 4
        assert all(drawings.nth(n).locator("desc").text_content() for n in range(drawings.count()))
        assert page.shown.evaluate(CROWDED) == []
        assert page.shown.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wide tables scroll within themselves"
        page.shown.screenshot(path=tmp_path / "linkage.png", full_page=True)
        assert page.shown.locator(".signature th[scope=col]").all_inner_texts() == [
            "Role",
            "Name",
            "Fit for use? For what, with what limits",
            "Signature",
            "Date",
        ]
        page.shown.set_viewport_size({"width": PHONE, "height": 800})
        assert page.shown.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.shown.set_viewport_size({"width": PAPER, "height": 1_000})
        page.shown.emulate_media(media="print")
        assert page.shown.evaluate("[...document.querySelectorAll('table')].filter(each => each.scrollWidth > window.innerWidth).length") == 0
        paper = page.shown.pdf(path=tmp_path / "linkage.pdf", format="A4")
        assert paper.startswith(b"%PDF")


def test_the_governance_report_opens_without_a_complaint_and_asks_the_network_for_nothing(published: Path, tmp_path: Path) -> None:
    with opened(published / "published" / "current" / "reports" / "governance.html") as page:
        assert page.complaints == []
        assert page.requests == []
        assert page.stumbling_blocks() == []
        assert page.shown.title() == "Information governance: Southampton City, 30 September 2014"
        assert page.shown.locator("script").count() == 0
        headings = page.shown.locator("h2").all_inner_texts()
        assert [heading[0] for heading in headings[:-1]] == list("ABCDEFGH")
        assert headings[-1] == "Sign-off"
        # No line of the map runs out of its box, and none over another.
        boxes = page.shown.evaluate(BEYOND)
        assert boxes == []
        assert page.shown.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.shown.screenshot(path=tmp_path / "governance.png", full_page=True)


CROWDED = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
    const all = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBBox()]), whole = svg.viewBox.baseVal;
    const over = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
    return all.filter(([, a], n) => a.x < 0 || a.x + a.width > whole.width || all.some(([, b], m) => m > n && over(a, b))).map(([words]) => words);
})"""
"""Words of drawings that run out of them, or over others."""

BEYOND = """() => {
    const svg = document.querySelector('svg'), boxes = [...svg.querySelectorAll('rect')].map(r => r.getBBox()), texts = [...svg.querySelectorAll('text')];
    return texts.filter(text => {
        const t = text.getBBox(), middle = t.y + t.height / 2;
        const around = boxes.filter(b => b.x <= t.x + 1 && t.x < b.x + b.width && b.y <= middle && middle <= b.y + b.height);
        const own = around.sort((a, b) => a.width * a.height - b.width * b.height)[0];
        return !own || t.x + t.width > own.x + own.width;
    }).map(text => text.textContent);
}"""
"""Words of the map that reach beyond the innermost box that they begin in."""
