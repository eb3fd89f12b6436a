"""A folder in which strangers' files are read, and what no command may do there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.safety import attacks, forked
from tests.safety.forked import Outcome

FINE = {0, 2, 3, 4, 5, 6}
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_OUTSIDE = (attacks.CANARY.encode(), b"root:x:0:", b"PATH=/")


class Room:
    """A folder to be attacked in, with a secret outside of it and a server that nobody may ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        attacks.plant(folder)
        self.before = self._outside()
        self.nobody = attacks.Nobody()

    def run(self, *arguments: str) -> Outcome:
        """Run a command here."""
        home = str(self.folder.parent / "outside")
        environment = {attacks.VARIABLE: attacks.CANARY, "HOME": home, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        return forked.command(arguments, folder=self.folder, environment=environment)

    def complaints(self, outcome: Outcome) -> Iterator[str]:
        """Yield what a command did that it may not do."""
        if outcome.code not in FINE or b"Traceback" in outcome.output:
            yield f"ended with {outcome.code}: {outcome.text[-600:]}"
        if outcome.seconds > forked.SLOWEST_S or outcome.grown_bytes > forked.MOST_BYTES:
            yield f"took {outcome.seconds:.0f} s and {outcome.grown_bytes / 1e6:.0f} MB"
        if found := _CONTROL.search(outcome.output):
            yield f"wrote the control {found[0]!r}"
        if any(secret in outcome.output for secret in _OUTSIDE):
            yield f"showed what is outside: {outcome.text[-600:]}"
        if any(token.encode() in outcome.output for token in attacks.TOKENS):
            yield f"repeated a secret: {outcome.text[-300:]}"
        if self.nobody.was_asked():
            yield "connected to a server"
        if self._outside() != self.before:
            yield "wrote outside"

    def _outside(self) -> list[str]:
        return sorted(
            str(path)
            for path in self.folder.parent.rglob("*")
            if not path.is_relative_to(self.folder) and path.suffix != ".output"
        )


def assert_none(complaints: Iterable[str]) -> None:
    found = list(complaints)
    assert not found, "\n\n".join(found)
