"""What the linkage-quality report shows and by what it judges: figures, characteristics, thresholds, limits (`reference/linkage_quality.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.measures import UNITS, Edition
from bcf_linkage.definitions.reading import made, one_of

FILE = "linkage_quality.toml"
SECTIONS = {
    "B": "Identifiers",
    "C": "Flow",
    "D": "Match rate",
    "E": "Errors",
    "F": "Implausible",
    "J": "What links rest on",
}
KINDS = ("age", "codes", "plain", "values", "practice", "number")


@dataclass(frozen=True)
class Figure:
    """A count. `part_of` names the count that it is a part of, by `split`; `among` the one that is its denominator.

    A `pooled` one is also counted over all sources together; one of the `truth` exists only where people are made up. Groups of one
    that is `shared_out` are shares of the figure itself, those of any other of the same group of its denominator. Of one that is
    `grouped_together` groups are told of all sources together alone: in one source they are too few.
    """

    code: str
    section: str
    name: str
    part_of: str = ""
    split: str = "area"
    among: str = ""
    unit: str = ""
    pooled: bool = False
    shared_out: bool = False
    grouped_together: bool = False
    truth: bool = False


@dataclass(frozen=True)
class Characteristic:
    """Something that records tell of their person: which column of which source holds it, and how its values make groups.

    Kinds: `age` (bands), `codes` (words of a code list; `words` may name what has none), `plain` (as it stands), `practice` (the locality's own, or another),
    `values` (whether it is one of these), and `number` (whether there is an NHS number, which only the identifiable zone can tell).
    """

    code: str
    name: str
    kind: str
    columns: Mapping[str, str] = field(default_factory=dict)
    code_list: str = ""
    values: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Threshold:
    """From where on the lower end of a figure's interval, in percent, is green, and from where on amber; below it is red."""

    code: str
    name: str
    green: float
    amber: float
    source: str
    mark: str

    def light(self, percent: float | None) -> str:
        """green, amber or red; `not known` of nothing."""
        if percent is None:
            return "not known"
        if percent >= self.green:
            return "green"
        return "amber" if percent >= self.amber else "red"


@dataclass(frozen=True)
class Contradiction:
    """Diagnoses that people of this sex cannot have, by the beginnings of their codes."""

    sex: str
    begins_with: tuple[str, ...]


@dataclass(frozen=True)
class Experiments:
    """How many verified people of a source are traced again on purpose, and how many links of each of its rungs a person is given to read."""

    sample: int
    read: int


@dataclass(frozen=True)
class Limits:
    """From where on something is remarked. A `difference` is in hundredths of a standard deviation."""

    days_after_death: int
    difference: int
    least_in_pattern: int
    oldest: int
    long_stay: int


@dataclass(frozen=True)
class QualityRules:
    """All that the linkage-quality report interprets."""

    edition: Edition
    strict_reasons: tuple[str, ...]
    number_reasons: tuple[str, ...]
    scored_reasons: tuple[str, ...]
    one_number_each: tuple[str, ...]
    experiments: Experiments
    limits: Limits
    thresholds: tuple[Threshold, ...]
    characteristics: tuple[Characteristic, ...]
    contradictions: tuple[Contradiction, ...]
    figures: tuple[Figure, ...]

    @classmethod
    def build(cls, file: str, found: dict[str, Any], as_at: date) -> QualityRules:
        """The rules of a reference file. Raises RequestRefused for an unknown, missing or impossible entry."""
        edition = Edition.build(file, found, as_at)
        lists = {name: tuple(found.pop(name, ())) for name in ("strict_reasons", "number_reasons", "scored_reasons", "one_number_each")}
        return made(
            cls,
            file,
            found,
            **lists,
            edition=edition,
            experiments=made(Experiments, f"{file}: experiments", found.pop("experiments", {})),
            limits=made(Limits, f"{file}: limits", found.pop("limits", {})),
            thresholds=tuple(made(Threshold, f"{file}: threshold {n}", entry) for n, entry in enumerate(found.pop("thresholds", []), 1)),
            characteristics=tuple(_characteristic(f"{file}: characteristic {n}", entry) for n, entry in enumerate(found.pop("characteristics", []), 1)),
            contradictions=tuple(_contradiction(f"{file}: contradiction {n}", entry) for n, entry in enumerate(found.pop("contradictions", []), 1)),
            figures=_figures(file, found.pop("figures", [])),
        )

    @cached_property
    def by_code(self) -> dict[str, Figure]:
        """Code to figure, in declared order."""
        return {figure.code: figure for figure in self.figures}

    def threshold(self, code: str) -> Threshold:
        """The threshold of that name. Raises KeyError."""
        return {threshold.code: threshold for threshold in self.thresholds}[code]


def _characteristic(place: str, entry: dict[str, Any]) -> Characteristic:
    made_of = made(Characteristic, place, entry, values=tuple(entry.get("values", ())))
    one_of(place, "kind", made_of.kind, KINDS)
    return made_of


def _contradiction(place: str, entry: dict[str, Any]) -> Contradiction:
    return made(Contradiction, place, entry, begins_with=tuple(entry.get("begins_with", ())))


def _figures(file: str, entries: list[dict[str, Any]]) -> tuple[Figure, ...]:
    figures: list[Figure] = []
    for position, entry in enumerate(entries, 1):
        place = f"{file}: figure {position}"
        figure = made(Figure, place, {**entry, "unit": entry.get("unit", "percent" if "among" in entry else "count")})
        known = tuple(each.code for each in figures)
        one_of(place, "section", figure.section, tuple(SECTIONS))
        one_of(place, "unit", figure.unit, tuple(UNITS))
        for key, other in (("part_of", figure.part_of), ("among", figure.among)):
            if other:
                one_of(place, key, other, known)
        if figure.code in known:
            raise RequestRefused(f"{place}: {figure.code} is declared twice; rename one")
        figures.append(figure)
    return tuple(figures)
