"""Every command that answers in JSON has a schema. The schemas say what each part means, and allow no other. test_pages_run.py holds answers against them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.docs import command_line
from tests.docs.answers import ANSWERS, SCHEMAS, schemas
from tests.docs.documents import DOCS, blocks, commands

GUIDES = sorted((DOCS / "how-to").glob("*.md"))


def test_every_command_with_json_has_a_schema_and_is_tried() -> None:
    with_json = {f"bcf {' '.join(words)}" for words, command in command_line.leaf_commands() if any("--json" in parameter.opts for parameter in command.params)}
    assert set(schemas()) == with_json | {"bcf keys export-public"}
    tried = {name for name in schemas() for line in ANSWERS if line.startswith(f"{name} ")}
    run = [block for page in GUIDES for block in blocks(page) if not block.reason_not_run]
    tried |= {name for name in schemas() for block in run for command in commands(block) if "--json" in command and command.startswith(f"{name} ")}
    assert set(schemas()) == tried | {"bcf demo"}, "bcf demo prints the summary of bcf run, by the same function"


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.json")), ids=lambda file: file.stem)
def test_a_schema_says_what_every_part_means_and_allows_no_other(file: Path) -> None:
    schema = json.loads(file.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["title"]
    assert schema["description"]
    for part in parts(schema):
        assert "additionalProperties" in part
        for name, below in part["properties"].items():
            assert below.get("description") or "$ref" in below, name


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "properties" in schema and "type" in schema:
            yield schema
        for below in schema.values():
            yield from parts(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from parts(below)
