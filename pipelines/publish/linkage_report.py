"""Write the linkage-quality report beside the published tables that it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.published.linkage_report.page import render_linkage_report
from bcf_linkage.published.linkage_report.report_data import LinkageReportData
from bcf_linkage.storage.store import raise_on_os_error
from pipelines.publish.truth import is_truth_known
from pipelines.workspace.run_context import RunContext

FILE = "reports/linkage_quality.html"
TABLES_READ = ("linkage_quality", "linkage_summary", "linkage_differences", "linkage_sensitivity", "linkage_bounds", "linkage_provenance", "linkage_ledger")


def write_linkage_report(run: RunContext, tables: Mapping[str, pl.DataFrame]) -> Path:
    """Write the report from the published tables. Return its path. The same tables make the same bytes."""
    report_data = LinkageReportData(
        locality=run.settings.name,
        as_at=run.as_at,
        run_id=run.run_id,
        is_synthetic=is_truth_known(run),
        tables={name: tables[name].to_dicts() for name in TABLES_READ},
        rules=run.rulebook.linkage,
        rule=run.rulebook.disclosure.words,
        fields=tuple(TraceRules.build(run.as_at).by_field),
    )
    path = run.staging.published / FILE
    with raise_on_os_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render_linkage_report(report_data), encoding="utf-8")
    return path
