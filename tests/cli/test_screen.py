"""The progress is one live line on a terminal and a few plain lines elsewhere."""

from __future__ import annotations

import io

import pytest

from cosmos_recipes.cli.screen import Screen, duration


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_one_line_that_changes_and_ends_whole() -> None:
    stream = Terminal()
    screen = Screen(stream)
    screen.begin("train", 2, 5)
    screen("loss 0.5, step", 3, 10)
    screen.end("10 steps")
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "[2/5] train    loss 0.5, step 3/10" in text
    assert "[2/5] train    10 steps (" in text.rpartition("\r\x1b[2K")[2]


def test_a_pipe_sees_no_control_characters_and_no_flood() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.begin("train", 2, 5)
    for step in range(1000):
        screen("step", step, 1000)
    screen.end("1000 steps")
    screen.close()
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().isprintable() or "\x1b" not in stream.getvalue()


def test_closing_removes_the_live_line() -> None:
    stream = Terminal()
    screen = Screen(stream)
    screen.begin("train", 2, 5)
    screen.close()
    assert stream.getvalue().endswith("\r\x1b[2K")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_a_length_of_time_is_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said
