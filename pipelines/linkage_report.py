"""Step that writes the linkage-quality report beside the published tables that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from bcf_linkage.definitions.trace_rules import TraceRules
from bcf_linkage.published.linkage_report.page import page
from bcf_linkage.published.linkage_report.told import Told
from bcf_linkage.storage.store import or_refused
from pipelines.runs import Run
from pipelines.truth import is_known

FILE = "reports/linkage_quality.html"
READ = ("linkage_quality", "linkage_summary", "linkage_differences", "linkage_sensitivity", "linkage_bounds", "linkage_provenance", "linkage_ledger")


def write_report(run: Run, tables: Mapping[str, pl.DataFrame]) -> Path:
    """Write the report of the run's published tables; gives back its path. The same tables make the same bytes."""
    told = Told(
        locality=run.settings().name,
        as_at=run.as_at,
        run_id=run.run_id,
        made_up=is_known(run),
        tables={name: tables[name].to_dicts() for name in READ},
        rules=run.rulebook().linkage,
        rule=run.rulebook().disclosure.words,
        fields=tuple(TraceRules.build(run.as_at).by_field),
    )
    path = run.staging.published / FILE
    with or_refused(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(told), encoding="utf-8")
    return path
