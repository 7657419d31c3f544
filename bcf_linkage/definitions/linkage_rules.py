"""What the linkage-quality report counts and how it judges: figures, characteristics, thresholds and limits (`reference/linkage_quality.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.measures import UNITS, Edition
from bcf_linkage.definitions.reference_data import TomlTable, parse_dataclass, require_one_of, require_percent, take_table, take_tables

FILE = "linkage_quality.toml"
SECTIONS = {
    "B": "Identifiers",
    "C": "Flow",
    "D": "Match rate",
    "E": "Errors",
    "F": "Implausible",
    "J": "Evidence for links",
}
"""The sections of the report that show figures, by the letters of the checklist for linkage reports."""

KINDS = ("age", "codes", "plain", "values", "practice", "number")


@dataclass(frozen=True)
class Figure:
    """A count of records, or of people where the name says so.

    `part_of` is the figure of which this one is a part, divided by `split`. `among` is the denominator. A `pooled` figure is also
    counted over all sources together. A figure of the `truth` exists only for synthetic people. The groups of a figure that is
    `shared_out` are shares of the figure itself; those of any other figure are shares of the same group of the denominator.
    A figure that is `grouped_together` has groups over all sources only, because one source has too few people in each.
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
    """A characteristic by which records are grouped: its column in each source, and how its values make groups.

    Kinds: `age` (age bands), `codes` (the meanings of a code list; `words` may name the group of rows without a code), `plain` (the
    value itself), `practice` (each practice of the locality, or another), `values` (whether the value is in a list) and `number`
    (whether the record has an NHS number, which only the identifiable zone knows).
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
    """The red, amber and green thresholds of a figure, in percent. The lower end of its interval decides; below amber is red."""

    code: str
    name: str
    green: float
    amber: float
    source: str
    mark: str

    def light(self, percent: float | None) -> str:
        """Return green, amber or red, and `not known` for None."""
        if percent is None:
            return "not known"
        if percent >= self.green:
            return "green"
        return "amber" if percent >= self.amber else "red"


@dataclass(frozen=True)
class Contradiction:
    """Diagnoses that people of this sex cannot have, by the beginnings of their ICD-10 codes."""

    sex: str
    begins_with: tuple[str, ...]


@dataclass(frozen=True)
class ValidationSamples:
    """The size of the hold-out sample (verified people of a source) and of the clerical sample (links of each match pass of a source)."""

    holdout_sample: int
    clerical_sample: int


@dataclass(frozen=True)
class Limits:
    """The limits from which a finding is reported. `difference` is in hundredths of a standard deviation."""

    days_after_death: int
    difference: int
    least_in_pattern: int
    oldest: int
    long_stay: int


@dataclass(frozen=True)
class QualityRules:
    """All rules of the linkage-quality report."""

    edition: Edition
    strict_reasons: tuple[str, ...]
    number_reasons: tuple[str, ...]
    scored_reasons: tuple[str, ...]
    one_number_each: tuple[str, ...]
    validation: ValidationSamples
    limits: Limits
    thresholds: tuple[Threshold, ...]
    characteristics: tuple[Characteristic, ...]
    contradictions: tuple[Contradiction, ...]
    figures: tuple[Figure, ...]

    @classmethod
    def build(cls, file: str, contents: TomlTable, as_at: date) -> QualityRules:
        """Return the rules of a reference file. Raises UsageError for an unknown, missing or impossible entry."""
        edition = Edition.build(file, contents, as_at)
        contradictions = enumerate(take_tables(file, contents, "contradictions"), 1)
        return parse_dataclass(
            cls,
            file,
            contents,
            edition=edition,
            validation=parse_dataclass(ValidationSamples, f"{file}: validation", take_table(file, contents, "validation")),
            limits=parse_dataclass(Limits, f"{file}: limits", take_table(file, contents, "limits")),
            thresholds=tuple(_parse_threshold(f"{file}: threshold {n}", entry) for n, entry in enumerate(take_tables(file, contents, "thresholds"), 1)),
            characteristics=tuple(
                _parse_characteristic(f"{file}: characteristic {n}", entry) for n, entry in enumerate(take_tables(file, contents, "characteristics"), 1)
            ),
            contradictions=tuple(parse_dataclass(Contradiction, f"{file}: contradiction {n}", entry) for n, entry in contradictions),
            figures=_parse_figures(file, take_tables(file, contents, "figures")),
        )

    @cached_property
    def by_code(self) -> dict[str, Figure]:
        """Figures by code, in declared order."""
        return {figure.code: figure for figure in self.figures}

    def threshold(self, code: str) -> Threshold:
        """Return the threshold of a code. Raises KeyError."""
        return {threshold.code: threshold for threshold in self.thresholds}[code]


def _parse_threshold(location: str, entry: TomlTable) -> Threshold:
    threshold = parse_dataclass(Threshold, location, entry)
    require_percent(location, "green", threshold.green)
    require_percent(location, "amber", threshold.amber)
    return threshold


def _parse_characteristic(location: str, entry: TomlTable) -> Characteristic:
    characteristic = parse_dataclass(Characteristic, location, entry)
    require_one_of(location, "kind", characteristic.kind, KINDS)
    return characteristic


def _parse_figures(file: str, entries: list[TomlTable]) -> tuple[Figure, ...]:
    figures: list[Figure] = []
    for position, entry in enumerate(entries, 1):
        location = f"{file}: figure {position}"
        figure = parse_dataclass(Figure, location, {**entry, "unit": entry.get("unit", "percent" if "among" in entry else "count")})
        declared_codes = tuple(earlier_figure.code for earlier_figure in figures)
        require_one_of(location, "section", figure.section, tuple(SECTIONS))
        require_one_of(location, "unit", figure.unit, tuple(UNITS))
        for key, other_code in (("part_of", figure.part_of), ("among", figure.among)):
            if other_code:
                require_one_of(location, key, other_code, declared_codes)
        if figure.code in declared_codes:
            raise UsageError(f"{location}: {figure.code} is declared twice; rename one")
        figures.append(figure)
    return tuple(figures)
