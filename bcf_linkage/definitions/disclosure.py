"""Profiles of disclosure control: which numbers are guarded, how the others are rounded, and what a rounded number tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.measures import Edition
from bcf_linkage.definitions.reading import made, one_of

WORDS = {"zero": ("shown", "guarded"), "few": ("suppressed", "rounded"), "rounding": ("nearest", "midpoint")}


@dataclass(frozen=True)
class Rule:
    """How a count is published. Guarded counts are those of `guarded`; unless they are rounded like all others they are suppressed."""

    threshold: int
    base: int
    zero: str
    few: str
    rounding: str

    @classmethod
    def build(cls, place: str, entry: dict[str, Any]) -> Rule:
        """A rule of a reference file. Raises RequestRefused."""
        rule = made(cls, place, entry)
        for key, allowed in WORDS.items():
            one_of(place, key, getattr(rule, key), allowed)
        if rule.base < 1 or rule.threshold < 0:
            raise RequestRefused(f"{place}: the base must be 1 or more and the threshold 0 or more")
        if rule.rounding == "midpoint" and rule.threshold % rule.base:
            raise RequestRefused(f"{place}: a threshold of midpoint rounding must be a multiple of its base")
        return rule

    @property
    def guarded(self) -> range:
        """The counts of which a reader must not learn which one it is."""
        return range(0 if self.zero == "guarded" else 1, self.threshold + 1)

    def suppresses(self, count: int) -> bool:
        """Whether the count is not to be shown, even rounded."""
        return self.few == "suppressed" and count in self.guarded

    def rounded(self, count: int) -> int:
        """The count as it is shown."""
        if self.rounding == "nearest":
            return (count + self.base // 2) // self.base * self.base
        return count and (count - 1) // self.base * self.base + self.base // 2

    def told(self, number: int) -> tuple[int, int]:
        """The least and the greatest count that is shown as this number."""
        if self.rounding == "midpoint":
            first = number - self.base // 2 + 1
            return (first, first + self.base - 1) if number else (0, 0)
        low, high = number - self.base // 2, number + (self.base - 1) // 2
        if self.zero == "shown" and number == 0:
            return (0, 0 if self.few == "suppressed" else high)
        return (max(low, self.guarded.stop if self.few == "suppressed" else 0), high)


@dataclass(frozen=True)
class Disclosure:
    """A profile: its rule, and the stricter one for counts below practice level."""

    edition: Edition
    profile: str
    words: str
    source: str
    mark: str
    rule: Rule
    below_practice: Rule
    below_practice_source: str
    below_practice_mark: str
    practice_and_above: tuple[str, ...]

    @classmethod
    def build(cls, file: str, document: dict[str, Any], as_at: date, profile: str) -> Disclosure:
        """The profile of that name. Raises RequestRefused naming those there are."""
        edition = Edition.build(file, document, as_at)
        profiles = document["profiles"]
        entry = profiles[one_of(file, "profile", profile, tuple(profiles))]
        place = f"{file}: {profile}"
        rules = {key: Rule.build(f"{place}: {key}", entry.get(key, {})) for key in ("rule", "below_practice")}
        return made(cls, place, entry, edition=edition, profile=profile, practice_and_above=tuple(document.get("practice_and_above", ())), **rules)

    def rule_for(self, area_type: str, group_type: str) -> Rule:
        """The rule for a count of such an area and kind of group."""
        below = area_type not in self.practice_and_above or (area_type == "practice" and group_type != "all")
        return self.below_practice if below else self.rule
