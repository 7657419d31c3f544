"""What the faults need to know of the locality as a whole: its window, who is on the register, and addresses to confuse."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.periods import Period
from synthetic.faults.draft import Rows
from synthetic.locality import Locality
from synthetic.names import pools
from synthetic.streams import stream

REGISTER = EXTRACTS["gp_registrations"]


@dataclass(frozen=True)
class World:
    """`register` has one row per person on the register: true_person, nhs_number, date_of_birth, rows, objects (whether the
    person opted out). `traceable` are the people against whose register row a record can be traced. `addresses`,
    `care_homes` and `hostels` have address_line_1 and postcode.
    """

    window: Period
    register: pl.DataFrame
    traceable: pl.DataFrame
    addresses: pl.DataFrame
    care_homes: pl.DataFrame
    hostels: pl.DataFrame

    def without(self, people: Rows) -> World:
        """The same world, in which no record can be traced against these people's register rows."""
        return replace(self, traceable=self.traceable.filter(~pl.col("true_person").is_in(people.tolist())))


def world_of(locality: Locality, window: Period, seed: int) -> World:
    """The world of a clean locality."""
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
    named, rng = pools(seed), stream(seed, "places that many share")
    return World(
        window,
        register,
        register.filter(~pl.col("objects") & pl.col("date_of_birth").is_not_null()),
        addresses.select("address_line_1", "postcode"),
        homes if homes.height else _placed(named.care_homes, locality.lookup, rng),
        _placed(named.hostels, locality.lookup, rng),
    )


def _placed(names: np.ndarray, lookup: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Twenty named places, each with a postcode of the locality."""
    some = rng.choice(names, 20, replace=False)
    return pl.DataFrame({"address_line_1": some, "postcode": lookup["postcode"].sample(20, with_replacement=True, seed=int(rng.integers(2**31)))})
