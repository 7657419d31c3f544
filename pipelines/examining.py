"""The step from identities to what is known of the people behind them."""

from __future__ import annotations

import polars as pl

from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.identifiable import examine
from pipelines import experiments
from pipelines.national_answers import answered_nationally
from pipelines.tracing import ENGINE, Register, answered, climbed, described, own_entries, traced


def examined(identities: pl.DataFrame, table: Table, against: examine.Against, register: Register, sample: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each identity of an extract, traced, with what is known of its person; and what experiments on a sample of them came to."""
    records = described(identities, table, against.kind)
    outcomes = pl.DataFrame(schema=experiments.COUNTED)
    if table.name == examine.REGISTER:
        found = own_entries(records, register)
    elif not sample or table.identity(Identity.FAMILY_NAME) is None:
        found = traced(records, register).records
    else:
        climb = climbed(records, register)
        objecting = ENGINE.collect(against.objections.select("number"))["number"]
        first, again, decoys = answered([climb, *experiments.harder(climb, records, examine.who(table), objecting, sample)])
        found, outcomes = first.records, experiments.outcomes(again, decoys, against.as_at)
    if against.answers is not None:
        found = answered_nationally(found, records, table, register, ENGINE.collect(against.answers))
    return ENGINE.collect(examine.known(ENGINE.frame(found.drop("id")), table, against)), outcomes
