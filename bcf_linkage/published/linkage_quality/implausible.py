"""Links that can hardly be right: what happened after death or before birth, to the other sex, or in two beds at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import narwhals as nw

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.places import Place
from bcf_linkage.published.linkage_quality.match import sources
from bcf_linkage.published.linkage_quality.tallies import REGISTER, tally

SEX = {"hospital_admissions": "sex", "emergency_care": "sex", "outpatients": "sex", "adult_social_care": "gender"}
MALE_OR_FEMALE = ("1", "2")
STAYS, ADMITTED, DISCHARGED = "hospital_admissions", "start_date_hospital_provider_spell", "discharge_date_from_hospital_provider_spell"
DIAGNOSIS = "primary_diagnosis_icd"


@dataclass(frozen=True)
class Scenario:
    """One way for a linked record to be implausible, as an expression over the record and what the register says of its person."""

    measure: str
    holds: nw.Expr


def implausible(received: Mapping[str, nw.LazyFrame], spells: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """Received rows, the register's among them, and `spells` -> tallies of linked records, and of stays, that can hardly be right."""
    register = _register(received[REGISTER])
    scenarios = [_scenarios(rows, extract, register, rules) for extract, rows in sources(received).items()]
    return nw.concat([*scenarios, _stays(spells, received[REGISTER])])


def _register(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Registrations -> one row per linked person: day of death, sex and month of birth, each null where rows contradict one another."""
    known = {"death": "date_of_death", "sex": "sex", "born": "birth_month"}
    linked = rows.filter(nw.col("place") == Place.LINKED)
    ends = {f"{end}_{name}": getattr(nw.col(column), end)() for name, column in known.items() for end in ("min", "max")}
    people = linked.group_by("person").agg(**ends)
    alike = {f"register_{name}": nw.when(nw.col(f"min_{name}") == nw.col(f"max_{name}")).then(nw.col(f"min_{name}")) for name in known}
    return people.select("person", **alike)


def _scenarios(rows: nw.LazyFrame, extract: str, register: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """One row per scenario that the extract can tell of."""
    event = EXTRACTS[extract].event_date
    day, death, born = nw.col(str(event)), nw.col("register_death"), nw.col("register_born")
    found = [Scenario("after_death", day > death.dt.offset_by(f"{rules.limits.days_after_death}d").cast(nw.Date))]
    month_born = born.str.slice(0, 4).cast(nw.Int64) * 12 + born.str.slice(5, 2).cast(nw.Int64)
    found.append(Scenario("before_birth", day.dt.year().cast(nw.Int64) * 12 + day.dt.month().cast(nw.Int64) < month_born))
    found.append(Scenario("other_birth_month", nw.col("birth_month") != born))
    if extract in SEX:
        ours, theirs = nw.col(SEX[extract]), nw.col("register_sex")
        found.append(Scenario("other_sex", ours.is_in(MALE_OR_FEMALE) & theirs.is_in(MALE_OR_FEMALE) & (ours != theirs)))
    if extract == STAYS:
        found.append(Scenario("sex_contradicted", _contradicted(rules)))
    linked = rows.filter(nw.col("place") == Place.LINKED).join(register, on="person", how="inner")
    flags = linked.select(**{each.measure: nw.when(each.holds.fill_null(False)).then(1).otherwise(0) for each in found})
    summed = flags.select(**{each.measure: nw.col(each.measure).sum() for each in found})
    long = summed.with_columns(area_code=nw.lit(extract)).unpivot(on=[e.measure for e in found], index="area_code", variable_name="measure", value_name="count")
    return tally(long, nw.col("measure"), nw.col("area_code"), nw.col("count").fill_null(0))


def _contradicted(rules: QualityRules) -> nw.Expr:
    """Whether the primary diagnosis is one that the sex on the register rules out."""
    code, sex = nw.col(DIAGNOSIS), nw.col("register_sex")
    ruled_out = [(sex == each.sex) & (code.str.slice(0, len(beginning)) == beginning) for each in rules.contradictions for beginning in each.begins_with]
    return nw.any_horizontal(*ruled_out, ignore_nulls=True)


def _stays(spells: nw.LazyFrame, register: nw.LazyFrame) -> nw.LazyFrame:
    """Stays of a night or more of linked people, and those that begin before an earlier one of the same person has ended."""
    linked = register.filter(nw.col("place") == Place.LINKED).select("person").unique()
    nights = spells.filter(nw.col("nights") > 0).join(linked, on="person", how="semi")
    # A stay that is still open is taken to overlap nothing after it.
    stays = nights.select("person", first=nw.col(ADMITTED), last=nw.coalesce(nw.col(DISCHARGED), nw.col(ADMITTED)))
    order = ["first", "last"]
    longest = stays.with_columns(longest=nw.col("last").cum_max().over("person", order_by=order))
    before = longest.with_columns(before=nw.col("longest").shift(1).over("person", order_by=order))
    flagged = before.select(stays_linked=nw.lit(1), overlapping_stays=nw.when((nw.col("first") < nw.col("before")).fill_null(False)).then(1).otherwise(0))
    summed = flagged.select(nw.col("stays_linked").sum(), nw.col("overlapping_stays").sum()).with_columns(area_code=nw.lit(STAYS))
    long = summed.unpivot(on=["stays_linked", "overlapping_stays"], index="area_code", variable_name="measure", value_name="count")
    return tally(long, nw.col("measure"), nw.col("area_code"), nw.col("count").fill_null(0))
