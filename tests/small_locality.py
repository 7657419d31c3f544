"""A small random locality that breaks no declared rule, for tests that need nothing more of its people."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Column, Table, Type
from synthetic.locality import Locality
from synthetic.names import name_pools
from synthetic.nhs_numbers import SYNTHETIC_RANGE, draw_nhs_numbers

WINDOW = (date(2012, 10, 1), date(2014, 9, 30))
BLANK_COLUMNS = {"date_of_death", "replaced_nhs_number", "replaced_nhs_number_date", "registration_end_date"}
FIXED_VALUES = {
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
    """Return people, nine in ten on the register and some of them twice, with on average two records each in every other extract."""
    rng = np.random.default_rng(seed)
    everybody = _people(people, rng)
    registered = everybody.filter(pl.col("true_person") % 10 != 0)
    again = registered.filter(pl.col("true_person") % 50 == 1)
    seen = {name: everybody.sample(2 * people, with_replacement=True, seed=seed + n) for n, name in enumerate(EXTRACTS)}
    subjects = {**seen, "gp_registrations": pl.concat([registered, again])}
    lookup = everybody.select("postcode").unique(maintain_order=True).with_columns(lsoa=pl.lit("E01990000"), deprivation_decile=pl.lit(5))
    return Locality(everybody, {name: _records(table, subjects[name], rng) for name, table in EXTRACTS.items()}, lookup)


def _people(count: int, rng: np.random.Generator) -> pl.DataFrame:
    names, home = name_pools(1), rng.integers(0, count // 2, count)
    sex = rng.choice(["1", "2"], count)
    male, female = (rng.choice(names.given["B", code], count) for code in "12")
    frame = pl.DataFrame(
        {
            "true_person": np.arange(count),
            "nhs_number": draw_nhs_numbers(rng, count, *SYNTHETIC_RANGE),
            "given_name": np.where(sex == "1", male, female),
            "family_name": rng.choice(names.family["B"], count),
            "date_of_birth": np.datetime_as_string(np.datetime64("1925-01-01") + rng.integers(0, 32_000, count)),
            "sex": sex,
            "address_line_1": [f"{names.houses[h % 1000]} {names.streets[h % 1000]}" for h in home],
            "postcode": [f"SO{14 + h % 6} {h % 10}{'CIKMOV'[h % 6]}{'CIKMOV'[h // 7 % 6]}" for h in home],
            "type_1_opt_out": np.where(rng.random(count) < 0.02, "Y", "N"),
        }
    )
    twin = {"true_person": np.arange(count, count + 20), "nhs_number": draw_nhs_numbers(rng, 20, *SYNTHETIC_RANGE), "given_name": ["Twin"] * 20}
    return pl.concat([frame, frame[:20].with_columns(**{name: pl.Series(values) for name, values in twin.items()})])


def _records(table: Table, subjects: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return one record for each of these people, with its dates in the order of the columns."""
    start = np.datetime64(WINDOW[0]) + rng.integers(0, 650, subjects.height)
    later = iter(range(0, 100, 3))
    columns = {}
    for column in table.columns:
        identity_column = "sex" if column.name == "gender" else column.name
        if identity_column in subjects.columns:
            columns[column.name] = subjects[identity_column]
        elif column.name in BLANK_COLUMNS:
            columns[column.name] = pl.Series([None] * subjects.height, dtype=pl.String)
        elif column.type is Type.DATE:
            columns[column.name] = pl.Series(np.datetime_as_string(start + next(later)))
        else:
            columns[column.name] = _values(column, subjects.height, rng)
    return pl.DataFrame({**columns, "true_person": subjects["true_person"]})


def _values(column: Column, count: int, rng: np.random.Generator) -> pl.Series:
    if column.codes is not None:
        return pl.Series(rng.choice(column.codes.codes, count))
    if column.name in FIXED_VALUES or column.name.endswith("_icd") or "_icd_" in column.name:
        return pl.Series([FIXED_VALUES.get(column.name, "J46X")] * count)
    if column.type in (Type.INTEGER, Type.DECIMAL):
        return pl.Series(["1"] * count)
    return pl.Series([f"{column.name[:4]}{n}" for n in range(count)])
