"""NHS costs of a clean locality, by person and by cost band: plain arithmetic on the extracts, for calibration and tests.

It shares only the declared unit costs with the library, so that each checks the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bcf_linkage.definitions.rulebook import Prices

EMERGENCY_METHODS = ("21", "22", "23", "24", "25", "28", "2A", "2B", "2C", "2D")
ELECTIVE_METHODS = ("11", "12", "13")
ADMISSION_DATE = pl.col("start_date_hospital_provider_spell")
DISCHARGE_DATE = pl.col("discharge_date_from_hospital_provider_spell")
CLASSIFICATION = pl.col("patient_classification")
FIRST_EPISODE = pl.col("episode_number") == "1"


def health_activity(extracts: Mapping[str, pl.DataFrame], start: date, end: date) -> pl.LazyFrame:
    """Return one row per item of NHS activity from start to end, both included: true_person, item, quantity."""
    parts = [_general_practice(extracts["gp_events"]), _emergency(extracts["emergency_care"]), _outpatient(extracts["outpatients"])]
    spells = extracts["hospital_admissions"].lazy().filter(FIRST_EPISODE).with_columns(nights=_nights(end))
    parts += [_stays(spells), _excess_bed_days(spells)]
    within = pl.col("day").is_between(pl.lit(start.isoformat()), pl.lit(end.isoformat()))
    return pl.concat(part.filter(within & pl.col("item").is_not_null()).drop("day") for part in parts)


def health_costs(extracts: Mapping[str, pl.DataFrame], people: int, start: date, end: date) -> NDArray[np.float64]:
    """Return each person's cost to the NHS from start to end, both included, in pounds, by position."""
    pounds = pl.col("quantity") * pl.col("item").replace_strict(Prices.build().pounds, default=0.0, return_dtype=pl.Float64)
    totals = health_activity(extracts, start, end).group_by("true_person").agg(pounds.sum().alias("pounds")).collect()
    costs = np.zeros(people)
    costs[totals["true_person"].to_numpy()] = totals["pounds"].to_numpy()
    return costs


def summarise_bands(costs: NDArray[np.float64]) -> list[tuple[int, float]]:
    """Return people and mean cost of the five bands of equal cost, the costliest first, then of the people without cost."""
    pounds = np.sort(costs)[::-1]
    # People of equal cost are in one band: their band follows from the cost of all people who cost more.
    costlier = np.searchsorted(-pounds, -pounds, side="left")
    before = np.append(0.0, np.cumsum(pounds))[costlier] / pounds.sum()
    band = np.where(pounds > 0, np.searchsorted([0.2, 0.4, 0.6, 0.8], before, side="right"), 5)
    return [(int((band == n).sum()), float(pounds[band == n].mean()) if (band == n).any() else 0.0) for n in range(6)]


def emergency_admissions(extracts: Mapping[str, pl.DataFrame], people: int, start: date, end: date) -> NDArray[np.int64]:
    """Return each person's number of emergency admissions from start to end, both included, by position."""
    rows = extracts["hospital_admissions"]
    within = ADMISSION_DATE.is_between(pl.lit(start.isoformat()), pl.lit(end.isoformat()))
    emergency = pl.col("admission_method_hospital_provider_spell").is_in(EMERGENCY_METHODS)
    return np.bincount(rows.filter(FIRST_EPISODE & within & emergency)["true_person"].to_numpy(), minlength=people)


def _general_practice(rows: pl.DataFrame) -> pl.LazyFrame:
    prescribed = pl.col("event_type") == "medication"
    item = pl.when(prescribed).then("medication_bnf_" + pl.col("code").str.slice(0, 2)).otherwise("gp_" + pl.col("consultation_mode"))
    quantity = pl.when(prescribed).then(pl.col("value").cast(pl.Float64).fill_null(1.0)).otherwise(1.0)
    return rows.lazy().select("true_person", pl.col("event_date").alias("day"), item.alias("item"), quantity.alias("quantity"))


def _emergency(rows: pl.DataFrame) -> pl.LazyFrame:
    major = pl.when(pl.col("ae_attendance_disposal") == "01").then(pl.lit("ae_admitted")).otherwise(pl.lit("ae_not_admitted"))
    item = pl.col("ae_department_type").replace_strict({"03": "ae_minor_injuries", "04": "ae_walk_in"}, default=major, return_dtype=pl.String)
    return rows.lazy().select("true_person", pl.col("arrival_date").alias("day"), item.alias("item"), pl.lit(1.0).alias("quantity"))


def _outpatient(rows: pl.DataFrame) -> pl.LazyFrame:
    attended = rows.lazy().filter(pl.col("attended_or_did_not_attend").is_in(["5", "6"]))
    return attended.select("true_person", pl.col("appointment_date").alias("day"), pl.lit("outpatient_attendance").alias("item"), pl.lit(1.0).alias("quantity"))


def _nights(end: date) -> pl.Expr:
    return (DISCHARGE_DATE.str.to_date().fill_null(end) - ADMISSION_DATE.str.to_date()).dt.total_days()


def _stays(spells: pl.LazyFrame) -> pl.LazyFrame:
    stay = pl.when(pl.col("nights") <= 1).then(pl.lit("non_elective_short_stay")).otherwise(pl.lit("non_elective_long_stay"))
    elective = pl.when(pl.col("admission_method_hospital_provider_spell").is_in(ELECTIVE_METHODS)).then(pl.lit("elective_inpatient")).otherwise(stay)
    day = {"2": "day_case", "3": "regular_attendance", "4": "regular_attendance"}
    item = CLASSIFICATION.replace_strict(day, default=elective, return_dtype=pl.String)
    return spells.select("true_person", ADMISSION_DATE.alias("day"), item.alias("item"), pl.lit(1.0).alias("quantity"))


def _excess_bed_days(spells: pl.LazyFrame) -> pl.LazyFrame:
    beyond = pl.col("nights").cast(pl.Float64) - Prices.build().after_days("excess_bed_day")
    long = spells.filter((beyond > 0) & ~CLASSIFICATION.is_in(["2", "3", "4"]))
    return long.select("true_person", ADMISSION_DATE.alias("day"), pl.lit("excess_bed_day").alias("item"), beyond.alias("quantity"))
