"""The figures of a run, worked out again in plain Python from what lies on disk: the truth, the received rows and the exact ledger."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Identity
from tests.attacker import Reader, Target, ranges
from tests.people_and_truth import people_and_truth

REGISTER, EVERYWHERE, ALL = "gp_registrations", "all sources", "all"
SOURCES = [extract for extract in EXTRACTS if extract != REGISTER]
THRESHOLD, BASE = 7, 5
FAR = 50_000
"""More records than any source has."""

STATUSES = {REGISTER: "nhs_number_status", **dict.fromkeys(("hospital_admissions", "emergency_care", "outpatients"), "nhs_number_trace_status")}
NIGHTS = 28

Figures = dict[tuple[str, str, str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def run(published: Path) -> str:
    return (published / "published" / "current").resolve().name


@pytest.fixture(scope="module")
def figures(published: Path) -> Figures:
    rows = pl.read_parquet(published / "published" / "current" / "tables" / "linkage_quality.parquet").to_dicts()
    return {(r["measure"], r["area_code"], r["group_type"], r["group"]): r for r in rows}


@pytest.fixture(scope="module")
def summary(published: Path) -> dict[tuple[str, str], dict[str, Any]]:
    rows = pl.read_parquet(published / "published" / "current" / "tables" / "linkage_summary.parquet").to_dicts()
    return {(r["measure"], r["area_code"]): r for r in rows}


@pytest.fixture(scope="module")
def received(published: Path, run: str) -> dict[str, list[dict[str, Any]]]:
    folder = published / "pseudonymised" / run / "received"
    return {extract: pl.read_parquet(folder / f"{extract}.parquet").to_dicts() for extract in EXTRACTS}


@pytest.fixture(scope="module")
def whose(published: Path) -> dict[tuple[str, int], int]:
    """The person that each record is truly of, by extract and row."""
    return {(r["extract"], r["row"]): r["true_person"] for r in pl.read_parquet(published / "truth" / "records.parquet").to_dicts()}


@pytest.fixture(scope="module")
def truth(published: Path, whose: dict[tuple[str, int], int], received: dict[str, list[dict[str, Any]]]) -> dict[str, Counter[str]]:
    """Right, wrong and missed links of every source, by the truth, one record after another."""
    family: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for one in pl.read_parquet(published / "truth" / "people.parquet").to_dicts():
        family[alike(one)].add(one["true_person"])
    twins = {person: kin - {person} for kin in family.values() for person in kin if len(kin) > 1}
    owners: dict[str, set[int]] = defaultdict(set)
    for row in received[REGISTER]:
        if row["place"] == "linked":
            owners[row["person"]].add(whose[REGISTER, row["row"]])
    findable = set().union(*owners.values())
    told: dict[str, Counter[str]] = {}
    for extract in SOURCES:
        counts: Counter[str] = Counter()
        for row in received[extract]:
            person = whose[extract, row["row"]]
            right = row["place"] == "linked" and person in owners[row["person"]]
            counts["true_linked"] += row["place"] == "linked"
            counts["true_wrong"] += row["place"] == "linked" and not right
            counts["true_twins_linked"] += row["place"] == "linked" and person in twins
            counts["true_twins_merged"] += row["place"] == "linked" and not right and bool(twins.get(person, set()) & owners[row["person"]])
            counts["true_findable"] += person in findable
            counts["true_missed"] += person in findable and not right
        told[extract] = counts
    told[EVERYWHERE] = sum(told.values(), Counter())
    return told


def alike(person: dict[str, Any]) -> tuple[str, ...]:
    """What a twin of the same sex has as well; of somebody of whom it is not known nobody else has it."""
    shared = [person[name] for name in ("date_of_birth", "sex", "family_name", "address_line_1", "postcode")]
    return tuple(shared) if None not in shared else (str(person["true_person"]),)


def agrees(row: dict[str, Any] | None, exact: int) -> bool:
    """Whether a published number is the exact one rounded, or hidden because it is small, or what it is a share of."""
    if row is None:
        return exact == 0
    if row["numerator"] is None:
        return 1 <= exact <= THRESHOLD or row["unit"] == "percent" or (row["unit"] != "count" and row["denominator"] is None)
    return bool(row["numerator"] == (exact + BASE // 2) // BASE * BASE)


@pytest.mark.parametrize("area", [EVERYWHERE, *SOURCES])
@pytest.mark.parametrize("measure", ["true_linked", "true_wrong", "true_findable", "true_missed", "true_twins_linked", "true_twins_merged"])
def test_the_truth_that_is_printed_is_the_truth(measure: str, area: str, figures: Figures, truth: dict[str, Counter[str]]) -> None:
    assert agrees(figures[measure, area, ALL, ALL], truth[area][measure])


@pytest.mark.parametrize("area", [EVERYWHERE, *SOURCES])
def test_true_precision_recall_and_f1_stand_beside_the_estimates(
    area: str, summary: dict[tuple[str, str], dict[str, Any]], truth: dict[str, Counter[str]]
) -> None:
    counts = truth[area]
    precision, recall = 1 - counts["true_wrong"] / counts["true_linked"], 1 - counts["true_missed"] / counts["true_findable"]
    expected = {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)}
    for measure, share in expected.items():
        # Each count is rounded to the nearest 5; beside so few records that is what it comes to.
        slack = 100 * BASE / min(counts["true_linked"], counts["true_findable"]) + 0.02
        assert summary[measure, area]["truth_lower"] - slack <= 100 * share <= summary[measure, area]["truth_upper"] + slack


@pytest.mark.parametrize("area", [EVERYWHERE, *SOURCES])
@pytest.mark.parametrize("measure", ["precision", "recall"])
def test_an_estimate_is_near_the_truth_or_says_how_unsure_it_is(
    measure: str, area: str, summary: dict[tuple[str, str], dict[str, Any]], truth: dict[str, Counter[str]]
) -> None:
    told = summary[measure, area]
    if told["value"] is None:
        assert told["light"] == "not known"
        return
    counts = truth[area]
    wrong, of = ("true_wrong", "true_linked") if measure == "precision" else ("true_missed", "true_findable")
    true = 100 * (1 - counts[wrong] / counts[of])
    assert abs(told["value"] - true) <= 0.5 or told["lower"] <= true <= told["upper"]


def groups(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Sex and deprivation of a received record, in the report's words."""
    if "deprivation_quintile" in row:
        sex = row.get("sex", row.get("gender"))
        yield "sex", {"1": "Male", "2": "Female", "9": "Indeterminate", "0": "Not known", "X": "Not known"}.get(sex, "Not recorded")
        yield "deprivation_quintile", "Not recorded" if row["deprivation_quintile"] is None else str(row["deprivation_quintile"])


def test_match_rates_by_group(figures: Figures, received: dict[str, list[dict[str, Any]]]) -> None:
    traced: Counter[tuple[str, str, str]] = Counter()
    linked: Counter[tuple[str, str, str]] = Counter()
    for extract in SOURCES:
        for row in received[extract]:
            for kind, group in [(ALL, ALL), *groups(row)]:
                for area in (extract, EVERYWHERE):
                    traced[area, kind, group] += 1
                    linked[area, kind, group] += row["place"] == "linked"
    assert len(traced) > 30
    for (area, kind, group), exact in linked.items():
        row = figures["linked", area, kind, group]
        if kind == ALL and row["numerator"] is not None:
            assert abs(row["numerator"] - exact) <= 25, "a whole that is added up from its parts"
        elif row["numerator"] is not None:
            assert agrees(row, exact), (area, kind, group)
            assert row["denominator"] == (traced[area, kind, group] + BASE // 2) // BASE * BASE


def test_the_flow_is_that_of_the_exact_ledger(published: Path, run: str, figures: Figures) -> None:
    ledger = pl.read_parquet(published / "audit" / run / "ledger.parquet")
    for extract in EXTRACTS:
        exact = ledger.filter(pl.col("extract") == extract)["rows"].sum()
        read = figures["rows_read", extract, ALL, ALL]["numerator"]
        assert read is None or abs(read - exact) <= 25


def test_what_the_gold_standard_said_is_at_most_what_was_asked(published: Path, run: str) -> None:
    evidence = pl.concat([pl.read_parquet(path) for path in (published / "audit" / run / "linkage_evidence").glob("*.parquet")])
    for extract in (extract for extract in SOURCES if EXTRACTS[extract].identity(Identity.FAMILY_NAME)):
        told = dict(evidence.filter(pl.col("area_code") == extract).filter(pl.col("group") == ALL).select("measure", "count").iter_rows())
        assert told["holdout"] == told["decoys"] > 0
        assert told["holdout_missed"] + told["holdout_linked"] - told["holdout_wrong"] == told["holdout"]
        assert told["decoys_linked"] <= told["decoys"]


def test_the_hold_out_by_age_and_sex_is_the_hold_out(published: Path, run: str) -> None:
    evidence = pl.concat([pl.read_parquet(path) for path in (published / "audit" / run / "linkage_evidence").glob("*.parquet")])
    told: Counter[tuple[str, str, str]] = Counter()
    columns = ("measure", "group_type", "area_code", "count")
    for measure, kind, area, n in evidence.filter(pl.col("measure").str.starts_with("holdout")).select(columns).iter_rows():
        told[area, measure, kind] += n
    areas = {area for area, _, _ in told}
    assert len(areas) > 2
    for area in areas:
        for measure in ("holdout", "holdout_missed", "holdout_linked", "holdout_wrong"):
            assert told[area, measure, "age_band"] == told[area, measure, "sex"] == told[area, measure, ALL]


def test_numbers_that_stand_under_several_local_numbers_are_those_of_the_delivery(published: Path, run: str) -> None:
    """Of the register: every sound row of it goes to trace. Its practices number somebody who moves anew."""
    evidence = pl.read_parquet(published / "audit" / run / "linkage_evidence" / f"{REGISTER}.parquet")
    (told,) = evidence.filter(pl.col("measure") == "number_of_several")["count"]
    (file,) = (published / "landing" / REGISTER).iterdir()
    with file.open(encoding="latin-1", newline="") as opened:
        delivered = dict(enumerate(csv.DictReader(opened), 1))
    people = pl.read_parquet(published / "pseudonymised" / run / "received" / f"{REGISTER}.parquet", columns=["row"])["row"].to_list()
    numbers: dict[str, set[str]] = defaultdict(set)
    for n in people:
        numbers[delivered[n]["nhs_number"].replace(" ", "")].add(delivered[n]["gp_patient_id"])
    assert told == sum(len(numbers[delivered[n]["nhs_number"].replace(" ", "")]) > 1 for n in people) > 0


def test_statuses_are_those_of_the_received_rows(figures: Figures, received: dict[str, list[dict[str, Any]]]) -> None:
    for extract, supplied in STATUSES.items():
        cells = Counter(f"{row[supplied] or 'none'} supplied, derived {row['nhs_number_status_derived']}" for row in received[extract])
        told = {group: row for (measure, area, kind, group), row in figures.items() if (measure, area, kind) == ("number_status", extract, "number_status")}
        assert set(told) == set(cells)
        assert all(agrees(told[group], n) for group, n in cells.items())
    assert ("number_status", "adult_social_care", ALL, ALL) not in figures


def test_stays_at_two_hospitals_and_homes_at_once_are_those_of_the_rows(
    published: Path, run: str, figures: Figures, received: dict[str, list[dict[str, Any]]]
) -> None:
    registered = {row["person"] for row in received[REGISTER] if row["place"] == "linked"}
    care = [row for row in received["adult_social_care"] if row["place"] == "linked" and row["service_component"] == "Home support or domiciliary care"]
    stays = []
    for spell in pl.read_parquet(published / "pseudonymised" / run / "spells.parquet").to_dicts():
        last = spell["discharge_date_from_hospital_provider_spell"] or spell["start_date_hospital_provider_spell"]
        if spell["person"] in registered and spell["nights"] > 0:
            stays.append((spell["person"], spell["start_date_hospital_provider_spell"], last, spell["organisation_code_code_of_provider"]))
    long = [(who, first, last) for who, first, last, _ in stays if (last - first).days > NIGHTS]
    both = sum(any(row["person"] == who and overlap(row, first, last) > NIGHTS for row in care) for who, first, last in long)
    assert agrees(figures["long_stays_linked", "hospital_admissions", ALL, ALL], len(long))
    assert agrees(figures["home_care_in_long_stays", "hospital_admissions", ALL, ALL], both)
    elsewhere = sum(
        any(who == one and (begun, until) <= (first, last) and first < until and at[:3] != hospital[:3] for one, begun, until, at in stays)
        for who, first, last, hospital in stays
    )
    assert agrees(figures["stays_at_two_hospitals", "hospital_admissions", ALL, ALL], elsewhere)


def overlap(service: dict[str, Any], first: date, last: date) -> int:
    """Nights of a stay on which the service is given."""
    return (min(last, service["event_end_date"] or last) - max(first, service["event_start_date"])).days


@pytest.mark.parametrize(
    ("rule", "falls"),
    [
        ("default", ()),
        ("unscored", ("scored",)),
        ("strict", ("scored", "cross_check_partial", "exact_demographics", "national_trace")),
    ],
)
def test_clients_of_social_care_are_counted_under_each_rule(
    rule: str, falls: tuple[str, ...], published: Path, run: str, received: dict[str, list[dict[str, Any]]]
) -> None:
    people = pl.read_parquet(published / "pseudonymised" / run / "people.parquet", columns=["person", "population"])
    registered = set(people.filter(pl.col("population") == "registered")["person"])
    clients = {row["person"] for row in received["adult_social_care"] if row["trace_reason"] not in falls and is_client(row)} & registered
    moved = pl.read_parquet(published / "published" / "current" / "tables" / "linkage_sensitivity.parquet")
    (told,) = moved.filter((pl.col("measure") == "social_care_clients") & (pl.col("rule") == rule)).to_dicts()
    assert told["people"] is None or told["people"] == (len(clients) + BASE // 2) // BASE * BASE
    assert rule != "default" or told["people"]


def is_client(row: dict[str, Any]) -> bool:
    """Whether an event of social care makes somebody a client of the year to 30 September 2014."""
    first, last = date(2013, 10, 1), date(2014, 9, 30)
    within = row["event_start_date"] <= last and (row["event_end_date"] is None or row["event_end_date"] >= first)
    return bool(row["place"] == "linked" and row["client_type"] == "Service user" and within)


def test_a_reader_of_the_new_cross_tables_cannot_narrow_a_small_number(
    published: Path, run: str, figures: Figures, received: dict[str, list[dict[str, Any]]]
) -> None:
    """NHS number status by source, with the ledger and the flow; and the hold-out by age and sex, with what is told of every source."""
    ledger = pl.read_parquet(published / "published" / "current" / "tables" / "linkage_ledger.parquet").to_dicts()
    attacks = [attack for extract in STATUSES for attack in on_statuses(extract, figures, ledger, received[extract])]
    evidence = pl.concat([pl.read_parquet(path) for path in (published / "audit" / run / "linkage_evidence").glob("*.parquet")])
    attacks += on_the_hold_out(figures, evidence.filter(pl.col("measure").str.starts_with("holdout")).to_dicts())
    found = ranges([reader for reader, _ in attacks], [target for _, target in attacks])
    assert len(found) > 5
    assert [attack[1] for attack, between in zip(attacks, found, strict=True) if between and between[1] - between[0] + 1 < THRESHOLD] == []


def shown(knows: Reader, name: Hashable, number: int | None) -> None:
    """What a published number tells; one that is suppressed tells that it is not zero."""
    knows.low[name], knows.high[name] = (0, 0) if number == 0 else (max(THRESHOLD + 1, number - 2), number + 2) if number else (1, FAR)


def on_statuses(extract: str, figures: Figures, ledger: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Iterator[tuple[Reader, Target]]:
    """One attack on each small cell of a source's cross-table."""
    knows, codes = Reader(), STATUSES[extract]
    exact = Counter(f"{row[codes] or 'none'} supplied, derived {row['nhs_number_status_derived']}" for row in rows)
    reasons = Counter(row["trace_reason"] for row in rows)
    for group in exact:
        shown(knows, group, figures["number_status", extract, "number_status", group]["numerator"])
    for row in ledger:
        if row["extract"] == extract and row["reason"] in reasons:
            shown(knows, row["reason"], row["rows"])
    for measure in ("rows_traced", "linked", "not_matched"):
        if row := figures.get((measure, extract, ALL, ALL)):
            shown(knows, measure, row["numerator"])
    knows.adds_up("rows_traced", exact)
    knows.adds_up("rows_traced", reasons)
    knows.adds_up("linked", [group for group in exact if group.endswith("01")])
    status = {row["trace_reason"]: row["nhs_number_status_derived"] for row in rows}
    for code in set(status.values()):
        cells, why = [group for group in exact if group.endswith(code)], [reason for reason in reasons if status[reason] == code]
        knows.lines.append(({**dict.fromkeys(cells, 1), **dict.fromkeys(why, -1)}, 0, 0))
    for group, n in exact.items():
        if 1 <= n <= THRESHOLD:
            yield knows, {group: 1}
    for reason, n in reasons.items():
        if 1 <= n <= THRESHOLD:
            yield knows, {reason: 1}


def on_the_hold_out(figures: Figures, evidence: list[dict[str, Any]]) -> Iterator[tuple[Reader, Target]]:
    """One attack on each small group of those who were missed, found, or found wrongly."""
    knows = Reader()
    exact: Counter[tuple[str, str, str]] = Counter()
    for row in evidence:
        exact[row["measure"], row["group_type"], row["group"]] += row["count"]
    for (measure, kind, group), n in exact.items():
        row = figures.get((measure, EVERYWHERE, kind, group))
        denominators = {"holdout": "holdout_missed", "holdout_linked": "holdout_wrong"}
        of = figures.get((denominators.get(measure, ""), EVERYWHERE, kind, group))
        number = row["numerator"] if row else of["denominator"] if of else None
        shown(knows, (measure, kind, group), 0 if n == 0 else number)
    for measure in ("holdout", "holdout_missed", "holdout_linked", "holdout_wrong"):
        for kind in ("age_band", "sex"):
            knows.adds_up((measure, ALL, ALL), [place for place in exact if place[:2] == (measure, kind)])
        sources = {row["area_code"]: row["count"] for row in evidence if (row["measure"], row["group_type"]) == (measure, ALL)}
        for source, n in sources.items():
            shown(knows, (measure, source), 0 if n == 0 else figures[measure, source, ALL, ALL]["numerator"])
        knows.adds_up((measure, ALL, ALL), [(measure, source) for source in sources])
    for kind, group in {(kind, group) for _, kind, group in exact}:
        there, missed, linked, wrong = ((m, kind, group) for m in ("holdout", "holdout_missed", "holdout_linked", "holdout_wrong"))
        knows.lines.append(({there: 1, missed: -1, linked: -1, wrong: 1}, 0, 0))
    for place, n in exact.items():
        if 1 <= n <= THRESHOLD:
            yield knows, {place: 1}


def test_a_row_of_people_is_one_person_and_a_person_is_on_two_only_where_a_record_is_untraced(published: Path) -> None:
    merged, unexplained, rows = people_and_truth(published)
    assert rows > 2_000
    assert merged == 0
    assert unexplained == 0
