"""Profiles of the localities that can be imitated, each a TOML file of figures in `synthetic/profiles/`.

Every figure states its source, or that it is assumed and why. A figure that is only partly sourced states both.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from bcf_linkage.definitions.errors import UsageError
from synthetic.names import place_words

FOLDER = files("synthetic") / "profiles"
GOLDEN = 0.618_033_988_749_895
PRACTICE_KINDS = ("Surgery", "Health Centre", "Medical Centre", "Practice")
FIGURE_NAMES = (
    "title",
    "code",
    "council",
    "la_code",
    "hospital_code",
    "hospital_name",
    "population",
    "female_share",
    "age_shares",
    "deprivation_shares",
    "ethnic_shares",
    "social_care_number_coverage",
    "postcode_districts",
    "cluster_codes",
    "cluster_names",
    "practices_by_cluster",
    "first_practice_code",
    "largest_to_smallest_practice",
)


FigureValue = str | int | float | list[str] | list[int] | dict[str, float]


@dataclass(frozen=True)
class SourcedFigure:
    """One figure of a profile: its value, and its source or the reason for the assumption."""

    name: str
    value: FigureValue
    source: str | None = None
    assumed: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class ProfileCluster:
    """A group of practices that work together."""

    code: str
    name: str


@dataclass(frozen=True)
class Practice:
    """A fictional practice. `weight` is the size of its list relative to the others."""

    code: str
    name: str
    weight: float
    cluster_code: str


@dataclass(frozen=True)
class Profile:
    """The figures of one locality. Shares sum to 1; `figures` gives the source of each value.

    `age_shares` is by band of age in whole years ("0-4", "85+"), `deprivation_shares` by national quintile (1 the most
    deprived), `ethnic_shares` by code of the ethnic category list. `social_care_number_coverage` is the share of social care
    clients with an NHS number in the council's records.
    """

    name: str
    title: str
    code: str
    council: str
    la_code: str
    hospital_code: str
    hospital_name: str
    population: int
    female_share: float
    age_shares: dict[str, float]
    deprivation_shares: dict[int, float]
    ethnic_shares: dict[str, float]
    social_care_number_coverage: float
    postcode_districts: tuple[str, ...]
    clusters: tuple[ProfileCluster, ...]
    practices: tuple[Practice, ...]
    figures: tuple[SourcedFigure, ...]


def locality_names() -> tuple[str, ...]:
    """Return the localities that have a profile, in alphabetical order."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in FOLDER.iterdir() if entry.name.endswith(".toml")))


def load_profile(name: str) -> Profile:
    """Return the profile of that name. Raises UsageError for an unknown name."""
    if name not in locality_names():
        raise UsageError(f"no locality profile named {name}; there are {', '.join(locality_names())}")
    return parse_profile(name, (FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def parse_profile(name: str, text: str) -> Profile:
    """Parse a profile from the text of its TOML file. Raises UsageError for an unknown, missing, invalid or unsourced figure."""
    try:
        entries = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"profile {name} is not valid TOML: {error}") from None
    if unknown := entries.keys() - set(FIGURE_NAMES):
        raise UsageError(f"profile {name} has unknown figures: {', '.join(sorted(unknown))}")
    if missing := [figure for figure in FIGURE_NAMES if figure not in entries]:
        raise UsageError(f"profile {name} lacks figures: {', '.join(missing)}")
    figures = {figure: _parse_figure(name, figure, entries[figure]) for figure in FIGURE_NAMES}
    return _build_profile(name, {key: figure.value for key, figure in figures.items()}, tuple(figures.values()))


def _parse_figure(profile: str, name: str, entry: object) -> SourcedFigure:
    """Parse one figure: `{ value, source }`, `{ value, assumed = true, reason }`, or both."""
    location = f"profile {profile}, figure {name}"
    if not isinstance(entry, dict) or "value" not in entry:
        raise UsageError(f"{location}: write it as {{ value = …, source = … }}")
    if unknown := entry.keys() - {"value", "source", "assumed", "reason"}:
        raise UsageError(f"{location}: unknown keys {', '.join(sorted(unknown))}")
    figure = SourcedFigure(name, **entry)
    if not figure.source and not figure.assumed:
        raise UsageError(f"{location}: give its source, or mark it assumed = true")
    if figure.assumed != bool(figure.reason):
        raise UsageError(f"{location}: an assumed figure, and no other, gives a reason")
    return figure


def _build_profile(name: str, values: dict[str, Any], figures: tuple[SourcedFigure, ...]) -> Profile:
    """Check the values against each other and build the profile. Raises UsageError where they disagree."""
    for shares in ("age_shares", "deprivation_shares", "ethnic_shares"):
        if abs(sum(values[shares].values()) - 1) > 1e-9:
            raise UsageError(f"profile {name}, figure {shares}: the shares must sum to 1")
    if not 0 <= values["social_care_number_coverage"] <= 1:
        raise UsageError(f"profile {name}, figure social_care_number_coverage: a share must be between 0 and 1")
    codes, titles, counts = values.pop("cluster_codes"), values.pop("cluster_names"), values.pop("practices_by_cluster")
    if not len(codes) == len(titles) == len(counts):
        raise UsageError(f"profile {name}: cluster_codes, cluster_names and practices_by_cluster differ in length")
    first, ratio = values.pop("first_practice_code"), values.pop("largest_to_smallest_practice")
    practice_clusters = tuple(code for code, count in zip(codes, counts, strict=True) for _ in range(count))
    values["deprivation_shares"] = {int(quintile): share for quintile, share in values["deprivation_shares"].items()}
    values["postcode_districts"] = tuple(values["postcode_districts"])
    clusters = tuple(ProfileCluster(code, title) for code, title in zip(codes, titles, strict=True))
    return Profile(name=name, **values, clusters=clusters, practices=tuple(_build_practices(first, practice_clusters, ratio)), figures=figures)


def _build_practices(first: str, practice_clusters: tuple[str, ...], ratio: float) -> Iterator[Practice]:
    """Yield practices numbered from the first code. Steps of the golden ratio spread large and small practices over the clusters."""
    words = place_words()
    for number, cluster in enumerate(practice_clusters):
        name = f"{words[number % len(words)]} {PRACTICE_KINDS[number % len(PRACTICE_KINDS)]}"
        weight = ratio ** -(number * GOLDEN % 1)
        yield Practice(f"{first[0]}{int(first[1:]) + number:05d}", name, weight, cluster)
