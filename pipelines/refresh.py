"""The steps of a run, in order. They are the same with Prefect and without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

from pipelines import stratify
from pipelines.publish import publish
from pipelines.receive import deliveries, reidentification_register
from pipelines.support.concurrency import run_concurrently
from pipelines.support.progress import StepRunner, with_progress
from pipelines.workspace.run_context import Request, run_context
from pipelines.workspace.summary import Summary

T = TypeVar("T")

__all__ = ["RECEIVE", "STEPS", "Request", "Step", "refresh", "run_directly"]


@dataclass(frozen=True)
class Step:
    """One step of a run: its name, its function, and the label that a screen and Prefect show."""

    name: str
    function: Callable[..., object]
    label: str


RECEIVE = Step("receive", deliveries.receive_extract, "read, check and trace {extract}")
"""Runs once for each extract: the GP register first, because the others are traced against it, then the others two at a time."""

STEPS = (
    Step("balance", deliveries.balance_ledger, "check that every row is accounted for"),
    Step("link", stratify.build_person_tables, "link records to people"),
    Step("register", reidentification_register.write_reidentification_register, "seal the re-identification register"),
    Step("stratify", stratify.stratify_people, "stratify people by cost and risk"),
    Step("count", publish.build_published_tables, "count cohorts and protect small numbers"),
    Step("seal", publish.write_run_manifest, "write the manifest"),
    Step("publish", publish.publish_run, "publish"),
)
"""The steps after receiving, in order. Each takes the run's context and writes its results to the run's staging folders."""


def run_directly(label: str, step: Callable[[], T]) -> T:
    """Run a step by calling it."""
    return step()


def refresh(request: Request, run_step: StepRunner = run_directly) -> Summary:
    """Run every step for one period, and publish the results together.

    Raises a BcfError for anything that fails. Then the previous publication stays as it is.
    """
    with run_context(request) as run:
        run_step = with_progress(run_step, steps=len(run.extracts) + len(STEPS))
        receive_register, *receive_others = (
            partial(run_step, RECEIVE.label.format(extract=extract), partial(RECEIVE.function, run, extract)) for extract in run.extracts
        )
        receive_register()
        run_concurrently(receive_others)
        *_, summary = [run_step(step.label, partial(step.function, run)) for step in STEPS]
        return cast(Summary, summary)
