"""Which checkpoints stay: the newest, the best, and one every so many hours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """A checkpoint: its step, the time in training until then, and the held-out loss there, if it was measured."""

    step: int
    seconds: float
    heldout_loss: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Keep the `last` newest, the `best` by held-out loss, and the first one after every `every_h` hours of training."""

    last: int
    best: int = 0
    every_h: float | None = None

    def keep(self, saved: Sequence[Saved]) -> set[int]:
        """Return the steps of the checkpoints that stay; what it once let go is never missed by a later call."""
        in_order = sorted(saved, key=lambda each: each.step)
        return {each.step for each in (*in_order[-self.last :], *self._best(in_order), *self._hourly(in_order))}

    def _best(self, saved: Sequence[Saved]) -> list[Saved]:
        measured = [each for each in saved if each.heldout_loss is not None and math.isfinite(each.heldout_loss)]
        return sorted(measured, key=lambda each: (each.heldout_loss, each.step))[: self.best]

    def _hourly(self, saved: Sequence[Saved]) -> list[Saved]:
        if self.every_h is None:
            return []
        first: dict[int, Saved] = {}
        for each in saved:
            first.setdefault(int(each.seconds / (3600 * self.every_h)), each)
        return [each for passed, each in first.items() if passed]
