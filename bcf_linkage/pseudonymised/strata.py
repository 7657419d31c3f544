"""Where every person stands: cost of the year, band, risk."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.pseudonymised_tables import STRATA
from bcf_linkage.definitions.rulebook import Bands
from bcf_linkage.pseudonymised.bands import equal_cost, high_risk
from bcf_linkage.pseudonymised.pence import from_pence, to_pence


def strata(people: nw.LazyFrame, costs: nw.LazyFrame, rules: Bands) -> nw.LazyFrame:
    """`people` and `costs` -> `strata`, one row per person, costs in pounds over the year.

    Bands and risk are for the registered population, by cost to the NHS; the cost to the council stands beside it. Who is not
    registered has costs, no band, and is not at high risk.
    """
    is_registered = nw.col("population") == "registered"
    costed = (
        people.select("person", "population", "practice_code", "age")
        .join(_by_payer(costs), on="person", how="left")
        .with_columns(
            pence=nw.col("health_pence").fill_null(0),
            social_care_cost=from_pence(nw.col("social_care_pence").fill_null(0)),
            counted=nw.when(is_registered).then(1).otherwise(0),
            adult=(is_registered & (nw.col("age") >= rules.high_risk.adult_age)).fill_null(False),
        )
    )
    # Flags rather than filters: the costs, the longest part of the work, are then worked out once.
    return (
        high_risk(costed, rules.high_risk)
        .join(equal_cost(costed.select("pence", "counted"), rules), on="pence", how="left")
        .with_columns(health_cost=from_pence(nw.col("pence")), band=nw.when(is_registered).then(nw.col("band")))
        .select(*STRATA.names)
    )


def _by_payer(costs: nw.LazyFrame) -> nw.LazyFrame:
    """One row per person: whole pence of the NHS and of the council."""
    pence, is_council = to_pence(nw.col("year_cost")), nw.col("setting") == "adult_social_care"
    return (
        costs.select("person", health_pence=nw.when(is_council).then(0).otherwise(pence), social_care_pence=nw.when(is_council).then(pence).otherwise(0))
        .group_by("person")
        .agg(nw.col("health_pence").sum(), nw.col("social_care_pence").sum())
    )
