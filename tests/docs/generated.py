"""The generated pages, made by the scripts that `make docs` calls."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from tests.docs.documents import DOCS


def builder() -> Any:
    """The script docs/build.py as a module."""
    if str(DOCS) not in sys.path:
        sys.path.insert(0, str(DOCS))
    return importlib.import_module("build")


def pages_of_the_reference() -> list[tuple[str, str]]:
    """Every generated page: its path under docs/, and its text."""
    return list(builder().generated())
