"""Write the information-governance report beside the published tables, from what the run itself records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.governance import Drafts
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.identifiable.vault import KeyPurpose, Vault
from bcf_linkage.identifiable.vault.opt_out_lists import read_as_of
from bcf_linkage.published.governance_report.page import render_governance_report
from bcf_linkage.published.governance_report.report_data import AgreedSource, GovernanceReportData, PriorRelease
from bcf_linkage.storage import releases
from bcf_linkage.storage.manifest import versions
from bcf_linkage.storage.store import raise_on_os_error
from pipelines.workspace import gates
from pipelines.workspace.audit_log import day_of
from pipelines.workspace.governance_settings import Retention, RetentionPeriod
from pipelines.workspace.run_context import RunContext
from pipelines.workspace.settings import Settings

FILE = "reports/governance.html"
TABLES_READ = ("linkage_quality", "opt_outs", "disclosure_control")
OBJECTIONS = {
    Objection.TYPE_1: "type 1 objections, as recorded in the GP register",
    Objection.NATIONAL: "the national data opt-out",
    Objection.LOCAL: "local objections",
}


def write_governance_report(run: RunContext, tables: Mapping[str, pl.DataFrame]) -> Path:
    """Write the report from the published tables. Return its path. The same tables and settings make the same bytes."""
    path = run.staging.published / FILE
    with raise_on_os_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render_governance_report(report_context(run, tables)), encoding="utf-8")
    return path


def report_context(run: RunContext, tables: Mapping[str, pl.DataFrame]) -> GovernanceReportData:
    """Collect the data of the report. It contains only published numbers, and no name of a person who may request re-identification."""
    settings, method, rules = run.settings, run.pseudonym_method, run.sharing
    vault, in_force = run.vault, gates.objections_in_force(settings, rules)
    checked_at = read_as_of(vault, Objection.NATIONAL) if Objection.NATIONAL in in_force else None
    practices = sum(len(cluster.practices) for cluster in settings.clusters)
    purpose = rules.purposes[settings.purpose]
    return GovernanceReportData(
        locality=settings.name,
        code=settings.code,
        as_at=run.as_at,
        run_id=run.run_id,
        is_synthetic=settings.kind == "synthetic",
        purpose=f"{purpose.code}: {purpose.words}",
        recipient=method.recipient,
        project=method.project,
        root_key=method.key,
        fingerprint=method.fingerprint,
        algorithm=method.algorithm,
        key_location=_key_locations(vault),
        sources=tuple(_sources(run, settings, rules)),
        objections=tuple(words for objection, words in OBJECTIONS.items() if objection in in_force),
        national_check_date=f"{day_of(checked_at):%-d %B %Y}" if checked_at else "",
        retention_limits=dict(_retention_periods(settings.retention)),
        practices=(len(settings.reidentification), practices),
        rule=run.rulebook.disclosure.words,
        earlier_releases=tuple(_earlier_releases(run)),
        versions=versions(),
        tables={name: tables[name].to_dicts() for name in TABLES_READ},
        drafts=Drafts.build(run.as_at),
    )


def _sources(run: RunContext, settings: Settings, rules: SharingRules) -> Iterator[AgreedSource]:
    """Yield each source with a sharing agreement, in the order of the extracts."""
    for extract in run.extracts:
        source = settings.sources[extract]
        if agreement := source.agreement:
            basis = rules.legal_bases[agreement.legal_basis]
            files = tuple(file.name for file in run.files(extract))
            yield AgreedSource(
                extract=EXTRACTS[extract],
                sector=rules.sectors[extract],
                supplier=source.supplier,
                agreement=str(agreement),
                parties=agreement.parties,
                basis=f"{basis.code}: {basis.words}",
                files=files,
            )


def _key_locations(vault: Vault) -> str:
    """Describe where keys are stored, without a path, a variable or a command."""
    kinds = {"file": "files", "environment": "environment variables", "command": "the site's key service"}
    return " and ".join(dict.fromkeys("the vault" if not vault.key_sources.get(purpose) else kinds[vault.key_source(purpose).kind] for purpose in KeyPurpose))


def _retention_periods(retention: Retention) -> Iterator[tuple[str, str]]:
    """Yield each zone that has a retention limit, with the limit in words."""
    for zone, period in vars(retention).items():
        if period != RetentionPeriod():
            yield zone, f"{period.days:,} days" if period.days else f"{period.runs:,} runs"


def _earlier_releases(run: RunContext) -> Iterator[PriorRelease]:
    """Yield the earlier releases that this one is protected against, the earliest first."""
    for run_id in releases.list_earlier_releases(run.workspace, run.run_id):
        release = releases.read_release(run.workspace.audit(run_id))
        yield PriorRelease(run=release.run, as_at=release.as_at, profile=release.profile, cells=release.total("cells"), shown=release.total("shown"))
