"""The trace from its first rung to its last: the stages of the identifiable wing, with Splink scoring whom nothing simpler finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import accumulate, pairwise

import narwhals as nw
import polars as pl

from bcf_linkage.definitions.nhs_number import Kind
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.identifiable import examine
from bcf_linkage.identifiable.trace import answers, blocking, by_demographics, by_number, choosing, comparable, model, numbers, people
from bcf_linkage.storage.engine import PolarsEngine
from bcf_linkage.storage.scoring import Candidates, Scoring, scored_on_duckdb

ENGINE = PolarsEngine()

WEIGHED = {"likely": pl.String, "score": pl.Float64, "margin": pl.Float64, "pattern": pl.String}
NUMBERED = ("claimed", "digits", "stands_up")
SCORED = (*comparable.COMPARABLE, *NUMBERED)


@dataclass(frozen=True, repr=False)
class Register:
    """What a trace is made against, in memory: one row per NHS number, and the rows of the register as text; by which rules, and how pairs are scored.

    Whatever is made of them is made once, when a record first needs it.
    """

    numbers: pl.DataFrame
    described: pl.DataFrame
    rules: TraceRules
    scored: Scoring

    @classmethod
    def build(cls, registrations: nw.LazyFrame, as_at: date, kind: Kind, rules: TraceRules, scored: Scoring = scored_on_duckdb) -> Register:
        """The register of its rows: those that `trace.numbers` takes, with what they tell of who somebody is."""
        rows = ENGINE.collect(registrations)
        known = ENGINE.collect(numbers.numbers(ENGINE.frame(rows), as_at, kind, rules.guards))
        described = ENGINE.collect(comparable.of_register(ENGINE.frame(rows)))
        return cls(ENGINE.collect(numbers.register(ENGINE.frame(known))), described, rules, scored)

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
    def keys(self) -> pl.DataFrame:
        """The keys by which these are looked up."""
        return ENGINE.collect(blocking.keys(ENGINE.frame(self.people))).drop("kind")

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
        """Whether kin are to be expected, who live together and have the family name in common."""
        return bool(ENGINE.collect(people.kin_expected(ENGINE.frame(self._entries), self.rules.guards)).item())

    @cached_property
    def neighbours(self) -> float:
        """How likely people of one postcode are to live in one street."""
        return float(ENGINE.collect(people.neighbours(ENGINE.frame(self._entries))).item())

    def without(self, people: pl.Series) -> Register:
        """The register as it would be without these people. How common values and kin are stays as it is: so few change nothing of it."""
        gone = people.implode()
        left = replace(self, numbers=self.numbers.filter(~pl.col("person_number").is_in(gone)))
        others = self.people.filter(~pl.col("person").is_in(gone))
        # What was worked out of the whole register is not worked out again.
        vars(left).update(
            _entries=self._entries.filter(~pl.col("person").is_in(gone)),
            people=others,
            keys=self.keys.join(others.select("id"), on="id", how="semi", maintain_order="left"),
            twins=self.twins.filter(~pl.col("person").is_in(gone)),
            communal=self.communal,
            frequencies=self.frequencies,
            kin=self.kin,
            neighbours=self.neighbours,
        )
        return left

    def prepare(self) -> None:
        """Make what nearly every extract needs, so that extracts that are traced side by side do not both make it."""
        _ = self.people, self.keys, self.twins, self.frequencies, self.kin, self.neighbours

    @property
    def size(self) -> int:
        """How many people are on it."""
        return int(self.people["person"].n_unique())


@dataclass(frozen=True)
class Traced:
    """The records with their answers, and how many of them each crowded key would have served, which was not looked under."""

    records: pl.DataFrame
    skipped: Mapping[str, int]


@dataclass(frozen=True)
class Climb:
    """How far records come by the rungs that need no score, and what is to be scored of those whom these have not found.

    `first` has all records with the answer of their number, `found` and `weaknesses` what further rungs say of some. `alike` are the
    records left, once for all that tell the same, as `whose` says; `pairs` are those and the people with whom they are compared.
    """

    register: Register
    first: pl.DataFrame
    found: pl.DataFrame
    weaknesses: pl.DataFrame
    whose: pl.DataFrame
    alike: pl.DataFrame
    pairs: pl.DataFrame
    skipped: Mapping[str, int]


def described(identities: pl.DataFrame, table: Table, kind: Kind) -> pl.DataFrame:
    """Identities of an extract as `climbed` and `own_entries` take them, numbered."""
    numbered = identities.with_row_index("id").cast({"id": pl.Int64})
    return ENGINE.collect(examine.described(ENGINE.frame(numbered), table, kind))


def own_entries(records: pl.DataFrame, register: Register) -> pl.DataFrame:
    """The register's own rows with their answers. They need no second fact."""
    first = ENGINE.collect(by_number.own_entry(ENGINE.frame(records), ENGINE.frame(register.numbers)))
    return first.drop("claimed").with_columns(pl.lit(None, stored).alias(name) for name, stored in WEIGHED.items())


def traced(records: pl.DataFrame, register: Register) -> Traced:
    """Records with `id`, `number`, `number_state` and `comparable.DESCRIBED` -> the same with their answers, as `answers.answered` gives them."""
    return answered([climbed(records, register)])[0]


def climbed(records: pl.DataFrame, register: Register) -> Climb:
    """The records, as `traced` takes them, on all rungs but the last."""
    first = ENGINE.collect(by_number.cross_checked(ENGINE.frame(records), ENGINE.frame(register.numbers), register.rules.guards.placeholder_dates))
    compared = _compared(ENGINE.collect(answers.climbing(ENGINE.frame(first))), register)
    matched = _matched(compared, register)
    doubted = ENGINE.collect(answers.refused_as_twins(ENGINE.frame(_of_twins(first, register))))
    whose, alike = _to_score(compared.join(matched, on="id", how="anti"), register.rules)
    pairs, skipped = _candidates(alike, register)
    weaknesses = ENGINE.collect(answers.weaknesses(ENGINE.frame(compared)))
    return Climb(register, first, pl.concat([matched, doubted]), weaknesses, whose, alike, pairs, skipped)


def answered(climbs: Sequence[Climb]) -> list[Traced]:
    """The last rung, and with it the answers of each. They are scored together, as it takes Splink most of a second to begin.

    The first was made against the whole register, the others against it or against it without some people.
    """
    whole = climbs[0].register
    starts = list(accumulate((climb.alike.height for climb in climbs), initial=0))
    records = pl.concat([climb.alike.with_columns(pl.col("id") + start) for climb, start in zip(climbs, starts, strict=False)])
    pairs = pl.concat([climb.pairs.with_columns(pl.col("record") + start) for climb, start in zip(climbs, starts, strict=False)])
    settings = model.settings(whole.rules, whole.size, whole.neighbours)
    candidates = Candidates(whole.people, records.drop("junk_name"), pairs, whole.frequencies)
    scores = whole.scored(candidates, settings, whole.rules.acceptance.plausible)
    own = [scores.filter(pl.col("record").is_between(*between, closed="left")).with_columns(pl.col("record") - between[0]) for between in pairwise(starts)]
    return [Traced(_answers(climb, theirs), climb.skipped) for climb, theirs in zip(climbs, own, strict=True)]


def _answers(climb: Climb, scores: pl.DataFrame) -> pl.DataFrame:
    """The records of a climb, with the scores of its pairs, answered."""
    register = climb.register
    ranked = choosing.ranked(choosing.patterned(ENGINE.frame(scores), register.rules), ENGINE.frame(register.people))
    judged = ENGINE.collect(choosing.judged(ranked, ENGINE.frame(climb.alike), register.rules, register.kin))
    chosen = climb.whose.join(judged, on="id", how="inner").drop("id").rename({"record": "id"}).select(answers.FOUND)
    found = ENGINE.frame(pl.concat([climb.found, chosen]))
    return ENGINE.collect(answers.answered(ENGINE.frame(climb.first), found, ENGINE.frame(climb.weaknesses)))


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


def _matched(compared: pl.DataFrame, register: Register) -> pl.DataFrame:
    """Whom part of the date confirms beside the number, and of the others whom demographics alone name letter by letter."""
    entries = ENGINE.frame(register.people)
    partly = ENGINE.collect(answers.found_by("cross_check_partial", by_number.partly_checked(ENGINE.frame(compared), entries)))
    left = compared.join(partly, on="id", how="anti")
    return pl.concat([partly, ENGINE.collect(answers.found_by("exact_demographics", by_demographics.exactly_matched(ENGINE.frame(left), entries)))])


def _to_score(left: pl.DataFrame, rules: TraceRules) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`record` and `id` (what it tells), and what the records tell, once. Who tells too few fields to be accepted need not be scored."""
    told = (*SCORED, "junk_name")
    known = pl.sum_horizontal(pl.col(name).is_not_null().cast(pl.Int64) for name in model.TELLING)
    left = left.filter(known >= rules.acceptance.fewest_fields)
    alike = left.select(told).unique().sort(told).with_row_index("id").cast({"id": pl.Int64})
    whose = left.select(pl.col("id").alias("record"), *told).join(alike, on=told, how="inner", nulls_equal=True)
    return whose.select("record", "id"), alike


def _candidates(records: pl.DataFrame, register: Register) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """The people who share a key with each record, as pairs; and how many records each kind of key was skipped for."""
    ours, theirs = ENGINE.frame(ENGINE.collect(blocking.keys(ENGINE.frame(records)))), ENGINE.frame(register.keys)
    meetings = ENGINE.collect(blocking.meetings(theirs, ours, register.rules.blocking))
    pairs = ENGINE.collect(blocking.pairs(theirs, ours, ENGINE.frame(meetings))).sort("record", "entry")
    crowded = meetings.filter("crowded").group_by("kind").agg(pl.col("asked").sum()).sort("kind")
    return pairs, {" and ".join(model.KEYS[kind]): int(asked) for kind, asked in crowded.iter_rows()}
