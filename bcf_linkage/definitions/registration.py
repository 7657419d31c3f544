"""The one rule for who is registered with a practice on a day. It reads the dates of a registration of the GP register."""

from __future__ import annotations

from datetime import date

import narwhals as nw


def has_registration_on(day: date | nw.Expr) -> nw.Expr:
    """Return whether a registration covers the day, its first and last day included. A registration without an end is current."""
    end_date = nw.col("registration_end_date")
    return (nw.col("registration_start_date") <= day) & (end_date.is_null() | (end_date >= day))


def is_registered_on(day: date) -> nw.Expr:
    """Return whether a registration covers the day and its person is alive at the end of it.

    A practice may keep somebody on its list after a death, so the date of death decides as well.
    """
    death_date = nw.col("date_of_death")
    return has_registration_on(day) & (death_date.is_null() | (death_date > day))
