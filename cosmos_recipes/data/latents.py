"""Clips as pixels, and as the latents that stand in for them on disk, so that training never decodes.

Legend: N clips, C channels, T frames, H height, W width.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from safetensors import safe_open
from torch import Tensor

from cosmos_recipes.data.cache.shards import ENTRIES, TENSOR
from cosmos_recipes.data.decode.choice import BackendName
from cosmos_recipes.data.decode.frames import Requested, read_frames
from cosmos_recipes.data.index import ClipIndex, ClipSpec
from cosmos_recipes.data.probe import Probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import Problem, RecipeError, fail

BATCH_BYTES = 32 * 2**20
"""Pixels that are decoded in one go; one clip at least."""
LIST = "latents.arrow"
"""Shard and row of each clip, by its number."""


class ClipReader:
    """Reads the pixels of clips; frames that clips of a recording share are decoded once."""

    def __init__(
        self, index: ClipIndex, clip: ClipSpec, backends: Mapping[str, BackendName], requested: Requested = "auto"
    ) -> None:
        self.index, self.clip, self.backends, self.requested = index, clip, backends, requested

    def views(self, recording: int) -> list[tuple[Media, Probe]]:
        """Return what each view of a recording is."""
        return [(view.media, view.probe) for view in self.index.views(recording).values()]

    def read(self, clips: Sequence[int]) -> Tensor:
        """Return `video_NVCTHW` (uint8) of clips of one recording, its views in order.

        Raises:
            RecipeError: the recording is damaged (CR512).
        """
        rows = [self.index.row(clip) for clip in clips]
        views = self.views(rows[0]["recording"])
        videos = [self._read_view(view, [row["frames_VT"][n] for row in rows]) for n, view in enumerate(views)]
        return torch.stack(videos, dim=1)

    def _read_view(self, view: tuple[Media, Probe], windows: Sequence[np.ndarray]) -> Tensor:
        frames = np.unique(np.concatenate(windows))
        video_CTHW = read_frames(
            *view,
            frames.tolist(),
            height_px=self.clip.height_px,
            width_px=self.clip.width_px,
            backends=self.backends,
            requested=self.requested,
        )
        return torch.stack([video_CTHW[:, np.searchsorted(frames, window)] for window in windows])

    def batches(self, clips: Sequence[int]) -> Iterator[tuple[list[int], Tensor | Problem]]:
        """Yield (clips, pixels or the problem), each of one recording, decoded ahead in threads, in order.

        A long recording comes in several batches, so that memory stays bounded.
        """
        threads = os.cpu_count() or 1
        waiting: deque[tuple[list[int], Future[Tensor | Problem]]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            for batch in self._batches(clips):
                waiting.append((batch, pool.submit(self._read_or_problem, batch)))
                if len(waiting) > 2 * threads:
                    batch, video = waiting.popleft()
                    yield batch, video.result()
            for batch, video in waiting:
                yield batch, video.result()

    def _batches(self, clips: Sequence[int]) -> Iterator[list[int]]:
        pixels = 3 * len(self.index.view_names) * self.clip.frames * self.clip.height_px * self.clip.width_px
        most = max(1, BATCH_BYTES // pixels)
        for _, own in groupby(clips, key=lambda clip: self.index.recording_of[clip]):
            members = [int(clip) for clip in own]
            yield from (members[start : start + most] for start in range(0, len(members), most))

    def _read_or_problem(self, clips: list[int]) -> Tensor | Problem:
        try:
            return self.read(clips)
        except RecipeError as error:
            return error.problems[0]


def along_frames(video_NVCTHW: Tensor) -> Tensor:
    """Return (N, C, V * T, H, W): the views one after the other along the frames, as networks take them."""
    return video_NVCTHW.transpose(1, 2).flatten(2, 3)


class Latents:
    """The latents of a prepared folder, read from the memory-mapped shards."""

    def __init__(self, folder: Path) -> None:
        if not (folder / LIST).exists():
            fail("CR509", "the latents have not been prepared", hint="run the recipe again")
        self.folder = folder
        table = pa.ipc.open_file(pa.memory_map(str(folder / LIST))).read_all()
        # Arrow's own `to_numpy` imports pandas first, which takes most of a second.
        self._shard_of, self.row_of = (np.from_dlpack(table[name].chunk(0)) for name in ("shard", "row"))
        self._names = json.loads(table.schema.metadata[b"shards"])
        self._shards: dict[int, Tensor] = {}

    def among(self, clips: np.ndarray) -> np.ndarray:
        """Return those of the clips that could be decoded."""
        listed = clips[clips < len(self._shard_of)]
        there: np.ndarray = listed[self._shard_of[listed] >= 0]
        return there.astype(np.int64)

    def read(self, clips: Sequence[int]) -> Tensor:
        """Return `latent_NCTHW` of clips: float32, or the whole numbers that the tokenizer gave."""
        latents = torch.stack([self._latent(int(clip)) for clip in clips])
        return latents.float() if latents.is_floating_point() else latents

    def _latent(self, clip: int) -> Tensor:
        shard = int(self._shard_of[clip])
        if shard < 0:
            raise KeyError(clip)
        return self._shard(shard)[int(self.row_of[clip])]

    def _shard(self, number: int) -> Tensor:
        """Return the latents of a shard, which stay on disk until they are looked at."""
        if number not in self._shards:
            path = self.folder / f"{self._names[number]}{TENSOR}"
            # Where storage hangs, it does here: `safe_open` would keep all other threads from saying so.
            path.open("rb").close()
            with safe_open(path, framework="pt") as file:
                self._shards[number] = file.get_tensor(ENTRIES)
        return self._shards[number]
