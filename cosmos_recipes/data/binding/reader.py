"""What reads a column: its values of a whole recording once, in canonical form, and those of its clips.

Legend: N clips, V views, R rows, T frames, S steps between them, A numbers of a row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.binding.spec import ColumnBinding
from cosmos_recipes.data.binding.window import Windows
from cosmos_recipes.data.contract import Column
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.diagnostics import fail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Views:
    """The views that are used, by the source's names, and all that it has, in its order.

    `said` are those that are used in the order in which the data set names them, and what is listed for each of them.
    """

    used: tuple[str, ...]
    all: tuple[str, ...]
    said: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reader(ABC):
    """Reads the column `name`."""

    name: str
    column: Column
    binding: ColumnBinding

    @abstractmethod
    def read(self, recording: Recording, views: Views) -> Any:
        """Return what `clips` needs of a recording.

        Raises:
            RecipeError: the source has no such values (CR517), or they are not what was declared (CR518, CR56x).
        """

    def covers(self, values: Any, windows: Windows) -> NDArray[np.bool_]:
        """Return which clips (N) the recording's values cover: those whose frames all have a row near enough."""
        return np.ones(len(windows), np.bool_) if self.rows(values) is None else windows.are_covered_N

    @abstractmethod
    def clips(self, values: Any, windows: Windows) -> Array:
        """Return the column's arrays (N, ...) for clips that the recording's values cover."""

    def rows(self, values: Any) -> int | None:
        """Return how many rows change with time; None if none does."""
        return None

    def numbers_each(self, values: Any) -> int | None:
        """Return how many numbers a row has, where the contract leaves that to the data."""
        return None

    def raw(self, recording: Recording, name: str) -> Array:
        """Return the source's numbers of that name.

        Raises:
            RecipeError: there are none (CR517), or they are no numbers (CR518).
        """
        if name not in recording.values:
            fail_unknown_value(self.name, name, recording)
        value = recording.values[name]
        array = np.asarray(value)
        if array.dtype.kind not in "fiub" or array.dtype == object:
            self.fail_values(recording, "numbers", "a text" if isinstance(value, str) else f"{array.dtype}")
        return array.astype(np.float64)

    def per_view(self, recording: Recording, views: Views, element: int) -> Array:
        """Return the source's numbers as (V, R, …), with 1 for R where they do not change; an element has so many axes.

        A list of names has one for each view; of one name the axis of views stands last before the elements.
        """
        names = self.binding.sources
        if len(names) > 1 or not self.column.is_per_view:
            self._require_one_each(names, views)
            if self.column.is_per_view:
                names = tuple(names[views.said.index(view)] for view in views.used)
            arrays = [self._with_rows(self.raw(recording, name), element, recording) for name in names]
            if len({array.shape for array in arrays}) > 1:
                self.fail_values(recording, "as many rows for every view", " and ".join(str(a.shape) for a in arrays))
            return np.stack(arrays)
        array = self.raw(recording, names[0])
        lead = array.ndim - element
        if lead not in (1, 2) or array.shape[lead - 1] != len(views.all):
            self.fail_values(recording, f"an axis of {len(views.all)} views before each value", f"{array.shape}")
        chosen = array.take([views.all.index(view) for view in views.used], axis=lead - 1)
        return np.moveaxis(chosen, 1, 0) if lead == 2 else chosen[:, None]

    def fail_values(self, recording: Recording, expected: str, found: str) -> None:
        """Raise that the source's values are not of the form declared (CR518)."""
        fail(
            "CR518",
            f"the values for `{self.name}` of the recording {recording.name} are not what is declared",
            expected=expected,
            found=f"{found}, from `{', '.join(self.binding.sources)}`",
            hint="correct the binding of the column, or the source's settings",
        )

    def _with_rows(self, array: Array, element: int, recording: Recording) -> Array:
        lead = array.ndim - element
        if lead not in (0, 1):
            self.fail_values(recording, f"one value, or rows of them, of {element} axes each", f"{array.shape}")
        return array if lead else array[None]

    def _require_one_each(self, names: tuple[str, ...], views: Views) -> None:
        wanted = len(views.used) if self.column.is_per_view else 1
        if len(names) != wanted:
            fail(
                "CR518",
                f"`{self.name}` is bound to {len(names)} values",
                expected=f"{wanted}, one for each view" if wanted > 1 else "one",
                found=", ".join(names),
            )


def fail_unknown_value(column: str, name: str, recording: Recording) -> None:
    """Raise that the source has no values of a name (CR517)."""
    from cosmos_recipes.diagnostics import nearest

    close = nearest(name, recording.values)
    fail(
        "CR517",
        f"the recording {recording.name} has no values called `{name}`, which `{column}` is bound to",
        expected=f"one of {', '.join(recording.values)}" if recording.values else "a source that has values",
        found=name,
        hint=f"did you mean `{close}`?" if close else "correct `from`",
    )
