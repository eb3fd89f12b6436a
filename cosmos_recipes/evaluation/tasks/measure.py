"""Every metric of a task, clip by clip, while an evaluation goes on. Legend: B clips, C colours, T frames, H height, W width."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from cosmos_recipes.evaluation.tasks.base import Row, Setting, Video, metrics_for
from cosmos_recipes.evaluation.tasks.figures import TaskFigure

PerClip = dict[str, list[float]]


class TaskMeasurement:
    """The numbers of the clips measured so far, by quantity and by what was measured."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.metrics = setting, metrics_for(setting)
        self.values: dict[str, PerClip] = defaultdict(lambda: defaultdict(list))

    def add(self, row: Row, truth_CTHW: Tensor, *, restored_CTHW: Tensor, predicted: Mapping[str, Tensor]) -> None:
        """Measure a clip: its true video, that as the tokenizer gives it back, and what was predicted under each control."""
        truth, restored = self._video(truth_CTHW), self._video(restored_CTHW)
        videos = {control: self._video(video_CTHW) for control, video_CTHW in predicted.items()}
        for metric in self.metrics:
            known = metric.know(truth, row)
            for name, video in {"floor": restored if metric.compares else truth, **videos}.items():
                for quantity, value in metric.measure(video, known).items():
                    self.values[quantity][name].append(value)

    def result(self, kept_B: Tensor, *, seed: int) -> tuple[TaskFigure, ...]:
        """Return the figures, in the order of the metrics; clips not kept have no other control."""
        return tuple(
            TaskFigure.of(
                quantity,
                {name: np.array(values) for name, values in self.values[quantity.name].items()},
                kept_B.numpy(),
                seed=seed,
            )
            for metric in self.metrics
            for quantity in metric.quantities
        )

    def _video(self, video_CTHW: Tensor) -> Video:
        return Video(video_CTHW=video_CTHW, setting=self.setting)
