"""Calls carried out side by side: while one waits for Python, another has Polars or DuckDB at work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar, cast

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

LANES = 2
"""Calls under way at a time. Each holds its rows in memory."""


def side_by_side(calls: Iterable[Callable[[], T]]) -> tuple[T, ...]:
    """What the calls give, in their order. Raises what the first in order that failed raised, once those under way have ended."""
    with ThreadPoolExecutor(LANES, thread_name_prefix="lane") as lanes:
        under_way = [lanes.submit(copy_context().run, call) for call in calls]
        try:
            return tuple(one.result() for one in under_way)
        finally:
            lanes.shutdown(cancel_futures=True)


def both(one: Callable[[], A], other: Callable[[], B]) -> tuple[A, B]:
    """What two calls of different kinds give, side by side. Raises as `side_by_side` does."""
    found = side_by_side((one, other))
    return cast(tuple[A, B], found)
