"""Assign each row of an extract an outcome, and write the kept rows.

A delivery is read once. Convert the columns that may be kept to their types and drop identifiers. Then trace each distinct identity
once. Then write the kept rows with the result of their identity. Rows are identified by positions and fingerprints; the delivered
values stay in the lazy frame that is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import NamedTuple

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.errors import DataQualityError
from bcf_linkage.definitions.outcomes import KEPT_OUTCOMES, Outcome
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.sharing import Objection
from bcf_linkage.definitions.trace_reasons import trace_reasons
from bcf_linkage.identifiable import identity_stages, pseudonymisation, row_rules
from bcf_linkage.identifiable.parse import ParsedDelivery
from bcf_linkage.identifiable.period import OUTSIDE_REASONS
from bcf_linkage.identifiable.trace.tracing import Register
from bcf_linkage.storage.engine import PolarsEngine
from bcf_linkage.storage.row_fingerprints import add_entries, are_distinct, find_positions, flag_repeated_keys, row_fingerprint
from expectations.tally import RuleTallies, assemble_tallies, plan_tallies
from pipelines.receive.identities import trace_identities
from pipelines.receive.reading import text_of
from pipelines.receive.tokens import TokenCache

DUPLICATE = "same_key"
KEY_FINGERPRINTS = ("key", "other_key")
"""Two fingerprints of the key columns under two seeds: rows with both in common have the same key."""

ROW_COLUMNS = ("file", "outside", "fresh", "failures", "spell", *KEY_FINGERPRINTS)
OUTCOME_BY_REASON = {
    DUPLICATE: Outcome.DUPLICATE,
    **dict.fromkeys(OUTSIDE_REASONS, Outcome.OUT_OF_PERIOD),
    **dict.fromkeys(map(str, Objection), Outcome.OPTED_OUT),
    **{reason.reason: reason.outcome for reason in trace_reasons().values()},
}
"""Reason -> outcome, for every reason of a row that is not refused."""


class LedgerEntry(NamedTuple):
    """One ledger line: the number of rows of a file with an outcome and its reason."""

    file: str
    outcome: Outcome
    reason: str
    rows: int


@dataclass(frozen=True)
class ExtractRows:
    """The readable rows of an extract: `text` lazily as standardised text, the rest in memory.

    `people` has one row per distinct identity, traced. `row_facts` has one row per readable row: `file`, `at` (position of the row's
    identity in `people`), `failures` (the rules that the row breaks, as bits), `outside` (reason if out of period), `fresh` (in the
    latest months), `key` and `other_key` (fingerprints) and `spell` (input of its spell's token). `payload` has the same rows in the
    same order: `row` and the values that may be kept. `tallies` is what Great Expectations validates. `validation_counts` has the
    results of the linkage validation, no row if there was none.
    """

    extract: Table
    text: nw.LazyFrame
    people: pl.DataFrame
    row_facts: pl.DataFrame
    payload: pl.DataFrame
    tallies: RuleTallies
    validation_counts: pl.DataFrame

    @cached_property
    def refusal_reasons(self) -> dict[int, str]:
        """`failures` -> the reason for refusal, for each combination that refuses a row."""
        failure_codes = self.row_facts["failures"].unique().to_list()
        return {failures: reason for failures in failure_codes if (reason := row_rules.refusal_reason(self.extract, failures))}


def read_extract(
    extract: Table, deliveries: Sequence[ParsedDelivery], lookups: identity_stages.TraceContext, register: Register, tokens: TokenCache, sample_size: int
) -> ExtractRows:
    """Read the deliveries of an extract once, and trace each distinct identity once.

    `sample_size` is the number of people in the hold-out sample that validates the linkage; 0 for none.
    """
    text = row_rules.tidy_values(nw.from_native(text_of(deliveries)), extract)
    reading = _read_once(extract, text, deliveries, lookups.as_at)
    traced_identities, validation_counts = trace_identities(reading.identities, extract, lookups, register, sample_size)
    people = tokens.add_tokens(traced_identities)
    identity_positions = find_positions(
        reading.rows["identity"], people.select(row_fingerprint(identity_stages.identity_columns(extract), reading.seed)).to_series()
    )
    row_facts = reading.rows.select(ROW_COLUMNS).with_columns(
        identity_positions.alias("at"), failures=reading.rows["failures"] + people["identity_failures"].gather(identity_positions)
    )
    tallies = assemble_tallies(extract, reading.rows.height, reading.tallies, reading.rows.select("keyed", *KEY_FINGERPRINTS).filter("keyed").drop("keyed"))
    return ExtractRows(extract, text, people, row_facts, reading.rows.drop("identity", "keyed", *ROW_COLUMNS), tallies, validation_counts)


class _Reading(NamedTuple):
    """Result of one reading: each distinct identity, each row with the fingerprint of its `identity` under `seed`, and the tallies to validate."""

    identities: pl.DataFrame
    rows: pl.DataFrame
    seed: int
    tallies: Sequence[pl.DataFrame]


def _read_once(extract: Table, text: nw.LazyFrame, deliveries: Sequence[ParsedDelivery], as_at: date) -> _Reading:
    identity_columns, tally_plans = identity_stages.identity_columns(extract), plan_tallies(extract, text.to_native())
    distinct: pl.LazyFrame = identity_stages.build_identities(text, extract).to_native()
    facts: pl.LazyFrame = identity_stages.add_row_facts(text, extract, as_at).to_native()
    # Two identities may have one fingerprint. Then everything is read again under the next seed, until all fingerprints differ.
    for seed in count():
        typed_rows = facts.with_columns(
            pl.col("file").cast(pl.Enum([delivery.file for delivery in deliveries])),
            pl.col("outside").cast(pl.Enum(OUTSIDE_REASONS)),
            identity=row_fingerprint(identity_columns, seed),
            keyed=pl.all_horizontal(pl.col(extract.key).is_not_null()),
            **{name: row_fingerprint(extract.key, key_seed) for key_seed, name in enumerate(KEY_FINGERPRINTS)},
        )
        kept_columns: pl.LazyFrame = (
            nw.from_native(typed_rows).select("identity", "keyed", *ROW_COLUMNS, "row", *pseudonymisation.payload_columns(extract)).to_native()
        )
        identities, rows, *tallies = pl.collect_all([distinct, kept_columns, *tally_plans], engine="streaming")
        if are_distinct(identities, identity_columns, seed):
            break
    if len(rows) != sum(delivery.readable for delivery in deliveries):
        files = ", ".join(str(delivery.path) for delivery in deliveries)
        raise DataQualityError(f"{files}: rows were lost or doubled in reading; ask the supplier for a file without quotes in its values")
    return _Reading(identities, rows, seed, tallies)


def assign_outcomes(rows: ExtractRows) -> pl.DataFrame:
    """Assign each readable row the reason of its outcome. The first that applies counts: refused, duplicate, out of period, its identity's.

    One row per readable row, in order: `file`, `at`, `failures`, `spell`, `reason`.
    """
    reasons = pl.Enum(list(dict.fromkeys([*rows.refusal_reasons.values(), *OUTCOME_BY_REASON])))
    row_facts = rows.row_facts.with_columns(
        reason=pl.col("failures").replace_strict(rows.refusal_reasons, default=None, return_dtype=reasons),
        of_person=rows.people["reason"].cast(reasons).gather(rows.row_facts["at"]),
    )
    # A refused row does not take its key from the row that corrects it.
    is_repeated = flag_repeated_keys(row_facts.select(KEY_FINGERPRINTS), usable=row_facts["reason"].is_null())
    duplicate_reason = pl.when(is_repeated).then(pl.lit(DUPLICATE, reasons))
    row_facts = row_facts.with_columns(reason=pl.coalesce("reason", duplicate_reason, pl.col("outside").cast(reasons), "of_person"))
    return row_facts.select("file", "at", "failures", "spell", "reason")


def build_ledger(outcomes: pl.DataFrame, deliveries: Sequence[ParsedDelivery]) -> tuple[LedgerEntry, ...]:
    """Count every row of every delivery, readable or not, under its one outcome."""
    unreadable_entries = [LedgerEntry(d.file, Outcome.UNREADABLE, reason, rows) for d in deliveries for reason, rows in d.unreadable.items()]
    readable_entries = [
        LedgerEntry(file, OUTCOME_BY_REASON.get(reason, Outcome.REFUSED), reason, rows)
        for file, reason, rows in outcomes.group_by("file", "reason").len().iter_rows()
    ]
    return tuple(sorted(unreadable_entries + readable_entries))


def write_kept_rows(rows: ExtractRows, outcomes: pl.DataFrame, tokens: TokenCache, out: Path) -> None:
    """Write the kept rows as the received table, pseudonymised: sorted by person, then file and row.

    Nearly all stages group rows by person: sorted rows make them several times faster, and the file a third of the size.
    """
    person_columns = [name for name in ("age", "birth_month", "lsoa", "deprivation_quintile") if name in rows.people.columns]
    people = rows.people.select(
        "person",
        *person_columns,
        "number_state",
        pl.col("reason").alias("trace_reason"),
        pl.col("score", "margin", "pattern").name.prefix("trace_"),
        outcome=_map_reason({reason.reason: str(reason.outcome) for reason in trace_reasons().values()}),
        status=_map_reason({reason.reason: reason.status for reason in trace_reasons().values()}),
    )
    kept = outcomes.select(
        "file",
        "at",
        spell_token=tokens.spell_tokens(outcomes["spell"]),
        payload=pl.int_range(pl.len(), dtype=pl.UInt32),
        kept=pl.col("reason").is_in([reason for reason, outcome in OUTCOME_BY_REASON.items() if outcome in KEPT_OUTCOMES]),
    ).filter("kept")
    sorted_rows = kept.sort(people["person"].rank("dense").gather(kept["at"]), maintain_order=True).lazy()
    output_rows = add_entries(add_entries(sorted_rows, "payload", rows.payload), "at", people)
    PolarsEngine(pseudonymisation.key_name(tokens.key)).write(pseudonymisation.build_received(nw.from_native(output_rows), rows.extract), out)


def _map_reason(values: Mapping[str, str]) -> pl.Expr:
    return pl.col("reason").replace_strict(values, default=None, return_dtype=pl.String)
