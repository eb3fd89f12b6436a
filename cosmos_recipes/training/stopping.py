"""How a process that was told to stop ends, so that whoever started it knows whether to start it again."""

from __future__ import annotations

import signal

SAVE_S = 600
"""Seconds that processes have to finish their step and save; schedulers have limits of their own."""
STOPPED = 75
"""The exit code of what was stopped by SIGTERM and goes on when it is started again (`EX_TEMPFAIL` of sysexits.h)."""


def exit_code(number: int) -> int:
    """Return the exit code of a process that a signal ended: 75 for SIGTERM, which schedulers send; 130 for Ctrl-C."""
    return STOPPED if number == signal.SIGTERM else 128 + number
