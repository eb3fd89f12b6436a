"""Clips as latents on disk, so that training never decodes: shards that are whole or not there, and a list that is last.

Legend: N clips, C channels, T frames, H height, W width.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from cosmos_recipes.data.decode.choice import BackendName
from cosmos_recipes.data.decode.frames import read_frames
from cosmos_recipes.data.index import ClipIndex, ClipSpec, write_json
from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail

RECORDINGS_PER_SHARD = 32
LIST = "latents.json"


class ClipReader:
    """Reads the pixels of clips; the frames of a recording are decoded once for all of its clips."""

    def __init__(self, index: ClipIndex, clip: ClipSpec, backends: Mapping[str, BackendName]) -> None:
        self.index, self.clip, self.backends = index, clip, backends

    def read(self, clips: Sequence[int]) -> Tensor:
        """Return `video_NCTHW` (uint8) of clips of one recording.

        Raises:
            RecipeError: the recording is damaged (CR512).
        """
        rows = [self.index.row(clip) for clip in clips]
        path, probe = self.index.recording(rows[0]["recording"])
        frames = sorted({frame for row in rows for frame in row["frames"]})
        size = {"height_px": self.clip.height_px, "width_px": self.clip.width_px}
        video_CTHW = read_frames(path, probe, frames, **size, backends=self.backends)
        place = {frame: position for position, frame in enumerate(frames)}
        return torch.stack([video_CTHW[:, [place[frame] for frame in row["frames"]]] for row in rows])

    def batches(self, clips: Sequence[int]) -> Iterator[tuple[list[int], Tensor | Problem]]:
        """Yield (clips, pixels or the problem) recording by recording, decoded ahead in threads, in order."""
        groups: dict[int, list[int]] = {}
        recordings = self.index.clips["recording"].to_pylist()
        for clip in clips:
            groups.setdefault(recordings[clip], []).append(int(clip))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            # A few recordings at a time: memory stays bounded however many there are.
            pending = list(groups.values())
            for start in range(0, len(pending), 16):
                ahead = pending[start : start + 16]
                yield from zip(ahead, pool.map(self._read_or_problem, ahead), strict=True)

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
    recordings = reader.index.clips["recording"].to_pylist()
    numbers = sorted({recordings[clip] for clip in clips})
    shards = [numbers[start : start + RECORDINGS_PER_SHARD] for start in range(0, len(numbers), RECORDINGS_PER_SHARD)]
    for position, members in enumerate(shards):
        progress("encoding the clips", position * RECORDINGS_PER_SHARD, len(numbers))
        if not (folder / f"shard-{position:05d}.json").exists():
            own = [clip for clip in clips if recordings[clip] in set(members)]
            _write_shard(folder, f"shard-{position:05d}", reader, own, encode)
    progress("encoding the clips", len(numbers), len(numbers))
    parts = [json.loads((folder / f"shard-{position:05d}.json").read_text()) for position in range(len(shards))]
    problems = tuple(_problem(found) for part in parts for found in part["problems"])
    where = {clip: (position, row) for position, part in enumerate(parts) for row, clip in enumerate(part["clips"])}
    if not where:
        raise RecipeError(Problem(code="CR508", message="not one clip could be decoded", hint="see the problems of the videos below"), *problems)
    write_json(folder / LIST, {"clips": sorted([clip, *place] for clip, place in where.items())})
    return problems


def _write_shard(folder: Path, name: str, reader: ClipReader, clips: Sequence[int], encode: Callable[[Tensor], Tensor]) -> None:
    kept: list[int] = []
    latents: list[Tensor] = []
    problems: list[Problem] = []
    for own, video in reader.batches(clips):
        if isinstance(video, Problem):
            problems.append(video)
            continue
        kept += own
        latents.append(encode(video).half().cpu())
    if latents:
        unfinished = folder / f"{name}.unfinished"
        save_file({"latent_NCTHW": torch.cat(latents)}, unfinished)
        unfinished.replace(folder / f"{name}.safetensors")
    write_json(folder / f"{name}.json", {"clips": kept, "problems": [_plain(problem) for problem in problems]})


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
        self._shards: dict[int, Any] = {}

    def among(self, clips: np.ndarray) -> np.ndarray:
        """Return those of the clips that could be decoded."""
        return np.array([clip for clip in clips.tolist() if clip in self._where], dtype=np.int64)

    def read(self, clips: Sequence[int]) -> Tensor:
        """Return float32 `latent_NCTHW` of clips."""
        return torch.cat([self._row(*self._where[int(clip)]) for clip in clips]).float()

    def _row(self, shard: int, row: int) -> Tensor:
        if shard not in self._shards:
            handle: Any = safe_open(self.folder / f"shard-{shard:05d}.safetensors", framework="pt")
            self._shards[shard] = handle.__enter__().get_slice("latent_NCTHW")
        values: Tensor = self._shards[shard][row : row + 1]
        return values
