"""What a person sees while training, and what NeMo, Lightning and their libraries print, out of the way."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cosmos_recipes.diagnostics.terminal import ERASE
from cosmos_recipes.diagnostics.words import visible

Progress = Callable[[str, int, int], None]
"""Says what is being done, how much of it is done, and of how much."""

REDRAW_S = 0.1
PLAIN_LINE_S = 5.0


class Line:
    """One live line on a terminal; where the output is piped, a plain line every few seconds and at the end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.every_s = REDRAW_S if self.live else PLAIN_LINE_S
        self.shown_s = float("-inf")

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how far training is."""
        now_s = time.monotonic()
        if now_s - self.shown_s < self.every_s and done < total:
            return
        self.shown_s = now_s
        text = f"train  {what} {done}/{total}"
        if self.live:
            self.stream.write(ERASE)
            text = visible(text)[: shutil.get_terminal_size().columns - 1]
        self.stream.write(text + ("\n" if done == total or not self.live else ""))
        self.stream.flush()


class Pace:
    """Turns steps and their times into words: loss, speed, share of time spent waiting for data, time left."""

    def __init__(self, *, first_step: int, steps: int) -> None:
        self.step, self.steps = first_step, steps
        self.time_s, self.wait_s = time.monotonic(), 0.0
        self.step_s: float | None = None
        self.wait_share = 0.0

    def words(self, step: int, loss: float, wait_s: float) -> str:
        """Return a line about the last steps; `wait_s` is the total wait so far."""
        now_s = time.monotonic()
        passed_s = now_s - self.time_s
        recent_s = passed_s / max(1, step - self.step)
        # A moving average, so that the time left does not jump about.
        self.step_s = recent_s if self.step_s is None else 0.7 * self.step_s + 0.3 * recent_s
        self.wait_share = (wait_s - self.wait_s) / passed_s if passed_s else 0.0
        self.step, self.time_s, self.wait_s = step, now_s, wait_s
        left_s = self.step_s * (self.steps - step)
        speed = f"{1 / self.step_s:.3g} steps/s" if self.step_s < 1 else f"{self.step_s:.3g} s/step"
        return f"loss {loss:.4f}, {speed}, data wait {self.wait_share:.0%}, {_duration(left_s)} left, step"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


class Quiet:
    """Sends this process's output, from Python and from libraries alike, to a file, except inside `loud()`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._console: tuple[int, int] | None = None
        self._log = -1

    def __enter__(self) -> Quiet:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._log = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._console = os.dup(1), os.dup(2)
        self._point(self._log, self._log)
        return self

    def __exit__(self, *_: object) -> None:
        if self._console is not None:
            self._point(*self._console)
            for descriptor in (*self._console, self._log):
                os.close(descriptor)
            self._console = None

    @contextmanager
    def loud(self) -> Iterator[None]:
        """Let output through to where it went before."""
        if self._console is None:
            yield
            return
        self._point(*self._console)
        try:
            yield
        finally:
            self._point(self._log, self._log)

    def _point(self, out: int, error: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(out, 1)
        os.dup2(error, 2)
