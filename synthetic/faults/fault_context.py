"""What the faults use of the whole locality: its window, the people on the register, and addresses to mix up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.periods import Period
from synthetic.faults.extract_draft import Positions
from synthetic.locality import Locality
from synthetic.names import TextArray, name_pools
from synthetic.streams import stream

REGISTER = EXTRACTS["gp_registrations"]


@dataclass(frozen=True)
class FaultContext:
    """`register` has one row per person on the register: true_person, nhs_number, date_of_birth, rows, objects (whether the person opted out).

    `traceable` are the people to whose register row a record can be traced. `addresses`, `care_homes` and `hostels` have
    address_line_1 and postcode.
    """

    window: Period
    register: pl.DataFrame
    traceable: pl.DataFrame
    addresses: pl.DataFrame
    care_homes: pl.DataFrame
    hostels: pl.DataFrame

    def excluding(self, people: Positions) -> FaultContext:
        """Return the context without these people among the traceable ones."""
        return replace(self, traceable=self.traceable.filter(~pl.col("true_person").is_in(people.tolist())))


def build_fault_context(locality: Locality, window: Period, seed: int) -> FaultContext:
    """Build the context of a clean locality."""
    rows = locality.extracts[REGISTER.name]
    register = (
        rows.group_by("true_person")
        .agg(
            pl.col("nhs_number", "date_of_birth").first(),
            pl.len().alias("rows"),
            (pl.col("type_1_opt_out") == "Y").fill_null(value=False).any().alias("objects"),
        )
        .sort("true_person")
    )
    addresses = rows.select("address_line_1", "postcode", "residential_institute").drop_nulls(["address_line_1", "postcode"])
    homes = addresses.filter(pl.col("residential_institute") == "Y").select("address_line_1", "postcode").unique(maintain_order=True)
    address_names, rng = name_pools(seed), stream(seed, "places that many share")
    return FaultContext(
        window,
        register,
        register.filter(~pl.col("objects") & pl.col("date_of_birth").is_not_null()),
        addresses.select("address_line_1", "postcode"),
        homes if homes.height else _draw_addresses(address_names.care_homes, locality.lookup, rng),
        _draw_addresses(address_names.hostels, locality.lookup, rng),
    )


def _draw_addresses(names: TextArray, lookup: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return twenty named communal addresses, each with a postcode of the locality."""
    chosen = rng.choice(names, 20, replace=False)
    return pl.DataFrame({"address_line_1": chosen, "postcode": lookup["postcode"].sample(20, with_replacement=True, seed=int(rng.integers(2**31)))})
