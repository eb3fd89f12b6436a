"""The batches of one process: its share of every global batch, in micro-batches, read one step ahead.

Which clips make up a step depends on the step alone, never on how many processes share it.
Legend: B batch, C channels, T latent frames, H height, W width.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cosmos_recipes.data.index import ClipIndex
from cosmos_recipes.data.latents import Latents
from cosmos_recipes.data.order import Mixture
from cosmos_recipes.data.statistics import read_normalisers
from cosmos_recipes.data.texts import TextContexts
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.training import background

if TYPE_CHECKING:
    from concurrent.futures import Future

    import numpy as np

    from cosmos_recipes.conditioning.networks import Control
    from cosmos_recipes.data.order import SampleOrder, Samples
    from cosmos_recipes.data.statistics import Normaliser

Collate = Callable[[Sequence[Mapping[str, Any]]], "Control"]


@dataclass(kw_only=True)
class Batch:
    """Clips of one forward pass. `samples` are their positions in the global batch of `step`, `clips` their numbers.

    `parts` are the numbers of the data sets that they are from, and `epochs` those data sets' epochs.
    """

    latent_BCTHW: Tensor
    control: Control
    step: int
    samples: tuple[int, ...]
    clips: tuple[int, ...]
    parts: tuple[int, ...]
    epochs: tuple[int, ...]

    def to(self, device: torch.device, **how: Any) -> Batch:
        """Return the batch on a device; `how` goes to `Tensor.to`."""
        control = {name: value.to(device, **how) for name, value in self.control.items()}
        return replace(self, latent_BCTHW=self.latent_BCTHW.to(device, **how), control=control)


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What process `rank` of `world` does of every global batch: a run of positions, in micro-batches.

    Several processes may do the same, each a part of every clip: one of them `leads`, and speaks for all.

    Raises:
        RecipeError: the global batch cannot be split evenly (CR601).
    """

    rank: int
    world: int
    global_batch: int
    micro_batch: int
    leads: bool = True

    def __post_init__(self) -> None:
        if self.global_batch % self.world:
            fail(
                "CR601",
                f"a global batch of {self.global_batch} clips cannot be split over {self.world} processes",
                expected=f"train.global_batch a multiple of {self.world}",
                found=str(self.global_batch),
                hint="change train.global_batch, or the number of processes",
            )

    @property
    def clips_per_step(self) -> int:
        """Clips that this process trains on in a step."""
        return self.global_batch // self.world

    @property
    def accumulate(self) -> int:
        """Forward passes of this process in a step."""
        return -(-self.clips_per_step // self.micro_batch)

    def micro_batches(self) -> list[range]:
        """Return the positions in the global batch, one range per forward pass."""
        first = self.rank * self.clips_per_step
        end = first + self.clips_per_step
        return [range(start, min(start + self.micro_batch, end)) for start in range(first, end, self.micro_batch)]


class ClipRows:
    """The rows of clips of an index: texts, and columns of numbers as a model sees them.

    `normalisers` are those of each data set, which is those of the index or, for another model, its own. Where a frozen
    encoder read the captions, `context_LD` is what it made of each that there is.
    """

    def __init__(self, index: ClipIndex, normalisers: Sequence[Mapping[str, Normaliser]]) -> None:
        self.index, self._normalisers = index, normalisers
        texts = index.folder / "text"
        self._texts = TextContexts(texts) if texts.exists() else None

    def of(self, clips: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of clips."""
        return [self._with_context(self._normalised(self.index.row(clip))) for clip in clips]

    def _with_context(self, row: dict[str, Any]) -> dict[str, Any]:
        caption = row.get("caption")
        return row | {"context_LD": self._texts.of(caption)} if self._texts and caption else row

    def _normalised(self, row: dict[str, Any]) -> dict[str, Any]:
        own = self._normalisers[row["part"]] if self._normalisers else {}
        return row | {name: how.normalise(row[name]) for name, how in own.items()}


def spread(ids: Sequence[int], count: int) -> list[int]:
    """Return all ids, or `count` of them spread evenly from the first to the last."""
    if len(ids) <= count:
        return list(ids)
    return [ids[position * (len(ids) - 1) // max(1, count - 1)] for position in range(count)]


class PreparedClips:
    """The clips of a prepared folder: their numbers by split, latents and rows."""

    def __init__(self, folder: Path) -> None:
        self.index, self._latents = ClipIndex(folder), Latents(folder / "latents")
        self._rows = ClipRows(self.index, read_normalisers(folder))

    def ids(self, split: Any) -> np.ndarray:
        """Return the numbers of the clips of a split (`train`, `held-out`) that could be decoded."""
        return self._latents.among(self.index.ids(split))

    def held_out(self, count: int) -> list[int]:
        """Return the numbers of held-out clips to measure on: all, or `count` spread evenly from the first to the last."""
        return spread(self.ids("held-out").tolist(), count)

    def mixture(self, weights: Sequence[float]) -> Mixture:
        """Return the clips of the training split, mixed by the weights of their data sets."""
        ids = self.ids("train")
        return Mixture([(ids[self.index.part_of[ids] == part], weight) for part, weight in enumerate(weights)])

    def latents(self, clips: Sequence[int]) -> Tensor:
        """Return float32 `latent_BCTHW` of clips."""
        return self._latents.read(clips)

    def rows(self, clips: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of clips, as the model that is trained on them sees them."""
        return self._rows.of(clips)

    def names(self, clips: np.ndarray) -> Any:
        """Return the names of the recordings of clips, an Arrow array."""
        import pyarrow as pa

        return self.index.recordings["name"].take(pa.array(self.index.recording_of[clips])).cast(pa.string())


class Batches:
    """An endless iterable of one process's micro-batches, from the step that `first_step` gives when it starts.

    `wait_s` sums up the seconds in which training waited for data.
    """

    def __init__(
        self, clips: PreparedClips, order: SampleOrder, share: Share, *, collate: Collate, first_step: Callable[[], int]
    ) -> None:
        self.clips, self.order, self.share = clips, order, share
        self.collate, self.first_step = collate, first_step
        self.wait_s = 0.0

    def __iter__(self) -> Iterator[Batch]:
        step = self.first_step()
        ahead = self._read_ahead(step)
        while True:
            began_s = time.perf_counter()
            batches = ahead.result()
            self.wait_s += time.perf_counter() - began_s
            step += 1
            ahead = self._read_ahead(step)
            yield from batches

    def _read_ahead(self, step: int) -> Future[list[Batch]]:
        return background.start(lambda: self.read(step), name=f"batches of step {step + 1}")

    def read(self, step: int) -> list[Batch]:
        """Return the micro-batches of a step."""
        samples = self.order.samples(step)
        return [self._micro_batch(step, positions, samples) for positions in self.share.micro_batches()]

    def _micro_batch(self, step: int, positions: range, samples: Samples) -> Batch:
        own = slice(positions.start, positions.stop)
        clips = tuple(samples.clips_N[own].tolist())
        return Batch(
            latent_BCTHW=self.clips.latents(clips),
            control=self.collate(self.clips.rows(clips)),
            step=step,
            samples=tuple(positions),
            clips=clips,
            parts=tuple(samples.parts_N[own].tolist()),
            epochs=tuple(samples.epochs_N[own].tolist()),
        )
