"""What a source should do about the NHS number of a record, by the reason for the outcome of its trace (`reference/work_list.csv`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from bcf_linkage.definitions.reference_data import load_csv, parse_dataclass

FILE = "work_list.csv"


class TaskKind(StrEnum):
    """The finding about a number, in the order in which a source should work through the list."""

    FOUND = "found"  # no usable number was supplied, and the trace found one
    CHANGED = "changed"  # another number replaces the one supplied
    CONFLICTING = "conflicting"  # the number and the rest of the record do not agree
    UNTRACEABLE = "untraceable"  # the trace found nobody


class Supplied(StrEnum):
    """The number that was supplied, compared with the one that was found. `any` is for reasons to which it makes no difference."""

    NONE = "none"  # no number, or one that cannot be used
    SAME = "same"
    OTHER = "other"
    ANY = "any"


@dataclass(frozen=True)
class Task:
    """What a source should do about a record whose trace ended for this reason."""

    reason: str
    supplied: Supplied
    kind: TaskKind
    to_do: str
    source: str
    mark: str


@cache
def tasks() -> dict[tuple[str, Supplied], Task]:
    """Return all tasks by reason and supplied number. A reason without a task needs no action. Raises UsageError for an unreadable row."""
    parsed = (parse_dataclass(Task, f"{FILE}: row {n}", row) for n, row in enumerate(load_csv(FILE), 1))
    return {(task.reason, task.supplied): task for task in parsed}
