"""Builds the site: `python docs/build.py [FOLDER]`. Pages that people wrote and generated pages go in; a folder of web pages comes out.

The site opens from the folder without a network. Any warning ends the build, so that a broken link cannot be published.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import build_interface
import build_reference
from build_reference import ROOT

DOCS = ROOT / "docs"
LINK = re.compile(r"(?P<before>!?\[(?P<words>[^\]]*)\]\()(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
PROJECT = ("GLOSSARY.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")
"""Pages at the root of the repository that the site shows as well."""

INDEXES = ("index.md", "README.md")
"""Pages whose links, in their order, are the pages below them in the site's navigation."""


def generated() -> Iterator[tuple[str, str]]:
    """Every generated page: its path under docs/, and its text."""
    for name, text in build_reference.generated():
        yield f"reference/{name}", text
    for name, write in build_interface.PAGES.items():
        yield f"reference/{name}", write()


def write_sources(folder: Path) -> None:
    """Write all pages of the site into a folder, with the links that lead out of docs/ put right."""
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(DOCS / "conf.py", folder)
    (folder / "project").mkdir()
    for name in PROJECT:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / "project" / name)
    for name, text in generated():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for file in folder.rglob("*.md"):
        put_links_right(file, folder)
        if file.name in INDEXES:
            add_navigation(file)


def put_links_right(file: Path, site: Path) -> None:
    """Turn a page's links to files of the repository into links to pages of the site. A link to a file that the site lacks becomes plain text."""
    here = file.relative_to(site)
    written = ROOT / here.name if here.parts[0] == "project" else DOCS / here

    def to_site(match: re.Match[str]) -> str:
        if "://" in match["target"] or match["target"].startswith("mailto:"):
            return match[0]
        target = Path(os.path.normpath(written.parent / match["target"]))
        if target.is_relative_to(DOCS):
            in_site = site / target.relative_to(DOCS)
        elif target.parent == ROOT and target.name in PROJECT:
            in_site = site / "project" / target.name
        else:
            return match["words"]
        return f"{match['before']}{os.path.relpath(in_site, file.parent)}{match['anchor'] or ''})"

    file.write_text(LINK.sub(to_site, file.read_text(encoding="utf-8")), encoding="utf-8")


def add_navigation(file: Path) -> None:
    """Put the pages that an index links to below it in the site's navigation."""
    text = file.read_text(encoding="utf-8")
    names = dict.fromkeys(match["target"].removesuffix(".md") for match in LINK.finditer(text) if match["target"].endswith(".md"))
    if names:
        file.write_text(text + "\n```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n", encoding="utf-8")


def build(folder: Path) -> int:
    """Build the site into a folder. Gives back the generator's exit code."""
    from sphinx.cmd.build import build_main

    shutil.rmtree(folder, ignore_errors=True)
    write_sources(folder / "source")
    return build_main(["-q", "-W", "--keep-going", "-b", "html", "-d", str(folder / "cache"), str(folder / "source"), str(folder / "html")])


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "docs"
    exit_code = build(target)
    if not exit_code:
        sys.stdout.write(f"Open {target / 'html' / 'index.html'}\n")
    sys.exit(exit_code)
