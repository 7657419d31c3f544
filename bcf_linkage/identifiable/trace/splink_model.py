"""Match pass 4, the model in Splink's terms: what each level of agreement means, and the blocking keys.

The match weights come from `reference/trace.toml` and are never trained. So a pair has the same score on every run, and the thresholds
keep their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from bcf_linkage.definitions.trace_rules import Comparison, Level, TraceRules

VERY_SIMILAR, NEARLY_SAME, SIMILAR = 0.92, 0.9, 0.8
"""Jaro-Winkler similarities, from 0 to 1, from which on two texts count as close, as nearly the same (for swapped names and streets), and as alike. [D]"""

MIN_SLIP_LENGTH = 4
"""Letters that both names need before one typing error counts as `close`: shorter names are often one letter apart, such as Lee and Lea. [D]"""

SWAPPED_TEMPLATE = "alike(given_l, family_r) >= {0} and alike(family_l, given_r) >= {1}"
SWAPPED_NAMES = f"({SWAPPED_TEMPLATE.format(NEARLY_SAME, SIMILAR)} or {SWAPPED_TEMPLATE.format(SIMILAR, NEARLY_SAME)})"
"""Given and family name are in each other's column: one of them nearly the same, the other similar."""

NOT_FIRST_OF_JANUARY = "right(born_l, 4) <> '0101' and right(born_r, 4) <> '0101'"
BOTH_DATES_EXACT = "birth_date_is_exact_l and birth_date_is_exact_r"
UNKNOWN_CONDITIONS = {
    "number": "not number_is_sound_r and not coalesce(one_slip(digits_l, digits_r), false)",
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
"""When a field says nothing about a pair: missing on one side. An unsound number still counts if it is one typing error away from the person's."""


class LevelSettings(TypedDict):
    """A level of agreement as Splink reads it."""

    sql_condition: str
    label_for_charts: str
    is_null_level: NotRequired[bool]
    m_probability: NotRequired[float]
    u_probability: NotRequired[float]
    tf_adjustment_column: NotRequired[str]
    tf_adjustment_weight: NotRequired[float]
    disable_tf_exact_match_detection: NotRequired[bool]


class ComparisonSettings(TypedDict):
    """A compared field as Splink reads it: its levels, the best first after the unknown one."""

    output_column_name: str
    comparison_levels: list[LevelSettings]


class SplinkSettings(TypedDict):
    """The model as Splink reads it, with all weights in it."""

    link_type: str
    unique_id_column_name: str
    probability_two_random_records_match: float
    retain_matching_columns: bool
    retain_intermediate_calculation_columns: bool
    blocking_rules_to_generate_predictions: list[str]
    comparisons: list[ComparisonSettings]


def _name_close(name: str) -> str:
    slip = f"(least(length({name}_l), length({name}_r)) >= {MIN_SLIP_LENGTH} and one_slip({name}_l, {name}_r))"
    return f"{slip} or alike({name}_l, {name}_r) >= {VERY_SIMILAR}"


def _two_of_three(*parts: str) -> str:
    first, second, third = (f"born_{part}_l = born_{part}_r" for part in parts)
    return f"({first} and {second}) or ({first} and {third}) or ({second} and {third})"


LEVEL_CONDITIONS = {
    ("number", "agrees"): "claimed_l = claimed_r",
    ("number", "mistyped"): "not number_is_sound_r",
    ("given_name", "agrees"): "given_l = given_r",
    ("given_name", "nickname"): "given_first_l = given_first_r or share_word(known_as_l, known_as_r)",
    ("given_name", "swapped"): SWAPPED_NAMES,
    ("given_name", "close"): _name_close("given"),
    ("given_name", "initial"): "least(length(given_l), length(given_r)) = 1 and left(given_l, 1) = left(given_r, 1)",
    ("given_name", "alike"): f"alike(given_l, given_r) >= {SIMILAR}",
    ("family_name", "agrees"): "family_l = family_r",
    ("family_name", "part"): "family_l in (family_first_r, family_last_r) or family_r in (family_first_l, family_last_l)",
    ("family_name", "swapped"): SWAPPED_NAMES,
    ("family_name", "close"): _name_close("family"),
    ("family_name", "alike"): f"alike(family_l, family_r) >= {SIMILAR}",
    ("birth_date", "agrees"): f"born_l = born_r and {BOTH_DATES_EXACT}",
    ("birth_date", "swapped"): "born_l <> born_r and born_year_l = born_year_r and born_month_l = born_day_r and born_day_l = born_month_r",
    ("birth_date", "close"): f"{NOT_FIRST_OF_JANUARY} and one_slip(born_l, born_r)",
    ("birth_date", "partial"): f"{BOTH_DATES_EXACT} and ({_two_of_three('year', 'month', 'day')})",
    ("birth_date", "year"): f"not ({BOTH_DATES_EXACT}) and born_year_l = born_year_r",
    ("birth_date", "vague"): f"not ({BOTH_DATES_EXACT})",
    ("sex", "agrees"): "sex_l = sex_r",
    ("postcode", "agrees"): "postcode_l = postcode_r",
    ("postcode", "close"): "one_slip(postcode_l, postcode_r)",
    ("postcode", "sector"): "sector_l = sector_r",
    ("postcode", "outcode"): "outcode_l = outcode_r",
    ("address", "agrees"): "address_l = address_r",
    ("address", "close"): f"house_l is not distinct from house_r and alike(street_l, street_r) >= {NEARLY_SAME}",
    ("address", "street"): f"alike(street_l, street_r) >= {NEARLY_SAME} and postcode_l is distinct from postcode_r",
    ("address", "neighbour"): f"alike(street_l, street_r) >= {NEARLY_SAME}",
}
"""The SQL condition of each level: `_l` is the register entry, `_r` the record. The last level, `differs`, is everything else.

`storage.scoring` defines `one_slip` (one typing error), `alike` (Jaro-Winkler similarity) and `share_word`.
"""

TERM_FREQUENCY_COLUMNS = {"given_name": "given", "family_name": "family", "birth_date": "born", "postcode": "postcode", "address": "address"}

FIELD_COLUMNS = ("claimed", "given", "family", "born", "postcode", "street")
"""The columns of the fields that count towards `fewest_fields`: all but the sex."""

BLOCKING_KEYS: tuple[tuple[str, ...], ...] = (
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
"""The blocking keys: a record and a register entry that agree in all columns of one key are a candidate pair."""


def build_splink_settings(rules: TraceRules, register_size: int, neighbour_share: float) -> SplinkSettings:
    """Build the Splink model for a register of so many people.

    `neighbour_share` is `Register.neighbour_share`: the one u probability that is measured on the register.
    """
    return {
        "link_type": "link_only",
        "unique_id_column_name": "id",
        # The prior: a record taken at random is about any one person, or about nobody on the register.
        "probability_two_random_records_match": 1 / (register_size + 1),
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": False,
        "blocking_rules_to_generate_predictions": [],
        "comparisons": [_comparison(comparison, {("address", "neighbour"): neighbour_share}) for comparison in rules.comparisons],
    }


def _comparison(comparison: Comparison, measured_rates: Mapping[tuple[str, str], float]) -> ComparisonSettings:
    unknown_level: LevelSettings = {"sql_condition": UNKNOWN_CONDITIONS[comparison.field], "label_for_charts": "unknown", "is_null_level": True}
    return {
        "output_column_name": comparison.field,
        "comparison_levels": [unknown_level, *(_level(comparison, level, measured_rates) for level in comparison.levels)],
    }


def _level(comparison: Comparison, level: Level, measured_rates: Mapping[tuple[str, str], float]) -> LevelSettings:
    level_settings: LevelSettings = {
        "sql_condition": "ELSE" if level is comparison.levels[-1] else LEVEL_CONDITIONS[comparison.field, level.level],
        "label_for_charts": level.level,
        "m_probability": level.m,
        "u_probability": measured_rates.get((comparison.field, level.level), level.u),
    }
    if level.by_value:
        level_settings["tf_adjustment_column"] = TERM_FREQUENCY_COLUMNS[comparison.field]
        level_settings["tf_adjustment_weight"] = 1.0
        level_settings["disable_tf_exact_match_detection"] = True
    return level_settings
