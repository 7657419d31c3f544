"""Names and addresses for people who do not exist, drawn once from Faker into pools that are then sampled by index."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
from faker.factory import Factory

FOLDER = files("synthetic") / "names"
GIVEN, FAMILY, STREETS, HOUSES = 1500, 3000, 2000, 1000
RARE_SHARE = 0.02
DOUBLE_BARRELLED_SHARE = 0.015
SEX = {"1": "male", "2": "female"}

Text = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Pools:
    """Pools to sample by index; a name that is common stands in its pool more often.

    `given` is by ethnic category and sex ("1" male, "2" female), `family` by ethnic category. `houses` are the first part of
    an address line ("12", "12A", "Flat 3, 40"), `streets` the second. `care_homes` and `hostels` name whole addresses.
    """

    given: dict[tuple[str, str], Text]
    family: dict[str, Text]
    streets: Text
    houses: Text
    care_homes: Text
    hostels: Text


def nicknames() -> dict[str, tuple[str, ...]]:
    """Given name to the names by which its bearers may be known."""
    known: dict[str, tuple[str, ...]] = {}
    for row in _rows("nicknames.csv"):
        known[row["given"]] = (*known.get(row["given"], ()), row["nickname"])
    return known


def place_words() -> tuple[str, ...]:
    """Words that fictional surgeries, care homes and hostels are called by."""
    return tuple(row["word"] for row in _rows("place_words.csv"))


@cache
def pools(seed: int) -> Pools:
    """Every pool. The same seed gives the same pools, in about a second."""
    rng = np.random.default_rng(seed)
    british: Any = Factory.create("en_GB", providers=["faker.providers.address", "faker.providers.person"])
    british.seed(seed)
    locales = {row["ethnic_category"]: tuple(row["locales"].split()) for row in _rows("groups.csv")}
    drawn = {names: _people(names, seed, rng) for names in dict.fromkeys(locales.values())}
    words = place_words()
    return Pools(
        given={(code, sex): drawn[names][sex] for code, names in locales.items() for sex in SEX},
        family={code: drawn[names]["family"] for code, names in locales.items()},
        streets=np.unique([british.street_name() for _ in range(STREETS)]),
        houses=_houses(rng),
        care_homes=np.array([f"{word} {kind}" for word in words for kind in ("Lodge", "House", "Court")]),
        hostels=np.array([f"{word} Hostel" for word in words]),
    )


def _people(locales: tuple[str, ...], seed: int, rng: np.random.Generator) -> dict[str, Text]:
    """Given names by sex, and family names, of one group of locales. British and Irish ones have the rarer forms mixed in."""
    fakers = [Factory.create(locale, providers=["faker.providers.person"]) for locale in locales]
    for faker in fakers:
        faker.seed(seed)
    drawn = {sex: _draw([_speaker(f, f"first_name_{word}") for f in fakers], GIVEN) for sex, word in SEX.items()}
    drawn["family"] = _draw([_speaker(f, "last_name") for f in fakers], FAMILY)
    if locales in {("en_GB",), ("en_IE",)}:
        rare = _rows("rare.csv")
        drawn = {kind: _mix(names, [r["name"] for r in rare if r["kind"] == SEX.get(kind, kind)], rng) for kind, names in drawn.items()}
        drawn["family"] = _double_barrel(drawn["family"], rng)
    return drawn


def _speaker(faker: Any, method: str) -> Callable[[], str]:
    """Faker's own method, or its romanised twin where the language has another script."""
    romanised = method.replace("first_name", "first_romanized_name").replace("last_name", "last_romanized_name")
    speaker: Callable[[], str] = getattr(faker, romanised, None) or getattr(faker, method)
    return speaker


def _draw(speakers: list[Callable[[], str]], size: int) -> Text:
    drawn = [speaker() for speaker in speakers for _ in range(size // len(speakers))]
    return np.array([name.title() if name.isupper() else name for name in drawn])


def _mix(names: Text, rare: list[str], rng: np.random.Generator) -> Text:
    """The names with a small share of rare forms after them."""
    return np.concatenate([names, rng.choice(rare, max(len(rare), round(RARE_SHARE * len(names))))])


def _double_barrel(names: Text, rng: np.random.Generator) -> Text:
    """The family names with a small share of pairs joined by a hyphen after them."""
    plain = names[np.char.find(names, "-") < 0]
    left, right = (rng.choice(plain, round(DOUBLE_BARRELLED_SHARE * len(names))) for _ in range(2))
    return np.concatenate([names, [f"{a}-{b}" for a, b in zip(left, right, strict=True)]])


def _houses(rng: np.random.Generator) -> Text:
    """House numbers: mostly plain, some with a letter, some flats (whose comma makes a CSV field need its quotes)."""
    numbers = rng.integers(1, 200, HOUSES)
    kinds = rng.choice(["{n}", "{n}{letter}", "Flat {flat}, {n}"], HOUSES, p=[0.82, 0.06, 0.12])
    return np.array([kind.format(n=n, letter="ABCD"[n % 4], flat=n % 12 + 1) for kind, n in zip(kinds, numbers, strict=True)])


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((FOLDER / name).read_text(encoding="utf-8").splitlines()))
