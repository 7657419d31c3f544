"""Runs calls at the same time: while one runs Python, another can run in Polars or DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar, cast

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

MAX_CONCURRENT = 2
"""Calls that run at the same time. Each keeps its rows in memory."""


def run_concurrently(calls: Iterable[Callable[[], T]]) -> tuple[T, ...]:
    """Run the calls, and return their results in order.

    After the first failure no further call starts. Once the running calls have ended, raise the error of the first failed call in order.
    """
    with ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="concurrent") as executor:
        futures = [executor.submit(copy_context().run, call) for call in calls]
        try:
            return tuple(future.result() for future in futures)
        finally:
            executor.shutdown(cancel_futures=True)


def run_both(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Run two calls of different types, and return both results. Raises as `run_concurrently` does."""
    results = run_concurrently((first, second))
    return cast(tuple[A, B], results)
