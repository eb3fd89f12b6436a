"""What a person sees while something runs: one live line on a terminal, plain lines otherwise."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

import typer

if TYPE_CHECKING:
    from cosmos_recipes.scaffold import Scaffold

from cosmos_recipes.diagnostics.terminal import ERASE
from cosmos_recipes.diagnostics.words import visible

REDRAW_S = 0.1
PLAIN_LINE_S = 10.0


class Screen:
    """Shows the progress of a run, stage by stage. Nothing is shown more often than a person can read it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.stage = ""
        self.began_s = self.shown_s = time.monotonic()
        self.drawn = False

    def begin(self, stage: str, number: int, of: int) -> None:
        """Name the stage; on a terminal the line stays open until something happens in it."""
        self.stage = f"[{number}/{of}] {stage:<8}"
        self.began_s, self.shown_s = time.monotonic(), 0.0 if self.live else time.monotonic()
        if self.live:
            self._draw(self.stage)

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how far the stage is; on plain output every ten seconds."""
        now_s = time.monotonic()
        if now_s - self.shown_s < (REDRAW_S if self.live else PLAIN_LINE_S):
            return
        self.shown_s = now_s
        text = f"{self.stage} {what} {done}/{total}" if total else f"{self.stage} {what}"
        text = text.lstrip()
        self._draw(text) if self.live else self._line(text)

    def end(self, outcome: str) -> None:
        """Close the stage's line with its outcome and the time that it took."""
        self._line(f"{self.stage} {outcome} ({duration(time.monotonic() - self.began_s)})")

    def note(self, text: str) -> None:
        """Write a line of its own."""
        self._line(text)

    def close(self) -> None:
        """Leave the terminal as it was: the live line is removed."""
        if self.drawn:
            self.stream.write(ERASE)
            self.stream.flush()
            self.drawn = False

    def _draw(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self.stream.write(ERASE)
        self.stream.write(visible(text)[:width])
        self.stream.flush()
        self.drawn = True

    def _line(self, text: str) -> None:
        self.close()
        self.stream.write(text + "\n")
        self.stream.flush()


def duration(seconds: float) -> str:
    """Return a length of time as people say it: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def told(scaffold: Scaffold) -> None:
    """Write the files of a scaffold, and say which, and what comes next."""
    scaffold.write()
    typer.echo("\n".join([*(f"Wrote {path}" for path in scaffold.files), *next_commands(*scaffold.then)]))


def next_commands(*commands: str) -> Iterator[str]:
    """Yield lines that say which commands come next."""
    yield "Next:"
    yield from (f"  {command}" for command in commands)
