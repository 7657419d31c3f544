"""Faults in all records of a person: what the register and the council hold of the person's number."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from synthetic.faults.extract_draft import ExtractDraft, Positions
from synthetic.faults.fault_context import REGISTER, FaultContext
from synthetic.faults.rates import EXTRACT_GROUPS, FaultRate
from synthetic.nhs_numbers import SYNTHETIC_RANGE, draw_nhs_numbers
from synthetic.streams import stream

ExtractDrafts = dict[str, ExtractDraft]
RatesByFault = dict[tuple[str, str], FaultRate]


def inject_person_faults(drafts: ExtractDrafts, rates: RatesByFault, context: FaultContext, coverage: float, seed: int) -> Positions:
    """Put the faults of persons into all the unclaimed rows that they touch, and label the rows of people who object.

    Return the people who share a number: no record can be traced to their register rows.
    """
    remove_numbers_not_held(drafts[EXTRACT_GROUPS["social"][0]], rates, coverage, stream(seed, "number_not_held"))
    rng = stream(seed, "person faults")
    shared, doubled, replaced = _choose_people(drafts, rates, context, rng)
    share_numbers(drafts, rates, context, shared)
    new = _draw_unused_numbers(drafts, len(doubled) + len(replaced), rng)
    add_second_number(drafts, rates, dict(zip(doubled, new, strict=False)), rng)
    add_superseded_number(drafts, rates, context, dict(zip(replaced, new[len(doubled) :], strict=True)), rng)
    objectors = context.register.filter("objects")["true_person"].to_numpy()
    for name, draft in drafts.items():
        draft.claim(rates["type_1", name], draft.unclaimed_rows(objectors))
    return np.array(shared, np.int64)


def remove_numbers_not_held(draft: ExtractDraft, rates: RatesByFault, coverage: float, rng: np.random.Generator) -> None:
    """Blank the number on all rows of a share of clients, those whose number the council does not hold: 1 less the coverage."""
    clients = draft.clean["true_person"].unique().sort().to_numpy()
    clients_without_number = rng.permutation(clients)[: round((1 - coverage) * len(clients))]
    positions = draft.unclaimed_rows(clients_without_number)
    draft.claim(rates["number_not_held", draft.table.name], positions, draft.clean[positions].with_columns(nhs_number=pl.lit(None, pl.String)))


def _choose_people(drafts: ExtractDrafts, rates: RatesByFault, context: FaultContext, rng: np.random.Generator) -> tuple[list[int], list[int], list[int]]:
    """Choose different people for each fault, all with one register row. Those of the last two faults also have hospital records."""
    once = context.traceable.filter(pl.col("rows") == 1)["true_person"]
    hospital_patients = pl.concat([drafts[name].clean["true_person"] for name in EXTRACT_GROUPS["hospital"]]).unique()
    shuffled, patients = (rng.permutation(people.to_numpy()) for people in (once, once.filter(once.is_in(hospital_patients.implode()))))
    pairs = _people_with_fault(rates, "number_shared", context)
    shared = shuffled[: 2 * pairs]
    left = patients[~np.isin(patients, shared)]
    doubled, replaced = _people_with_fault(rates, "two_numbers", context), _people_with_fault(rates, "number_superseded", context)
    return shared.tolist(), left[:doubled].tolist(), left[doubled : doubled + replaced].tolist()


def _people_with_fault(rates: RatesByFault, fault: str, context: FaultContext) -> int:
    rate = rates.get((fault, REGISTER.name))
    return max(1, round(rate.rate * context.traceable.height)) if rate and rate.rate > 0 else 0


def share_numbers(drafts: ExtractDrafts, rates: RatesByFault, context: FaultContext, people: list[int]) -> None:
    """Give the second person of each pair the number of the first on all rows, if their dates of birth differ."""
    if not people:
        return
    details = {person: (number, born) for person, number, born in context.traceable.select("true_person", "nhs_number", "date_of_birth").iter_rows()}
    pairs = [(a, b) for a, b in zip(people[::2], people[1::2], strict=False) if details[a][1] != details[b][1]]
    shared_numbers = {b: details[a][0] for a, b in pairs}
    for name, draft in drafts.items():
        positions = draft.unclaimed_rows(np.array([person for pair in pairs for person in pair], np.int64))
        draft.claim(rates["number_shared", name], positions, _replace_numbers(draft.clean[positions], shared_numbers))


def add_second_number(drafts: ExtractDrafts, rates: RatesByFault, numbers: dict[int, str], rng: np.random.Generator) -> None:
    """Add a register row under a second number for each of these people, and write that number on half of their other records."""
    if numbers:
        register = drafts[REGISTER.name]
        positions = register.unclaimed_rows(np.array(list(numbers), np.int64))
        other_practices = register.clean["practice_code"].sample(len(positions), with_replacement=True, seed=int(rng.integers(2**31)))
        register.claim(
            rates["two_numbers", REGISTER.name], positions, _replace_numbers(register.clean[positions], numbers).with_columns(other_practices), placement="end"
        )
        _put_numbers_on_records(drafts, rates, "two_numbers", numbers, rng)


def add_superseded_number(drafts: ExtractDrafts, rates: RatesByFault, context: FaultContext, numbers: dict[int, str], rng: np.random.Generator) -> None:
    """Write a replaced number on the register rows of these people, and on half of their other records in place of the current one."""
    if numbers:
        register = drafts[REGISTER.name]
        positions = register.unclaimed_rows(np.array(list(numbers), np.int64))
        old = _replace_numbers(register.clean[positions], numbers)["nhs_number"]
        since = pl.Series([(context.window.end - timedelta(days=int(days))).isoformat() for days in rng.integers(30, 700, len(positions))])
        renumbered_rows = register.clean[positions].with_columns(replaced_nhs_number=old, replaced_nhs_number_date=since)
        register.claim(rates["number_superseded", REGISTER.name], positions, renumbered_rows)
        _put_numbers_on_records(drafts, rates, "number_superseded", numbers, rng)


def label_twins(drafts: ExtractDrafts, rates: RatesByFault) -> None:
    """Label the unclaimed records of people who share birth date, sex, family name and address, and leave the records unchanged."""
    shared = ("date_of_birth", "sex", "family_name", "address_line_1", "postcode")
    register = drafts[REGISTER.name].clean.select("true_person", *shared).drop_nulls().unique(["true_person"], maintain_order=True)
    twins = register.filter(pl.len().over(shared) > 1)["true_person"].to_numpy()
    for name, draft in drafts.items():
        draft.claim(rates["twin", name], draft.unclaimed_rows(twins))


def _put_numbers_on_records(drafts: ExtractDrafts, rates: RatesByFault, fault: str, numbers: dict[int, str], rng: np.random.Generator) -> None:
    """Write these numbers on about half of the hospital and social care records that have one, and on the first in any case."""
    people = np.array(list(numbers), np.int64)
    for name in (*EXTRACT_GROUPS["hospital"], *EXTRACT_GROUPS["social"]):
        draft = drafts[name]
        positions = draft.unclaimed_rows(people)
        positions = positions[draft.clean["nhs_number"].is_not_null().to_numpy()[positions]]
        chosen = rng.random(len(positions)) < 0.5
        chosen[:1] = True
        draft.claim(rates[fault, name], positions[chosen], _replace_numbers(draft.clean[positions[chosen]], numbers))


def _replace_numbers(rows: pl.DataFrame, numbers: dict[int, str]) -> pl.DataFrame:
    """Return these rows with each person's new number, where there is one."""
    given = pl.col("true_person").replace_strict(numbers, default=None, return_dtype=pl.String)
    return rows.with_columns(pl.coalesce(given, "nhs_number").alias("nhs_number"))


def _draw_unused_numbers(drafts: ExtractDrafts, count: int, rng: np.random.Generator) -> list[str]:
    """Draw numbers that nobody in the locality has."""
    drawn = draw_nhs_numbers(rng, 2 * count + 20, *SYNTHETIC_RANGE)
    taken: set[str] = set()
    for draft in drafts.values():
        taken |= set(draft.clean["nhs_number"].filter(draft.clean["nhs_number"].is_in(drawn)))
    return [number for number in drawn if number not in taken][:count]
