"""Tables of linkage and data quality: several tables of one tree of counts, so that none reveals what another suppresses."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from bcf_linkage.definitions.periods import year_to
from bcf_linkage.definitions.pseudonymised_tables import CONTACTS
from bcf_linkage.definitions.published_tables import DATA_QUALITY, LINKAGE_LEDGER, LINKAGE_QUALITY, PUBLISHED, RISK_BANDS
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.published.data_dictionary import build_data_dictionary
from bcf_linkage.published.data_quality import build_data_quality, count_rule_failures
from bcf_linkage.published.linkage_quality.flow import tally_flow, tally_people_seen
from bcf_linkage.published.linkage_quality.published_views import build_linkage_ledger, build_linkage_quality
from bcf_linkage.published.linkage_quality.tallies import build_exact_counts
from bcf_linkage.published.risk_bands import build_risk_bands, count_by_band
from bcf_linkage.published.tables import Stamp, finish_table
from tests.frame_builder import build_table, collect, lazy, previous_figures, protect_counts, sorted_rows

AS_AT = date(2014, 9, 30)
RULES = Rulebook.build(AS_AT)
YEAR = year_to(AS_AT)
STAMP = Stamp(AS_AT, "a-run")
SOURCE = "adult_social_care"


def contacts_of(people: int, linked: int) -> pl.DataFrame:
    """Build contacts of so many people with the source, so many of them linked."""
    return build_table(CONTACTS, ({"person": str(n), "extract": SOURCE, "outcome": "linked" if n < linked else "unlinked"} for n in range(people)))


def tables(*entries: tuple[str, str, int], people: int = 900, people_linked: int = 700) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Build the published quality and ledger of one source, from (outcome, reason, rows)."""
    ledger = pl.DataFrame([(SOURCE, "one.csv", *entry) for entry in entries], ["extract", "file", "outcome", "reason", "rows"], orient="row")
    tallies = [tally_flow(lazy(ledger), RULES.linkage), tally_people_seen(lazy(contacts_of(people, people_linked)))]
    shown = protect_counts(build_exact_counts(tallies, RULES.linkage, YEAR))
    edition = RULES.linkage.edition
    quality = finish_table(build_linkage_quality(shown, previous_figures(), RULES.linkage), LINKAGE_QUALITY, edition, STAMP)
    return collect(quality).filter(pl.col("area_code") == SOURCE), collect(finish_table(build_linkage_ledger(shown), LINKAGE_LEDGER, edition, STAMP))


def test_the_figures_of_a_source() -> None:
    quality, ledger = tables(
        ("linked", "cross_check", 700),
        ("linked", "superseded_number", 100),
        ("seen, not registered", "not_on_register", 50),
        ("unlinked", "birth_date_conflict", 30),
        ("unlinked", "number_missing", 120),
        ("refused", "event_start_date: typed", 40),
        ("refused", "event_type: required", 20),
    )
    columns = ("measure", "group", "numerator", "denominator", "value")
    assert quality.select(columns).rows() == [
        ("linked", "all", 800, 1000, 80.0),
        ("linked_by_number", "all", 800, 800, 100.0),
        ("not_matched", "all", 200, 1000, 20.0),
        ("not_registered", "all", 50, 1000, 5.0),
        ("people", "all", 900, None, 900.0),
        ("people_linked", "all", 700, 900, 77.78),
        ("refused", "all", 60, None, 60.0),
        ("rows_read", "all", 1060, None, 1060.0),
        ("rows_traced", "all", 1000, None, 1000.0),
        ("unlinked", "all", 150, 1000, 15.0),
        ("unlinked", "birth_date_conflict", 30, 1000, 3.0),
        ("unlinked", "number_missing", 120, 1000, 12.0),
    ]
    assert ledger.select("outcome", "reason", "rows").rows() == [
        ("linked", "cross_check", 700),
        ("linked", "superseded_number", 100),
        ("refused", "event_start_date: typed", 40),
        ("refused", "event_type: required", 20),
        ("seen, not registered", "not_on_register", 50),
        ("unlinked", "birth_date_conflict", 30),
        ("unlinked", "number_missing", 120),
    ]
    assert set(quality["area_name"]) == {"adult social care"}
    assert set(quality["definition_version"]) == {"linkage_quality 2014.3"}


def test_no_table_reveals_what_another_suppresses() -> None:
    quality, ledger = tables(
        ("linked", "cross_check", 700),
        ("linked", "superseded_number", 3),
        ("seen, not registered", "not_on_register", 50),
        ("unlinked", "number_missing", 120),
        ("unlinked", "number_check_digit", 4),
        ("unlinked", "number_format", 60),
        ("duplicate", "same_key", 2),
        ("refused", "event_type: required", 20),
        ("out of period", "before_window", 90),
    )
    hidden = {(row["outcome"], row["reason"]) for row in ledger.to_dicts() if row["status"] == "suppressed"}
    assert hidden == {
        ("linked", "superseded_number"),
        ("linked", "cross_check"),
        ("unlinked", "number_check_digit"),
        ("duplicate", "same_key"),
    }
    numerators = {(row["measure"], row["group"]): row["numerator"] for row in quality.to_dicts()}
    assert numerators["linked", "all"] == 705
    assert numerators["unlinked", "number_check_digit"] is None
    assert numerators["unlinked", "number_missing"] == 120
    assert all(row["rows"] is None for row in ledger.to_dicts() if row["status"] == "suppressed")


def test_all_files_of_an_extract_are_one_source() -> None:
    entries = [(SOURCE, file, "linked", "cross_check", 40) for file in ("one.csv", "two.csv")]
    ledger = pl.DataFrame(entries, ["extract", "file", "outcome", "reason", "rows"], orient="row")
    counted = build_exact_counts([tally_flow(lazy(ledger), RULES.linkage), tally_people_seen(lazy(contacts_of(80, 80)))], RULES.linkage, YEAR)
    assert (("linked", "all", 80)) in sorted_rows(counted, "measure", "group", "count")


def test_data_quality_is_rounded_and_suppressed() -> None:
    cases = [
        (1000, 0, "shown", 0, 0.0),
        (1000, 3, "suppressed", None, None),
        (1000, 52, "shown", 50, 5.0),
        (1000, 997, "suppressed", None, None),
        (0, 0, "not applicable", 0, None),
    ]
    words = {"column": "code", "words": "w", "consequence": "c", "tolerance_percent": 1.0}
    rows: list[dict[str, Any]] = [{**words, "extract": f"extract {n}", "rule": "r", "rows": case[0], "failed": case[1]} for n, case in enumerate(cases)]
    shown = protect_counts(count_rule_failures(lazy(pl.DataFrame(rows)), YEAR))
    given = collect(finish_table(build_data_quality(lazy(pl.DataFrame(rows)), shown), DATA_QUALITY, RULES.linkage.edition, STAMP))
    assert given.select("rows", "status", "failed", "failed_percent").rows() == [(case[0], *case[2:]) for case in cases]
    assert tuple(given.columns) == DATA_QUALITY.names


def test_risk_bands_in_whole_pounds() -> None:
    people = [("Very High", 19_100.50, 20), ("High", 10_000.0, 40), ("Healthy", 694.25, 900), ("Non users", 0.0, 12), ("Low", 5.0, 3)]
    population = pl.DataFrame({"band": [band for band, _, n in people for _ in range(n)], "health_cost": [cost for _, cost, n in people for _ in range(n)]})
    shown = protect_counts(count_by_band(lazy(population), YEAR))
    given = collect(finish_table(build_risk_bands(lazy(population), shown, 8), RISK_BANDS, RULES.bands.edition, STAMP))
    assert given.select("band", "people", "share", "mean_cost", "total_cost", "status").rows() == [
        ("Healthy", 900, 92.31, 694.0, 624_600.0, "shown"),
        ("High", 40, 4.1, 10_000.0, 400_000.0, "shown"),
        ("Low", None, None, None, None, "suppressed"),
        ("Non users", 10, 1.03, 0.0, 0.0, "shown"),
        ("Very High", 20, 2.05, 19_101.0, 382_020.0, "shown"),
    ]


def test_the_data_dictionary_has_every_column_of_every_table() -> None:
    rows = build_data_dictionary()
    assert len({(row["zone"], row["table"], row["column"]) for row in rows}) == len(rows)
    assert set(PUBLISHED) <= {row["table"] for row in rows if row["zone"] == "published"}
    assert {row["table"] for row in rows if row["zone"] == "pseudonymised"} >= {
        "people",
        "spells",
        "activity",
        "strata",
        "care",
        "transfers",
        "received_outpatients",
    }
    assert all(row["meaning"] and row["source"] and row["type"] for row in rows)
    sex = next(row for row in rows if row["table"] == "gp_registrations" and row["column"] == "sex")
    assert "1 Male" in str(sex["allowed"])
    assert not [row for row in rows if row["identifies"] and row["zone"] != "identifiable"]
