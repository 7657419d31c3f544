"""Open reports in a real browser: console messages, network requests and accessibility violations."""

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
    """An open report: Playwright's page, the errors and warnings of its console, and the addresses that it requested except its own."""

    page: Any
    console_messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def accessibility_violations(self) -> list[str]:
        """Return the violations of WCAG 2.1 AA and best practice that axe finds."""
        from axe_playwright_python.sync_playwright import Axe

        result = Axe().run(self.page, options={"runOnly": {"type": "tag", "values": STANDARDS}})
        return [f"{violation['id']}: {violation['help']}" for violation in result.response["violations"]]


@contextmanager
def open_report(report: Path, *, width: int = 1200) -> Iterator[Page]:
    """Open the report in headless Chromium. Skip the test without Chromium; with BCF_BROWSER_REQUIRED, as in CI, fail instead."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("BCF_BROWSER_REQUIRED"):
            pytest.fail("There is no Chromium, and tests/install_browser.sh could not install it")
        pytest.skip("There is no Chromium on this machine: tests/install_browser.sh installs it, as root on Debian")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = Page(browser.new_page(viewport={"width": width, "height": 900}))
        page.page.on("console", lambda message: page.console_messages.append(message.text) if message.type in ("error", "warning") else None)
        page.page.on("pageerror", lambda error: page.console_messages.append(str(error)))
        address = report.resolve().as_uri()
        page.page.on("request", lambda request: page.requests.append(request.url) if request.url != address else None)
        page.page.goto(address)
        yield page
        browser.close()
