"""Predict2.5, camera: videos, camera_trajectories/NAME.txt (a 3x4 matrix a line, world to camera) and intrinsics*.txt."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cosmos_recipes.data.geometry import IntrinsicsConvention
from cosmos_recipes.data.recording import Media, Recording, Split, Value
from cosmos_recipes.data.sources.base import Meaning
from cosmos_recipes.data.sources.cosmos.places import VIDEOS, has, roots
from cosmos_recipes.data.sources.listed import Reader, fail_missing, videos_below
from cosmos_recipes.data.sources.values import numbered_lines, read_text, rows_of_numbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TRAJECTORIES = "camera_trajectories"
INTRINSICS = "intrinsics"
_MATRIX = 3


def fits(path: Path) -> bool:
    """Return whether `videos` and `camera_trajectories` are there."""
    return has(path, VIDEOS, TRAJECTORIES)


def readers(path: Path) -> list[Reader]:
    """Return what reads each video with its own files.

    `pose` (T,3,4) is of NAME.txt; files as NAME_camera_tgt_0.txt give `camera_tgt_0`, and NAME_intrinsics_0.txt gives
    `intrinsics_0`. Intrinsics that all videos share are called as their file is, or `intrinsics` where it is one.
    """
    found: list[Reader] = []
    for prefix, split, root in roots(path):
        texts = {text.stem: text for folder in (root, root / TRAJECTORIES) for text in sorted(folder.glob("*.txt"))}
        shared = {stem: text for stem, text in texts.items() if stem.startswith(INTRINSICS)}
        common = {(stem if len(shared) > 1 else INTRINSICS): text for stem, text in shared.items()}
        videos = videos_below(root / VIDEOS)
        own = _own({Path(name).name for name in videos}, texts)
        found += [
            partial(_read, f"{prefix}{name}", split, video, own[Path(name).name], common)
            for name, video in videos.items()
        ]
    return found


def meanings(values: Mapping[str, Value]) -> dict[str, Meaning]:
    """Return the conventions of a recording's values: world to camera, and intrinsics in pixels."""
    matrix = IntrinsicsConvention(form="matrix-3x3", unit="pixels")
    return {
        name: Meaning(intrinsics=matrix if value.shape[-2:] == (_MATRIX, _MATRIX) else "cosmos")
        if name.startswith(INTRINSICS)
        else Meaning(pose="cosmos")
        for name, value in values.items()
    }


def _own(stems: set[str], texts: Mapping[str, Path]) -> dict[str, dict[str, Path]]:
    """Return the texts of each video by what follows its name; of two names that begin alike the longer one has it."""
    own: dict[str, dict[str, Path]] = {stem: {} for stem in stems}
    for text, path in texts.items():
        owner = text if text in stems else max((s for s in stems if text.startswith(f"{s}_")), key=len, default=None)
        if owner is not None:
            own[owner][text.removeprefix(owner).removeprefix("_") or "pose"] = path
    return own


def _read(
    name: str, split: Split | None, video: Path, own: Mapping[str, Path], common: Mapping[str, Path]
) -> Recording:
    values: dict[str, Value] = {}
    for key, path in {**common, **own}.items():
        values[key] = _intrinsics(path) if key.startswith(INTRINSICS) else _poses(path)
    if not any(not key.startswith(INTRINSICS) for key in values):
        expected = f"{TRAJECTORIES}/{video.stem}.txt"
        fail_missing(f"the camera trajectory of {name} is not there", video, expected=expected)
    return Recording(name=name, split=split, views={"video": Media(path=video)}, values=values)


def _poses(path: Path) -> NDArray[np.float64]:
    return rows_of_numbers(path, numbered_lines(read_text(path)), (12,)).reshape(-1, 3, 4)


def _intrinsics(path: Path) -> NDArray[np.float64]:
    """Return fx fy cx cy (4,) or (T,4), or the matrix (3,3) or (T,3,3), as the file has them."""
    rows_TN = rows_of_numbers(path, numbered_lines(read_text(path)), (4, 9, _MATRIX))
    if rows_TN.shape[1] == _MATRIX:
        return rows_TN.reshape(-1, 3, 3).squeeze(0) if len(rows_TN) == _MATRIX else rows_TN.reshape(-1, 3, 3)
    shaped = rows_TN.reshape(-1, 3, 3) if rows_TN.shape[1] == _MATRIX**2 else rows_TN
    return shaped[0] if len(shaped) == 1 else shaped
