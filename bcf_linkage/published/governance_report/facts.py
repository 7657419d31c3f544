"""What the run did, in sentences, each under the code by which a draft asks for it."""

from __future__ import annotations

from collections.abc import Iterable

from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.published.governance_report.told import Told
from bcf_linkage.published.linkage_report.told import words

KEPT_OF = {
    Identity.NHS_NUMBER: "a keyed pseudonym",
    Identity.REPLACED_NHS_NUMBER: "the pseudonym of the number that replaced it",
    Identity.LOCAL_ID: "a keyed pseudonym where no number can be trusted, else nothing",
    Identity.RECORD_ID: "nothing",
    Identity.SPELL_ID: "a keyed pseudonym of the stay",
    Identity.GIVEN_NAME: "nothing",
    Identity.FAMILY_NAME: "nothing",
    Identity.BIRTH_DATE: "the month, and the age in years",
    Identity.ADDRESS: "nothing",
    Identity.POSTCODE: "the small area and its fifth of deprivation",
}
"""What is kept of each kind of identifier."""


STANDING = {
    "transfers": "The system sends nothing anywhere, and the usage statistics of what it stands on are off.",
    "zones": "Landing and the vault alone hold identifiers. Tables of the other zones are allow-listed from their declarations; "
    "landing, vault, pseudonymised and audit are closed to others.",
    "trail": "Each action is a line of the trail, with who, when, why and digests, and the digest of the line before; “bcf audit verify” proves it whole.",
    "gates": "Before the run it was decided that every agreement was in force and covers the purpose, the data and its sector; the trail has the decisions.",
    "accuracy": "How many records found their person, how wrong that may be and whom it misses stands in linkage_quality.html beside this page.",
    "promises": "“bcf audit promises” looks whether the fifteen promises on identities are kept, each with its evidence.",
    "whole": "A run that stops leaves the publication before it standing; the same inputs make the same bytes again.",
}
"""Facts of every run."""


def facts(told: Told) -> dict[str, str]:
    """Every fact by its code."""
    return {**STANDING, **_of_the_data(told), **_of_its_protection(told)}


def _of_the_data(told: Told) -> dict[str, str]:
    tables, (able, practices) = [source.extract for source in told.sources], told.practices
    identifying, declared = sum(len(table.identifying) for table in tables), sum(len(table.columns) for table in tables)
    files, sectors = sum(len(source.files) for source in told.sources), _listed(f"{source.sector} data" for source in told.sources)
    return {
        "controller": f"{told.locality} ({told.code}), whose workspace this is.",
        "parties": f"Parties to the agreements: {_listed(party for source in told.sources for party in source.parties)}.",
        "purpose": f"{_capital(told.purpose)}.",
        "people": f"People registered with {practices} practices on {told.as_at:%-d %B %Y}, and whoever else a source saw."
        + (" All of them are made up." if told.made_up else ""),
        "data": f"{_capital(sectors)} from {len(tables)} sources: {_listed(words(table.name) for table in tables)}; {declared} columns, {_special(tables)}.",
        "minimised": f"{identifying} of {declared} columns tell who somebody is, and none of them is kept as it came: see section B.",
        "recipients": f"Pseudonyms are made for {told.recipient}, for {told.project}, and for nobody else. Published counts are for everybody. "
        f"{able} of {practices} practices may ask for their own patients by name.",
        "retention": _kept(told),
        "basis": _bases(told),
        "deliveries": f"{files} files from {_listed(source.supplier for source in told.sources)}, each with its digest in the manifest.",
    }


def _of_its_protection(told: Told) -> dict[str, str]:
    (cells, shown), (able, practices), before = _protected(told), told.practices, len(told.before)
    packages = _listed(f"{name} {version}" for name, version in told.versions.items() if name != "definitions")
    return {
        "pseudonyms": f"Pseudonyms: {told.algorithm}. Root key {told.key}, fingerprint {told.fingerprint}; recipient {told.recipient}, project {told.project}.",
        "keys": f"Keys lie in {told.keys_lie}, each its owner's alone, refused if short, not random or open to others; "
        "“bcf keys” turns them, and each turn is in the trail.",
        "objections": _objections(told),
        "disclosure": f"{_capital(told.rule)}. {cells - shown:,} of {cells:,} numbers are suppressed. The release was attacked with all its tables and "
        f"{before} earlier {'release' if before == 1 else 'releases'}, and narrows no number that the rule hides.",
        "reidentification": f"The way back lies sealed in the vault. For {able} of {practices} practices people are named who may ask, and others who "
        "must approve: for direct care, of the practice's own patients, with a reason, in the trail.",
        "versions": f"{packages}; all definitions SHA-256 {told.versions['definitions']}.",
    }


def _bases(told: Told) -> str:
    """Each basis in law with the sources that are shared on it."""
    bases = dict.fromkeys(source.basis for source in told.sources)
    return "; ".join(f"{_capital(basis)}, for {_listed(words(s.extract.name) for s in told.sources if s.basis == basis)}" for basis in bases) + "."


def _protected(told: Told) -> tuple[int, int]:
    rows = told.tables["disclosure_control"]
    return sum(row["cells"] for row in rows), sum(row["shown"] for row in rows)


def _special(tables: Iterable[Table]) -> str:
    ethnic = any("ethnic" in column.name for table in tables for column in table.columns)
    return "about health" + (" and ethnic category" if ethnic else "") + ", which are special categories (Article 9)"


def _kept(told: Told) -> str:
    if not told.kept:
        return "Nothing is stated in [retention] of locality.toml, so that all is kept for good."
    return (
        f"As [retention] of locality.toml says: {_listed(f'{zone} for {limit}' for zone, limit in told.kept.items())}; what it does not name is kept for good."
    )


def _objections(told: Told) -> str:
    if not told.objections:
        return "No objection holds against this purpose and these legal bases."
    checked = f" The national check spoke of {told.checked}." if told.checked else ""
    return f"These hold against the purpose and the legal bases, and were applied before anything was linked: {_listed(told.objections)}.{checked}"


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
