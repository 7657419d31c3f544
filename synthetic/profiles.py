"""The localities that can be imitated, each a TOML file of figures in `synthetic/profiles/`.

Every figure there says where it comes from, or that it is assumed and why. A figure that a source fixes only in part says both.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from bcf_linkage.definitions.errors import RequestRefused
from synthetic.names import place_words

FOLDER = files("synthetic") / "profiles"
GOLDEN = 0.618_033_988_749_895
PRACTICE_KINDS = ("Surgery", "Health Centre", "Medical Centre", "Practice")
FIGURES = (
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


@dataclass(frozen=True)
class Figure:
    """One figure of a profile: its value, and how it is known."""

    name: str
    value: Any
    source: str | None = None
    assumed: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Cluster:
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
    """What a locality is like. Shares sum to 1; `figures` says how each value is known.

    `age_shares` is by band of age in whole years ("0-4", "85+"), `deprivation_shares` by national quintile (1 the most
    deprived), `ethnic_shares` by code of the ethnic category list. `social_care_number_coverage` is the share of social care
    clients whose NHS number the council holds.
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
    clusters: tuple[Cluster, ...]
    practices: tuple[Practice, ...]
    figures: tuple[Figure, ...]


def names() -> tuple[str, ...]:
    """The localities that have a profile, in alphabetical order."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in FOLDER.iterdir() if entry.name.endswith(".toml")))


def load(name: str) -> Profile:
    """The profile of that name. Raises RequestRefused for an unknown name."""
    if name not in names():
        raise RequestRefused(f"no locality profile named {name}; there are {', '.join(names())}")
    return parse(name, (FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Profile:
    """A profile from the text of its TOML file. Raises RequestRefused for an unknown, missing or unsourced figure."""
    try:
        entries = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestRefused(f"profile {name} is not valid TOML: {error}") from None
    if unknown := entries.keys() - set(FIGURES):
        raise RequestRefused(f"profile {name} has unknown figures: {', '.join(sorted(unknown))}")
    if missing := [figure for figure in FIGURES if figure not in entries]:
        raise RequestRefused(f"profile {name} lacks figures: {', '.join(missing)}")
    figures = {figure: _figure(name, figure, entries[figure]) for figure in FIGURES}
    return _profile(name, {key: figure.value for key, figure in figures.items()}, tuple(figures.values()))


def _figure(profile: str, name: str, entry: Any) -> Figure:
    """One figure, held to `{ value, source }` or `{ value, assumed = true, reason }`, or both."""
    where = f"profile {profile}, figure {name}"
    if not isinstance(entry, dict) or "value" not in entry:
        raise RequestRefused(f"{where}: write it as {{ value = …, source = … }}")
    if unknown := entry.keys() - {"value", "source", "assumed", "reason"}:
        raise RequestRefused(f"{where}: unknown keys {', '.join(sorted(unknown))}")
    figure = Figure(name, **entry)
    if not figure.source and not figure.assumed:
        raise RequestRefused(f"{where}: give its source, or mark it assumed = true")
    if figure.assumed != bool(figure.reason):
        raise RequestRefused(f"{where}: an assumed figure, and no other, gives a reason")
    return figure


def _profile(name: str, values: dict[str, Any], figures: tuple[Figure, ...]) -> Profile:
    for shares in ("age_shares", "deprivation_shares", "ethnic_shares"):
        if abs(sum(values[shares].values()) - 1) > 1e-9:
            raise RequestRefused(f"profile {name}, figure {shares}: the shares must sum to 1")
    if not 0 <= values["social_care_number_coverage"] <= 1:
        raise RequestRefused(f"profile {name}, figure social_care_number_coverage: a share lies between 0 and 1")
    codes, titles, counts = values.pop("cluster_codes"), values.pop("cluster_names"), values.pop("practices_by_cluster")
    if not len(codes) == len(titles) == len(counts):
        raise RequestRefused(f"profile {name}: cluster_codes, cluster_names and practices_by_cluster differ in length")
    first, ratio = values.pop("first_practice_code"), values.pop("largest_to_smallest_practice")
    cluster_of_each = tuple(code for code, count in zip(codes, counts, strict=True) for _ in range(count))
    values["deprivation_shares"] = {int(quintile): share for quintile, share in values["deprivation_shares"].items()}
    values["postcode_districts"] = tuple(values["postcode_districts"])
    clusters = tuple(Cluster(code, title) for code, title in zip(codes, titles, strict=True))
    return Profile(name=name, **values, clusters=clusters, practices=tuple(_practices(first, cluster_of_each, ratio)), figures=figures)


def _practices(first: str, cluster_of_each: tuple[str, ...], ratio: float) -> Iterator[Practice]:
    """Practices numbered from the first code. Steps of the golden ratio spread the large and small ones over the clusters."""
    words = place_words()
    for number, cluster in enumerate(cluster_of_each):
        name = f"{words[number % len(words)]} {PRACTICE_KINDS[number % len(PRACTICE_KINDS)]}"
        weight = ratio ** -(number * GOLDEN % 1)
        yield Practice(f"{first[0]}{int(first[1:]) + number:05d}", name, weight, cluster)
