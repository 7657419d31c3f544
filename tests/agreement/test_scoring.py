"""Candidate pairs have the same score on Spark as on DuckDB, and a run on Spark links records to the same people."""

from __future__ import annotations

import random
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from bcf_linkage.definitions.errors import EnvironmentFault
from bcf_linkage.storage import scoring
from bcf_linkage.storage.engine import SparkEngine
from bcf_linkage.storage.scoring import TEXT_FUNCTIONS, score_on_spark, scorer_for
from tests.trace_builder import build_register, crowd, trace_people

CHANCE = random.Random(3)
TEXTS = (
    "",
    "a",
    "ab",
    "ba",
    "jo",
    "joan",
    "jaon",
    "joanna",
    "mcdonald",
    "macdonald",
    "smith",
    "smyth",
    "smiht",
    "oakenfold",
    "oakenfodl",
    "19310314",
    "13031914",
)


def mistype(text: str) -> str:
    """Return the text with a random typing error, or unchanged."""
    position, letter = CHANCE.randrange(len(text) or 1), CHANCE.choice("abcdefghijklmnopqrstuvwxyz0123456789")
    return CHANCE.choice(
        [text, text[:position] + letter + text[position + 1 :], text[:position] + text[position + 1 :], text[:position] + letter + text[position:], text[::-1]]
    )


@pytest.fixture(scope="module")
def pairs() -> pl.DataFrame:
    mistyped = [(text, mistype(mistype(text))) for text in TEXTS[1:] for _ in range(20)]
    return pl.DataFrame([*((a, b) for a in TEXTS for b in TEXTS), *mistyped, ("x", None)], {"a": pl.String, "b": pl.String}, orient="row").unique(
        maintain_order=True
    )


@pytest.mark.filterwarnings("ignore")
def test_the_functions_of_two_texts_give_the_same_result_on_both_engines(pairs: pl.DataFrame, spark: SparkEngine) -> None:
    columns = "a, b, " + ", ".join(f"{name}(a, b) as {name}" for name in TEXT_FUNCTIONS)
    results = []
    for open_api in (scoring.open_duckdb_api, scoring.open_spark_api):
        with open_api() as api:
            texts = api.register(pairs.to_arrow(compat_level=pl.CompatLevel.oldest())).physical_name
            results.append(pl.from_arrow(api.query_sql(f"select {columns} from {texts}", "splink_df").as_pyarrow_table()))
    duckdb_scores, spark_scores = (frame.sort("a", "b") for frame in results)
    assert duckdb_scores.height > 400
    assert duckdb_scores["one_slip"].sum() > 50
    assert spark_scores.equals(duckdb_scores)


@pytest.mark.filterwarnings("ignore")
def test_records_are_linked_to_the_same_people_with_the_same_score(spark: SparkEngine) -> None:
    people = crowd(120)
    records = [
        {**person, "nhs_number": None, CHANCE.choice(("given_name", "family_name", "postcode", "address_line_1")): mistype(person["given_name"])}
        | {name: mistype(person[name]) for name in CHANCE.sample(("given_name", "family_name", "birth_date", "address_line_1"), 1)}
        for person in people
    ]
    duckdb_register = build_register(people)
    spark_register = replace(duckdb_register, score=scorer_for("spark"))
    duckdb_records, spark_records = (trace_people(records, register).records.sort("id") for register in (duckdb_register, spark_register))
    assert duckdb_records.filter(pl.col("trace_reason") == "scored").height > 30
    assert duckdb_records["trace_reason"].n_unique() > 2
    assert_frame_equal(spark_records, duckdb_records, abs_tol=0.02)


def test_a_session_that_would_write_names_to_disk_unencrypted_is_refused(spark: SparkEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spark.session.conf.get(scoring.SPARK_ENCRYPTION) == "true"
    monkeypatch.setattr(scoring, "SPARK_ENCRYPTION", "spark.never.set")
    people = crowd(20)
    unnumbered = [{**person, "nhs_number": None, "family_name": f"{person['family_name']}x"} for person in people]
    with pytest.raises(EnvironmentFault, match=r"Spark would spill identifiers to disk without encryption; start it with spark.never.set=true"):
        trace_people(unnumbered, replace(build_register(people), score=score_on_spark))
