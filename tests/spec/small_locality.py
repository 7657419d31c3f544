"""A small random locality that keeps every declared rule, for tests that need no more of people than that."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Column, Table, Type
from synthetic.locality import Locality
from synthetic.names import pools
from synthetic.nhs_numbers import SYNTHETIC, sound

WINDOW = (date(2012, 10, 1), date(2014, 9, 30))
BLANK = {"date_of_death", "replaced_nhs_number", "replaced_nhs_number_date", "registration_end_date"}
VALUES = {
    "practice_code": "J82901",
    "gp_practice_code": "J82901",
    "practice_code_of_registered_gp": "J82901",
    "organisation_code_code_of_provider": "RHM",
    "la_code": "E06000045",
    "code": "H33..",
    "arrival_time": "10:30",
    "primary_procedure_opcs": "W371",
}


def small_locality(people: int = 2000, seed: int = 1) -> Locality:
    """People of whom nine in ten are on the register (some twice), with two records each, on average, in every other extract."""
    rng = np.random.default_rng(seed)
    who = _people(people, rng)
    registered = who.filter(pl.col("true_person") % 10 != 0)
    again = registered.filter(pl.col("true_person") % 50 == 1)
    seen = {name: who.sample(2 * people, with_replacement=True, seed=seed + n) for n, name in enumerate(EXTRACTS)}
    whose = {**seen, "gp_registrations": pl.concat([registered, again])}
    lookup = who.select("postcode").unique(maintain_order=True).with_columns(lsoa=pl.lit("E01990000"), deprivation_decile=pl.lit(5))
    return Locality(who, {name: _records(table, whose[name], rng) for name, table in EXTRACTS.items()}, lookup)


def _people(count: int, rng: np.random.Generator) -> pl.DataFrame:
    names, home = pools(1), rng.integers(0, count // 2, count)
    sex = rng.choice(["1", "2"], count)
    male, female = (rng.choice(names.given["B", code], count) for code in "12")
    frame = pl.DataFrame(
        {
            "true_person": np.arange(count),
            "nhs_number": sound(rng, count, *SYNTHETIC),
            "given_name": np.where(sex == "1", male, female),
            "family_name": rng.choice(names.family["B"], count),
            "date_of_birth": np.datetime_as_string(np.datetime64("1925-01-01") + rng.integers(0, 32_000, count)),
            "sex": sex,
            "address_line_1": [f"{names.houses[h % 1000]} {names.streets[h % 1000]}" for h in home],
            "postcode": [f"SO{14 + h % 6} {h % 10}{'CIKMOV'[h % 6]}{'CIKMOV'[h // 7 % 6]}" for h in home],
            "type_1_opt_out": np.where(rng.random(count) < 0.02, "Y", "N"),
        }
    )
    twin = {"true_person": np.arange(count, count + 20), "nhs_number": sound(rng, 20, *SYNTHETIC), "given_name": ["Twin"] * 20}
    return pl.concat([frame, frame[:20].with_columns(**{name: pl.Series(values) for name, values in twin.items()})])


def _records(table: Table, whose: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A record for each of these people, its dates one after the other in the order of the columns."""
    start = np.datetime64(WINDOW[0]) + rng.integers(0, 650, whose.height)
    later = iter(range(0, 100, 3))
    columns = {}
    for column in table.columns:
        known = "sex" if column.name == "gender" else column.name
        if known in whose.columns:
            columns[column.name] = whose[known]
        elif column.name in BLANK:
            columns[column.name] = pl.Series([None] * whose.height, dtype=pl.String)
        elif column.type is Type.DATE:
            columns[column.name] = pl.Series(np.datetime_as_string(start + next(later)))
        else:
            columns[column.name] = _values(column, whose.height, rng)
    return pl.DataFrame({**columns, "true_person": whose["true_person"]})


def _values(column: Column, count: int, rng: np.random.Generator) -> pl.Series:
    if column.codes is not None:
        return pl.Series(rng.choice(column.codes.codes, count))
    if column.name in VALUES or column.name.endswith("_icd") or "_icd_" in column.name:
        return pl.Series([VALUES.get(column.name, "J46X")] * count)
    if column.type in (Type.INTEGER, Type.DECIMAL):
        return pl.Series(["1"] * count)
    return pl.Series([f"{column.name[:4]}{n}" for n in range(count)])
