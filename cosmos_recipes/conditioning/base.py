"""What a conditioning head says of itself, without importing torch: the compiler reads it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from torch import nn


class TextSettings(Protocol):
    """The context that the backbone's cross-attention takes: (length, width) per clip."""

    length: int
    width: int


class Head(Protocol):
    """A conditioning head.

    The module that `build` returns has `collate(rows) -> Control` and `null(batch) -> Control`, where a Control is a
    dict of batch-first tensors, and `forward(control)`, which returns extra arguments of the transformer. It starts as
    a no-op: at step 0 the model's output equals the base's bit for bit.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    task: ClassVar[str]
    schema: ClassVar[str]
    families: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[str, ...]]
    """The columns of the schema that are the control; none for a head without one."""

    def build(self, text: TextSettings) -> nn.Module:
        """Return the trainable part."""
        ...


@cache
def heads() -> dict[str, Head]:
    """Return every installed head by name."""
    found = sorted(entry_points(group="cosmos_recipes.heads"), key=lambda entry: entry.name)
    return {entry.name: entry.load()() for entry in found}


def head(name: str) -> Head:
    """Return the head of that name; raises KeyError."""
    return heads()[name]


def head_names() -> tuple[str, ...]:
    """Return the names of all installed heads."""
    return tuple(heads())
