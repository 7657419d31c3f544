"""Every number of the trace is tested at its limit: one case just inside, one just outside. Comments show the arithmetic."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.engine import CandidatePairs
from bcf_linkage.definitions.errors import DataQualityError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.national_trace import NationalTrace
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable import evidence_counts, review_sample
from bcf_linkage.identifiable.trace import (
    blocking,
    match_on_demographics,
    match_on_number,
    mps_exchange,
    register_entries,
    register_numbers,
    select_match,
    splink_model,
    standardise,
    trace_results,
)
from bcf_linkage.storage.scoring import score_on_duckdb
from pipelines.admin import national_responses
from tests.delivery_builder import AS_AT, number
from tests.frame_builder import collect, lazy, sorted_rows

RULES = TraceRules.build(AS_AT)
GUARDS = RULES.guards
QUALITY = Rulebook.build(AS_AT).linkage
BITS = 0.0006
"""Tolerance of a score in bits: the expected values have four decimals, and one percent of a weight is 0.0144 bits."""

Row = Mapping[str, Any]

# --- Acceptance: score, margin, fields -------------------------------------------------------------------------------------

RANKED: dict[str, Any] = {
    "record": 1,
    "person": "ann",
    "score": 20.0,
    "margin": 10.0,
    "pattern": "p",
    "agreeing": 4,
    "personal": 3,
    "contradicts_name": False,
    "contradicts_date": False,
    "confirmed": False,
    "named": True,
    "same_day": True,
    "same_family": True,
    "shared": False,
    "nameless": False,
    "rival_twin": False,
}


def accept(expect_kin: bool = True, claimed: str | None = None, junk_name: bool = False, **changes: Any) -> dict[str, Any]:
    """Return the result of one best candidate."""
    ranked = lazy(pl.DataFrame([{**RANKED, **changes}], schema_overrides={"margin": pl.Float64}))
    records = lazy(pl.DataFrame({"id": [1], "claimed": [claimed], "junk_name": [junk_name]}, schema_overrides={"claimed": pl.String}))
    (row,) = collect(select_match.accept_candidates(ranked, records, RULES, expect_kin)).to_dicts()
    return row


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"score": 3.5}, "scored"),
        ({"score": 3.49}, "below_threshold"),
        ({"score": 0.0}, "below_threshold"),
        ({"score": -0.01}, None),
        ({"margin": 5.0}, "scored"),
        ({"margin": 4.99}, "tie"),
        ({"margin": 2.51}, "tie"),
        ({"margin": None}, "scored"),
        ({"margin": 4.99, "rival_twin": True}, "twin"),
        ({"margin": 5.0, "rival_twin": True}, "scored"),
        ({"agreeing": 3}, "scored"),
        ({"agreeing": 2}, "below_threshold"),
        ({"agreeing": 1}, None),
        ({"personal": 2}, "scored"),
        ({"personal": 1}, "relative"),
    ],
)
def test_a_candidate_is_accepted_from_each_limit_on_and_refused_below_it(changes: Row, reason: str | None) -> None:
    assert accept(**changes)["reason"] == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"expect_kin": False, "personal": 1}, "scored"),
        ({"confirmed": True, "personal": 1}, "scored"),
        ({"contradicts_name": True}, "twin"),
        ({"contradicts_name": True, "same_day": False}, "relative"),
        ({"contradicts_date": True}, "relative"),
        ({"contradicts_name": True, "expect_kin": False}, "scored"),
        ({"contradicts_name": True, "confirmed": True}, "scored"),
        ({"contradicts_date": True, "confirmed": True}, "scored"),
        ({"contradicts_name": True, "contradicts_date": True, "confirmed": True, "same_day": False}, "relative"),
        ({"claimed": "ann"}, "scored"),
        ({"claimed": "bea"}, "number_of_another"),
        ({"shared": True}, "number_shared"),
        ({"junk_name": True, "named": False}, "junk_name"),
        ({"nameless": True, "named": False}, "junk_name"),
        ({"nameless": True, "named": True}, "scored"),
        ({"nameless": True, "named": False, "confirmed": True}, "scored"),
        ({"nameless": True, "named": False, "expect_kin": False}, "scored"),
    ],
)
def test_a_candidate_is_rejected_with_the_reason_of_the_first_failed_test(changes: dict[str, Any], reason: str) -> None:
    assert accept(**changes)["reason"] == reason


@pytest.mark.parametrize(
    ("changes", "likely"),
    [
        ({}, "ann"),
        ({"margin": 5.0}, "ann"),
        ({"margin": 4.99}, None),
        ({"claimed": "bea"}, None),
        ({"shared": True}, None),
        ({"contradicts_name": True}, None),
        ({"contradicts_date": True}, None),
        ({"nameless": True, "named": False}, None),
        ({"score": -0.01}, None),
        ({"score": 3.5, "agreeing": 3}, None),
    ],
)
def test_a_candidate_below_the_threshold_is_likely_only_if_nothing_contradicts_it(changes: dict[str, Any], likely: str | None) -> None:
    assert accept(**{"score": 3.0, **changes})["likely"] == likely


def test_scores_and_margins_have_two_decimals() -> None:
    result = accept(score=12.3456, margin=7.8912)
    assert (result["score"], result["margin"]) == (12.35, 7.89)


def test_the_margin_is_the_whole_distance_to_the_next_person_and_not_to_the_same_one() -> None:
    flags = {"same_day": True, "same_family": False, "named": False}
    scores = [(1, 10, 12.0), (1, 11, 11.5), (1, 12, 7.25), (2, 10, 9.0), (2, 11, 8.0)]
    pairs = pl.DataFrame([{"record": record, "entry": entry, "score": score, **flags} for record, entry, score in scores])
    entries = pl.DataFrame({"id": [10, 11, 12], "person": ["ann", "ann", "bea"], "shared": [False] * 3, "junk_name": [False] * 3})
    ranked = select_match.rank_candidates(lazy(pairs), lazy(entries))
    # 12.0 - 7.25 = 4.75: entry 11 is the same person as entry 10. Record 2 has one person alone.
    assert sorted_rows(ranked, "record", "person", "score", "margin") == [(1, "ann", 12.0, 4.75), (2, "ann", 9.0, None)]


@pytest.mark.parametrize(
    ("best", "second", "is_rival"),
    [
        ({"same_family": True}, {}, True),
        ({}, {"same_family": True}, True),
        ({}, {}, False),
        ({"same_family": True}, {"same_day": False}, False),
        ({"same_family": True, "same_day": False}, {}, False),
        ({"same_family": True, "named": True}, {"named": True}, False),
        ({"same_family": True, "named": True}, {}, True),
    ],
)
def test_a_rival_is_a_twin_of_the_same_day_and_family_and_no_namesake(best: Row, second: Row, is_rival: bool) -> None:
    flags = {"record": 1, "same_day": True, "same_family": False, "named": False}
    pairs = lazy(pl.DataFrame([{**flags, "entry": 10, "score": 9.0, **best}, {**flags, "entry": 11, "score": 8.0, **second}]))
    entries = lazy(pl.DataFrame({"id": [10, 11], "person": ["ann", "bea"], "shared": [False] * 2, "junk_name": [False] * 2}))
    assert sorted_rows(select_match.rank_candidates(pairs, entries), "rival_twin") == [(is_rival,)]


# --- Match weights -------------------------------------------------------------------------------------------------------

WEIGHTS: list[tuple[str, str, str, float, float, bool, bool, bool, bool]] = [
    # field, level, code, m, u, by value, counts, personal, contradicts
    ("number", "agrees", "=", 0.99, 0.00005, False, True, False, False),
    ("number", "mistyped", "~", 0.001, 0.000001, False, True, False, False),
    ("number", "differs", "-", 0.10, 1.0, False, False, False, False),
    ("given_name", "agrees", "=", 0.80, 0.005, True, True, True, False),
    ("given_name", "nickname", "n", 0.06, 0.005, False, True, True, False),
    ("given_name", "swapped", "s", 0.01, 0.00001, False, True, True, False),
    ("given_name", "close", "~", 0.08, 0.004, False, True, True, False),
    ("given_name", "initial", "i", 0.01, 0.01, False, False, False, False),
    ("given_name", "alike", "a", 0.03, 0.02, False, True, False, True),
    ("given_name", "differs", "-", 0.06, 0.95, False, False, False, True),
    ("family_name", "agrees", "=", 0.85, 0.0005, True, True, True, False),
    ("family_name", "part", "p", 0.02, 0.0005, False, True, True, False),
    ("family_name", "swapped", "s", 0.01, 0.01, False, True, True, False),
    ("family_name", "close", "~", 0.07, 0.002, False, True, True, False),
    ("family_name", "alike", "a", 0.02, 0.01, False, False, False, False),
    ("family_name", "differs", "-", 0.08, 0.98, False, False, False, False),
    ("birth_date", "agrees", "=", 0.93, 0.00003, True, True, True, False),
    ("birth_date", "swapped", "s", 0.005, 0.00001, False, True, True, False),
    ("birth_date", "close", "~", 0.01, 0.001, False, True, True, False),
    ("birth_date", "partial", "2", 0.01, 0.004, False, False, False, False),
    ("birth_date", "year", "y", 0.12, 0.0125, False, False, False, False),
    ("birth_date", "vague", "?", 0.1, 1.0, False, False, False, True),
    ("birth_date", "differs", "-", 0.01, 0.99, False, False, False, True),
    ("sex", "agrees", "=", 0.99, 0.5, False, False, False, False),
    ("sex", "differs", "-", 0.01, 0.5, False, False, False, True),
    ("postcode", "agrees", "=", 0.80, 0.0005, True, True, False, False),
    ("postcode", "close", "~", 0.06, 0.003, False, True, False, False),
    ("postcode", "sector", "2", 0.03, 0.01, False, False, False, False),
    ("postcode", "outcode", "1", 0.06, 0.1, False, False, False, False),
    ("postcode", "differs", "-", 0.25, 0.85, False, False, False, False),
    ("address", "agrees", "=", 0.60, 0.00005, True, True, False, False),
    ("address", "close", "~", 0.15, 0.0003, False, True, False, False),
    ("address", "street", "w", 0.08, 0.002, False, False, False, False),
    ("address", "neighbour", "h", 0.08, 0.5, False, True, False, False),
    ("address", "differs", "-", 0.25, 0.98, False, False, False, False),
]


def test_every_level_of_agreement_has_its_declared_weight() -> None:
    declared = [
        (comparison.field, each.level, each.code, each.m, each.u, each.by_value, each.counts, each.personal, each.contradicts)
        for comparison in RULES.comparisons
        for each in comparison.levels
    ]
    assert declared == WEIGHTS


def test_thresholds_guards_and_blocking_limits_have_their_declared_values() -> None:
    accepted = RULES.acceptance
    assert (accepted.threshold, accepted.margin, accepted.plausible, accepted.fewest_fields, accepted.fewest_personal) == (3.5, 5.0, 0.0, 3, 2)
    assert (RULES.blocking.largest_block, RULES.blocking.most_pairs, RULES.smoothing) == (500, 1_000_000, 1000)
    assert (GUARDS.communal_postcode, GUARDS.communal_address, GUARDS.households, GUARDS.fewest_homes) == (100, 10, 0.002, 100)
    assert (GUARDS.vague_day, GUARDS.pseudo_postcodes) == ("-01-01", "^ZZ")
    rarest = {comparison.field: comparison.rarest for comparison in RULES.comparisons}
    assert rarest == {
        "number": None, "given_name": 0.001, "family_name": 0.0001, "birth_date": 0.00003, "sex": None, "postcode": 0.0002, "address": 0.00005,
    }  # fmt: skip


BLANK = dict.fromkeys((*standardise.STANDARD_COLUMNS, "claimed", "digits"))
UNSCORED = {**BLANK, "birth_date_is_exact": False, "number_is_sound": False}


def dated(born: str, exact: bool = True) -> dict[str, Any]:
    return {"born": born, "born_year": born[:4], "born_month": born[4:6], "born_day": born[6:], "birth_date_is_exact": exact}


def named(given: str, family: str) -> dict[str, Any]:
    return {"given": given, "family": family}


DOROTHY, DOROTHEA = {"given": "dorothy"}, {"given": "dorothea"}
# For each level one pair of register entry and record, and its match weight in bits: log2(m / u).
# Similarity is Jaro-Winkler: (matches / length + matches / other length + 1) / 3, plus a tenth of the rest for each letter of a common
# prefix, four at most.
SCORES: dict[str, tuple[Row, Row, float]] = {
    "the number agrees": ({"claimed": "1"}, {"claimed": "1", "number_is_sound": True}, 14.2732),  # log2(0.99 / 0.00005) = log2(19,800)
    "the number differs": ({"claimed": "1"}, {"claimed": "2", "number_is_sound": True}, -3.3219),  # log2(0.1 / 1)
    "the number is mistyped in one digit": ({"digits": "9300000001"}, {"digits": "9300000002"}, 9.9658),  # log2(0.001 / 0.000001) = log2(1,000)
    "the number is mistyped by one swap": ({"digits": "9300000012"}, {"digits": "9300000021"}, 9.9658),
    "the number lacks a digit": ({"digits": "9300000012"}, {"digits": "930000001"}, 9.9658),
    "the number differs in two digits": ({"digits": "9300000001"}, {"digits": "9300000012"}, 0.0),
    "the given name agrees and one in 64 has it": ({"given": "anna"}, {"given": "anna"}, 5.6781),  # log2(0.8 x 64) = log2(51.2)
    "the given name agrees and nobody is known to have it": ({"given": "zoe"}, {"given": "zoe"}, 7.3219),  # log2(0.8 / 0.005) = log2(160)
    "the given name is a nickname": ({"given": "robert", "known_as": "robert"}, {"given": "bob", "known_as": "bob robert"}, 3.585),  # log2(0.06 / 0.005)
    "the first given name agrees": ({"given": "annmary", "given_first": "ann"}, {"given": "annjosephine", "given_first": "ann"}, 3.585),
    "the given name is one slip away, of four letters": ({"given": "anna"}, {"given": "anne"}, 4.3219),  # log2(0.08 / 0.004) = log2(20)
    "the given name is one slip away, of three letters": ({"given": "ana"}, {"given": "ane"}, 0.585),  # (2/3 + 2/3 + 1) / 3 = 0.778 + 0.2 x 0.222 = 0.822
    "the given names are 0.921 alike": (DOROTHY, DOROTHEA, 4.3219),  # (6/7 + 6/8 + 1) / 3 = 0.869, + 0.4 x 0.131 = 0.921
    "the given names are 0.917 alike": ({"given": "jonathan"}, {"given": "nathan"}, 0.585),  # (6/8 + 6/6 + 1) / 3 = 0.917; log2(0.03 / 0.02)
    "the given names are 0.806 alike": ({"given": "harrison"}, {"given": "harold"}, 0.585),  # (4/8 + 4/6 + 1) / 3 = 0.722, + 0.3 x 0.278 = 0.806
    "the given names are 0.793 alike": ({"given": "steven"}, {"given": "stephanie"}, -3.9849),  # (4/6 + 4/9 + 1) / 3 = 0.704, + 0.3 x 0.296 = 0.793
    "one letter stands for the given name": ({"given": "anna"}, {"given": "a"}, 0.0),  # log2(0.01 / 0.01)
    "two letters of the given name": ({"given": "anna"}, {"given": "an"}, 0.585),  # (2/4 + 2/2 + 1) / 3 = 0.833, + 0.2 x 0.167 = 0.867
    "the family name agrees and one in 64 has it": ({"family": "stott"}, {"family": "stott"}, 5.7655),  # log2(0.85 x 64) = log2(54.4)
    "the family name agrees and nobody is known to have it": ({"family": "yeo"}, {"family": "yeo"}, 10.7313),  # log2(0.85 / 0.0005) = log2(1,700)
    "the family name is the first of two": ({"family": "quill"}, {"family": "quilltrimble", "family_first": "quill"}, 5.3219),  # log2(0.02 / 0.0005)
    "the family name is the last of two": ({"family": "trimblequill", "family_last": "quill"}, {"family": "quill"}, 5.3219),
    "the family name is one slip away": ({"family": "hull"}, {"family": "hill"}, 5.1293),  # log2(0.07 / 0.002) = log2(35)
    "the family name is one slip away, of three letters": ({"family": "lee"}, {"family": "lea"}, 1.0),  # 0.822 alike; log2(0.02 / 0.01)
    "the family names are 0.921 alike": ({"family": "dorothy"}, {"family": "dorothea"}, 5.1293),
    "the family names are 0.917 alike": ({"family": "jonathan"}, {"family": "nathan"}, 1.0),
    "the family names are 0.806 alike": ({"family": "harrison"}, {"family": "harold"}, 1.0),
    "the family names are 0.793 alike": ({"family": "steven"}, {"family": "stephanie"}, -3.6147),  # log2(0.08 / 0.98)
    # Francis and Francesca: (6/7 + 6/9 + 1) / 3 = 0.841, + 0.4 x 0.159 = 0.905. Alexander and Alejandro: (7/9 + 7/9 + 1) / 3 = 0.852, + 0.3 x 0.148 = 0.896.
    "the names stand in each other's place, 0.905 and 0.806 alike": (named("francis", "harrison"), named("harold", "francesca"), 9.9658),  # log2(1,000) + 0
    "the names stand in each other's place, 0.806 and 0.905 alike": (named("harrison", "francis"), named("francesca", "harold"), 9.9658),
    "the names would stand so, 0.896 and 0.806 alike": (named("alexander", "harrison"), named("harold", "alejandro"), -7.5996),  # -3.9849 - 3.6147
    "the names would stand so, 0.806 and 0.896 alike": (named("harrison", "alexander"), named("alejandro", "harold"), -7.5996),
    "the names would stand so, 0.905 and 0.793 alike": (named("francis", "steven"), named("stephanie", "francesca"), -7.5996),
    "the names would stand so, 0.793 and 0.905 alike": (named("steven", "francis"), named("francesca", "stephanie"), -7.5996),
    "the date agrees and one in 64 was born then": (dated("19500203"), dated("19500203"), 5.8953),  # log2(0.93 x 64) = log2(59.52)
    "the date agrees and nobody is known to have it": (dated("19610714"), dated("19610714"), 14.92),  # log2(0.93 / 0.00003) = log2(31,000)
    "the date agrees and is no real day": (dated("19500230"), dated("19500230", exact=False), 3.3219),  # as one that is a digit away: log2(0.01 / 0.001)
    "day and month are swapped": (dated("19500302"), dated("19500203"), 8.9658),  # log2(0.005 / 0.00001) = log2(500)
    "the date is one digit away": (dated("19500203"), dated("19500204"), 3.3219),  # log2(0.01 / 0.001) = log2(10)
    "the date is two digits away, in the day alone": (dated("19500203"), dated("19500214"), 1.3219),  # log2(0.01 / 0.004) = log2(2.5)
    "the date agrees in year and day": (dated("19500203"), dated("19501103"), 1.3219),
    "the date agrees in month and day": (dated("19500203"), dated("19770203"), 1.3219),
    "the date agrees in the year alone": (dated("19500203"), dated("19501114"), -6.6294),  # log2(0.01 / 0.99)
    "one date is a 1 January of the year": (dated("19500102"), dated("19500101", exact=False), 3.263),  # log2(0.12 / 0.0125) = log2(9.6)
    "one date is a 1 January of another year": (dated("19500102"), dated("19510101", exact=False), -3.3219),  # log2(0.1 / 1)
    "the sex agrees": ({"sex": "1"}, {"sex": "1"}, 0.9855),  # log2(0.99 / 0.5)
    "the sex differs": ({"sex": "1"}, {"sex": "2"}, -5.6439),  # log2(0.01 / 0.5)
    "the postcode agrees and one in 64 has it": ({"postcode": "S0143AB"}, {"postcode": "S0143AB"}, 5.6781),  # log2(0.8 x 64)
    "the postcode agrees and nobody is known to have it": ({"postcode": "S0171XY"}, {"postcode": "S0171XY"}, 10.6439),  # log2(0.8 / 0.0005) = log2(1,600)
    "the postcode is one character away": ({"postcode": "S0143AB"}, {"postcode": "S0143AC"}, 4.3219),  # log2(0.06 / 0.003) = log2(20)
    "the sector agrees": ({"postcode": "S0143AB", "sector": "S0143"}, {"postcode": "S0143XY", "sector": "S0143"}, 1.585),  # log2(0.03 / 0.01)
    "the outward half agrees": ({"postcode": "S0143AB", "outcode": "S014"}, {"postcode": "S0145XY", "outcode": "S014"}, -0.737),  # log2(0.06 / 0.1)
    "the postcode differs": ({"postcode": "S0143AB"}, {"postcode": "LS17XY"}, -1.7655),  # log2(0.25 / 0.85)
    "the address agrees and one in 64 has it": ({"address": "9 elm", "street": "elm"}, {"address": "9 elm", "street": "elm"}, 5.263),  # log2(0.6 x 64)
    "the address agrees and nobody is known to have it": (
        {"address": "1 ash", "street": "ash"},
        {"address": "1 ash", "street": "ash"},
        13.5507,
    ),  # log2(12,000)
    "the house agrees and the streets are 0.905 alike": ({"house": "9", "street": "francis"}, {"house": "9", "street": "francesca"}, 8.9658),  # log2(500)
    "the house agrees and the streets are 0.896 alike": ({"house": "9", "street": "alexander"}, {"house": "9", "street": "alejandro"}, -1.9709),
    "the streets are 0.905 alike, elsewhere": (
        {"house": "9", "street": "francis", "postcode": "S0143AB"},
        {"house": "8", "street": "francesca"},
        5.3219,  # log2(0.08 / 0.002) = log2(40)
    ),
    "the streets are 0.896 alike, elsewhere": ({"house": "9", "street": "alexander", "postcode": "S0143AB"}, {"house": "8", "street": "alejandro"}, -1.9709),
    # Of one postcode it is 0.25 here that two live in one street: log2(0.08 / 0.25) = -1.6439, and 5.6781 for the postcode.
    "the streets are 0.905 alike, at the same postcode": (
        {"house": "9", "street": "francis", "postcode": "S0143AB"},
        {"house": "8", "street": "francesca", "postcode": "S0143AB"},
        4.0342,
    ),
    # log2(0.25 / 0.98) = -1.9709, and 5.6781 for the postcode.
    "the streets are 0.896 alike, at the same postcode": (
        {"house": "9", "street": "alexander", "postcode": "S0143AB"},
        {"house": "8", "street": "alejandro", "postcode": "S0143AB"},
        3.7072,
    ),
    "nothing is known": ({}, {}, 0.0),
}
ONE_IN_64 = {"given": "anna", "family": "stott", "born": "19500203", "postcode": "S0143AB", "address": "9 elm"}
SCHEMA = {"id": pl.Int64, **dict.fromkeys(BLANK, pl.String), "birth_date_is_exact": pl.Boolean, "number_is_sound": pl.Boolean}


@pytest.fixture(scope="module")
def scores() -> dict[str, float]:
    """Return the score of each pair in a register of 1,024 people. The prior is log2(1 / 1,024) = -10 bits."""
    sides = [pl.DataFrame([{**UNSCORED, "id": n, **case[side]} for n, case in enumerate(SCORES.values())], SCHEMA) for side in (0, 1)]
    pairs = pl.DataFrame({"entry": range(len(SCORES)), "record": range(len(SCORES))}, {"entry": pl.Int64, "record": pl.Int64})
    frequencies = {column: pl.DataFrame({column: [value], f"tf_{column}": [1 / 64]}) for column, value in ONE_IN_64.items()}
    result = score_on_duckdb(
        CandidatePairs(register=sides[0], records=sides[1], pairs=pairs, frequencies=frequencies),
        splink_model.build_splink_settings(RULES, 1024, 0.25),
        -1000.0,
    )
    return dict(zip(SCORES, result.sort("record")["score"], strict=True))


@pytest.mark.parametrize("case", SCORES)
def test_a_pair_scores_what_its_level_of_agreement_weighs(case: str, scores: dict[str, float]) -> None:
    assert scores[case] == pytest.approx(SCORES[case][2] - 10, abs=BITS)


def test_a_pair_below_the_least_score_is_left_out() -> None:
    record = pl.DataFrame([{**UNSCORED, "id": 0, "claimed": "1", "number_is_sound": True}], SCHEMA)
    pairs = pl.DataFrame({"entry": [0], "record": [0]})
    # log2(0.99 / 0.00005) = 14.2732, less 14 bits for 16,384 people, or 15 for 32,768.
    for size, expected in ((16_384, [0.2732]), (32_768, [])):
        result = score_on_duckdb(
            CandidatePairs(register=record, records=record, pairs=pairs, frequencies={}),
            splink_model.build_splink_settings(RULES, size, 0.25),
            RULES.acceptance.plausible,
        )
        assert result["score"].to_list() == pytest.approx(expected, abs=BITS)


UNKNOWN = -1
FIELDS = ("number", "given_name", "family_name", "birth_date", "sex", "postcode", "address")
BEST = {"number": 2, "given_name": 6, "family_name": 5, "birth_date": 6, "sex": 1, "postcode": 4, "address": 4}


def patterned(**levels: int) -> dict[str, Any]:
    """Return the description of one pair with these levels, counted from the last, 0. All other fields are unknown."""
    gammas = {f"gamma_{field}": levels.get(field, UNKNOWN) for field in FIELDS}
    (row,) = collect(select_match.add_patterns(lazy(pl.DataFrame([{"record": 1, "entry": 2, "score": 5.0, **gammas}])), RULES)).to_dicts()
    return row


@pytest.mark.parametrize(("field", "level", "code", "m", "u", "by_value", "counts", "personal", "contradicts"), WEIGHTS)
def test_a_level_counts_as_agreement_or_as_contradiction(
    field: str, level: str, code: str, m: float, u: float, by_value: bool, counts: bool, personal: bool, contradicts: bool
) -> None:
    at = [each[1] for each in WEIGHTS if each[0] == field][::-1].index(level)
    # Given name and date of birth agree beside it: two fields, both personal.
    others = {"given_name": 6, "birth_date": 6} | {field: at}
    result = patterned(**others)
    beside = 2 - (field in ("given_name", "birth_date"))
    assert result["pattern"][1 + 2 * FIELDS.index(field)] == code
    assert (result["agreeing"], result["personal"]) == (beside + counts, beside + personal)
    assert result["contradicts_date"] == (contradicts if field == "birth_date" else False)
    if field not in ("number", "sex", "birth_date"):
        assert result["contradicts_name"] == (contradicts if field == "given_name" else False)


@pytest.mark.parametrize(
    ("levels", "name", "day"),
    [
        ({"sex": 0}, True, True),
        ({"sex": 0, "given_name": 6}, False, False),
        ({"sex": 0, "given_name": 6, "birth_date": 6}, False, False),
        ({"sex": 0, "given_name": 5, "birth_date": 6}, True, False),
        ({"number": 0, "given_name": 6, "birth_date": 6, "postcode": 4}, False, False),
        ({"number": 0, "given_name": 6, "birth_date": 6, "address": 4}, False, False),
        ({"number": 0, "given_name": 6, "birth_date": 6}, True, False),
        ({"number": 0, "given_name": 2, "birth_date": 6, "postcode": 4}, True, False),
        ({"number": 0, "given_name": 6, "postcode": 4}, False, True),
        ({"number": 2, "given_name": 6}, False, False),
        ({"birth_date": 5}, False, True),
        ({"birth_date": 6}, False, False),
    ],
)
def test_what_contradicts_name_and_date_together(levels: dict[str, int], name: bool, day: bool) -> None:
    result = patterned(**levels)
    assert (result["contradicts_name"], result["contradicts_date"]) == (name, day)


def test_a_pair_that_agrees_in_all_fields_counts_six_of_them_and_three_personal() -> None:
    result = patterned(**BEST)
    # All but the sex count; given name, family name and date of birth are personal.
    assert (result["pattern"], result["agreeing"], result["personal"]) == ("N=G=F=D=S=P=A=", 6, 3)
    assert [result[name] for name in ("named", "confirmed", "same_day", "same_family")] == [True] * 4
    assert patterned(address=4)["same_family"]


# --- Register entries -----------------------------------------------------------------------------------------


def living(*homes: tuple[int, str | None, str | None, str | None], first: int = 0) -> list[dict[str, Any]]:
    """Return people by home: how many, postcode, address and family name. Where a value is None, each person has one of their own."""
    people: list[dict[str, Any]] = []
    for size, postcode, address, family in homes:
        for _ in range(size):
            position = first + len(people)
            home = {"postcode": postcode or f"P{position}", "address": address or f"a{position}", "street": address or f"a{position}"}
            people.append({"person": f"p{position:05}", "family": family or f"f{position}", "given": f"g{position}", "born": "19500203", **home})
    return people


@pytest.mark.parametrize(
    ("homes", "expected"),
    [
        ([(99, "SO1", None, None)], []),
        ([(100, "SO1", None, None)], [("SO1", None)]),
        ([(9, "SO1", "1 elm", None)], []),
        ([(10, "SO1", "1 elm", None)], [("SO1", "1 elm")]),
    ],
)
def test_a_home_is_communal_from_so_many_people_on(homes: list[tuple[int, str, str | None, None]], expected: list[tuple[str, str | None]]) -> None:
    assert sorted_rows(register_entries.build_communal_homes(lazy(pl.DataFrame(living(*homes))), GUARDS), "postcode", "address") == expected


def kin(rows: list[dict[str, Any]]) -> bool:
    ((expected,),) = sorted_rows(register_entries.build_kin_expectation(lazy(pl.DataFrame(rows)), GUARDS), "kin")
    return bool(expected)


ALONE = (None, None, None)


@pytest.mark.parametrize(
    ("homes", "expected"),
    [
        # Fewer than 100 people of known home cannot show that there are no kin.
        ([(99, *ALONE)], True),
        ([(100, *ALONE)], False),
        # Two of one family live together: 2, less what chance brings together twice over, 2 x 2 x 2 / (999 x 998) = 0.000008.
        # 1.999992 is above 0.002 x 999 = 1.998 and below 0.002 x 1,000 = 2.
        ([(2, "SO1", "1 elm", "quill"), (997, *ALONE)], True),
        ([(2, "SO1", "1 elm", "quill"), (998, *ALONE)], False),
        # 99 of one family in one home are kin: 99 x 98 = 9,702 of as many pairs, of which 9,702 / (299 x 298) = 0.109 would be by chance.
        # A hundred are a communal home, which is none.
        ([(99, "SO1", "1 elm", "quill"), (200, *ALONE)], True),
        ([(100, "SO1", "1 elm", "quill"), (200, *ALONE)], False),
    ],
)
def test_kin_are_expected_from_so_many_shared_homes_on(homes: list[tuple[int, str | None, str | None, str | None]], expected: bool) -> None:
    assert kin(living(*homes)) is expected


def test_kin_are_expected_only_beyond_twice_what_chance_brings_together() -> None:
    """Ten homes of ten people, of two family names of fifty people each.

    Pairs who share a home: 10 x 10 x 9 = 900. By chance 2 x 50 x 49 / (100 x 99) = 0.49495 of them share a name, twice that is 890.9.
    """
    apart = [(10, f"SO{n}", "1 elm", "quill" if n < 5 else "yeo") for n in range(10)]
    # All 900 pairs share a name: 900 - 890.9 = 9.1 is above 0.002 x 100 = 0.2.
    assert kin(living(*apart))
    # Two people change homes: two homes of nine and one, 2 x 9 x 8 = 144 in place of 180, so that 864 - 890.9 is below 0.2.
    mixed = [*apart[1:9], (9, "SO0", "1 elm", "quill"), (1, "SO0", "1 elm", "yeo"), (9, "SO9", "1 elm", "yeo"), (1, "SO9", "1 elm", "quill")]
    assert not kin(living(*mixed))


@pytest.mark.parametrize(
    ("column", "field", "rarest"),
    [
        ("given", "given_name", 0.001),
        ("family", "family_name", 0.0001),
        ("born", "birth_date", 0.00003),
        ("postcode", "postcode", 0.0002),
        ("address", "address", 0.00005),
    ],
)
def test_a_value_is_as_common_as_the_others_who_have_it(column: str, field: str, rarest: float) -> None:
    assert register_entries.FREQUENCY_FIELDS[column] == field
    entries = pl.DataFrame({"person": [f"p{n}" for n in range(10)], column: ["common"] * 3 + [f"own{n}" for n in range(7)]})
    found = dict(
        sorted_rows(register_entries.build_frequencies(lazy(entries), column, RULES.by_field[field].rarest or 0.0, RULES.smoothing), column, f"tf_{column}")
    )
    # Of ten people three have it: two others, and what the rarest counts for in 1,000 people, among nine others and 1,000.
    assert found["common"] == pytest.approx((2 + rarest * 1000) / 1009, rel=1e-9)
    # Nobody else has it: (0 + rarest x 1,000) / 1,009 is less than the rarest, which it cannot be below.
    assert found["own0"] == pytest.approx(rarest, rel=1e-9)


@pytest.mark.parametrize("shared_field", ["family", "home"])
@pytest.mark.parametrize(("together", "pairs"), [(1, 0), (2, 2), (20, 380), (21, 0)])
def test_people_born_on_one_day_are_a_family_up_to_twenty(together: int, pairs: int, shared_field: str) -> None:
    family, home = ("quill", None) if shared_field == "family" else (None, "1 elm")
    rows = living((together, "SO1" if home else None, home, family))
    # 2 x 1 pairs, 20 x 19 = 380 pairs; 21 are too many to be a family.
    assert collect(register_entries.build_twin_pairs(lazy(pl.DataFrame(rows)))).height == pairs


@pytest.mark.parametrize(
    ("homes", "share"),
    [
        ([(1, "SO1", "elm", None)], 0.001),  # (0 + 0.001) / (0 + 1)
        ([(2, "SO1", "elm", None)], 0.667),  # (2 + 0.001) / (2 + 1)
        ([(2, "SO1", "elm", None), (1, "SO1", "ash", None)], 2.001 / 7),  # 2 of 3 x 2 pairs: (2 + 0.001) / (6 + 1)
        ([(1, "SO1", "elm", None), (1, "SO1", "ash", None), (1, "SO1", "oak", None)], 0.001),  # 0.001 / 7 is below the least
    ],
)
def test_neighbours_share_a_street_as_often_as_the_register_shows(homes: list[tuple[int, str, str, None]], share: float) -> None:
    assert sorted_rows(register_entries.build_neighbour_share(lazy(pl.DataFrame(living(*homes)))), "share") == [(pytest.approx(share, rel=1e-9),)]


# --- Blocking ---------------------------------------------------------------------------------------------


def keyed(people: int, key: int = 7) -> nw.LazyFrame[Any]:
    return lazy(pl.DataFrame({"id": range(people), "kind": [1] * people, "key": [key] * people}, schema_overrides={"key": pl.UInt64}))


@pytest.mark.parametrize(
    ("people", "records", "crowded"),
    [
        (500, 1, False),
        (501, 1, True),
        (500, 2000, False),  # 500 x 2,000 = 1,000,000 pairs
        (500, 2001, True),  # 1,000,500 pairs
    ],
)
def test_a_key_is_crowded_above_so_many_people_or_pairs(people: int, records: int, crowded: bool) -> None:
    assert sorted_rows(blocking.build_shared_keys(keyed(people), keyed(records), RULES.blocking), "records", "crowded") == [(records, crowded)]


PERSON = {
    "claimed": "1", "born": "19500203", "born_year": "1950", "born_month": "02", "born_day": "03", "given": "anna", "family": "stott",
    "postcode": "SO143AB", "street": "elm", "address": "9 elm",
}  # fmt: skip
RECORD = {
    "claimed": "2", "born": "19771114", "born_year": "1977", "born_month": "11", "born_day": "14", "given": "winifred", "family": "lovelace",
    "postcode": "LS17XY", "street": "oak", "address": "8 oak",
}  # fmt: skip


@pytest.mark.parametrize(
    ("shared", "is_pair"),
    [
        ({"claimed": "1"}, True),
        ({"born": "19500203"}, True),
        ({"given": "stott", "family": "anna"}, True),
        ({"postcode": "SO143AB", "born_year": "1950"}, True),
        ({"postcode": "SO143AB", "family": "stoddard"}, True),
        ({"postcode": "SO143AB", "family": "stewart"}, False),
        ({"postcode": "SO143AB", "given": "annette"}, True),
        ({"postcode": "SO143AB", "given": "angela"}, False),
        ({"family": "stott", "born_year": "1950"}, True),
        ({"family": "stott", "born_month": "02", "born_day": "03"}, True),
        ({"given": "anna", "born_month": "02", "born_day": "03"}, True),
        ({"given": "anna", "born_year": "1950", "born_month": "02"}, True),
        ({"given": "anna", "family": "stoddard"}, True),
        ({"given": "anna", "family": "stewart"}, False),
        ({"family": "stott", "given": "annette"}, True),
        ({"family": "stott", "given": "angela"}, False),
        ({"postcode": "SO143AB", "street": "elm"}, True),
        ({"address": "9 elm", "given": "annette"}, True),
        ({"address": "9 elm", "family": "stoddard"}, True),
        ({"street": "elm", "given": "anna"}, True),
        ({"street": "elm", "family": "stott"}, True),
        ({"postcode": "SO143AB"}, False),
        ({"given": "anna"}, False),
        ({"family": "stott"}, False),
        ({"address": "9 elm"}, False),
        ({"street": "elm"}, False),
        ({"born_year": "1950", "born_month": "02"}, False),
    ],
)
def test_a_common_blocking_key_makes_a_candidate_pair(shared: Row, is_pair: bool) -> None:
    record_keys, people_keys = (blocking.build_blocking_keys(lazy(pl.DataFrame([{"id": 1, **row}]))) for row in ({**RECORD, **shared}, PERSON))
    shared_keys = blocking.build_shared_keys(people_keys.drop("kind"), record_keys, RULES.blocking)
    assert bool(collect(blocking.build_candidate_pairs(people_keys.drop("kind"), record_keys, shared_keys)).height) is is_pair
    assert collect(shared_keys).height == int(is_pair)


# --- Standardisation, junk names and placeholder dates ---------------------------------------------------------------------------------


def compared(**values: str | None) -> dict[str, Any]:
    row = dict.fromkeys(standardise.INPUT_COLUMNS) | values
    frame = pl.DataFrame([row], dict.fromkeys(standardise.INPUT_COLUMNS, pl.String)).with_columns(written_date="birth_date")
    (standardised,) = collect(standardise.standardise(lazy(frame), RULES)).to_dicts()
    return standardised


JUNK = [
    "unknown",
    "unk",
    "unkown",
    "unnamed",
    "not",
    "known",
    "notknown",
    "none",
    "null",
    "nan",
    "nil",
    "na",
    "anon",
    "anonymous",
    "nobody",
    "noname",
    "name",
    "test",
    "testing",
    "tester",
    "dummy",
    "sample",
    "patient",
    "person",
    "client",
    "user",
    "temp",
    "temporary",
    "xxx",
    "zzz",
    "tbc",
    "tba",
    "withheld",
    "confidential",
    "baby",
    "babe",
    "infant",
    "newborn",
    "twin",
    "triplet",
    "one",
    "two",
    "three",
    "boy",
    "girl",
    "male",
    "female",
    "of",
    "deceased",
    "duplicate",
    "error",
    "invalid",
    "missing",
]
TITLES = ["mr", "mrs", "ms", "miss", "mx", "master", "dr", "prof", "rev", "sir", "dame", "lady", "lord"]
PLACEHOLDERS = ["1900-01-01", "1901-01-01", "1899-12-30", "1899-12-31", "1900-01-02", "1800-01-01", "1850-01-01", "1911-11-11", "1970-01-01", "9999-12-31"]


def test_every_junk_name_and_title_is_declared() -> None:
    assert (GUARDS.junk_names, GUARDS.titles, GUARDS.placeholder_dates) == (tuple(JUNK), tuple(TITLES), tuple(PLACEHOLDERS))
    frame = pl.DataFrame({"given_name": [*JUNK, *(f"{word}q" for word in JUNK)]}, {"given_name": pl.String})
    blank = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in standardise.INPUT_COLUMNS if name != "given_name")
    found = collect(standardise.standardise(lazy(blank.select(standardise.INPUT_COLUMNS)), RULES))["junk_name"].to_list()
    # 53 words, and as many that are one letter longer.
    assert found == [True] * 53 + [False] * 53


@pytest.mark.parametrize("title", TITLES)
def test_a_title_before_a_name_is_no_part_of_it(title: str) -> None:
    assert compared(given_name=f"{title} Anna")["given"] == "anna"
    assert compared(given_name=f"q{title} Anna")["given"] == f"q{title}anna"


@pytest.mark.parametrize("day", PLACEHOLDERS)
def test_a_placeholder_date_is_no_date_and_the_day_after_is_one(day: str) -> None:
    result = compared(birth_date=day)
    assert (result["born"], result["birth_date_is_exact"], result["default_date"]) == (None, False, True)
    after = {"1899-12-30": "1900-01-03", "1899-12-31": "1900-01-03", "1900-01-01": "1900-01-03", "9999-12-31": "9999-12-30"}.get(
        day, str(date.fromisoformat(day) + timedelta(days=1)) if day < "9999" else ""
    )
    result = compared(birth_date=after)
    assert (result["born"], result["birth_date_is_exact"], result["default_date"]) == (after.replace("-", ""), True, False)


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ({"birth_date": "1950-01-01"}, "birth_date_is_exact", False),
        ({"birth_date": "1950-01-02"}, "birth_date_is_exact", True),
        ({"birth_date": "1950-01-01"}, "default_date", True),
        ({"birth_date": "1950-01-02"}, "default_date", False),
        ({"postcode": "ZZ99 3VZ"}, "postcode", None),
        ({"postcode": "ZE99 3VZ"}, "postcode", "ZE993VZ"),
        ({"postcode": "SO14 3AB"}, "sector", "S0143"),
        ({"postcode": "SO14 3AB"}, "outcode", "S014"),
        ({"given_name": "aa"}, "junk_name", True),
        ({"given_name": "ab"}, "junk_name", False),
        ({"given_name": "a"}, "junk_name", False),
        ({"family_name": "MacDon"}, "family", "mcdon"),  # six letters
        ({"family_name": "Macey"}, "family", "macey"),  # five
        ({"family_name": "Van Der"}, "family_first", "van"),  # three letters
        ({"family_name": "De Haan"}, "family_first", None),  # two
        ({"family_name": "Haan Roy"}, "family_last", "roy"),
        ({"family_name": "Haan Ro"}, "family_last", None),
        ({"given_name": "ab" * 50}, "given", "ab" * 50),  # 100 letters
        ({"given_name": "ab" * 50 + "c"}, "given", "ab" * 50),  # 101
    ],
)
def test_a_value_is_compared_from_its_limit_on(values: dict[str, str], name: str, expected: Any) -> None:
    assert compared(**values)[name] == expected


# --- The register by number ------------------------------------------------------------------------------------------------------

A, B, C, D, E = (number(930_000_000 + 20 * n) for n in range(5))
ENTRY: dict[str, Any] = {
    "nhs_number": A, "birth_date": "1950-02-01", "replaced_nhs_number": None, "replaced_nhs_number_date": None, "type_1_opt_out": "N", "refused": False,
    "family_name": None, "given_name": None, "sex": None, "postcode": None, "address_line_1": None,
}  # fmt: skip
FULL = {"family_name": "Yeo", "given_name": "Ida", "sex": "2", "postcode": "SO14 3AB", "address_line_1": "9 Elm Road"}


def registered(*rows: Row) -> dict[str, dict[str, Any]]:
    schema = {name: pl.Boolean if name == "refused" else pl.String for name in ENTRY}
    frame = lazy(pl.DataFrame([{**ENTRY, **row} for row in rows], schema))
    numbers = collect(register_numbers.build_numbers(frame, AS_AT, "synthetic", GUARDS))
    return {row["number"]: row for row in collect(register_numbers.build_number_register(lazy(numbers))).to_dicts()}


def test_a_replacement_is_followed_twice_further_and_no_more() -> None:
    rows = [{"nhs_number": new, "replaced_nhs_number": old} for old, new in ((A, B), (B, C), (C, D), (D, E))]
    found = registered(*rows)
    # A became B, that C, that D: one replacement and two further ones. From B on it is E.
    assert [found[each]["person_number"] for each in (A, B, C, D, E)] == [D, E, E, E, E]


@pytest.mark.parametrize(("day", "superseded"), [("2014-09-30", True), ("2014-10-01", False)])
def test_a_number_is_superseded_by_the_as_at_date(day: str, superseded: bool) -> None:
    found = registered({"nhs_number": B, "replaced_nhs_number": A, "replaced_nhs_number_date": day})
    assert (A in found) is superseded


@pytest.mark.parametrize(
    ("entries", "merged"),
    [
        ([{}, {}], True),
        ([{}, {}, {}], False),
        ([{"given_name": "I"}, {"given_name": "I"}], False),
        ([{"given_name": "Io"}, {"given_name": "Io"}], True),
        ([{"family_name": "Y"}, {"family_name": "Y"}], False),
        ([{"birth_date": "1900-01-01"}, {"birth_date": "1900-01-01"}], False),
        *[([{}, {name: "other"}], False) for name in ("family_name", "given_name", "postcode", "address_line_1")],
        ([{}, {"sex": "1"}], False),
        ([{}, {"birth_date": "1950-02-02"}], False),
        *[([{name: None}, {name: None}], False) for name in (*FULL, "birth_date")],
    ],
)
def test_two_numbers_are_one_person_where_two_entries_agree_in_all_fields(entries: list[Row], merged: bool) -> None:
    found = registered(*({**FULL, **each, "nhs_number": own} for own, each in zip((A, B, C), entries, strict=False)))
    assert (found[B]["person_number"] == A) is merged


# --- Match passes 2 and 3 ---------------------------------------------------------------------------------------------


def is_partly_confirmed(**record: Any) -> bool:
    blank = dict.fromkeys(standardise.STANDARD_COLUMNS)
    at_home = {"given": "anna", "given_first": "anna", "family": "stott", "outcode": "S014", **dated("19500203")}
    schema = {**dict.fromkeys(blank, pl.String), "birth_date_is_exact": pl.Boolean}
    records = pl.DataFrame([{**blank, **at_home, **record}], schema).with_columns(id=pl.lit(1), claimed=pl.lit("1"))
    entries = pl.DataFrame([{**blank, **at_home}], schema).with_columns(person=pl.lit("1"), shared=pl.lit(False))
    return bool(collect(match_on_number.cross_check_partial(lazy(records), lazy(entries))).height)


@pytest.mark.parametrize(
    ("born", "confirmed"),
    [("19500217", True), ("19501103", True), ("19770203", True), ("19500302", True), ("19501117", False), ("19770217", False), ("19771103", False)],
)
def test_a_number_is_confirmed_by_two_of_day_month_and_year(born: str, confirmed: bool) -> None:
    assert is_partly_confirmed(**dated(born)) is confirmed


@pytest.mark.parametrize(
    ("changes", "confirmed"),
    [
        ({"outcode": None}, True),
        ({"outcode": None, "family": "yeo"}, False),
        ({"outcode": None, "given": "zoe", "given_first": "zoe"}, False),
        ({"family": None}, True),
        ({"given": None, "given_first": None, "family": None}, True),
        ({"given": "zoe", "given_first": "zoe"}, False),
        ({"outcode": "S015", "family": "yeo"}, False),
    ],
)
def test_a_number_and_part_of_the_date_want_both_names_or_the_outward_half(changes: Row, confirmed: bool) -> None:
    assert is_partly_confirmed(**changes) is confirmed


DEMOGRAPHICS: dict[str, Any] = {
    "id": 1, "claimed": None, "number_is_sound": False, "junk_name": False, "birth_date_is_exact": True, "family": "stott", "given": "anna", "born": "19500203",
    "sex": "2", "postcode": "S0143AB",
}  # fmt: skip


@pytest.mark.parametrize(
    ("record", "others", "found"),
    [
        ({}, 0, True),
        ({}, 1, False),
        ({"number_is_sound": True}, 0, True),
        ({"postcode": None}, 0, True),
        ({"postcode": None, "number_is_sound": True}, 0, False),
        ({"given": None}, 0, True),
        ({"given": None, "junk_name": True}, 0, False),
        ({"given": "zoe"}, 0, False),
        ({"family": "yeo"}, 0, False),
        ({"sex": "1"}, 0, False),
        ({"born": "19500204"}, 0, False),
        ({"birth_date_is_exact": False}, 0, False),
        ({"claimed": "p0"}, 0, True),
        ({"claimed": "p1"}, 0, False),
    ],
)
def test_demographics_name_one_person_alone_to_the_letter(record: Row, others: int, found: bool) -> None:
    texts = dict.fromkeys(("claimed", "given", "postcode"), pl.String)
    entries = [{**DEMOGRAPHICS, "person": f"p{n}", "shared": False} for n in range(1 + others)]
    matched = match_on_demographics.match_exact_demographics(
        lazy(pl.DataFrame([{**DEMOGRAPHICS, **record}], schema_overrides=texts)), lazy(pl.DataFrame(entries, schema_overrides=texts))
    )
    assert sorted_rows(matched, "id", "person") == ([(1, "p0")] if found else [])


def test_the_deterministic_passes_have_their_pattern() -> None:
    matched = lazy(pl.DataFrame({"id": [1], "person": ["p"]}))
    result = {
        match_pass: sorted_rows(trace_results.build_pass_matches(match_pass, matched), "pattern")[0][0]
        for match_pass in ("cross_check_partial", "exact_demographics")
    }
    assert result == {"cross_check_partial": "N=D2", "exact_demographics": "F=D=S="}


# --- The Master Person Service: confidence from 0 to 100, accepted from 50 on -----------------------------------------------------------------

NATIONAL = NationalTrace.build(AS_AT)
ASKED = pl.DataFrame({"reference": ["aa"], "identity": ["A"], "NHS_NO": [None]}, {"reference": pl.String, "identity": pl.String, "NHS_NO": pl.String})


def national_number(folder: Path, confidence: str, code: str = "00", step: str = "4") -> str | None:
    """Return the number that is accepted from an answer."""
    row = {
        "UNIQUE REFERENCE": "aa", "REQ_NHS_NO": "", "ERROR/SUCCESS_CODE": code, "MATCHED_NHS_NO": A, "MATCHED_ALGORITHM_INDICATOR": step,
        "MATCHED_CONFIDENCE_PERCENTAGE": confidence,
    }  # fmt: skip
    with (folder / "answer.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    read = national_responses.read_response(folder / "answer.csv", ASKED, NATIONAL, "synthetic")
    return dict(collect(mps_exchange.accept_responses(lazy(read), lazy(ASKED), NATIONAL)).iter_rows()).get("A")


@pytest.mark.parametrize(("confidence", "is_accepted"), [("0", False), ("49", False), ("49.99", False), ("50", True), ("100", True), ("100.0", True)])
def test_an_answer_is_accepted_from_a_confidence_of_fifty_on(confidence: str, is_accepted: bool, tmp_path: Path) -> None:
    assert national_number(tmp_path, confidence) == (A if is_accepted else None)


@pytest.mark.parametrize("confidence", ["-0.01", "-1", "100.01", "101"])
def test_a_confidence_outside_0_to_100_is_refused(confidence: str, tmp_path: Path) -> None:
    with pytest.raises(DataQualityError, match="MATCHED_CONFIDENCE_PERCENTAGE is not a number from 0 to 100"):
        national_number(tmp_path, confidence)


@pytest.mark.parametrize(
    ("code", "step", "is_accepted"), [("00", "1", True), ("00", "3", True), ("00", "4", True), ("90", "4", True), ("00", "0", False), ("97", "4", False)]
)
def test_an_answer_is_accepted_from_each_step_that_finds_somebody(code: str, step: str, is_accepted: bool, tmp_path: Path) -> None:
    assert national_number(tmp_path, "100", code, step) == (A if is_accepted else None)


# --- Linkage evidence ---------------------------------------------------------------------------------------------

IDENTITY: dict[str, Any] = {
    "rows": 3, "number": A, "number_state": nhs_number.SOUND, "reason": "cross_check", "person": "p", "person_number": A, "birth_date": "1950-02-01",
    "canonical_postcode": "SO14 3AB", "lsoa": "E01", "given_name": "Anna", "family_name": "Stott", "la_person_unique_identifier": "1", "score": None,
    "margin": None, "pattern": None,
}  # fmt: skip
NUMERIC = {"score": pl.Float64, "margin": pl.Float64, "rows": pl.Int64}


def identities(*changes: Row) -> nw.LazyFrame[Any]:
    schema = {name: NUMERIC.get(name, pl.String) for name in IDENTITY}
    return lazy(pl.DataFrame([{**IDENTITY, **change} for change in changes], schema))


def faults(*changes: Row) -> dict[str, int]:
    counts = evidence_counts.count_identifier_faults(identities(*changes), EXTRACTS["adult_social_care"], GUARDS, QUALITY.limits, AS_AT, ["S0143AB"])
    return {measure: count for measure, kind, count in sorted_rows(counts, "measure", "group_type", "count") if kind == "all"}


@pytest.mark.parametrize(
    ("change", "fault", "count"),
    [
        # 120 years before September 2014 is September 1894: earlier birth months are implausible.
        ({"birth_date": "1894-08-31"}, "birth_date_impossible", 3),
        ({"birth_date": "1894-09-01"}, "birth_date_impossible", 0),
        ({"birth_date": "2014-09-30"}, "birth_date_impossible", 0),
        ({"birth_date": "2014-10-01"}, "birth_date_impossible", 3),
        ({"birth_date": None}, "birth_date_missing", 3),
        ({"birth_date": "1900-01-01"}, "birth_date_default", 3),
        ({"birth_date": "1900-01-03"}, "birth_date_default", 0),
        ({"birth_date": "1950-01-01"}, "birth_date_first_january", 3),
        ({"birth_date": "1950-01-02"}, "birth_date_first_january", 0),
        ({"reason": "superseded_number"}, "number_superseded", 3),
        ({"reason": "superseded"}, "number_superseded", 3),
        ({"reason": "scored"}, "number_superseded", 0),
        ({"reason": "not_on_register"}, "number_not_listed", 3),
        ({"person_number": B}, "number_doubled", 3),
        ({}, "number_doubled", 0),
        ({"canonical_postcode": None}, "postcode_missing", 3),
        ({"canonical_postcode": "ZZ99 3VZ"}, "postcode_pseudo", 3),
        ({"canonical_postcode": "SO143AB"}, "postcode_invalid", 3),
        ({}, "postcode_invalid", 0),
        ({"lsoa": None}, "postcode_unknown", 3),
        ({}, "postcode_communal", 3),
        ({"canonical_postcode": "SO14 3AC"}, "postcode_communal", 0),
        ({}, "number_of_several", 0),
    ],
)
def test_a_fault_of_an_identifier_is_counted_at_its_edge(change: Row, fault: str, count: int) -> None:
    assert faults(change)[fault] == count


def test_a_number_is_shared_from_two_local_numbers_on() -> None:
    assert faults({}, {"birth_date": None})["number_of_several"] == 0
    assert faults({}, {"la_person_unique_identifier": "2"})["number_of_several"] == 6


def test_local_numbers_share_a_person_from_two_on() -> None:
    def counts(*changes: Row) -> dict[str, int]:
        return dict(sorted_rows(evidence_counts.count_local_ids(identities(*changes), "la_person_unique_identifier"), "measure", "count"))

    assert counts({}, {"birth_date": None}) == {"local_numbers": 1, "one_person_many_numbers": 0, "one_number_many_people": 0}
    assert counts({}, {"la_person_unique_identifier": "2"}) == {"local_numbers": 2, "one_person_many_numbers": 2, "one_number_many_people": 0}
    assert counts({}, {"person": "q"}) == {"local_numbers": 1, "one_person_many_numbers": 0, "one_number_many_people": 1}


def test_a_pattern_is_listed_from_ten_records_on_and_bits_in_bands_of_two() -> None:
    scored = {"score": 3.99, "margin": 4.0}
    result = evidence_counts.count_link_evidence(identities({**scored, "pattern": "ten", "rows": 10}, {**scored, "pattern": "nine", "rows": 9}), QUALITY)
    # 3.99 bits are in the band from 2, 4.0 in the band from 4.
    assert sorted_rows(result, "measure", "group", "count") == [("margin", "4", 19), ("pattern", "ten", 10), ("score", "2", 19)]


def test_sixty_links_of_each_match_pass_go_to_clerical_review() -> None:
    links = [
        {"nhs_number": None, "person_number": number(930_000_000 + 20 * n), "reason": "scored", "sex": "1", "postcode": "p", "address_line_1": "a"}
        for n in range(61)
    ]
    linked_identities = [
        {**{name: IDENTITY[name] for name in ("score", "margin", "pattern", "given_name", "family_name", "birth_date")}, **row} for row in links
    ]
    schema = {name: NUMERIC.get(name, pl.String) for name in linked_identities[0]}
    register = pl.DataFrame([{"number": row["person_number"], **{name: row[name] for name in review_sample.REVIEWED_COLUMNS}} for row in linked_identities])
    drawn = review_sample.build_review_sample(
        lazy(pl.DataFrame(linked_identities, schema)), lazy(register), QUALITY.strict_reasons, QUALITY.validation.clerical_sample
    )
    assert collect(drawn).height == 60
