"""The report as one page."""

from __future__ import annotations

from bcf_linkage.pages.elements import document
from bcf_linkage.published.linkage_report import bounds, changes, errors, opening, rates, sources
from bcf_linkage.published.linkage_report.told import Told


def page(told: Told) -> str:
    """The report as HTML. It loads nothing, runs no script, and holds published figures only."""
    parts = (
        opening.opening,
        sources.provenance,
        sources.identifiers,
        sources.flow,
        changes.changes,
        rates.match_rates,
        errors.errors,
        errors.implausible,
        rates.differences,
        errors.sensitivity,
        bounds.bounds,
        errors.basis,
        opening.thresholds,
    )
    lines = [line for part in parts for line in part(told)]
    return document(f"Linkage quality: {told.locality}, {told.as_at:%-d %B %Y}", [*lines, *opening.signature()])
