"""The numbers of the gate and of every percentage in settings and reference data, each with a case just inside and one just outside."""

from __future__ import annotations

import math
import re
from datetime import date
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.errors import DataQualityError, UsageError
from bcf_linkage.definitions.national_trace import NationalTrace
from bcf_linkage.definitions.reference_data import load_toml
from bcf_linkage.definitions.rulebook import Bands
from bcf_linkage.definitions.sharing import NationalCheck, SharingRules
from bcf_linkage.identifiable.trace import mps_exchange
from expectations.gate import MAX_BREACHES_SHOWN, Tolerance, find_breaches, is_beyond_tolerance, percent_text, raise_on_breaches, tolerances
from expectations.rule_results import RuleResult
from pipelines.admin import national_responses
from pipelines.admin.opt_outs import derive_objections
from pipelines.workspace.settings import read_settings
from tests.frame_builder import lazy, sorted_rows
from tests.spec.pipelines.workspace.test_settings import GOOD, write

RULES = NationalTrace.build(date(2014, 9, 30))


@pytest.mark.parametrize(
    ("tolerated", "beyond"),
    [
        # 12 of 100: (0.12 + z²/200 - z x root(0.12 x 0.88 / 100 + z²/40,000)) / (1 + z²/100) with z = 1.959964 and z² = 3.841458881296
        # = (0.12 + 0.019207294 - 1.959964 x root(0.001056 + 0.0000960364720)) / 1.03841458881 = (0.139207294 - 0.066524437) / 1.03841458881
        # = 6.9994064073696...%. To nine decimals 6.999406407: neither the tenth decimal nor another z may decide.
        (6.999406407, False),
        (6.999406406, True),
    ],
)
def test_the_lower_end_of_the_interval_is_that_of_95_percent_to_nine_decimals(tolerated: float, beyond: bool) -> None:
    assert is_beyond_tolerance(12, 100, tolerated) is beyond


@pytest.mark.parametrize(
    ("failed", "rows", "beyond"),
    [
        (0, 69, False),  # in floating point the lower end of 0 of 69 comes out as 3.3e-16, and not as 0
        (0, 75, False),  # and so does that of 0 of 75
        (1, 1_000_000, True),  # 0.0000177%
        (0, 0, False),
    ],
)
def test_a_tolerance_of_0_accepts_only_0(failed: int, rows: int, beyond: bool) -> None:
    assert is_beyond_tolerance(failed, rows, 0) is beyond


@pytest.mark.parametrize(
    ("failed", "rows", "tolerated", "beyond"),
    [
        (4, 100, 2, False),  # 1.566% at the lower end
        (5, 100, 2, True),  # 2.154%
        (9, 100, 5, False),  # 4.807%
        (10, 100, 5, True),  # 5.523%
        (9, 1_000, 0.5, False),  # 0.474%
        (10, 1_000, 0.5, True),  # 0.544%
        (28, 1_000, 2, False),  # 1.944%
        (29, 1_000, 2, True),  # 2.027%
        (1, 1, 20.654, True),  # 1 / (1 + z²) = 1 / 4.841459 = 20.6549%
        (1, 1, 20.655, False),
    ],
)
def test_a_delivery_is_beyond_its_tolerance_from_one_row_on(failed: int, rows: int, tolerated: float, beyond: bool) -> None:
    assert is_beyond_tolerance(failed, rows, tolerated) is beyond


# Of 10,000 rows the lower end passes 0.5% from the 64th on (63: 0.4928%, 64: 0.5015%), 2% from the 228th on (227: 1.9959%,
# 228: 2.0053%), and 5% from the 543rd on (542: 4.9931%, 543: 5.0027%).
HALF, TWO, FIVE = 63, 227, 542


@pytest.mark.parametrize(
    ("extract", "column", "rule", "most"),
    [
        ("gp_registrations", "practice_code", "required", TWO),
        ("gp_registrations", "registration_start_date", "typed", TWO),
        ("gp_registrations", "type_1_opt_out", "one_of", TWO),
        ("adult_social_care", "la_code", "matches", TWO),
        ("gp_events", "event_date", "between", TWO),
        ("gp_registrations", "registration_end_date", "not_before", TWO),
        ("gp_events", "event_id", "unique", TWO),
        ("gp_registrations", "nhs_number", "required", HALF),
        ("gp_registrations", "nhs_number", "check_digit", HALF),
        ("gp_events", "nhs_number", "required", TWO),
        ("gp_events", "nhs_number", "check_digit", TWO),
        ("hospital_admissions", "nhs_number", "required", FIVE),
        ("hospital_admissions", "nhs_number", "check_digit", TWO),
        ("emergency_care", "nhs_number", "required", FIVE),
        ("emergency_care", "nhs_number", "check_digit", TWO),
        ("outpatients", "nhs_number", "required", FIVE),
        ("outpatients", "nhs_number", "check_digit", TWO),
        ("adult_social_care", "nhs_number", "required", FIVE),
        ("adult_social_care", "nhs_number", "check_digit", TWO),
    ],
)
def test_a_delivery_one_row_over_its_tolerance_is_refused(extract: str, column: str, rule: str, most: int) -> None:
    assert find_breaches([RuleResult(extract, column, rule, 10_000, most)], tolerances()) == ()
    assert len(find_breaches([RuleResult(extract, column, rule, 10_000, most + 1)], tolerances())) == 1


@pytest.mark.parametrize(
    ("stated", "refused"), [(0, False), (100, False), (-0.001, True), (100.001, True), (-1, True), (101, True), (math.nan, True), (math.inf, True)]
)
def test_a_tolerance_is_a_percentage_from_0_to_100(stated: float, refused: bool) -> None:
    own = {("gp_events", "nhs_number: required"): Tolerance(stated, "analyst", "as agreed")}
    if refused:
        with pytest.raises(UsageError, match="must be from 0 to 100"):
            tolerances(own)
    else:
        assert tolerances(own)["gp_events", "nhs_number", "required"].percent == stated


@pytest.mark.parametrize("stated", ["0", "0.5", "100"])
def test_the_settings_take_a_tolerance_from_0_to_100(stated: str, tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, GOOD.replace("tolerance_percent = 5", f"tolerance_percent = {stated}")))
    assert settings.tolerances["gp_registrations", "sex: one_of"].percent == float(stated)


@pytest.mark.parametrize("stated", ["-0.001", "-1", "100.001", "101", "nan", "inf"])
def test_the_settings_refuse_a_tolerance_outside_0_to_100_before_a_run_begins(stated: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tolerance_percent must be from 0 to 100"):
        read_settings(write(tmp_path, GOOD.replace("tolerance_percent = 5", f"tolerance_percent = {stated}")))


@pytest.mark.parametrize(("breaches", "more"), [(1, []), (3, []), (4, ["1"]), (5, ["2"])])
def test_three_breaches_are_shown_and_the_others_counted(breaches: int, more: list[str]) -> None:
    columns = [("nhs_number", "required"), ("nhs_number", "check_digit"), ("event_date", "required"), ("event_date", "typed"), ("event_date", "between")]
    found = find_breaches([RuleResult("gp_events", column, rule, 10, 10) for column, rule in columns[:breaches]], tolerances())
    with pytest.raises(DataQualityError) as refused:
        raise_on_breaches(found, "gp_events.csv")
    assert str(refused.value).count("the tolerance is") == min(breaches, 3)
    assert "under [gate.gp_events]" in str(refused.value)
    assert re.findall(r", and (\d) rules? more", str(refused.value)) == more
    assert MAX_BREACHES_SHOWN == 3


def test_the_worst_breach_is_first() -> None:
    verdicts = [RuleResult("gp_events", "event_date", "typed", 1_000, failed) for failed in (500, 501, 499)]
    assert [breach.result.failed for breach in find_breaches(verdicts, tolerances())] == [501, 500, 499]


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 10_000, "0%"),
        (0, 0, "0%"),
        (1, 10_000, "0.01%"),  # 1 / 10,000 is 0.01% exactly
        (1, 10_001, "under 0.01%"),
        (1, 8, "12.50%"),
        (9_999, 10_000, "99.99%"),
        (1, 1, "100%"),
    ],
)
def test_a_share_has_two_decimals_and_is_under_a_hundredth_below_that(part: int, whole: int, words: str) -> None:
    assert percent_text(part, whole) == words


def response(folder: Path, confidence: str) -> pl.DataFrame:
    """The record of a response about one person, found with this confidence."""
    file = folder / "answer.csv"
    names = ("UNIQUE REFERENCE", "ERROR/SUCCESS_CODE", "MATCHED_NHS_NO", "MATCHED_ALGORITHM_INDICATOR", "MATCHED_CONFIDENCE_PERCENTAGE")
    file.write_text(f"{','.join(names)}\nr1,00,9990000018,4,{confidence}\n")
    asked = pl.DataFrame({"reference": ["r1"], "NHS_NO": ["9990000026"]})
    return national_responses.read_response(file, asked, RULES, "synthetic")


@pytest.mark.parametrize("confidence", ["0", "100", "99.99", "100.0"])
def test_a_confidence_from_0_to_100_is_read(confidence: str, tmp_path: Path) -> None:
    assert response(tmp_path, confidence)["MATCHED_CONFIDENCE_PERCENTAGE"].to_list() == [confidence]


@pytest.mark.parametrize("confidence", ["-1", "-0.01", "100.01", "101", "NaN", "inf", "x"])
def test_a_confidence_outside_0_to_100_is_refused(confidence: str, tmp_path: Path) -> None:
    with pytest.raises(DataQualityError, match="MATCHED_CONFIDENCE_PERCENTAGE is not a number from 0 to 100"):
        response(tmp_path, confidence)


@pytest.mark.parametrize(("confidence", "taken"), [("49.99", False), ("50", True), ("100", True), ("0", False)])
def test_an_answer_is_taken_from_a_confidence_of_50_on(confidence: str, taken: bool, tmp_path: Path) -> None:
    asked: nw.LazyFrame[Any] = lazy(pl.DataFrame({"reference": ["r1"], "identity": ["i1"]}))
    found = mps_exchange.accept_responses(lazy(response(tmp_path, confidence)), asked, RULES)
    assert sorted_rows(found, "identity", "national_number") == ([("i1", "9990000018")] if taken else [])


CHECK = SharingRules.build(date(2026, 1, 1)).national_check


def left_out(asked: int, missing: int, check: NationalCheck = CHECK) -> int:
    """How many object by an answer that leaves out so many of those asked about."""
    numbers = pl.Series("number", [f"{n:010}" for n in range(asked)])
    return int(derive_objections(numbers, numbers[missing:], "answer.dat", check)["objects"].sum())


@pytest.mark.parametrize(
    ("asked", "missing", "accepted"),
    [
        (100, 25, True),  # 25% of 100
        (100, 26, False),
        (99, 99, True),  # of fewer than a hundred any share may object
        (100, 100, False),
        (401, 100, True),  # 24.94%
        (400, 100, True),  # 25% exactly
        (400, 101, False),  # 25.25%
        (399, 100, False),  # 25.06%
    ],
)
def test_an_answer_that_leaves_out_more_than_a_quarter_of_a_hundred_or_more_is_refused(asked: int, missing: int, accepted: bool) -> None:
    if accepted:
        assert left_out(asked, missing) == missing
        return
    with pytest.raises(DataQualityError, match=r"more than 25% of the [0-9]+ numbers asked about"):
        left_out(asked, missing)


def bands(high_risk: int = 2, costs: tuple[int, ...] = (20, 20, 20, 20, 20)) -> Bands:
    """The declared bands, with another share of adults at high risk and other shares of the cost."""
    entries = load_toml("bands.toml")
    entries["high_risk"]["percent_of_adults"] = high_risk
    for band, cost in zip(entries["bands"], costs, strict=True):
        band["percent_of_cost"] = cost
    return Bands.build("bands.toml", entries, date(2014, 9, 30))


@pytest.mark.parametrize("costs", [(20, 20, 20, 20, 19), (20, 20, 20, 20, 21), (0, 0, 0, 0, 0)])
def test_bands_that_do_not_share_out_the_whole_cost_are_refused(costs: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="make it 100"):
        bands(costs=costs)


@pytest.mark.parametrize("costs", [(20, 20, 20, 20, 20), (100, 0, 0, 0, 0), (96, 1, 1, 1, 1)])
def test_bands_that_share_out_the_whole_cost_are_taken(costs: tuple[int, ...]) -> None:
    assert [band.percent_of_cost for band in bands(costs=costs).bands] == list(costs)


@pytest.mark.parametrize("costs", [(101, -1, 0, 0, 0), (-20, 60, 20, 20, 20)])
def test_a_band_has_a_share_of_cost_from_0_to_100_percent(costs: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"band [12]: percent_of_cost must be from 0 to 100"):
        bands(costs=costs)


@pytest.mark.parametrize("share", [0, 2, 100])
def test_a_share_of_adults_at_high_risk_from_0_to_100_percent_is_taken(share: int) -> None:
    assert bands(high_risk=share).high_risk.percent_of_adults == share


@pytest.mark.parametrize("share", [-1, 101])
def test_a_share_of_adults_at_high_risk_outside_0_to_100_percent_is_refused(share: int) -> None:
    with pytest.raises(UsageError, match="high_risk: percent_of_adults must be from 0 to 100"):
        bands(high_risk=share)
