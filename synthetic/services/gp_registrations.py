"""The GP register: a row for each registration of each person who was ever on it in the window."""

from __future__ import annotations

import numpy as np
import polars as pl

from bcf_linkage.definitions.code_lists import code_list
from synthetic.lives import Lives
from synthetic.people import Standing
from synthetic.rates import Truths, figure, on
from synthetic.services.recording import coded, recorded
from synthetic.streams import stream
from synthetic.window import NEVER, day_number, iso

YES_NO = code_list("yes_no").codes[::-1]
VERIFIED = "01"


def record(lives: Lives) -> pl.DataFrame:
    """The register, by person, the earlier registration first."""
    people, changed = lives.people, lives.homes.changed
    registered = np.flatnonzero(people.on_register)
    moved = registered[changed[registered] < NEVER]
    person = np.concatenate([moved, registered])
    earlier = np.arange(len(person)) < len(moved)
    order = np.lexsort((~earlier, person))
    person, earlier = person[order].astype(np.int32), earlier[order]
    start = np.where(~earlier & (changed[person] < NEVER), changed[person], people.start[person])
    left = np.isin(people.standing[person], (Standing.MOVED_AWAY, Standing.DIED))
    end = np.where(earlier, changed[person] - 1, np.where(left, people.end[person], NEVER))
    words = lives.words[person]
    facts = pl.DataFrame(
        {
            "true_person": person,
            "gp_patient_id": np.where(earlier, words["gp_patient_id_before"], words["gp_patient_id"]),
            "nhs_number_status": coded([VERIFIED], np.zeros_like(person)),
            "residential_institute": coded(YES_NO, (people.care_home[person]).astype(np.int32)),
            "practice_code": np.where(earlier, words["practice_code_before"], words["practice_code"]),
            "registration_start_date": iso(start.astype(np.int32)),
            "registration_end_date": iso(end.astype(np.int32)),
            "named_accountable_gp": _named_gps(lives)[person],
            "type_1_opt_out": coded(YES_NO, (people.standing[person] == Standing.OBJECTING).astype(np.int32)),
        }
    )
    return recorded("gp_registrations", lives.words, facts)


def has_named_gp(lives: Lives) -> Truths:
    """Who has a named accountable GP: nearly everybody of 75 and over, once the contract asks for it."""
    rng = stream(lives.seed, "named GP")
    asked = lives.window.last >= day_number(on("care_plans.begin"))
    old = (lives.people.age >= figure("care_plans.named_gp_from_age")) & lives.people.on_register
    truths: Truths = old & asked & (rng.random(len(old)) < figure("care_plans.named_gp"))
    return truths


def _named_gps(lives: Lives) -> pl.Series:
    """The code of each person's accountable GP, one of some six of the practice."""
    number = 9_000_000 + lives.homes.practice * 10 + np.arange(len(lives.people)) % 6
    codes = "G" + pl.Series(number).cast(pl.String)
    return codes.set(pl.Series(~has_named_gp(lives)), None)
