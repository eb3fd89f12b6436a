"""Draw solids as a pinhole camera sees them: exact perspective, one light, hard shadows, smooth edges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.worlds.solids import Array, Facet, Hits, Rgb, Solid, Vector, dot

_NEAR_M = 0.02
_GLOSS_POWER = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What is drawn. `light` points towards the light and has the length 1; `ambient` is the light of a shadow, 0 to 1.

    `sky` gives the colours (3, N) of directions (3, N) in which there is nothing; with distance everything fades into
    `haze`, half of it at `haze_m`.
    """

    solids: Sequence[Solid]
    light: Vector
    ambient: float
    sky: Callable[[Array], Array] | None = None
    haze: Rgb = (0, 0, 0)
    haze_m: float = math.inf


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rays:
    """The rays of all samples of a picture: directions (3, rows, columns) whose lengths make distance along them depth."""

    eye_m: Vector
    direction_3RC: Array
    step_right: Vector
    step_down: Vector


def draw(scene: Scene, world_to_camera_44: Any, intrinsics_4: Any, height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Return the picture, frame_HWC in RGB.

    The intrinsics are (fx, fy, cx, cy) as shares of width, height, width, height; the camera has OpenCV's axes.
    """
    pose_44, focal = np.asarray(world_to_camera_44), tuple(float(value) for value in intrinsics_4)
    samples = oversampling(height_px, width_px)
    rays = _cast(pose_44, focal, height_px * samples, width_px * samples)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        depth_RC, owner_RC, seen = _meet_all(scene, rays, pose_44, focal)
        rgb_3RC = _shade_all(scene, rays, depth_RC, owner_RC, seen)
    return _reduced(rgb_3RC, samples)


def _cast(pose_44: NDArray[np.float64], focal: tuple[float, ...], rows: int, columns: int) -> _Rays:
    fx, fy, cx, cy = focal
    right, down, ahead = (pose_44[axis, :3] for axis in range(3))
    x_C = (((np.arange(columns) + 0.5) / columns - cx) / fx).astype(np.float32)
    y_R1 = (((np.arange(rows) + 0.5) / rows - cy) / fy).astype(np.float32)[:, None]
    direction_3RC = np.empty((3, rows, columns), dtype=np.float32)
    for axis in range(3):
        across_C = float(right[axis]) * x_C + float(ahead[axis])
        np.add(across_C, float(down[axis]) * y_R1, out=direction_3RC[axis])
    eye_m = -pose_44[:3, :3].T @ pose_44[:3, 3]
    return _Rays(
        eye_m=_vector(eye_m),
        direction_3RC=direction_3RC,
        step_right=_vector(right / (fx * columns)),
        step_down=_vector(down / (fy * rows)),
    )


def _vector(values: Any) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _meet_all(
    scene: Scene, rays: _Rays, pose_44: NDArray[np.float64], focal: tuple[float, ...]
) -> tuple[Array, NDArray[np.int16], list[int]]:
    """Return the depth of the nearest solid in metres, its number or -1, and the numbers of those that may be seen."""
    rows, columns = rays.direction_3RC.shape[1:]
    depth_RC = np.full((rows, columns), np.inf, dtype=np.float32)
    owner_RC = np.full((rows, columns), -1, dtype=np.int16)
    seen = []
    for number, solid in enumerate(scene.solids):
        part = _covered(solid, pose_44, focal, rows, columns)
        if part is None:
            continue
        seen.append(number)
        reached = solid.meet(rays.eye_m, rays.direction_3RC[:, part[0], part[1]])
        nearer = reached < depth_RC[part]
        np.copyto(depth_RC[part], reached, where=nearer, casting="same_kind")
        np.copyto(owner_RC[part], np.int16(number), where=nearer)
    return depth_RC, owner_RC, seen


def _covered(
    solid: Solid, pose_44: NDArray[np.float64], focal: tuple[float, ...], rows: int, columns: int
) -> tuple[slice, slice] | None:
    """Return the rows and columns in which a solid's sphere can be seen, or None if it is outside the picture."""
    if solid.radius_m == math.inf:
        return slice(0, rows), slice(0, columns)
    x, y, z = (float(dot(solid.centre_m, pose_44[axis, :3])) + float(pose_44[axis, 3]) for axis in range(3))
    if z + solid.radius_m < _NEAR_M:
        return None
    across = _interval(x, z, solid.radius_m, focal[0], focal[2], columns)
    upright = _interval(y, z, solid.radius_m, focal[1], focal[3], rows)
    if across.start >= across.stop or upright.start >= upright.stop:
        return None
    return upright, across


def _interval(x: float, z: float, radius_m: float, focal: float, centre: float, count: int) -> slice:
    """Project a circle at (x, z) by its two tangents through the camera."""
    away_m = math.hypot(x, z)
    if away_m <= radius_m:
        return slice(0, count)
    middle, half = math.atan2(x, z), math.asin(radius_m / away_m)

    def pixel(angle: float) -> float:
        if abs(angle) >= math.pi / 2 - 1e-3:
            return math.copysign(math.inf, angle)
        return (focal * math.tan(angle) + centre) * count

    low, high = pixel(middle - half), pixel(middle + half)
    return slice(int(min(max(low - 1, 0), count)), int(min(max(high + 2, 0), count)))


def _shade_all(scene: Scene, rays: _Rays, depth_RC: Array, owner_RC: NDArray[np.int16], seen: list[int]) -> Array:
    direction_3P, depth_P, owner_P = rays.direction_3RC.reshape(3, -1), depth_RC.ravel(), owner_RC.ravel()
    eye_31 = np.array(rays.eye_m, dtype=np.float32)[:, None]
    rgb_3P = np.zeros_like(direction_3P)
    for number in seen:
        index_N = np.flatnonzero(owner_P == number)
        if not len(index_N):
            continue
        direction_3N, depth_N = direction_3P[:, index_N], depth_P[index_N]
        hits = Hits(
            point_m_3N=eye_31 + depth_N * direction_3N,
            direction_3N=direction_3N,
            depth_N=depth_N,
            step_right=rays.step_right,
            step_down=rays.step_down,
        )
        for facet in scene.solids[number].facets(hits):
            rgb_3P[:, index_N[facet.index_M]] = _lit(scene, scene.solids[number], hits, facet)
    if scene.sky is not None:
        index_N = np.flatnonzero(owner_P < 0)
        rgb_3P[:, index_N] = scene.sky(direction_3P[:, index_N])
    return rgb_3P.reshape(rays.direction_3RC.shape)


def _lit(scene: Scene, solid: Solid, hits: Hits, facet: Facet) -> Array:
    """Return the colours of a facet: Lambert's law for the light, less light from below, a gloss on what is round."""
    direct = np.maximum(dot(scene.light, facet.normal), 0)
    if solid.shaded and np.any(direct > 0):
        direct = direct * ~_in_shadow(scene, solid, hits.point_m_3N[:, facet.index_M])
    around = scene.ambient * (0.9 + 0.1 * facet.normal[2])
    rgb_3M = facet.rgb_3M * (around + (1 - scene.ambient) * direct)
    if np.ndim(facet.normal[0]):
        rgb_3M = rgb_3M + _gloss(scene, hits.direction_3N[:, facet.index_M], facet.normal)
    if scene.haze_m < math.inf:
        clear_M = np.exp2(hits.depth_N[facet.index_M] * np.float32(-1 / scene.haze_m))
        haze_31 = np.array(scene.haze, dtype=np.float32)[:, None]
        rgb_3M = haze_31 + (rgb_3M - haze_31) * clear_M
    return np.asarray(rgb_3M)


def _gloss(scene: Scene, direction_3M: Array, normal_3M: Array) -> Array:
    """Blinn's highlight: strongest where the normal is half-way between the light and the eye."""
    length_M = np.sqrt(dot((1, 1, 1), direction_3M * direction_3M))
    half = [scene.light[axis] - direction_3M[axis] / length_M for axis in range(3)]
    half_length_M = np.sqrt(half[0] * half[0] + half[1] * half[1] + half[2] * half[2])
    aligned_M = (half[0] * normal_3M[0] + half[1] * normal_3M[1] + half[2] * normal_3M[2]) / half_length_M
    return np.asarray(70 * np.maximum(aligned_M, 0) ** _GLOSS_POWER)


def _in_shadow(scene: Scene, receiver: Solid, point_m_3N: Array) -> NDArray[np.bool_]:
    """Whether something stands between each point and the light."""
    shadow_N = np.zeros(point_m_3N.shape[1], dtype=bool)
    light_31 = np.array(scene.light, dtype=np.float32)[:, None]
    for solid in scene.solids:
        if not solid.casts or solid is receiver or solid.radius_m == math.inf:
            continue
        x, y, z = (point_m_3N[axis] - np.float32(solid.centre_m[axis]) for axis in range(3))
        toward = x * scene.light[0] + y * scene.light[1] + z * scene.light[2]
        beside = x * x + y * y + z * z - toward * toward < solid.radius_m**2
        index_M = np.flatnonzero(beside & (toward < solid.radius_m))
        if len(index_M):
            shadow_N[index_M] |= solid.meet(point_m_3N[:, index_M], light_31) < np.inf
    return shadow_N


def oversampling(height_px: int, width_px: int) -> int:
    """Rays of a pixel in each direction: 3, and 2 for large pictures, whose edges are fine anyway."""
    return 3 if height_px * width_px <= 96 * 96 else 2


def _reduced(rgb_3RC: Array, samples: int) -> NDArray[np.uint8]:
    """Return frame_HWC, each pixel the mean of its samples."""
    total_3HW = sum(rgb_3RC[:, row::samples, column::samples] for row in range(samples) for column in range(samples))
    mean_3HW = np.asarray(total_3HW) / samples**2
    return np.ascontiguousarray(np.clip(mean_3HW + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0))
