"""Candidates get the same score on Spark as on DuckDB, and a run on Spark leads records to the same people."""

from __future__ import annotations

import random
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from bcf_linkage.definitions.errors import EnvironmentRefused
from bcf_linkage.storage import scoring
from bcf_linkage.storage.engine import SparkEngine
from bcf_linkage.storage.scoring import OF_TWO_TEXTS, scored_on_spark, scoring_on
from tests.spec.traced_people import asked, crowd, register_of

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


def typed(text: str) -> str:
    """A text as somebody in a hurry types it."""
    place, letter = CHANCE.randrange(len(text) or 1), CHANCE.choice("abcdefghijklmnopqrstuvwxyz0123456789")
    return CHANCE.choice([text, text[:place] + letter + text[place + 1 :], text[:place] + text[place + 1 :], text[:place] + letter + text[place:], text[::-1]])


@pytest.fixture(scope="module")
def pairs() -> pl.DataFrame:
    mistyped = [(text, typed(typed(text))) for text in TEXTS[1:] for _ in range(20)]
    return pl.DataFrame([*((a, b) for a in TEXTS for b in TEXTS), *mistyped, ("x", None)], {"a": pl.String, "b": pl.String}, orient="row").unique(
        maintain_order=True
    )


@pytest.mark.filterwarnings("ignore")
def test_the_functions_of_two_texts_mean_the_same(pairs: pl.DataFrame, spark: SparkEngine) -> None:
    wanted = "a, b, " + ", ".join(f"{name}(a, b) as {name}" for name in OF_TWO_TEXTS)
    found = []
    for opened in (scoring.on_duckdb, scoring.on_spark):
        with opened() as api:
            texts = api.register(pairs.to_arrow(compat_level=pl.CompatLevel.oldest())).physical_name
            found.append(pl.from_arrow(api.query_sql(f"select {wanted} from {texts}", "splink_df").as_pyarrow_table()))
    ours, theirs = (frame.sort("a", "b") for frame in found)
    assert ours.height > 400
    assert ours["one_slip"].sum() > 50
    assert theirs.equals(ours)


@pytest.mark.filterwarnings("ignore")
def test_records_find_the_same_people_by_the_same_score(spark: SparkEngine) -> None:
    people = crowd(120)
    records = [
        {**one, "nhs_number": None, CHANCE.choice(("given_name", "family_name", "postcode", "address_line_1")): typed(one["given_name"])}
        | {name: typed(one[name]) for name in CHANCE.sample(("given_name", "family_name", "birth_date", "address_line_1"), 1)}
        for one in people
    ]
    here = register_of(people)
    there = replace(here, scored=scoring_on("spark"))
    ours, theirs = (asked(records, register).records.sort("id") for register in (here, there))
    assert ours.filter(pl.col("trace_reason") == "scored").height > 30
    assert ours["trace_reason"].n_unique() > 2
    assert_frame_equal(theirs, ours, abs_tol=0.02)


def test_a_session_that_would_put_names_on_disk_as_they_are_is_refused(spark: SparkEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spark.session.conf.get(scoring.ENCRYPTED) == "true"
    monkeypatch.setattr(scoring, "ENCRYPTED", "spark.never.set")
    people = crowd(20)
    unnumbered = [{**one, "nhs_number": None, "family_name": f"{one['family_name']}x"} for one in people]
    with pytest.raises(EnvironmentRefused, match=r"Spark would put identifiers on disk as they are; start it with spark.never.set=true"):
        asked(unnumbered, replace(register_of(people), scored=scored_on_spark))
