"""Step that writes the report on information governance beside the published tables, of what the run itself knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.governance import Drafts
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.identifiable.vault import Purpose, Vault
from bcf_linkage.identifiable.vault.opt_out_lists import kept_since
from bcf_linkage.published.governance_report.page import page
from bcf_linkage.published.governance_report.told import Release, Source, Told
from bcf_linkage.storage import releases
from bcf_linkage.storage.manifest import versions
from bcf_linkage.storage.store import or_refused
from pipelines import gates
from pipelines.custody import vault_of
from pipelines.governance_settings import Keep, Retention
from pipelines.recording import day_of, today
from pipelines.runs import Run
from pipelines.settings import Settings

FILE = "reports/governance.html"
READ = ("linkage_quality", "opt_outs", "disclosure_control")
OBJECTIONS = {
    Objection.TYPE_1: "type 1 objections, as the GP register tells them",
    Objection.NATIONAL: "the national data opt-out",
    Objection.LOCAL: "local objections",
}


def write_governance(run: Run, tables: Mapping[str, pl.DataFrame]) -> Path:
    """Write the report of the run's published tables; gives back its path. The same tables and settings make the same bytes."""
    path = run.staging.published / FILE
    with or_refused(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(told(run, tables)), encoding="utf-8")
    return path


def told(run: Run, tables: Mapping[str, pl.DataFrame]) -> Told:
    """What the report is told. Of lists and people no number but a published one, and no name of anybody who may ask."""
    settings, made, rules = run.settings(), run.pseudonyms, SharingRules.build(today())
    vault, hold = vault_of(run.request.workspace, settings), gates.holding(settings, rules)
    asked = kept_since(vault, Objection.NATIONAL) if Objection.NATIONAL in hold else None
    practices = sum(len(cluster.practices) for cluster in settings.clusters)
    purpose = rules.purposes[settings.purpose]
    return Told(
        locality=settings.name,
        code=settings.code,
        as_at=run.as_at,
        run_id=run.run_id,
        made_up=settings.kind == "synthetic",
        purpose=f"{purpose.code}: {purpose.words}",
        recipient=made.recipient,
        project=made.project,
        key=made.key,
        fingerprint=made.fingerprint,
        algorithm=made.algorithm,
        keys_lie=_keys_lie(vault),
        sources=tuple(_sources(run, settings, rules)),
        objections=tuple(words for objection, words in OBJECTIONS.items() if objection in hold),
        checked=f"{day_of(asked):%-d %B %Y}" if asked else "",
        kept=dict(_kept(settings.retention)),
        practices=(len(settings.reidentification), practices),
        rule=run.rulebook().disclosure.words,
        before=tuple(_before(run)),
        versions=versions(),
        tables={name: tables[name].to_dicts() for name in READ},
        drafts=Drafts.build(run.as_at),
    )


def _sources(run: Run, settings: Settings, rules: SharingRules) -> Iterator[Source]:
    for extract in run.extracts:
        stated = settings.sources[extract]
        if agreement := stated.agreement:
            basis = rules.legal_bases[agreement.legal_basis]
            files = tuple(file.name for file in run.files(extract))
            yield Source(EXTRACTS[extract], rules.sectors[extract], stated.supplier, str(agreement), agreement.parties, f"{basis.code}: {basis.words}", files)


def _keys_lie(vault: Vault) -> str:
    """Where keys come from, in words that name no place."""
    kinds = {"file": "files", "environment": "environment variables", "command": "the site's key service"}
    return " and ".join(dict.fromkeys("the vault" if not vault.sources.get(purpose) else kinds[vault.source(purpose).kind] for purpose in Purpose))


def _kept(retention: Retention) -> Iterator[tuple[str, str]]:
    for zone, keep in vars(retention).items():
        if keep != Keep():
            yield zone, f"{keep.days:,} days" if keep.days else f"{keep.runs:,} runs"


def _before(run: Run) -> Iterator[Release]:
    """The releases that this one was protected against, the earliest first."""
    for one in releases.before(run.workspace, run.run_id):
        release = releases.read_release(run.workspace.audit(one))
        yield Release(release.run, release.as_at, release.profile, release.total("cells"), release.total("shown"))
