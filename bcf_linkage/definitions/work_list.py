"""What a source is asked to do about a record's NHS number, for each way in which its trace ended (`reference/work_list.csv`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from bcf_linkage.definitions.reading import rows


class Kind(StrEnum):
    """What is the matter with a number, in the order in which a source will want to work through them."""

    FOUND = "found"  # there was none that could be used, and one was found
    CHANGED = "changed"  # another one has taken its place
    CONFLICTING = "conflicting"  # it and the rest of the record do not go together
    UNTRACEABLE = "untraceable"  # nobody was found


class Supplied(StrEnum):
    """What the number that was supplied is beside the one that was found. `any` is for reasons to which it makes no difference."""

    NONE = "none"  # missing, or no number that can be used
    SAME = "same"
    OTHER = "other"
    ANY = "any"


@dataclass(frozen=True)
class Task:
    """What is to be done where a trace ended for this reason."""

    reason: str
    supplied: Supplied
    kind: Kind
    to_do: str
    source: str
    mark: str


@cache
def tasks() -> dict[tuple[str, Supplied], Task]:
    """All tasks by reason and what was supplied. A reason that is not among them leaves nothing to do."""
    made = (Task(**{**row, "supplied": Supplied(row["supplied"]), "kind": Kind(row["kind"])}) for row in rows("work_list.csv"))  # type: ignore[arg-type]
    return {(task.reason, task.supplied): task for task in made}
