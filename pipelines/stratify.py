"""Steps in the pseudonymised zone: from received rows to one row a person, what they used, and where they stand."""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions.periods import window_to
from bcf_linkage.pseudonymised.activity import activity
from bcf_linkage.pseudonymised.care import care
from bcf_linkage.pseudonymised.contacts import REGISTER, contacts
from bcf_linkage.pseudonymised.costs import costs
from bcf_linkage.pseudonymised.extracts import complete
from bcf_linkage.pseudonymised.link import people
from bcf_linkage.pseudonymised.spells import spells
from bcf_linkage.pseudonymised.strata import strata
from bcf_linkage.pseudonymised.transfers import transfers
from bcf_linkage.storage.engine import Engine, engine_named
from pipelines.lanes import both
from pipelines.runs import Run


def received_rows(run: Run, engine: Engine) -> dict[str, nw.LazyFrame]:
    """The rows that were kept of each extract that is shared, pseudonymised."""
    return {extract: engine.scan(run.received(extract)) for extract in run.extracts}


def link(run: Run) -> None:
    """Received rows to `contacts`, `people`, `spells`, `activity`, `costs` and `transfers`."""
    engine, rules, window = engine_named(run.request.engine, run.pseudonyms.key), run.rulebook(), window_to(run.as_at)
    shared = received_rows(run, engine)
    received = complete(shared)

    def who() -> None:
        engine.write(contacts(shared), run.table("contacts"))
        engine.write(people(received[REGISTER], engine.scan(run.table("contacts")), run.as_at, rules.bands.ages), run.table("people"))

    def what() -> None:
        engine.write(spells(received, run.as_at, rules.ambulatory), run.table("spells"))
        stays = engine.scan(run.table("spells"))
        engine.write(activity(received, stays, rules.prices, window), run.table("activity"))
        engine.write(costs(engine.scan(run.table("activity")), run.year), run.table("costs"))
        engine.write(transfers(received, stays, window), run.table("transfers"))

    both(who, what)


def stratify(run: Run) -> None:
    """`people` and `costs` to `strata` (cost, band, risk) and `care` (plans, professionals, conditions)."""
    engine, rules = engine_named(run.request.engine, run.pseudonyms.key), run.rulebook()
    persons = engine.scan(run.table("people"))
    engine.write(strata(persons, engine.scan(run.table("costs")), rules.bands), run.table("strata"))
    engine.write(care(persons, complete(received_rows(run, engine)), rules.clinical_codes, run.year), run.table("care"))
