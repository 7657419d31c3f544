"""The activity of each person and its cost, one function for each setting."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.periods import Period
from bcf_linkage.definitions.pseudonymised_tables import ACTIVITY
from bcf_linkage.definitions.rulebook import Prices
from bcf_linkage.pseudonymised.days import split_by_month
from bcf_linkage.pseudonymised.extracts import Extracts
from bcf_linkage.pseudonymised.pence import from_pence, to_pence
from bcf_linkage.pseudonymised.spells import ADMITTED

NOT_COSTED = "not_costed"
ONE_EACH = nw.lit(1.0)


def build_activity(received: Extracts, spells: nw.LazyFrame, prices: Prices, period: Period) -> nw.LazyFrame:
    """Build `activity` from received rows and spells: one row per person, month, setting and item, for the months of the period.

    Quantities are in the units of the unit costs, to two decimals. Costs are in pounds, to the penny. Activity without a unit cost
    is kept as `not_costed`, at no cost. Unlinked records count under their local pseudonym.
    """
    use_by_setting = {
        "gp_events": general_practice(received["gp_events"], period),
        "emergency_care": emergency_care(received["emergency_care"], period),
        "outpatients": outpatients(received["outpatients"], period),
        "hospital_admissions": hospital_admissions(spells, prices, period),
        "adult_social_care": adult_social_care(received["adult_social_care"], prices, period),
    }
    return nw.concat([_total_by_item(rows, setting, prices) for setting, rows in use_by_setting.items()])


def _total_by_item(uses: nw.LazyFrame, setting: str, prices: Prices) -> nw.LazyFrame:
    """One row per use (`person`, `month`, `kind`, `quantity`) -> `activity` of the setting, one row per person, month and item."""
    items = {item.item.removeprefix("gp_").removeprefix("medication_bnf_"): item for item in prices.items if item.setting == setting}
    kind = nw.col("kind")
    # Group by short kinds and add the item names afterwards: on millions of rows this takes half the time.
    recognised = uses.with_columns(kind=nw.when(kind.is_in(list(items))).then(kind).otherwise(nw.lit("")))
    # Add whole hundredths: their sum is the same in any order of rows, the sum of fractions is not.
    totals = recognised.with_columns(quantity=to_pence(nw.col("quantity"))).group_by("person", "month", "kind").agg(nw.col("quantity").sum())
    costed_items = totals.with_columns(
        setting=nw.lit(setting),
        activity=kind.replace_strict({short: item.item for short, item in items.items()}, default=NOT_COSTED, return_dtype=nw.String),
        quantity=from_pence(nw.col("quantity")),
        price=kind.replace_strict({short: item.pounds for short, item in items.items()}, default=0.0, return_dtype=nw.Float64),
    )
    return costed_items.with_columns(cost=from_pence(to_pence(nw.col("quantity") * nw.col("price")))).select(*ACTIVITY.names)


def general_practice(events: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """Return consultations by mode and prescribed items by BNF chapter. Diagnoses and processes are not activity."""
    events_used = events.filter(nw.col("event_type").is_in(["consultation", "medication"]))
    is_consultation = nw.col("event_type") == "consultation"
    kind = nw.when(is_consultation).then(nw.col("consultation_mode")).otherwise(nw.col("code").str.slice(0, 2))
    items_prescribed = nw.when(is_consultation).then(ONE_EACH).otherwise(nw.col("value").fill_null(1.0))
    return _uses_on_day("event_date", events_used, period, kind, items_prescribed)


def emergency_care(attendances: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """Return attendances by kind of department and by whether the person was admitted."""
    department, disposal = nw.col("ae_department_type"), nw.col("ae_attendance_disposal")
    kind = _first_case(
        (department == "03", "ae_minor_injuries"),
        (department == "04", "ae_walk_in"),
        (disposal == "01", "ae_admitted"),
        otherwise="ae_not_admitted",
    )
    return _uses_on_day("arrival_date", attendances, period, kind)


def outpatients(appointments: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    """Return appointments at which the person was seen."""
    seen = appointments.filter(nw.col("attended_or_did_not_attend").is_in(["5", "6"]))
    return _uses_on_day("appointment_date", seen, period, nw.lit("outpatient_attendance"))


def hospital_admissions(spells: nw.LazyFrame, prices: Prices, period: Period) -> nw.LazyFrame:
    """Return spells by kind in the month of admission, and the nights of ordinary admissions beyond those that the price covers."""
    classification, method, nights = nw.col("patient_classification"), nw.col("admission_method_hospital_provider_spell"), nw.col("nights")
    kind = _first_case(
        (classification.is_in(["3", "4"]), "regular_attendance"),
        (classification == "2", "day_case"),
        (method.is_in(["11", "12", "13"]), "elective_inpatient"),
        (nights <= 1, "non_elective_short_stay"),
        otherwise="non_elective_long_stay",
    )
    excess = nights - prices.after_days("excess_bed_day")
    long = spells.filter(~classification.is_in(["2", "3", "4"]) & (excess > 0))
    return nw.concat(
        [
            _uses_on_day(ADMITTED, spells, period, kind),
            _uses_on_day(ADMITTED, long, period, nw.lit("excess_bed_day"), excess.cast(nw.Float64)),
        ]
    )


def adult_social_care(events: nw.LazyFrame, prices: Prices, period: Period) -> nw.LazyFrame:
    """Return requests, assessments and reviews as one unit each, and services in pounds of each month at the council's recorded cost."""
    is_service = nw.col("event_type") == "Service"
    contacts = _uses_on_day("event_start_date", events.filter(~is_service), period, nw.lit("social_care_event"))
    return nw.concat([contacts, _cost_services(events.filter(is_service), prices, period)])


def _cost_services(services: nw.LazyFrame, prices: Prices, period: Period) -> nw.LazyFrame:
    """Return pounds by month: the weekly cost times the weeks of service in the month, or a one-off cost in the month of its start."""
    start, end = nw.col("event_start_date"), nw.col("event_end_date")
    frequency, units, cost = nw.col("cost_frequency_unit_type"), nw.col("planned_units_per_week").fill_null(0.0), nw.col("unit_cost").fill_null(0.0)
    factors = {name: float(factor) for name, factor in prices.frequencies.items() if not isinstance(factor, str)}
    planned = [name for name, factor in prices.frequencies.items() if factor == "planned"]
    once = [name for name, factor in prices.frequencies.items() if factor == "once"]
    weekly_units = nw.when(frequency.is_in(planned)).then(units).otherwise(frequency.replace_strict(factors, default=0.0, return_dtype=nw.Float64))
    costed = services.with_columns(
        # In hundredths of a penny, so that a week divides into days in whole numbers.
        weekly=to_pence(cost * weekly_units * 100),
        single=to_pence(nw.when(frequency.is_in(once)).then(cost).otherwise(0.0)),
        began=start.dt.truncate("1mo").cast(nw.Date),
        last=nw.when(end <= period.end).then(end).otherwise(nw.lit(period.end)),
    )
    months = split_by_month(costed, start, nw.col("last"), period, ("person", "weekly", "single", "began"))
    falls_due = nw.when(nw.col("began") == nw.col("month")).then(nw.col("single")).otherwise(0)
    # A day is a seventh of a week, and a penny is 100 hundredths: divide by 700, and add 350 to round half up.
    pence = (nw.col("weekly") * nw.col("days") + 350) // 700
    return months.select("person", "month", kind=nw.lit("social_care_service"), quantity=from_pence(pence + falls_due))


def _uses_on_day(day: str, frame: nw.LazyFrame, period: Period, kind: nw.Expr, quantity: nw.Expr = ONE_EACH) -> nw.LazyFrame:
    """Rows dated on one day -> one row per use: person, month, kind and quantity, if the day is in the period."""
    return frame.filter(nw.col(day).is_between(period.start, period.end)).select(
        "person",
        month=nw.col(day).dt.truncate("1mo").cast(nw.Date),
        kind=kind,
        quantity=quantity,
    )


def _first_case(*cases: tuple[nw.Expr, str], otherwise: str) -> nw.Expr:
    """Return the label of the first case whose condition is true."""
    label: nw.Expr = nw.lit(otherwise)
    for condition, case_label in reversed(tuple(cases)):
        label = nw.when(condition).then(nw.lit(case_label)).otherwise(label)
    return label
