"""Precision, recall and F1 of the links, estimated without labels from published figures.

Links by NHS number, confirmed by the date of birth, are taken to be right. Links on demographics are taken to be wrong, and to be missed,
as often as those of the hold-out sample: people with a verified number, whose number is hidden. The estimate is therefore of people like
those who have a number. People whose records are poorer in every field are missed more often.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from bcf_linkage.published.linkage_quality.published_figures import BOUNDED, COUNTED, ESTIMATED, PublishedFigures, Share
from bcf_linkage.published.linkage_quality.tallies import ALL_SOURCES, REGISTER

End = Literal["value", "lower", "upper"]

NEARLY_ONE = 1 - 1e-9
"""Largest share that is divided by one less it. If everything is missed, recall cannot be estimated."""


@dataclass(frozen=True)
class LinkErrors:
    """The links of a source, in records, by what they rest on, and the error rates of those on demographics.

    `wrong` is the share of links on demographics that are wrong, `missed` the share of people who are missed. `control` is the share of
    the positive control that is missed: records that name a practice of the locality. It is used for a source that has nothing but the
    number, where nobody whose number is hidden can be found.
    """

    links_by_number: float
    links_on_demographics: float
    wrong: Share
    missed: Share
    control: Share | None


def share_end(share: Share, end: End) -> float:
    """Return the value of a share, or the lower or upper end of its interval."""
    return {"value": share.value, "lower": share.lower, "upper": share.upper}[end]


def estimate_precision_and_recall(figures: PublishedFigures, area: str) -> tuple[Share | None, Share | None]:
    """Estimate precision (the share of links that are right) and recall (the share of people who can be found that are). None if not known."""
    areas = figures.areas[1:] if area == ALL_SOURCES else (area,)
    errors = [source_errors for source in areas if (source_errors := _estimate_errors(figures, source))]
    linked = sum(each.links_by_number + each.links_on_demographics for each in errors)
    if len(errors) < len(areas) or not linked:
        return None, None
    is_wrong_bounded, is_missed_bounded = any(each.wrong.basis == BOUNDED for each in errors), any(each.missed.basis == BOUNDED for each in errors)
    value, lower, upper = (1 - sum(each.links_on_demographics * share_end(each.wrong, end) for each in errors) / linked for end in _ENDS_OF_ERROR)
    precision = Share(value, lower, upper, BOUNDED if is_wrong_bounded else ESTIMATED)
    if any(each.missed.value >= 1 and each.control is None for each in errors):
        return precision, None
    # Records that name a practice of the locality should all be found, so recall may be as low as the positive control.
    lowest_recall = min(_estimate_recall(errors, "lower", "upper"), _recall_by_control(errors))
    return precision, Share(
        _estimate_recall(errors, "value", "value"),
        lowest_recall,
        _estimate_recall(errors, "upper", "lower"),
        BOUNDED if is_wrong_bounded or is_missed_bounded else ESTIMATED,
    )


_ENDS_OF_ERROR: tuple[End, End, End] = ("value", "upper", "lower")
"""Ends of an error rate that give the value, the lower and the upper end of the share that is right."""


def _recall_by_control(errors: Iterable[LinkErrors]) -> float:
    """Return the recall if as many of all people are missed as of the positive control."""
    linked = [
        (source_errors.links_by_number + source_errors.links_on_demographics, source_errors.control.value if source_errors.control else 0.0)
        for source_errors in errors
    ]
    return sum(found_links for found_links, _ in linked) / sum(found / (1 - min(NEARLY_ONE, missed_share)) for found, missed_share in linked)


def _estimate_recall(errors: Iterable[LinkErrors], wrong_end: End, missed_end: End) -> float:
    """Return the people found over the people who can be found, at these ends of the error rates.

    The links found without a number, over the share that is not missed, give the number of people without a number.
    """
    found = findable = 0.0
    for source_errors in errors:
        if source_errors.missed.value >= 1 and source_errors.control is not None:
            found += source_errors.links_by_number
            findable += source_errors.links_by_number / (1 - min(NEARLY_ONE, share_end(source_errors.control, missed_end)))
            continue
        without_number = source_errors.links_on_demographics * (1 - min(NEARLY_ONE, share_end(source_errors.wrong, wrong_end)))
        found += source_errors.links_by_number + without_number
        findable += source_errors.links_by_number + without_number / (1 - min(NEARLY_ONE, share_end(source_errors.missed, missed_end)))
    return found / findable


def _estimate_errors(figures: PublishedFigures, area: str) -> LinkErrors | None:
    """Return the links and error rates of a source. None if its number of linked records is not known."""
    linked, on_demographics = figures.linked_records(area), figures.number("linked_on_demographics", area)
    missed = figures.share("holdout_missed", area) or Share(1.0, 1.0, 1.0, COUNTED)
    if linked is None:
        return None
    if on_demographics is None:
        on_demographics = figures.largest_possible("linked_on_demographics", area) if figures.row("linked_on_demographics", area) else 0
    # The number of links on demographics can be suppressed although it is large. Then any link may be one.
    is_unknown = on_demographics is None
    on_demographics = linked if on_demographics is None else min(linked, on_demographics)
    wrong = figures.share("holdout_wrong", area)
    if wrong is None:
        # Nobody was linked with the number hidden, so nothing shows how often such a link is wrong.
        wrong = Share(0.0, 0.0, 0.0 if not on_demographics else 1.0, COUNTED)
    wrong = replace(wrong, basis=BOUNDED) if is_unknown else wrong
    return LinkErrors(linked - on_demographics, on_demographics, wrong, missed, figures.share("positive_control_missed", area))


def estimate_precision_by_duplicates(figures: PublishedFigures, area: str) -> Share | None:
    """Estimate precision by the duplicate method (Blakely and Salmond 2002), to first order. None if it cannot be estimated.

    A source has one number for each person, so if two of its numbers are linked to one person, one link is wrong. A wrong link is
    visible only if it falls on a person who is linked as well. Others fall on anybody of the register with equal chance. With L links
    (local numbers), D of them a second one, to P people of a register of N: wrong = D x N / P, and precision = 1 - wrong / L. If the
    source itself has two numbers for a person, the method counts a wrong link, and the true precision is higher. The assumptions are the
    paper's. The arithmetic is ours and is valid while few people of the register have a wrong link.
    """
    links, shared_numbers = figures.number("local_numbers", area), figures.share("one_person_many_numbers", area)
    people, register = figures.number("people_linked", area), figures.number("people", REGISTER)
    if not links or shared_numbers is None or not register:
        return None
    # Numbers that share a person are mostly two to a person: one of the two is a second one.
    correction = register / max(1.0, people or links * (1 - shared_numbers.value / 2)) / 2
    right, lowest, highest = (1 - correction * share for share in (shared_numbers.value, shared_numbers.upper, shared_numbers.lower))
    return None if right < 0 else Share(right, max(0.0, lowest), highest, BOUNDED if shared_numbers.basis == BOUNDED else ESTIMATED)


def f1_score(precision: Share | None, recall: Share | None) -> Share | None:
    """Return the harmonic mean of precision and recall, at each end of their intervals. None if either is not known."""
    if precision is None or recall is None:
        return None

    def mean(p: float, r: float) -> float:
        return 2 * p * r / (p + r) if p + r else 0.0

    basis = BOUNDED if BOUNDED in (precision.basis, recall.basis) else precision.basis
    return Share(mean(precision.value, recall.value), mean(precision.lower, recall.lower), mean(precision.upper, recall.upper), basis)
