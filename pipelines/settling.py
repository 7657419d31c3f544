"""Where each row of an extract ends. Rows are told apart by positions and fingerprints here; their values stay in the lazy frame that is read.

First each row is judged by itself; then who it is about, once for each identity that the rows hold; then the rows that are
kept are read again, without a single identifier, and written beside what was found.
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
from bcf_linkage.storage.rows import beside, fingerprint, positions, repeated, tells_apart, with_entries
from pipelines.examining import examined
from pipelines.tracing import Register

ENGINE = PolarsEngine()

DUPLICATE = "same_key"
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
    `other_key` (fingerprints) and `spell` (what its spell's token is made from). `people` has one row per identity. `experiments` are
    the counts that `experiments.outcomes` gives, if the trace was put to the test on this extract.
    """

    extract: Table
    text: nw.LazyFrame
    people: pl.DataFrame
    told: pl.DataFrame
    experiments: Mapping[str, int]

    @cached_property
    def refusals(self) -> dict[int, str]:
        """Why rows with some failures are refused."""
        found = self.told["failures"].unique().to_list()
        return {failures: why for failures in found if (why := rules.refusal(self.extract, failures))}


def read(extract: Table, deliveries: Sequence[Delivery], against: examine.Against, register: Register, key: bytes, sample: int) -> Rows:
    """Read the deliveries, for the identities that they hold and for what each row tells.

    The trace is put to the test on so many people of the extract as `sample` says.
    """
    text = rules.tidied(nw.from_native(text_of(deliveries)), extract)
    identities, told, seed = _identities_and_rows(extract, text, deliveries, against.as_at)
    found, experiments = examined(identities, extract, against, register, sample)
    people = _with_tokens(found, key)
    at = positions(told["identity"], people.select(fingerprint(examine.who(extract), seed)).to_series())
    placed = told.drop("identity").with_columns(at.alias("at"), failures=told["failures"] + people["identity_failures"].gather(at))
    return Rows(extract, text, people, placed, experiments)


def text_of(deliveries: Sequence[Delivery]) -> pl.LazyFrame:
    """The readable rows of all deliveries, one after the other, each with its `file` and `row`."""
    return pl.concat([delivery.text.with_columns(file=pl.lit(delivery.file)) for delivery in deliveries])


def _with_tokens(people: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """People with their token as `person`, made once however many identities they have."""
    subjects = people.select("domain", "subject").unique(maintain_order=True).partition_by("domain", as_dict=True)
    tokens = [one.with_columns(person=pl.Series(pseudonymise.tokens(key, domain, one["subject"]), dtype=pl.String)) for (domain,), one in subjects.items()]
    return people.join(pl.concat(tokens), on=["domain", "subject"], how="left", maintain_order="left")


def _identities_and_rows(extract: Table, text: nw.LazyFrame, deliveries: Sequence[Delivery], as_at: date) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Each identity once, and what each row tells, with the fingerprint of its `identity` under the seed that comes with them. One reading gives both."""
    who = examine.who(extract)
    distinct: pl.LazyFrame = examine.identities(text, extract).to_native()
    facts: pl.LazyFrame = examine.facts(text, extract, as_at).to_native()
    for seed in count():
        rows = facts.select(
            pl.col("file").cast(pl.Enum([delivery.file for delivery in deliveries])),
            pl.col("outside").cast(pl.Enum(OUTSIDE)),
            "fresh",
            "failures",
            "spell",
            identity=fingerprint(who, seed),
            key=fingerprint(extract.key, 0),
            other_key=fingerprint(extract.key, 1),
        )
        identities, told = pl.collect_all([distinct, rows], engine="streaming")
        if tells_apart(identities, who, seed):
            break
    if len(told) != sum(delivery.readable for delivery in deliveries):
        files = ", ".join(str(delivery.path) for delivery in deliveries)
        raise DataRefused(f"{files}: the rows cannot be told apart for certain; ask the supplier for a file without quotes in its values")
    return identities, told, seed


def settled(rows: Rows) -> pl.DataFrame:
    """One row per readable row, in order: `file`, `at`, `failures`, `spell`, and the `reason` for which it ended where it did."""
    reasons = pl.Enum(list(dict.fromkeys([*rows.refusals.values(), *PLACES])))
    told = rows.told.with_columns(
        reason=pl.col("failures").replace_strict(rows.refusals, default=None, return_dtype=reasons),
        of_person=rows.people["reason"].cast(reasons).gather(rows.told["at"]),
    )
    again = repeated(told.select("key", "other_key"), usable=told["reason"].is_null())
    duplicate = pl.when(again).then(pl.lit(DUPLICATE, reasons))
    told = told.with_columns(reason=pl.coalesce("reason", duplicate, pl.col("outside").cast(reasons), "of_person"))
    return told.select("file", "at", "failures", "spell", "reason")


def ledger(ended: pl.DataFrame, deliveries: Sequence[Delivery]) -> tuple[Entry, ...]:
    """Every row of every delivery, readable or not, counted in the one place where it ended."""
    unreadable = [Entry(d.file, Place.UNREADABLE, reason, rows) for d in deliveries for reason, rows in d.unreadable.items()]
    settled = [Entry(file, PLACES.get(reason, Place.REFUSED), reason, rows) for file, reason, rows in ended.group_by("file", "reason").len().iter_rows()]
    return tuple(sorted(unreadable + settled))


def write_kept(rows: Rows, ended: pl.DataFrame, key: bytes, out: Path) -> None:
    """Write the rows that are kept as the received table: pseudonymised, in the order of files and rows."""
    spells = ended["spell"].drop_nulls().unique()
    tokens = dict(zip(spells, pseudonymise.tokens(key, pseudonymise.SPELL, spells), strict=True))
    found = ended.select(
        "at",
        "failures",
        spell_token=pl.col("spell").replace_strict(tokens, default=None, return_dtype=pl.String),
        kept=pl.col("reason").is_in([reason for reason, place in PLACES.items() if place in KEPT]),
    )
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
    kept = beside(rows.text.to_native(), found).filter("kept")
    PolarsEngine(pseudonymise.name_of(key)).write(pseudonymise.kept(nw.from_native(with_entries(kept, "at", people)), rows.extract), out)


def _of_reason(values: Mapping[str, str]) -> pl.Expr:
    return pl.col("reason").replace_strict(values, default=None, return_dtype=pl.String)
