"""The GP register in memory, as the match passes read it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.engine import InMemoryEngine, PairScorer
from bcf_linkage.definitions.nhs_number import WorkspaceKind
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable.trace import blocking, register_entries, register_numbers, standardise


@dataclass(frozen=True, repr=False)
class Register:
    """The register that records are traced to, with the rules and the pair scorer of the trace. It contains identifiers.

    `numbers` has one row per NHS number, as `register_numbers.build_number_register` makes it. `descriptions` has the register's rows as
    text. Every derived table is built once, when a record first needs it.
    """

    numbers: pl.DataFrame
    descriptions: pl.DataFrame
    rules: TraceRules
    engine: InMemoryEngine
    score: PairScorer

    @classmethod
    def build(cls, registrations: nw.LazyFrame, as_at: date, kind: WorkspaceKind, rules: TraceRules, engine: InMemoryEngine, score: PairScorer) -> Register:
        """Build the register: one row per row of gp_registrations, as `register_numbers.build_numbers` reads it -> one row per NHS number, and descriptions."""
        rows = engine.collect(registrations)
        number_rows = engine.collect(register_numbers.build_numbers(engine.frame(rows), as_at, kind, rules.guards))
        return cls(
            numbers=engine.collect(register_numbers.build_number_register(engine.frame(number_rows))),
            descriptions=engine.collect(standardise.build_register_rows(engine.frame(rows))),
            rules=rules,
            engine=engine,
            score=score,
        )

    @cached_property
    def _entries(self) -> pl.DataFrame:
        standardised = standardise.standardise(self.engine.frame(self.descriptions), self.rules)
        return self.engine.collect(register_entries.build_entries(standardised, self.engine.frame(self.numbers))).sort("person", *standardise.STANDARD_COLUMNS)

    @cached_property
    def communal_homes(self) -> pl.DataFrame:
        """Postcodes and addresses that carry no weight because too many people live there."""
        return self.engine.collect(register_entries.build_communal_homes(self.engine.frame(self._entries), self.rules.guards))

    @cached_property
    def people(self) -> pl.DataFrame:
        """One row per person and distinct description, numbered by `id`, communal homes blanked."""
        without_homes = register_entries.blank_communal_homes(self.engine.frame(self._entries), self.engine.frame(self.communal_homes))
        numbered = without_homes.with_columns(claimed=nw.col("person"), digits=nw.col("person"), number_is_sound=nw.lit(True))
        return self.engine.collect(numbered).sort("person", *standardise.STANDARD_COLUMNS).with_row_index("id").cast({"id": pl.Int64})

    @cached_property
    def blocking_keys(self) -> pl.DataFrame:
        """The blocking keys of `people`: one row per `id` and `key`."""
        return self.engine.collect(blocking.build_blocking_keys(self.engine.frame(self.people))).drop("kind")

    @cached_property
    def twin_pairs(self) -> pl.DataFrame:
        """Each person beside each possible twin: born on the same day, with the same family name or home."""
        return self.engine.collect(register_entries.build_twin_pairs(self.engine.frame(self._entries)))

    @cached_property
    def frequencies(self) -> dict[str, pl.DataFrame]:
        """How common each value is, one table per column whose match weight depends on it."""
        entries, smoothing = self.engine.frame(self.people), self.rules.smoothing
        rarest = {column: self.rules.by_field[field].rarest or 0.0 for column, field in register_entries.FREQUENCY_FIELDS.items()}
        return {column: self.engine.collect(register_entries.build_frequencies(entries, column, floor, smoothing)) for column, floor in rarest.items()}

    @cached_property
    def expects_kin(self) -> bool:
        """Whether people on the register live with relatives of the same family name."""
        return bool(self.engine.collect(register_entries.build_kin_expectation(self.engine.frame(self._entries), self.rules.guards)).item())

    @cached_property
    def neighbour_share(self) -> float:
        """The probability that two people of one postcode live in one street."""
        return float(self.engine.collect(register_entries.build_neighbour_share(self.engine.frame(self._entries))).item())

    def without(self, people: pl.Series) -> Register:
        """Return the register without these people. Frequencies and other rates stay as they are: a sample is too small to change them."""
        removed = people.implode()
        remaining = replace(self, numbers=self.numbers.filter(~pl.col("person_number").is_in(removed)))
        remaining_people = self.people.filter(~pl.col("person").is_in(removed))
        # Fill the caches of the copy, so that nothing is computed a second time for the whole register.
        vars(remaining).update(
            _entries=self._entries.filter(~pl.col("person").is_in(removed)),
            people=remaining_people,
            blocking_keys=self.blocking_keys.join(remaining_people.select("id"), on="id", how="semi", maintain_order="left"),
            twin_pairs=self.twin_pairs.filter(~pl.col("person").is_in(removed)),
            communal_homes=self.communal_homes,
            frequencies=self.frequencies,
            expects_kin=self.expects_kin,
            neighbour_share=self.neighbour_share,
        )
        return remaining

    def precompute(self) -> None:
        """Build what nearly every extract needs, so that extracts traced in parallel do not each build it."""
        _ = self.people, self.blocking_keys, self.twin_pairs, self.frequencies, self.expects_kin, self.neighbour_share

    @property
    def size(self) -> int:
        """The number of people on the register."""
        return int(self.people["person"].n_unique())
