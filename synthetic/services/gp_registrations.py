"""The GP register: one row per registration of each person who was registered at any time in the window."""

from __future__ import annotations

import numpy as np
import polars as pl

from bcf_linkage.definitions.code_lists import code_list
from synthetic.lives import Lives
from synthetic.people import Standing
from synthetic.rates import Booleans, figure, figure_date
from synthetic.services.extract_format import format_extract, select_codes
from synthetic.streams import stream
from synthetic.window import NEVER, epoch_day, iso_dates

YES_NO = code_list("yes_no").codes[::-1]
VERIFIED = "01"


def record(lives: Lives) -> pl.DataFrame:
    """Return the register, one row per person and registration, by person, the earlier registration first."""
    people, practice_change_day = lives.people, lives.homes.practice_change_day
    registered = np.flatnonzero(people.on_register)
    moved = registered[practice_change_day[registered] < NEVER]
    person = np.concatenate([moved, registered])
    earlier = np.arange(len(person)) < len(moved)
    order = np.lexsort((~earlier, person))
    person, earlier = person[order].astype(np.int32), earlier[order]
    start = np.where(~earlier & (practice_change_day[person] < NEVER), practice_change_day[person], people.start[person])
    left = np.isin(people.standing[person], (Standing.MOVED_AWAY, Standing.DIED))
    end = np.where(earlier, practice_change_day[person] - 1, np.where(left, people.end[person], NEVER))
    words = lives.identifiers[person]
    facts = pl.DataFrame(
        {
            "true_person": person,
            "gp_patient_id": np.where(earlier, words["gp_patient_id_before"], words["gp_patient_id"]),
            "nhs_number_status": select_codes([VERIFIED], np.zeros_like(person)),
            "residential_institute": select_codes(YES_NO, (people.care_home[person]).astype(np.int32)),
            "practice_code": np.where(earlier, words["practice_code_before"], words["practice_code"]),
            "registration_start_date": iso_dates(start.astype(np.int32)),
            "registration_end_date": iso_dates(end.astype(np.int32)),
            "named_accountable_gp": _named_gps(lives)[person],
            "type_1_opt_out": select_codes(YES_NO, (people.standing[person] == Standing.OBJECTING).astype(np.int32)),
        }
    )
    return format_extract("gp_registrations", lives.identifiers, facts)


def has_named_gp(lives: Lives) -> Booleans:
    """Return who has a named accountable GP: nearly everybody of 75 and over, once the contract requires it."""
    rng = stream(lives.seed, "named GP")
    contract_applies = lives.window.last >= epoch_day(figure_date("care_plans.begin"))
    old = (lives.people.age >= figure("care_plans.named_gp_from_age")) & lives.people.on_register
    flags: Booleans = old & contract_applies & (rng.random(len(old)) < figure("care_plans.named_gp"))
    return flags


def _named_gps(lives: Lives) -> pl.Series:
    """Return the code of each person's accountable GP, one of six per practice; null for people without one."""
    number = 9_000_000 + lives.homes.practice * 10 + np.arange(len(lives.people)) % 6
    codes = "G" + pl.Series(number).cast(pl.String)
    return codes.set(pl.Series(~has_named_gp(lives)), None)
