"""The declaration of a table: its columns, their types and allowed values, and which of them identify a person.

The parser, the row rules, the Great Expectations suite, the synthetic sampler, `bcf schema`, the data dictionary and the
published tables all read these declarations. Nothing here reads data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bcf_linkage.definitions.code_lists import CodeList


class Type(StrEnum):
    """The type of a parsed value. In a delivery every value is text."""

    TEXT = "text"
    DATE = "date"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"


class Identity(StrEnum):
    """The kind of identifier in a column. Such a column never leaves the identifiable zone."""

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
    """What happens to a row whose value breaks a constraint."""

    REFUSE_ROW = "the row is refused"
    BLANK_VALUE = "the value is blanked, the row kept"
    COUNT_ONLY = "counted, nothing changed"


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """A rule that every row must keep. A blank value breaks only `Required`."""

    consequence: Consequence = Consequence.REFUSE_ROW

    @property
    def rule(self) -> str:
        """The name of the rule in counts of failures: the class name in snake_case."""
        name = type(self).__name__
        return name[0].lower() + "".join(f"_{c.lower()}" if c.isupper() else c for c in name[1:])

    @property
    def words(self) -> str:
        """The rule in words, for a supplier's report and the data dictionary."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Required(Constraint):
    """The value is not blank."""

    @property
    def words(self) -> str:
        return "must be filled in"


@dataclass(frozen=True, kw_only=True)
class Typed(Constraint):
    """The text can be read as the type: an ISO date (2014-09-30), a whole number, a decimal number, or true or false."""

    type: Type = Type.TEXT

    @property
    def words(self) -> str:
        return {
            Type.TEXT: "any text",
            Type.DATE: "a real date written YYYY-MM-DD",
            Type.INTEGER: "a whole number",
            Type.DECIMAL: "a number",
            Type.BOOLEAN: "true or false",
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
    """The whole value matches a regular expression, written in the subset that RE2, Rust and Python share."""

    pattern: str
    meaning: str

    @property
    def words(self) -> str:
        return self.meaning


@dataclass(frozen=True, kw_only=True)
class Between(Constraint):
    """The number, or the date written YYYY-MM-DD, is between two bounds, both included. None means no bound."""

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
    """The value, without spaces, is ten digits that satisfy the NHS number's modulus 11 and are not one repeated digit."""

    @property
    def words(self) -> str:
        return "ten digits whose last is the modulus 11 check digit, not one digit repeated"


@dataclass(frozen=True)
class Column:
    """A declared column.

    `name` is the field name of the data set in snake_case. The header of a delivery may also use the spelling of the data set
    (`NHSNumber`, `Date_of_Birth`). `constraints` are the rules beyond the type. `on_type_error` is what happens to a row whose
    value cannot be read as the type.
    """

    name: str
    type: Type
    meaning: str
    source: str
    constraints: tuple[Constraint, ...] = ()
    identity: Identity | None = None
    on_type_error: Consequence = Consequence.REFUSE_ROW

    @property
    def rules(self) -> tuple[Constraint, ...]:
        """All rules of the column, `Required` first, then the type. A row that breaks several is counted under the first."""
        required = tuple(c for c in self.constraints if isinstance(c, Required))
        typed = () if self.type is Type.TEXT else (Typed(type=self.type, consequence=self.on_type_error),)
        return required + typed + tuple(c for c in self.constraints if not isinstance(c, Required))

    @property
    def codes(self) -> CodeList | None:
        """The code list of the column, or None."""
        return next((c.codes for c in self.constraints if isinstance(c, OneOf)), None)


@dataclass(frozen=True)
class Table:
    """A declared table: its grain, its columns in order, its key, and the dates that decide whether a row is in a period.

    A row is in a period if a day from its `event_date` to its `event_end` is. A blank `event_end` means that the event is still
    open. A table with `whole_history` also accepts rows from before the period.
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
        """Return the column of that name. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns in declared order."""
        return tuple(c.name for c in self.columns)

    @property
    def rules(self) -> Iterator[tuple[Column, Constraint]]:
        """Every (column, rule). A row that breaks several is counted under the first."""
        return ((column, rule) for column in self.columns for rule in column.rules)

    def identity(self, kind: Identity) -> str | None:
        """Return the name of the column with this identifier, or None."""
        return next((c.name for c in self.columns if c.identity is kind), None)

    @property
    def identifying(self) -> tuple[str, ...]:
        """Names of the columns that never leave the identifiable zone."""
        return tuple(c.name for c in self.columns if c.identity is not None)
