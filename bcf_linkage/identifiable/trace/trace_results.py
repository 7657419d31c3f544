"""Combine the results of the match passes: one result per record."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.trace_reasons import reasons_for

MATCH_COLUMNS = ("id", "reason", "person", "likely", "score", "margin", "pattern")
"""The columns of a pass's result. `likely` is the person whom too little evidence points to."""

NO_SCORES = {"likely": nw.lit(None, dtype=nw.String), "score": nw.lit(None, dtype=nw.Float64), "margin": nw.lit(None, dtype=nw.Float64)}
NOT_ON_REGISTER, TWIN = "not_on_register", "twin"
PASS_PATTERNS = {"cross_check": "N=D=", "superseded_number": "N=D=", "cross_check_partial": "N=D2", "exact_demographics": "F=D=S="}
"""The pattern of each deterministic pass: the fields that it compares, in the codes of `select_match`."""


def select_unresolved(number_results: nw.LazyFrame) -> nw.LazyFrame:
    """Select the records that go on to the next pass: not linked, and their number does not belong to two people."""
    final_reasons = [*reasons_for(Outcome.LINKED), "number_shared"]
    return number_results.filter(~nw.col("trace_reason").is_in(final_reasons))


def build_pass_matches(match_pass: str, matched: nw.LazyFrame) -> nw.LazyFrame:
    """Turn the matches of a deterministic pass, `id` and `person`, into results with `MATCH_COLUMNS`."""
    return matched.select("id", "person", reason=nw.lit(match_pass), pattern=nw.lit(PASS_PATTERNS[match_pass]), **NO_SCORES).select(*MATCH_COLUMNS)


def build_twin_rejections(ids: nw.LazyFrame) -> nw.LazyFrame:
    """Turn the `id` of records that have a twin's name into rejections with `MATCH_COLUMNS`."""
    return ids.select("id", reason=nw.lit(TWIN), person=nw.lit(None, dtype=nw.String), pattern=nw.lit("N=G-D="), **NO_SCORES).select(*MATCH_COLUMNS)


def build_weaknesses(records: nw.LazyFrame) -> nw.LazyFrame:
    """Select `id` and what weakens each standardised record. A placeholder date or a communal home counts only if the record has a name."""
    has_name = ~nw.col("given").is_null() | ~nw.col("family").is_null()
    return records.select("id", "junk_name", default_date=nw.col("default_date") & has_name, communal=nw.col("communal") & has_name)


def combine_results(number_results: nw.LazyFrame, matches: nw.LazyFrame, weaknesses: nw.LazyFrame) -> nw.LazyFrame:
    """Combine the results of all passes: one row per record, with the result of pass 1 -> the same row, with the final result.

    `trace_reason` and `person_number` become final; `likely`, `score`, `margin` and `pattern` are added. A record whose sound number is not
    on the register keeps that reason, unless a later pass links it.
    """
    joined = number_results.join(matches, on="id", how="left").join(weaknesses, on="id", how="left")
    is_linked = ~nw.col("person").is_null()
    stays_unregistered = (nw.col("trace_reason") == NOT_ON_REGISTER) & ~is_linked
    reason = nw.when(stays_unregistered).then(nw.col("trace_reason")).otherwise(nw.coalesce(_reason_or_weakness(), "trace_reason"))
    is_twin = nw.col("reason").fill_null("") == TWIN
    person_number = nw.when(is_linked).then(nw.col("person")).when(~(is_twin & ~stays_unregistered)).then(nw.col("person_number"))
    results = joined.with_columns(person_number=person_number, pattern=nw.coalesce("pattern", _pass_pattern()), trace_reason=reason)
    return results.drop("reason", "person", "claimed", "junk_name", "default_date", "communal")


def _reason_or_weakness() -> nw.Expr:
    """Return the reason found. Where it is a lack of evidence, return what weakened the record instead, if anything did."""
    lacks_evidence = nw.col("reason").is_null() | (nw.col("reason") == "below_threshold")
    weakness = (
        nw.when(lacks_evidence & nw.col("junk_name"))
        .then(nw.lit("junk_name"))
        .when(lacks_evidence & nw.col("default_date"))
        .then(nw.lit("default_birth_date"))
        .when(lacks_evidence & nw.col("communal"))
        .then(nw.lit("communal_postcode"))
    )
    return nw.coalesce(weakness, "reason")


def _pass_pattern() -> nw.Expr:
    pattern = nw.lit(None, dtype=nw.String)
    for match_pass, fields in PASS_PATTERNS.items():
        pattern = nw.when(nw.col("trace_reason") == match_pass).then(nw.lit(fields)).otherwise(pattern)
    return pattern
