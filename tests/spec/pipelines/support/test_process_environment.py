"""The environment is set by explicit calls and by no import, usage statistics are off, and Polars gets its allocator."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipelines.support.process_environment import ALLOCATOR, ENVIRONMENT, child_environment, prepare_environment
from pipelines.support.sanitise_errors import UnexpectedError, sanitise_errors


def run_python(code: str) -> list[str]:
    """The words that a new process prints, whose environment has none of the variables."""
    environment = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment).stdout.split()


def test_an_import_sets_nothing() -> None:
    # Polars itself sets the variable of its allocator when it is imported.
    names = tuple(name for name in ENVIRONMENT if name != ALLOCATOR)
    code = f"""
import os
import expectations, pipelines, pipelines.admin.keys, pipelines.workspace.audit_log
print([name for name in {names} if name in os.environ])
"""
    assert run_python(code) == ["[]"]


def test_the_command_line_does_not_import_polars_before_the_environment_is_set() -> None:
    assert run_python("import sys, pipelines.cli.command_line; print('polars' in sys.modules, 'prefect' in sys.modules)") == ["False", "False"]


def test_the_command_line_turns_usage_statistics_off() -> None:
    code = f"""
import os
from pipelines.cli.command_line import main
try:
    main(["schema", "gp_events", "--json"])
except SystemExit:
    pass
print(*("variable", os.environ["DO_NOT_TRACK"], os.environ["GX_ANALYTICS_ENABLED"], bool(os.environ["{ALLOCATOR}"])))
"""
    words = run_python(code)
    assert words[words.index("variable") + 1 :] == ["1", "false", "True"]


def test_what_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(ALLOCATOR, "mine")
    child = child_environment(PYTHONPATH="here")
    assert (child[ALLOCATOR], child["DO_NOT_TRACK"], child["PYTHONPATH"]) == ("mine", "1", "here")
    assert "DO_NOT_TRACK" not in os.environ
    prepare_environment()
    assert (os.environ[ALLOCATOR], os.environ["DO_NOT_TRACK"]) == ("mine", "1")


def test_an_unexpected_error_loses_its_message_and_keeps_its_type() -> None:
    with pytest.raises(UnexpectedError, match=r"ValueError at .*is unexpected; its message is withheld") as raised:
        sanitise_errors(int, "Quexzibarth")
    assert "Quexzibarth" not in str(raised.value)
    assert raised.value.__context__ is None
