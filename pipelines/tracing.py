"""The trace from its first rung to its last: the stages of the identifiable wing, with Splink scoring whom nothing simpler finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.nhs_number import Kind
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable import examine
from bcf_linkage.identifiable.trace import answers, blocking, by_demographics, by_number, choosing, comparable, model, numbers, people
from bcf_linkage.storage.engine import PolarsEngine
from bcf_linkage.storage.scoring import scored

ENGINE = PolarsEngine()

WEIGHED = {"score": pl.Float64, "margin": pl.Float64, "pattern": pl.String}
NUMBERED = ("claimed", "digits", "stands_up")
SCORED = (*comparable.COMPARABLE, *NUMBERED)


@dataclass(frozen=True, repr=False)
class Register:
    """What a trace is made against, in memory: one row per NHS number, and the rows of the register as text.

    Whatever is made of them is made once, when a record first needs it.
    """

    numbers: pl.DataFrame
    described: pl.DataFrame
    rules: TraceRules

    @classmethod
    def build(cls, registrations: nw.LazyFrame, as_at: date, kind: Kind, rules: TraceRules) -> Register:
        """The register of its rows: those that `trace.numbers` takes, with what they tell of who somebody is."""
        rows = ENGINE.collect(registrations)
        known = ENGINE.collect(numbers.numbers(ENGINE.frame(rows), as_at, kind))
        described = ENGINE.collect(comparable.of_register(ENGINE.frame(rows)))
        return cls(ENGINE.collect(numbers.register(ENGINE.frame(known))), described, rules)

    @cached_property
    def _entries(self) -> pl.DataFrame:
        compared = comparable.comparable(ENGINE.frame(self.described), self.rules)
        return ENGINE.collect(people.entries(compared, ENGINE.frame(self.numbers))).sort("person", *comparable.COMPARABLE)

    @cached_property
    def communal(self) -> pl.DataFrame:
        """The homes that prove nothing."""
        return ENGINE.collect(people.communal(ENGINE.frame(self._entries), self.rules.guards))

    @cached_property
    def people(self) -> pl.DataFrame:
        """One row per person and way in which they are described, and numbered."""
        own = people.without_communal(ENGINE.frame(self._entries), ENGINE.frame(self.communal))
        numbered = own.with_columns(claimed=nw.col("person"), digits=nw.col("person"), stands_up=nw.lit(True))
        return ENGINE.collect(numbered).sort("person", *comparable.COMPARABLE).with_row_index("id").cast({"id": pl.Int64})

    @cached_property
    def key_parts(self) -> pl.DataFrame:
        """What the keys are made of by which these are looked up."""
        return ENGINE.collect(blocking.key_parts(ENGINE.frame(self.people)))

    @cached_property
    def twins(self) -> pl.DataFrame:
        """Who was born together with whom."""
        return ENGINE.collect(people.born_together(ENGINE.frame(self._entries)))

    @cached_property
    def frequencies(self) -> dict[str, pl.DataFrame]:
        """How common each value is, of the columns where that counts."""
        entries, smoothing = ENGINE.frame(self.people), self.rules.smoothing
        rarest = {column: self.rules.by_field[field].rarest or 0.0 for column, field in people.RARE.items()}
        return {column: ENGINE.collect(people.frequencies(entries, column, floor, smoothing)) for column, floor in rarest.items()}

    @cached_property
    def kin(self) -> bool:
        """Whether kin are to be expected: so many of the people here live with others of their family name."""
        share = ENGINE.collect(people.households(ENGINE.frame(self._entries))).item()
        return bool(share > self.rules.guards.households)

    @cached_property
    def neighbours(self) -> float:
        """How likely people of one postcode are to live in one street."""
        return float(ENGINE.collect(people.neighbours(ENGINE.frame(self._entries))).item())

    def without(self, people: pl.Series) -> Register:
        """The register as it would be without these people. How common values and kin are stays as it is: so few change nothing of it."""
        gone = people.implode()
        left = Register(self.numbers.filter(~pl.col("person_number").is_in(gone)), self.described, self.rules)
        others = self.people.filter(~pl.col("person").is_in(gone))
        # What was worked out of the whole register is not worked out again.
        vars(left).update(
            _entries=self._entries.filter(~pl.col("person").is_in(gone)),
            people=others,
            key_parts=self.key_parts.join(others.select("id"), on="id", how="semi", maintain_order="left"),
            twins=self.twins.filter(~pl.col("person").is_in(gone)),
            communal=self.communal,
            frequencies=self.frequencies,
            kin=self.kin,
            neighbours=self.neighbours,
        )
        return left

    @property
    def size(self) -> int:
        """How many people are on it."""
        return int(self.people["person"].n_unique())


@dataclass(frozen=True)
class Traced:
    """The records with their answers, and how many of them each crowded key would have served, which was not looked under."""

    records: pl.DataFrame
    skipped: Mapping[str, int]


def examined(identities: pl.DataFrame, table: Table, against: examine.Against, register: Register) -> pl.DataFrame:
    """Each identity of an extract, traced, with what is known of its person. The register's own rows need no second fact."""
    numbered = identities.with_row_index("id").cast({"id": pl.Int64})
    records = ENGINE.collect(examine.described(ENGINE.frame(numbered), table, against.kind))
    found = own_entries(records, register) if table.name == examine.REGISTER else traced(records, register).records
    return ENGINE.collect(examine.known(ENGINE.frame(found.drop("id")), table, against))


def traced(records: pl.DataFrame, register: Register) -> Traced:
    """Records with `id`, `number`, `number_state` and `comparable.DESCRIBED` -> the same with their answers, as `answers.answered` gives them."""
    rules, known = register.rules, ENGINE.frame(register.numbers)
    first = ENGINE.collect(by_number.cross_checked(ENGINE.frame(records), known, rules.guards.placeholder_dates))
    climbing = ENGINE.collect(answers.climbing(ENGINE.frame(first)))
    compared = _compared(climbing, register)
    found, skipped = _found(compared, register)
    doubted = answers.refused_as_twins(ENGINE.frame(_of_twins(first, register)))
    every = nw.concat([ENGINE.frame(found), doubted])
    weaknesses = answers.weaknesses(ENGINE.frame(compared))
    return Traced(ENGINE.collect(answers.answered(ENGINE.frame(first), every, weaknesses, known)), skipped)


def own_entries(records: pl.DataFrame, register: Register) -> pl.DataFrame:
    """The register's own rows with their answers."""
    first = ENGINE.collect(by_number.own_entry(ENGINE.frame(records), ENGINE.frame(register.numbers)))
    return first.drop("claimed").with_columns(pl.lit(None, stored).alias(name) for name, stored in WEIGHED.items())


def _compared(records: pl.DataFrame, register: Register) -> pl.DataFrame:
    """Records that climb, as they are compared."""
    compared = comparable.comparable(ENGINE.frame(records), register.rules)
    return ENGINE.collect(people.without_communal(comparable.numbered(compared), ENGINE.frame(register.communal)))


def _of_twins(first: pl.DataFrame, register: Register) -> pl.DataFrame:
    """The `id` of records whose number and date are confirmed, and who bear the name of that person's twin."""
    persons = register.twins["person"].unique()
    doubtful = first.filter(
        pl.col("person_number").is_in(persons.implode()) & pl.col("given_name").is_not_null() & (pl.col("trace_reason") != "not_on_register")
    )
    compared = comparable.comparable(ENGINE.frame(doubtful), register.rules)
    return ENGINE.collect(by_number.twins_name(compared, ENGINE.frame(register.twins)))


def _found(compared: pl.DataFrame, register: Register) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """What each rung above the first finds of the records that those below it have left."""
    entries = ENGINE.frame(register.people)
    partly = ENGINE.collect(answers.found_by("cross_check_partial", by_number.partly_checked(ENGINE.frame(compared), entries)))
    left = compared.join(partly, on="id", how="anti")
    exactly = ENGINE.collect(answers.found_by("exact_demographics", by_demographics.exactly_matched(ENGINE.frame(left), entries)))
    left = left.join(exactly, on="id", how="anti")
    weighed, skipped = _weighed(left, register)
    return pl.concat([partly, exactly, weighed]), skipped


def _weighed(compared: pl.DataFrame, register: Register) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """What scoring finds, once for all records that tell the same. Who tells too few fields to be accepted need not be weighed."""
    told = (*SCORED, "junk_name")
    known = pl.sum_horizontal(pl.col(name).is_not_null().cast(pl.Int64) for name in model.TELLING)
    compared = compared.filter(known >= register.rules.acceptance.fewest_fields)
    alike = compared.select(told).unique().sort(told).with_row_index("id").cast({"id": pl.Int64})
    candidates, skipped = _candidates(alike.drop("junk_name"), register)
    entries = ENGINE.frame(register.people)
    ranked = choosing.ranked(choosing.patterned(ENGINE.frame(candidates), register.rules), entries)
    judged = ENGINE.collect(choosing.judged(ranked, ENGINE.frame(alike), register.rules, register.kin))
    whose = compared.select(pl.col("id").alias("record"), *told).join(alike, on=told, how="inner", nulls_equal=True).select("record", "id")
    return whose.join(judged, on="id", how="inner").drop("id").rename({"record": "id"}).select(answers.FOUND), skipped


def _candidates(records: pl.DataFrame, register: Register) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """The people who share a key with each record, every pair with its score; and how many records each kind of key was skipped for."""
    parts = ENGINE.collect(blocking.key_parts(ENGINE.frame(records)))
    skipped, found = {}, []
    for fields in model.KEYS:
        ours, theirs = (ENGINE.frame(ENGINE.collect(blocking.keyed(ENGINE.frame(rows), fields))) for rows in (parts, register.key_parts))
        meetings = ENGINE.collect(blocking.meetings(theirs, ours, register.rules.blocking))
        found.append(ENGINE.collect(blocking.pairs(theirs, ours, ENGINE.frame(meetings))))
        if crowded := int(meetings.filter("crowded")["asked"].sum()):
            skipped[" and ".join(fields)] = crowded
    pairs = pl.concat(found).unique().sort("record", "entry")
    settings = model.settings(register.rules, register.size, register.neighbours)
    return scored(register.people, records, pairs, register.frequencies, settings, register.rules.acceptance.plausible), skipped
