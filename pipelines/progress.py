"""Who hears how far a run has come. A run tells its steps to whoever listens in its context, and to nobody if nobody does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import Any

from bcf_linkage.definitions.extracts import EXTRACTS

Listener = Callable[[str, int, int], None]
"""Called with the step in words, its number and how many there are."""

_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Within this block the listener hears every step, beside those who listen already: a screen, and Prefect."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


def tell(step: str, number: int, steps: int) -> None:
    """Say that a step begins."""
    for listener in _listeners.get():
        listener(step, number, steps)


def in_words(step: Callable[..., Any], *arguments: Any) -> str:
    """A step's name in words: `receive_extract` of outpatients is "receive outpatients". No other argument is told."""
    extract = next((argument for argument in arguments if isinstance(argument, str) and argument in EXTRACTS), None)
    words = step.__name__.replace("_", " ")
    return words if extract is None else f"{words.removesuffix(' extract')} {extract}"


def telling(perform: Callable[..., Any], steps: int) -> Callable[..., Any]:
    """The same way of performing, telling each step before it begins."""
    numbers = count(1)

    def perform_and_tell(step: Callable[..., Any], *arguments: Any) -> Any:
        tell(in_words(step, *arguments), next(numbers), steps)
        return perform(step, *arguments)

    return perform_and_tell
