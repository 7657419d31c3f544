"""The match passes in order. `trace` (the package) lists them; this module runs them on a register in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import polars as pl

from bcf_linkage.definitions.engine import CandidatePairs
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable.trace import (
    blocking,
    match_on_demographics,
    match_on_number,
    register_entries,
    select_match,
    splink_model,
    standardise,
    trace_results,
)
from bcf_linkage.identifiable.trace.register import Register

__all__ = ["DeterministicMatch", "Register", "TracedRecords", "match_deterministically", "match_own_entries", "score_and_select", "trace_records"]

SCORE_SCHEMA = {"likely": pl.String, "score": pl.Float64, "margin": pl.Float64, "pattern": pl.String}
SCORED_COLUMNS = (*standardise.STANDARD_COLUMNS, "claimed", "digits", "number_is_sound")


@dataclass(frozen=True)
class TracedRecords:
    """Records with their results, and for each kind of blocking key how many records had a crowded key, which was skipped."""

    records: pl.DataFrame
    skipped: Mapping[str, int]


@dataclass(frozen=True)
class DeterministicMatch:
    """The results of passes 1 to 3, and the candidate pairs of pass 4.

    `number_matches` has every record with the result of pass 1. `further_matches` has what passes 2 and 3 found, and rejections because of
    a twin. `weaknesses` says what weakens a record. `distinct_records` has the records left, identical ones once; `record_map` leads from
    each `record` to its `id` there. `candidate_pairs` has `record` (that `id`) and `entry`. `skipped` is as in `TracedRecords`.
    """

    register: Register
    number_matches: pl.DataFrame
    further_matches: pl.DataFrame
    weaknesses: pl.DataFrame
    record_map: pl.DataFrame
    distinct_records: pl.DataFrame
    candidate_pairs: pl.DataFrame
    skipped: Mapping[str, int]


def trace_records(records: pl.DataFrame, register: Register) -> TracedRecords:
    """Run all passes: one row per record -> the same rows with the result columns of `trace_results.combine_results`.

    A record has `id`, `number`, `number_state` and `standardise.INPUT_COLUMNS`.
    """
    return score_and_select([match_deterministically(records, register)])[0]


def match_deterministically(records: pl.DataFrame, register: Register) -> DeterministicMatch:
    """Run passes 1 to 3 on records as `trace_records` takes them, and find the candidate pairs of pass 4."""
    # Pass 1: NHS number and full date of birth.
    number_matches = _match_number(records, register)
    twin_rejections = _reject_twin_names(number_matches, register)
    unresolved = _standardise_unresolved(number_matches, register)
    # Pass 2: NHS number, part of the date, and names or outward half of the postcode.
    partial_matches = _match_partial(unresolved, register)
    # Pass 3: all demographics letter by letter.
    exact_matches = _match_exact(_exclude(unresolved, partial_matches), register)
    # Pass 4 starts here: blocking. `score_and_select` scores the pairs.
    pass_matches = pl.concat([partial_matches, exact_matches])
    record_map, distinct_records = _select_for_scoring(_exclude(unresolved, pass_matches), register.rules)
    candidate_pairs, skipped = _find_candidate_pairs(distinct_records, register)
    return DeterministicMatch(
        register=register,
        number_matches=number_matches,
        further_matches=pl.concat([pass_matches, twin_rejections]),
        weaknesses=register.engine.collect(trace_results.build_weaknesses(register.engine.frame(unresolved))),
        record_map=record_map,
        distinct_records=distinct_records,
        candidate_pairs=candidate_pairs,
        skipped=skipped,
    )


def score_and_select(matches: Sequence[DeterministicMatch]) -> list[TracedRecords]:
    """Run pass 4 on the candidate pairs of each match, and combine the results of all passes. Return one result per match, in order.

    The first match was made against the whole register, the others against it or against it without some people. All pairs are scored
    in one call, because starting Splink takes most of a second.
    """
    full_register = matches[0].register
    offsets = list(accumulate((match.distinct_records.height for match in matches), initial=0))
    records = pl.concat([match.distinct_records.with_columns(pl.col("id") + start) for match, start in zip(matches, offsets, strict=False)])
    pairs = pl.concat([match.candidate_pairs.with_columns(pl.col("record") + start) for match, start in zip(matches, offsets, strict=False)])
    settings = splink_model.build_splink_settings(full_register.rules, full_register.size, full_register.neighbour_share)
    candidates = CandidatePairs(register=full_register.people, records=records.drop("junk_name"), pairs=pairs, frequencies=full_register.frequencies)
    scores = full_register.score(candidates, settings, full_register.rules.acceptance.plausible)
    scores_by_match = [
        scores.filter(pl.col("record").is_between(start, end, closed="left")).with_columns(pl.col("record") - start) for start, end in pairwise(offsets)
    ]
    return [TracedRecords(_select_results(match, own_scores), match.skipped) for match, own_scores in zip(matches, scores_by_match, strict=True)]


def match_own_entries(records: pl.DataFrame, register: Register) -> pl.DataFrame:
    """Match the register's own rows on their NHS number alone: one row per record -> the same with its result. They need no second field."""
    engine = register.engine
    own_matches = engine.collect(match_on_number.match_register_rows(engine.frame(records), engine.frame(register.numbers)))
    return own_matches.drop("claimed").with_columns(pl.lit(None, stored).alias(name) for name, stored in SCORE_SCHEMA.items())


def _exclude(records: pl.DataFrame, matched: pl.DataFrame) -> pl.DataFrame:
    return records.join(matched, on="id", how="anti")


def _match_number(records: pl.DataFrame, register: Register) -> pl.DataFrame:
    engine = register.engine
    return engine.collect(match_on_number.cross_check(engine.frame(records), engine.frame(register.numbers), register.rules.guards.placeholder_dates))


def _reject_twin_names(number_matches: pl.DataFrame, register: Register) -> pl.DataFrame:
    """Return a rejection for each record whose number and date pass 1 confirms, but whose given name is that of the person's twin."""
    engine = register.engine
    twin_people = register.twin_pairs["person"].unique()
    suspects = number_matches.filter(
        pl.col("person_number").is_in(twin_people.implode()) & pl.col("given_name").is_not_null() & (pl.col("trace_reason") != "not_on_register")
    )
    standardised = standardise.standardise(engine.frame(suspects), register.rules)
    ids = engine.collect(match_on_number.select_twin_names(standardised, engine.frame(register.twin_pairs)))
    return engine.collect(trace_results.build_twin_rejections(engine.frame(ids)))


def _standardise_unresolved(number_matches: pl.DataFrame, register: Register) -> pl.DataFrame:
    """Select the records that pass 1 did not resolve, standardise them, and blank communal homes."""
    engine = register.engine
    unresolved = engine.collect(trace_results.select_unresolved(engine.frame(number_matches)))
    standardised = standardise.add_number_columns(standardise.standardise(engine.frame(unresolved), register.rules))
    return engine.collect(register_entries.blank_communal_homes(standardised, engine.frame(register.communal_homes)))


def _match_partial(unresolved: pl.DataFrame, register: Register) -> pl.DataFrame:
    engine = register.engine
    matched = match_on_number.cross_check_partial(engine.frame(unresolved), engine.frame(register.people))
    return engine.collect(trace_results.build_pass_matches("cross_check_partial", matched))


def _match_exact(unresolved: pl.DataFrame, register: Register) -> pl.DataFrame:
    engine = register.engine
    matched = match_on_demographics.match_exact_demographics(engine.frame(unresolved), engine.frame(register.people))
    return engine.collect(trace_results.build_pass_matches("exact_demographics", matched))


def _select_for_scoring(unresolved: pl.DataFrame, rules: TraceRules) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the map from `record` to `id`, and the distinct records by `id`.

    Records with fewer fields than acceptance requires are left out: no score could make them a link.
    """
    columns = (*SCORED_COLUMNS, "junk_name")
    fields_present = pl.sum_horizontal(pl.col(name).is_not_null().cast(pl.Int64) for name in splink_model.FIELD_COLUMNS)
    scorable = unresolved.filter(fields_present >= rules.acceptance.fewest_fields)
    distinct_records = scorable.select(columns).unique().sort(columns).with_row_index("id").cast({"id": pl.Int64})
    record_map = scorable.select(pl.col("id").alias("record"), *columns).join(distinct_records, on=columns, how="inner", nulls_equal=True)
    return record_map.select("record", "id"), distinct_records


def _find_candidate_pairs(records: pl.DataFrame, register: Register) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """Return the pairs of record and entry that share a blocking key, and how many records each kind of key was skipped for."""
    engine = register.engine
    record_keys, register_keys = engine.frame(engine.collect(blocking.build_blocking_keys(engine.frame(records)))), engine.frame(register.blocking_keys)
    shared_keys = engine.collect(blocking.build_shared_keys(register_keys, record_keys, register.rules.blocking))
    pairs = engine.collect(blocking.build_candidate_pairs(register_keys, record_keys, engine.frame(shared_keys))).sort("record", "entry")
    crowded = shared_keys.filter("crowded").group_by("kind").agg(pl.col("records").sum()).sort("kind")
    return pairs, {" and ".join(splink_model.BLOCKING_KEYS[kind]): int(count) for kind, count in crowded.iter_rows()}


def _select_results(deterministic: DeterministicMatch, scores: pl.DataFrame) -> pl.DataFrame:
    """Accept or reject the best candidate of each distinct record, and combine the results of all passes: one row per record."""
    register = deterministic.register
    engine = register.engine
    ranked = select_match.rank_candidates(select_match.add_patterns(engine.frame(scores), register.rules), engine.frame(register.people))
    selected = engine.collect(select_match.accept_candidates(ranked, engine.frame(deterministic.distinct_records), register.rules, register.expects_kin))
    scored_matches = deterministic.record_map.join(selected, on="id", how="inner").drop("id").rename({"record": "id"}).select(trace_results.MATCH_COLUMNS)
    further_matches = engine.frame(pl.concat([deterministic.further_matches, scored_matches]))
    return engine.collect(trace_results.combine_results(engine.frame(deterministic.number_matches), further_matches, engine.frame(deterministic.weaknesses)))
