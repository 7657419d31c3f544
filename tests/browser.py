"""A real browser for the reports: what it complains of, what it asks the network for, and what a screen reader would stumble over."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
STANDARDS = ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]


@dataclass
class Page:
    """An opened report: `shown` is Playwright's page, `complaints` what the console said, `requests` what was asked for beside the file."""

    shown: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def stumbling_blocks(self) -> list[str]:
        """What the accessibility rules of WCAG 2.1 AA find against the page."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.shown, options={"runOnly": {"type": "tag", "values": STANDARDS}})
        return [f"{each['id']}: {each['help']}" for each in found.response["violations"]]


@contextmanager
def opened(report: Path, *, width: int = 1200) -> Iterator[Page]:
    """The report in headless Chromium. Skips the test where there is none; CI sets BCF_BROWSER_REQUIRED and fails instead."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("BCF_BROWSER_REQUIRED"):
            pytest.fail("There is no Chromium, and tests/install_browser.sh could not install it")
        pytest.skip("There is no Chromium on this machine: tests/install_browser.sh installs it, as root on Debian")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = Page(browser.new_page(viewport={"width": width, "height": 900}))
        page.shown.on("console", lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.shown.on("pageerror", lambda error: page.complaints.append(str(error)))
        address = report.resolve().as_uri()
        page.shown.on("request", lambda request: page.requests.append(request.url) if request.url != address else None)
        page.shown.goto(address)
        yield page
        browser.close()
