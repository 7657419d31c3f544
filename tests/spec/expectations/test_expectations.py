"""The Great Expectations suites, the privacy of their results, the gate and the report of a file."""

from __future__ import annotations

import csv
import json
import logging
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from bcf_linkage.definitions.errors import DataQualityError, EnvironmentFault, UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Between, CheckDigit, Column, Consequence, Matches, NotBefore, Required, Table, Type
from expectations.delivery_rules import list_rules
from expectations.gate import Tolerance, find_breaches, percent_text, raise_on_breaches, tolerances
from expectations.report import FileReport, UnreadableRows, build_file_report
from expectations.report_page import render_report_page
from expectations.rule_results import RuleResult, check_rows
from expectations.values import has_check_digit

CANARY = "9990000026CANARY"

VISITS = Table(
    "visits",
    "one visit",
    "made up",
    (
        Column("visit", Type.TEXT, "", "", (Required(),)),
        Column("nhs_number", Type.TEXT, "", "", (Required(consequence=Consequence.COUNT_ONLY), CheckDigit())),
        Column("sex", Type.TEXT, "", "", EXTRACTS["outpatients"]["sex"].constraints),
        Column("start", Type.DATE, "", "", (Required(), Between(low="2012-10-01", high="2014-09-30"))),
        Column("end", Type.DATE, "", "", (NotBefore(other="start"),)),
        Column("nights", Type.INTEGER, "", "", (Between(low=1, high=87),)),
        Column("cost", Type.DECIMAL, "", "", (Between(low=0),)),
        Column("code", Type.TEXT, "", "", (Matches(pattern="[A-Z][0-9]{2}", meaning="a letter and two digits"),)),
    ),
    key=("visit",),
)


def text_table(drawn: str) -> pl.LazyFrame:
    """Rows drawn as a table: the first line names the columns, a full stop is a blank."""
    lines = [line.split() for line in drawn.strip().splitlines()]
    rows = [dict(zip(lines[0], (None if value == "." else value for value in line), strict=True)) for line in lines[1:]]
    return pl.DataFrame([dict.fromkeys(VISITS.names) | row for row in rows], schema=dict.fromkeys(VISITS.names, pl.String)).lazy()


def failed_rows(drawn: str) -> dict[str, int]:
    """What fails, by `column: rule`."""
    return {f"{v.column}: {v.rule}": v.failed for v in check_rows(VISITS, text_table(drawn)) if v.failed}


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        (
            """
            visit  nhs_number  sex  start       end         nights  cost   code
            1      9990000018  1    2014-01-01  2014-01-02  1       0      A01
            2      9990000026  2    2012-10-01  2012-10-01  87      12.50  B99
            """,
            {},
        ),
        (
            """
            visit  nhs_number  sex  start       end         nights  cost   code
            .      .           .    .           .           .       .      .
            .      .           .    .           .           .       .      .
            """,
            {"visit: required": 2, "nhs_number: required": 2, "start: required": 2},
        ),
        (
            """
            visit  start       end
            1      2014-02-30  2014-01-01
            2      2014-01-02  2014-01-01
            3      2012-09-30  2014-13-01
            4      2014-10-01  .
            5      30/09/2014  2014-09-29
            """,
            {"start: typed": 2, "start: between": 2, "end: typed": 1, "end: not_before": 1, "nhs_number: required": 5},
        ),
        (
            """
            visit  start       nhs_number  sex  nights  cost  code
            1      2014-01-01  9990000019  M    0       -1    A1
            1      2014-01-01  9999999999  1    88      1e3   AA01
            1      2014-01-01  999000001   1    1.0     x     a01
            2      2014-01-01  9990000018  1    +87     1.    A01
            """,
            {
                "visit: unique": 2,
                "nhs_number: check_digit": 3,
                "sex: one_of": 1,
                "nights: typed": 1,
                "nights: between": 2,
                "cost: typed": 2,
                "cost: between": 1,
                "code: matches": 3,
            },
        ),
    ],
    ids=["right", "blank", "dates", "values"],
)
def test_a_result_counts_the_rows_that_break_a_rule(drawn: str, expected: dict[str, int]) -> None:
    assert failed_rows(drawn) == expected


def test_a_value_counts_for_as_many_rows_as_have_it_in_any_order() -> None:
    rows = pl.concat([text_table("visit start code\n1 2014-01-01 A01\n2 2014-02-30 b02").collect()] * 3000).with_columns(
        visit=pl.int_range(pl.len()).cast(pl.String)
    )
    verdicts = check_rows(VISITS, rows.lazy())
    assert {(v.column, v.rule): v.failed for v in verdicts if v.failed} == {
        ("nhs_number", "required"): 6000,
        ("start", "typed"): 3000,
        ("code", "matches"): 3000,
    }
    assert {v.rows for v in verdicts} == {6000}
    assert check_rows(VISITS, rows.sample(fraction=1, shuffle=True, seed=1).lazy()) == verdicts


def test_long_and_short_tallies_give_the_same_results(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = text_table("visit start code cost\n1 2014-01-01 A01 1\n2 2014-02-30 b02 -1\n3 2014-01-03 A01 x")
    together = check_rows(VISITS, rows)
    monkeypatch.setattr("expectations.rule_results.BATCH_LENGTHS", (0, 1, 2, 100))
    assert check_rows(VISITS, rows) == together


def test_no_rows_break_no_rule() -> None:
    verdicts = check_rows(VISITS, text_table("visit"))
    assert [(v.column, v.rule) for v in verdicts] == [(column, rule.rule) for column, rule in list_rules(VISITS)]
    assert {(v.rows, v.failed) for v in verdicts} == {(0, 0)}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("table", EXTRACTS.values(), ids=lambda table: table.name)
def test_a_suite_expects_one_thing_for_each_declared_rule_and_the_key(table: Table) -> None:
    from expectations.suites import build_suite

    declared = [(e.meta["column"], e.meta["rule"]) for e in build_suite(table).expectations]
    assert declared == [(column, rule.rule) for column, rule in list_rules(table)]
    assert len(set(declared)) == len(declared), "two rules of one kind on one column would have the same name"


def canary_table() -> pl.LazyFrame:
    return pl.DataFrame({name: [CANARY, CANARY, None] for name in VISITS.names}, schema=dict.fromkeys(VISITS.names, pl.String)).lazy()


def test_no_value_leaves_a_validation(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    verdicts = check_rows(VISITS, canary_table())
    captured = capfd.readouterr()
    assert any(v.failed for v in verdicts)
    assert CANARY not in repr(verdicts) + caplog.text + captured.out + captured.err
    assert captured.out + captured.err == "", "no progress bar, no warning"
    assert not list(tmp_path.rglob("*")), "no file"


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_nothing_of_a_result_but_positions_could_hold_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    from great_expectations.datasource.fluent.interfaces import Batch

    results = []
    validate = Batch.validate
    monkeypatch.setattr(Batch, "validate", lambda *given, **named: results.append(validate(*given, **named)) or results[-1])
    check_rows(VISITS, canary_table())
    assert results
    assert CANARY not in json.dumps([result.to_json_dict() for result in results])


def test_an_expectation_that_fails_is_an_error_without_values(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail_on_value(value: str) -> bool:
        raise ValueError(f"cannot read {value}")

    check_rows(VISITS, canary_table())  # imports Great Expectations with its warnings set aside
    monkeypatch.setattr("expectations.custom_expectations.has_check_digit", fail_on_value)
    with pytest.raises(EnvironmentFault, match="visits: nhs_number: check_digit could not be checked") as refused:
        check_rows(VISITS, canary_table())
    captured = capfd.readouterr()
    assert CANARY not in str(refused.value) + caplog.text + captured.out + captured.err
    assert refused.value.__context__ is None


def test_rows_are_checked_in_a_process_without_a_main_file() -> None:
    code = """
import sys
import polars as pl
from bcf_linkage.definitions.extracts import EXTRACTS
from expectations.rule_results import check_rows
table = EXTRACTS["emergency_care"]
print(len(check_rows(table, pl.LazyFrame(schema=dict.fromkeys(table.names, pl.String)))), "pyspark" in sys.modules)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == [str(len(tuple(list_rules(EXTRACTS["emergency_care"])))), "False"]


def test_great_expectations_is_imported_late_and_told_to_send_nothing() -> None:
    code = """
import os, sys
import expectations.gate, expectations.report_page
from expectations.rule_results import import_great_expectations
print("great_expectations" in sys.modules, os.environ.get("GX_ANALYTICS_ENABLED", "unset"))
import_great_expectations()
print("great_expectations" in sys.modules, os.environ["GX_ANALYTICS_ENABLED"])
"""
    environment = {name: value for name, value in os.environ.items() if name != "GX_ANALYTICS_ENABLED"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.split() == ["False", "unset", "True", "false"]


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("9990000018", True),
        ("999 000 0018", True),
        ("9990000019", False),
        ("9990000", False),
        ("99900000180", False),
        ("999-000-0018", False),
        ("9999999999", False),
        ("0000000000", False),
        ("٩٩٩٠٠٠٠٠١٨", False),
        ("9434765919", True),
        ("9434765870", True),
        ("9434765871", False),
    ],
)
def test_the_check_digit_is_modulus_eleven(number: str, valid: bool) -> None:
    assert has_check_digit(number) is valid


def test_the_declared_tolerances_name_existing_rules() -> None:
    known = {(name, column, rule.rule) for name, table in EXTRACTS.items() for column, rule in list_rules(table)}
    lines = list(csv.DictReader((files("expectations") / "tolerances.csv").read_text(encoding="utf-8").splitlines()))
    assert {(line["extract"], line["column"], line["rule"]) for line in lines if line["extract"] != "*"} <= known
    assert {line["rule"] for line in lines if line["extract"] == "*"} == {rule for _, _, rule in known}
    assert all(line["owner"] and line["reason"] and 0 <= float(line["tolerance_percent"]) <= 100 for line in lines)


def test_every_rule_that_refuses_a_row_is_gated_and_so_is_every_nhs_number() -> None:
    found = tolerances()
    for name, table in EXTRACTS.items():
        for column, rule in list_rules(table):
            gates = rule.consequence is Consequence.REFUSE_ROW or column == "nhs_number"
            assert ((name, column, rule.rule) in found) == gates


def test_a_locality_states_its_own_tolerance() -> None:
    own = Tolerance(90, "information analyst", "the council records it from next April")
    found = tolerances({("adult_social_care", "nhs_number: required"): own, ("gp_events", "value: typed"): own})
    assert found["adult_social_care", "nhs_number", "required"] == found["gp_events", "value", "typed"] == own
    assert found["adult_social_care", "nhs_number", "check_digit"] == tolerances()["adult_social_care", "nhs_number", "check_digit"]


@pytest.mark.parametrize(
    ("extract", "rule", "tolerance", "words"),
    [
        ("gp_visits", "nhs_number: required", 5, r"\[gate.gp_visits\] is no extract; use one of gp_registrations"),
        ("gp_events", "nhs_numbr: required", 5, r"the columns are event_id"),
        ("gp_events", "nhs_number: requird", 5, r"nhs_number has required, check_digit"),
        ("gp_events", "nhs_number", 5, r'write "<column>: <rule>"'),
        ("gp_events", "nhs_number: required", 101, r"from 0 to 100"),
        ("gp_events", "nhs_number: required", -1, r"from 0 to 100"),
    ],
)
def test_a_tolerance_for_an_unknown_rule_is_refused(extract: str, rule: str, tolerance: float, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        tolerances({(extract, rule): Tolerance(tolerance, "", "")})


@pytest.mark.parametrize(
    ("failed", "rows", "breached"),
    [
        (0, 0, False),
        (0, 100, False),
        (5, 100, False),
        (6, 100, False),  # 2.8% to 12.5%: may be chance
        (600, 10_000, True),  # 5.6% to 6.5%
        (520, 10_000, False),  # 4.8% to 5.7%
        (60_000, 1_000_000, True),
        (1, 1, True),
        (10, 10, True),
    ],
)
def test_the_gate_refuses_a_share_beyond_tolerance_by_more_than_chance(failed: int, rows: int, breached: bool) -> None:
    verdict = RuleResult("outpatients", "nhs_number", "required", rows, failed)
    assert bool(find_breaches([verdict], {("outpatients", "nhs_number", "required"): Tolerance(5, "", "")})) is breached
    assert not find_breaches([verdict], {})


def test_a_tolerance_of_0_accepts_only_0() -> None:
    none = {("outpatients", "nhs_number", "required"): Tolerance(0, "", "")}
    assert not find_breaches([RuleResult("outpatients", "nhs_number", "required", 1_000_000, 0)], none)
    assert find_breaches([RuleResult("outpatients", "nhs_number", "required", 1_000_000, 1)], none)


def test_a_breach_has_file_column_rule_rows_owner_and_what_to_do() -> None:
    verdicts = [RuleResult("emergency_care", "arrival_date", "typed", 9000, 9000), RuleResult("emergency_care", "sex", "one_of", 9000, 9000)]
    breaches = find_breaches(verdicts, tolerances())
    assert [breach.result.column for breach in breaches] == ["arrival_date"], "an unknown sex is blanked, and does not gate"
    with pytest.raises(DataQualityError) as refused:
        raise_on_breaches(breaches, "emergency_care.csv")
    assert str(refused.value) == (
        "emergency_care.csv: arrival_date (a real date written YYYY-MM-DD): 9,000 of 9,000 rows break it, 100%; the tolerance is 2% "
        "(owner: information analyst); have it sent again, or agree a tolerance with the owner under [gate.emergency_care] in locality.toml"
    )
    raise_on_breaches((), "emergency_care.csv")


def test_many_breaches_are_one_line() -> None:
    verdicts = [RuleResult("gp_events", column, rule.rule, 10, 10) for column, rule in list_rules(EXTRACTS["gp_events"])]
    breaches = find_breaches(verdicts, tolerances())
    with pytest.raises(DataQualityError, match=rf"and {len(breaches) - 3} rules more; have it sent again") as refused:
        raise_on_breaches(breaches, "gp_events.csv")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("part", "whole", "words"), [(0, 9, "0%"), (9, 9, "100%"), (1, 3, "33.33%"), (1, 9_000_000, "under 0.01%"), (0, 0, "0%")])
def test_a_rare_failure_does_not_read_as_none(part: int, whole: int, words: str) -> None:
    assert percent_text(part, whole) == words


def build_report(failed: dict[tuple[str, str], int], refusals: tuple[str, ...] = ()) -> FileReport:
    table = EXTRACTS["adult_social_care"]
    verdicts = [RuleResult(table.name, column, rule.rule, 1000, failed.get((column, rule.rule), 0)) for column, rule in list_rules(table)]
    unreadable = (UnreadableRows("too_few_fields", 7, (3, 1004, 1005, 1006, 1007, 1008)),)
    return build_file_report(table, "care <2014>.csv", 1007, unreadable, verdicts, tolerances(), {("nhs_number", "required"): (1, 2, 3, 4, 5, 6)}, refusals)


def test_a_report_has_the_rules_broken_their_rows_and_the_outcome() -> None:
    supplier_report = build_report({("nhs_number", "required"): 170, ("gender", "one_of"): 4, ("event_reference", "unique"): 3})
    assert not supplier_report.accepted
    assert [(f.column, f.rule) for f in supplier_report.broken] == [("nhs_number", "required"), ("gender", "one_of"), ("event_reference", "unique")]
    lines = supplier_report.as_text().splitlines()
    assert lines[0] == "care <2014>.csv: 1,007 rows of adult_social_care (one request, assessment, service or review)"
    assert "7 cannot be read (too few fields): rows 3, 1,004, 1,005, 1,006, 1,007 and 2 more" in lines
    assert "    170 break it, 17%, beyond the tolerance of 5% (information governance lead); counted, nothing changed" in lines
    assert "    rows 1, 2, 3, 4, 5 and 165 more" in lines
    assert "    4 break it, 0.40%; the value is blanked, the row kept" in lines
    assert "    3 break it, 0.30%, within the tolerance of 2% (information analyst); the first row is kept, the others are set aside as duplicates" in lines
    assert lines[-1] == "A run would refuse this file: 1 rule is broken beyond tolerance."
    assert json.loads(json.dumps(supplier_report.as_json()))["accepted"] is False


def test_a_report_says_that_a_breach_may_be_chance() -> None:
    supplier_report = build_report({("event_reference", "unique"): 21})
    assert supplier_report.accepted
    assert "    21 break it, 2.10%, beyond the tolerance of 2% (information analyst) by no more than chance" in supplier_report.as_text()
    assert "beyond tolerance, perhaps by chance" in render_report_page(supplier_report)


def test_a_report_of_a_sound_file_says_so() -> None:
    assert build_report({}).accepted
    assert build_report({}).as_text().endswith("A run would accept this file.")
    assert build_report({}, ("all rows are before the period",)).conclusion == "A run would refuse this file: all rows are before the period."


class Outline(HTMLParser):
    """The open tags of a page, and every tag with its attributes."""

    VOID = ("meta", "rect", "line", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("report", [build_report({}), build_report({("nhs_number", "required"): 170, ("gender", "one_of"): 4})], ids=["sound", "refused"])
def test_the_page_stands_alone_and_can_be_read_aloud(report: FileReport) -> None:
    html = render_report_page(report)
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    tags = [tag for tag, _ in outline.seen]
    assert "script" not in tags
    assert "link" not in tags
    assert not re.search(r"https?://|@import|url\(", html)
    assert ("html", {"lang": "en-GB"}) in outline.seen
    assert all(attributes.get("scope") in {"row", "col"} for tag, attributes in outline.seen if tag == "th")
    assert tags.count("caption") == tags.count("table") == 2
    pictures = [attributes for tag, attributes in outline.seen if tag == "svg"]
    assert len(pictures) == (0 if report.accepted else 1)
    assert all(picture["role"] == "img" and picture["aria-labelledby"] for picture in pictures)
    assert "care &lt;2014&gt;.csv" in html
    assert "<2014>" not in html
    for finding in report.findings:
        assert finding.column in html
