"""What a world is: it plays an episode from a seed, draws it for each of its views, and tells the truth about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import pyarrow
    from numpy.typing import NDArray

WorldName = Literal["factory", "workshop", "room", "cell", "road"]

_WORLDS: dict[str, str] = {
    "factory": "cosmos_recipes.worlds.factory_world:FACTORY_WORLD",
    "workshop": "cosmos_recipes.worlds.factory_world:WORKSHOP_WORLD",
    "room": "cosmos_recipes.worlds.room:ROOM",
    "cell": "cosmos_recipes.worlds.cell:CELL",
    "road": "cosmos_recipes.worlds.road:ROAD",
}


class Played(Protocol):
    """What every episode has: frame k is at `k / rate_hz` seconds."""

    @property
    def seed(self) -> int:
        """What decided everything that chance decides."""

    @property
    def rate_hz(self) -> float:
        """Frames per second."""

    @property
    def frames(self) -> int:
        """Number of frames."""

    @property
    def caption(self) -> str:
        """What happens, in a sentence."""


EpisodeT = TypeVar("EpisodeT", bound=Played)


class World(ABC, Generic[EpisodeT]):
    """A procedural scene with exact ground truth. What it holds at its top needs no heavy library.

    `version` is raised whenever the same seed gives another episode or another picture. `views` are its cameras in
    order. `shortest_s` is the least time from the first to the last frame. `notes` say what the columns of its table
    mean: units, frames of reference, conventions.
    """

    name: WorldName
    version: int
    views: tuple[str, ...]
    shortest_s: float
    notes: Mapping[str, str]

    @abstractmethod
    def play(self, seed: int, *, frames: int, rate_hz: float) -> EpisodeT:
        """Return the episode of a seed, the same whenever the arguments are.

        Raises:
            ValueError: the recording is shorter than `shortest_s`, or the seed is negative.
        """

    @abstractmethod
    def render(
        self, episode: EpisodeT, height_px: int, width_px: int, views: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.uint8]]:
        """Return frames_THWC, RGB, of each of the views that are asked for, or of all."""

    @abstractmethod
    def columns(self) -> dict[str, pyarrow.DataType]:
        """Return the columns of its table that not every world has."""

    @abstractmethod
    def truth(self, episode: EpisodeT, height_px: int, width_px: int, views: Sequence[str]) -> dict[str, Any]:
        """Return an episode's row for these columns; what belongs to cameras is in the order of the views."""

    @abstractmethod
    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a data set may bind to its schema, by the world's own names, from a row of the table."""

    def times_s(self, row: Mapping[str, Any]) -> Sequence[float] | None:
        """Return when the rows of values that change with time are, or None if they belong to the frames."""
        return None

    def cameras(self, height_px: int, width_px: int) -> dict[str, Any]:
        """Return what is to be stored of cameras that are the same in every episode."""
        return {}


def world_names() -> tuple[str, ...]:
    """Return the names of all worlds."""
    return tuple(_WORLDS)


def find_world(name: str) -> World[Any]:
    """Return the world of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in _WORLDS:
        raise ValueError(f"there is no world {name!r}; there is {', '.join(_WORLDS)}")
    module, attribute = _WORLDS[name].split(":")
    world: World[Any] = getattr(import_module(module), attribute)
    return world


def chosen_views(world: World[Any], views: Sequence[str] | None) -> tuple[str, ...]:
    """Return the views that are asked for, in that order, or all of the world's.

    Raises:
        ValueError: a view that the world has not, one that is named twice, or none at all.
    """
    if views is None:
        return world.views
    unknown = [view for view in views if view not in world.views]
    if unknown or not views or len(set(views)) < len(views):
        told = f"no view {unknown[0]!r}" if unknown else f"not the views {list(views)}"
        raise ValueError(f"the world {world.name} has {told}; some of {', '.join(world.views)}, each once")
    return tuple(views)


def check_duration(world: World[Any], frames: int, rate_hz: float) -> None:
    """Check that a recording is long enough for what happens in it.

    Raises:
        ValueError: it is not; the message says how many frames are needed.
    """
    if (frames - 1) / rate_hz < world.shortest_s:
        needed = int(-(-world.shortest_s * rate_hz // 1)) + 1
        raise ValueError(f"a {world.name} episode needs at least {needed} frames at {rate_hz:g} Hz, not {frames}")


def drawn(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number between two, rounded to what the table of a world holds."""
    return round(float(rng.uniform(low, high)), 6)
