"""The site that `make docs` builds: complete, from the declarations, and opened from a folder without a network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.published_tables import PUBLISHED
from tests.docs.command_line import leaf_commands
from tests.docs.documents import DOCS, ROOT, pages
from tests.docs.generated import pages_of_the_reference

ADDRESS = re.compile(r"""<(?:script|img|iframe|source)\b[^>]*?\bsrc=["']([^"']+)|<link\b[^>]*?\brel=["'](?:stylesheet|icon|preload)[^>]*?\bhref=["']([^"']+)""")
ELSEWHERE = re.compile(r"^(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run([sys.executable, DOCS / "build.py", folder], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    return dict(pages_of_the_reference())


def test_every_page_is_in_the_site(site: Path, reference: dict[str, str]) -> None:
    written = {page.relative_to(DOCS).with_suffix(".html") for page in pages() if page.is_relative_to(DOCS) and page.name != "template.md"}
    generated = {Path(name).with_suffix(".html") for name in reference}
    assert not [page for page in written | generated if not (site / page).exists()]


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        for found in ADDRESS.findall(page.read_text(encoding="utf-8")):
            address = (found[0] or found[1]).partition("?")[0]
            assert not ELSEWHERE.match(address), f"{page.name}: {address}"
            assert address.startswith("data:") or (page.parent / address).exists(), f"{page.name}: {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name
    assert (site / "searchindex.js").exists(), "search reads a script beside the pages, which a browser opens from a folder"


def test_the_reference_holds_everything_that_is_declared(reference: dict[str, str]) -> None:
    for name, table in EXTRACTS.items():
        text = reference[f"reference/extracts/{name}.md"]
        assert not [column for column in table.names if f"| `{column}` |" not in text], name
    for name, table in PUBLISHED.items():
        section = reference["reference/published-tables.md"].partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert not [column for column in table.names if f"| `{column}` |" not in section], name
    for words, command in leaf_commands():
        section = reference["reference/commands.md"].partition(f"## bcf {' '.join(words)}\n")[2].partition("\n## ")[0]
        assert "```shell" in section, words
        assert not [p.opts[0] for p in command.params if p.opts[0] not in section and p.opts[0] != "--help"], words


def test_every_reference_file_of_rules_has_a_page(reference: dict[str, str]) -> None:
    """Codes that the data declares are on a page; lists of names and ranges, which no reader looks up, are not."""
    data = ROOT / "bcf_linkage" / "definitions" / "reference"
    text = "\n".join(reference.values())
    for file in ("cohorts", "conditions", "metrics", "case_finding", "linkage_quality", "sharing"):
        for code in re.findall(r'^code = "(.+)"$', (data / f"{file}.toml").read_text(encoding="utf-8"), re.MULTILINE):
            assert f"`{code}`" in text or f"| {code} |" in text, f"{file}: {code}"


def test_every_setting_of_a_new_workspace_is_explained(reference: dict[str, str]) -> None:
    listed = reference["reference/settings.md"].partition("## The whole file")[0]
    whole = reference["reference/settings.md"].partition("## The whole file")[2]
    keys = set(re.findall(r"^(?:# )?(\w+) = ", whole, re.MULTILINE))
    assert len(keys) > 20
    assert not [key for key in keys if f"| `{key}` |" not in listed]


def test_every_schema_is_shown(reference: dict[str, str]) -> None:
    for file in (DOCS / "reference" / "json").glob("*.json"):
        assert f"## {json.loads(file.read_text(encoding='utf-8'))['title']}\n" in reference["reference/json-answers.md"]
