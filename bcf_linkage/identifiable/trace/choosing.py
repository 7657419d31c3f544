"""Whom a record is said to be, of all who might be: the best candidate if it is good enough and far enough above the next, or nobody."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.trace_rules import Comparison, TraceRules

CODES = {"number": "N", "given_name": "G", "family_name": "F", "birth_date": "D", "sex": "S", "postcode": "P", "address": "A"}
UNKNOWN, BELOW = ".", "below_threshold"
NEVER, DECIMALS = 1e9, 2


def patterned(pairs: nw.LazyFrame, rules: TraceRules) -> nw.LazyFrame:
    """Scored pairs with `gamma_<field>` -> the same with `pattern`, such as N.G=F~D=S=P-A=, and with what was counted.

    Each letter of a pattern names a field and is followed by the code of the level at which it agrees. `agreeing` is the number of
    fields that agree, `personal` how many of them tell a person from kin, `contradicts_name` and `contradicts_date` whether the record
    may be about one of those (another sex weighs where the given name does not agree, another number where it, the date or the home does not,
    and a date that is not the same where no given name is known), `confirmed` whether the number agrees, and `named` whether the given name does.
    """
    coded = pairs.with_columns(**{comparison.field: _code(comparison) for comparison in rules.comparisons})
    counts = {c.field: _is_any(c, [level.code for level in c.levels if level.counts]) for c in rules.comparisons}
    personal = {c.field: _is_any(c, [level.code for level in c.levels if level.personal]) for c in rules.comparisons}
    contradicts = {c.field: _is_any(c, [level.code for level in c.levels if level.contradicts]) for c in rules.comparisons}
    agrees = {field: nw.col(field) == comparison.code("agrees") for field, comparison in rules.by_field.items()}
    another_number = nw.col("number") == rules.by_field["number"].code("differs")
    at_home = counts["postcode"] | counts["address"]
    pattern = nw.concat_str(*(part for c in rules.comparisons for part in (nw.lit(CODES[c.field]), nw.col(c.field))))
    return coded.select(
        "record",
        "entry",
        "score",
        pattern=pattern,
        agreeing=nw.sum_horizontal(*(count.cast(nw.Int64) for count in counts.values())),
        personal=nw.sum_horizontal(*(count.cast(nw.Int64) for count in personal.values())),
        contradicts_name=contradicts["given_name"] | (contradicts["sex"] & ~agrees["given_name"]) | (another_number & ~(personal["given_name"] & at_home)),
        contradicts_date=contradicts["birth_date"]
        | (another_number & (nw.col("birth_date") == UNKNOWN))
        | ((nw.col("given_name") == UNKNOWN) & ~agrees["birth_date"]),
        named=personal["given_name"],
        confirmed=agrees["number"],
        same_day=agrees["birth_date"],
        same_family=agrees["family_name"] | agrees["address"],
    )


def _code(comparison: Comparison) -> nw.Expr:
    """Splink numbers the levels from the last, 0, to the best, and has -1 for what is not known."""
    codes = {-1: UNKNOWN, **{n: level.code for n, level in enumerate(reversed(comparison.levels))}}
    return nw.col(f"gamma_{comparison.field}").replace_strict(list(codes), list(codes.values()), return_dtype=nw.String)


def _is_any(comparison: Comparison, codes: list[str]) -> nw.Expr:
    return nw.col(comparison.field).is_in(codes) if codes else nw.lit(False)


def ranked(pairs: nw.LazyFrame, entries: nw.LazyFrame) -> nw.LazyFrame:
    """Patterned pairs, and entries with `id`, `person`, `shared` and `junk_name` -> one row per record: its best candidate, and `margin` above the next person.

    A person who is described in two ways is as good as the better of them. `rival_twin` says that the next person was born on the same
    day, is of the same family or home, and no namesake.
    """
    people = pairs.join(entries.select("person", "shared", nameless="junk_name", entry="id"), on="entry", how="inner").with_columns(worse=-nw.col("score"))
    each = people.unique(["record", "person"], keep="first", order_by=["worse", "entry"])
    best = each.unique(["record"], keep="first", order_by=["worse", "person"])
    others = each.join(best.select("record", "person"), on=["record", "person"], how="anti")
    second = others.unique(["record"], keep="first", order_by=["worse", "person"]).select(
        "record", next_score="score", next_same_day="same_day", next_same_family="same_family", next_named="named"
    )
    namesakes = nw.col("named") & nw.col("next_named")
    rival = nw.col("same_day") & nw.col("next_same_day") & (nw.col("next_same_family") | nw.col("same_family")) & ~namesakes
    return best.join(second, on="record", how="left").with_columns(margin=nw.col("score") - nw.col("next_score"), rival_twin=rival.fill_null(False))


def judged(ranked: nw.LazyFrame, records: nw.LazyFrame, rules: TraceRules, kin: bool) -> nw.LazyFrame:
    """Best candidates, and comparable records with `id`, `claimed` and `junk_name` -> `id`, `reason`, `person`, `likely`, `score`, `margin`,
    `pattern`.

    `reason` is `scored` and `person` filled where the candidate is accepted; else it says what stands against it, null where the
    candidate is not worth a word. `likely` is the candidate against whom nothing stands but too little evidence. `kin` says whether
    the register holds people who live with others of their family name.
    """
    limits = rules.acceptance
    beside = ranked.join(records.select("claimed", "junk_name", record="id"), on="record", how="inner")
    another = (nw.col("claimed") != nw.col("person")).fill_null(False)
    # A number outweighs one contradiction. Against two of them it is that of somebody whom they live with.
    outweighed = nw.col("confirmed") & ~(nw.col("contradicts_name") & nw.col("contradicts_date"))
    by_name, by_date = ((nw.col(name) & ~outweighed if kin else nw.lit(False)) for name in ("contradicts_name", "contradicts_date"))
    anonymous = (nw.col("junk_name") | nw.col("nameless")) & ~nw.col("named") & ~nw.col("confirmed") if kin else nw.lit(False)
    too_few = nw.col("agreeing") < limits.fewest_fields
    anybody = (nw.col("personal") < limits.fewest_personal) & ~nw.col("confirmed") if kin else nw.lit(False)
    close = nw.col("margin").fill_null(NEVER) < limits.margin
    reason = (
        nw.when((nw.col("score") < limits.plausible) | (nw.col("agreeing") < 2))
        .then(nw.lit(None, nw.String))
        .when((nw.col("score") < limits.threshold) | too_few)
        .then(nw.lit(BELOW))
        .when(another)
        .then(nw.lit("number_of_another"))
        .when(nw.col("shared"))
        .then(nw.lit("number_shared"))
        .when(close & nw.col("rival_twin"))
        .then(nw.lit("twin"))
        .when(close)
        .then(nw.lit("tie"))
        .when(anonymous)
        .then(nw.lit("junk_name"))
        .when(by_name & nw.col("same_day"))
        .then(nw.lit("twin"))
        .when(by_name | by_date | anybody)
        .then(nw.lit("relative"))
        .otherwise(nw.lit("scored"))
    )
    told = beside.with_columns(reason=reason)
    bits = (nw.col(name).round(DECIMALS) for name in ("score", "margin"))
    person, against = nw.col("person"), another | nw.col("shared") | close | by_name | by_date | anonymous
    likely = nw.when((nw.col("reason") == BELOW) & ~against).then(person)
    return told.select("reason", "pattern", *bits, id="record", person=nw.when(nw.col("reason") == "scored").then(person), likely=likely)
