"""Rules of the repository: imports, forbidden calls in stages, file sizes and pinned dependencies."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bcf_linkage", "expectations", "pipelines", "synthetic")
STAGES = [path for wing in ("pseudonymised", "published") for path in (ROOT / "bcf_linkage" / wing).rglob("*.py")]
SOURCES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def test_every_import_respects_the_layers() -> None:
    result = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", STAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_stage_calls_no_function_that_reads_writes_or_depends_on_the_day(path: Path) -> None:
    forbidden = {"collect", "today", "now", "utcnow", "open", "read_text", "write_text", "scan_parquet", "read_parquet", "sink_parquet", "random", "print"}
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    assert not called & forbidden


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_has_a_docstring_and_at_most_400_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text:
        assert path.name == "__init__.py"
        return
    assert ast.get_docstring(ast.parse(text)), "a module starts with a docstring"
    assert len(text.splitlines()) <= 400, "a longer file becomes a folder of the same name"


def test_no_module_has_a_name_without_meaning() -> None:
    assert not [p for p in SOURCES if p.stem in {"utils", "util", "common", "helpers", "misc"}]


def test_the_locks_pin_everything_with_hashes_and_name_no_index() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        assert "://" not in text
        assert "index-url" not in text
        for requirement in re.split(r"\n(?=\S)", text.strip()):
            assert re.match(r"[A-Za-z0-9_.-]+==", requirement)
            assert "--hash=sha256:" in requirement


def test_every_dependency_carries_its_reason() -> None:
    section = re.search(r"\ndependencies = \[\n(.*?)\n\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.DOTALL)
    assert section
    assert all("#" in line for line in section[1].splitlines())
