"""The scoring model in Splink's own terms: what each level of agreement means, and where candidates are looked for.

The weights come from the rules and are never trained: the same record and person get the same score on every run, and the
thresholds keep their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bcf_linkage.definitions.trace_rules import Comparison, Level, TraceRules

VERY_ALIKE, SAME, ALIKE = 0.92, 0.9, 0.8
CROSSED = "jaro_winkler_similarity(given_l, family_r) >= {0} and jaro_winkler_similarity(family_l, given_r) >= {1}"
MIXED_UP = f"({CROSSED.format(SAME, ALIKE)} or {CROSSED.format(ALIKE, SAME)})"
"""Each name in the other's place: one of them all but the same, the other alike."""

NO_NEW_YEAR = "right(born_l, 4) <> '0101' and right(born_r, 4) <> '0101'"
CERTAIN = "born_for_certain_l and born_for_certain_r"
HALF = "(least(length({0}_l), length({0}_r)) - 1) // 2"
SAME_HALF = f"(left({{0}}_l, {HALF}) = left({{0}}_r, {HALF}) or right({{0}}_l, {HALF}) = right({{0}}_r, {HALF}))"
ONE_SLIP = (
    # The distance is costly. What is cheap comes first: two places differ at most, or one is longer by one place and half of it is the same.
    "(case when {0}_l = {0}_r then true when strlen({0}_l) = strlen({0}_r) then hamming({0}_l, {0}_r) <= 2"
    f" else abs(strlen({{0}}_l) - strlen({{0}}_r)) = 1 and {SAME_HALF} end"
    " and damerau_levenshtein({0}_l, {0}_r) <= 1)"
)

UNKNOWN = {
    "number": f"not stands_up_r and not coalesce({ONE_SLIP.format('digits')}, false)",
    **{
        field: f"{column}_l is null or {column}_r is null"
        for field, column in (
            ("given_name", "given"),
            ("family_name", "family"),
            ("birth_date", "born"),
            ("sex", "sex"),
            ("postcode", "postcode"),
            ("address", "street"),
        )
    },
}
"""When a field says nothing of a pair. A number that cannot be anybody's still does where it is one slip away from the person's."""


def _name_close(name: str) -> str:
    slip = f"(least(length({name}_l), length({name}_r)) >= 4 and {ONE_SLIP.format(name)})"
    return f"{slip} or jaro_winkler_similarity({name}_l, {name}_r) >= {VERY_ALIKE}"


def _two_of_three(*parts: str) -> str:
    first, second, third = (f"born_{part}_l = born_{part}_r" for part in parts)
    return f"({first} and {second}) or ({first} and {third}) or ({second} and {third})"


LEVELS = {
    ("number", "agrees"): "claimed_l = claimed_r",
    ("number", "mistyped"): "not stands_up_r",
    ("given_name", "agrees"): "given_l = given_r",
    ("given_name", "nickname"): "given_first_l = given_first_r or list_has_any(string_split(known_as_l, ' '), string_split(known_as_r, ' '))",
    ("given_name", "swapped"): MIXED_UP,
    ("given_name", "close"): _name_close("given"),
    ("given_name", "initial"): "least(length(given_l), length(given_r)) = 1 and given_l[1] = given_r[1]",
    ("given_name", "alike"): f"jaro_winkler_similarity(given_l, given_r) >= {ALIKE}",
    ("family_name", "agrees"): "family_l = family_r",
    ("family_name", "part"): "family_l in (family_first_r, family_last_r) or family_r in (family_first_l, family_last_l)",
    ("family_name", "swapped"): MIXED_UP,
    ("family_name", "close"): _name_close("family"),
    ("family_name", "alike"): f"jaro_winkler_similarity(family_l, family_r) >= {ALIKE}",
    ("birth_date", "agrees"): f"born_l = born_r and {CERTAIN}",
    ("birth_date", "swapped"): "born_l <> born_r and born_year_l = born_year_r and born_month_l = born_day_r and born_day_l = born_month_r",
    ("birth_date", "close"): f"{NO_NEW_YEAR} and {ONE_SLIP.format('born')}",
    ("birth_date", "partial"): f"{CERTAIN} and ({_two_of_three('year', 'month', 'day')})",
    ("birth_date", "year"): f"not ({CERTAIN}) and born_year_l = born_year_r",
    ("birth_date", "vague"): f"not ({CERTAIN})",
    ("sex", "agrees"): "sex_l = sex_r",
    ("postcode", "agrees"): "postcode_l = postcode_r",
    ("postcode", "close"): ONE_SLIP.format("postcode"),
    ("postcode", "sector"): "sector_l = sector_r",
    ("postcode", "outcode"): "outcode_l = outcode_r",
    ("address", "agrees"): "address_l = address_r",
    ("address", "close"): "house_l is not distinct from house_r and jaro_winkler_similarity(street_l, street_r) >= 0.9",
    ("address", "street"): "jaro_winkler_similarity(street_l, street_r) >= 0.9 and postcode_l is distinct from postcode_r",
    ("address", "neighbour"): "jaro_winkler_similarity(street_l, street_r) >= 0.9",
}
"""What it takes to meet at a level, in the SQL of the pair: `_l` is the person on the register, `_r` the record. `differs` is whatever is left."""

BY_VALUE = {"given_name": "given", "family_name": "family", "birth_date": "born", "postcode": "postcode", "address": "address"}

TELLING = ("claimed", "given", "family", "born", "postcode", "street")
"""The columns of the fields that can agree."""

KEYS: tuple[tuple[str, ...], ...] = (
    ("claimed",),
    ("born",),
    ("full_name",),
    ("postcode", "born_year"),
    ("postcode", "family_3"),
    ("postcode", "given_3"),
    ("family", "born_year"),
    ("family", "born_month", "born_day"),
    ("given", "born_month", "born_day"),
    ("given", "born_year", "born_month"),
    ("given", "family_3"),
    ("family", "given_3"),
    ("postcode", "street"),
    ("address", "given_3"),
    ("address", "family_3"),
    ("street", "given"),
    ("street", "family"),
)
"""What a record and a person must share to be looked at, any one of these."""


def settings(rules: TraceRules, people: int, neighbours: float) -> dict[str, Any]:
    """The model for a register of so many people, as Splink reads it. `neighbours` is `people.neighbours`, the one weight that is measured there."""
    return {
        "link_type": "link_only",
        "unique_id_column_name": "id",
        "probability_two_random_records_match": 1 / (people + 1),
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": False,
        "blocking_rules_to_generate_predictions": [],
        "comparisons": [_comparison(comparison, {("address", "neighbour"): neighbours}) for comparison in rules.comparisons],
    }


def _comparison(comparison: Comparison, measured: Mapping[tuple[str, str], float]) -> dict[str, Any]:
    nothing = {"sql_condition": UNKNOWN[comparison.field], "label_for_charts": "unknown", "is_null_level": True}
    return {"output_column_name": comparison.field, "comparison_levels": [nothing, *(_level(comparison, level, measured) for level in comparison.levels)]}


def _level(comparison: Comparison, level: Level, measured: Mapping[tuple[str, str], float]) -> dict[str, Any]:
    made = {
        "sql_condition": "ELSE" if level is comparison.levels[-1] else LEVELS[comparison.field, level.level],
        "label_for_charts": level.level,
        "m_probability": level.m,
        "u_probability": measured.get((comparison.field, level.level), level.u),
    }
    if level.by_value:
        made |= {"tf_adjustment_column": BY_VALUE[comparison.field], "tf_adjustment_weight": 1.0, "disable_tf_exact_match_detection": True}
    return made
