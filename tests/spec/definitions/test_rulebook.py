"""Rules as data: what is read, and what is refused with which message."""

from __future__ import annotations

import csv
import tomllib
from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.measures import CohortSet, MetricSet
from bcf_linkage.definitions.published_tables import COUNT_COLUMNS
from bcf_linkage.definitions.reference_data import REFERENCE, load_toml
from bcf_linkage.definitions.rulebook import Bands, Disclosure, Rulebook

AS_AT = date(2014, 9, 30)
TOMLS = [entry.name for entry in REFERENCE.iterdir() if entry.name.endswith(".toml")]
EDITION_FILES = ("bands.toml", "conditions.toml", "cohorts.toml", "disclosure.toml", "linkage_quality.toml", "metrics.toml", "sharing.toml")


def test_the_rules_of_2014() -> None:
    rules = Rulebook.build(AS_AT)
    assert rules.bands.cuts == (("Very High", 20), ("High", 40), ("Moderate", 60), ("Low", 80), ("Healthy", 100))
    assert (rules.disclosure.rule.threshold, rules.disclosure.rule.base) == (7, 5)
    assert rules.prices.pounds["non_elective_long_stay"] == 2716.0
    assert rules.prices.after_days("excess_bed_day") == 14
    assert rules.clinical_codes.processes["care_plan_agreed"] == ("8CSB.",)


@pytest.mark.parametrize("file", EDITION_FILES)
def test_every_rule_has_its_edition_source_and_mark(file: str) -> None:
    head = tomllib.loads((REFERENCE / file).read_text(encoding="utf-8"))
    assert {"name", "version", "valid_from", "source", "mark"} <= head.keys()
    assert head["mark"] in ("S", "S-part", "M", "D")


@pytest.mark.parametrize("file", ["clinical_codes.csv", "ambulatory_care_sensitive.csv", "unit_costs.csv", "cost_frequencies.csv"])
def test_every_row_of_a_reference_table_has_its_source_and_mark(file: str) -> None:
    lines = list(csv.DictReader((REFERENCE / file).read_text(encoding="utf-8").splitlines()))
    assert lines
    assert all(line["source"] and line["mark"] in ("S", "S-part", "M", "D") for line in lines)
    assert None not in {key for line in lines for key in line}, "a line with more values than columns"


@pytest.mark.parametrize(
    ("as_at", "profile", "words"),
    [(date(2011, 9, 30), "hes7r5", "is valid from 2012-04-01"), (AS_AT, "loose", "profile loose is not known; use one of hes7r5")],
)
def test_rules_that_are_not_valid_are_refused(as_at: date, profile: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Rulebook.build(as_at, profile)


def spoil_document(file: str, **changes: Any) -> dict[str, Any]:
    """The document with changes: `a__0__b` is the key b of entry 0 of a; None removes."""
    changed = deepcopy(load_toml(file))
    for path, value in changes.items():
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("__"))
        node: Any = changed
        for step in steps:
            node = node[step]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return changed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cohort": []}, "cohorts.toml: unknown key cohort; remove it"),
        ({"version": None}, "cohorts.toml: version is missing; add it"),
        ({"valid_from": "2014"}, "valid_from must be a date"),
        ({"valid_to": date(2013, 1, 1)}, "is valid from 2012-04-01 to 2013-01-01, not on 2014-09-30"),
        ({"cohorts__1__colour": "red"}, "cohort 2: unknown key colour"),
        ({"cohorts__1__name": None}, "cohort 2: name is missing"),
        ({"cohorts__1__among": "everybody"}, "cohort 2: among everybody is not known; use one of registered"),
        ({"cohorts__1__code": "registered"}, "cohort 2: registered is declared twice"),
        ({"cohorts__1__where": [{"column": "height", "at_least": 18}]}, "column height is not known"),
        ({"cohorts__1__where": [{"column": "age", "above": 18}]}, "operator above is not known; use one of is, at_least"),
        ({"cohorts__1__where": [{"column": "age", "at_least": 18, "below": 65}]}, "a clause of where names one column and one of"),
        ({"cohorts__1__needs": ["ambulance"]}, "needs ambulance is not known"),
        ({"areas": ["street"]}, "areas street is not known; use one of practice, cluster, locality"),
        ({"groups": [{"column": "height"}]}, "column height is not known"),
    ],
)
def test_cohorts_are_read_strictly(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        CohortSet.build("cohorts.toml", spoil_document("cohorts.toml", **changes), AS_AT)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metrics__3__events": "visit"}, "metric 4: events visit is not known"),
        ({"metrics__3__unit": "per cent"}, "metric 4: unit per cent is not known"),
        ({"metrics__3__period": "week"}, "metric 4: period week is not known"),
        ({"metrics__3__sums": "cost"}, "metric 4: sums cost is not known"),
        ({"metrics__3__mark": None}, "metric 4: mark is missing"),
        ({"metrics__3__where": [{"column": "delayed_days", "known": True}]}, "column delayed_days is not known"),
    ],
)
def test_metrics_are_read_strictly(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        MetricSet.build("metrics.toml", spoil_document("metrics.toml", **changes), AS_AT)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bands__0__percent_of_cost": 30}, "the bands add up to 110% of cost; make it 100"),
        ({"bands__0__percent_of_cost": "20"}, "band 1: percent_of_cost must be a whole number"),
        ({"bands__0__percent_of_cost": True}, "band 1: percent_of_cost must be a whole number"),
        ({"ages__0__from_age": 1}, "the ages must start at 0 and rise"),
        ({"high_risk__share": 2}, "high_risk: unknown key share"),
    ],
)
def test_bands_are_read_strictly(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Bands.build("bands.toml", spoil_document("bands.toml", **changes), AS_AT)


def test_a_profile_is_read_strictly() -> None:
    with pytest.raises(UsageError, match="hes7r5: unknown key fudge"):
        Disclosure.build("disclosure.toml", spoil_document("disclosure.toml", profiles__hes7r5__fudge=1), AS_AT, "hes7r5")


def test_measures_fit_the_published_columns() -> None:
    rules = Rulebook.build(AS_AT)
    assert {"numerator", "denominator", "unit", "status"} <= {column.name for column in COUNT_COLUMNS}
    codes = [cohort.code for cohort in rules.conditions.cohorts]
    assert {"adults_high_risk", "high_risk_care_plan", "high_risk_accountable_professional", "high_risk_care_plan_and_professional"} <= set(codes)
    assert {"high_risk_joint_care_plan", "case_management_register", "named_gp_75"} <= set(codes)
