"""The made-up town of the tutorial, made once by the tutorial's own command."""

from __future__ import annotations

import re

import pytest

from tests.docs import command_line, documents
from tests.docs.town import Town


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The town, in a folder of its own. Never changed by a test."""
    shown = [command for block in documents.blocks(documents.TUTORIAL) if block.language == "shell" for command in documents.commands(block)]
    command = next(command for command in shown if re.match(r"bcf demo\b", command))
    folder = tmp_path_factory.mktemp("tutorial")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        answer = command_line.run_line(command, folder)
    assert answer.code == 0, answer.err
    return Town(folder / "demo", command, answer)
