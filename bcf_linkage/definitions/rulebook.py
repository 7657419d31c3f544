"""The rulebook: every national or local rule that the stages interpret, read from reference data, each with its source and edition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from bcf_linkage.definitions.disclosure import Disclosure
from bcf_linkage.definitions.errors import RequestRefused
from bcf_linkage.definitions.linkage_rules import FILE as LINKAGE_QUALITY
from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.measures import CohortSet, Edition, MetricSet
from bcf_linkage.definitions.reading import document, made, rows


@dataclass(frozen=True)
class Band:
    """A band of use: the share of total cost that it holds."""

    name: str
    percent_of_cost: int


@dataclass(frozen=True)
class AgeBand:
    """A band of age, up to the next one."""

    name: str
    from_age: int


@dataclass(frozen=True)
class HighRisk:
    """The costliest share of a practice's adults."""

    percent_of_adults: int
    adult_age: int


@dataclass(frozen=True)
class Bands:
    """How people are placed in bands, the costliest and the youngest first."""

    edition: Edition
    no_cost: str
    bands: tuple[Band, ...]
    ages: tuple[AgeBand, ...]
    high_risk: HighRisk

    @classmethod
    def build(cls, file: str, document: dict[str, Any], as_at: date) -> Bands:
        """The bands of a reference file. Raises RequestRefused unless they share out the whole cost."""
        edition = Edition.build(file, document, as_at)
        bands = tuple(made(Band, f"{file}: band {n}", entry) for n, entry in enumerate(document.pop("bands", []), 1))
        ages = tuple(made(AgeBand, f"{file}: age {n}", entry) for n, entry in enumerate(document.pop("ages", []), 1))
        high_risk = made(HighRisk, f"{file}: high_risk", document.pop("high_risk", {}))
        if (total := sum(band.percent_of_cost for band in bands)) != 100:
            raise RequestRefused(f"{file}: the bands hold {total}% of cost together; make it 100")
        if [age.from_age for age in ages] != sorted({age.from_age for age in ages}) or not ages or ages[0].from_age != 0:
            raise RequestRefused(f"{file}: the ages must start at 0 and rise")
        return made(cls, file, document, edition=edition, bands=bands, ages=ages, high_risk=high_risk)

    @property
    def cuts(self) -> tuple[tuple[str, int], ...]:
        """(band, percent of cost held by it and the bands above it), from the costliest down."""
        return tuple((band.name, sum(b.percent_of_cost for b in self.bands[: n + 1])) for n, band in enumerate(self.bands))


@dataclass(frozen=True)
class UnitCost:
    """What one unit of an activity costs. `after_days` is the length of stay beyond which nights count, where that applies."""

    setting: str
    item: str
    pounds: float
    after_days: int | None


@dataclass(frozen=True)
class Prices:
    """Unit costs by item, and how social care's cost frequencies make a weekly cost: a factor, `planned` units, or `once`."""

    items: tuple[UnitCost, ...]
    frequencies: Mapping[str, Fraction | str]

    @classmethod
    def build(cls) -> Prices:
        """The prices of the reference files."""
        items = tuple(
            UnitCost(row["setting"], row["item"], float(row["cost"]), int(row["after_days"]) if row["after_days"] else None) for row in rows("unit_costs.csv")
        )
        frequencies = {row["cost_frequency_unit_type"]: row["units_per_week"] for row in rows("cost_frequencies.csv")}
        return cls(items, {name: units if units in ("planned", "once") else Fraction(units) for name, units in frequencies.items()})

    @property
    def pounds(self) -> dict[str, float]:
        """Item to the cost of one unit."""
        return {item.item: item.pounds for item in self.items}

    def after_days(self, item: str) -> int:
        """The nights of a stay that the item does not count. Raises KeyError."""
        return {i.item: i.after_days for i in self.items if i.after_days is not None}[item]


@dataclass(frozen=True)
class ClinicalCodes:
    """Read v2 codes by what they stand for: a process of care or a long-term condition, each by the beginnings of its codes."""

    processes: Mapping[str, tuple[str, ...]]
    long_term_conditions: Mapping[str, tuple[str, ...]]

    @classmethod
    def build(cls) -> ClinicalCodes:
        """The clinical codes of the reference file."""
        beginnings: dict[str, dict[str, tuple[str, ...]]] = {"process": {}, "long_term_condition": {}}
        for row in rows("clinical_codes.csv"):
            group = beginnings[row["kind"]]
            group[row["name"]] = (*group.get(row["name"], ()), row["begins_with"])
        return cls(beginnings["process"], beginnings["long_term_condition"])


@dataclass(frozen=True)
class AmbulatoryRule:
    """A primary diagnosis for which good care outside hospital should make admission rare, with what must or must not stand beside it."""

    condition: str
    primary: tuple[str, ...]
    with_: tuple[str, ...]
    without: tuple[str, ...]
    without_procedure: tuple[str, ...]


@dataclass(frozen=True)
class Rulebook:
    """Everything that the stages interpret."""

    bands: Bands
    conditions: CohortSet
    cohorts: CohortSet
    metrics: MetricSet
    linkage: QualityRules
    disclosure: Disclosure
    prices: Prices
    clinical_codes: ClinicalCodes
    ambulatory: tuple[AmbulatoryRule, ...]

    @classmethod
    def build(cls, as_at: date, profile: str = "hes7r5") -> Rulebook:
        """The rules that hold on the as-at date, with the disclosure profile of that name. Raises RequestRefused."""
        return cls(
            bands=Bands.build("bands.toml", document("bands.toml"), as_at),
            conditions=CohortSet.build("conditions.toml", document("conditions.toml"), as_at),
            cohorts=CohortSet.build("cohorts.toml", document("cohorts.toml"), as_at),
            metrics=MetricSet.build("metrics.toml", document("metrics.toml"), as_at),
            linkage=QualityRules.build(LINKAGE_QUALITY, document(LINKAGE_QUALITY), as_at),
            disclosure=Disclosure.build("disclosure.toml", document("disclosure.toml"), as_at, profile),
            prices=Prices.build(),
            clinical_codes=ClinicalCodes.build(),
            ambulatory=tuple(_ambulatory_rule(row) for row in rows("ambulatory_care_sensitive.csv")),
        )


def _ambulatory_rule(row: dict[str, str]) -> AmbulatoryRule:
    return AmbulatoryRule(row["condition"], *(tuple(row[key].split()) for key in ("primary", "with", "without", "without_procedure")))
