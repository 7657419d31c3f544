"""What the rows of an extract tell: each row of itself, and each identity, once, of the person behind it.

An identity is one combination of the values that tell whose record it is. A person's rows mostly share one. So a number is
checked, traced and given its pseudonym once for each identity, however many rows hold it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.schema import Identity, Table, Type
from bcf_linkage.identifiable import coarsen, period, pseudonymise, rules
from bcf_linkage.identifiable.opt_outs import holding

REGISTER = "gp_registrations"
TELLS_WHO = (
    Identity.LOCAL_ID,
    Identity.NHS_NUMBER,
    Identity.GIVEN_NAME,
    Identity.FAMILY_NAME,
    Identity.BIRTH_DATE,
    Identity.ADDRESS,
    Identity.POSTCODE,
)
SEX = "sex"
TELLS = {
    "given_name": Identity.GIVEN_NAME,
    "family_name": Identity.FAMILY_NAME,
    "address_line_1": Identity.ADDRESS,
    "postcode": Identity.POSTCODE,
}
"""What a trace reads beside number, date of birth and sex."""


@dataclass(frozen=True)
class Against:
    """What records are held against, beside the register: the as-at date, the kind of workspace, the postcode lookup, the objections that hold and what the
    national service answered."""

    as_at: date
    kind: nhs_number.Kind
    areas: nw.LazyFrame
    objections: nw.LazyFrame
    answers: nw.LazyFrame | None = None


def who(table: Table) -> tuple[str, ...]:
    """The columns whose values together are an identity."""
    return tuple(column.name for column in table.columns if column.identity in TELLS_WHO or column.name == _sex(table))


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


def described(identities: nw.LazyFrame, table: Table, kind: nhs_number.Kind) -> nw.LazyFrame:
    """Each identity -> the same with what it tells of who somebody is, under the names that a trace knows it by, and `identity_failures`."""
    number, born = nw.col(_column(table, Identity.NHS_NUMBER)), nw.col(_column(table, Identity.BIRTH_DATE))
    return identities.with_columns(
        identity_failures=rules.failures(table, who(table)),
        nhs_number=number,
        number=nhs_number.canonical(number),
        number_state=nhs_number.state(number, kind),
        **_born(born),
        **{name: _told(table.identity(kind)) for name, kind in TELLS.items()},
        sex=_told(_sex(table)),
    )


def known(traced: nw.LazyFrame, table: Table, against: Against) -> nw.LazyFrame:
    """Each traced identity -> the same with what is known of its person, in no order.

    `reason` (why the trace ended where it did, or which objection holds), `domain` and `subject` of the pseudonym, and what is kept of date of
    birth and postcode.
    """
    known = holding.marked(traced, against.objections).with_columns(
        reason=nw.coalesce("objection", "trace_reason"),
        age=coarsen.age(nw.col("birth_date"), against.as_at),
        birth_month=coarsen.birth_month(nw.col("birth_date"), against.as_at),
        **pseudonymise.person(table.name, nw.col(_column(table, Identity.LOCAL_ID))),
    )
    postcode = table.identity(Identity.POSTCODE)
    return known if postcode is None else coarsen.with_area(known, postcode, against.areas)


def registrations(rows: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Tidied rows of the register's extract -> the same as a trace takes them for its register."""
    born, replaced_on = nw.col("date_of_birth"), nw.col("replaced_nhs_number_date")
    return rows.with_columns(failures=rules.failures(table, table.names)).with_columns(
        refused=rules.is_refused(table),
        **_born(born),
        replaced_nhs_number_date=nw.when(rules.is_written_as(replaced_on, Type.DATE)).then(replaced_on),
    )


def _born(born: nw.Expr) -> dict[str, nw.Expr]:
    """`birth_date`, null unless it is a real one, and `written_date`, which may be the 30th of February."""
    return {"birth_date": nw.when(rules.is_written_as(born, Type.DATE)).then(born), "written_date": born}


def _told(column: str | None) -> nw.Expr:
    return nw.lit(None, dtype=nw.String) if column is None else nw.col(column)


def _sex(table: Table) -> str | None:
    """The column that holds the person's sex."""
    return next((column.name for column in table.columns if column.codes and column.codes.name == SEX), None)


def _column(table: Table, kind: Identity) -> str:
    """The column that holds the identifier. Raises ValueError, as no record can be traced without."""
    name = table.identity(kind)
    if name is None:
        raise ValueError(f"table {table.name} declares no {kind}, without which its records cannot be traced")
    return name
