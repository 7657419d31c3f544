"""Steps in the pseudonymised zone: link received rows to people, and stratify the people by need."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.periods import window_to
from bcf_linkage.pseudonymised.activity import build_activity
from bcf_linkage.pseudonymised.care import build_care
from bcf_linkage.pseudonymised.contacts import REGISTER, build_contacts
from bcf_linkage.pseudonymised.costs import build_costs
from bcf_linkage.pseudonymised.extracts import add_missing_extracts
from bcf_linkage.pseudonymised.people import build_people
from bcf_linkage.pseudonymised.spells import build_spells
from bcf_linkage.pseudonymised.strata import build_strata
from bcf_linkage.pseudonymised.transfers import build_transfers
from bcf_linkage.storage.engine import Engine
from pipelines.support.concurrency import run_both
from pipelines.workspace.run_context import RunContext


def scan_received(run: RunContext, engine: Engine) -> dict[str, nw.LazyFrame]:
    """Scan the received rows of each delivered extract, pseudonymised: one row per kept row of a delivery."""
    return {extract: engine.scan(run.received(extract)) for extract in run.extracts}


def build_person_tables(run: RunContext) -> None:
    """Build `contacts`, `people`, `spells`, `activity`, `costs` and `transfers` from the received rows, and write them to the staging folder."""
    engine, rules, window = run.engine, run.rulebook, window_to(run.as_at)
    shared = scan_received(run, engine)
    received = add_missing_extracts(shared)

    def write_people() -> None:
        engine.write(build_contacts(shared), run.table("contacts"))
        engine.write(build_people(received[REGISTER], engine.scan(run.table("contacts")), run.as_at, rules.bands.ages), run.table("people"))

    def write_activity() -> None:
        engine.write(build_spells(received, run.as_at, rules.ambulatory), run.table("spells"))
        stays = engine.scan(run.table("spells"))
        engine.write(build_activity(received, stays, rules.prices, window), run.table("activity"))
        engine.write(build_costs(engine.scan(run.table("activity")), run.year), run.table("costs"))
        engine.write(build_transfers(received, stays, window), run.table("transfers"))

    # Neither reads a table that the other writes.
    run_both(write_people, write_activity)


def stratify_people(run: RunContext) -> None:
    """Build one row per person in `strata` (cost, band, risk) and in `care` (care plans, professionals, conditions), and write them."""
    engine, rules = run.engine, run.rulebook
    people = engine.scan(run.table("people"))
    engine.write(build_strata(people, engine.scan(run.table("costs")), rules.bands), run.table("strata"))
    engine.write(build_care(people, add_missing_extracts(scan_received(run, engine)), rules.clinical_codes, run.year), run.table("care"))
