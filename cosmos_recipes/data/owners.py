"""Processes as owners of what they write in a shared folder, and whether they are gone."""

from __future__ import annotations

import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

PART = ".part"
FORGOTTEN_S = 24 * 3600
"""After that, what another machine began to write is taken for left behind."""


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


@contextmanager
def part_in(folder: Path) -> Iterator[Path]:
    """Yield a name in the folder to write a file under; it is gone after the block, unless it was given another name."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{Owner.here()}.{uuid.uuid4().hex}{PART}"
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove from the folder what processes that are gone left half written."""
    for part in folder.glob(f".*{PART}*"):
        with suppress(FileNotFoundError):
            if Owner.parse(part.name.split(".")[1]).is_gone or time.time() - part.stat().st_mtime > FORGOTTEN_S:
                part.unlink()


@cache
def _host() -> str:
    """Return the name of this machine and what is its own: names repeat, and each container counts processes anew."""
    kernel, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    booted = kernel.read_text().partition("-")[0] if kernel.exists() else ""
    counted = namespace.readlink().name.strip("pid:[]") if namespace.is_symlink() else ""
    # Dots separate the parts of file names.
    return f"{socket.gethostname()}-{booted}-{counted}".replace(".", "_")


def _began(process: int) -> str:
    """Return when a process began, in clock ticks since the machine did; nothing if it has ended."""
    try:
        # The name, in brackets, may hold spaces; the state comes next, and 19 fields on the start.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
