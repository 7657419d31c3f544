"""The plain summary: rates, lights by the lower end of each interval, and what linkage error comes to, estimated without labels. From published figures alone.

Of links by the number, confirmed by the date of birth, none is taken to be wrong. What was found without the number is taken to
be as often wrong, and as often missed, as verified people are whose number is hidden. So the estimate is of people like those who
have a number; people whose records are poorer in everything are missed more often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from types import MappingProxyType
from typing import Any

from bcf_linkage.definitions.disclosure import Disclosure
from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.measures import UNITS
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.intervals import Z
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE, REGISTER

Row = Mapping[str, Any]
Most = Mapping[tuple[str, str], int | None]
NOTHING_SPOKEN: Most = MappingProxyType({})
COUNTED, ESTIMATED, BOUNDED = "counted", "estimated", "bounded"
NOT_KNOWN = "not known"
DUPLICATES = "precision_by_duplicates"
NAMES = {"f1": "Balance of the two (F1)", DUPLICATES: "Links that are right, by the duplicate method"}
READ_BY_THE_SUMMARY = (
    "linked", "linked_on_demographics", "holdout_missed", "holdout_wrong", "positive_control_missed", "one_person_many_numbers", "true_wrong", "true_missed"
)  # fmt: skip
"""Figures of which the summary tells the worst that a suppressed number may stand for: that it is small, and how large a small one can be."""

WITHIN_LINKED = ("local_numbers", "people_linked", "holdout", "links_kept", "stays_linked")
"""Figures that cannot be more than the records that are linked."""

MOST = 1 - 1e-9
"""A share that is all but one: of what is missed altogether nothing can be said."""


@dataclass(frozen=True)
class Share:
    """A share from 0 to 1 with its interval. One that is bounded is the worst that a suppressed number may stand for."""

    value: float
    lower: float
    upper: float
    basis: str


@dataclass(frozen=True)
class Errors:
    """A source's links, in records, by what they rest on; of those on demographics how many are wrong, and how many more are missed.

    `control` is how many are missed of records that name a practice of the locality: it stands in where a source tells nothing
    but the number, so that nobody whose number is hidden can be found.
    """

    by_number: float
    on_demographics: float
    wrong: Share
    missed: Share
    control: Share | None


def wilson(top: float, bottom: float) -> tuple[float, float]:
    """The ends of Wilson's 95% score interval for a share."""
    share, square = top / bottom, Z * Z / bottom
    half = sqrt(max(0.0, share * (1 - share) * square + square * square / 4))
    return (share + square / 2 - half) / (1 + square), (share + square / 2 + half) / (1 + square)


class Figures:
    """Published figures of whole sources, looked up by measure and source.

    `most` is how large one can be that is suppressed, None if it can be large; if nothing is said, it is twice the threshold.
    """

    def __init__(self, rows: Iterable[Row], disclosure: Disclosure, most: Most = NOTHING_SPOKEN) -> None:
        self.rows = {(row["measure"], row["area_code"]): row for row in rows if row["group_type"] == ALL}
        self.few, self._most = disclosure.rule.guarded, most

    @property
    def areas(self) -> tuple[str, ...]:
        """All sources together, then every one but the register."""
        sources = sorted({area for measure, area in self.rows if measure == "linked"} - {EVERYWHERE, REGISTER})
        return (EVERYWHERE, *sources)

    def row(self, measure: str, area: str) -> Row | None:
        return self.rows.get((measure, area))

    def number(self, measure: str, area: str) -> float | None:
        """The published numerator, None where it is suppressed or not there."""
        row = self.row(measure, area)
        return None if row is None else row["numerator"]

    def share(self, measure: str, area: str) -> Share | None:
        """A published rate as a share. Of a suppressed one whose denominator is shown, the worst that may stand behind it."""
        row = self.row(measure, area)
        if row is None:
            return None
        if row["value"] is not None:
            scale = UNITS[row["unit"]]
            return Share(row["value"] / scale, row["lower"] / scale, row["upper"] / scale, COUNTED)
        of, most = row["denominator"] or self._fewest_found(measure, area), self.most(measure, area)
        if row["status"] != "suppressed" or not of or most is None or of <= most:
            return None
        return Share(most / of, wilson(min(self.few[0], most), of)[0], wilson(most, of)[1], BOUNDED)

    def _fewest_found(self, measure: str, area: str) -> float | None:
        """Of links made with the number hidden, which are themselves hidden where few are missed: how many there are at least."""
        held_out, missed = self.number("holdout", area), self.most("holdout_missed", area)
        return None if measure != "holdout_wrong" or held_out is None or missed is None else held_out - missed

    def most(self, measure: str, area: str) -> float | None:
        """The most that may stand behind a suppressed number, None if it may be large. Over all sources it is what the sources' numbers come to."""
        if area != EVERYWHERE:
            return self._most.get((measure, area), 2 * self.few[-1])
        numbers = [self.most(measure, source) if row["numerator"] is None else row["numerator"] for source, row in self._of_sources(measure)]
        return None if None in numbers else sum(filter(None, numbers))

    def _of_sources(self, measure: str) -> Iterator[tuple[str, Row]]:
        return ((area, self.rows[measure, area]) for area in self.areas[1:] if (measure, area) in self.rows)

    def truth(self, measure: str, area: str) -> Share | None:
        """The share of the others by the truth, of an error: a point, or what a small number that is hidden leaves open."""
        row, share = self.row(measure, area), self.share(measure, area)
        if row is None or share is None:
            return None
        ends = (share.value, share.value) if share.basis == COUNTED else (share.value, self.few[0] / row["denominator"])
        return Share(1 - share.value, 1 - ends[0], 1 - ends[1], share.basis)

    def matched(self, area: str) -> Share | None:
        """The share of records that is linked. Where it is hidden although more are linked than can be hidden, so few are not."""
        row = self.row("linked", area)
        if row is None or row["value"] is not None:
            return self.share("linked", area)
        traced, left = row["denominator"], self._not_linked(area)
        if not traced or left is None or traced <= 2 * left:
            return None
        return Share(1 - left / traced, 1 - wilson(left, traced)[1], 1 - wilson(self.few[0], traced)[0], BOUNDED)

    def _not_linked(self, area: str) -> float | None:
        """The most records that are not linked where it is hidden how many are, None if they may be many."""
        if area == EVERYWHERE:
            linked = [self.linked(source) for source, _ in self._of_sources("linked")]
            return None if None in linked else max(0.0, self.rows["linked", area]["denominator"] - sum(filter(None, linked)))
        few, most = self.number("not_matched", area), self.most("linked", area)
        if few is not None or most is None:
            return few
        return most if any((self.number(measure, area) or 0) > most for measure in WITHIN_LINKED) else None

    def linked(self, area: str) -> float | None:
        """Records that are linked; of a number that is hidden the least that it may be."""
        row, matched = self.row("linked", area), self.matched(area)
        return None if row is None or matched is None else row["denominator"] * matched.value


def summary(
    rows: Iterable[Row], rules: QualityRules, disclosure: Disclosure, most: Mapping[tuple[str, str], int | None] = NOTHING_SPOKEN
) -> list[dict[str, Any]]:
    """Published rows of `linkage_quality` -> rows of `linkage_summary` without their stamp: every figure of every source, all sources first.

    `most` is by measure and source how large a figure can be that is suppressed, None if it can be large.
    """
    figures = Figures(rows, disclosure, most)
    return [entry for area in figures.areas for entry in _of_area(figures, area, rules)]


def _of_area(figures: Figures, area: str, rules: QualityRules) -> Iterator[dict[str, Any]]:
    precision, recall = precision_and_recall(figures, area)
    true_precision, true_recall = (figures.truth(measure, area) for measure in ("true_wrong", "true_missed"))
    told = (
        ("match_rate", figures.matched(area), None),
        ("precision", precision, true_precision),
        ("recall", recall, true_recall),
        ("f1", _f1(precision, recall), _f1(true_precision, true_recall)),
        (DUPLICATES, by_duplicates(figures, area) if area in rules.one_number_each else None, true_precision),
    )
    thresholds = {threshold.code: threshold for threshold in rules.thresholds}
    for code, share, truth in told:
        threshold, lower = thresholds.get(code), _percent(share, "lower")
        yield {
            "measure": code,
            "measure_name": threshold.name if threshold else NAMES[code],
            "area_code": area,
            "area_name": area.replace("_", " "),
            "value": _percent(share, "value"),
            "lower": lower,
            "upper": _percent(share, "upper"),
            "truth_lower": _percent(truth, "lower"),
            "truth_upper": _percent(truth, "upper"),
            "green": threshold and threshold.green,
            "amber": threshold and threshold.amber,
            # What chance alone may have made so is no merit: the lower end is what has to reach a threshold.
            "light": threshold.light(lower) if threshold else None,
            "basis": share.basis if share else NOT_KNOWN,
        }


def precision_and_recall(figures: Figures, area: str) -> tuple[Share | None, Share | None]:
    """What share of links is right, and of the people who can be found are, estimated without labels. None where nothing tells."""
    areas = figures.areas[1:] if area == EVERYWHERE else (area,)
    errors = [found for each in areas if (found := _errors(figures, each))]
    linked = sum(each.by_number + each.on_demographics for each in errors)
    if len(errors) < len(areas) or not linked:
        return None, None
    wrong_hidden, missed_hidden = (any(getattr(each, of).basis == BOUNDED for each in errors) for of in ("wrong", "missed"))
    ends = [1 - sum(each.on_demographics * getattr(each.wrong, end) for each in errors) / linked for end in ("value", "upper", "lower")]
    precision = Share(ends[0], ends[1], ends[2], BOUNDED if wrong_hidden else ESTIMATED)
    if any(each.missed.value >= 1 and each.control is None for each in errors):
        return precision, None
    # It may be as low as the records tell that name a practice of the locality, and so ought all to be found.
    least = min(_recall(errors, "lower", "upper"), _by_control(errors))
    return precision, Share(
        _recall(errors, "value", "value"), least, _recall(errors, "upper", "lower"), BOUNDED if wrong_hidden or missed_hidden else ESTIMATED
    )


def _by_control(errors: Iterable[Errors]) -> float:
    """Found over all who can be found, if of all as many are missed as of the positive control."""
    linked = [(each.by_number + each.on_demographics, each.control.value if each.control else 0.0) for each in errors]
    return sum(found for found, _ in linked) / sum(found / (1 - min(MOST, missed)) for found, missed in linked)


def _recall(errors: Iterable[Errors], wrong: str, missed: str) -> float:
    """Found over all who can be found, at these ends of the shares: what was found without a number tells how many there were of them."""
    found = there = 0.0
    for each in errors:
        if each.missed.value >= 1 and each.control is not None:
            found += each.by_number
            there += each.by_number / (1 - min(MOST, getattr(each.control, missed)))
            continue
        without_number = each.on_demographics * (1 - min(MOST, getattr(each.wrong, wrong)))
        found += each.by_number + without_number
        there += each.by_number + without_number / (1 - min(MOST, getattr(each.missed, missed)))
    return found / there


def _errors(figures: Figures, area: str) -> Errors | None:
    linked, on_demographics = figures.linked(area), figures.number("linked_on_demographics", area)
    missed = figures.share("holdout_missed", area) or Share(1.0, 1.0, 1.0, COUNTED)
    if linked is None:
        return None
    if on_demographics is None:
        on_demographics = figures.most("linked_on_demographics", area) if figures.row("linked_on_demographics", area) else 0
    # Where it is hidden how many there are, and they may be many, any link may be one.
    unknown = on_demographics is None
    on_demographics = linked if on_demographics is None else min(linked, on_demographics)
    wrong = figures.share("holdout_wrong", area)
    if wrong is None:
        # Nothing was linked with the number hidden, so nothing tells how often that is wrong.
        wrong = Share(0.0, 0.0, 0.0 if not on_demographics else 1.0, COUNTED)
    wrong = replace(wrong, basis=BOUNDED) if unknown else wrong
    return Errors(linked - on_demographics, on_demographics, wrong, missed, figures.share("positive_control_missed", area))


def by_duplicates(figures: Figures, area: str) -> Share | None:
    """What share of a source's links is right, by the duplicate method (Blakely and Salmond 2002), to its first order. None where it cannot be told.

    A source has one number for each person, so of two of its numbers that are linked to one person one is wrong. A wrong link shows
    itself so only if it falls on somebody who is linked besides; others fall, as if by lot, on anybody of the register. With L links
    (local numbers), of which D are a second one, to P people of a register of N: wrong = D x N / P, and the share right is
    1 - wrong / L. Where the source itself has two numbers for somebody, it is taken for a wrong link: the true share is then higher.
    What is assumed is the paper's; the arithmetic, sound while few of the register have a wrong link, is ours.
    """
    links, twice = figures.number("local_numbers", area), figures.share("one_person_many_numbers", area)
    people, register = figures.number("people_linked", area), figures.number("people", REGISTER)
    if not links or twice is None or not register:
        return None
    # Numbers that share their person are mostly two to a person: one of the two is a second one.
    times = register / max(1.0, people or links * (1 - twice.value / 2)) / 2
    right, least, most = (1 - times * share for share in (twice.value, twice.upper, twice.lower))
    return None if right < 0 else Share(right, max(0.0, least), most, BOUNDED if twice.basis == BOUNDED else ESTIMATED)


def _f1(precision: Share | None, recall: Share | None) -> Share | None:
    if precision is None or recall is None:
        return None

    def mean(end: str) -> float:
        p, r = getattr(precision, end), getattr(recall, end)
        return 2 * p * r / (p + r) if p + r else 0.0

    basis = BOUNDED if BOUNDED in (precision.basis, recall.basis) else precision.basis
    return Share(mean("value"), mean("lower"), mean("upper"), basis)


def _percent(share: Share | None, end: str) -> float | None:
    """One of its figures in percent, to two decimals, rounded down, so that what falls short of a threshold never reaches it by rounding."""
    return None if share is None else int(getattr(share, end) * 10_000 + 1e-6) / 100
