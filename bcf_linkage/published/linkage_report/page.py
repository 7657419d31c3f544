"""The report as one HTML page: its sections in order."""

from __future__ import annotations

from bcf_linkage.pages.elements import html_document
from bcf_linkage.published.linkage_report import bounds, changes, errors, link_evidence, rates, sources, summary_page
from bcf_linkage.published.linkage_report.report_data import LinkageReportData


def render_linkage_report(data: LinkageReportData) -> str:
    """Render the report as HTML. The page loads nothing, runs no script, and contains published figures only."""
    parts = (
        summary_page.render_opening,
        sources.render_provenance,
        sources.render_identifiers,
        sources.render_flow,
        changes.render_changes,
        rates.render_match_rates,
        errors.render_errors,
        link_evidence.render_implausible,
        rates.render_differences,
        link_evidence.render_sensitivity,
        bounds.render_bounds,
        link_evidence.render_evidence,
        summary_page.render_thresholds,
    )
    lines = [line for part in parts for line in part(data)]
    return html_document(f"Linkage quality: {data.locality}, {data.as_at:%-d %B %Y}", [*lines, *summary_page.render_signature()])
