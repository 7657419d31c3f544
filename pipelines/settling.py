"""Where each row of an extract ends. Rows are told apart by positions and fingerprints here; their values stay in the lazy frame that is read.

A delivery is read once. What may be kept of each row is held in its types, without a single identifier; then it is found who the
row is about, once for each identity that the rows hold; then the rows that are kept are written beside what was found.
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

from bcf_linkage.definitions.errors import DataRefused
from bcf_linkage.definitions.places import KEPT, Place
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.sharing import Objection
from bcf_linkage.definitions.trace_reasons import trace_reasons
from bcf_linkage.identifiable import examine, pseudonymise, rules
from bcf_linkage.identifiable.parse import Delivery
from bcf_linkage.identifiable.period import OUTSIDE
from bcf_linkage.storage.engine import PolarsEngine
from bcf_linkage.storage.rows import fingerprint, positions, repeated, tells_apart, with_entries
from expectations.tally import Tallied, plans, tallied
from pipelines.examining import examined
from pipelines.tokens import Tokens
from pipelines.tracing import Register

ENGINE = PolarsEngine()

DUPLICATE = "same_key"
KEY = ("key", "other_key")
TOLD = ("file", "outside", "fresh", "failures", "spell", *KEY)
PLACES = {
    DUPLICATE: Place.DUPLICATE,
    **dict.fromkeys(OUTSIDE, Place.OUT_OF_PERIOD),
    **dict.fromkeys(map(str, Objection), Place.OPTED_OUT),
    **{reason.reason: reason.place for reason in trace_reasons().values()},
}
"""Every reason for which a row that is not refused ends somewhere, and where."""


class Entry(NamedTuple):
    """One line of the ledger: how many rows of a file ended in a place, and why."""

    file: str
    place: Place
    reason: str
    rows: int


@dataclass(frozen=True)
class Rows:
    """The readable rows of an extract: lazily as tidied text, and in memory what each tells, in the same order.

    `told` has `file`, `at` (the position of the row's identity in `people`), `failures`, `outside`, `fresh`, `key` and
    `other_key` (fingerprints) and `spell` (what its spell's token is made from). `payload` has `row` and the values that are kept, `people`
    one row per identity. `tallied` is what Great Expectations judges. `experiments` are the counts that `experiments.outcomes` gives, if
    the trace was put to the test on this extract.
    """

    extract: Table
    text: nw.LazyFrame
    people: pl.DataFrame
    told: pl.DataFrame
    payload: pl.DataFrame
    tallied: Tallied
    experiments: pl.DataFrame

    @cached_property
    def refusals(self) -> dict[int, str]:
        """Why rows with some failures are refused."""
        found = self.told["failures"].unique().to_list()
        return {failures: why for failures in found if (why := rules.refusal(self.extract, failures))}


def read(extract: Table, deliveries: Sequence[Delivery], against: examine.Against, register: Register, tokens: Tokens, sample: int) -> Rows:
    """Read the deliveries, for the identities that they hold and for what each row tells.

    The trace is put to the test on so many people of the extract as `sample` says.
    """
    text = rules.tidied(nw.from_native(text_of(deliveries)), extract)
    once = _read_once(extract, text, deliveries, against.as_at)
    found, experiments = examined(once.identities, extract, against, register, sample)
    people = tokens.beside(found)
    at = positions(once.rows["identity"], people.select(fingerprint(examine.who(extract), once.seed)).to_series())
    told = once.rows.select(TOLD).with_columns(at.alias("at"), failures=once.rows["failures"] + people["identity_failures"].gather(at))
    judged = tallied(extract, once.rows.height, once.tallies, once.rows.select("keyed", *KEY).filter("keyed").drop("keyed"))
    return Rows(extract, text, people, told, once.rows.drop("identity", "keyed", *TOLD), judged, experiments)


def text_of(deliveries: Sequence[Delivery]) -> pl.LazyFrame:
    """The readable rows of all deliveries, one after the other, each with its `file` and `row`."""
    return pl.concat([delivery.text.with_columns(file=pl.lit(delivery.file)) for delivery in deliveries])


class _Once(NamedTuple):
    """What one reading gives: each identity once; each row with the fingerprint of its `identity` under the seed; and what is judged, tallied."""

    identities: pl.DataFrame
    rows: pl.DataFrame
    seed: int
    tallies: Sequence[pl.DataFrame]


def _read_once(extract: Table, text: nw.LazyFrame, deliveries: Sequence[Delivery], as_at: date) -> _Once:
    who, judged = examine.who(extract), plans(extract, text.to_native())
    distinct: pl.LazyFrame = examine.identities(text, extract).to_native()
    facts: pl.LazyFrame = examine.facts(text, extract, as_at).to_native()
    for seed in count():
        told = facts.with_columns(
            pl.col("file").cast(pl.Enum([delivery.file for delivery in deliveries])),
            pl.col("outside").cast(pl.Enum(OUTSIDE)),
            identity=fingerprint(who, seed),
            keyed=pl.all_horizontal(pl.col(extract.key).is_not_null()),
            **{name: fingerprint(extract.key, seed) for seed, name in enumerate(KEY)},
        )
        kept: pl.LazyFrame = nw.from_native(told).select("identity", "keyed", *TOLD, "row", *pseudonymise.payload(extract)).to_native()
        identities, rows, *tallies = pl.collect_all([distinct, kept, *judged], engine="streaming")
        if tells_apart(identities, who, seed):
            break
    if len(rows) != sum(delivery.readable for delivery in deliveries):
        files = ", ".join(str(delivery.path) for delivery in deliveries)
        raise DataRefused(f"{files}: the rows cannot be told apart for certain; ask the supplier for a file without quotes in its values")
    return _Once(identities, rows, seed, tallies)


def settled(rows: Rows) -> pl.DataFrame:
    """One row per readable row, in order: `file`, `at`, `failures`, `spell`, and the `reason` for which it ended where it did."""
    reasons = pl.Enum(list(dict.fromkeys([*rows.refusals.values(), *PLACES])))
    told = rows.told.with_columns(
        reason=pl.col("failures").replace_strict(rows.refusals, default=None, return_dtype=reasons),
        of_person=rows.people["reason"].cast(reasons).gather(rows.told["at"]),
    )
    again = repeated(told.select(KEY), usable=told["reason"].is_null())
    duplicate = pl.when(again).then(pl.lit(DUPLICATE, reasons))
    told = told.with_columns(reason=pl.coalesce("reason", duplicate, pl.col("outside").cast(reasons), "of_person"))
    return told.select("file", "at", "failures", "spell", "reason")


def ledger(ended: pl.DataFrame, deliveries: Sequence[Delivery]) -> tuple[Entry, ...]:
    """Every row of every delivery, readable or not, counted in the one place where it ended."""
    unreadable = [Entry(d.file, Place.UNREADABLE, reason, rows) for d in deliveries for reason, rows in d.unreadable.items()]
    settled = [Entry(file, PLACES.get(reason, Place.REFUSED), reason, rows) for file, reason, rows in ended.group_by("file", "reason").len().iter_rows()]
    return tuple(sorted(unreadable + settled))


def write_kept(rows: Rows, ended: pl.DataFrame, tokens: Tokens, out: Path) -> None:
    """Write the rows that are kept as the received table: pseudonymised, person after person, and each one's in the order of files and rows.

    Whoever groups the rows by person, as nearly all do, is several times faster for it, and the file a third of the size.
    """
    known = [name for name in ("age", "birth_month", "lsoa", "deprivation_quintile") if name in rows.people.columns]
    people = rows.people.select(
        "person",
        *known,
        "number_state",
        pl.col("reason").alias("trace_reason"),
        pl.col("score", "margin", "pattern").name.prefix("trace_"),
        place=_of_reason({reason.reason: str(reason.place) for reason in trace_reasons().values()}),
        status=_of_reason({reason.reason: reason.status for reason in trace_reasons().values()}),
    )
    kept = ended.select(
        "file",
        "at",
        spell_token=tokens.of_spells(ended["spell"]),
        payload=pl.int_range(pl.len(), dtype=pl.UInt32),
        kept=pl.col("reason").is_in([reason for reason, place in PLACES.items() if place in KEPT]),
    ).filter("kept")
    in_order = kept.sort(people["person"].rank("dense").gather(kept["at"]), maintain_order=True).lazy()
    found = with_entries(with_entries(in_order, "payload", rows.payload), "at", people)
    PolarsEngine(pseudonymise.name_of(tokens.key)).write(pseudonymise.kept(nw.from_native(found), rows.extract), out)


def _of_reason(values: Mapping[str, str]) -> pl.Expr:
    return pl.col("reason").replace_strict(values, default=None, return_dtype=pl.String)
