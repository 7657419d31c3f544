"""Links that can hardly be right: what happened after death or before birth, to the other sex, or in two places at once."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.extracts.adult_social_care import HOME_CARE
from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.places import Place
from bcf_linkage.published.linkage_quality.match import sources
from bcf_linkage.published.linkage_quality.tallies import REGISTER, tally

MALE_OR_FEMALE = ("1", "2")
STAYS, ADMITTED, DISCHARGED = "hospital_admissions", "start_date_hospital_provider_spell", "discharge_date_from_hospital_provider_spell"
DIAGNOSIS = "primary_diagnosis_icd"
PROVIDER, SPELL, TRUST = "organisation_code_code_of_provider", "hospital_provider_spell_number", 3
"""Sites of one trust share the beginning of their code, so long."""

CARE = "adult_social_care"


def implausible(
    received: Mapping[str, nw.LazyFrame], contacts: nw.LazyFrame, spells: nw.LazyFrame, placements: nw.LazyFrame, rules: QualityRules
) -> nw.LazyFrame:
    """Received rows, the register's among them, `contacts`, `spells` and `placements` -> tallies of linked records, and of stays, that can hardly be right.

    `placements` are stays in care homes: `person`, `first_day`, `last_day`.
    """
    register = _register(received[REGISTER])
    linked = contacts.filter(nw.col("place") == Place.LINKED).join(register, on="person", how="inner")
    found = [_persons(linked.filter(nw.col("extract") == extract), extract) for extract in sources(received)]
    found += [_days(rows, linked.filter(nw.col("extract") == extract), extract, rules) for extract, rows in sources(received).items()]
    if STAYS in received:
        found.append(_diagnoses(received[STAYS], register, rules))
    people = received[REGISTER].filter(nw.col("place") == Place.LINKED).select("person").unique()
    nights = spells.filter(nw.col("nights") > 0).join(people, on="person", how="semi")
    # A stay that is still open is taken to overlap nothing after it.
    hospital = nw.col(PROVIDER).str.slice(0, TRUST)
    stays = nights.select("person", spell=nw.col(SPELL), hospital=hospital, first=nw.col(ADMITTED), last=nw.coalesce(nw.col(DISCHARGED), nw.col(ADMITTED)))
    found += [_overlapping(stays, STAYS, "stays_linked", "overlapping_stays"), _elsewhere(stays)]
    if CARE in received:
        homes = placements.join(people, on="person", how="semi").select("person", first=nw.col("first_day"), last=nw.col("last_day"))
        found += [_overlapping(homes, CARE, "placements_linked", "two_homes"), _cared_for_at_home(stays, received[CARE], rules.limits.long_stay)]
    return nw.concat(found)


def _register(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Registrations -> one row per linked person: day of death, sex and month of birth, each null where rows contradict one another."""
    known = {"death": "date_of_death", "sex": "sex", "born": "birth_month"}
    linked = rows.filter(nw.col("place") == Place.LINKED)
    ends = {f"{end}_{name}": getattr(nw.col(column), end)() for name, column in known.items() for end in ("min", "max")}
    people = linked.group_by("person").agg(**ends)
    alike = {f"register_{name}": nw.when(nw.col(f"min_{name}") == nw.col(f"max_{name}")).then(nw.col(f"min_{name}")) for name in known}
    return people.select("person", **alike)


def _persons(contacts: nw.LazyFrame, extract: str) -> nw.LazyFrame:
    """Linked contacts of an extract beside the register -> how many records tell of another month of birth, or of the other sex."""
    ours, theirs = nw.col("sex"), nw.col("register_sex")
    holds = {"other_birth_month": nw.col("birth_month") != nw.col("register_born")}
    if any(column.codes == code_list("sex") for column in EXTRACTS[extract].columns):
        holds["other_sex"] = ours.is_in(MALE_OR_FEMALE) & theirs.is_in(MALE_OR_FEMALE) & (ours != theirs)
    return _counted(contacts, extract, holds, nw.col("records"))


def _days(rows: nw.LazyFrame, contacts: nw.LazyFrame, extract: str, rules: QualityRules) -> nw.LazyFrame:
    """How many linked records of an extract lie after the death or before the birth of their person.

    Only of people of whom a first or last day does are the rows looked at.
    """
    death, born = _later(nw.col("register_death"), rules.limits.days_after_death), nw.col("register_born")
    month_born = born.str.slice(0, 4).cast(nw.Int64) * 12 + born.str.slice(5, 2).cast(nw.Int64)

    def holds(first: str, last: str) -> dict[str, nw.Expr]:
        return {"after_death": nw.col(last) > death, "before_birth": nw.col(first).dt.year().cast(nw.Int64) * 12 + nw.col(first).dt.month() < month_born}

    doubtful = contacts.filter(nw.any_horizontal(*holds("first_day", "last_day").values(), ignore_nulls=True))
    whose = doubtful.select("person", "register_death", "register_born").unique()
    records = rows.filter(nw.col("place") == Place.LINKED).select("person", day=nw.col(str(EXTRACTS[extract].event_date)))
    return _counted(records.join(whose, on="person", how="inner"), extract, holds("day", "day"), nw.lit(1))


def _diagnoses(stays: nw.LazyFrame, register: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """How many linked episodes have a primary diagnosis that the sex on the register rules out."""
    linked = stays.filter(nw.col("place") == Place.LINKED).select("person", DIAGNOSIS).join(register, on="person", how="inner")
    return _counted(linked, STAYS, {"sex_contradicted": _contradicted(rules)}, nw.lit(1))


def _counted(rows: nw.LazyFrame, extract: str, holds: Mapping[str, nw.Expr], records: nw.Expr) -> nw.LazyFrame:
    """Rows -> one tally per measure: of how many records it holds."""
    summed = rows.select(**{measure: nw.when(each.fill_null(False)).then(records).otherwise(0).sum() for measure, each in holds.items()})
    long = summed.with_columns(area_code=nw.lit(extract)).unpivot(on=list(holds), index="area_code", variable_name="measure", value_name="count")
    return tally(long, nw.col("measure"), nw.col("area_code"), nw.col("count").fill_null(0))


def _contradicted(rules: QualityRules) -> nw.Expr:
    """Whether the primary diagnosis is one that the sex on the register rules out."""
    code, sex = nw.col(DIAGNOSIS), nw.col("register_sex")
    ruled_out = [(sex == each.sex) & (code.str.slice(0, len(beginning)) == beginning) for each in rules.contradictions for beginning in each.begins_with]
    return nw.any_horizontal(*ruled_out, ignore_nulls=True)


def _overlapping(stays: nw.LazyFrame, extract: str, all_of_them: str, overlapping: str) -> nw.LazyFrame:
    """Stays with `person`, `first` and `last` -> how many there are, and how many begin before an earlier one of the same person has ended."""
    order = ["first", "last"]
    longest = stays.with_columns(longest=nw.col("last").cum_max().over("person", order_by=order))
    before = longest.with_columns(before=nw.col("longest").shift(1).over("person", order_by=order))
    return _counted(before, extract, {all_of_them: ~nw.col("first").is_null(), overlapping: nw.col("first") < nw.col("before")}, nw.lit(1))


def _elsewhere(stays: nw.LazyFrame) -> nw.LazyFrame:
    """How many stays begin while an earlier one of the same person, at another hospital, goes on."""
    others = stays.select("person", other=nw.col("hospital"), other_first=nw.col("first"), other_last=nw.col("last"))
    same_day, same_days = nw.col("other_first") == nw.col("first"), nw.col("other_last") == nw.col("last")
    sooner = (nw.col("other_last") < nw.col("last")) | (same_days & (nw.col("other") < nw.col("hospital")))
    is_earlier = (nw.col("other_first") < nw.col("first")) | (same_day & sooner)
    pairs = stays.join(others, on="person", how="inner").filter(nw.col("hospital") != nw.col("other"))
    at_once = pairs.filter(is_earlier & (nw.col("first") < nw.col("other_last")))
    return _counted(at_once.select("spell").unique(), STAYS, {"stays_at_two_hospitals": ~nw.col("spell").is_null()}, nw.lit(1))


def _cared_for_at_home(stays: nw.LazyFrame, social_care: nw.LazyFrame, nights: int) -> nw.LazyFrame:
    """How many stays are of more than so many nights, and for how many of them one service at home covers more than so many."""
    begun, ended = nw.col("event_start_date"), nw.col("event_end_date")
    care = social_care.filter((nw.col("place") == Place.LINKED) & (nw.col("service_component") == HOME_CARE)).select("person", begun=begun, ended=ended)
    long = stays.filter(nw.col("last") > _later(nw.col("first"), nights))
    joined = long.join(care, on="person", how="inner")
    covered = joined.filter(
        (nw.col("begun") < _later(nw.col("last"), -nights))
        & (nw.col("ended").is_null() | (nw.col("ended") > _later(nw.col("first"), nights)))
        & (nw.col("ended").is_null() | (nw.col("ended") > _later(nw.col("begun"), nights)))
    )
    both = {"long_stays_linked": long.select("spell"), "home_care_in_long_stays": covered.select("spell").unique()}
    return nw.concat([_counted(rows, STAYS, {measure: ~nw.col("spell").is_null()}, nw.lit(1)) for measure, rows in both.items()])


def _later(day: nw.Expr, days: int) -> nw.Expr:
    return day.dt.offset_by(f"{days}d").cast(nw.Date)
