"""The whole story of a run, in one screen. It is the same story whether Prefect watches it or not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from pipelines import deliveries, progress, publish, registering, runs, stratify
from pipelines.lanes import side_by_side
from pipelines.runs import Request
from pipelines.summary import Summary

T = TypeVar("T")

__all__ = ["Perform", "Request", "plainly", "refresh"]


class Perform(Protocol):
    """How a step is carried out: plainly, or as a Prefect task with its retries."""

    def __call__(self, step: Callable[..., T], *arguments: Any) -> T: ...


def plainly(step: Callable[..., T], *arguments: Any) -> T:
    """Carry out a step by calling it."""
    return step(*arguments)


def refresh(request: Request, perform: Perform = plainly) -> Summary:
    """Run the river for one period and publish it whole. Raises a Refusal and leaves the previous publication as it was.

    Every step takes the run (paths and dates) and small summaries, and leaves its frames in the run's staging folders.
    """
    with runs.opened(request) as run:
        perform = progress.telling(perform, steps=len(run.extracts) + 8)
        register, *others = (partial(perform, deliveries.receive_extract, run, extract) for extract in run.extracts)
        # Every other extract is traced against the register.
        received = (register(), *side_by_side(others))
        perform(deliveries.judge, run)
        perform(deliveries.balance, run, received)
        perform(stratify.link, run)
        perform(registering.register_people, run)
        perform(stratify.stratify, run)
        perform(publish.count, run, received)
        perform(publish.seal, run, received)
        summary: Summary = perform(publish.publish, run, received)
        return summary
