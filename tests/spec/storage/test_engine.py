"""The engines: a table is written whole or not at all, and comes back as it was; Polars and Spark alike."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.errors import EnvironmentFault, UsageError
from bcf_linkage.storage.engine import Engine, PolarsEngine, SparkEngine, make_engine
from bcf_linkage.storage.row_fingerprints import add_entries, are_distinct, find_positions, flag_repeated_keys, row_fingerprint

ROWS = pl.DataFrame(
    {
        "person": ["ab", "cd", None],
        "day": [date(2014, 9, 30), None, date(1900, 1, 1)],
        "number": [1, None, -3],
        "cost": [0.5, None, 1e12],
        "truth": [True, False, None],
    }
)


@pytest.fixture(scope="module", params=["polars", "spark"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return PolarsEngine() if request.param == "polars" else request.getfixturevalue("spark")  # type: ignore[no-any-return]


def rows(engine: Engine, frame: nw.LazyFrame) -> list[tuple[object, ...]]:
    return sorted(engine.collect(frame).rows(), key=str)


def test_a_table_comes_back_as_it_was_written(engine: Engine, tmp_path: Path) -> None:
    engine.write(engine.frame(ROWS), tmp_path / "new" / "t.parquet")
    back = engine.scan(tmp_path / "new" / "t.parquet")
    assert rows(engine, back) == sorted(ROWS.rows(), key=str)
    assert engine.collect(back).schema == ROWS.schema
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["t.parquet"]


def test_a_table_is_written_over_what_was_there(engine: Engine, tmp_path: Path) -> None:
    for frame in (ROWS, ROWS.head(1)):
        engine.write(engine.frame(frame), tmp_path / "t.parquet")
    assert rows(engine, engine.scan(tmp_path / "t.parquet")) == ROWS.head(1).rows()


def test_what_fails_on_the_way_leaves_what_was_there(engine: Engine, tmp_path: Path) -> None:
    engine.write(engine.frame(ROWS), tmp_path / "t.parquet")
    broken = engine.frame(pl.DataFrame({"text": ["x"]})).select(nw.col("text").cast(nw.Int64))
    with pytest.raises(Exception, match=r"conversion|CAST_INVALID_INPUT|cast"):
        engine.write(broken, tmp_path / "t.parquet")
    assert rows(engine, engine.scan(tmp_path / "t.parquet")) == sorted(ROWS.rows(), key=str)
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_what_polars_wrote_both_can_read(engine: Engine, tmp_path: Path) -> None:
    PolarsEngine().write(nw.from_native(ROWS.lazy()), tmp_path / "t.parquet")
    assert rows(engine, engine.scan(tmp_path / "t.parquet")) == sorted(ROWS.rows(), key=str)


def test_both_find_the_same_state_of_a_number(engine: Engine) -> None:
    numbers = ["9434765919", "943 476 5919", "943-476-5919", "9434765918", "9999999999", "5000000005", "", None, "x", "0100000001", "9000000009"]
    expected = ["sound", "sound", "sound", "number_check_digit", "number_repeated_digit"]
    frame = engine.frame(pl.DataFrame({"n": numbers}))
    found = engine.collect(frame.select("n", state=nhs_number.state(nw.col("n"), "synthetic"))).rows()
    assert [dict(found)[number] for number in numbers[:5]] == expected
    plain = PolarsEngine()
    assert dict(found) == dict(plain.collect(plain.frame(pl.DataFrame({"n": numbers})).select("n", state=nhs_number.state(nw.col("n"), "synthetic"))).rows())


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown engine dask; choose one of polars, spark"):
        make_engine("dask")


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        PolarsEngine().write(nw.from_native(ROWS.lazy()), tmp_path / "file" / "t.parquet")


def test_polars_writes_the_same_bytes_again(tmp_path: Path) -> None:
    many = pl.DataFrame({"n": range(300_000)}).lazy().with_columns(person=pl.format("{}-x", pl.col("n") % 1000))
    for name in ("a", "b"):
        PolarsEngine().write(nw.from_native(many), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("keys", "usable", "expected"),
    [
        ([], [], []),
        ([1, 2, 3], [1, 1, 1], [0, 0, 0]),
        ([1, 1, 1], [1, 1, 1], [0, 1, 1]),
        ([1, 2, 1, 2], [1, 1, 1, 1], [0, 0, 1, 1]),
        ([1, 1, 1], [0, 1, 1], [0, 0, 1]),
        ([1, 1], [0, 1], [0, 0]),
        ([1, 1, 1], [1, 0, 1], [0, 0, 1]),
    ],
)
def test_only_an_earlier_usable_row_makes_a_row_a_repeat(keys: list[int], usable: list[int], expected: list[int]) -> None:
    both = pl.DataFrame({"key": keys, "other": keys}, schema={"key": pl.UInt64, "other": pl.UInt64})
    assert flag_repeated_keys(both, pl.Series(usable, dtype=pl.Int8).cast(pl.Boolean)).to_list() == [bool(e) for e in expected]


def test_two_keys_with_one_fingerprint_in_common_are_two_keys() -> None:
    both = pl.DataFrame({"key": [1, 1, 1], "other": [1, 2, 1]}, schema={"key": pl.UInt64, "other": pl.UInt64})
    assert flag_repeated_keys(both, pl.Series([True] * 3)).to_list() == [False, False, True]


def test_fingerprints_tell_different_rows_apart_and_lead_back_to_them() -> None:
    people = pl.DataFrame({"a": ["x", "x", None, ""], "b": ["1", None, "x", "x1"]})
    assert are_distinct(people, ["a", "b"], 0)
    assert not are_distinct(people[[0, 1, 0]], ["a", "b"], 0)
    prints = people.select(row_fingerprint(["a", "b"], 0)).to_series()
    assert prints.n_unique() == 4
    assert find_positions(prints.gather([2, 0, 0, 3]), prints).to_list() == [2, 0, 0, 3]


def test_rows_with_entries_keep_their_order() -> None:
    lazy = pl.LazyFrame({"n": range(200_000)}).filter(pl.col("n") % 2 == 0).with_columns(at=pl.col("n") // 2 % 3)
    entries = pl.concat([pl.DataFrame({"who": [who], "age": [age]}) for who, age in (("a", 1), ("b", 2), ("c", None))], rechunk=False)
    found = add_entries(lazy, "at", entries).collect(engine="streaming")
    assert found["n"].to_list() == list(range(0, 200_000, 2))
    assert found["who"].to_list() == ["abc"[n % 3] for n in range(100_000)]


def test_an_error_of_spark_is_told_to_nobody_but_its_caller(spark: SparkEngine, capfd: pytest.CaptureFixture[str]) -> None:
    """Its words hold the value that it stumbled on."""
    frame = spark.frame(pl.DataFrame({"text": ["Penhaligon"]}))
    with pytest.raises(Exception, match="Penhaligon"):
        spark.collect(frame.select(nw.col("text").cast(nw.Int64)))
    assert capfd.readouterr() == ("", "")
    assert spark.session._jvm.org.apache.logging.log4j.LogManager.getRootLogger().getLevel().toString() == "OFF"  # type: ignore[union-attr]
