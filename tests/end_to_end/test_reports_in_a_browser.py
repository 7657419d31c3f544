"""The reports opened as a person would open them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser import opened
from tests.conftest import Said


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
