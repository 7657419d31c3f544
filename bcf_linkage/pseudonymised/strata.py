"""The strata of each person: cost of the year, band and risk."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.pseudonymised_tables import STRATA
from bcf_linkage.definitions.rulebook import Bands
from bcf_linkage.pseudonymised.bands import assign_cost_bands, flag_high_risk
from bcf_linkage.pseudonymised.pence import from_pence, to_pence


def build_strata(people: nw.LazyFrame, costs: nw.LazyFrame, rules: Bands) -> nw.LazyFrame:
    """Build `strata` from `people` and `costs`: one row per person, with costs in pounds over the year.

    Bands and risk are for the registered population, by cost to the NHS. The cost to the council is a column of its own. A person
    who is not registered has costs, no band, and is not at high risk.
    """
    is_registered = nw.col("population") == "registered"
    costed = (
        people.select("person", "population", "practice_code", "age")
        .join(_sum_by_payer(costs), on="person", how="left")
        .with_columns(
            pence=nw.col("health_pence").fill_null(0),
            social_care_cost=from_pence(nw.col("social_care_pence").fill_null(0)),
            counted=nw.when(is_registered).then(1).otherwise(0),
            adult=(is_registered & (nw.col("age") >= rules.high_risk.adult_age)).fill_null(False),
        )
    )
    # Flag people rather than filter them: an engine then computes the costs, the slowest part, once.
    return (
        flag_high_risk(costed, rules.high_risk)
        .join(assign_cost_bands(costed.select("pence", "counted"), rules), on="pence", how="left")
        .with_columns(health_cost=from_pence(nw.col("pence")), band=nw.when(is_registered).then(nw.col("band")))
        .select(*STRATA.names)
    )


def _sum_by_payer(costs: nw.LazyFrame) -> nw.LazyFrame:
    """Return one row per person: the cost to the NHS and to the council in whole pence."""
    pence, is_council = to_pence(nw.col("year_cost")), nw.col("setting") == "adult_social_care"
    return (
        costs.select("person", health_pence=nw.when(is_council).then(0).otherwise(pence), social_care_pence=nw.when(is_council).then(pence).otherwise(0))
        .group_by("person")
        .agg(nw.col("health_pence").sum(), nw.col("social_care_pence").sum())
    )
