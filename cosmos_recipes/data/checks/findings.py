"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from cosmos_recipes.data.checks.batch import Batch
    from cosmos_recipes.data.checks.facts import Facts

Severity = Literal["error", "warning"]
Looks = Literal["metadata", "numbers", "media"]
"""What a rule looks at: names, texts, splits and times; columns of numbers; pictures and files."""


class Named(Protocol):
    """What is known of a recording, as far as a finding tells it."""

    @property
    def name(self) -> str:
        """The recording's name."""

    @property
    def file(self) -> str:
        """The file of its first view."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong. `recording` is empty where it is the data set as a whole; `row` counts from 0.

    `message` is a sentence that names the recording.
    """

    recording: str = ""
    row: int | None = None
    file: str = ""
    message: str
    expected: str
    found: str
    hint: str

    @classmethod
    def about(cls, recording: Named, message: str, *, row: int | None = None, **texts: str) -> Finding:
        """Return what was found in a recording; `{}` in the message is its name, `texts` are the other fields."""
        message = message.format(recording.name)
        return cls(recording=recording.name, row=row, file=recording.file, message=message, **texts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule: `of_rows` looks at some recordings at a time, `of_all` at what is known of all of them in the end."""

    code: str
    name: str
    severity: Severity
    looks_at: Looks
    of_rows: Callable[[Batch], Iterator[Finding]] | None = None
    of_all: Callable[[Facts], Iterator[Finding]] | None = None
