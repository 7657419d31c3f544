"""Split the rows of an extract into facts about each row and distinct identities.

An identity is one combination of the identifying values of a row. Most rows of a person share one identity. So the NHS number is checked,
traced and pseudonymised once per identity, not once per row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.schema import Identity, Table, Type
from bcf_linkage.identifiable import coarse_values, period, pseudonymisation, row_rules
from bcf_linkage.identifiable.opt_outs import objections_in_force

REGISTER_EXTRACT = "gp_registrations"
IDENTITY_KINDS = (
    Identity.LOCAL_ID,
    Identity.NHS_NUMBER,
    Identity.GIVEN_NAME,
    Identity.FAMILY_NAME,
    Identity.BIRTH_DATE,
    Identity.ADDRESS,
    Identity.POSTCODE,
)
"""The identifiers that make an identity, with the person's sex."""

SEX_CODE_LIST = "sex"
TRACE_FIELDS = {
    "given_name": Identity.GIVEN_NAME,
    "family_name": Identity.FAMILY_NAME,
    "address_line_1": Identity.ADDRESS,
    "postcode": Identity.POSTCODE,
}
"""What a trace reads besides NHS number, date of birth and sex: its own column name, and the kind of identifier."""


@dataclass(frozen=True)
class TraceContext:
    """What a trace needs besides the register.

    The as-at date, the kind of workspace, the postcode lookup, the objections in force, and the answers of the Master Person Service.
    """

    as_at: date
    kind: nhs_number.WorkspaceKind
    areas: nw.LazyFrame
    objections: nw.LazyFrame
    mps_answers: nw.LazyFrame | None = None


def identity_columns(table: Table) -> tuple[str, ...]:
    """Return the columns whose values together are an identity."""
    return tuple(column.name for column in table.columns if column.identity in IDENTITY_KINDS or column.name == _sex_column(table))


def add_row_facts(rows: nw.LazyFrame, table: Table, as_at: date) -> nw.LazyFrame:
    """Add the facts of each row: one tidied row -> the same row with four columns.

    `failures`: rules broken, in all columns but those of the identity. `outside`: why the row is outside the period, null if it is inside.
    `fresh`: whether it is recent. `spell`: the value from which the token of its spell is made.
    """
    other_columns = [name for name in table.names if name not in identity_columns(table)]
    return rows.with_columns(
        failures=row_rules.failure_bits(table, other_columns),
        outside=period.out_of_period_reason(table, as_at),
        fresh=period.is_fresh(table, as_at),
        spell=pseudonymisation.spell_subject(table),
    )


def build_identities(rows: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Build the identities: tidied rows -> one row per distinct identity, in no order."""
    return rows.select(*identity_columns(table)).unique()


def add_trace_columns(identities: nw.LazyFrame, table: Table, kind: nhs_number.WorkspaceKind) -> nw.LazyFrame:
    """Add the columns that a trace reads, under its own names, and `identity_failures`: one row per identity -> the same row."""
    number, birth_date = nw.col(_required_column(table, Identity.NHS_NUMBER)), nw.col(_required_column(table, Identity.BIRTH_DATE))
    return identities.with_columns(
        identity_failures=row_rules.failure_bits(table, identity_columns(table)),
        nhs_number=number,
        number=nhs_number.canonical(number),
        number_state=nhs_number.state(number, kind),
        **_birth_date_columns(birth_date),
        **{name: _column_or_null(table.identity(kind)) for name, kind in TRACE_FIELDS.items()},
        sex=_column_or_null(_sex_column(table)),
    )


def add_person_columns(traced: nw.LazyFrame, table: Table, context: TraceContext) -> nw.LazyFrame:
    """Add what is known about the person: one row per traced identity -> the same row, in no order.

    `reason` is the objection in force, or else the reason of the trace. `domain` and `subject` are those of the pseudonym. `age`,
    `birth_month`, `lsoa` and `deprivation_quintile` are kept in place of date of birth and postcode.
    """
    people = objections_in_force.add_objection(traced, context.objections).with_columns(
        reason=nw.coalesce("objection", "trace_reason"),
        age=coarse_values.age(nw.col("birth_date"), context.as_at),
        birth_month=coarse_values.birth_month(nw.col("birth_date"), context.as_at),
        **pseudonymisation.person_subject(table.name, nw.col(_required_column(table, Identity.LOCAL_ID))),
    )
    postcode = table.identity(Identity.POSTCODE)
    return people if postcode is None else coarse_values.add_area(people, postcode, context.areas)


def build_registrations(rows: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Prepare the tidied rows of gp_registrations for `trace.register.Register.build`: one row -> the same row."""
    birth_date, replaced_on = nw.col("date_of_birth"), nw.col("replaced_nhs_number_date")
    return rows.with_columns(failures=row_rules.failure_bits(table, table.names)).with_columns(
        refused=row_rules.is_refused(table),
        **_birth_date_columns(birth_date),
        replaced_nhs_number_date=nw.when(row_rules.is_written_as(replaced_on, Type.DATE)).then(replaced_on),
    )


def _birth_date_columns(birth_date: nw.Expr) -> dict[str, nw.Expr]:
    """Return `birth_date`, null unless it is a real date, and `written_date`, which may be such as 30 February."""
    return {"birth_date": nw.when(row_rules.is_written_as(birth_date, Type.DATE)).then(birth_date), "written_date": birth_date}


def _column_or_null(column: str | None) -> nw.Expr:
    return nw.lit(None, dtype=nw.String) if column is None else nw.col(column)


def _sex_column(table: Table) -> str | None:
    """Return the column of the person's sex, if there is one."""
    return next((column.name for column in table.columns if column.codes and column.codes.name == SEX_CODE_LIST), None)


def _required_column(table: Table, kind: Identity) -> str:
    """Return the column of an identifier. Raises ValueError if there is none, because no record can be traced without it."""
    name = table.identity(kind)
    if name is None:
        raise ValueError(f"table {table.name} declares no {kind}, without which its records cannot be traced")
    return name
