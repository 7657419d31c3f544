"""The plain summary: rates and lights, and what linkage error comes to, estimated without labels. From published figures alone.

Of links by the number, confirmed by the date of birth, none is taken to be wrong. What was found without the number is taken to
be as often wrong, and as often missed, as verified people are whose number is hidden. So the estimate is of people like those who
have a number; people whose records are poorer in everything are missed more often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.measures import UNITS
from bcf_linkage.definitions.rulebook import Disclosure
from bcf_linkage.published.exact import ALL
from bcf_linkage.published.intervals import Z
from bcf_linkage.published.linkage_quality.tallies import EVERYWHERE, REGISTER

Row = Mapping[str, Any]
COUNTED, ESTIMATED, BOUNDED = "counted", "estimated", "bounded"
NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Share:
    """A share from 0 to 1 with its interval. One that is bounded is the worst that a suppressed number may stand for."""

    value: float
    lower: float
    upper: float
    basis: str

    def turned(self) -> Share:
        """The share of the others."""
        return Share(1 - self.value, 1 - self.upper, 1 - self.lower, self.basis)


@dataclass(frozen=True)
class Errors:
    """What links come to, in records: found rightly, found wrongly, and missed, with the ends of the two that are uncertain."""

    right: float
    wrong: Share
    missed: Share
    on_demographics: float


def wilson(top: float, bottom: float) -> tuple[float, float]:
    """The ends of Wilson's 95% score interval for a share."""
    share, square = top / bottom, Z * Z / bottom
    half = sqrt(max(0.0, share * (1 - share) * square + square * square / 4))
    return (share + square / 2 - half) / (1 + square), (share + square / 2 + half) / (1 + square)


class Figures:
    """Published figures of whole sources, looked up by measure and source."""

    def __init__(self, rows: Iterable[Row], disclosure: Disclosure) -> None:
        self.rows = {(row["measure"], row["area_code"]): row for row in rows if row["group_type"] == ALL}
        self.disclosure = disclosure

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
        most = self.disclosure.threshold
        if row["status"] != "suppressed" or not row["denominator"] or row["denominator"] <= most:
            return None
        return Share(most / row["denominator"], wilson(1, row["denominator"])[0], wilson(most, row["denominator"])[1], BOUNDED)


def summary(rows: Iterable[Row], rules: QualityRules, disclosure: Disclosure) -> list[dict[str, Any]]:
    """Published rows of `linkage_quality` -> rows of `linkage_summary` without their stamp: every figure of every source, all sources first."""
    figures = Figures(rows, disclosure)
    return [entry for area in figures.areas for entry in _of_area(figures, area, rules)]


def _of_area(figures: Figures, area: str, rules: QualityRules) -> Iterator[dict[str, Any]]:
    precision, recall = precision_and_recall(figures, area)
    true_precision, true_recall = (_turned(figures.share(measure, area)) for measure in ("true_wrong", "true_missed"))
    told = (
        ("match_rate", figures.share("linked", area), None),
        ("precision", precision, true_precision),
        ("recall", recall, true_recall),
        ("f1", _f1(precision, recall), _f1(true_precision, true_recall)),
    )
    thresholds = {threshold.code: threshold for threshold in rules.thresholds}
    for code, share, truth in told:
        threshold, value = thresholds.get(code), _percent(share and share.value)
        yield {
            "measure": code,
            "measure_name": threshold.name if threshold else "Balance of the two (F1)",
            "area_code": area,
            "area_name": area.replace("_", " "),
            "value": value,
            "lower": _percent(share and share.lower),
            "upper": _percent(share and share.upper),
            "truth": _percent(truth and truth.value),
            "green": threshold and threshold.green,
            "amber": threshold and threshold.amber,
            "light": threshold.light(value) if threshold else None,
            "basis": share.basis if share else NOT_KNOWN,
        }


def precision_and_recall(figures: Figures, area: str) -> tuple[Share | None, Share | None]:
    """What share of links is right, and of the people who can be found are, estimated without labels. None where nothing tells."""
    areas = figures.areas[1:] if area == EVERYWHERE else (area,)
    errors = [errors for each in areas if (errors := _errors(figures, each))]
    if len(errors) < len(areas) or not errors:
        return None, None
    basis = BOUNDED if any(BOUNDED in (e.wrong.basis, e.missed.basis) for e in errors) else ESTIMATED

    def precision(end: str) -> float:
        wrong = sum(e.on_demographics * getattr(e.wrong, end) for e in errors)
        return 1 - wrong / sum(e.right + e.on_demographics for e in errors)

    def recall(end: str) -> float:
        found = [(e, e.on_demographics * (1 - getattr(e.wrong, end))) for e in errors]
        # Of so many who can be found, the share that is missed was not; so what was found tells how many there were.
        missed = sum(right * getattr(e.missed, end) / (1 - getattr(e.missed, end)) for e, right in found)
        right = sum(e.right + right for e, right in found)
        return right / (right + missed)

    if any(e.missed.value >= 1 for e in errors):
        return Share(precision("value"), precision("upper"), precision("lower"), basis), None
    worst = [min(1 - 1e-9, e.missed.upper) for e in errors]
    capped = [Errors(e.right, e.wrong, Share(e.missed.value, e.missed.lower, w, e.missed.basis), e.on_demographics) for e, w in zip(errors, worst, strict=True)]
    errors[:] = capped
    return (
        Share(precision("value"), precision("upper"), precision("lower"), basis),
        Share(recall("value"), recall("upper"), recall("lower"), basis),
    )


def _errors(figures: Figures, area: str) -> Errors | None:
    linked, on_demographics = figures.number("linked", area), figures.number("linked_on_demographics", area)
    missed = figures.share("holdout_missed", area)
    if linked is None or missed is None:
        return None
    if on_demographics is None:
        hidden = figures.row("linked_on_demographics", area) is not None
        on_demographics = min(linked, figures.disclosure.threshold) if hidden else 0
    wrong = figures.share("holdout_wrong", area)
    if wrong is None:
        # Nothing was linked with the number hidden, so nothing tells how often that is wrong.
        wrong = Share(0.0, 0.0, 0.0 if not on_demographics else 1.0, COUNTED)
    return Errors(linked - on_demographics, wrong, missed, on_demographics)


def _turned(share: Share | None) -> Share | None:
    return share.turned() if share else None


def _f1(precision: Share | None, recall: Share | None) -> Share | None:
    if precision is None or recall is None:
        return None

    def mean(end: str) -> float:
        p, r = getattr(precision, end), getattr(recall, end)
        return 2 * p * r / (p + r) if p + r else 0.0

    basis = BOUNDED if BOUNDED in (precision.basis, recall.basis) else precision.basis
    return Share(mean("value"), mean("lower"), mean("upper"), basis)


def _percent(share: float | None) -> float | None:
    """In percent, to two decimals, rounded down, so that what falls short of a threshold never reaches it by rounding."""
    return None if share is None else int(share * 10_000 + 1e-6) / 100
