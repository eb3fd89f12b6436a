"""Work beside the steps, on threads that cannot keep a process alive."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from threading import Thread
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")


def start(work: Callable[[], T], *, name: str) -> Future[T]:
    """Begin work on a thread called `name`; its result or its error is in the future.

    The threads of `ThreadPoolExecutor` are waited for when Python ends, so that a read that hangs would never let it.
    """
    future: Future[T] = Future()
    Thread(target=_do, args=(work, future), name=name, daemon=True).start()
    return future


def _do(work: Callable[[], T], future: Future[T]) -> None:
    def hand_over(kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if error is not None:
            future.set_exception(error)
        return True

    with ExitStack() as stack:
        stack.push(hand_over)
        future.set_result(work())
