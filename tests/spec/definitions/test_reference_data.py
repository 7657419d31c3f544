"""Reading reference data strictly: for each declared type a value that is accepted and one that is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import pytest

from bcf_linkage.definitions import linkage_rules, national_trace, sharing, trace_reasons, trace_rules, work_list
from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.measures import PERSON_COLUMNS, Clause
from bcf_linkage.definitions.reference_data import (
    load_toml,
    parse_dataclass,
    require_each_of,
    require_one_of,
    require_percent,
    take_table,
    take_tables,
)

AS_AT = date(2014, 9, 30)
SECRET = "SECRET-9990000018"


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True)
class Inner:
    name: str


def parse_field(annotation: Any, value: Any) -> Any:
    """The value of a field of this type, parsed from an entry with this value."""
    declared = make_dataclass("Declared", [("key", annotation)], frozen=True)
    return parse_dataclass(declared, "file.toml: entry 1", {"key": value}).key


ACCEPTED = [
    (str, "text", "text"),
    (str, "", ""),
    (int, 3, 3),
    (int, -1, -1),
    (float, 3.5, 3.5),
    (float, 3, 3.0),
    (bool, True, True),
    (bool, False, False),
    (date, AS_AT, AS_AT),
    (tuple[str, ...], ["a", "b"], ("a", "b")),
    (tuple[str, ...], [], ()),
    (tuple[str, ...], ("a",), ("a",)),
    (tuple[int, ...], [1, 2], (1, 2)),
    (tuple[str, int], ["a", 1], ("a", 1)),
    (tuple[Colour, ...], ["green", "red"], (Colour.GREEN, Colour.RED)),
    (list[int | str], [1, "a"], [1, "a"]),
    (Mapping[str, str], {"a": "b"}, {"a": "b"}),
    (Mapping[str, float], {"a": 1}, {"a": 1.0}),
    (Mapping[str, tuple[str, ...]], {"a": ["b"]}, {"a": ("b",)}),
    (dict[str, bool], {"a": True}, {"a": True}),
    (Colour, "red", Colour.RED),
    (Colour, Colour.GREEN, Colour.GREEN),
    (str | None, "text", "text"),
    (str | None, None, None),
    (float | None, 2, 2.0),
    (int | float, 2, 2),
    (Inner, Inner("a"), Inner("a")),
    (tuple[Inner, ...], [Inner("a")], (Inner("a"),)),
    (Mapping[str, Inner], {"a": Inner("a")}, {"a": Inner("a")}),
]


@pytest.mark.parametrize(("annotation", "value", "parsed"), ACCEPTED, ids=range(len(ACCEPTED)))
def test_a_value_of_the_declared_type_is_converted(annotation: Any, value: Any, parsed: Any) -> None:
    found = parse_field(annotation, value)
    assert (found, type(found)) == (parsed, type(parsed))


REFUSED = [
    (str, 3, "text in quotes"),
    (str, None, "text in quotes"),
    (str, [SECRET], "text in quotes"),
    (int, SECRET, "a whole number"),
    (int, 3.0, "a whole number"),
    (int, True, "a whole number"),
    (float, "high", "a number"),
    (float, True, "a number"),
    (float, math.nan, "a number"),
    (float, math.inf, "a number"),
    (bool, 1, "true or false"),
    (bool, "true", "true or false"),
    (date, "2014-09-30", "a date such as 2014-09-30"),
    (date, datetime(2014, 9, 30, tzinfo=UTC), "a date such as 2014-09-30"),
    (tuple[str, ...], SECRET, "a list, each value text in quotes"),
    (tuple[str, ...], ["a", 1], "a list, each value text in quotes"),
    (tuple[str, ...], {"a": "b"}, "a list, each value text in quotes"),
    (tuple[str, int], ["a"], "a list of 2: text in quotes, a whole number"),
    (tuple[str, int], ["a", "b"], "a list of 2: text in quotes, a whole number"),
    (tuple[Colour, ...], ["blue"], "a list, each value one of red, green"),
    (list[int | str], [1.5], "a list, each value a whole number or text in quotes"),
    (list[int | str], (1,), "a list, each value a whole number or text in quotes"),
    (Mapping[str, str], ["a"], "a table, each value text in quotes"),
    (Mapping[str, str], {"a": 1}, "a table, each value text in quotes"),
    (dict[str, bool], {"a": "true"}, "a table, each value true or false"),
    (Colour, SECRET, "one of red, green"),
    (Colour, ["red"], "one of red, green"),
    (str | None, 3, "text in quotes"),
    (float | None, "high", "a number"),
    (int | float, "2", "a whole number or a number"),
    (Inner, {"name": "a"}, "a table"),
    (tuple[Inner, ...], [{"name": "a"}], "a list, each value a table"),
]


@pytest.mark.parametrize(("annotation", "value", "wanted"), REFUSED, ids=range(len(REFUSED)))
def test_a_value_of_another_type_is_refused_with_file_key_and_type_and_never_the_value(annotation: Any, value: Any, wanted: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_field(annotation, value)
    assert str(refused.value) == f"file.toml: entry 1: key must be {wanted}"
    assert refused.value.__cause__ is None


@dataclass(frozen=True)
class ReferenceEntry:
    name: str
    count: int = 1
    values: Mapping[str, str] = field(default_factory=dict)


def test_an_entry_has_the_declared_keys_and_no_others() -> None:
    assert parse_dataclass(ReferenceEntry, "f", {"name": "a"}) == ReferenceEntry("a")
    assert parse_dataclass(ReferenceEntry, "f", {"name": 1, "count": 2}, name="b") == ReferenceEntry("b", 2), "a value already built replaces the entry's own"
    with pytest.raises(UsageError, match="f: unknown key colour; remove it, or use one of name, count, values"):
        parse_dataclass(ReferenceEntry, "f", {"name": "a", "colour": "red"})
    with pytest.raises(UsageError, match="f: name is missing; add it"):
        parse_dataclass(ReferenceEntry, "f", {"count": 2})


def test_a_type_that_cannot_be_read_is_an_error_of_the_program() -> None:
    with pytest.raises(TypeError, match="cannot read"):
        parse_field(set[str], {"a"})


def test_a_table_and_a_list_of_tables_are_taken_out_of_the_document() -> None:
    document: dict[str, object] = {"one": {"a": 1}, "many": [{"a": 1}, {"b": 2}], "number": 3, "mixed": [{"a": 1}, 2]}
    assert take_table("f", document, "one") == {"a": 1}
    assert take_table("f", document, "one") == {}
    assert take_tables("f", document, "many") == [{"a": 1}, {"b": 2}]
    assert take_tables("f", document, "many") == []
    with pytest.raises(UsageError, match="f: number must be a table"):
        take_table("f", document, "number")
    with pytest.raises(UsageError, match="f: mixed must be a list of tables"):
        take_tables("f", document, "mixed")


def test_a_code_is_one_of_those_allowed() -> None:
    assert require_one_of("f", "key", "a", ("a", "b")) == "a"
    assert require_each_of("f", "key", ["b", "a"], ("a", "b")) == ("b", "a")
    with pytest.raises(UsageError, match="f: key c is not known; use one of a, b"):
        require_one_of("f", "key", "c", ("a", "b"))
    for value in (3, ["a"], None):
        with pytest.raises(UsageError, match="f: key must be text in quotes, one of a, b"):
            require_one_of("f", "key", value, ("a", "b"))
    with pytest.raises(UsageError, match="f: key must be a list, each value text in quotes"):
        require_each_of("f", "key", "ab", ("a", "b"))


@pytest.mark.parametrize(("percent", "refused"), [(0, False), (100, False), (-0.001, True), (100.001, True), (math.nan, True), (math.inf, True)])
def test_a_percentage_is_from_0_to_100(percent: float, refused: bool) -> None:
    if not refused:
        assert require_percent("f", "share", percent) == percent
        return
    with pytest.raises(UsageError, match="f: share must be from 0 to 100"):
        require_percent("f", "share", percent)


def changed_toml(monkeypatch: pytest.MonkeyPatch, module: Any, path: str, value: object) -> None:
    """Let a module read its file with one value changed: `a.b` is the key b of table a, `a.0.b` that of entry 0 of list a."""
    document: Any = load_toml(module.FILE)
    node = document
    *steps, last = path.split(".")
    for step in steps:
        node = node[int(step) if step.isdigit() else step]
    node[last] = value
    monkeypatch.setattr(module, "load_toml", lambda file: document)


@pytest.mark.parametrize(
    ("module", "build", "path", "good", "bad", "message"),
    [
        (trace_rules, trace_rules.TraceRules.build, "acceptance.threshold", 4, "high", "trace.toml: acceptance: threshold must be a number"),
        (trace_rules, trace_rules.TraceRules.build, "smoothing.people", 10, "many", "trace.toml: smoothing must be a whole number"),
        (trace_rules, trace_rules.TraceRules.build, "guards.titles", ["mr"], "mr", "trace.toml: guards: titles must be a list, each value text in quotes"),
        (trace_rules, trace_rules.TraceRules.build, "comparisons.1.rarest", 0.5, "0.5", "comparison given_name: rarest must be a number"),
        (sharing, sharing.SharingRules.build, "national_check.most_percent", 100, 101, "national_check: most_percent must be from 0 to 100"),
        (sharing, sharing.SharingRules.build, "national_check.most_percent", 0, -1, "national_check: most_percent must be from 0 to 100"),
        (sharing, sharing.SharingRules.build, "legal_bases.0.objections", ["type_1"], ["type_2"], "legal basis 1: objections type_2 is not known"),
        (sharing, sharing.SharingRules.build, "sectors.gp_events", "health", "dental", "sectors: gp_events dental is not known"),
        (national_trace, national_trace.NationalTrace.build, "least_confidence", 100, 101, "national_trace.toml: least_confidence must be from 0 to 100"),
        (national_trace, national_trace.NationalTrace.build, "least_confidence", 0, -1, "national_trace.toml: least_confidence must be from 0 to 100"),
        (national_trace, national_trace.NationalTrace.build, "steps", ["1"], [1], "national_trace.toml: steps must be a list, each value text in quotes"),
    ],
)
def test_a_file_with_a_wrong_value_is_refused(
    module: Any, build: Any, path: str, good: object, bad: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed_toml(monkeypatch, module, path, good)
    build(AS_AT)
    changed_toml(monkeypatch, module, path, good)
    changed_toml(monkeypatch, module, path, bad)
    with pytest.raises(UsageError, match=message):
        build(AS_AT)


@pytest.mark.parametrize(("key", "percent", "refused"), [("green", 100, False), ("green", 100.1, True), ("amber", 0, False), ("amber", -0.1, True)])
def test_a_threshold_is_a_percentage(key: str, percent: float, refused: bool) -> None:
    contents: Any = load_toml(linkage_rules.FILE)
    contents["thresholds"][0][key] = percent
    if not refused:
        linkage_rules.QualityRules.build(linkage_rules.FILE, contents, AS_AT)
        return
    with pytest.raises(UsageError, match=f"threshold 1: {key} must be from 0 to 100"):
        linkage_rules.QualityRules.build(linkage_rules.FILE, contents, AS_AT)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"column": "age", "at_least": 18}, None),
        ({"column": "age", "at_least": "18"}, "at_least must be a whole number or a number or a date"),
        ({"column": "age", "below": True}, "below must be a whole number or a number or a date"),
        ({"column": "care_home", "is": True}, None),
        ({"column": "care_home", "is": 1.5}, "is must be true or false or a whole number or text in quotes"),
        ({"column": "sex", "one_of": ["1", "2"]}, None),
        ({"column": "sex", "one_of": "1"}, "one_of must be a list, each value a whole number or text in quotes"),
        ({"column": "sex", "none_of": [["1"]]}, "none_of must be a list, each value a whole number or text in quotes"),
        ({"column": "sex", "known": False}, None),
        ({"column": "sex", "known": "no"}, "known must be true or false"),
    ],
)
def test_a_clause_has_a_value_that_its_operator_takes(entry: dict[str, object], message: str | None) -> None:
    if message is None:
        assert Clause.build("f", entry, PERSON_COLUMNS).value == list(entry.values())[1]
        return
    with pytest.raises(UsageError, match=message):
        Clause.build("f", entry, PERSON_COLUMNS)


@pytest.mark.parametrize(
    ("module", "read", "column"),
    [(trace_reasons, trace_reasons.trace_reasons, "outcome"), (work_list, work_list.tasks, "kind"), (work_list, work_list.tasks, "supplied")],
)
def test_a_row_with_an_unknown_code_is_refused(module: Any, read: Any, column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = module.load_csv(module.FILE)
    monkeypatch.setattr(module, "load_csv", lambda file: [rows[0], {**rows[1], column: "other"}] if column != "supplied" else [{**rows[0], column: "all"}])
    with pytest.raises(UsageError, match=rf"{module.FILE}: row [12]: {column} must be one of "):
        read.__wrapped__()
