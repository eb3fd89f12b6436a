"""The one gate to a terminal: whatever a stranger's file, table or file name holds, it cannot steer what people see."""

from __future__ import annotations

import io
import sys

from cosmos_recipes.diagnostics.words import shown


class Control(str):
    """A text of this program's own that may steer a terminal: colours, and the redrawn line of progress."""

    __slots__ = ()


ERASE = Control("\r\x1b[2K")
"""Goes back to the beginning of the line and clears it."""


class Guarded(io.TextIOWrapper):
    """A stream of text whose controls, direction marks and characters of no width are shown as escapes.

    Lines and tabs stay, and so does the first `\\r` of a text on a terminal, with which libraries redraw a line.
    """

    def write(self, text: str) -> int:
        """Write a text as `shown`, or a `Control` as it is; return how many characters of it there were."""
        if isinstance(text, Control):
            super().write(text)
        elif text.startswith("\r") and self.isatty():
            super().write("\r" + shown(text[1:]))
        else:
            super().write(shown(text))
        return len(text)


def guard() -> None:
    """Let everything that this process writes as text pass the gate."""
    sys.stdout, sys.stderr = _guarded(sys.stdout), _guarded(sys.stderr)


def _guarded(stream: object) -> Guarded:
    assert isinstance(stream, io.TextIOWrapper), "standard output and error are streams of text"
    if isinstance(stream, Guarded):
        return stream
    encoding, by_line = stream.encoding, stream.line_buffering
    return Guarded(stream.detach(), encoding=encoding, errors="backslashreplace", line_buffering=by_line)
