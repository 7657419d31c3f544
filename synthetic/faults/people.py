"""Faults that a person brings to all their records: what the register and the council hold of the person's number."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from synthetic.faults.draft import Draft, Rows
from synthetic.faults.rates import GROUPS, Rate
from synthetic.faults.world import REGISTER, World
from synthetic.nhs_numbers import SYNTHETIC, sound
from synthetic.streams import stream

Drafts = dict[str, Draft]
Rates = dict[tuple[str, str], Rate]


def spoil_people(drafts: Drafts, rates: Rates, world: World, coverage: float, seed: int) -> Rows:
    """Put in the faults of persons, each into all the unclaimed rows that it touches, and the labels of those who object.

    Returns the people who share a number: against their register rows no record can be traced.
    """
    hold_no_number(drafts[GROUPS["social"][0]], rates, coverage, stream(seed, "number_not_held"))
    rng = stream(seed, "person faults")
    shared, doubled, replaced = _choose(drafts, rates, world, rng)
    share_numbers(drafts, rates, world, shared)
    new = _new_numbers(drafts, len(doubled) + len(replaced), rng)
    give_second_number(drafts, rates, dict(zip(doubled, new, strict=False)), rng)
    leave_replaced_number(drafts, rates, world, dict(zip(replaced, new[len(doubled) :], strict=True)), rng)
    objectors = world.register.filter("objects")["true_person"].to_numpy()
    for name, draft in drafts.items():
        draft.claim(rates["type_1", name], draft.free_rows_of(objectors))
    return np.array(shared, np.int64)


def hold_no_number(draft: Draft, rates: Rates, coverage: float, rng: np.random.Generator) -> None:
    """Blank the number on all rows of the clients, the uncovered share of them, for whom the council holds none."""
    clients = draft.clean["true_person"].unique().sort().to_numpy()
    without = rng.permutation(clients)[: round((1 - coverage) * len(clients))]
    at = draft.free_rows_of(without)
    draft.claim(rates["number_not_held", draft.table.name], at, draft.clean[at].with_columns(nhs_number=pl.lit(None, pl.String)))


def _choose(drafts: Drafts, rates: Rates, world: World, rng: np.random.Generator) -> tuple[list[int], list[int], list[int]]:
    """Different people for each fault, all with one register row; those of the last two have also been to hospital."""
    once = world.traceable.filter(pl.col("rows") == 1)["true_person"]
    seen = pl.concat([drafts[name].clean["true_person"] for name in GROUPS["hospital"]]).unique()
    shuffled, patients = (rng.permutation(people.to_numpy()) for people in (once, once.filter(once.is_in(seen.implode()))))
    pairs = _count(rates, "number_shared", world)
    shared = shuffled[: 2 * pairs]
    left = patients[~np.isin(patients, shared)]
    doubled, replaced = _count(rates, "two_numbers", world), _count(rates, "number_superseded", world)
    return shared.tolist(), left[:doubled].tolist(), left[doubled : doubled + replaced].tolist()


def _count(rates: Rates, fault: str, world: World) -> int:
    rate = rates.get((fault, REGISTER.name))
    return max(1, round(rate.rate * world.traceable.height)) if rate and rate.rate > 0 else 0


def share_numbers(drafts: Drafts, rates: Rates, world: World, people: list[int]) -> None:
    """Give the second of each pair the first's number everywhere, where the two were born on different days."""
    if not people:
        return
    known = {person: (number, born) for person, number, born in world.traceable.select("true_person", "nhs_number", "date_of_birth").iter_rows()}
    pairs = [(a, b) for a, b in zip(people[::2], people[1::2], strict=False) if known[a][1] != known[b][1]]
    theirs = {b: known[a][0] for a, b in pairs}
    for name, draft in drafts.items():
        at = draft.free_rows_of(np.array([person for pair in pairs for person in pair], np.int64))
        draft.claim(rates["number_shared", name], at, _renumbered(draft.clean[at], theirs))


def give_second_number(drafts: Drafts, rates: Rates, numbers: dict[int, str], rng: np.random.Generator) -> None:
    """Add a register row under a second number for each of these people, and put it on half of their other records."""
    if numbers:
        register = drafts[REGISTER.name]
        at = register.free_rows_of(np.array(list(numbers), np.int64))
        elsewhere = register.clean["practice_code"].sample(len(at), with_replacement=True, seed=int(rng.integers(2**31)))
        register.claim(rates["two_numbers", REGISTER.name], at, _renumbered(register.clean[at], numbers).with_columns(elsewhere), where="end")
        _carry(drafts, rates, "two_numbers", numbers, rng)


def leave_replaced_number(drafts: Drafts, rates: Rates, world: World, numbers: dict[int, str], rng: np.random.Generator) -> None:
    """Name a replaced number on the register rows of these people, and leave it on half of their other records."""
    if numbers:
        register = drafts[REGISTER.name]
        at = register.free_rows_of(np.array(list(numbers), np.int64))
        old = _renumbered(register.clean[at], numbers)["nhs_number"]
        since = pl.Series([(world.window.end - timedelta(days=int(days))).isoformat() for days in rng.integers(30, 700, len(at))])
        named = register.clean[at].with_columns(replaced_nhs_number=old, replaced_nhs_number_date=since)
        register.claim(rates["number_superseded", REGISTER.name], at, named)
        _carry(drafts, rates, "number_superseded", numbers, rng)


def label_twins(drafts: Drafts, rates: Rates) -> None:
    """Label, and leave as they are, the unclaimed records of people who share birth date, sex, family name and address."""
    shared = ("date_of_birth", "sex", "family_name", "address_line_1", "postcode")
    register = drafts[REGISTER.name].clean.select("true_person", *shared).drop_nulls().unique(["true_person"], maintain_order=True)
    twins = register.filter(pl.len().over(shared) > 1)["true_person"].to_numpy()
    for name, draft in drafts.items():
        draft.claim(rates["twin", name], draft.free_rows_of(twins))


def _carry(drafts: Drafts, rates: Rates, fault: str, numbers: dict[int, str], rng: np.random.Generator) -> None:
    """Put these numbers on about half of the hospital and social care records that have one; on the first in any case."""
    people = np.array(list(numbers), np.int64)
    for name in (*GROUPS["hospital"], *GROUPS["social"]):
        draft = drafts[name]
        at = draft.free_rows_of(people)
        at = at[draft.clean["nhs_number"].is_not_null().to_numpy()[at]]
        chosen = rng.random(len(at)) < 0.5
        chosen[:1] = True
        draft.claim(rates[fault, name], at[chosen], _renumbered(draft.clean[at[chosen]], numbers))


def _renumbered(rows: pl.DataFrame, numbers: dict[int, str]) -> pl.DataFrame:
    """These rows with the number that each person is given, if any, in place of their own."""
    given = pl.col("true_person").replace_strict(numbers, default=None, return_dtype=pl.String)
    return rows.with_columns(pl.coalesce(given, "nhs_number").alias("nhs_number"))


def _new_numbers(drafts: Drafts, count: int, rng: np.random.Generator) -> list[str]:
    """Numbers that nobody in the locality has."""
    drawn = sound(rng, 2 * count + 20, *SYNTHETIC)
    taken: set[str] = set()
    for draft in drafts.values():
        taken |= set(draft.clean["nhs_number"].filter(draft.clean["nhs_number"].is_in(drawn)))
    return [number for number in drawn if number not in taken][:count]
