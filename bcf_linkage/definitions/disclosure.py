"""Profiles of disclosure control: which counts are suppressed, how the others are rounded, and what a rounded count reveals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.reference_data import TomlTable, parse_dataclass, require_one_of, take_table

ALLOWED_VALUES = {"zero": ("shown", "protected"), "small_counts": ("suppressed", "rounded"), "rounding": ("nearest", "midpoint")}


@dataclass(frozen=True)
class SmallCountRule:
    """The small-count rule for a count. Counts in `protected_range` are suppressed, or rounded like all others if `small_counts` says so."""

    threshold: int
    base: int
    zero: str
    small_counts: str
    rounding: str

    @classmethod
    def build(cls, location: str, entry: Mapping[str, object]) -> SmallCountRule:
        """Return the rule of an entry of a reference file. Raises UsageError."""
        rule = parse_dataclass(cls, location, entry)
        for key, allowed in ALLOWED_VALUES.items():
            require_one_of(location, key, getattr(rule, key), allowed)
        if rule.base < 1 or rule.threshold < 0:
            raise UsageError(f"{location}: the base must be 1 or more and the threshold 0 or more")
        # Otherwise one published midpoint would stand for counts on both sides of the threshold.
        if rule.rounding == "midpoint" and rule.threshold % rule.base:
            raise UsageError(f"{location}: a threshold of midpoint rounding must be a multiple of its base")
        return rule

    @property
    def protected_range(self) -> range:
        """The small counts. A reader must not learn which of them a count is."""
        return range(0 if self.zero == "protected" else 1, self.threshold + 1)

    def is_primary_suppressed(self, count: int) -> bool:
        """Return whether the count is suppressed because it is small."""
        return self.small_counts == "suppressed" and count in self.protected_range

    def round_count(self, count: int) -> int:
        """Return the rounded count. Nearest rounds a half up; midpoint gives the middle of the run of `base` counts, counted from 1."""
        if self.rounding == "nearest":
            return (count + self.base // 2) // self.base * self.base
        return count and (count - 1) // self.base * self.base + self.base // 2

    def interval_for(self, number: int) -> tuple[int, int]:
        """Return the smallest and the largest count that are published as this number."""
        if self.rounding == "midpoint":
            first = number - self.base // 2 + 1
            return (first, first + self.base - 1) if number else (0, 0)
        low, high = number - self.base // 2, number + (self.base - 1) // 2
        if self.zero == "shown" and number == 0:
            return (0, 0 if self.small_counts == "suppressed" else high)
        return (max(low, self.protected_range.stop if self.small_counts == "suppressed" else 0), high)


@dataclass(frozen=True)
class Disclosure:
    """A profile of disclosure control: its rule, and the stricter rule for counts below practice level."""

    edition: Edition
    profile: str
    words: str
    source: str
    mark: str
    rule: SmallCountRule
    below_practice: SmallCountRule
    below_practice_source: str
    below_practice_mark: str
    practice_and_above: tuple[str, ...]

    @classmethod
    def build(cls, file: str, document: TomlTable, as_at: date, profile: str) -> Disclosure:
        """Return the profile of that name. Raises UsageError, with the names of all profiles if that one is unknown."""
        edition = Edition.build(file, document, as_at)
        profiles = take_table(file, document, "profiles")
        entry = take_table(f"{file}: profiles", profiles, require_one_of(file, "profile", profile, tuple(profiles)))
        location = f"{file}: {profile}"
        return parse_dataclass(
            cls,
            location,
            entry,
            edition=edition,
            profile=profile,
            practice_and_above=document.get("practice_and_above", ()),
            **{key: SmallCountRule.build(f"{location}: {key}", take_table(location, entry, key)) for key in ("rule", "below_practice")},
        )

    def rule_for(self, area_type: str, group_type: str) -> SmallCountRule:
        """Return the rule for a count of an area and kind of group. A group within a practice is below practice level."""
        is_below_practice = area_type not in self.practice_and_above or (area_type == "practice" and group_type != "all")
        return self.below_practice if is_below_practice else self.rule
