"""Processes as owners of something in a shared folder, and whether they are gone."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Owner:
    """A process of a host. `began` tells it from a later process with the same number."""

    host: str
    process: int
    began: str

    @classmethod
    def here(cls) -> Self:
        """Return this process."""
        return cls(_host(), os.getpid(), _began(os.getpid()))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` gave; a text that is none gives an owner that is never known to be gone."""
        match = re.fullmatch(r"(.+)-(\d+)-(\d*)", text)
        return cls(match[1], int(match[2]), match[3]) if match else cls("", 0, "")

    def __str__(self) -> str:
        return f"{self.host}-{self.process}-{self.began}"

    @property
    def is_gone(self) -> bool:
        """Whether it is known to have ended: it was on this host, and no such process is here."""
        return self.host == _host() and _began(self.process) != self.began


@cache
def _host() -> str:
    # Dots separate the parts of file names.
    return socket.gethostname().replace(".", "_") or "host"


def _began(process: int) -> str:
    """Return when a process began, in clock ticks since the machine did; nothing if it has ended."""
    try:
        # The name, in brackets, may hold spaces; the state comes next, and 19 fields on the start.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
