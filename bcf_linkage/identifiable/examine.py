"""What the rows of an extract tell: each row of itself, and each identity, once, of the person behind it.

An identity is one combination of the values that tell whose record it is. A person's rows mostly share one. So a number is
checked, traced and given its pseudonym once for each identity, however many rows hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.schema import Identity, Table, Type
from bcf_linkage.identifiable import coarsen, period, pseudonymise, rules, trace

REGISTER = "gp_registrations"
TELLS_WHO = (Identity.LOCAL_ID, Identity.NHS_NUMBER, Identity.BIRTH_DATE, Identity.POSTCODE)
OPTED_OUT = "type_1"


@dataclass(frozen=True)
class Against:
    """What records are held against: the as-at date, the kind of workspace, the register and the postcode lookup."""

    as_at: date
    kind: nhs_number.Kind
    register: nw.LazyFrame
    areas: nw.LazyFrame


def who(table: Table) -> tuple[str, ...]:
    """The columns whose values together are an identity."""
    return tuple(column.name for column in table.columns if column.identity in TELLS_WHO)


def facts(rows: nw.LazyFrame, table: Table, as_at: date) -> nw.LazyFrame:
    """Tidied rows -> the same with what each tells of itself.

    `failures` of all columns but those of the identity, `outside` (why it lies outside the period, null within), `fresh`, and
    `spell`, what its spell's token is made from.
    """
    others = [name for name in table.names if name not in who(table)]
    return rows.with_columns(
        failures=rules.failures(table, others),
        outside=period.out_of_period(table, as_at),
        fresh=period.is_fresh(table, as_at),
        spell=pseudonymise.spell(table),
    )


def identities(rows: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Tidied rows -> each identity that they hold, once, in no order."""
    return rows.select(*who(table)).unique()


def examined(identities: nw.LazyFrame, table: Table, against: Against) -> nw.LazyFrame:
    """Each identity -> the same with what is known of its person, in no order.

    `identity_failures`, `reason` (why the trace ended where it did, or `type_1`), `domain` and `subject` of the pseudonym, and
    what is kept of date of birth and postcode.
    """
    number, born = nw.col(_column(table, Identity.NHS_NUMBER)), nw.col(_column(table, Identity.BIRTH_DATE))
    records = identities.with_columns(
        identity_failures=rules.failures(table, who(table)),
        number=nhs_number.canonical(number),
        number_state=nhs_number.state(number, against.kind),
        birth_date=nw.when(rules.is_written_as(born, Type.DATE)).then(born),
    )
    traced = trace.traced(records, against.register, ladder(table))
    known = traced.with_columns(
        reason=nw.when(nw.col("opted_out")).then(nw.lit(OPTED_OUT)).otherwise(nw.col("trace_reason")),
        age=coarsen.age(nw.col("birth_date"), against.as_at),
        birth_month=coarsen.birth_month(nw.col("birth_date"), against.as_at),
        **pseudonymise.person(table.name, nw.col(_column(table, Identity.LOCAL_ID))),
    )
    postcode = table.identity(Identity.POSTCODE)
    return known if postcode is None else coarsen.with_area(known, postcode, against.areas)


def ladder(table: Table) -> Sequence[trace.Rung]:
    """How a table's records are traced: the register's own rows against themselves, all others by a second fact."""
    return (trace.by_own_entry,) if table.name == REGISTER else (trace.by_number_and_birth_date,)


def registrations(rows: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Tidied rows of the register's extract -> the same as `trace.numbers` takes them."""
    born, replaced_on = nw.col("date_of_birth"), nw.col("replaced_nhs_number_date")
    return rows.with_columns(failures=rules.failures(table, table.names)).with_columns(
        refused=rules.is_refused(table),
        birth_date=nw.when(rules.is_written_as(born, Type.DATE)).then(born),
        replaced_nhs_number_date=nw.when(rules.is_written_as(replaced_on, Type.DATE)).then(replaced_on),
    )


def _column(table: Table, kind: Identity) -> str:
    """The column that holds the identifier. Raises ValueError, as no record can be traced without."""
    name = table.identity(kind)
    if name is None:
        raise ValueError(f"table {table.name} declares no {kind}, without which its records cannot be traced")
    return name
