"""A run's figures agree with plain Python over its files: the ground truth, the received rows and the exact ledger."""

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
from tests.disclosure_attacker import Attacker, Target, feasible_ranges
from tests.linkage_truth import count_linkage_errors

REGISTER, EVERYWHERE, ALL = "gp_registrations", "all sources", "all"
SOURCES = [extract for extract in EXTRACTS if extract != REGISTER]
THRESHOLD, BASE = 7, 5
NO_UPPER_BOUND = 50_000
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
def true_persons(published: Path) -> dict[tuple[str, int], int]:
    """Return the true person of each record, by extract and row."""
    return {(r["extract"], r["row"]): r["true_person"] for r in pl.read_parquet(published / "truth" / "records.parquet").to_dicts()}


@pytest.fixture(scope="module")
def truth(published: Path, true_persons: dict[tuple[str, int], int], received: dict[str, list[dict[str, Any]]]) -> dict[str, Counter[str]]:
    """Return the true numbers of right, wrong and missed links of every source, counted record by record."""
    family: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for person_row in pl.read_parquet(published / "truth" / "people.parquet").to_dicts():
        family[twin_key(person_row)].add(person_row["true_person"])
    twins = {person: kin - {person} for kin in family.values() for person in kin if len(kin) > 1}
    owners: dict[str, set[int]] = defaultdict(set)
    for row in received[REGISTER]:
        if row["outcome"] == "linked":
            owners[row["person"]].add(true_persons[REGISTER, row["row"]])
    findable = set().union(*owners.values())
    counts_by_source: dict[str, Counter[str]] = {}
    for extract in SOURCES:
        counts: Counter[str] = Counter()
        for row in received[extract]:
            person = true_persons[extract, row["row"]]
            right = row["outcome"] == "linked" and person in owners[row["person"]]
            counts["true_linked"] += row["outcome"] == "linked"
            counts["true_wrong"] += row["outcome"] == "linked" and not right
            counts["true_twins_linked"] += row["outcome"] == "linked" and person in twins
            counts["true_twins_merged"] += row["outcome"] == "linked" and not right and bool(twins.get(person, set()) & owners[row["person"]])
            counts["true_findable"] += person in findable
            counts["true_missed"] += person in findable and not right
        counts_by_source[extract] = counts
    counts_by_source[EVERYWHERE] = sum(counts_by_source.values(), Counter())
    return counts_by_source


def twin_key(person: dict[str, Any]) -> tuple[str, ...]:
    """Return what a twin of the same sex shares with this person; a unique value if any part is unknown."""
    shared = [person[name] for name in ("date_of_birth", "sex", "family_name", "address_line_1", "postcode")]
    return tuple(shared) if None not in shared else (str(person["true_person"]),)


def agrees(row: dict[str, Any] | None, exact: int) -> bool:
    """Return whether a published number is the exact one rounded, or suppressed with a reason."""
    if row is None:
        return exact == 0
    if row["numerator"] is None:
        return 1 <= exact <= THRESHOLD or row["unit"] == "percent" or (row["unit"] != "count" and row["denominator"] is None)
    return bool(row["numerator"] == (exact + BASE // 2) // BASE * BASE)


@pytest.mark.parametrize("area", [EVERYWHERE, *SOURCES])
@pytest.mark.parametrize("measure", ["true_linked", "true_wrong", "true_findable", "true_missed", "true_twins_linked", "true_twins_merged"])
def test_published_truth_figures_equal_the_ground_truth(measure: str, area: str, figures: Figures, truth: dict[str, Counter[str]]) -> None:
    assert agrees(figures[measure, area, ALL, ALL], truth[area][measure])


@pytest.mark.parametrize("area", [EVERYWHERE, *SOURCES])
def test_true_precision_recall_and_f1_are_published_with_the_estimates(
    area: str, summary: dict[tuple[str, str], dict[str, Any]], truth: dict[str, Counter[str]]
) -> None:
    counts = truth[area]
    precision, recall = 1 - counts["true_wrong"] / counts["true_linked"], 1 - counts["true_missed"] / counts["true_findable"]
    expected = {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)}
    for measure, share in expected.items():
        # Each count is rounded to the nearest 5, which matters with so few records.
        slack = 100 * BASE / min(counts["true_linked"], counts["true_findable"]) + 0.02
        assert summary[measure, area]["truth_lower"] - slack <= 100 * share <= summary[measure, area]["truth_upper"] + slack


@pytest.mark.parametrize("area", [EVERYWHERE, *SOURCES])
@pytest.mark.parametrize("measure", ["precision", "recall"])
def test_an_estimate_or_its_interval_is_near_the_truth(
    measure: str, area: str, summary: dict[tuple[str, str], dict[str, Any]], truth: dict[str, Counter[str]]
) -> None:
    estimate = summary[measure, area]
    if estimate["value"] is None:
        assert estimate["light"] == "not known"
        return
    counts = truth[area]
    wrong, total = ("true_wrong", "true_linked") if measure == "precision" else ("true_missed", "true_findable")
    true = 100 * (1 - counts[wrong] / counts[total])
    assert abs(estimate["value"] - true) <= 0.5 or estimate["lower"] <= true <= estimate["upper"]


def groups(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield sex and deprivation of a received record, in the report's words."""
    if "deprivation_quintile" in row:
        sex = row.get("sex", row.get("gender"))
        yield "sex", {"1": "Male", "2": "Female", "9": "Indeterminate", "0": "Not known", "X": "Not known"}.get(sex, "Not recorded")
        yield "deprivation_quintile", "Not recorded" if row["deprivation_quintile"] is None else str(row["deprivation_quintile"])


def test_match_rates_by_group_equal_the_received_rows(figures: Figures, received: dict[str, list[dict[str, Any]]]) -> None:
    traced: Counter[tuple[str, str, str]] = Counter()
    linked: Counter[tuple[str, str, str]] = Counter()
    for extract in SOURCES:
        for row in received[extract]:
            for kind, group in [(ALL, ALL), *groups(row)]:
                for area in (extract, EVERYWHERE):
                    traced[area, kind, group] += 1
                    linked[area, kind, group] += row["outcome"] == "linked"
    assert len(traced) > 30
    for (area, kind, group), exact in linked.items():
        row = figures["linked", area, kind, group]
        if kind == ALL and row["numerator"] is not None:
            assert abs(row["numerator"] - exact) <= 25, "the published total is the sum of its rounded parts"
        elif row["numerator"] is not None:
            assert agrees(row, exact), (area, kind, group)
            assert row["denominator"] == (traced[area, kind, group] + BASE // 2) // BASE * BASE


def test_the_published_flow_equals_the_exact_ledger(published: Path, run: str, figures: Figures) -> None:
    ledger = pl.read_parquet(published / "audit" / run / "ledger.parquet")
    for extract in EXTRACTS:
        exact = ledger.filter(pl.col("extract") == extract)["rows"].sum()
        read = figures["rows_read", extract, ALL, ALL]["numerator"]
        assert read is None or abs(read - exact) <= 25


def test_hold_out_results_add_up_to_the_hold_out_sample(published: Path, run: str) -> None:
    evidence = pl.concat([pl.read_parquet(path) for path in (published / "audit" / run / "linkage_evidence").glob("*.parquet")])
    for extract in (extract for extract in SOURCES if EXTRACTS[extract].identity(Identity.FAMILY_NAME)):
        counts = dict(evidence.filter(pl.col("area_code") == extract).filter(pl.col("group") == ALL).select("measure", "count").iter_rows())
        assert counts["holdout"] == counts["decoys"] > 0
        assert counts["holdout_missed"] + counts["holdout_linked"] - counts["holdout_wrong"] == counts["holdout"]
        assert counts["decoys_linked"] <= counts["decoys"]


def test_the_hold_out_by_age_and_by_sex_adds_up_to_the_hold_out(published: Path, run: str) -> None:
    evidence = pl.concat([pl.read_parquet(path) for path in (published / "audit" / run / "linkage_evidence").glob("*.parquet")])
    counts: Counter[tuple[str, str, str]] = Counter()
    columns = ("measure", "group_type", "area_code", "count")
    for measure, kind, area, n in evidence.filter(pl.col("measure").str.starts_with("holdout")).select(columns).iter_rows():
        counts[area, measure, kind] += n
    areas = {area for area, _, _ in counts}
    assert len(areas) > 2
    for area in areas:
        for measure in ("holdout", "holdout_missed", "holdout_linked", "holdout_wrong"):
            assert counts[area, measure, "age_band"] == counts[area, measure, "sex"] == counts[area, measure, ALL]


def test_numbers_with_several_local_numbers_are_those_of_the_delivery(published: Path, run: str) -> None:
    """The register shows it, because every valid row of it goes to trace, and a practice gives a person who moves there a new local number."""
    evidence = pl.read_parquet(published / "audit" / run / "linkage_evidence" / f"{REGISTER}.parquet")
    (count,) = evidence.filter(pl.col("measure") == "number_of_several")["count"]
    (file,) = (published / "landing" / REGISTER).iterdir()
    with file.open(encoding="latin-1", newline="") as stream:
        delivered = dict(enumerate(csv.DictReader(stream), 1))
    people = pl.read_parquet(published / "pseudonymised" / run / "received" / f"{REGISTER}.parquet", columns=["row"])["row"].to_list()
    numbers: dict[str, set[str]] = defaultdict(set)
    for n in people:
        numbers[delivered[n]["nhs_number"].replace(" ", "")].add(delivered[n]["gp_patient_id"])
    assert count == sum(len(numbers[delivered[n]["nhs_number"].replace(" ", "")]) > 1 for n in people) > 0


def test_nhs_number_statuses_equal_the_received_rows(figures: Figures, received: dict[str, list[dict[str, Any]]]) -> None:
    for extract, supplied in STATUSES.items():
        cells = Counter(f"{row[supplied] or 'none'} supplied, derived {row['nhs_number_status_derived']}" for row in received[extract])
        published_cells = {
            group: row for (measure, area, kind, group), row in figures.items() if (measure, area, kind) == ("number_status", extract, "number_status")
        }
        assert set(published_cells) == set(cells)
        assert all(agrees(published_cells[group], n) for group, n in cells.items())
    assert ("number_status", "adult_social_care", ALL, ALL) not in figures


def test_implausible_stays_equal_the_received_rows(published: Path, run: str, figures: Figures, received: dict[str, list[dict[str, Any]]]) -> None:
    registered = {row["person"] for row in received[REGISTER] if row["outcome"] == "linked"}
    care = [row for row in received["adult_social_care"] if row["outcome"] == "linked" and row["service_component"] == "Home support or domiciliary care"]
    stays = []
    for spell in pl.read_parquet(published / "pseudonymised" / run / "spells.parquet").to_dicts():
        last = spell["discharge_date_from_hospital_provider_spell"] or spell["start_date_hospital_provider_spell"]
        if spell["person"] in registered and spell["nights"] > 0:
            stays.append((spell["person"], spell["start_date_hospital_provider_spell"], last, spell["organisation_code_code_of_provider"]))
    long = [(person, first, last) for person, first, last, _ in stays if (last - first).days > NIGHTS]
    both = sum(any(row["person"] == person and overlap(row, first, last) > NIGHTS for row in care) for person, first, last in long)
    assert agrees(figures["long_stays_linked", "hospital_admissions", ALL, ALL], len(long))
    assert agrees(figures["home_care_in_long_stays", "hospital_admissions", ALL, ALL], both)
    elsewhere = sum(
        any(
            person == other_person and (other_first, other_last) <= (first, last) and first < other_last and other_hospital[:3] != hospital[:3]
            for other_person, other_first, other_last, other_hospital in stays
        )
        for person, first, last, hospital in stays
    )
    assert agrees(figures["stays_at_two_hospitals", "hospital_admissions", ALL, ALL], elsewhere)


def overlap(service: dict[str, Any], first: date, last: date) -> int:
    """Return the nights of a stay during which the service is provided."""
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
    (published_row,) = moved.filter((pl.col("measure") == "social_care_clients") & (pl.col("rule") == rule)).to_dicts()
    assert published_row["people"] is None or published_row["people"] == (len(clients) + BASE // 2) // BASE * BASE
    assert rule != "default" or published_row["people"]


def is_client(row: dict[str, Any]) -> bool:
    """Return whether an event of social care makes its person a client in the year to 30 September 2014."""
    first, last = date(2013, 10, 1), date(2014, 9, 30)
    within = row["event_start_date"] <= last and (row["event_end_date"] is None or row["event_end_date"] >= first)
    return bool(row["outcome"] == "linked" and row["client_type"] == "Service user" and within)


def test_a_reader_of_the_new_cross_tables_cannot_narrow_a_small_number(
    published: Path, run: str, figures: Figures, received: dict[str, list[dict[str, Any]]]
) -> None:
    """The tables are NHS number status by source, with the ledger and the flow; and the hold-out by age and sex, with the figures of each source."""
    ledger = pl.read_parquet(published / "published" / "current" / "tables" / "linkage_ledger.parquet").to_dicts()
    attacks = [attack for extract in STATUSES for attack in attacks_on_statuses(extract, figures, ledger, received[extract])]
    evidence = pl.concat([pl.read_parquet(path) for path in (published / "audit" / run / "linkage_evidence").glob("*.parquet")])
    attacks += attacks_on_the_hold_out(figures, evidence.filter(pl.col("measure").str.starts_with("holdout")).to_dicts())
    found = feasible_ranges([reader for reader, _ in attacks], [target for _, target in attacks])
    assert len(found) > 5
    assert [attack[1] for attack, between in zip(attacks, found, strict=True) if between and between[1] - between[0] + 1 < THRESHOLD] == []


def add_published_number(attacker: Attacker, name: Hashable, number: int | None) -> None:
    """Add the bounds that a published number implies. A suppressed number is known not to be zero."""
    attacker.low[name], attacker.high[name] = (0, 0) if number == 0 else (max(THRESHOLD + 1, number - 2), number + 2) if number else (1, NO_UPPER_BOUND)


def attacks_on_statuses(extract: str, figures: Figures, ledger: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Iterator[tuple[Attacker, Target]]:
    """Yield one attack on each small cell of a source's cross-table."""
    attacker, codes = Attacker(), STATUSES[extract]
    exact = Counter(f"{row[codes] or 'none'} supplied, derived {row['nhs_number_status_derived']}" for row in rows)
    reasons = Counter(row["trace_reason"] for row in rows)
    for group in exact:
        add_published_number(attacker, group, figures["number_status", extract, "number_status", group]["numerator"])
    for row in ledger:
        if row["extract"] == extract and row["reason"] in reasons:
            add_published_number(attacker, row["reason"], row["rows"])
    for measure in ("rows_traced", "linked", "not_matched"):
        if row := figures.get((measure, extract, ALL, ALL)):
            add_published_number(attacker, measure, row["numerator"])
    attacker.add_sum("rows_traced", exact)
    attacker.add_sum("rows_traced", reasons)
    attacker.add_sum("linked", [group for group in exact if group.endswith("01")])
    status = {row["trace_reason"]: row["nhs_number_status_derived"] for row in rows}
    for code in set(status.values()):
        cells, why = [group for group in exact if group.endswith(code)], [reason for reason in reasons if status[reason] == code]
        attacker.constraints.append(({**dict.fromkeys(cells, 1), **dict.fromkeys(why, -1)}, 0, 0))
    for group, n in exact.items():
        if 1 <= n <= THRESHOLD:
            yield attacker, {group: 1}
    for reason, n in reasons.items():
        if 1 <= n <= THRESHOLD:
            yield attacker, {reason: 1}


def attacks_on_the_hold_out(figures: Figures, evidence: list[dict[str, Any]]) -> Iterator[tuple[Attacker, Target]]:
    """Yield one attack on each small group of hold-out records that were missed, found, or linked wrongly."""
    attacker = Attacker()
    exact: Counter[tuple[str, str, str]] = Counter()
    for row in evidence:
        exact[row["measure"], row["group_type"], row["group"]] += row["count"]
    for (measure, kind, group), n in exact.items():
        row = figures.get((measure, EVERYWHERE, kind, group))
        denominators = {"holdout": "holdout_missed", "holdout_linked": "holdout_wrong"}
        of = figures.get((denominators.get(measure, ""), EVERYWHERE, kind, group))
        number = row["numerator"] if row else of["denominator"] if of else None
        add_published_number(attacker, (measure, kind, group), 0 if n == 0 else number)
    for measure in ("holdout", "holdout_missed", "holdout_linked", "holdout_wrong"):
        for kind in ("age_band", "sex"):
            attacker.add_sum((measure, ALL, ALL), [cell for cell in exact if cell[:2] == (measure, kind)])
        sources = {row["area_code"]: row["count"] for row in evidence if (row["measure"], row["group_type"]) == (measure, ALL)}
        for source, n in sources.items():
            add_published_number(attacker, (measure, source), 0 if n == 0 else figures[measure, source, ALL, ALL]["numerator"])
        attacker.add_sum((measure, ALL, ALL), [(measure, source) for source in sources])
    for kind, group in {(kind, group) for _, kind, group in exact}:
        total, missed, linked, wrong = ((m, kind, group) for m in ("holdout", "holdout_missed", "holdout_linked", "holdout_wrong"))
        attacker.constraints.append(({total: 1, missed: -1, linked: -1, wrong: 1}, 0, 0))
    for cell, n in exact.items():
        if 1 <= n <= THRESHOLD:
            yield attacker, {cell: 1}


def test_a_row_of_people_is_one_person_and_split_people_have_an_untraced_record(published: Path) -> None:
    merged, unexplained, rows = count_linkage_errors(published)
    assert rows > 2_000
    assert merged == 0
    assert unexplained == 0
