"""What pages tell their readers to type is typed, in order, on a made-up town. What they say it prints, it prints."""

from __future__ import annotations

import contextlib
import difflib
import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import command_line, documents
from tests.docs.answers import ANSWERS, validate
from tests.docs.documents import DOCS, ROOT, TUTORIAL, Block
from tests.docs.town import Town, current_run, others_act

README = ROOT / "README.md"
GUIDES = [page for page in documents.pages() if page.is_relative_to(DOCS) and page != TUTORIAL and any(b.language != "text" for b in documents.blocks(page))]
ELSEWHERE = ("make", "source", "cd", "git", "prefect", "export")
"""Programs of a shell block that test_pages.py looks at."""

SLOW = {"bcf run southampton": DOCS / "how-to" / "information-analyst.md", "bcf audit promises southampton": DOCS / "how-to" / "information-governance-lead.md"}
"""Commands of the README that take long, and that the tests run on another page."""


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_the_tutorial_leads_from_nothing_to_the_answer(town: Town, tmp_path: Path) -> None:
    asked = run_page(TUTORIAL, town, town.lay_out(tmp_path, "demo"))
    assert any("long_term_conditions_two_plus" in command for command in asked)


def test_the_readme_does_what_it_says(town: Town, tmp_path: Path) -> None:
    run_page(README, town, town.lay_out(tmp_path, "demo"))


@pytest.mark.parametrize(("command", "page"), SLOW.items())
def test_a_slow_command_of_the_readme_is_run_on_another_page(command: str, page: Path) -> None:
    assert any(line.startswith(command) for block in documents.blocks(page) if not block.reason_not_run for line in documents.commands(block))


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_guide_does_what_it_says(page: Path, town: Town, tmp_path: Path) -> None:
    run_page(page, town, town.lay_out(tmp_path, "southampton"))


def test_answers_are_as_their_schemas_say(town: Town, tmp_path: Path) -> None:
    folder = town.lay_out(tmp_path, "southampton")
    bare = folder / "bare"
    bare.mkdir()
    bare.joinpath("locality.toml").write_bytes((town.workspace / "locality.toml").read_bytes())
    for line in ANSWERS:
        others_act(line, folder)
        answer = command_line.run(shlex.split(line.replace("/RUN/", f"/{current_run(folder / 'southampton')}/"))[1:], folder)
        assert answer.code in (0, 1), f"{line}: {answer.err}"
        validate(line, json.loads(answer.out))


def run_page(page: Path, town: Town, folder: Path) -> list[str]:
    """Run every block of a page in a folder, in order. Gives back the `bcf` commands that were run."""
    asked: list[str] = []
    printed = ""
    for block in documents.blocks(page):
        if block.reason_not_run:
            continue
        if block.is_output:
            assert_quoted(block, printed)
        elif block.comment.startswith("output of: "):
            assert block.comment.removeprefix("output of: ") == town.command
            assert_quoted(block, town.answer.out)
        elif block.language == "shell":
            answers = list(run_shell(block, town, folder))
            asked += [command for command, _ in answers]
            printed = "".join(answer.out for _, answer in answers)
        elif block.language == "sql":
            answer = command_line.run(["query", "southampton", block.text], folder)
            assert answer.code == 0, f"{block}: {answer.err}"
            assert len(answer.out.splitlines()) > 1, f"{block}: no rows"
        elif block.language == "python":
            with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
                exec(compile(block.text, str(block), "exec"), {})
        elif block.language == "toml":
            assert_settings(block, town, folder)
    return asked


def run_shell(block: Block, town: Town, folder: Path) -> Iterator[tuple[str, command_line.Answer]]:
    """Run the `bcf` commands of a block; each must end with the exit code that the page says, 0 unless it says another."""
    stated = re.match(r"exit (\d)", block.comment)
    for line in documents.commands(block):
        command = line.removeprefix(".venv/bin/")
        if command.split()[0] in ELSEWHERE or (block.page == README and command.startswith(tuple(SLOW))):
            continue
        if command == town.command:
            answer = town.answer
        else:
            others_act(command, folder)
            if "/RUN/" in command:
                command = command.replace("/RUN/", f"/{current_run(folder / 'southampton')}/")
            answer = command_line.run_line(command, folder)
        assert answer.code == int(stated[1] if stated else 0), f"{block}: {command}: {answer.err}{answer.out}"
        if "--json" in command and not answer.err:
            validate(command, json.loads(answer.out))
        if command == "bcf init southampton":
            fill_in(town, folder)
        yield command, answer


def fill_in(town: Town, folder: Path) -> None:
    """What the analyst does after `bcf init`: fills in locality.toml and puts the deliveries in landing."""
    (folder / "southampton").rename(folder / "as-init-made-it")
    town.lay_out(folder, "southampton")


def assert_quoted(block: Block, printed: str) -> None:
    """Every line of a block is in what was printed, in that order. Blanks do not matter; … stands for anything. Names every line that differs."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    position, differing = 0, []
    for line in block.text.splitlines():
        quoted = " ".join(line.split())
        if quoted in ("", "…"):
            continue
        pattern = re.compile(re.sub(r"(\\ )?…(\\ )?", ".*", re.escape(quoted)))
        found = next((n for n in range(position, len(lines)) if pattern.fullmatch(lines[n])), None)
        if found is None:
            nearest = difflib.get_close_matches(quoted, lines, n=1, cutoff=0.5)
            differing.append(f"  the page says: {quoted}\n  printed is:    {nearest[0] if nearest else 'nothing like it'}")
        else:
            position = found + 1
    assert not differing, f"{block}: {len(differing)} quoted lines are not printed, or not in this order:\n" + "\n".join(differing)


HEADER = re.compile(r"^\[\[?([^\[\]]+)\]\]?$", re.MULTILINE)


def assert_settings(block: Block, town: Town, folder: Path) -> None:
    """The project's own reader takes the block in the place of the sections that it names."""
    text = (town.workspace / "locality.toml").read_text(encoding="utf-8")
    named = set(HEADER.findall(block.text))
    kept = [part for part in re.split(r"(?m)^(?=\[)", text) if not ((header := HEADER.match(part)) and header[1] in named)]
    settings = folder / "as-the-page-says"
    settings.mkdir()
    (settings / "locality.toml").write_text("\n".join([*kept, block.text]), encoding="utf-8")
    findings = json.loads(command_line.run(["doctor", settings.name, "--json"], folder).out)
    assert next(finding for finding in findings if finding["subject"] == "locality.toml")["passed"], f"{block}: {findings}"
    (settings / "locality.toml").unlink()
    settings.rmdir()
