"""Put faults into a locality."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.periods import window_to
from synthetic.faults.byte_faults import BYTE_FAULTS
from synthetic.faults.catalogue import ROW_FAULTS
from synthetic.faults.extract_draft import ExtractDraft, Positions
from synthetic.faults.fault_context import REGISTER, FaultContext, build_fault_context
from synthetic.faults.people import inject_person_faults, label_twins
from synthetic.faults.rates import FaultRate, load_rates
from synthetic.locality import Locality
from synthetic.profiles import Profile
from synthetic.streams import stream

MIN_POOL_SIZE = 300_000


@dataclass(frozen=True)
class FaultedLocality:
    """A locality with its faults.

    `labels` has one row per faulty row: extract, row (the first data row is 1), fault, outcome, reason, rule. `byte_faults` are those
    (extract, row, fault) that are applied only when a CSV file is written; in the frames these rows are still sound.
    """

    people: pl.DataFrame
    extracts: dict[str, pl.DataFrame]
    labels: pl.DataFrame
    byte_faults: pl.DataFrame


def inject_faults(
    locality: Locality, profile: Profile, seed: int, rates: Iterable[FaultRate] | None = None, as_at: date = date(2014, 9, 30)
) -> FaultedLocality:
    """Put faults into a clean locality. The same seed gives the same faults.

    `rates` may omit faults of a row or of a person. Faults that follow from the locality itself (clients whose number the council
    does not hold, people who object, twins) are always present.
    """
    profile_rates = {(rate.fault, rate.extract): rate for rate in load_rates() if rate.per == "profile"}
    chosen_rates = tuple(load_rates() if rates is None else rates)
    by_person = profile_rates | {(rate.fault, rate.extract): rate for rate in chosen_rates if rate.per == "person"}
    drafts = {name: ExtractDraft(EXTRACTS[name], frame) for name, frame in locality.extracts.items()}
    context = build_fault_context(locality, window_to(as_at), seed)
    context = context.excluding(inject_person_faults(drafts, by_person, context, profile.social_care_number_coverage, seed))
    by_row = [rate for rate in chosen_rates if rate.per == "row"]
    context = context.excluding(inject_register_faults(drafts[REGISTER.name], by_row, context, seed))
    for name, draft in drafts.items():
        if name != REGISTER.name:
            inject_row_faults(draft, [rate for rate in by_row if rate.extract == name], context, seed)
    label_twins(drafts, by_person)
    finished = {name: draft.finish() for name, draft in drafts.items()}
    labels = pl.concat([label for _, label in finished.values()])
    byte_faults = labels.filter(pl.col("fault").is_in(list(BYTE_FAULTS))).select("extract", "row", "fault")
    return FaultedLocality(locality.people, {name: frame for name, (frame, _) in finished.items()}, labels, byte_faults)


def inject_row_faults(draft: ExtractDraft, rates: list[FaultRate], context: FaultContext, seed: int, allowed: pl.Expr | None = None) -> None:
    """Spread faults of single rows over the unclaimed rows, in the order of the rates."""
    # In a large extract a sample of the free rows is enough to find rows for rare faults, and much faster to search.
    free = np.flatnonzero(~draft.claimed)
    size = min(len(free), max(MIN_POOL_SIZE, int(3 * sum(rate.rate for rate in rates) * len(free))))
    chosen = np.sort(stream(seed, f"pool of {draft.table.name}").choice(free, size, replace=False)) if size < len(free) else free
    pool = draft.clean[chosen].with_columns(pl.Series("_at", chosen))
    for rate in rates:
        fault, rng = ROW_FAULTS[rate.fault], stream(seed, f"{rate.fault} in {draft.table.name}")
        can_apply = fault.can_apply(draft.table, context) & ~pl.lit(pl.Series(draft.claimed[chosen]))
        candidates = (
            pool.select((can_apply if allowed is None else can_apply & allowed).fill_null(value=False).alias("can_apply"))["can_apply"].arg_true().to_numpy()
        )
        wanted = max(1, round(rate.rate * len(candidates) * len(free) / size)) if size else 0
        if rate.rate > 0 and len(candidates):
            rows = pool[np.sort(rng.choice(candidates, min(wanted, len(candidates)), replace=False))]
            faulty = fault.inject(rows, draft.table, context, rng)
            draft.claim(rate, faulty["_at"].to_numpy(), None if rate.fault in BYTE_FAULTS else faulty, fault.placement)


def inject_register_faults(register: ExtractDraft, rates: list[FaultRate], context: FaultContext, seed: int) -> Positions:
    """Put the row faults into the register, and return the people whose register row becomes unusable.

    Only people with a single register row are changed, so that the outcome of their records elsewhere is certain.
    """
    register_rates = [rate for rate in rates if rate.extract == REGISTER.name]
    once = context.traceable.filter(pl.col("rows") == 1)["true_person"]
    inject_row_faults(register, register_rates, context, seed, pl.col("true_person").is_in(once.implode()))
    unusable = [change.positions for change in register.changes if change.rate in register_rates and change.placement == "instead" and change.rate.outcome]
    lost: Positions = register.clean["true_person"].to_numpy()[np.concatenate([np.empty(0, np.int64), *unusable])]
    return lost
