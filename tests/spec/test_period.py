"""Which rows lie outside the period, drawn at its edges: 2012-10-01 to 2014-09-30."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable.period import is_fresh, out_of_period
from tests.spec.delivered import AS_AT


def told(table: Table, **dates: str | None) -> tuple[str | None, bool]:
    row = nw.from_native(pl.LazyFrame([{**dict.fromkeys(table.names), **dates}], schema=dict.fromkeys(table.names, pl.String)))
    return row.select(outside=out_of_period(table, AS_AT), fresh=is_fresh(table, AS_AT)).to_native().collect().row(0)


@pytest.mark.parametrize(
    ("day", "outside", "fresh"),
    [
        ("2012-09-30", "before_window", False),
        ("2012-10-01", None, False),
        ("2014-06-30", None, False),
        ("2014-07-01", None, True),
        ("2014-09-30", None, True),
        ("2014-10-01", "after_as_at", False),
    ],
)
def test_an_attendance_lies_where_its_day_does(day: str, outside: str | None, fresh: bool) -> None:
    assert told(EXTRACTS["emergency_care"], arrival_date=day) == (outside, fresh)


@pytest.mark.parametrize(
    ("starts", "ends", "outside"),
    [
        ("2010-01-01", "2012-09-30", "before_window"),
        ("2010-01-01", "2012-10-01", None),
        ("2010-01-01", None, None),
        ("2014-09-30", "2015-01-01", None),
        ("2014-10-01", None, "after_as_at"),
    ],
)
def test_a_service_lies_within_if_it_touches_the_period(starts: str, ends: str | None, outside: str | None) -> None:
    assert told(EXTRACTS["adult_social_care"], event_start_date=starts, event_end_date=ends)[0] == outside


def test_the_whole_history_of_general_practice_is_welcome_but_not_its_future() -> None:
    assert told(EXTRACTS["gp_events"], event_date="1950-01-01")[0] is None
    assert told(EXTRACTS["gp_events"], event_date="2014-10-01")[0] == "after_as_at"


def test_a_registration_lies_in_every_period() -> None:
    assert told(EXTRACTS["gp_registrations"], registration_start_date="2099-01-01") == (None, True)
