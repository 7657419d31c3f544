"""Published figures of whole sources, and the worst value that a suppressed one can have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bcf_linkage.definitions.disclosure import Disclosure
from bcf_linkage.definitions.intervals import wilson_interval
from bcf_linkage.definitions.measures import UNITS
from bcf_linkage.published.exact_counts import ALL
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES, REGISTER
from bcf_linkage.published.published_rows import FigureRow, PublishedRow, typed_rows

LargestPossible = Mapping[tuple[str, str], int | None]
"""By (measure, source), an upper bound of a suppressed figure, None if it can be large."""

NO_KNOWN_LIMITS: LargestPossible = MappingProxyType({})
COUNTED, ESTIMATED, BOUNDED = "counted", "estimated", "bounded"

WITHIN_LINKED = ("local_numbers", "people_linked", "holdout", "links_kept", "stays_linked")
"""Figures that cannot be larger than the number of linked records."""


@dataclass(frozen=True)
class Share:
    """A share from 0 to 1 with its interval. The basis `bounded` means that it is the worst value that a suppressed number can have."""

    value: float
    lower: float
    upper: float
    basis: str


class PublishedFigures:
    """Published figures of whole sources, looked up by measure and source.

    `largest_possible` is an upper bound of each suppressed figure, None if it can be large. For a figure without an entry it is twice
    the threshold.
    """

    def __init__(self, rows: Iterable[PublishedRow], disclosure: Disclosure, largest_possible: LargestPossible = NO_KNOWN_LIMITS) -> None:
        self.rows = {(row["measure"], row["area_code"]): row for row in typed_rows(FigureRow, rows) if row["group_type"] == ALL}
        self.protected_range, self._largest_possible = disclosure.rule.protected_range, largest_possible

    @property
    def areas(self) -> tuple[str, ...]:
        """All sources together, then each source but the register."""
        sources = sorted({area for measure, area in self.rows if measure == "linked"} - {ALL_SOURCES, REGISTER})
        return (ALL_SOURCES, *sources)

    def row(self, measure: str, area: str) -> FigureRow | None:
        """Return the row of a figure, None if it was not counted."""
        return self.rows.get((measure, area))

    def number(self, measure: str, area: str) -> float | None:
        """Return the published numerator, None where it is suppressed or was not counted."""
        row = self.row(measure, area)
        return None if row is None else row["numerator"]

    def share(self, measure: str, area: str) -> Share | None:
        """Return a published rate as a share. For a suppressed one whose denominator is known, return the worst share that is possible."""
        row = self.row(measure, area)
        if row is None:
            return None
        if row["value"] is not None:
            scale = UNITS[row["unit"]]
            return Share(row["value"] / scale, row["lower"] / scale, row["upper"] / scale, COUNTED)
        denominator, largest = row["denominator"] or self._min_found(measure, area), self.largest_possible(measure, area)
        if row["status"] != "suppressed" or not denominator or largest is None or denominator <= largest:
            return None
        lower = wilson_interval(min(self.protected_range[0], largest), denominator)[0]
        return Share(largest / denominator, lower, wilson_interval(largest, denominator)[1], BOUNDED)

    def _min_found(self, measure: str, area: str) -> float | None:
        """Return the fewest links that the hold-out sample can have, where that denominator is suppressed because few people were missed."""
        holdout, missed = self.number("holdout", area), self.largest_possible("holdout_missed", area)
        return None if measure != "holdout_wrong" or holdout is None or missed is None else holdout - missed

    def largest_possible(self, measure: str, area: str) -> float | None:
        """Return the largest value of a suppressed number, None if it can be large. For all sources, add up the sources."""
        if area != ALL_SOURCES:
            return self._largest_possible.get((measure, area), 2 * self.protected_range[-1])
        numbers = [self.largest_possible(measure, source) if row["numerator"] is None else row["numerator"] for source, row in self._source_rows(measure)]
        return None if None in numbers else sum(filter(None, numbers))

    def _source_rows(self, measure: str) -> Iterator[tuple[str, FigureRow]]:
        return ((area, self.rows[measure, area]) for area in self.areas[1:] if (measure, area) in self.rows)

    def true_share(self, measure: str, area: str) -> Share | None:
        """Return one less the true error rate: a point, or the span that a suppressed small number leaves."""
        row, share = self.row(measure, area), self.share(measure, area)
        if row is None or share is None:
            return None
        # A suppressed rate has a share only if its denominator is known. For a true error that is its own published denominator.
        fewest = share.value if share.basis == COUNTED or not row["denominator"] else self.protected_range[0] / row["denominator"]
        return Share(1 - share.value, 1 - share.value, 1 - fewest, share.basis)

    def match_rate(self, area: str) -> Share | None:
        """Return the share of records that are linked.

        It can be suppressed because few records are *not* linked. Then return the lowest share that is possible, None if there is none.
        """
        row = self.row("linked", area)
        if row is None or row["value"] is not None:
            return self.share("linked", area)
        traced, not_linked = row["denominator"], self._max_not_linked(area)
        # At a half or less, both the linked and the unlinked records could be the few that are hidden.
        if not traced or not_linked is None or traced <= 2 * not_linked:
            return None
        lower, upper = 1 - wilson_interval(not_linked, traced)[1], 1 - wilson_interval(self.protected_range[0], traced)[0]
        return Share(1 - not_linked / traced, lower, upper, BOUNDED)

    def _max_not_linked(self, area: str) -> float | None:
        """Return the most records that can be unlinked where their number is suppressed, None if they can be many."""
        if area == ALL_SOURCES:
            linked, traced = [self.linked_records(source) for source, _ in self._source_rows("linked")], self.rows["linked", area]["denominator"]
            return None if None in linked or traced is None else max(0.0, traced - sum(filter(None, linked)))
        not_matched, max_linked = self.number("not_matched", area), self.largest_possible("linked", area)
        if not_matched is not None or max_linked is None:
            return not_matched
        return max_linked if any((self.number(measure, area) or 0) > max_linked for measure in WITHIN_LINKED) else None

    def linked_records(self, area: str) -> float | None:
        """Return the number of linked records, or the fewest that are possible where it is suppressed. None if not known."""
        row, match_rate = self.row("linked", area), self.match_rate(area)
        return None if row is None or match_rate is None or row["denominator"] is None else row["denominator"] * match_rate.value
