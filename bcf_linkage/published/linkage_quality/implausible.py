"""Implausible links: records after death or before birth, of the other sex, or in two places at once."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.extracts.adult_social_care import HOME_CARE
from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.published.linkage_quality.match_rates import linked_sources
from bcf_linkage.published.linkage_quality.tallies import REGISTER, tally

MALE_OR_FEMALE = ("1", "2")
STAYS, ADMITTED, DISCHARGED = "hospital_admissions", "start_date_hospital_provider_spell", "discharge_date_from_hospital_provider_spell"
DIAGNOSIS = "primary_diagnosis_icd"
PROVIDER, SPELL, TRUST_CODE_LENGTH = "organisation_code_code_of_provider", "hospital_provider_spell_number", 3
"""The first three characters of a provider code are the trust: sites of one trust share them."""

SOCIAL_CARE_EXTRACT = "adult_social_care"


def tally_implausible_links(
    received: Mapping[str, nw.LazyFrame], contacts: nw.LazyFrame, spells: nw.LazyFrame, placements: nw.LazyFrame, rules: QualityRules
) -> nw.LazyFrame:
    """Received rows (with those of the register), `contacts`, `spells` and `placements` -> tallies of implausible linked records and stays.

    `placements` are stays in care homes: `person`, `first_day`, `last_day`.
    """
    register = _register_facts(received[REGISTER])
    linked = contacts.filter(nw.col("outcome") == Outcome.LINKED).join(register, on="person", how="inner")
    tallies = [_tally_contradicted_facts(linked.filter(nw.col("extract") == extract), extract) for extract in linked_sources(received)]
    tallies += [
        _tally_impossible_dates(rows, linked.filter(nw.col("extract") == extract), extract, rules) for extract, rows in linked_sources(received).items()
    ]
    if STAYS in received:
        tallies.append(_tally_contradicted_diagnoses(received[STAYS], register, rules))
    people = received[REGISTER].filter(nw.col("outcome") == Outcome.LINKED).select("person").unique()
    nights = spells.filter(nw.col("nights") > 0).join(people, on="person", how="semi")
    # A stay without a discharge is taken to end on its first day, so that it overlaps nothing after it.
    hospital = nw.col(PROVIDER).str.slice(0, TRUST_CODE_LENGTH)
    stays = nights.select("person", spell=nw.col(SPELL), hospital=hospital, first=nw.col(ADMITTED), last=nw.coalesce(nw.col(DISCHARGED), nw.col(ADMITTED)))
    tallies += [_tally_overlapping_stays(stays, STAYS, "stays_linked", "overlapping_stays"), _tally_stays_at_two_hospitals(stays)]
    if SOCIAL_CARE_EXTRACT in received:
        homes = placements.join(people, on="person", how="semi").select("person", first=nw.col("first_day"), last=nw.col("last_day"))
        tallies += [
            _tally_overlapping_stays(homes, SOCIAL_CARE_EXTRACT, "placements_linked", "two_homes"),
            _tally_home_care_in_stays(stays, received[SOCIAL_CARE_EXTRACT], rules.limits.long_stay),
        ]
    return nw.concat(tallies)


def _register_facts(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Registrations -> one row per linked person: day of death, sex and month of birth, each null where registrations disagree."""
    columns = {"death": "date_of_death", "sex": "sex", "born": "birth_month"}
    linked = rows.filter(nw.col("outcome") == Outcome.LINKED)
    extremes = {f"{end}_{name}": getattr(nw.col(column), end)() for name, column in columns.items() for end in ("min", "max")}
    people = linked.group_by("person").agg(**extremes)
    agreed = {f"register_{name}": nw.when(nw.col(f"min_{name}") == nw.col(f"max_{name}")).then(nw.col(f"min_{name}")) for name in columns}
    return people.select("person", **agreed)


def _tally_contradicted_facts(contacts: nw.LazyFrame, extract: str) -> nw.LazyFrame:
    """Linked contacts of an extract with the facts of the register -> tallies of records with another month of birth, or the other sex."""
    recorded_sex, register_sex = nw.col("sex"), nw.col("register_sex")
    conditions = {"other_birth_month": nw.col("birth_month") != nw.col("register_born")}
    if any(column.codes == code_list("sex") for column in EXTRACTS[extract].columns):
        conditions["other_sex"] = recorded_sex.is_in(MALE_OR_FEMALE) & register_sex.is_in(MALE_OR_FEMALE) & (recorded_sex != register_sex)
    return _tally_conditions(contacts, extract, conditions, nw.col("records"))


def _tally_impossible_dates(rows: nw.LazyFrame, contacts: nw.LazyFrame, extract: str, rules: QualityRules) -> nw.LazyFrame:
    """Tally linked records of an extract that are dated after the death or before the birth of their person.

    Rows are read only for people whose first or last day in `contacts` is implausible, which are few.
    """
    death, born = _add_days(nw.col("register_death"), rules.limits.days_after_death), nw.col("register_born")
    month_born = born.str.slice(0, 4).cast(nw.Int64) * 12 + born.str.slice(5, 2).cast(nw.Int64)

    def date_conditions(first: str, last: str) -> dict[str, nw.Expr]:
        return {"after_death": nw.col(last) > death, "before_birth": nw.col(first).dt.year().cast(nw.Int64) * 12 + nw.col(first).dt.month() < month_born}

    doubtful = contacts.filter(nw.any_horizontal(*date_conditions("first_day", "last_day").values(), ignore_nulls=True))
    doubtful_people = doubtful.select("person", "register_death", "register_born").unique()
    records = rows.filter(nw.col("outcome") == Outcome.LINKED).select("person", day=nw.col(str(EXTRACTS[extract].event_date)))
    return _tally_conditions(records.join(doubtful_people, on="person", how="inner"), extract, date_conditions("day", "day"), nw.lit(1))


def _tally_contradicted_diagnoses(stays: nw.LazyFrame, register: nw.LazyFrame, rules: QualityRules) -> nw.LazyFrame:
    """Tally linked episodes with a primary diagnosis that the sex on the register rules out."""
    linked = stays.filter(nw.col("outcome") == Outcome.LINKED).select("person", DIAGNOSIS).join(register, on="person", how="inner")
    return _tally_conditions(linked, STAYS, {"sex_contradicted": _is_diagnosis_contradicted(rules)}, nw.lit(1))


def _tally_conditions(rows: nw.LazyFrame, extract: str, conditions: Mapping[str, nw.Expr], records: nw.Expr) -> nw.LazyFrame:
    """Rows -> one tally per measure: the number of records that meet its condition."""
    summed = rows.select(**{measure: nw.when(condition.fill_null(False)).then(records).otherwise(0).sum() for measure, condition in conditions.items()})
    long = summed.with_columns(area_code=nw.lit(extract)).unpivot(on=list(conditions), index="area_code", variable_name="measure", value_name="count")
    return tally(long, nw.col("measure"), nw.col("area_code"), nw.col("count").fill_null(0))


def _is_diagnosis_contradicted(rules: QualityRules) -> nw.Expr:
    """Return whether the sex on the register rules out the primary diagnosis."""
    code, sex = nw.col(DIAGNOSIS), nw.col("register_sex")
    ruled_out = [
        (sex == contradiction.sex) & (code.str.slice(0, len(beginning)) == beginning)
        for contradiction in rules.contradictions
        for beginning in contradiction.begins_with
    ]
    return nw.any_horizontal(*ruled_out, ignore_nulls=True)


def _tally_overlapping_stays(stays: nw.LazyFrame, extract: str, total_measure: str, overlap_measure: str) -> nw.LazyFrame:
    """Stays with `person`, `first` and `last` -> tallies of all stays, and of those that begin before an earlier one of the same person ends."""
    order = ["first", "last"]
    longest = stays.with_columns(longest=nw.col("last").cum_max().over("person", order_by=order))
    with_previous = longest.with_columns(before=nw.col("longest").shift(1).over("person", order_by=order))
    return _tally_conditions(
        with_previous, extract, {total_measure: ~nw.col("first").is_null(), overlap_measure: nw.col("first") < nw.col("before")}, nw.lit(1)
    )


def _tally_stays_at_two_hospitals(stays: nw.LazyFrame) -> nw.LazyFrame:
    """Tally stays that begin during an earlier stay of the same person at another hospital."""
    others = stays.select("person", other=nw.col("hospital"), other_first=nw.col("first"), other_last=nw.col("last"))
    same_day, same_days = nw.col("other_first") == nw.col("first"), nw.col("other_last") == nw.col("last")
    # Of two stays on the same days, the code of the hospital decides which counts as earlier, so that the pair counts once.
    sooner = (nw.col("other_last") < nw.col("last")) | (same_days & (nw.col("other") < nw.col("hospital")))
    is_earlier = (nw.col("other_first") < nw.col("first")) | (same_day & sooner)
    pairs = stays.join(others, on="person", how="inner").filter(nw.col("hospital") != nw.col("other"))
    simultaneous = pairs.filter(is_earlier & (nw.col("first") < nw.col("other_last")))
    return _tally_conditions(simultaneous.select("spell").unique(), STAYS, {"stays_at_two_hospitals": ~nw.col("spell").is_null()}, nw.lit(1))


def _tally_home_care_in_stays(stays: nw.LazyFrame, social_care: nw.LazyFrame, nights: int) -> nw.LazyFrame:
    """Tally stays longer than so many nights, and those of them with home care from one service on more than so many nights."""
    start_date, end_date = nw.col("event_start_date"), nw.col("event_end_date")
    care = social_care.filter((nw.col("outcome") == Outcome.LINKED) & (nw.col("service_component") == HOME_CARE)).select(
        "person", begun=start_date, until=end_date
    )
    long = stays.filter(nw.col("last") > _add_days(nw.col("first"), nights))
    joined = long.join(care, on="person", how="inner")
    covered = joined.filter(
        (nw.col("begun") < _add_days(nw.col("last"), -nights))
        & (nw.col("until").is_null() | (nw.col("until") > _add_days(nw.col("first"), nights)))
        & (nw.col("until").is_null() | (nw.col("until") > _add_days(nw.col("begun"), nights)))
    )
    spells_by_measure = {"long_stays_linked": long.select("spell"), "home_care_in_long_stays": covered.select("spell").unique()}
    return nw.concat([_tally_conditions(rows, STAYS, {measure: ~nw.col("spell").is_null()}, nw.lit(1)) for measure, rows in spells_by_measure.items()])


def _add_days(day: nw.Expr, days: int) -> nw.Expr:
    """Return the day so many days later, or earlier for a negative number."""
    return day.dt.offset_by(f"{days}d").cast(nw.Date)
