"""Transfers between kinds of care: into a care home, home with reablement, or delayed in hospital."""

from __future__ import annotations

from datetime import date

import narwhals as nw

from bcf_linkage.definitions.extracts.adult_social_care import CARE_HOMES
from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.pseudonymised_tables import TRANSFERS
from bcf_linkage.pseudonymised.days import age_in_month_of, split_by_month
from bcf_linkage.pseudonymised.extracts import Extracts
from bcf_linkage.pseudonymised.spells import ADMITTED, DISCHARGED, SPELL

STILL_OPEN = date(9999, 12, 31)
SHORT_STAYS = ("Short term nursing care", "Short term residential care")
SELF_FUNDED = "NFA: Self-funded client or under 12wk disregard"
DIED = ("4", "5")
NOT_HOME = ("49", "50", "51", "52", "53", "79", "84", "87", "88")


def build_transfers(received: Extracts, spells: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """Build `transfers` from received rows and spells: one row per transfer in the period; for a delay, one row per month of it."""
    return nw.concat(
        [
            care_home_admissions(received["adult_social_care"], period),
            delays(spells, period),
            reablement_discharges(received, spells, period),
        ]
    )


def care_home_stays(social_care: nw.LazyFrame) -> nw.LazyFrame:
    """Return one row per residential or nursing service that the council pays for as long-term support, from social care events."""
    component, outcome = nw.col("service_component"), nw.col("event_outcome")
    return social_care.filter(
        (nw.col("event_type") == "Service")
        & (nw.col("client_type") == "Service user")
        & nw.col("service_type").is_in(list(CARE_HOMES))
        & ~component.is_in(list(SHORT_STAYS)).fill_null(False)
        & ~(outcome == SELF_FUNDED).fill_null(False)
    ).select("person", "birth_month", first_day=nw.col("event_start_date"), last_day=nw.col("event_end_date").fill_null(STILL_OPEN))


def care_home_admissions(social_care: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """Return one row per new admission: a stay without another stay of the person during it or in the 365 days before (ASCOF rule)."""
    earlier = nw.col("last_day").cum_max().over("person", order_by=["first_day", "last_day"])
    stays = care_home_stays(social_care).with_columns(longest=earlier)
    stays = stays.with_columns(before=nw.col("longest").shift(1).over("person", order_by=["first_day", "last_day"]))
    year_ago = nw.col("first_day").dt.offset_by("-365d").cast(nw.Date)
    new = stays.filter((nw.col("before").is_null() | (nw.col("before") < year_ago)) & nw.col("first_day").is_between(period.start, period.end))
    return _transfer_rows(new, "care_home_admission", nw.col("first_day"), age_in_month_of(nw.col("first_day"), nw.col("birth_month")))


def delays(spells: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """Return one row per delayed spell and month: the days from the discharge ready date to the day before discharge."""
    ready = nw.col("hospital_provider_spell_discharge_ready_date")
    last = nw.col(DISCHARGED).dt.offset_by("-1d").cast(nw.Date)
    last_in_period = nw.when(last <= period.end).then(last).otherwise(nw.lit(period.end))
    waiting = spells.filter(nw.col("registered") & ~ready.is_null()).with_columns(last=last_in_period)
    months = split_by_month(waiting, ready, nw.col("last"), period, ("person", "age"))
    return _transfer_rows(months, "delay", nw.col("month"), nw.col("age"), days=nw.col("days"))


def reablement_discharges(received: Extracts, spells: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """Return one row per discharge from a stay in hospital to reablement.

    The reablement service begins between three days before the discharge and seven days after. The latest of several possible
    discharges counts. At home on the 91st day means alive, not in hospital and not in a care home that the council pays for.
    """
    services = received["adult_social_care"].filter(
        (nw.col("event_type") == "Service")
        & (nw.col("client_type") == "Service user")
        & (nw.col("service_type") == "Short term support: ST-Max")
        & nw.col("service_component").fill_null("Reablement").is_in(["Reablement"])
    )
    discharges = spells.filter(
        nw.col(DISCHARGED).is_between(period.start, period.end)
        & (nw.col("patient_classification") == "1")
        & (nw.col("nights") > 0)
        & ~nw.col("discharge_method_hospital_provider_spell").is_in(list(DIED)).fill_null(False)
        & ~nw.col("discharge_destination_hospital_provider_spell").is_in(list(NOT_HOME)).fill_null(False)
    ).select("person", "age", SPELL, discharged=nw.col(DISCHARGED), day_91=nw.col(DISCHARGED).dt.offset_by("91d").cast(nw.Date))
    begins = nw.col("event_start_date")
    followed = (
        discharges.join(services.select("person", "event_start_date").unique(), on="person", how="inner")
        .filter((begins >= nw.col("discharged").dt.offset_by("-3d").cast(nw.Date)) & (begins <= nw.col("discharged").dt.offset_by("7d").cast(nw.Date)))
        .unique(["person", "event_start_date"], keep="last", order_by=["discharged", SPELL])
        .unique(["person", "discharged"], keep="first", order_by=[SPELL])
    )
    away = followed.join(_days_away_from_home(received, spells), on="person", how="inner").filter(
        (nw.col("first_day") <= nw.col("day_91")) & (nw.col("last_day") >= nw.col("day_91"))
    )
    marked = followed.join(away.select("person", "discharged", away=nw.lit(True)).unique(), on=["person", "discharged"], how="left")
    is_at_home = nw.when(nw.col("day_91") <= period.end).then(nw.col("away").is_null())
    return _transfer_rows(marked, "reablement_discharge", nw.col("discharged"), nw.col("age"), at_home=is_at_home)


def _days_away_from_home(received: Extracts, spells: nw.LazyFrame) -> nw.LazyFrame:
    """Return one row per interval of days away from home (hospital, care home, death): `person`, `first_day`, `last_day`."""
    in_hospital = spells.select("person", first_day=nw.col(ADMITTED), last_day=nw.col(DISCHARGED).dt.offset_by("-1d").cast(nw.Date).fill_null(STILL_OPEN))
    hospital_deaths = spells.filter(nw.col("discharge_method_hospital_provider_spell").is_in(list(DIED))).select("person", day=nw.col(DISCHARGED))
    deaths = [received[name].select("person", day=nw.col("date_of_death")) for name in ("gp_registrations", "adult_social_care")]
    dead = nw.concat([hospital_deaths, *deaths]).filter(~nw.col("day").is_null()).unique()
    return nw.concat(
        [
            in_hospital,
            care_home_stays(received["adult_social_care"]).select("person", "first_day", "last_day"),
            dead.select("person", first_day=nw.col("day"), last_day=nw.lit(STILL_OPEN)),
        ]
    )


def _transfer_rows(frame: nw.LazyFrame, kind: str, day: nw.Expr, age: nw.Expr, days: nw.Expr | None = None, at_home: nw.Expr | None = None) -> nw.LazyFrame:
    return frame.select(
        "person",
        transfer=nw.lit(kind),
        day=day,
        age=age,
        delayed_days=nw.lit(None).cast(nw.Int64) if days is None else days,
        at_home=nw.lit(None).cast(nw.Boolean) if at_home is None else at_home,
    ).select(*TRANSFERS.names)
