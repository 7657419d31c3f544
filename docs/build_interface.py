"""Writes the reference pages on what a user types and reads: commands, settings and JSON answers."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from build_reference import ROOT, code, page, table

SCHEMAS = ROOT / "docs" / "reference" / "json"
COMPLETION = ("--show-completion", "--install-completion", "--help")
EXIT_CODES = (["0", "done"], ["1", "the data failed a check"], ["2", "the request is wrong"], ["3", "the machine or the workspace is not ready"])


def entry_point() -> Any:
    """The module behind `bcf`, as pyproject.toml names it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return importlib.import_module(project["scripts"]["bcf"].partition(":")[0])


# --- commands -------------------------------------------------------------------------------------------------------------------------


def plain(text: str | None) -> str:
    """Help without the marks that set its type on a terminal."""
    return re.sub(r"(?<!\\)\[/?(?:bold|dim|italic)[^\]]*\]", "", text or "").replace("\\[", "[").strip()


def leaf_commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from leaf_commands(below, (*words, name))
    else:
        yield words, command


def command_section(words: Sequence[str], command: Any) -> str:
    """One command: what it does, an example, its arguments and its options."""
    typed = [line.strip().removeprefix("$ ") for line in plain(command.epilog).splitlines() if line.strip().startswith("$ ")]
    arguments = [[code(p.name), needed(p), plain(p.help)] for p in command.params if not p.opts[0].startswith("-")]
    options = [option(p) for p in command.params if p.opts[0].startswith("-") and p.opts[0] not in COMPLETION]
    parts = [f"## {' '.join(('bcf', *words))}\n", plain(command.help) + "\n"]
    parts += ["```shell\n" + "\n".join(typed) + "\n```\n"] if typed else []
    parts += [table(["Argument", "Needed", "Meaning"], arguments)] if arguments else []
    parts += [table(["Option", "Needed", "Default", "Meaning"], options)] if options else []
    return "\n".join(parts)


def needed(parameter: Any) -> str:
    """Whether a command does not run without a parameter."""
    return "yes" if parameter.required else "no"


def option(parameter: Any) -> list[str]:
    """One option as a line of a table."""
    default = parameter.default
    choices = f" One of {', '.join(str(choice.value) for choice in type(default))}." if isinstance(default, Enum) else ""
    shown = "" if default in (None, "", False) or parameter.required else str(default.value if isinstance(default, Enum) else default)
    if default is True:
        shown = parameter.opts[0]
    return [code(", ".join([*parameter.opts, *parameter.secondary_opts])), needed(parameter), shown, plain(parameter.help) + choices]


def commands() -> str:
    """Every command with its options and an example."""
    from typer.main import get_command

    found = [command_section(words, command) for words, command in leaf_commands(get_command(entry_point().app))]
    intro = "Every command has `--help`. The exit code says how a command ended. Any code but 0 leaves the previous publication as it was.\n"
    return page("Commands", intro, table(["Exit code", "Meaning"], EXIT_CODES), *found)


# --- settings -------------------------------------------------------------------------------------------------------------------------

SECTION = re.compile(r"\[\[?(?P<name>[^\]\[]+)\]\]?")
SETTING = re.compile(r"(?P<key>\w+|\"[^\"]+\") = (?P<value>.*?)(?:\s+# (?P<words>.*))?")
PLACEHOLDERS = (("sources", "extract"), ("gate", "extract"), ("reidentification", "practice"))


def settings() -> str:
    """The settings of `locality.toml`, read from the commented file that `bcf init` writes."""
    text = new_settings_file()
    sections: dict[str, list[list[str]]] = {}
    intros: dict[str, str] = {}
    name, remarks = "", []
    for line in text.splitlines():
        optional, body = line.startswith("# "), line.removeprefix("# ").rstrip()
        if header := SECTION.fullmatch(body):
            name = section_name(header["name"])
            intros.setdefault(name, " ".join(remarks))
            sections.setdefault(name, [])
            remarks = []
        elif name and (setting := SETTING.fullmatch(body)):
            if not sections[name]:
                intros[name], remarks = " ".join([intros[name], *remarks]).strip(), []
            value = setting["value"] if setting["value"] != "[" else "[ … ]"
            line_of = [code(setting["key"].strip('"')), code(value), "yes" if optional else "no", setting["words"] or ""]
            if line_of[0] not in [known[0] for known in sections[name]]:
                sections[name].append(line_of)
        elif not line.strip():
            remarks = []
        elif optional:
            remarks.append(body)
    parts = []
    for name, lines in sections.items():
        parts += [f"## {name}\n", f"{intros[name]}\n", table(["Setting", "Example", "May be left out", "Meaning"], lines)]
    return page(
        "Settings: locality.toml", "`bcf init` writes this file. Unknown settings are refused.\n", *parts, "## The whole file\n", f"```toml\n{text}```\n"
    )


def section_name(name: str) -> str:
    """The name of a section, with a placeholder for what differs from workspace to workspace."""
    for section, stands_for in PLACEHOLDERS:
        name = re.sub(rf"^{section}\.\w+$", f"{section}.({stands_for})", name)
    return name


def new_settings_file() -> str:
    """The `locality.toml` of a new workspace."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            entry_point().main(["init", f"{folder}/anytown"])
        return (Path(folder) / "anytown" / "locality.toml").read_text(encoding="utf-8")


# --- JSON answers ---------------------------------------------------------------------------------------------------------------------


def json_answers() -> str:
    """What each command answers with `--json`, from the schemas."""
    parts = []
    for file in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        called = ", ".join(code(name) for name in schema["x-commands"])
        fields = [table(["Field", "Type", "Meaning"], properties(schema, branch, "")) for branch in schema.get("oneOf", [schema])]
        parts += [f"## {schema['title']}\n", f"{called}. {schema['description']}\n", *fields, f"Schema: `docs/reference/json/{file.name}`.\n"]
    intro = "Every command has `--json`; `bcf keys export-public` always answers in JSON. A test checks each answer against its schema.\n"
    return page("JSON answers", intro, *parts)


def properties(schema: Mapping[str, Any], node: Mapping[str, Any], path: str) -> Iterator[list[str]]:
    """The fields of an answer: path, type and meaning. `[]` stands for each entry of a list."""
    node = resolved(schema, node)
    if "items" in node:
        yield from properties(schema, node["items"], f"{path}[]")
    for name, below in node.get("properties", {}).items():
        target, inner = resolved(schema, below), f"{path}.{name}" if path else name
        kind = target.get("type", "any")
        yield [code(inner), kind if isinstance(kind, str) else " or ".join(kind), below.get("description", target.get("description", ""))]
        yield from properties(schema, below, inner)


def resolved(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of a schema, or what it refers to."""
    found: Mapping[str, Any] = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    return found


PAGES: dict[str, Callable[[], str]] = {"commands.md": commands, "settings.md": settings, "json-answers.md": json_answers}
