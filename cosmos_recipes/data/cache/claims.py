"""Who does which part of a work that several processes share: a lease is a file that one of them could create.

A claim only saves work. Two processes that believe to hold the same one, as after a machine was suspended, make the same
entries, and the second copy is never looked at.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cosmos_recipes.data.cache.store import fail_to_write
from cosmos_recipes.data.owners import Owner

BEAT_S = 5.0
SILENT_S = 60.0
"""A lease that shows no sign of life for so long, by the clock of the one who watches it, is taken over."""


class Claims:
    """The leases in a folder; without a folder there are none, and every claim is granted."""

    def __init__(self, folder: Path | None, *, silent_s: float = SILENT_S) -> None:
        self.folder, self.silent_s = folder, silent_s
        self._seen: dict[str, tuple[int, float]] = {}

    @contextmanager
    def claim(self, work: str) -> Iterator[bool]:
        """Hold the lease of a work within the block; yields whether it could be had.

        Raises:
            RecipeError: the disk is full, or refuses to be written to (CR584).
        """
        if self.folder is None:
            yield True
            return
        lease = self.folder / work
        descriptor = _create(lease)
        if descriptor is None and self._is_dead(lease):
            lease.unlink(missing_ok=True)
            descriptor = _create(lease)
        if descriptor is None:
            yield False
            return
        with _beating(descriptor):
            try:
                yield True
            finally:
                _release(lease, descriptor)

    def _is_dead(self, lease: Path) -> bool:
        try:
            beat_ns, owner = lease.stat().st_mtime_ns, Owner.parse(lease.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return True
        now_s = time.monotonic()
        known_ns, since_s = self._seen.get(lease.name, (0, now_s))
        if known_ns != beat_ns:
            since_s = now_s
        self._seen[lease.name] = (beat_ns, since_s)
        return owner.is_gone or now_s - since_s >= self.silent_s


def _create(lease: Path) -> int | None:
    try:
        lease.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lease, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        os.write(descriptor, str(Owner.here()).encode())
    except FileExistsError:
        return None
    except OSError as error:
        fail_to_write(str(lease.parent), error)
    return descriptor


@contextmanager
def _beating(descriptor: int) -> Iterator[None]:
    """Renew the time of the lease while the block runs; the file may have been taken over, and then nobody is disturbed."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_S):
            with suppress(OSError):
                os.utime(descriptor)

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        os.close(descriptor)


def _release(lease: Path, descriptor: int) -> None:
    with suppress(FileNotFoundError):
        if os.path.samestat(lease.stat(), os.fstat(descriptor)):
            lease.unlink()
