"""Names and addresses of fictional people. Faker fills pools once; people then sample them by index."""

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
GIVEN_POOL_SIZE, FAMILY_POOL_SIZE, STREET_POOL_SIZE, HOUSE_POOL_SIZE = 1500, 3000, 2000, 1000
RARE_SHARE = 0.02
DOUBLE_BARRELLED_SHARE = 0.015
FAKER_SEX = {"1": "male", "2": "female"}

TextArray = npt.NDArray[np.str_]


@dataclass(frozen=True)
class NamePools:
    """Pools to sample by index. A common name occurs in its pool more often.

    `given` is by ethnic category and sex ("1" male, "2" female), `family` by ethnic category. `houses` are the first part of
    an address line ("12", "12A", "Flat 3, 40"), `streets` the second. `care_homes` and `hostels` are whole address lines.
    """

    given: dict[tuple[str, str], TextArray]
    family: dict[str, TextArray]
    streets: TextArray
    houses: TextArray
    care_homes: TextArray
    hostels: TextArray


def nicknames() -> dict[str, tuple[str, ...]]:
    """Return given name -> its nicknames."""
    nicknames_by_name: dict[str, tuple[str, ...]] = {}
    for row in _read_rows("nicknames.csv"):
        nicknames_by_name[row["given"]] = (*nicknames_by_name.get(row["given"], ()), row["nickname"])
    return nicknames_by_name


def place_words() -> tuple[str, ...]:
    """Return the words in the names of fictional surgeries, care homes and hostels."""
    return tuple(row["word"] for row in _read_rows("place_words.csv"))


@cache
def name_pools(seed: int) -> NamePools:
    """Return every pool. The same seed gives the same pools, in about a second."""
    rng = np.random.default_rng(seed)
    british: Any = Factory.create("en_GB", providers=["faker.providers.address", "faker.providers.person"])
    british.seed(seed)
    locales = {row["ethnic_category"]: tuple(row["locales"].split()) for row in _read_rows("groups.csv")}
    drawn = {names: _draw_person_names(names, seed, rng) for names in dict.fromkeys(locales.values())}
    words = place_words()
    return NamePools(
        given={(code, sex): drawn[names][sex] for code, names in locales.items() for sex in FAKER_SEX},
        family={code: drawn[names]["family"] for code, names in locales.items()},
        streets=np.unique([british.street_name() for _ in range(STREET_POOL_SIZE)]),
        houses=_draw_house_numbers(rng),
        care_homes=np.array([f"{word} {kind}" for word in words for kind in ("Lodge", "House", "Court")]),
        hostels=np.array([f"{word} Hostel" for word in words]),
    )


def _draw_person_names(locales: tuple[str, ...], seed: int, rng: np.random.Generator) -> dict[str, TextArray]:
    """Draw given names by sex, and family names, of one group of locales. British and Irish pools also get the rarer forms."""
    fakers = [Factory.create(locale, providers=["faker.providers.person"]) for locale in locales]
    for faker in fakers:
        faker.seed(seed)
    drawn = {sex: _draw_names([_name_generator(f, f"first_name_{word}") for f in fakers], GIVEN_POOL_SIZE) for sex, word in FAKER_SEX.items()}
    drawn["family"] = _draw_names([_name_generator(f, "last_name") for f in fakers], FAMILY_POOL_SIZE)
    if locales in {("en_GB",), ("en_IE",)}:
        rare = _read_rows("rare.csv")
        drawn = {kind: _add_rare_names(names, [r["name"] for r in rare if r["kind"] == FAKER_SEX.get(kind, kind)], rng) for kind, names in drawn.items()}
        drawn["family"] = _add_double_barrelled_names(drawn["family"], rng)
    return drawn


def _name_generator(faker: Any, method: str) -> Callable[[], str]:
    """Return Faker's method, or its romanised version where the language has another script."""
    romanised = method.replace("first_name", "first_romanized_name").replace("last_name", "last_romanized_name")
    generator: Callable[[], str] = getattr(faker, romanised, None) or getattr(faker, method)
    return generator


def _draw_names(generators: list[Callable[[], str]], size: int) -> TextArray:
    drawn = [speaker() for speaker in generators for _ in range(size // len(generators))]
    return np.array([name.title() if name.isupper() else name for name in drawn])


def _add_rare_names(names: TextArray, rare: list[str], rng: np.random.Generator) -> TextArray:
    """Append a small share of rare forms to the names."""
    return np.concatenate([names, rng.choice(rare, max(len(rare), round(RARE_SHARE * len(names))))])


def _add_double_barrelled_names(names: TextArray, rng: np.random.Generator) -> TextArray:
    """Append a small share of double-barrelled names, two joined by a hyphen, to the family names."""
    plain = names[np.char.find(names, "-") < 0]
    left, right = (rng.choice(plain, round(DOUBLE_BARRELLED_SHARE * len(names))) for _ in range(2))
    return np.concatenate([names, [f"{a}-{b}" for a, b in zip(left, right, strict=True)]])


def _draw_house_numbers(rng: np.random.Generator) -> TextArray:
    """Draw house numbers: most plain, some with a letter, some flats. A flat's comma forces quotes in a CSV field."""
    numbers = rng.integers(1, 200, HOUSE_POOL_SIZE)
    kinds = rng.choice(["{n}", "{n}{letter}", "Flat {flat}, {n}"], HOUSE_POOL_SIZE, p=[0.82, 0.06, 0.12])
    return np.array([kind.format(n=n, letter="ABCD"[n % 4], flat=n % 12 + 1) for kind, n in zip(kinds, numbers, strict=True)])


def _read_rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((FOLDER / name).read_text(encoding="utf-8").splitlines()))
