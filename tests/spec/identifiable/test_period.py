"""Which rows are outside the period, tested at its limits: 2012-10-01 to 2014-09-30."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Table
from bcf_linkage.identifiable.period import is_fresh, out_of_period_reason
from tests.delivery_builder import AS_AT


def period_status(table: Table, **dates: str | None) -> tuple[str | None, bool]:
    row = nw.from_native(pl.LazyFrame([{**dict.fromkeys(table.names), **dates}], schema=dict.fromkeys(table.names, pl.String)))
    return row.select(outside=out_of_period_reason(table, AS_AT), fresh=is_fresh(table, AS_AT)).to_native().collect().row(0)


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
def test_an_attendance_is_in_the_period_of_its_day(day: str, outside: str | None, fresh: bool) -> None:
    assert period_status(EXTRACTS["emergency_care"], arrival_date=day) == (outside, fresh)


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
def test_a_service_is_inside_if_it_overlaps_the_period(starts: str, ends: str | None, outside: str | None) -> None:
    assert period_status(EXTRACTS["adult_social_care"], event_start_date=starts, event_end_date=ends)[0] == outside


def test_gp_events_before_the_period_are_inside_and_later_ones_outside() -> None:
    assert period_status(EXTRACTS["gp_events"], event_date="1950-01-01")[0] is None
    assert period_status(EXTRACTS["gp_events"], event_date="2014-10-01")[0] == "after_as_at"


def test_a_registration_is_in_every_period() -> None:
    assert period_status(EXTRACTS["gp_registrations"], registration_start_date="2099-01-01") == (None, True)
