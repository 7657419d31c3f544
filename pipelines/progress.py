"""Who hears how far a run has come. A run tells its steps to whoever listens in its context, and to nobody if nobody does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]
"""Called with the step in words, its number and how many there are."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Within this block the listener hears every step."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(step: str, number: int, steps: int) -> None:
    """Say that a step begins."""
    if listener := _listener.get():
        listener(step, number, steps)
