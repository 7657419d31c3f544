"""Progress of a run: it announces each step to the listeners of its context, if there are any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import Protocol, TypeVar

T = TypeVar("T")


class StepRunner(Protocol):
    """Runs a step: calls it, or makes it a Prefect task with retries. The label describes the step."""

    def __call__(self, label: str, step: Callable[[], T]) -> T: ...


Listener = Callable[[str, int, int], None]
"""Is called with the label of a step, its number from 1, and the number of steps."""

_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


@contextmanager
def subscribe(listener: Listener) -> Iterator[None]:
    """Call the listener at every step of the block, as well as earlier listeners, such as a screen and Prefect."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


def announce(step: str, number: int, steps: int) -> None:
    """Call every listener as a step begins."""
    for listener in _listeners.get():
        listener(step, number, steps)


def with_progress(run_step: StepRunner, steps: int) -> StepRunner:
    """Return a runner that announces each step before it runs it."""
    numbers = count(1)

    def run_and_announce(label: str, step: Callable[[], T]) -> T:
        announce(label, next(numbers), steps)
        return run_step(label, step)

    return run_and_announce
