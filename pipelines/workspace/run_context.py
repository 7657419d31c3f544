"""The context of one run: its request, settings, rules, keys and engine, where it may write, and results that several steps share.

`run_context` makes it and every step takes it. Nothing outlives the context: no identifier in a module, no key, no process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from threading import Lock, RLock
from typing import TypeVar, cast

import polars as pl

from bcf_linkage.definitions.errors import UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.periods import Period, year_to
from bcf_linkage.definitions.rulebook import Rulebook
from bcf_linkage.definitions.sharing import SharingRules
from bcf_linkage.identifiable.vault import Key, KeyPurpose, Vault
from bcf_linkage.identifiable.vault.opt_out_lists import read_objectors
from bcf_linkage.identifiable.vault.source_lists import read_mps_answers
from bcf_linkage.storage.engine import Engine, make_engine
from bcf_linkage.storage.ledger import read_ledger
from bcf_linkage.storage.manifest import digest, digests, versions
from bcf_linkage.storage.store import Staging, Workspace, lock_workspace, stage_run
from bcf_linkage.storage.zones import refuse_open_folders
from pipelines.workspace import gates
from pipelines.workspace.audit_log import AuditEvent, EventDetails, EventKind, record_refusal, today
from pipelines.workspace.key_access import DigestUse, PseudonymMethod, keyed_digest, pseudonym_method, vault_of, workspace_project_key
from pipelines.workspace.runs import Delivery, list_deliveries
from pipelines.workspace.settings import SETTINGS_FILE, Settings, read_settings

T = TypeVar("T")

LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
"""Writes a hexadecimal digest in the letters a to p."""


@dataclass(frozen=True)
class Request:
    """A request for a run, by a person or a schedule: a path, a date and an engine, and nothing about any patient."""

    workspace: Path
    as_at: date
    engine: str = "polars"
    who: str = ""
    why: str = "scheduled refresh"


class RunCache:
    """Results that a run makes once, when a step first needs them. It is safe with several threads, and empty once it is closed."""

    def __init__(self) -> None:
        self._results: dict[Callable[[RunContext], object], object] = {}
        self._locks: dict[Callable[[RunContext], object], RLock] = {}
        self._lock_of_locks = Lock()
        self._closers = ExitStack()

    def once(self, make: Callable[[RunContext], T], run: RunContext) -> T:
        """Return what `make` returns for this run. The first call makes it, later calls return the same object."""
        with self._lock_of_locks:
            lock = self._locks.setdefault(make, RLock())
        with lock:
            if make not in self._results:
                self._results[make] = make(run)
            return cast(T, self._results[make])

    def forget(self, *makes: Callable[[RunContext], object]) -> None:
        """Drop the results of these functions. The next call makes them again."""
        for make in makes:
            self._results.pop(make, None)

    def call_on_close(self, close: Callable[[], None]) -> None:
        """Call `close` when the run ends. The last one added is called first."""
        self._closers.callback(close)

    def close(self) -> None:
        """Drop all results, and call everything that `call_on_close` was given."""
        self._results.clear()
        self._closers.close()


@dataclass(frozen=True, eq=False)
class RunContext:
    """What every step of a run takes: paths, dates, settings and rules. Only results of `once` may hold rows about people.

    `key` is the key that pseudonyms are made with, `pseudonym_method` its public description. `engine` writes the key's id to every table.
    """

    request: Request
    run_id: str
    deliveries: tuple[Delivery, ...]
    settings: Settings
    rulebook: Rulebook
    sharing: SharingRules
    today: date
    vault: Vault = field(repr=False)
    key: Key = field(repr=False)
    pseudonym_method: PseudonymMethod
    engine: Engine
    cache: RunCache = field(default_factory=RunCache, repr=False)

    def once(self, make: Callable[[RunContext], T]) -> T:
        """Return what `make` returns for this run. The first call makes it, and it is dropped when the run ends."""
        return self.cache.once(make, self)

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.request.workspace)

    @property
    def staging(self) -> Staging:
        return Staging(self.workspace, self.run_id)

    @property
    def as_at(self) -> date:
        return self.request.as_at

    @property
    def year(self) -> Period:
        """The twelve months up to the as-at date."""
        return year_to(self.as_at)

    @property
    def extracts(self) -> tuple[str, ...]:
        """The delivered extracts, the GP register first."""
        return tuple(name for name in EXTRACTS if any(delivery.extract == name for delivery in self.deliveries))

    def files(self, extract: str) -> tuple[Path, ...]:
        """Return the files of an extract's deliveries, in order of name."""
        return tuple(delivery.file for delivery in self.deliveries if delivery.extract == extract)

    def received(self, extract: str) -> Path:
        """Return the path of the pseudonymised rows of an extract."""
        return self.staging.pseudonymised / "received" / f"{extract}.parquet"

    def table(self, name: str) -> Path:
        """Return the path of a person-level table."""
        return self.staging.pseudonymised / f"{name}.parquet"


@contextmanager
def run_context(request: Request) -> Iterator[RunContext]:
    """Lock the workspace, evaluate the gates, and make a run's context and staging folders. Close everything when the block ends, with or without an error.

    The audit log records how the run began and ended. Raises UsageError for a source that may not be used, a wrong date, or a missing or
    repeated delivery; EnvironmentFault if another run is in progress.
    """
    # Without settings the folder is no workspace, and gets no audit log.
    if not (request.workspace / SETTINGS_FILE).is_file():
        read_settings(request.workspace)
    workspace = Workspace(request.workspace)
    event = AuditEvent(workspace, EventKind.RUN_REFUSED, request.why, request.who)
    with record_refusal(event) as details, lock_workspace(workspace):
        settings, day = read_settings(request.workspace), today()
        # The run has a vault of its own that fetches each key once, and drops all keys at the end.
        vault = vault_of(request.workspace, settings).holding_keys()
        decisions = gates.evaluate_gates(settings, vault, day)
        details["decisions"] = decisions
        gates.raise_on_refusals(decisions)
        deliveries = _deliveries(request, settings)
        run = build_context(request, settings, vault, day, deliveries)
        details.update(_run_details(run))
        event = event.with_details(**_run_details(run))
        try:
            with stage_run(workspace, run.run_id):
                event.record(EventKind.RUN_BEGUN, decisions=decisions)
                yield run
                event.record(EventKind.RUN_PUBLISHED, outputs=digests(workspace.published(run.run_id)), counts=_count_outcomes(run))
        finally:
            run.cache.close()
            vault.forget_keys()


def build_context(request: Request, settings: Settings, vault: Vault, day: date, deliveries: tuple[Delivery, ...], run_id: str = "") -> RunContext:
    """Return the context of a request, without lock, gates or folders. Raises EnvironmentFault for a key that is missing or is not the one in the ring."""
    root_keys = {purpose: vault.current_key(purpose) for purpose in KeyPurpose}
    sharing, method = SharingRules.build(day), pseudonym_method(vault, settings)
    if not run_id:
        list_digests = (_objections_digest(vault, settings, sharing), *_answer_digests(vault))
        run_id = _run_id(request, settings, deliveries, root_keys[KeyPurpose.PSEUDONYM].name, list_digests)
    return RunContext(
        request=request,
        run_id=run_id,
        deliveries=deliveries,
        settings=settings,
        rulebook=Rulebook.build(request.as_at, settings.disclosure),
        sharing=sharing,
        today=day,
        vault=vault,
        key=workspace_project_key(root_keys[KeyPurpose.PSEUDONYM], settings),
        pseudonym_method=method,
        engine=make_engine(request.engine, method.key),
    )


def _deliveries(request: Request, settings: Settings) -> tuple[Delivery, ...]:
    """Return the deliveries to read. Raises UsageError for a wrong date or an unusable delivery, EnvironmentFault for a folder that is open to others."""
    try:
        year_to(request.as_at)
    except ValueError as error:
        raise UsageError(str(error)) from None
    refuse_open_folders(Workspace(request.workspace))
    return tuple(list_deliveries(Workspace(request.workspace), settings))


def _objections_digest(vault: Vault, settings: Settings, sharing: SharingRules) -> str:
    """Return a digest of everybody on the opt-out lists in force. It is keyed, because a run's name is public."""
    objectors = read_objectors(vault, gates.objections_in_force(settings, sharing))
    return keyed_digest(vault, DigestUse.RUN, objectors.write_csv().encode())[0]


def _answer_digests(vault: Vault) -> Iterator[str]:
    """Yield a keyed digest of the answers of the national trace for each extract that has any."""
    for extract in EXTRACTS:
        if (answers := read_mps_answers(vault, extract)).height:
            yield keyed_digest(vault, DigestUse.RUN, f"{extract} {answers.write_csv()}".encode())[0]


def _run_id(request: Request, settings: Settings, deliveries: tuple[Delivery, ...], key_id: str, list_digests: tuple[str, ...]) -> str:
    """Return the name of the run: its as-at date, and letters from a digest of all inputs. The same inputs give the same name."""
    parts = [
        digest(request.workspace / SETTINGS_FILE),
        digest(settings.postcodes) if settings.postcodes.is_file() else "",
        versions()["definitions"],
        key_id,
        *list_digests,
        *(f"{delivery.extract}/{delivery.file.name}/{delivery.sha256}" for delivery in deliveries),
    ]
    return f"{request.as_at}-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:10].translate(LETTERS)}"


def _run_details(run: RunContext) -> EventDetails:
    """Return what every audit event about the run says."""
    settings = run.settings
    agreements = [source.agreement for source in settings.sources.values() if source.agreement]
    return {
        "run": run.run_id,
        "inputs": {f"{delivery.extract}/{delivery.file.name}": delivery.sha256 for delivery in run.deliveries},
        "basis": "; ".join(sorted({f"{settings.purpose}: {agreement.legal_basis} ({agreement.reference})" for agreement in agreements})),
        "key": run.pseudonym_method.key,
    }


def _count_outcomes(run: RunContext) -> dict[str, int]:
    """Return the number of rows by outcome."""
    return dict(read_ledger(run.workspace.audit(run.run_id)).group_by("outcome").agg(pl.col("rows").sum()).sort("outcome").iter_rows())
