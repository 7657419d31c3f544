"""Pages as they are written: every block says what it is, links lead somewhere, every command has a page, and no block is passed over in silence."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.docs import documents
from tests.docs.command_line import leaf_commands
from tests.docs.documents import DOCS, ROOT, Block, anchors, blocks, commands, links, pages

LANGUAGES = {"shell", "python", "sql", "toml", "text", "json", "csv"}
NOT_RUN = 6
"""Blocks of all pages that cannot be run by a test. One more needs a reason above it, and this number."""

SHELL = [block for page in pages() for block in blocks(page) if block.language == "shell"]
WORDS = {" ".join(words) for words, _ in leaf_commands()}


def prefect_file() -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    return found


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages(), ids=named)
def test_a_block_says_what_language_it_is_in(page: Path) -> None:
    assert not [f"{block}: {block.language or 'no language'}" for block in blocks(page) if block.language not in LANGUAGES]


def test_a_block_that_is_not_run_says_why_and_is_counted() -> None:
    passed_over = [block for page in pages() for block in blocks(page) if block.comment.startswith(documents.NOT_RUN)]
    assert all(len(block.reason_not_run) > 10 for block in passed_over)
    assert len(passed_over) == NOT_RUN, [str(block) for block in passed_over]


def test_quoted_output_stands_under_a_command() -> None:
    for page in pages():
        seen_command = False
        for block in blocks(page):
            seen_command |= block.language == "shell"
            assert seen_command or not block.is_output, str(block)


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_a_command_of_a_page_is_one_that_there_is(block: Block) -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands(block):
        words = shlex.split(command, comments=True)
        program = words[0].removeprefix(".venv/bin/")
        if program == "bcf":
            assert any(" ".join(words[1 : 1 + n]) in WORDS for n in (1, 2)), command
        elif program == "make":
            assert set(words[1:]) <= targets, command
        else:
            assert program in {"prefect", "git", "cd", "source", "export"}, command


def test_every_command_has_a_guide_and_a_part_of_the_reference() -> None:
    guides = [command for page in [*(DOCS / "how-to").rglob("*.md"), documents.TUTORIAL] for block in blocks(page) for command in commands(block)]
    assert not {words for words in WORDS if not any(command.startswith(f"bcf {words} ") or command == f"bcf {words}" for command in guides)}


@pytest.mark.parametrize("page", pages(), ids=named)
def test_a_link_leads_somewhere(page: Path, generated: dict[Path, str]) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists() or target in generated, f"{named(page)}: {link}"
        if anchor and target.suffix == ".md" and target.exists():
            assert anchor in anchors(target), f"{named(page)}: {link}"


@pytest.fixture(scope="session")
def generated() -> dict[Path, str]:
    """The pages that `make docs` writes, by the place where they stand among the pages that people wrote."""
    from tests.docs.generated import pages_of_the_reference

    return {(DOCS / name).resolve(): text for name, text in pages_of_the_reference()}


def test_the_way_from_a_schedule_to_a_run_is_one_and_the_same_everywhere() -> None:
    """The worker serves the pool that the deployments name, and each deployment is deployed with a workspace and without usage statistics."""
    declared = prefect_file()["deployments"]
    assert isinstance(declared, list)
    pools, names = {entry["work_pool"]["name"] for entry in declared}, {entry["name"] for entry in declared}
    assert len(pools) == 1
    comments = "\n".join(re.findall(r"^#(.*)$", (ROOT / "prefect.yaml").read_text(encoding="utf-8"), re.MULTILINE))
    for where in [comments, *(block.text for block in SHELL if "prefect " in block.text)]:
        assert set(re.findall(r"--pool (\S+)", where)) <= pools, where
        assert set(re.findall(r"deploy --name (\S+)", where)) <= names, where
        assert where.count("deploy --name") == where.count("--param workspace="), where
        assert not re.search(r"work-pool create|deploy --all", where), where
    for page in (ROOT / "README.md", DOCS / "how-to" / "schedule.md"):
        text = "\n".join(block.text for block in blocks(page) if "prefect " in block.text)
        assert set(re.findall(r"--pool (\S+)", text)) == pools
        assert set(re.findall(r"deploy --name (\S+)", text)) == names


@pytest.mark.parametrize("block", [block for block in SHELL if re.search(r"^prefect ", block.text, re.MULTILINE)], ids=str)
def test_prefect_is_given_its_server_and_sends_no_usage_statistics(block: Block) -> None:
    """Without PREFECT_API_URL a worker and a deployment each start a server of their own, and never meet."""
    before = block.text.partition("prefect ")[0]
    assert before.startswith("export ")
    for variable in ("PREFECT_API_URL=http://", "PREFECT_SERVER_ANALYTICS_ENABLED=false", "DO_NOT_TRACK=1"):
        assert variable in before, variable


def test_no_page_names_a_place_on_somebodys_machine() -> None:
    assert not [named(page) for page in pages() if re.search(r"(?<![\w.])/(home|root|work|tmp|Users)/", page.read_text(encoding="utf-8"))]


def test_a_decision_has_status_date_alternatives_and_costs() -> None:
    for page in (DOCS / "adr").glob("0*.md"):
        text = page.read_text(encoding="utf-8")
        assert re.search(r"^\| Status \| (proposed|accepted|replaced)", text, re.MULTILINE), page.name
        assert re.search(r"^\| Date \| \d{4}-\d\d-\d\d", text, re.MULTILINE), page.name
        headings = Counter(re.findall(r"^## (.+)$", text, re.MULTILINE))
        assert set(headings) == {"Situation", "Decision", "Alternatives considered", "Costs", "Consequences"}, page.name


def test_the_project_says_under_what_licence_it_is_given() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])
    assert "bcf-linkage contributors" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (ROOT / "bcf_linkage" / "py.typed").exists()


def test_the_version_has_a_dated_part_in_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("file", [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / ".pre-commit-config.yaml"], ids=named)
def test_a_file_for_the_hosting_site_can_be_read(file: Path) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    if file.name in ("wrong-figure.yml", "bug.yml"):
        assert "Never post data about real people" in document["body"][0]["attributes"]["value"]
