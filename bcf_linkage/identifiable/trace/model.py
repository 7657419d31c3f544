"""The scoring model in Splink's own terms: what each level of agreement means, and where candidates are looked for.

The weights come from the rules and are never trained: the same record and person get the same score on every run, and the
thresholds keep their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bcf_linkage.definitions.trace_rules import Comparison, Level, TraceRules

VERY_ALIKE, SAME, ALIKE = 0.92, 0.9, 0.8
CROSSED = "alike(given_l, family_r) >= {0} and alike(family_l, given_r) >= {1}"
MIXED_UP = f"({CROSSED.format(SAME, ALIKE)} or {CROSSED.format(ALIKE, SAME)})"
"""Each name in the other's place: one of them all but the same, the other alike."""

NO_NEW_YEAR = "right(born_l, 4) <> '0101' and right(born_r, 4) <> '0101'"
CERTAIN = "born_for_certain_l and born_for_certain_r"
UNKNOWN = {
    "number": "not stands_up_r and not coalesce(one_slip(digits_l, digits_r), false)",
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
    slip = f"(least(length({name}_l), length({name}_r)) >= 4 and one_slip({name}_l, {name}_r))"
    return f"{slip} or alike({name}_l, {name}_r) >= {VERY_ALIKE}"


def _two_of_three(*parts: str) -> str:
    first, second, third = (f"born_{part}_l = born_{part}_r" for part in parts)
    return f"({first} and {second}) or ({first} and {third}) or ({second} and {third})"


LEVELS = {
    ("number", "agrees"): "claimed_l = claimed_r",
    ("number", "mistyped"): "not stands_up_r",
    ("given_name", "agrees"): "given_l = given_r",
    ("given_name", "nickname"): "given_first_l = given_first_r or share_word(known_as_l, known_as_r)",
    ("given_name", "swapped"): MIXED_UP,
    ("given_name", "close"): _name_close("given"),
    ("given_name", "initial"): "least(length(given_l), length(given_r)) = 1 and left(given_l, 1) = left(given_r, 1)",
    ("given_name", "alike"): f"alike(given_l, given_r) >= {ALIKE}",
    ("family_name", "agrees"): "family_l = family_r",
    ("family_name", "part"): "family_l in (family_first_r, family_last_r) or family_r in (family_first_l, family_last_l)",
    ("family_name", "swapped"): MIXED_UP,
    ("family_name", "close"): _name_close("family"),
    ("family_name", "alike"): f"alike(family_l, family_r) >= {ALIKE}",
    ("birth_date", "agrees"): f"born_l = born_r and {CERTAIN}",
    ("birth_date", "swapped"): "born_l <> born_r and born_year_l = born_year_r and born_month_l = born_day_r and born_day_l = born_month_r",
    ("birth_date", "close"): f"{NO_NEW_YEAR} and one_slip(born_l, born_r)",
    ("birth_date", "partial"): f"{CERTAIN} and ({_two_of_three('year', 'month', 'day')})",
    ("birth_date", "year"): f"not ({CERTAIN}) and born_year_l = born_year_r",
    ("birth_date", "vague"): f"not ({CERTAIN})",
    ("sex", "agrees"): "sex_l = sex_r",
    ("postcode", "agrees"): "postcode_l = postcode_r",
    ("postcode", "close"): "one_slip(postcode_l, postcode_r)",
    ("postcode", "sector"): "sector_l = sector_r",
    ("postcode", "outcode"): "outcode_l = outcode_r",
    ("address", "agrees"): "address_l = address_r",
    ("address", "close"): "house_l is not distinct from house_r and alike(street_l, street_r) >= 0.9",
    ("address", "street"): "alike(street_l, street_r) >= 0.9 and postcode_l is distinct from postcode_r",
    ("address", "neighbour"): "alike(street_l, street_r) >= 0.9",
}
"""What it takes to meet at a level, in the SQL of the pair: `_l` is the person on the register, `_r` the record. `differs` is whatever is left.

What `one_slip`, `alike` and `share_word` mean is said where pairs are scored.
"""

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
