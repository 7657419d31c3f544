"""Match pass 4, acceptance: link a record to its best candidate if the score and the margin reach their thresholds, else to nobody."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.trace_rules import Acceptance, Comparison, TraceRules

FIELD_CODES = {"number": "N", "given_name": "G", "family_name": "F", "birth_date": "D", "sex": "S", "postcode": "P", "address": "A"}
"""The letter of each field in a pattern."""

UNKNOWN_LEVEL, UNKNOWN_LEVEL_CODE = -1, "."
"""Splink's number for a field that is missing on one side, and its code in a pattern."""

BELOW_THRESHOLD, SCORED = "below_threshold", "scored"
NO_RIVAL_MARGIN = 1e9
"""The margin in bits of a candidate without a second best: above any threshold."""

MIN_REPORTED_FIELDS = 2
"""Fields that must agree before a rejected candidate is given a reason: with fewer the record has no candidate worth the name. [D]"""

DECIMALS = 2
"""Decimals of scores and margins, in bits."""


def add_patterns(pairs: nw.LazyFrame, rules: TraceRules) -> nw.LazyFrame:
    """Describe each scored pair: one row per pair with `gamma_<field>` -> the same row with `pattern`, counts and flags.

    A pattern such as N.G=F~D=S=P-A= has one letter per field and the code of its level of agreement.

    - `agreeing`: how many fields agree. `personal`: how many of them distinguish a person from relatives in the same home.
    - `contradicts_name`: the record may be about a relative. The given name differs; or the sex differs and the given name does not agree
      exactly; or the number differs and the given name or the home does not agree.
    - `contradicts_date`: the same for the date of birth. It differs; or the number differs and the date is unknown; or the given name is
      unknown and the date does not agree exactly.
    - `confirmed`: the number agrees. `named`: the given name agrees. `same_day`: the date of birth agrees exactly. `same_family`: the
      family name or the address agrees exactly.
    """
    coded = pairs.with_columns(**{comparison.field: _level_code(comparison) for comparison in rules.comparisons})
    agrees_enough = {c.field: _has_level(c, [level.code for level in c.levels if level.counts]) for c in rules.comparisons}
    personal = {c.field: _has_level(c, [level.code for level in c.levels if level.personal]) for c in rules.comparisons}
    contradicts = {c.field: _has_level(c, [level.code for level in c.levels if level.contradicts]) for c in rules.comparisons}
    agrees_fully = {field: nw.col(field) == comparison.code("agrees") for field, comparison in rules.by_field.items()}
    number_differs = nw.col("number") == rules.by_field["number"].code("differs")
    home_agrees = agrees_enough["postcode"] | agrees_enough["address"]
    pattern = nw.concat_str(*(part for c in rules.comparisons for part in (nw.lit(FIELD_CODES[c.field]), nw.col(c.field))))
    return coded.select(
        "record",
        "entry",
        "score",
        pattern=pattern,
        agreeing=nw.sum_horizontal(*(count.cast(nw.Int64) for count in agrees_enough.values())),
        personal=nw.sum_horizontal(*(count.cast(nw.Int64) for count in personal.values())),
        contradicts_name=contradicts["given_name"]
        | (contradicts["sex"] & ~agrees_fully["given_name"])
        | (number_differs & ~(personal["given_name"] & home_agrees)),
        contradicts_date=contradicts["birth_date"]
        | (number_differs & (nw.col("birth_date") == UNKNOWN_LEVEL_CODE))
        | ((nw.col("given_name") == UNKNOWN_LEVEL_CODE) & ~agrees_fully["birth_date"]),
        named=personal["given_name"],
        confirmed=agrees_fully["number"],
        same_day=agrees_fully["birth_date"],
        same_family=agrees_fully["family_name"] | agrees_fully["address"],
    )


def _level_code(comparison: Comparison) -> nw.Expr:
    """Return the code of a field's level. Splink numbers the levels upwards from the last, 0."""
    codes = {UNKNOWN_LEVEL: UNKNOWN_LEVEL_CODE, **{n: level.code for n, level in enumerate(reversed(comparison.levels))}}
    return nw.col(f"gamma_{comparison.field}").replace_strict(list(codes), list(codes.values()), return_dtype=nw.String)


def _has_level(comparison: Comparison, codes: list[str]) -> nw.Expr:
    return nw.col(comparison.field).is_in(codes) if codes else nw.lit(False)


def rank_candidates(pairs: nw.LazyFrame, entries: nw.LazyFrame) -> nw.LazyFrame:
    """Rank candidates: described pairs, and entries with `id`, `person`, `shared` and `junk_name` -> one row per record, with its best candidate.

    A person with several descriptions counts once, with the best score. `margin` is the distance in bits to the next person, null without
    one. `rival_twin` says that the next person was born on the same day, has the same family name or home, and another given name.
    """
    scored = pairs.join(entries.select("person", "shared", nameless="junk_name", entry="id"), on="entry", how="inner").with_columns(worse=-nw.col("score"))
    best_per_person = scored.unique(["record", "person"], keep="first", order_by=["worse", "entry"])
    best = best_per_person.unique(["record"], keep="first", order_by=["worse", "person"])
    other_people = best_per_person.join(best.select("record", "person"), on=["record", "person"], how="anti")
    runner_up = other_people.unique(["record"], keep="first", order_by=["worse", "person"]).select(
        "record", next_score="score", next_same_day="same_day", next_same_family="same_family", next_named="named"
    )
    is_namesake = nw.col("named") & nw.col("next_named")
    is_rival_twin = nw.col("same_day") & nw.col("next_same_day") & (nw.col("next_same_family") | nw.col("same_family")) & ~is_namesake
    return best.join(runner_up, on="record", how="left").with_columns(margin=nw.col("score") - nw.col("next_score"), rival_twin=is_rival_twin.fill_null(False))


def accept_candidates(candidates: nw.LazyFrame, records: nw.LazyFrame, rules: TraceRules, expect_kin: bool) -> nw.LazyFrame:
    """Accept or reject the best candidates: one row per record -> `id`, `reason`, `person`, `likely`, `score`, `margin`, `pattern`.

    `records` are standardised, with `id`, `claimed` and `junk_name`. If the candidate is accepted, `reason` is `scored` and `person` is
    filled. Otherwise `reason` says why not; it is null if the candidate is not plausible. `likely` is a candidate that has too little
    evidence and nothing against it. `expect_kin` says whether relatives live together on the register (`Register.expects_kin`).
    """
    flagged = candidates.join(records.select("claimed", "junk_name", record="id"), on="record", how="inner").with_columns(
        **_rejection_flags(rules.acceptance, expect_kin)
    )
    classified = flagged.with_columns(reason=_reason(rules.acceptance))
    is_ruled_out = nw.any_horizontal(
        *(nw.col(name) for name in ("claimed_by_another", "shared", "too_close", "conflicts_name", "conflicts_date", "anonymous")), ignore_nulls=False
    )
    return classified.select(
        "reason",
        "pattern",
        *(nw.col(name).round(DECIMALS) for name in ("score", "margin")),
        id="record",
        person=nw.when(nw.col("reason") == SCORED).then(nw.col("person")),
        likely=nw.when((nw.col("reason") == BELOW_THRESHOLD) & ~is_ruled_out).then(nw.col("person")),
    )


def _rejection_flags(limits: Acceptance, expect_kin: bool) -> dict[str, nw.Expr]:
    """Return what can speak against a candidate. The flags for relatives are false where no relatives live together."""
    # An agreeing number outweighs one contradiction. Against two it is the number of somebody in the same home.
    number_outweighs = nw.col("confirmed") & ~(nw.col("contradicts_name") & nw.col("contradicts_date"))
    kin_flags = {
        "conflicts_name": nw.col("contradicts_name") & ~number_outweighs,
        "conflicts_date": nw.col("contradicts_date") & ~number_outweighs,
        "anonymous": (nw.col("junk_name") | nw.col("nameless")) & ~nw.col("named") & ~nw.col("confirmed"),
        "too_few_personal": (nw.col("personal") < limits.fewest_personal) & ~nw.col("confirmed"),
    }
    return {
        "claimed_by_another": (nw.col("claimed") != nw.col("person")).fill_null(False),
        "too_close": nw.col("margin").fill_null(NO_RIVAL_MARGIN) < limits.margin,
        **(kin_flags if expect_kin else dict.fromkeys(kin_flags, nw.lit(False))),
    }


def _reason(limits: Acceptance) -> nw.Expr:
    """Return the reason of the first test that a candidate fails, in this order, or `scored`."""
    too_few_fields = nw.col("agreeing") < limits.fewest_fields
    return (
        nw.when((nw.col("score") < limits.plausible) | (nw.col("agreeing") < MIN_REPORTED_FIELDS))
        .then(nw.lit(None, nw.String))
        .when((nw.col("score") < limits.threshold) | too_few_fields)
        .then(nw.lit(BELOW_THRESHOLD))
        .when(nw.col("claimed_by_another"))
        .then(nw.lit("number_of_another"))
        .when(nw.col("shared"))
        .then(nw.lit("number_shared"))
        .when(nw.col("too_close") & nw.col("rival_twin"))
        .then(nw.lit("twin"))
        .when(nw.col("too_close"))
        .then(nw.lit("tie"))
        .when(nw.col("anonymous"))
        .then(nw.lit("junk_name"))
        .when(nw.col("conflicts_name") & nw.col("same_day"))
        .then(nw.lit("twin"))
        .when(nw.col("conflicts_name") | nw.col("conflicts_date") | nw.col("too_few_personal"))
        .then(nw.lit("relative"))
        .otherwise(nw.lit(SCORED))
    )
