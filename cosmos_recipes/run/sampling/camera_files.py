"""A camera's way from a file: RealEstate10K's text, Cosmos' text, transforms.json, .npy, or our own .json.

Legend: R rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from cosmos_recipes.diagnostics import Place, RecipeError, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.run.sampling.tables import Table, fail_file, read_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SUFFIXES = (".txt", ".json", ".npy")
_BY_SHAPE: dict[tuple[int, ...], dict[str, str]] = {
    (4, 4): {"form": "matrix-4x4", "direction": "world-to-camera", "axes": "opencv"},
    (3, 4): {"form": "matrix-3x4", "direction": "world-to-camera", "axes": "opencv"},
    (12,): {"form": "row-12", "direction": "world-to-camera", "axes": "opencv"},
}


class _Rates(TypedDict):
    rate_hz: float | None
    default_hz: float


@dataclass(frozen=True, kw_only=True)
class CameraWay:
    """World-to-camera poses, their times from the first on, and the lens where the file says it, in its own convention."""

    pose_R44: Array
    times_s: Array
    intrinsics: Array | None = None
    lens: str | dict[str, Any] = "canonical"

    def reversed(self, moments_s: Array) -> CameraWay:
        """Return the way back, with a row at each of these moments, from the last of them to 0."""
        import numpy as np

        from cosmos_recipes.data.geometry.poses import invert
        from cosmos_recipes.run.sampling.reversal import reversed_poses

        back_R44 = invert(reversed_poses(invert(self.pose_R44), self.times_s, moments_s))
        intrinsics = self.intrinsics
        if intrinsics is not None and intrinsics.ndim > 1 and len(intrinsics) > 1:
            apart_s = np.abs(moments_s[-1] - moments_s[:, None] - self.times_s)
            intrinsics = intrinsics[apart_s.argmin(1)]
        return CameraWay(pose_R44=back_R44, times_s=moments_s, intrinsics=intrinsics, lens=self.lens)


def is_file(said: str) -> bool:
    """Return whether a camera is a file rather than words."""
    return Path(said).suffix.lower() in SUFFIXES or Path(said).exists()


def read_camera(path: Path, *, convention: str | None, rate_hz: float | None, default_hz: float) -> CameraWay:
    """Return the way that a file says; `convention` names how it writes poses, if its kind does not say that.

    Raises:
        RecipeError: it cannot be read (CR265, CR554), or holds no poses (CR560, CR561).
    """
    rates = _Rates(rate_hz=rate_hz, default_hz=default_hz)
    if path.suffix.lower() == ".txt" and path.is_file():
        return _read_text(path, convention, rates)
    if path.name.endswith(".json") and path.is_file() and (way := _read_transforms(path, convention, rates)):
        return way
    table = read_table(path)
    values = table.rows if table.rows is not None else table.columns.get("pose")
    if values is None:
        close = nearest("pose", table.columns)
        hint = f"rename `{close}`" if close else ""
        fail_file(path, "has no `pose`", expected='"pose": rows of 4x4', found=listed(table.columns, "and"), hint=hint)
    pose_R44 = _poses(path, values, convention)
    intrinsics = table.columns.get("intrinsics")
    times_s = table.moments_s(len(pose_R44), **rates)
    return CameraWay(pose_R44=pose_R44, times_s=times_s, intrinsics=intrinsics)


def _read_text(path: Path, convention: str | None, rates: _Rates) -> CameraWay:
    from cosmos_recipes.data.sources.realestate10k import read_camera_path
    from cosmos_recipes.data.sources.values import numbered_lines, read_text, rows_of_numbers

    lines = numbered_lines(read_text(path))
    if not lines or not lines[0][1].startswith("http"):
        rows = rows_of_numbers(path, lines, (12,))
        times_s = Table(path=path, columns={}).moments_s(len(rows), **rates)
        return CameraWay(pose_R44=_poses(path, rows, convention), times_s=times_s)
    _require_own(path, convention, "realestate10k")
    found = read_camera_path(path)
    own = Table(path=path, columns={}, times_s=found.times_s - found.times_s[0])
    return CameraWay(
        pose_R44=_poses(path, found.pose_T34, None),
        times_s=own.moments_s(len(found.pose_T34), **rates),
        intrinsics=found.intrinsics_T4,
    )


def _read_transforms(path: Path, convention: str | None, rates: _Rates) -> CameraWay | None:
    """Return the way of a transforms.json; None where the file is another."""
    from cosmos_recipes.data.geometry.presets import POSE_PRESETS
    from cosmos_recipes.data.sources.transforms import read_scene, scene_values
    from cosmos_recipes.data.sources.values import parse_json, read_text

    told = parse_json(read_text(path), Place(file=str(path)), path.name)
    if not isinstance(told, dict) or "frames" not in told:
        return None
    _require_own(path, convention, "nerfstudio")
    scene = read_scene(path, order="file", images=None)
    size_px = (told.get("w"), told.get("h"))
    if not all(isinstance(side, (int, float)) for side in size_px):
        fail_file(path, "does not say the size of its pictures", expected='"w" and "h" in pixels')
    width_px, height_px = (int(side or 0) for side in size_px)
    values = scene_values(scene, size_px=(width_px, height_px))
    pose_R44 = POSE_PRESETS["nerfstudio"].to_canonical(values["pose"])
    times_s = Table(path=path, columns={}).moments_s(len(pose_R44), **rates)
    lens = {"form": "row-4", "unit": "pixels", "width_px": width_px, "height_px": height_px}
    return CameraWay(pose_R44=pose_R44, times_s=times_s, intrinsics=values["intrinsics"], lens=lens)


def _require_own(path: Path, convention: str | None, own: str) -> None:
    if convention not in (None, own):
        fail_file(
            path,
            f"says by its kind that its poses are `{own}`",
            expected=f"no other `--convention` than {own}",
            found=str(convention),
        )


def _poses(path: Path, values: Array, convention: str | None) -> Array:
    """Return world-to-camera poses; those without a convention are that already, x right, y down and z forward."""
    from cosmos_recipes.data.geometry.conventions import PoseConvention
    from cosmos_recipes.data.geometry.presets import POSE_PRESETS

    cameras = {name: each for name, each in POSE_PRESETS.items() if each.body == "camera"}
    if convention is None:
        if values.shape[1:] not in _BY_SHAPE:
            expected = "rows of 4x4, 3x4 or 12 numbers, or `--convention`"
            fail_file(path, "holds no poses", expected=expected, found=f"the shape {values.shape}")
        said = PoseConvention.model_validate(_BY_SHAPE[values.shape[1:]])
    elif convention in cameras:
        said = cameras[convention]
    else:
        close = nearest(convention, cameras)
        hint = f"did you mean `{close}`?" if close else ""
        message = f"cannot be read as `{convention}`"
        fail_file(path, message, expected=listed(cameras), found=convention, hint=hint)
    try:
        return said.to_canonical(values)
    except RecipeError as error:
        raise RecipeError(*(replace(each, place=Place(file=str(path))) for each in error.problems)) from error
