"""The transforms.json of nerfstudio, instant-ngp and DL3DV: a scene's pictures with the pose and lens of each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cosmos_recipes.data.recording import Value
from cosmos_recipes.data.sources.pictures import PICTURE_SUFFIXES, picture_size
from cosmos_recipes.data.sources.values import fail_annotation, read_object
from cosmos_recipes.diagnostics import Place
from cosmos_recipes.recipe.paths import named_in

TRANSFORMS = "transforms.json"
_DISTORTION = ("k1", "k2", "p1", "p2")
_NUMBERS = re.compile(r"(\d+)")
_NAMED = ("camera_model", "applied_transform", "applied_scale")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A transforms.json; `frames` and `pictures` go together, whether a picture is there or not."""

    file: Path
    told: Mapping[str, Any]
    frames: Sequence[Mapping[str, Any]]
    pictures: Sequence[Path]

    @property
    def missing(self) -> list[str]:
        """The pictures that are listed and not there."""
        return [path.name for path in self.pictures if not path.is_file()]

    def without_missing(self) -> Scene:
        """Return the scene with the frames whose pictures are there."""
        kept = [pair for pair in zip(self.frames, self.pictures, strict=True) if pair[1].is_file()]
        return Scene(file=self.file, told=self.told, frames=[f for f, _ in kept], pictures=[p for _, p in kept])


def read_scene(file: Path, *, order: str, images: str | None) -> Scene:
    """Return a scene with its frames in the order of the file, or of the pictures' names (2 before 10).

    `images` is a folder beside the file that has the pictures, by their names, instead of where the file says.

    Raises:
        RecipeError: the file is none of this kind (CR554).
    """
    told = read_object(file)
    frames = told.get("frames")
    if not isinstance(frames, list) or not frames:
        _fail(file, "has no frames", expected='"frames": [...]', found="none")
    pictures = [_picture(file, frame, number, images) for number, frame in enumerate(frames)]
    if order == "name":
        ranked = sorted(range(len(frames)), key=lambda number: in_natural_order(pictures[number]))
        frames, pictures = [frames[n] for n in ranked], [pictures[n] for n in ranked]
    return Scene(file=file, told=told, frames=frames, pictures=pictures)


def scene_values(scene: Scene, *, size_px: tuple[int, int] | None = None) -> dict[str, Value]:
    """Return pose (T,4,4), camera to world in OpenGL's axes as in the file, and intrinsics (T,4): fx fy cx cy in pixels.

    Intrinsics are of the pictures as they are: where these are smaller than the file says, they are scaled with them.
    `size_px` is their width and height, for who has not got them. `distortion` (T,4) is k1 k2 p1 p2, `k3` and `k4` (T,) follow where they are not 0.

    Raises:
        RecipeError: a frame has no pose or no focal length (CR554).
    """
    import numpy as np

    size_px = size_px or picture_size(scene.pictures[0])
    lenses = [{**scene.told, **frame} for frame in scene.frames]
    values: dict[str, Value] = {
        "pose": np.array([_pose(scene.file, frame) for frame in scene.frames], np.float64),
        "intrinsics": np.array([_intrinsics(scene.file, lens, size_px) for lens in lenses], np.float64),
    }
    if any(key in lens for lens in lenses for key in _DISTORTION):
        values["distortion"] = np.array([[lens.get(key, 0.0) for key in _DISTORTION] for lens in lenses], np.float64)
    for key in ("k3", "k4"):
        if any(lens.get(key) for lens in lenses):
            values[key] = np.array([lens.get(key, 0.0) for lens in lenses], np.float64)
    for key in _NAMED:
        if key in scene.told:
            told = scene.told[key]
            values[key] = np.array(told, np.float64) if isinstance(told, list) else told
    return values


def _picture(file: Path, frame: Any, number: int, images: str | None) -> Path:
    told = frame.get("file_path") if isinstance(frame, dict) else None
    if not isinstance(told, str):
        _fail(
            file, f"says of frame {number} no picture", expected='"file_path": "images/frame_00001.png"', found="none"
        )
    path = named_in(file.parent, str(Path(images) / Path(told).name) if images else told, place=Place(file=str(file)))
    # instant-ngp and Blender's scenes leave the ending out.
    return path if path.suffix.lower() in PICTURE_SUFFIXES else path.with_name(f"{path.name}.png")


def in_natural_order(path: Path) -> list[tuple[int, str]]:
    """Return what paths are sorted by, so that 2 comes before 10."""
    words = _NUMBERS.split(path.as_posix())
    return [(int(word), "") if place % 2 else (0, word) for place, word in enumerate(words)]


def _pose(file: Path, frame: Mapping[str, Any]) -> Any:
    import numpy as np

    try:
        pose_44 = np.array(frame["transform_matrix"], np.float64)
    except (KeyError, ValueError, TypeError):
        pose_44 = np.zeros(0)
    if pose_44.shape != (4, 4):
        found = f"shape {list(pose_44.shape)}" if pose_44.size else "none"
        _fail(file, f"has no pose of {frame['file_path']}", expected='"transform_matrix" of 4 rows of 4', found=found)
    return pose_44


def _intrinsics(file: Path, lens: Mapping[str, Any], size_px: tuple[int, int]) -> list[float]:
    """Return fx fy cx cy in pixels of pictures of this size."""
    try:
        told_w, told_h = float(lens.get("w", size_px[0])), float(lens.get("h", size_px[1]))
        fx = float(lens["fl_x"]) if "fl_x" in lens else _focal_px(float(lens["camera_angle_x"]), told_w)
        fy = float(lens["fl_y"]) if "fl_y" in lens else fx
        cx, cy = float(lens.get("cx", told_w / 2)), float(lens.get("cy", told_h / 2))
        across, down = size_px[0] / told_w, size_px[1] / told_h
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        _fail(file, "does not say the lens", expected="fl_x fl_y cx cy w h as numbers, for all or for each frame")
    return [fx * across, fy * down, cx * across, cy * down]


def _focal_px(angle_rad: float, side_px: float) -> float:
    """Return the focal length of a pinhole whose picture spans that angle."""
    return side_px / (2 * math.tan(angle_rad / 2))


def _fail(file: Path, what: str, *, expected: str, found: str = "") -> NoReturn:
    fail_annotation(
        f"the {file.name} of {file.parent.name} {what}", Place(file=str(file)), expected=expected, found=found
    )
