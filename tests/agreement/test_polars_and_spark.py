"""Every stage of the pseudonymised and published packages returns the same rows on Spark as on Polars."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.periods import window_to, year_to
from bcf_linkage.definitions.pseudonymised_tables import PSEUDONYMISED
from bcf_linkage.definitions.published_tables import PUBLISHED
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.schema import Table
from bcf_linkage.pseudonymised import link_changes
from bcf_linkage.pseudonymised.activity import build_activity
from bcf_linkage.pseudonymised.care import build_care
from bcf_linkage.pseudonymised.contacts import build_contacts
from bcf_linkage.pseudonymised.costs import build_costs
from bcf_linkage.pseudonymised.extracts import add_missing_extracts
from bcf_linkage.pseudonymised.people import build_people
from bcf_linkage.pseudonymised.spells import build_spells
from bcf_linkage.pseudonymised.strata import build_strata
from bcf_linkage.pseudonymised.transfers import build_transfers, care_home_stays
from bcf_linkage.published.cohort_counts import count_cohorts
from bcf_linkage.published.data_quality import build_data_quality, count_rule_failures
from bcf_linkage.published.disclosure_control.figures import build_figures
from bcf_linkage.published.linkage_quality import link_change_tallies
from bcf_linkage.published.linkage_quality.differences import compare_linked_and_unlinked, sum_quantities, tally_people_by_group, tally_people_measured
from bcf_linkage.published.linkage_quality.flow import count_by_months_seen, find_coverage, tally_flow, tally_people_seen
from bcf_linkage.published.linkage_quality.implausible import tally_implausible_links
from bcf_linkage.published.linkage_quality.match_rates import group_records, tally_matches
from bcf_linkage.published.linkage_quality.published_views import build_linkage_ledger, build_linkage_quality
from bcf_linkage.published.linkage_quality.sensitivity import build_sensitivity, keep_locality_counts, rename_changed_counts
from bcf_linkage.published.linkage_quality.tallies import build_exact_counts
from bcf_linkage.published.metrics import count_metric_events
from bcf_linkage.published.opt_outs import build_opt_outs, count_opt_outs
from bcf_linkage.published.population import build_population
from bcf_linkage.published.risk_bands import build_risk_bands, count_by_band
from bcf_linkage.published.tables import Stamp, finish_table
from bcf_linkage.storage.engine import Engine, PolarsEngine, SparkEngine
from tests.agreement.random_rows import random_rows
from tests.frame_builder import POLARS_TYPES

pytestmark = pytest.mark.filterwarnings("ignore")

AS_AT = date(2014, 9, 30)
RULES, YEAR, WINDOW = Rulebook.build(AS_AT), year_to(AS_AT), window_to(AS_AT)
ROWS = {"gp_registrations": 66, "gp_events": 500, "hospital_admissions": 160, "emergency_care": 80, "adult_social_care": 160}
SHARED = tuple(ROWS)
STAMP = Stamp(AS_AT, "a-run")
LEFT_OUT = (None, "type_1", "national_data_opt_out")

Frames = Mapping[str, nw.LazyFrame[Any]]


def extracts(frames: Frames) -> Frames:
    """Return all declared extracts; this locality does not share outpatients."""
    return add_missing_extracts({name: frames[name] for name in SHARED})


def shared(frames: Frames) -> Frames:
    """Return the extracts that are shared."""
    return {name: frames[name] for name in SHARED}


def published(name: str, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return finish_table(frame, PUBLISHED[name], RULES.bands.edition, STAMP)


def numbers(exact: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return published numbers by the small-count rule alone, in place of disclosure control on rows in memory."""
    rounded = (nw.col("count") + 2) // 5 * 5
    return exact.group_by("node").agg(nw.col("count").max()).select("node", number=nw.when(~nw.col("count").is_between(1, 7)).then(rounded))


STAGES: dict[str, Callable[[Frames], nw.LazyFrame[Any]]] = {
    "contacts": lambda f: build_contacts(shared(f)),
    "people": lambda f: build_people(f["gp_registrations"], f["contacts"], AS_AT, RULES.bands.ages),
    "spells": lambda f: build_spells(extracts(f), AS_AT, RULES.ambulatory),
    "activity": lambda f: build_activity(extracts(f), f["spells"], RULES.prices, WINDOW),
    "transfers": lambda f: build_transfers(extracts(f), f["spells"], WINDOW),
    "costs": lambda f: build_costs(f["activity"], YEAR),
    "strata": lambda f: build_strata(f["people"], f["costs"], RULES.bands),
    "care": lambda f: build_care(f["people"], extracts(f), RULES.clinical_codes, YEAR),
    "population": lambda f: build_population(f["people"], f["strata"], f["care"], f["areas"]),
    "exact bands": lambda f: count_by_band(f["population"], YEAR),
    "bands": lambda f: build_figures(f["exact bands"], numbers(f["exact bands"])),
    "risk_bands": lambda f: published("risk_bands", build_risk_bands(f["population"], f["bands"], 8)),
    "exact cohorts": lambda f: count_cohorts(f["population"], RULES.cohorts.limit_to_sources(SHARED), YEAR, RULES.bands.ages),
    "cohort_counts": lambda f: published("cohort_counts", build_figures(f["exact cohorts"], numbers(f["exact cohorts"]))),
    "exact metrics": lambda f: count_metric_events(
        f["gp_registrations"], f["spells"], f["transfers"], f["areas"], RULES.metrics.limit_to_sources(SHARED), AS_AT
    ),
    "bcf_metrics": lambda f: published("bcf_metrics", build_figures(f["exact metrics"], numbers(f["exact metrics"]))),
    "flow": lambda f: tally_flow(f["ledger"], RULES.linkage),
    "matches": lambda f: tally_matches(group_records(shared(f), RULES.linkage, RULES.bands.ages, ("J82001", "J82002")), RULES.linkage),
    "people by group": lambda f: tally_people_by_group(f["contacts"], RULES.linkage, RULES.bands.ages),
    "placements": lambda f: care_home_stays(f["adult_social_care"]),
    "implausible": lambda f: tally_implausible_links(shared(f), f["contacts"], f["spells"], f["placements"], RULES.linkage),
    "months seen": lambda f: count_by_months_seen(f["contacts"]),
    "coverage": lambda f: find_coverage(f["months seen"], 8),
    "means": lambda f: sum_quantities(f["contacts"], f["costs"]),
    "people measured": lambda f: tally_people_measured(f["means"]),
    "exact linkage": lambda f: build_exact_counts(
        [f["flow"], tally_people_seen(f["contacts"]), f["matches"], f["people by group"], f["implausible"], f["people measured"]], RULES.linkage, YEAR
    ),
    "linkage": lambda f: build_figures(f["exact linkage"], numbers(f["exact linkage"])),
    "linkage_differences": lambda f: published("linkage_differences", compare_linked_and_unlinked(f["linkage"], f["means"], RULES.linkage, 8)),
    "cohorts of the locality": lambda f: keep_locality_counts(f["exact cohorts"]),
    "cohorts under another rule": lambda f: rename_changed_counts(f["cohorts of the locality"], f["cohorts of the locality"], "strict"),
    "linkage_sensitivity": lambda f: published("linkage_sensitivity", build_sensitivity({(rule, "a"): f["cohort_counts"] for rule in ("strict", "default")})),
    "linkage_quality": lambda f: published("linkage_quality", build_linkage_quality(f["linkage"], f["linkage"], RULES.linkage)),
    "linkage_ledger": lambda f: published("linkage_ledger", build_linkage_ledger(f["linkage"])),
    "links": lambda f: link_changes.compare_links(f["links now"], f["links before"], AS_AT),
    "first links": lambda f: link_changes.start_links(f["links now"], AS_AT),
    "links as before": lambda f: link_changes.restore_previous_links(f["links"]),
    "changes of links": lambda f: link_change_tallies.tally_link_changes({"adult_social_care": f["links"], "gp_events": f["first links"]}),
    "exact opt-outs": lambda f: count_opt_outs(f["left out"], RULES.bands.ages, YEAR),
    "opt_outs": lambda f: published("opt_outs", build_opt_outs(build_figures(f["exact opt-outs"], numbers(f["exact opt-outs"])))),
    "exact rules": lambda f: count_rule_failures(f["rule counts"], YEAR),
    "rules": lambda f: build_figures(f["exact rules"], numbers(f["exact rules"])),
    "data_quality": lambda f: published("data_quality", build_data_quality(f["rule counts"], f["rules"])),
}


def input_tables() -> dict[str, pl.DataFrame]:
    """Return the inputs of the stages: received rows, areas, ledger and rule counts."""
    rows = random_rows(ROWS)
    codes = [f"J8200{n}" for n in range(1, 4)]
    areas = {"cluster_code": ["C1", "C1", "C2"], "cluster_name": ["East", "East", "West"], "locality_code": ["10X"] * 3, "locality_name": ["Anytown"] * 3}
    traced = [
        frame.group_by("outcome", reason="trace_reason").agg(rows=pl.len().cast(pl.Int64)).with_columns(extract=pl.lit(name), file=pl.lit("made-up.csv"))
        for name, frame in rows.items()
    ]
    refused = pl.DataFrame(
        {"outcome": ["refused", "refused"], "reason": ["a: typed", "b: typed"], "rows": [4, 40], "extract": ["gp_events"] * 2, "file": ["x"] * 2}
    )
    words = {"extract": "gp_events", "column": "code", "words": "w", "consequence": "c"}
    rules = [{**words, "rule": str(n), "rows": 500, "failed": n, "tolerance_percent": None} for n in (0, 3, 9, 498)]
    return {
        **rows,
        "areas": pl.DataFrame({"practice_code": codes, "practice_name": codes, **areas}),
        "ledger": pl.concat([*traced, refused]),
        "left out": pl.DataFrame(
            [("gp_events", age, sex, objection, 7 * age + n) for age in (5, 70) for sex in ("1", "2", None) for n, objection in enumerate(LEFT_OUT)],
            ["extract", "age", "sex", "objection", "people"],
            orient="row",
        ),
        "links now": links(1),
        "links before": links(2).with_columns(since=pl.lit(date(2014, 8, 31))),
        "rule counts": pl.DataFrame(rules, schema_overrides={"tolerance_percent": pl.Float64}),
    }


def links(seed: int) -> pl.DataFrame:
    """Return clients of a source with their links, which differ from one seed to another."""
    rows = [(f"c{n}", f"p{n % 40 + n * seed % 3}", ("linked", "unlinked", "seen, not registered")[n * seed % 7 % 3], "cross_check") for n in range(seed, 120)]
    return pl.DataFrame(rows, ["client", "person", "outcome", "trace_reason"], orient="row")


class EngineFrames(Mapping[str, nw.LazyFrame[Any]]):
    """Tables in memory as frames of an engine."""

    def __init__(self, engine: Engine, tables: Mapping[str, pl.DataFrame]) -> None:
        self.engine, self.tables = engine, tables

    def __getitem__(self, name: str) -> nw.LazyFrame[Any]:
        return self.engine.frame(self.tables[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    """Return the result of every stage on Polars, each computed from the results of the stages before."""
    engine, results = PolarsEngine(), input_tables()
    for name, stage in STAGES.items():
        results[name] = engine.collect(stage(EngineFrames(engine, results)))
    return results


def in_fixed_order(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort(frame.columns)


def differs(name: str, tables: dict[str, pl.DataFrame], spark: SparkEngine) -> bool:
    """Return whether a stage returns other rows on Spark. Published rows must also have the same order."""
    expected = tables[name]
    assert expected.height, f"{name} has no row to compare"
    actual = spark.collect(STAGES[name](EngineFrames(spark, tables)))
    if actual.columns != expected.columns:
        return True
    actual = actual.cast(dict(expected.schema))
    return not (actual.equals(expected) if name in PUBLISHED else in_fixed_order(actual).equals(in_fixed_order(expected)))


def test_every_stage_gives_the_same_rows_on_both_engines(tables: dict[str, pl.DataFrame], spark: SparkEngine) -> None:
    """One test covers all stages, so that only one test process starts Spark."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [name for name in STAGES if differs(name, tables, spark)] == []


@pytest.mark.parametrize("declared", [table for table in (*PSEUDONYMISED.values(), *PUBLISHED.values()) if table.name in STAGES], ids=lambda table: table.name)
def test_a_stage_gives_the_declared_columns_in_order_with_their_types(declared: Table, tables: dict[str, pl.DataFrame]) -> None:
    frame = tables[declared.name]
    assert dict(frame.schema) == {column.name: POLARS_TYPES[column.type] for column in declared.columns}
    assert tuple(frame.columns) == declared.names
    if declared.key:
        assert frame.select(declared.key).is_unique().all()


def test_every_extract_but_outpatients_is_compared() -> None:
    assert set(EXTRACTS) - set(SHARED) == {"outpatients"}
