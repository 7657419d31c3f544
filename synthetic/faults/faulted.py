"""Put the faults into a locality."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.periods import window_to
from synthetic.faults.catalogue import ROW_FAULTS
from synthetic.faults.draft import Draft, Rows
from synthetic.faults.people import label_twins, spoil_people
from synthetic.faults.rates import Rate, load_rates
from synthetic.faults.raw import RAW
from synthetic.faults.world import REGISTER, World, world_of
from synthetic.locality import Locality
from synthetic.profiles import Profile
from synthetic.streams import stream

POOL = 300_000


@dataclass(frozen=True)
class Faulted:
    """A locality with its faults.

    `labels` has one row per faulty row: extract, row (the first data row is 1), fault, place, reason, rule. `raw` are those
    of them (extract, row, fault) that are put in only as a CSV file is written; the frames hold those rows still sound.
    """

    people: pl.DataFrame
    extracts: dict[str, pl.DataFrame]
    labels: pl.DataFrame
    raw: pl.DataFrame


def apply(locality: Locality, profile: Profile, seed: int, rates: Iterable[Rate] | None = None, as_at: date = date(2014, 9, 30)) -> Faulted:
    """A clean locality to one with faults, the same for the same seed.

    `rates` may leave out faults of a row or of a person; what follows from the locality itself (clients whose number the
    council does not hold, people who object, twins) is always there.
    """
    standing = {(rate.fault, rate.extract): rate for rate in load_rates() if rate.per == "profile"}
    asked = tuple(load_rates() if rates is None else rates)
    by_person = standing | {(rate.fault, rate.extract): rate for rate in asked if rate.per == "person"}
    drafts = {name: Draft(EXTRACTS[name], frame) for name, frame in locality.extracts.items()}
    world = world_of(locality, window_to(as_at), seed)
    world = world.without(spoil_people(drafts, by_person, world, profile.social_care_number_coverage, seed))
    by_row = [rate for rate in asked if rate.per == "row"]
    world = world.without(spoil_register(drafts[REGISTER.name], by_row, world, seed))
    for name, draft in drafts.items():
        if name != REGISTER.name:
            spoil_rows(draft, [rate for rate in by_row if rate.extract == name], world, seed)
    label_twins(drafts, by_person)
    finished = {name: draft.finish() for name, draft in drafts.items()}
    labels = pl.concat([label for _, label in finished.values()])
    raw = labels.filter(pl.col("fault").is_in(list(RAW))).select("extract", "row", "fault")
    return Faulted(locality.people, {name: frame for name, (frame, _) in finished.items()}, labels, raw)


def spoil_rows(draft: Draft, rates: list[Rate], world: World, seed: int, allowed: pl.Expr | None = None) -> None:
    """Spread faults of single rows over the unclaimed rows, in the order of the rates."""
    free = np.flatnonzero(~draft.taken)
    size = min(len(free), max(POOL, int(3 * sum(rate.rate for rate in rates) * len(free))))
    chosen = np.sort(stream(seed, f"pool of {draft.table.name}").choice(free, size, replace=False)) if size < len(free) else free
    pool = draft.clean[chosen].with_columns(pl.Series("_at", chosen))
    for rate in rates:
        fault, rng = ROW_FAULTS[rate.fault], stream(seed, f"{rate.fault} in {draft.table.name}")
        carries = fault.carries(draft.table, world) & ~pl.lit(pl.Series(draft.taken[chosen]))
        carriers = pool.select((carries if allowed is None else carries & allowed).fill_null(value=False).alias("carries"))["carries"].arg_true().to_numpy()
        wanted = max(1, round(rate.rate * len(carriers) * len(free) / size)) if size else 0
        if rate.rate > 0 and len(carriers):
            rows = pool[np.sort(rng.choice(carriers, min(wanted, len(carriers)), replace=False))]
            spoilt = fault.spoil(rows, draft.table, world, rng)
            draft.claim(rate, spoilt["_at"].to_numpy(), None if rate.fault in RAW else spoilt, fault.where)


def spoil_register(register: Draft, rates: list[Rate], world: World, seed: int) -> Rows:
    """Put the row faults into the register, and return the people whose row there can no longer be used.

    Only people who have no other row there are touched, so that what becomes of their records elsewhere is certain.
    """
    mine = [rate for rate in rates if rate.extract == REGISTER.name]
    once = world.traceable.filter(pl.col("rows") == 1)["true_person"]
    spoil_rows(register, mine, world, seed, pl.col("true_person").is_in(once.implode()))
    losing = [change.at for change in register.changes if change.rate in mine and change.where == "instead" and change.rate.place]
    lost: Rows = register.clean["true_person"].to_numpy()[np.concatenate([np.empty(0, np.int64), *losing])]
    return lost
