"""What a table is: its columns, the type and the values each may hold, and whether it tells who a person is.

Everything that knows a table reads it from here: the parser, the row rules, the Great Expectations suite, the synthetic
sampler, `bcf schema`, the data dictionary and the published tables. Nothing here touches data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bcf_linkage.definitions.code_lists import CodeList


class Type(StrEnum):
    """How a value is kept once parsed. On arrival every value is text."""

    TEXT = "text"
    DATE = "date"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TRUTH = "truth"


class Identity(StrEnum):
    """What a column tells of who somebody is. Such a column never leaves the identifiable zone."""

    NHS_NUMBER = "NHS number"
    REPLACED_NHS_NUMBER = "NHS number the person had before"
    LOCAL_ID = "identifier given by the supplier"
    RECORD_ID = "identifier of the record in the supplier's system"
    SPELL_ID = "identifier that joins the records of one hospital spell"
    GIVEN_NAME = "given name"
    FAMILY_NAME = "family name"
    BIRTH_DATE = "full date of birth"
    ADDRESS = "address line"
    POSTCODE = "postcode"


class Consequence(StrEnum):
    """What becomes of a row whose value breaks a constraint."""

    REFUSE_ROW = "the row is refused"
    BLANK_VALUE = "the value is blanked, the row kept"
    NOTE = "counted, nothing changed"


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """A statement that every row must satisfy. A blank value satisfies all but `Required`."""

    consequence: Consequence = Consequence.REFUSE_ROW

    @property
    def rule(self) -> str:
        """The name under which failures are counted: the class name in snake_case."""
        name = type(self).__name__
        return name[0].lower() + "".join(f"_{c.lower()}" if c.isupper() else c for c in name[1:])

    @property
    def words(self) -> str:
        """The constraint in words, for a supplier's report and the data dictionary."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Required(Constraint):
    """The value is not blank."""

    @property
    def words(self) -> str:
        return "must be filled in"


@dataclass(frozen=True, kw_only=True)
class Typed(Constraint):
    """The text reads as the column's type: an ISO date (2014-09-30), a whole number, a decimal number, or true or false."""

    type: Type = Type.TEXT

    @property
    def words(self) -> str:
        return {
            Type.TEXT: "any text",
            Type.DATE: "a real date written YYYY-MM-DD",
            Type.INTEGER: "a whole number",
            Type.DECIMAL: "a number",
            Type.TRUTH: "true or false",
        }[self.type]


@dataclass(frozen=True, kw_only=True)
class OneOf(Constraint):
    """The value is a code of the list."""

    codes: CodeList

    @property
    def words(self) -> str:
        return f"a code of the list {self.codes.name}"


@dataclass(frozen=True, kw_only=True)
class Matches(Constraint):
    """The whole value matches a regular expression (the subset that RE2, Rust and Python share)."""

    pattern: str
    meaning: str

    @property
    def words(self) -> str:
        return self.meaning


@dataclass(frozen=True, kw_only=True)
class Between(Constraint):
    """The number, or the date written YYYY-MM-DD, lies between two bounds, both included. None leaves a side open."""

    low: float | str | None = None
    high: float | str | None = None

    @property
    def words(self) -> str:
        if self.low is None:
            return f"at most {self.high}"
        return f"at least {self.low}" if self.high is None else f"from {self.low} to {self.high}"


@dataclass(frozen=True, kw_only=True)
class NotBefore(Constraint):
    """The date is not before the date in another column of the row."""

    other: str

    @property
    def words(self) -> str:
        return f"not before {self.other}"


@dataclass(frozen=True, kw_only=True)
class CheckDigit(Constraint):
    """The ten digits, spaces aside, satisfy the NHS number's modulus 11 and are not one digit repeated."""

    @property
    def words(self) -> str:
        return "ten digits whose last is the modulus 11 check digit, not one digit repeated"


@dataclass(frozen=True)
class Column:
    """One declared column.

    `name` is the data set's own field name in snake_case; a delivery's header may also spell it the data set's way
    (`NHSNumber`, `Date_of_Birth`). `constraints` are what a supplier is held to, beyond the type.
    """

    name: str
    type: Type
    meaning: str
    source: str
    constraints: tuple[Constraint, ...] = ()
    identity: Identity | None = None
    on_mistype: Consequence = Consequence.REFUSE_ROW

    @property
    def rules(self) -> tuple[Constraint, ...]:
        """The constraints with the type itself first, in the order in which a reason is chosen."""
        required = tuple(c for c in self.constraints if isinstance(c, Required))
        typed = () if self.type is Type.TEXT else (Typed(type=self.type, consequence=self.on_mistype),)
        return required + typed + tuple(c for c in self.constraints if not isinstance(c, Required))

    @property
    def codes(self) -> CodeList | None:
        """The code list that the column draws on, if it has one."""
        return next((c.codes for c in self.constraints if isinstance(c, OneOf)), None)


@dataclass(frozen=True)
class Table:
    """One declared table: what a row is, its columns in order, its key, and the dates that place a row in a period.

    A row lies in a period that its `event_date` (to its `event_end`, blank while still open) touches. A table of
    `whole_history` also welcomes what happened before the period.
    """

    name: str
    grain: str
    source: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    event_date: str | None = None
    event_end: str | None = None
    whole_history: bool = False

    def __post_init__(self) -> None:
        names = [c.name for c in self.columns]
        if repeated := {n for n in names if names.count(n) > 1}:
            raise ValueError(f"table {self.name} declares {', '.join(sorted(repeated))} more than once")
        wanted = {*self.key, *filter(None, (self.event_date, self.event_end))}
        wanted |= {c.other for column in self.columns for c in column.constraints if isinstance(c, NotBefore)}
        if unknown := wanted - set(names):
            raise ValueError(f"table {self.name} refers to {', '.join(sorted(unknown))}, which it does not declare")

    def __getitem__(self, name: str) -> Column:
        """The column of that name. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in their declared order."""
        return tuple(c.name for c in self.columns)

    @property
    def rules(self) -> Iterator[tuple[Column, Constraint]]:
        """Every (column, constraint), in the order in which a row's reason is chosen."""
        return ((column, rule) for column in self.columns for rule in column.rules)

    def identity(self, kind: Identity) -> str | None:
        """The name of the column that holds this identifier, or None if the table has none."""
        return next((c.name for c in self.columns if c.identity is kind), None)

    @property
    def identifying(self) -> tuple[str, ...]:
        """Names of the columns that never leave the identifiable zone."""
        return tuple(c.name for c in self.columns if c.identity is not None)
