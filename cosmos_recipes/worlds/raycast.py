"""Draw solids as a pinhole camera sees them: exact perspective, one light, hard shadows, smooth edges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.worlds.solids import Array, Hits, Rgb, Solid, Vector, dot

SAMPLES = 2
"""Rays of a pixel in each direction; what is painted on a surface is smooth without."""

_NEAR_M = 0.02
_LIFT_M = 0.003
"""From how far above a surface it looks for the light, so as not to find itself in the way."""
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
    rays = _cast(pose_44, focal, height_px * SAMPLES, width_px * SAMPLES)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        depth_RC, owner_RC, seen = _meet_all(scene, rays, pose_44, focal)
        rgb_3RC = _shade_all(scene, rays, depth_RC, owner_RC, seen)
    return _reduced(rgb_3RC)


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
    for number in _in_view(scene.solids, pose_44, focal):
        solid = scene.solids[number]
        part = _covered(solid, pose_44, focal, rows, columns)
        if part is None:
            continue
        seen.append(number)
        reached = solid.meet(rays.eye_m, rays.direction_3RC[:, part[0], part[1]])
        nearer = reached < depth_RC[part]
        np.copyto(depth_RC[part], reached, where=nearer, casting="same_kind")
        np.copyto(owner_RC[part], np.int16(number), where=nearer)
    return depth_RC, owner_RC, seen


def _in_view(solids: Sequence[Solid], pose_44: NDArray[np.float64], focal: tuple[float, ...]) -> list[int]:
    """Return the numbers of the solids whose spheres reach into the pyramid that the camera sees."""
    fx, fy, cx, cy = focal
    radius_m_N = np.array([solid.radius_m for solid in solids])
    centre_m_N3 = np.array([solid.centre_m for solid in solids]) @ pose_44[:3, :3].T + pose_44[:3, 3]
    sides_43 = np.array([(fx, 0.0, cx), (-fx, 0.0, 1 - cx), (0.0, fy, cy), (0.0, -fy, 1 - cy)])
    inward_m_N4 = centre_m_N3 @ (sides_43 / np.linalg.norm(sides_43, axis=1, keepdims=True)).T
    return np.flatnonzero(np.all(inward_m_N4 > -radius_m_N[:, None] - _NEAR_M, axis=1)).tolist()


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
    """Return the colours of all samples: first what each is of itself, then the light on all at once."""
    direction_3P, depth_P, owner_P = rays.direction_3RC.reshape(3, -1), depth_RC.ravel(), owner_RC.ravel()
    eye_31 = np.array(rays.eye_m, dtype=np.float32)[:, None]
    surface = _Surface.empty(len(depth_P))
    order_P = np.argsort(owner_P, kind="stable")
    bounds = np.searchsorted(owner_P, np.arange(-1, len(scene.solids) + 1), sorter=order_P).tolist()
    for number in seen:
        index_N = order_P[bounds[number + 1] : bounds[number + 2]]
        if len(index_N):
            direction_3N, depth_N = direction_3P[:, index_N], depth_P[index_N]
            hits = Hits(
                point_m_3N=eye_31 + depth_N * direction_3N,
                direction_3N=direction_3N,
                depth_N=depth_N,
                step_right=rays.step_right,
                step_down=rays.step_down,
            )
            surface.put(scene.solids[number], hits, index_N)
    rgb_3P = _lit(scene, surface, direction_3P, depth_P)
    if scene.sky is not None:
        index_N = order_P[: bounds[1]]
        rgb_3P[:, index_N] = scene.sky(direction_3P[:, index_N])
    return rgb_3P.reshape(rays.direction_3RC.shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Surface:
    """What P samples show: points in metres, colours and normals; whether it is round, whether shadows fall on it."""

    point_m_3P: Array
    rgb_3P: Array
    normal_3P: Array
    is_round_P: NDArray[np.bool_]
    is_shaded_P: NDArray[np.bool_]

    @classmethod
    def empty(cls, count: int) -> _Surface:
        point_m_3P, rgb_3P, normal_3P = (np.zeros((3, count), dtype=np.float32) for _ in range(3))
        flags = [np.zeros(count, dtype=bool) for _ in range(2)]
        return cls(point_m_3P=point_m_3P, rgb_3P=rgb_3P, normal_3P=normal_3P, is_round_P=flags[0], is_shaded_P=flags[1])

    def put(self, solid: Solid, hits: Hits, index_N: NDArray[np.intp]) -> None:
        """Write the samples that show a solid."""
        self.point_m_3P[:, index_N] = hits.point_m_3N
        self.is_shaded_P[index_N] = solid.shaded
        for facet in solid.facets(hits):
            index_M = index_N[facet.index_M]
            is_round = bool(np.ndim(facet.normal[0]))
            self.rgb_3P[:, index_M] = facet.rgb_3M
            self.normal_3P[:, index_M] = facet.normal if is_round else np.array(facet.normal)[:, None]
            self.is_round_P[index_M] = is_round


def _lit(scene: Scene, surface: _Surface, direction_3P: Array, depth_P: Array) -> Array:
    """Return the lit colours: Lambert's law for the light, less light from below, a gloss on what is round, haze."""
    normal_3P = surface.normal_3P
    direct_P = np.maximum(dot(scene.light, normal_3P), 0)
    index_N = np.flatnonzero(surface.is_shaded_P & (direct_P > 0))
    lifted_m_3N = surface.point_m_3P[:, index_N] + np.float32(_LIFT_M) * normal_3P[:, index_N]
    direct_P[index_N[_in_shadow(scene, lifted_m_3N)]] = 0
    light_P = scene.ambient * (0.9 + 0.1 * normal_3P[2]) + (1 - scene.ambient) * direct_P
    rgb_3P = surface.rgb_3P * light_P
    index_N = np.flatnonzero(surface.is_round_P)
    rgb_3P[:, index_N] += _gloss(scene, direction_3P[:, index_N], normal_3P[:, index_N])
    if scene.haze_m < math.inf:
        haze_31 = np.array(scene.haze, dtype=np.float32)[:, None]
        rgb_3P = haze_31 + (rgb_3P - haze_31) * np.exp2(depth_P * np.float32(-1 / scene.haze_m))
    return np.asarray(rgb_3P)


def _gloss(scene: Scene, direction_3M: Array, normal_3M: Array) -> Array:
    """Blinn's highlight: strongest where the normal is half-way between the light and the eye."""
    length_M = np.sqrt(dot((1, 1, 1), direction_3M * direction_3M))
    half = [scene.light[axis] - direction_3M[axis] / length_M for axis in range(3)]
    half_length_M = np.sqrt(half[0] * half[0] + half[1] * half[1] + half[2] * half[2])
    aligned_M = (half[0] * normal_3M[0] + half[1] * normal_3M[1] + half[2] * normal_3M[2]) / half_length_M
    return np.asarray(70 * np.maximum(aligned_M, 0) ** _GLOSS_POWER)


def _in_shadow(scene: Scene, point_m_3N: Array) -> NDArray[np.bool_]:
    """Whether something stands between each point and the light.

    Seen along the light a solid hides only points within its radius, and those are soon found among sorted ones.
    """
    shadow_N = np.zeros(point_m_3N.shape[1], dtype=bool)
    casting = [solid for solid in scene.solids if solid.casts and solid.radius_m < math.inf]
    light_31 = np.array(scene.light, dtype=np.float32)[:, None]
    across, along = _beside(scene.light)
    order_N = np.argsort(dot(across, point_m_3N))
    point_m_3N = point_m_3N[:, order_N]
    across_m_N, along_m_N = dot(across, point_m_3N), dot(along, point_m_3N)
    reach_m_C = np.array([solid.radius_m for solid in casting])
    middle_m_C = np.array([dot(across, solid.centre_m) for solid in casting])
    starts, ends = (np.searchsorted(across_m_N, middle_m_C + side * reach_m_C).tolist() for side in (-1, 1))
    for solid, start, end in zip(casting, starts, ends, strict=True):
        if start == end:
            continue
        near_M = np.abs(along_m_N[start:end] - float(dot(along, solid.centre_m))) < solid.radius_m
        index_M = np.flatnonzero(near_M) + start
        if len(index_M):
            shadow_N[order_N[index_M]] |= solid.meet(point_m_3N[:, index_M], light_31) < np.inf
    return shadow_N


def _beside(light: Vector) -> tuple[Vector, Vector]:
    """Return two directions at right angles to the light's and to each other."""
    across = np.cross(light, (0.0, 0.0, 1.0) if abs(light[2]) < 0.99 else (1.0, 0.0, 0.0))
    across = across / np.linalg.norm(across)
    return _vector(across), _vector(np.cross(light, across))


def _reduced(rgb_3RC: Array) -> NDArray[np.uint8]:
    """Return frame_HWC, each pixel the mean of its samples."""
    total_3HW = sum(rgb_3RC[:, row::SAMPLES, column::SAMPLES] for row in range(SAMPLES) for column in range(SAMPLES))
    mean_3HW = np.asarray(total_3HW) / SAMPLES**2
    return np.ascontiguousarray(np.clip(mean_3HW + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0))
