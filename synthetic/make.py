"""A fictional locality, from its people to the files that its services would send."""

from __future__ import annotations

import polars as pl

from synthetic.lives import Lives
from synthetic.services import emergency_care, gp_events, gp_registrations, hospital_admissions, outpatients
from synthetic.services.spells import spells


def observed(lives: Lives) -> dict[str, pl.DataFrame]:
    """What each service recorded of the people, without faults."""
    stays = spells(lives)
    method = hospital_admissions.methods(lives, stays)
    return {
        "gp_registrations": gp_registrations.record(lives),
        "gp_events": gp_events.record(lives),
        "hospital_admissions": hospital_admissions.record(lives, stays, method),
        "emergency_care": emergency_care.record(lives, stays, method),
        "outpatients": outpatients.record(lives, stays),
    }
