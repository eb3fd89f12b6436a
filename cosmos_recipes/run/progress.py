"""What a run tells whoever watches it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Watches a run. Calling it says how far the current stage is: what is being done, units done, units in all."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say how far the current stage is."""
        ...

    def begin(self, stage: str, number: int, of: int) -> None:
        """Say that a stage begins; stages are numbered from 1."""
        ...

    def end(self, outcome: str) -> None:
        """Say how the current stage ended, in a few words."""
        ...

    def note(self, text: str) -> None:
        """Say something that a person should know, in one line."""
        ...


class Silent:
    """Watches and says nothing."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say nothing."""

    def begin(self, stage: str, number: int, of: int) -> None:
        """Say nothing."""

    def end(self, outcome: str) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""
