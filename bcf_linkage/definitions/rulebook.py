"""The rulebook: every national and local rule that the stages apply, read from reference data, each with its source and edition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from bcf_linkage.definitions.disclosure import Disclosure
from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.linkage_rules import FILE as LINKAGE_QUALITY
from bcf_linkage.definitions.linkage_rules import QualityRules
from bcf_linkage.definitions.measures import CohortSet, Edition, MetricSet
from bcf_linkage.definitions.reference_data import TomlTable, load_csv, load_toml, parse_dataclass, require_percent, take_table, take_tables


@dataclass(frozen=True)
class Band:
    """A resource-utilisation band, and its share of total cost in percent."""

    name: str
    percent_of_cost: int


@dataclass(frozen=True)
class AgeBand:
    """An age band, from its first age in years to the next band."""

    name: str
    from_age: int


@dataclass(frozen=True)
class HighRisk:
    """Who is at high risk: the percentage of a practice's adults with the highest cost, and the age in years from which people are adults."""

    percent_of_adults: int
    adult_age: int


@dataclass(frozen=True)
class Bands:
    """The bands of cost, the costliest first, and of age, the youngest first. `no_cost` is the band of people without cost."""

    edition: Edition
    no_cost: str
    bands: tuple[Band, ...]
    ages: tuple[AgeBand, ...]
    high_risk: HighRisk

    @classmethod
    def build(cls, file: str, document: TomlTable, as_at: date) -> Bands:
        """Return the bands of a reference file.

        Raises UsageError for an unknown, missing or impossible entry: a percentage outside 0 to 100, shares of cost that do not
        add up to 100, or ages that do not start at 0 and rise.
        """
        edition = Edition.build(file, document, as_at)
        bands = tuple(_parse_band(f"{file}: band {n}", entry) for n, entry in enumerate(take_tables(file, document, "bands"), 1))
        ages = tuple(parse_dataclass(AgeBand, f"{file}: age {n}", entry) for n, entry in enumerate(take_tables(file, document, "ages"), 1))
        high_risk = parse_dataclass(HighRisk, f"{file}: high_risk", take_table(file, document, "high_risk"))
        require_percent(f"{file}: high_risk", "percent_of_adults", high_risk.percent_of_adults)
        if (total := sum(band.percent_of_cost for band in bands)) != 100:
            raise UsageError(f"{file}: the bands add up to {total}% of cost; make it 100")
        if [age.from_age for age in ages] != sorted({age.from_age for age in ages}) or not ages or ages[0].from_age != 0:
            raise UsageError(f"{file}: the ages must start at 0 and rise")
        return parse_dataclass(cls, file, document, edition=edition, bands=bands, ages=ages, high_risk=high_risk)

    @property
    def cuts(self) -> tuple[tuple[str, int], ...]:
        """(band, cumulative percent of cost of it and the bands above it), from the costliest down."""
        return tuple((band.name, sum(b.percent_of_cost for b in self.bands[: n + 1])) for n, band in enumerate(self.bands))


def _parse_band(location: str, entry: TomlTable) -> Band:
    band = parse_dataclass(Band, location, entry)
    require_percent(location, "percent_of_cost", band.percent_of_cost)
    return band


@dataclass(frozen=True)
class UnitCost:
    """The cost in pounds of one unit of an activity. `after_days`, where it applies, is the length of stay beyond which nights count."""

    setting: str
    item: str
    pounds: float
    after_days: int | None


@dataclass(frozen=True)
class Prices:
    """Unit costs by item, and the units per week of each cost frequency of social care: a factor, `planned` units, or `once`."""

    items: tuple[UnitCost, ...]
    frequencies: Mapping[str, Fraction | str]

    @classmethod
    def build(cls) -> Prices:
        """Return the prices of the reference files."""
        items = tuple(
            UnitCost(row["setting"], row["item"], float(row["cost"]), int(row["after_days"]) if row["after_days"] else None)
            for row in load_csv("unit_costs.csv")
        )
        frequencies = {row["cost_frequency_unit_type"]: row["units_per_week"] for row in load_csv("cost_frequencies.csv")}
        return cls(items, {name: units if units in ("planned", "once") else Fraction(units) for name, units in frequencies.items()})

    @property
    def pounds(self) -> dict[str, float]:
        """The cost of one unit in pounds, by item."""
        return {item.item: item.pounds for item in self.items}

    def after_days(self, item: str) -> int:
        """Return the nights of a stay that the item does not count. Raises KeyError."""
        return {i.item: i.after_days for i in self.items if i.after_days is not None}[item]


@dataclass(frozen=True)
class ClinicalCodes:
    """The beginnings of the Read v2 codes of each process of care and of each long-term condition, by its name."""

    processes: Mapping[str, tuple[str, ...]]
    long_term_conditions: Mapping[str, tuple[str, ...]]

    @classmethod
    def build(cls) -> ClinicalCodes:
        """Return the clinical codes of the reference file."""
        beginnings: dict[str, dict[str, tuple[str, ...]]] = {"process": {}, "long_term_condition": {}}
        for row in load_csv("clinical_codes.csv"):
            group = beginnings[row["kind"]]
            group[row["name"]] = (*group.get(row["name"], ()), row["begins_with"])
        return cls(beginnings["process"], beginnings["long_term_condition"])


@dataclass(frozen=True)
class AmbulatoryRule:
    """A rule for a chronic ambulatory care sensitive condition: good care outside hospital should make its admissions rare.

    `primary` are the beginnings of the primary diagnosis. A diagnosis of `with_` must be present; none of `without`, and no
    procedure of `without_procedure`, may be.
    """

    condition: str
    primary: tuple[str, ...]
    with_: tuple[str, ...]
    without: tuple[str, ...]
    without_procedure: tuple[str, ...]


@dataclass(frozen=True)
class Rulebook:
    """All rules that the stages apply."""

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
        """Return the rules that are valid on the as-at date, with the disclosure profile of that name. Raises UsageError."""
        return cls(
            bands=Bands.build("bands.toml", load_toml("bands.toml"), as_at),
            conditions=CohortSet.build("conditions.toml", load_toml("conditions.toml"), as_at),
            cohorts=CohortSet.build("cohorts.toml", load_toml("cohorts.toml"), as_at),
            metrics=MetricSet.build("metrics.toml", load_toml("metrics.toml"), as_at),
            linkage=QualityRules.build(LINKAGE_QUALITY, load_toml(LINKAGE_QUALITY), as_at),
            disclosure=Disclosure.build("disclosure.toml", load_toml("disclosure.toml"), as_at, profile),
            prices=Prices.build(),
            clinical_codes=ClinicalCodes.build(),
            ambulatory=tuple(_ambulatory_rule(row) for row in load_csv("ambulatory_care_sensitive.csv")),
        )


def _ambulatory_rule(row: dict[str, str]) -> AmbulatoryRule:
    return AmbulatoryRule(row["condition"], *(tuple(row[key].split()) for key in ("primary", "with", "without", "without_procedure")))
