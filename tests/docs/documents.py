"""The code blocks and links of the README and of every page under docs/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial" / "first-answer.md"

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--\s*(?P<words>(?:(?!-->).)*?)\s*-->\s*\Z", re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<image>[^)\s]+)\)")
NOT_RUN, OUTPUT = "not run:", "output"


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, and what the HTML comment directly above it says."""

    page: Path
    line: int
    language: str
    text: str
    comment: str

    @property
    def reason_not_run(self) -> str:
        """Why the block is not run, or an empty text if it is."""
        return self.comment.removeprefix(NOT_RUN).strip() if self.comment.startswith(NOT_RUN) else ""

    @property
    def is_output(self) -> bool:
        """Whether the block quotes what the block above it prints."""
        return self.comment == OUTPUT

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """The README, the project's other pages and every page under docs/."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        comment = COMMENT.search(text[: match.start()])
        indent = len(match["indent"])
        body = "".join(line[indent:] if line.strip() else line for line in match["text"].splitlines(keepends=True))
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, match["language"].strip(), body, comment["words"] if comment else ""))
    return found


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links and images outside its code blocks."""
    for match in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
        yield match["target"] or match["image"]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as hosting sites and the site generator make them."""
    headings = re.findall(r"^#{1,6} +(.+?) *$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}


def commands(block: Block) -> list[str]:
    """The commands of a shell block: continued lines are joined; blank lines and remarks, which two blanks and a # begin, are left out."""
    joined = block.text.replace("\\\n", " ")
    return [command for line in joined.splitlines() if (command := re.sub(r"(?:^|\s{2,})#.*$", "", line).strip())]
