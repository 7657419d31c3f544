"""Facts of the run as sentences, by the code that a draft refers to."""

from __future__ import annotations

from collections.abc import Iterable

from bcf_linkage.definitions.schema import Identity, Table
from bcf_linkage.published.governance_report.report_data import GovernanceReportData
from bcf_linkage.published.linkage_report.report_data import label_for

KEPT_PER_IDENTIFIER = {
    Identity.NHS_NUMBER: "a keyed pseudonym",
    Identity.REPLACED_NHS_NUMBER: "the pseudonym of the number that replaced it",
    Identity.LOCAL_ID: "a keyed pseudonym where no NHS number is verified, else nothing",
    Identity.RECORD_ID: "nothing",
    Identity.SPELL_ID: "a keyed pseudonym of the stay",
    Identity.GIVEN_NAME: "nothing",
    Identity.FAMILY_NAME: "nothing",
    Identity.BIRTH_DATE: "the month, and the age in years",
    Identity.ADDRESS: "nothing",
    Identity.POSTCODE: "the small area (LSOA) and its deprivation quintile",
}
"""What the pseudonymised zone keeps of each kind of identifier."""

STANDING_FACTS = {
    "transfers": "The system sends no data anywhere. The usage statistics of the libraries that it uses are turned off.",
    "zones": "Only landing and the vault have identifiers. Tables of the other zones have the columns of their declarations and no others. "
    "Other users of the machine cannot read landing, vault, pseudonymised and audit.",
    "trail": "Each action is an event of the audit log, with person, time, reason and digests, and the digest of the event before; "
    "“bcf audit verify” checks that none was changed or removed.",
    "gates": "Before the run, the gates checked that every agreement is in force and covers the purpose, the data and its sector. "
    "The audit log has the decisions.",
    "accuracy": "The report linkage_quality.html beside this page shows how many records were linked, the estimated errors, and which people are missed.",
    "promises": "“bcf audit promises” checks the fifteen promises on identities, each with its evidence.",
    "whole": "If a run stops, the previous publication stays in place. The same inputs produce the same bytes.",
}
"""Facts that are true of every run."""


def build_facts(data: GovernanceReportData) -> dict[str, str]:
    """Return every fact by its code."""
    return {**STANDING_FACTS, **_data_facts(data), **_protection_facts(data)}


def _data_facts(data: GovernanceReportData) -> dict[str, str]:
    tables, (with_requesters, practices) = [source.extract for source in data.sources], data.practices
    identifying, declared = sum(len(table.identifying) for table in tables), sum(len(table.columns) for table in tables)
    files, sectors = sum(len(source.files) for source in data.sources), _join_distinct(f"{source.sector} data" for source in data.sources)
    return {
        "controller": f"{data.locality} ({data.code}), the owner of this workspace.",
        "parties": f"Parties to the agreements: {_join_distinct(party for source in data.sources for party in source.parties)}.",
        "purpose": f"{_capitalise(data.purpose)}.",
        "people": f"People registered with {practices} practices on {data.as_at:%-d %B %Y}, and other people in the records of a source."
        + (" All of them are made up." if data.is_synthetic else ""),
        "data": f"{_capitalise(sectors)} from {len(tables)} sources: {_join_distinct(label_for(table.name) for table in tables)}; "
        f"{declared} columns, {_special_categories_text(tables)}.",
        "minimised": f"{identifying} of {declared} columns identify a person. None of them is kept as received: see section B.",
        "recipients": f"Pseudonyms are made for {data.recipient}, for {data.project}, and for nobody else. Anybody may read the published counts. "
        f"{with_requesters} of {practices} practices may ask for re-identification of their own patients.",
        "retention": _retention_text(data),
        "basis": _legal_bases_text(data),
        "deliveries": f"{files} files from {_join_distinct(source.supplier for source in data.sources)}, each with its digest in the manifest.",
    }


def _protection_facts(data: GovernanceReportData) -> dict[str, str]:
    (cells, shown), (with_requesters, practices), release_count = _count_protected(data), data.practices, len(data.earlier_releases)
    packages = _join_distinct(f"{name} {version}" for name, version in data.versions.items() if name != "definitions")
    return {
        "pseudonyms": f"Pseudonyms: {data.algorithm}. Root key {data.root_key}, fingerprint {data.fingerprint}; "
        f"recipient {data.recipient}, project {data.project}.",
        "keys": f"Keys are kept in {data.key_location}, readable by their owner only. A key that is short, not random or readable by others is refused. "
        "“bcf keys” rotates them, and the audit log has each rotation.",
        "objections": _objections_text(data),
        "disclosure": f"{_capitalise(data.rule)}. {cells - shown:,} of {cells:,} numbers are suppressed. The release was attacked with all its tables and "
        f"{release_count} earlier {'release' if release_count == 1 else 'releases'}, and reveals no number that the rule protects.",
        "reidentification": f"The re-identification table is sealed in the vault. For {with_requesters} of {practices} practices, named people may ask and "
        "other named people must approve: for direct care, for the practice's own patients, with a reason. The audit log has each request.",
        "versions": f"{packages}; all definitions SHA-256 {data.versions['definitions']}.",
    }


def _legal_bases_text(data: GovernanceReportData) -> str:
    """Return each legal basis with the sources that are shared on it."""
    bases = dict.fromkeys(source.basis for source in data.sources)
    return (
        "; ".join(f"{_capitalise(basis)}, for {_join_distinct(label_for(s.extract.name) for s in data.sources if s.basis == basis)}" for basis in bases) + "."
    )


def _count_protected(data: GovernanceReportData) -> tuple[int, int]:
    rows = data.disclosure_summaries
    return sum(row["cells"] for row in rows), sum(row["shown"] for row in rows)


def _special_categories_text(tables: Iterable[Table]) -> str:
    ethnic = any("ethnic" in column.name for table in tables for column in table.columns)
    return "with data on health" + (" and ethnic category" if ethnic else "") + ", which are special categories (Article 9)"


def _retention_text(data: GovernanceReportData) -> str:
    if not data.retention_limits:
        return "[retention] of locality.toml has no entry, so everything is kept without limit."
    limits = _join_distinct(f"{zone} for {limit}" for zone, limit in data.retention_limits.items())
    return f"By [retention] of locality.toml: {limits}. Everything else is kept without limit."


def _objections_text(data: GovernanceReportData) -> str:
    if not data.objections:
        return "No kind of objection applies to this purpose and these legal bases."
    check_sentence = f" The national data opt-outs were checked as of {data.national_check_date}." if data.national_check_date else ""
    return f"These apply to the purpose and the legal bases, and were applied before linkage: {_join_distinct(data.objections)}.{check_sentence}"


def _join_distinct(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]
