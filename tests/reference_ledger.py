"""A second implementation of the ledger: plain Python over the bytes of the files, one row after the other."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.schema import Between, CheckDigit, Consequence, Constraint, Matches, NotBefore, OneOf, Required, Table, Type, Typed

Row = dict[str, str]
OutcomeReason = tuple[str, str]
START, END = "2012-10-01", "2014-09-30"


@dataclass
class ReferenceLedger:
    """Outcome and reason by (extract, row), and the number of readable rows that break each (extract, rule)."""

    outcomes: dict[tuple[str, int], OutcomeReason]
    broken: Counter[tuple[str, str]]


def build_reference_ledger(landing: Path) -> ReferenceLedger:
    """Return the ledger of all extracts under `landing`. Decides each row's outcome in the order of the real ledger."""
    ledger, kept = ReferenceLedger({}, Counter()), {}
    for name, table in EXTRACTS.items():
        kept[name] = list(_accepted_rows(table, landing / name / f"{name}.csv", ledger))
    register = [row for _, row in kept["gp_registrations"]]
    opted_out = {row["nhs_number"] for row in register if row["type_1_opt_out"] == "Y"}
    born: dict[str, set[str]] = {}
    for row in register:
        born.setdefault(row["nhs_number"], set()).add(row["date_of_birth"])
    current = {row["replaced_nhs_number"]: row["nhs_number"] for row in register if row["replaced_nhs_number"]}
    for name, rows in kept.items():
        for position, row in rows:
            number = row["nhs_number"].replace(" ", "")
            ledger.outcomes[name, position] = ("opted out", "type_1") if number in opted_out else _trace(number, row["date_of_birth"], born, current)
    return ledger


def _accepted_rows(table: Table, file: Path, ledger: ReferenceLedger) -> Iterator[tuple[int, Row]]:
    """Yield rows that are readable, accepted, not duplicate and in the period. Put the others into the ledger."""
    keys, rules = set(), tuple(table.rules)
    for position, line in enumerate(file.read_bytes().splitlines()[1:], 1):
        row = _read_line(table, line)
        if isinstance(row, str):
            ledger.outcomes[table.name, position] = ("unreadable", row)
            continue
        broken = [(column.name, rule) for column, rule in rules if _breaks(rule, row[column.name], row)]
        ledger.broken.update((table.name, f"{column}: {rule.rule}") for column, rule in broken)
        refusing = [f"{column}: {rule.rule}" for column, rule in broken if rule.consequence is Consequence.REFUSE_ROW]
        key = tuple(row[name] for name in table.key)
        if refusing:
            ledger.outcomes[table.name, position] = ("refused", refusing[0])
        elif key in keys:
            ledger.outcomes[table.name, position] = ("duplicate", "same_key")
        elif late := _out_of_period(table, row):
            ledger.outcomes[table.name, position] = ("out of period", late)
        else:
            row |= {name: "" for name, rule in broken if rule.consequence is Consequence.BLANK_VALUE}
            yield position, row
        keys.add(key)


def _read_line(table: Table, line: bytes) -> Row | str:
    try:
        fields = next(csv.reader([line.decode()]))
    except UnicodeDecodeError:
        return "encoding"
    if len(fields) != len(table.columns):
        return "too_few_fields" if len(fields) < len(table.columns) else "too_many_fields"
    return dict(zip(table.names, fields, strict=True))


def _out_of_period(table: Table, row: Row) -> str | None:
    if table.event_date is None or row[table.event_date] > END:
        return "after_as_at" if table.event_date else None
    last = row[table.event_end] or END if table.event_end else row[table.event_date]
    return "before_window" if last < START and not table.whole_history else None


def _breaks(rule: Constraint, value: str, row: Row) -> bool:
    match rule:
        case Required():
            return not value
        case _ if not value:
            return False
        case Typed(type=Type.DATE):
            return not _is_date(value)
        case OneOf():
            return value not in rule.codes.codes
        case Matches():
            return re.fullmatch(rule.pattern, value) is None
        case Between(low=str()):
            return _is_date(value) and value < str(rule.low)
        case NotBefore():
            return _is_date(value) and _is_date(row[rule.other]) and value < row[rule.other]
        case CheckDigit():
            return not _is_sound(value.replace(" ", ""))
        case _:
            return False


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_sound(number: str) -> bool:
    return re.fullmatch("[0-9]{10}", number) is not None and len(set(number)) > 1 and _has_valid_check_digit(number)


def _has_valid_check_digit(number: str) -> bool:
    return sum(int(digit) * weight for digit, weight in zip(number, range(10, 0, -1), strict=True)) % 11 == 0


def _trace(number: str, birth_date: str, born: dict[str, set[str]], current: dict[str, str]) -> OutcomeReason:
    if reason := _number_fault(number):
        return "unlinked", reason
    if not birth_date:
        return "unlinked", "birth_date_missing"
    current_number = current.get(number, number)
    if current_number not in born:
        return "seen, not registered", "not_on_register"
    if len(born[current_number]) > 1:
        return "unlinked", "number_shared"
    if birth_date not in born[current_number]:
        return "unlinked", "birth_date_conflict"
    return "linked", "superseded_number" if number in current else "cross_check"


def _number_fault(number: str) -> str | None:
    if not number:
        return "number_missing"
    if re.fullmatch("[0-9]{10}", number) is None:
        return "number_format"
    if len(set(number)) == 1:
        return "number_repeated_digit"
    if not _has_valid_check_digit(number):
        return "number_check_digit"
    if "0100000000" <= number <= "3112999999" or "3200000000" <= number <= "3999999999":
        return "number_other_nation"
    return None if number.startswith("9") else "number_never_issued"
