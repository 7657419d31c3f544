"""Every stage of the pseudonymised and published wings gives, on Spark, the rows that it gives on Polars."""

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
from bcf_linkage.pseudonymised.activity import activity
from bcf_linkage.pseudonymised.care import care
from bcf_linkage.pseudonymised.contacts import contacts
from bcf_linkage.pseudonymised.costs import costs
from bcf_linkage.pseudonymised.extracts import complete
from bcf_linkage.pseudonymised.link import people
from bcf_linkage.pseudonymised.spells import spells
from bcf_linkage.pseudonymised.strata import strata
from bcf_linkage.pseudonymised.transfers import care_home_stays, transfers
from bcf_linkage.published.counts import counts
from bcf_linkage.published.data_quality import data_quality, rule_counts
from bcf_linkage.published.disclosure_control.figures import figures
from bcf_linkage.published.linkage_quality import changes
from bcf_linkage.published.linkage_quality.differences import differences, means, people_by_group, people_measured
from bcf_linkage.published.linkage_quality.flow import coverage, flow, months_seen, sightings
from bcf_linkage.published.linkage_quality.implausible import implausible
from bcf_linkage.published.linkage_quality.match import matches, told_together
from bcf_linkage.published.linkage_quality.sensitivity import beside_default, of_locality, sensitivity
from bcf_linkage.published.linkage_quality.tallies import exact
from bcf_linkage.published.linkage_quality.views import linkage_ledger, linkage_quality
from bcf_linkage.published.metrics import metrics
from bcf_linkage.published.opt_outs import exact_opt_outs, opt_outs
from bcf_linkage.published.population import population
from bcf_linkage.published.risk_bands import band_counts, risk_bands
from bcf_linkage.published.tables import Stamp, finished
from bcf_linkage.storage.engine import Engine, PolarsEngine, SparkEngine
from tests.agreement.made_up_rows import made_up
from tests.made_frames import TYPES

pytestmark = pytest.mark.filterwarnings("ignore")

AS_AT = date(2014, 9, 30)
RULES, YEAR, WINDOW = Rulebook.build(AS_AT), year_to(AS_AT), window_to(AS_AT)
ROWS = {"gp_registrations": 66, "gp_events": 500, "hospital_admissions": 160, "emergency_care": 80, "adult_social_care": 160}
SHARED = tuple(ROWS)
STAMP = Stamp(AS_AT, "a-run")
LEFT_OUT = (None, "type_1", "national_data_opt_out")

Frames = Mapping[str, nw.LazyFrame[Any]]


def extracts(frames: Frames) -> Frames:
    """All declared extracts; outpatients are not shared here."""
    return complete({name: frames[name] for name in SHARED})


def shared(frames: Frames) -> Frames:
    """The extracts that are shared."""
    return {name: frames[name] for name in SHARED}


def published(name: str, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return finished(frame, PUBLISHED[name], RULES.bands.edition, STAMP)


def numbers(exact: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Numbers as disclosure control decides them from rows in memory, here by the rule alone."""
    rounded = (nw.col("count") + 2) // 5 * 5
    return exact.group_by("node").agg(nw.col("count").max()).select("node", number=nw.when(~nw.col("count").is_between(1, 7)).then(rounded))


STAGES: dict[str, Callable[[Frames], nw.LazyFrame[Any]]] = {
    "contacts": lambda f: contacts(shared(f)),
    "people": lambda f: people(f["gp_registrations"], f["contacts"], AS_AT, RULES.bands.ages),
    "spells": lambda f: spells(extracts(f), AS_AT, RULES.ambulatory),
    "activity": lambda f: activity(extracts(f), f["spells"], RULES.prices, WINDOW),
    "transfers": lambda f: transfers(extracts(f), f["spells"], WINDOW),
    "costs": lambda f: costs(f["activity"], YEAR),
    "strata": lambda f: strata(f["people"], f["costs"], RULES.bands),
    "care": lambda f: care(f["people"], extracts(f), RULES.clinical_codes, YEAR),
    "population": lambda f: population(f["people"], f["strata"], f["care"], f["areas"]),
    "exact bands": lambda f: band_counts(f["population"], YEAR),
    "bands": lambda f: figures(f["exact bands"], numbers(f["exact bands"])),
    "risk_bands": lambda f: published("risk_bands", risk_bands(f["population"], f["bands"], 8)),
    "exact cohorts": lambda f: counts(f["population"], RULES.cohorts.from_sources(SHARED), YEAR, RULES.bands.ages),
    "cohort_counts": lambda f: published("cohort_counts", figures(f["exact cohorts"], numbers(f["exact cohorts"]))),
    "exact metrics": lambda f: metrics(f["gp_registrations"], f["spells"], f["transfers"], f["areas"], RULES.metrics.from_sources(SHARED), AS_AT),
    "bcf_metrics": lambda f: published("bcf_metrics", figures(f["exact metrics"], numbers(f["exact metrics"]))),
    "flow": lambda f: flow(f["ledger"], RULES.linkage),
    "matches": lambda f: matches(told_together(shared(f), RULES.linkage, RULES.bands.ages, ("J82001", "J82002")), RULES.linkage),
    "people by group": lambda f: people_by_group(f["contacts"], RULES.linkage, RULES.bands.ages),
    "placements": lambda f: care_home_stays(f["adult_social_care"]),
    "implausible": lambda f: implausible(shared(f), f["contacts"], f["spells"], f["placements"], RULES.linkage),
    "months seen": lambda f: months_seen(f["contacts"]),
    "coverage": lambda f: coverage(f["months seen"], 8),
    "means": lambda f: means(f["contacts"], f["costs"]),
    "people measured": lambda f: people_measured(f["means"]),
    "exact linkage": lambda f: exact(
        [f["flow"], sightings(f["contacts"]), f["matches"], f["people by group"], f["implausible"], f["people measured"]], RULES.linkage, YEAR
    ),
    "linkage": lambda f: figures(f["exact linkage"], numbers(f["exact linkage"])),
    "linkage_differences": lambda f: published("linkage_differences", differences(f["linkage"], f["means"], RULES.linkage, 8)),
    "cohorts of the locality": lambda f: of_locality(f["exact cohorts"]),
    "cohorts under another rule": lambda f: beside_default(f["cohorts of the locality"], f["cohorts of the locality"], "strict"),
    "linkage_sensitivity": lambda f: published("linkage_sensitivity", sensitivity({(rule, "a"): f["cohort_counts"] for rule in ("strict", "default")})),
    "linkage_quality": lambda f: published("linkage_quality", linkage_quality(f["linkage"], f["linkage"], RULES.linkage)),
    "linkage_ledger": lambda f: published("linkage_ledger", linkage_ledger(f["linkage"])),
    "links": lambda f: link_changes.compared(f["links now"], f["links before"], AS_AT),
    "first links": lambda f: link_changes.first(f["links now"], AS_AT),
    "links as before": lambda f: link_changes.as_before(f["links"]),
    "changes of links": lambda f: changes.link_changes({"adult_social_care": f["links"], "gp_events": f["first links"]}),
    "exact opt-outs": lambda f: exact_opt_outs(f["left out"], RULES.bands.ages, YEAR),
    "opt_outs": lambda f: published("opt_outs", opt_outs(figures(f["exact opt-outs"], numbers(f["exact opt-outs"])))),
    "exact rules": lambda f: rule_counts(f["rule counts"], YEAR),
    "rules": lambda f: figures(f["exact rules"], numbers(f["exact rules"])),
    "data_quality": lambda f: published("data_quality", data_quality(f["rule counts"], f["rules"])),
}


def given() -> dict[str, pl.DataFrame]:
    """What the stages start from: received rows, the areas, the ledger and the rule counts."""
    rows = made_up(ROWS)
    codes = [f"J8200{n}" for n in range(1, 4)]
    places = {"cluster_code": ["C1", "C1", "C2"], "cluster_name": ["East", "East", "West"], "locality_code": ["10X"] * 3, "locality_name": ["Anytown"] * 3}
    traced = [
        frame.group_by("place", reason="trace_reason").agg(rows=pl.len().cast(pl.Int64)).with_columns(extract=pl.lit(name), file=pl.lit("made-up.csv"))
        for name, frame in rows.items()
    ]
    refused = pl.DataFrame(
        {"place": ["refused", "refused"], "reason": ["a: typed", "b: typed"], "rows": [4, 40], "extract": ["gp_events"] * 2, "file": ["x"] * 2}
    )
    words = {"extract": "gp_events", "column": "code", "words": "w", "consequence": "c"}
    rules = [{**words, "rule": str(n), "rows": 500, "failed": n, "tolerance_percent": None} for n in (0, 3, 9, 498)]
    return {
        **rows,
        "areas": pl.DataFrame({"practice_code": codes, "practice_name": codes, **places}),
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
    """Clients of a source, some linked, who are others in another run."""
    rows = [(f"c{n}", f"p{n % 40 + n * seed % 3}", ("linked", "unlinked", "seen, not registered")[n * seed % 7 % 3], "cross_check") for n in range(seed, 120)]
    return pl.DataFrame(rows, ["client", "person", "place", "trace_reason"], orient="row")


class On(Mapping[str, nw.LazyFrame[Any]]):
    """Tables in memory as an engine's frames."""

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
    """What every stage gives on Polars, each from what the one before gave."""
    engine, made = PolarsEngine(), given()
    for name, stage in STAGES.items():
        made[name] = engine.collect(stage(On(engine, made)))
    return made


def in_one_order(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort(frame.columns)


def differs(name: str, tables: dict[str, pl.DataFrame], spark: SparkEngine) -> bool:
    """Whether a stage gives other rows on Spark. Published rows must also stand in the same order."""
    expected = tables[name]
    assert expected.height, f"{name} has no row to compare"
    actual = spark.collect(STAGES[name](On(spark, tables)))
    if actual.columns != expected.columns:
        return True
    actual = actual.cast(dict(expected.schema))
    return not (actual.equals(expected) if name in PUBLISHED else in_one_order(actual).equals(in_one_order(expected)))


def test_every_stage_gives_the_same_rows_on_both_engines(tables: dict[str, pl.DataFrame], spark: SparkEngine) -> None:
    """One test for all stages, so that however tests are shared out only one Spark is started."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [name for name in STAGES if differs(name, tables, spark)] == []


@pytest.mark.parametrize("declared", [table for table in (*PSEUDONYMISED.values(), *PUBLISHED.values()) if table.name in STAGES], ids=lambda table: table.name)
def test_a_stage_gives_the_declared_columns_in_order_with_their_types(declared: Table, tables: dict[str, pl.DataFrame]) -> None:
    frame = tables[declared.name]
    assert dict(frame.schema) == {column.name: TYPES[column.type] for column in declared.columns}
    assert tuple(frame.columns) == declared.names
    if declared.key:
        assert frame.select(declared.key).is_unique().all()


def test_every_extract_is_made_up_or_known_not_to_be_shared() -> None:
    assert set(EXTRACTS) - set(SHARED) == {"outpatients"}
