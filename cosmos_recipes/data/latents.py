"""Clips as latents on disk, so that training never decodes: shards that are whole or not there, and a list that is last.

Legend: N clips, C channels, T frames, H height, W width.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from cosmos_recipes.data.decode.choice import BackendName
from cosmos_recipes.data.decode.frames import Requested, View, read_frames
from cosmos_recipes.data.index import ClipIndex, ClipSpec
from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.files import whole, write_json

RECORDINGS_PER_SHARD = 32
BATCH_BYTES = 32 * 2**20
"""Pixels that are decoded in one go; one clip at least."""
LIST = "latents.json"


class ClipReader:
    """Reads the pixels of clips; frames that clips of a recording share are decoded once."""

    def __init__(
        self, index: ClipIndex, clip: ClipSpec, backends: Mapping[str, BackendName], requested: Requested = "auto"
    ) -> None:
        self.index, self.clip, self.backends, self.requested = index, clip, backends, requested

    def read(self, clips: Sequence[int]) -> Tensor:
        """Return `video_NVCTHW` (uint8) of clips of one recording, its views in order.

        Raises:
            RecipeError: the recording is damaged (CR512).
        """
        rows = [self.index.row(clip) for clip in clips]
        views = self.index.views(rows[0]["recording"]).values()
        videos = [self._read_view(view, [row["frames_VT"][n] for row in rows]) for n, view in enumerate(views)]
        return torch.stack(videos, dim=1)

    def _read_view(self, view: View, windows: Sequence[np.ndarray]) -> Tensor:
        frames = np.unique(np.concatenate(windows))
        video_CTHW = read_frames(
            view.media,
            view.probe,
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


def write_latents(
    folder: Path, reader: ClipReader, clips: Sequence[int], encode: Callable[[Tensor], Tensor], progress: Progress
) -> tuple[Problem, ...]:
    """Encode clips into shards under `folder`; what a killed run finished is kept. Returns what could not be decoded.

    Raises:
        RecipeError: not one clip could be decoded (CR508).
    """
    folder.mkdir(parents=True, exist_ok=True)
    recordings = reader.index.recording_of
    numbers = sorted({int(recordings[clip]) for clip in clips})
    shards = [numbers[start : start + RECORDINGS_PER_SHARD] for start in range(0, len(numbers), RECORDINGS_PER_SHARD)]
    for position, members in enumerate(shards):
        progress("encoding the clips", position * RECORDINGS_PER_SHARD, len(numbers))
        if not (folder / f"shard-{position:05d}.json").exists():
            own = sorted(clip for clip in clips if recordings[clip] in members)
            _write_shard(folder, f"shard-{position:05d}", reader, own, encode)
    progress("encoding the clips", len(numbers), len(numbers))
    parts = [json.loads((folder / f"shard-{position:05d}.json").read_text()) for position in range(len(shards))]
    problems = tuple(_problem(found) for part in parts for found in part["problems"])
    where = {clip: (position, row) for position, part in enumerate(parts) for row, clip in enumerate(part["clips"])}
    if not where:
        raise RecipeError(
            Problem(code="CR508", message="not one clip could be decoded", hint="see the problems of the videos below"),
            *problems,
        )
    write_json(folder / LIST, {"clips": sorted([clip, *place] for clip, place in where.items())})
    return problems


def encode_views(encode: Callable[[Tensor], Tensor], video_NVCTHW: Tensor) -> Tensor:
    """Return `latent_NCTHW` with the views one after the other along T; each is encoded on its own."""
    return along_frames(encode(video_NVCTHW.flatten(0, 1)).unflatten(0, video_NVCTHW.shape[:2]))


def along_frames(video_NVCTHW: Tensor) -> Tensor:
    """Return (N, C, V * T, H, W): the views one after the other along the frames, as networks take them."""
    return video_NVCTHW.transpose(1, 2).flatten(2, 3)


def _write_shard(
    folder: Path, name: str, reader: ClipReader, clips: Sequence[int], encode: Callable[[Tensor], Tensor]
) -> None:
    kept: list[tuple[int, Tensor]] = []
    problems: dict[int, Problem] = {}
    for own, video in reader.batches(clips):
        if isinstance(video, Problem):
            problems[int(reader.index.recording_of[own[0]])] = video
        else:
            kept += zip(own, encode_views(encode, video).half().cpu(), strict=True)
    # A recording that breaks off is left out whole: what could be read of it may be damaged too.
    kept = [(clip, latent) for clip, latent in kept if reader.index.recording_of[clip] not in problems]
    if kept:
        # `save_file` would leave a hidden file behind when it is killed.
        content = save({"latent_NCTHW": torch.stack([latent for _, latent in kept])})
        with whole(folder / f"{name}.safetensors") as part:
            part.write_bytes(content)
    told = [_plain(problem) for problem in problems.values()]
    write_json(folder / f"{name}.json", {"clips": [clip for clip, _ in kept], "problems": told})


def _plain(problem: Problem) -> dict[str, str]:
    names = ("code", "message", "expected", "found", "hint")
    return {**{name: getattr(problem, name) for name in names}, "file": problem.place.file if problem.place else ""}


def _problem(data: dict[str, str]) -> Problem:
    texts = {name: value for name, value in data.items() if name != "file"}
    return Problem(**texts, place=Place(file=data["file"]))


class Latents:
    """The latents of a prepared folder, read from the memory-mapped shards."""

    def __init__(self, folder: Path) -> None:
        if not (folder / LIST).exists():
            fail("CR509", "the latents have not been prepared", hint="run the recipe again")
        self.folder = folder
        self._where = {clip: (shard, row) for clip, shard, row in json.loads((folder / LIST).read_text())["clips"]}
        self._shards: dict[int, Tensor] = {}

    def among(self, clips: np.ndarray) -> np.ndarray:
        """Return those of the clips that could be decoded."""
        return np.array([clip for clip in clips.tolist() if clip in self._where], dtype=np.int64)

    def read(self, clips: Sequence[int]) -> Tensor:
        """Return float32 `latent_NCTHW` of clips."""
        places = [self._where[int(clip)] for clip in clips]
        return torch.stack([self._shard(shard)[row] for shard, row in places]).float()

    def _shard(self, number: int) -> Tensor:
        """Return `latent_NCTHW` of a shard, which stays on disk until it is looked at."""
        if number not in self._shards:
            with safe_open(self.folder / f"shard-{number:05d}.safetensors", framework="pt") as file:
                self._shards[number] = file.get_tensor("latent_NCTHW")
        return self._shards[number]
