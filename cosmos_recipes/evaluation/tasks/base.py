"""What a task metric is: which clips it can look at, what it needs of them, and the numbers that it gives.

Legend: C colours, V views, T frames, H height, W width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from torch import Tensor

    from cosmos_recipes.evaluation.estimators.tracks import Frames

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A number that a metric gives of each clip; the figure is its mean over clips. `name` is its key in metrics.json."""

    name: str
    label: str
    unit: str
    meaning: str
    less_is_better: bool = True
    digits: int = 2


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all clips of an evaluation have in common.

    `columns` are those that their rows have, `world` the procedural world that they are from, if they are from one.
    `features` returns what the latents of `video_BCTHW` can be compared by.
    """

    task: str
    views: tuple[str, ...]
    given_frames: int
    columns: frozenset[str]
    world: str | None
    features: Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Video:
    """A clip, `video_CTHW` uint8 with its views one after the other along T."""

    video_CTHW: Tensor
    setting: Setting

    @property
    def views(self) -> list[Frames]:
        """The RGB frames (T, H, W, 3) of each view."""
        from cosmos_recipes.training.frames import apart

        apart_VCTHW = apart(self.video_CTHW[None], len(self.setting.views) or 1)
        return [view.permute(1, 2, 3, 0).contiguous().cpu().numpy() for view in apart_VCTHW]


class TaskMetric(ABC):
    """A metric of a task. `quantities` are what it measures, the one that matters most first.

    `columns` of a clip's row must be there; the row holds the contract's canonical numbers. The true video is measured
    first, as the floor. A metric that `compares` with the true video, for which that would be nought, has its floor
    from the true video as the tokenizer gives it back.
    """

    quantities: ClassVar[tuple[Quantity, ...]]
    columns: ClassVar[tuple[str, ...]] = ()
    compares: ClassVar[bool] = False
    rank: ClassVar[int] = 1
    """The metric with the least rank is what the gate asks of."""

    def applies(self, setting: Setting) -> bool:
        """Return whether it can look at these clips; by default at all that have its columns."""
        return setting.columns.issuperset(self.columns)

    @abstractmethod
    def know(self, truth: Video, row: Row) -> Any:
        """Return what is known of a clip, for `measure`."""

    @abstractmethod
    def measure(self, video: Video, known: Any) -> dict[str, float]:
        """Return the number of each quantity, over the frames that are not given; NaN for what cannot be found."""


@cache
def installed() -> tuple[TaskMetric, ...]:
    """Return every metric of a task, those that say most of the control first."""
    found = [entry.load()() for entry in entry_points(group="cosmos_recipes.metrics")]
    return tuple(sorted(found, key=lambda metric: (metric.rank, metric.quantities[0].name)))


def metrics_for(setting: Setting) -> tuple[TaskMetric, ...]:
    """Return the installed metrics that can look at these clips, those that say most of the control first."""
    return tuple(metric for metric in installed() if metric.applies(setting))
