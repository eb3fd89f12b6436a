"""An account of every value in a file: each is carried over, or left with a reason; none is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from cosmos_recipes.data.dataset_text import flow
from cosmos_recipes.diagnostics import Place, visible
from cosmos_recipes.diagnostics.words import shortened

Path = tuple[str, ...]
UNKNOWN = "not a key that is known of this format: look up what it did"
RUN_ONLY = "only running the file would say what this is"


@dataclass(frozen=True, slots=True)
class Expression:
    """What stands in the place of a value that cannot be known without running code."""

    text: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of a file, and the line on which it stands."""

    path: Path
    value: Any
    line: int


@dataclass(frozen=True, slots=True)
class Carried:
    """A value of the new file, where in it, and where it comes from in the old one."""

    to: Path
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """A value of the new file that the old one does not say, and why it is this."""

    to: Path
    value: Any
    why: str


@dataclass(frozen=True, slots=True)
class Left:
    """A value of the old file that the new one does not have, and why."""

    key: str
    value: str
    place: Place
    why: str


class Ledger:
    """The values of a file. `reasons` say, by patterns of their dotted paths, why those are left that are not carried."""

    def __init__(self, file: str, leaves: Iterable[Leaf], reasons: Mapping[str, str]) -> None:
        self.file, self.reasons = file, reasons
        self.leaves = {leaf.path: leaf for leaf in leaves}
        self.entries: list[Carried | Chosen] = []
        self._carried: set[Path] = set()
        self._left: dict[Path, str] = {}

    def get(self, *path: str) -> Any:
        """Return the value at a path; None where there is none."""
        leaf = self.leaves.get(path)
        return leaf.value if leaf else None

    def take(self, path: str, fits: Callable[[Any], bool], wanted: str) -> Any:
        """Return the value at a dotted path if it fits; one that does not is left, as it is not what is `wanted`."""
        key = tuple(path.split("."))
        value = self.get(*key)
        if value is None or fits(value):
            return value
        self._left[key] = RUN_ONLY if isinstance(value, Expression) else f"it takes {wanted} here"
        return None

    def carry(self, to: str, value: Any, *paths: str | Path, how: str = "") -> None:
        """Put into the new file what the values at these paths, dotted or in parts, come to."""
        keys = [_parts(path) for path in paths]
        known = [key for key in keys if key in self.leaves]
        self._carried |= {*known}
        lines = ", ".join(dict.fromkeys(f"line {self.leaves[key].line}" for key in known))
        said = f"{', '.join('.'.join(key) for key in known)} ({lines})"
        self.entries.append(Carried(tuple(to.split(".")), value, f"{said}: {how}" if how else said))

    def choose(self, to: str, value: Any, why: str) -> None:
        """Put a value into the new file that the old one does not say."""
        self.entries.append(Chosen(tuple(to.split(".")), value, why))

    def leave(self, path: str | Path, why: str) -> None:
        """Say why a value is left, where that depends on what else is in the file."""
        self._left[_parts(path)] = why

    @property
    def carried(self) -> set[Path]:
        """The values of the old file that the new one says."""
        return self._carried

    @property
    def left(self) -> list[Left]:
        """Every value that is not carried over, in the order of the file."""
        return sorted(self._lefts(), key=lambda left: left.place.line)

    def _lefts(self) -> Iterator[Left]:
        for path, leaf in self.leaves.items():
            if path not in self._carried:
                key = ".".join(path)
                why = self._left.get(path) or RUN_ONLY * isinstance(leaf.value, Expression) or self._reason(key)
                place = Place(file=self.file, line=leaf.line, column=1 if leaf.line else 0)
                yield Left(visible(key), _shown(leaf.value), place, why)

    def _reason(self, key: str) -> str:
        return next((why for pattern, why in self.reasons.items() if fnmatchcase(key, pattern)), UNKNOWN)


def _parts(path: str | Path) -> Path:
    return tuple(path.split(".")) if isinstance(path, str) else path


def _shown(value: Any) -> str:
    text = value.text if isinstance(value, Expression) else flow(value) if _is_plain(value) else str(value)
    return visible(shortened(text))


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return value is None or isinstance(value, str | bool | int | float)
