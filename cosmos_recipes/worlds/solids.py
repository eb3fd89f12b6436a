"""Solids that rays can meet: convex prisms, upright round columns and cones, and spheres; in metres, z up.

Rays are arrays whose first axis is x, y, z; a direction need not have the length 1, and what `meet` returns is in
lengths of it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""Of float32, as everything that is done for every ray."""
Rgb = tuple[int, int, int]
Vector = tuple[float, float, float]

_MANY = 20_000
_NOTHING: Any = np.float32(np.inf)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patch:
    """N points of a surface: their coordinates `u_m`, `v_m` on it, and how these change from one pixel to the next.

    `u_change_m` is the change of `u_m` for a step to the right and a step down, and so is `v_change_m` that of `v_m`.
    """

    u_m: Array
    v_m: Array
    u_change_m: tuple[Array, Array]
    v_change_m: tuple[Array, Array]

    @property
    def u_width_m(self) -> Array:
        """How much of `u_m` a pixel covers."""
        return np.abs(self.u_change_m[0]) + np.abs(self.u_change_m[1])

    @property
    def v_width_m(self) -> Array:
        """How much of `v_m` a pixel covers."""
        return np.abs(self.v_change_m[0]) + np.abs(self.v_change_m[1])


Paint = Rgb | Callable[[Patch], Array]
"""One colour, or a function that returns the colours (3, N), 0 to 255, of the points of a patch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hits:
    """Where N rays of a camera meet a solid: `point_m_3N` = eye + `depth_N` * `direction_3N`.

    `step_right`, `step_down` are how the direction changes from one pixel to the next.
    """

    point_m_3N: Array
    direction_3N: Array
    depth_N: Array
    step_right: Vector
    step_down: Vector

    def chosen(self, index_M: NDArray[np.intp]) -> Hits:
        """Return some of the hits."""
        return Hits(
            point_m_3N=self.point_m_3N[:, index_M],
            direction_3N=self.direction_3N[:, index_M],
            depth_N=self.depth_N[index_M],
            step_right=self.step_right,
            step_down=self.step_down,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """Some of the hits of a solid, given by `index_M`, and the surface there: its colours and its normals.

    `normal` are three numbers where the surface is flat, and otherwise (3, M).
    """

    index_M: NDArray[np.intp] | slice
    rgb_3M: Array
    normal: Any


class Solid(ABC):
    """A convex thing. `centre_m` and `radius_m` are a sphere around it; the radius is infinite where there is none."""

    centre_m: Vector
    radius_m: float
    casts: bool
    """Whether it throws a shadow on what is `shaded`."""
    shaded: bool

    @abstractmethod
    def meet(self, origin_m: Any, direction: Array) -> Array:
        """Return how far along each ray the solid begins, infinite where it is missed; shape of one of the axes.

        It divides by zero where a ray runs along a surface, which does no harm: the caller keeps numpy from saying so.
        """

    @abstractmethod
    def facets(self, hits: Hits) -> Iterator[Facet]:
        """Yield the surface at the hits, in parts that together are all of them."""


def dot(vector: Sequence[float], along: Any) -> Any:
    """Return the scalar product of a vector with one vector or an array of them; nothing is done for its zeros."""
    terms = [float(value) * along[axis] for axis, value in enumerate(vector) if value]
    return sum(terms[1:], terms[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Face:
    """A plane: points on its outer side have `dot(normal, point) > offset_m`. `u` and `v` are its own axes."""

    normal: Vector
    offset_m: float
    u: Vector
    v: Vector
    paint: Paint

    def patch(self, hits: Hits, origin_m: Vector) -> Patch:
        """Return the hits' coordinates on the face, counted from the point nearest to `origin_m`."""
        toward_N = dot(self.normal, hits.direction_3N)
        moved = [dot(self.normal, step) / toward_N for step in (hits.step_right, hits.step_down)]

        def change(axis: Vector) -> tuple[Array, Array]:
            along_N = dot(axis, hits.direction_3N)
            right, down = dot(axis, hits.step_right), dot(axis, hits.step_down)
            return hits.depth_N * (right - along_N * moved[0]), hits.depth_N * (down - along_N * moved[1])

        return Patch(
            u_m=dot(self.u, hits.point_m_3N) - dot(self.u, origin_m),
            v_m=dot(self.v, hits.point_m_3N) - dot(self.v, origin_m),
            u_change_m=change(self.u),
            v_change_m=change(self.v),
        )


class Polyhedron(Solid):
    """What lies inside all its faces; a room is one that is seen from the inside (`hollow`)."""

    def __init__(
        self,
        faces: Sequence[Face],
        *,
        origin_m: Vector,
        centre_m: Vector = (0.0, 0.0, 0.0),
        radius_m: float = math.inf,
        hollow: bool = False,
        casts: bool = True,
        shaded: bool = False,
    ) -> None:
        self.faces, self.origin_m, self.hollow = tuple(faces), origin_m, hollow
        self.centre_m, self.radius_m, self.casts, self.shaded = centre_m, radius_m, casts, shaded
        self._normals = np.array([face.normal for face in faces], dtype=np.float32).T
        self._offsets_m = np.array([face.offset_m for face in faces], dtype=np.float64)

    def meet(self, origin_m: Any, direction: Array) -> Array:
        """See `Solid.meet`; rays enter where they pass the last of the faces that they come to from outside."""
        toward = self._across(direction)
        if isinstance(origin_m, tuple):
            gaps_m = np.array([face.offset_m - dot(face.normal, origin_m) for face in self.faces], dtype=np.float32)
            gap = gaps_m.reshape(-1, *(1,) * (toward.ndim - 1))
        else:
            gap = self._offsets_m.astype(np.float32)[:, None] - self._across(origin_m)
        reached = gap / toward
        leave = np.where(toward > 0, reached, _NOTHING).min(axis=0)
        if self.hollow:
            return np.asarray(leave)
        missed = np.where(gap < 0, _NOTHING, np.float32(0.0))
        enter = np.where(toward < 0, reached, missed).max(axis=0)
        return np.asarray(np.where((enter < leave) & (enter > 0), enter, _NOTHING))

    def _across(self, vectors: Array) -> Array:
        """Return the scalar products of all faces' normals with vectors, the faces on the first axis.

        For many vectors it is quicker to leave out the zeros of the normals, for few to ask only once.
        """
        if vectors.size > _MANY:
            return np.stack([dot(face.normal, vectors) for face in self.faces])
        x, y, z = (axis.reshape(-1, *(1,) * (vectors.ndim - 1)) for axis in self._normals)
        return np.asarray(x * vectors[0] + y * vectors[1] + z * vectors[2])

    def facets(self, hits: Hits) -> Iterator[Facet]:
        """See `Solid.facets`; a hit is on the face whose plane is nearest."""
        away_FN = np.abs(self._across(hits.point_m_3N) - self._offsets_m.astype(np.float32)[:, None])
        nearest_N = np.argmin(away_FN, axis=0)
        for number in np.flatnonzero(np.bincount(nearest_N)).tolist():
            face, index_M = self.faces[number], np.flatnonzero(nearest_N == number)
            rgb_3M = painted(face.paint, partial(self._patch, face, hits, index_M))
            normal = tuple(-value for value in face.normal) if self.hollow else face.normal
            yield Facet(index_M=index_M, rgb_3M=rgb_3M, normal=normal)

    def _patch(self, face: Face, hits: Hits, index_M: NDArray[np.intp]) -> Patch:
        return face.patch(hits.chosen(index_M), self.origin_m)


def painted(paint: Paint, patch: Callable[[], Patch]) -> Array:
    """Return the colours, (3, N) or (3, 1), of any paint; where it is one colour, `patch` is not called."""
    if callable(paint):
        return paint(patch())
    return np.array(paint, dtype=np.float32)[:, None]


class Sphere(Solid):
    """A ball."""

    def __init__(self, centre_m: Vector, radius_m: float, paint: Rgb, *, casts: bool = True) -> None:
        self.centre_m, self.radius_m, self.paint, self.casts, self.shaded = centre_m, radius_m, paint, casts, False

    def meet(self, origin_m: Any, direction: Array) -> Array:
        """See `Solid.meet`; the smaller root of |origin + t * direction - centre| = radius."""
        x, y, z = (origin_m[axis] - self.centre_m[axis] for axis in range(3))
        a = dot((1, 1, 1), direction * direction)
        b = x * direction[0] + y * direction[1] + z * direction[2]
        rest = b * b - a * (x * x + y * y + z * z - self.radius_m**2)
        reached = (-b - np.sqrt(np.maximum(rest, 0))) / a
        return np.asarray(np.where((rest > 0) & (reached > 0), reached, _NOTHING))

    def facets(self, hits: Hits) -> Iterator[Facet]:
        """See `Solid.facets`."""
        centre_31 = np.array(self.centre_m, dtype=np.float32)[:, None]
        rgb_31 = np.array(self.paint, dtype=np.float32)[:, None]
        yield Facet(index_M=slice(None), rgb_3M=rgb_31, normal=(hits.point_m_3N - centre_31) / self.radius_m)


class Column(Solid):
    """An upright round column; one whose radius at the top is 0 is a cone."""

    def __init__(
        self,
        base_m: Vector,
        height_m: float,
        radius_m: float,
        paint: Paint,
        *,
        top_radius_m: float | None = None,
        top_paint: Paint | None = None,
        casts: bool = True,
        shaded: bool = False,
    ) -> None:
        self.base_m, self.height_m, self.foot_m = base_m, height_m, radius_m
        self.slope = ((radius_m if top_radius_m is None else top_radius_m) - radius_m) / height_m
        self.paint, self.top_paint, self.casts, self.shaded = paint, top_paint or paint, casts, shaded
        self.centre_m = (base_m[0], base_m[1], base_m[2] + height_m / 2)
        self.radius_m = math.hypot(height_m / 2, max(radius_m, top_radius_m or 0.0))

    def meet(self, origin_m: Any, direction: Array) -> Array:
        """See `Solid.meet`; the side is where x² + y² = (foot + slope * z)², both roots of which may be on it."""
        x, y, z = (origin_m[axis] - self.base_m[axis] for axis in range(3))
        over = self.foot_m + self.slope * z
        rise = self.slope * direction[2]
        a = direction[0] * direction[0] + direction[1] * direction[1] - rise * rise
        b = x * direction[0] + y * direction[1] - over * rise
        rest = b * b - a * (x * x + y * y - over * over)
        root = np.sqrt(np.maximum(rest, 0))
        nearest = _NOTHING
        for reached in ((-b - root) / a, (-b + root) / a):
            up = z + reached * direction[2]
            fits = (rest > 0) & (reached > 0) & (up >= 0) & (up <= self.height_m)
            nearest = np.minimum(nearest, np.where(fits, reached, _NOTHING))
        for level_m in (0.0, self.height_m):
            reached = (level_m - z) / direction[2]
            across, along = x + reached * direction[0], y + reached * direction[1]
            fits = (reached > 0) & (across * across + along * along < (self.foot_m + self.slope * level_m) ** 2)
            nearest = np.minimum(nearest, np.where(fits, reached, _NOTHING))
        return np.asarray(nearest)

    def facets(self, hits: Hits) -> Iterator[Facet]:
        """See `Solid.facets`; the coordinates of the side are the way around it and the height."""
        x, y, z = (hits.point_m_3N[axis] - np.float32(self.base_m[axis]) for axis in range(3))
        away = np.hypot(x, y)
        level_m = self.height_m - 1e-3
        top_M = (
            np.flatnonzero(z > level_m) if self.foot_m + self.slope * self.height_m > 0 else np.array([], dtype=np.intp)
        )
        if len(top_M):
            flat = hits.chosen(top_M)
            width = flat.depth_N * math.hypot(*flat.step_right)
            rgb_3M = painted(self.top_paint, lambda: _round_patch(x[top_M], y[top_M], width))
            yield Facet(index_M=top_M, rgb_3M=rgb_3M, normal=(0.0, 0.0, 1.0))
        side_M = np.flatnonzero(z <= level_m) if len(top_M) else np.arange(len(z))
        x, y, z, away = x[side_M], y[side_M], z[side_M], np.maximum(away[side_M], 1e-6)
        width = hits.depth_N[side_M] * math.hypot(*hits.step_right)
        rgb_3M = painted(self.paint, lambda: _round_patch(np.arctan2(y, x) * self.foot_m, z, width))
        scale = np.float32(1 / math.hypot(1.0, self.slope))
        yield Facet(
            index_M=side_M,
            rgb_3M=rgb_3M,
            normal=np.stack([x / away * scale, y / away * scale, np.full_like(x, -self.slope * scale)]),
        )


def _round_patch(u_m: Array, v_m: Array, width_m: Array) -> Patch:
    """A patch of a curved surface, for which every direction changes as if it faced the camera."""
    none = np.zeros_like(width_m)
    return Patch(u_m=u_m, v_m=v_m, u_change_m=(width_m, none), v_change_m=(none, width_m))


def prism(
    profile_m: Sequence[tuple[float, float]],
    width_m: float,
    *,
    base_m: Vector,
    yaw_rad: float = 0.0,
    paint: Paint,
    paints: dict[int, Paint] | None = None,
    hollow: bool = False,
    casts: bool = True,
    shaded: bool = False,
) -> Polyhedron:
    """Return a convex profile (x forward, z up, counter-clockwise as seen from the right) drawn out to both sides.

    `base_m` is where the profile's origin is, `yaw_rad` turns x counter-clockwise. Faces are numbered as the edges of
    the profile, then left, then right; `paints` are those that differ from `paint`. On a face, u runs across the prism
    and v along the edge, upwards or forwards; on the sides u is x and v is z.
    """
    ahead, left = (math.cos(yaw_rad), math.sin(yaw_rad), 0.0), (-math.sin(yaw_rad), math.cos(yaw_rad), 0.0)
    up, painted = (0.0, 0.0, 1.0), paints or {}

    def face(number: int, normal: Vector, point_m: Vector, u: Vector, v: Vector) -> Face:
        offset_m = float(dot(normal, point_m)) + float(dot(normal, base_m))
        return Face(normal=normal, offset_m=offset_m, u=u, v=v, paint=painted.get(number, paint))

    faces = []
    for number, (x, z) in enumerate(profile_m):
        next_x, next_z = profile_m[(number + 1) % len(profile_m)]
        length_m = math.hypot(next_x - x, next_z - z)
        along, climb = (next_x - x) / length_m, (next_z - z) / length_m
        sign = 1.0 if (climb, along) > (0.0, 0.0) else -1.0
        normal = _combined(climb, ahead, -along, up)
        faces.append(
            face(number, normal, _combined(x, ahead, z, up), left, _combined(sign * along, ahead, sign * climb, up))
        )
    for number, side in ((len(profile_m), 1.0), (len(profile_m) + 1, -1.0)):
        faces.append(
            face(number, _combined(side, left, 0.0, up), _combined(side * width_m / 2, left, 0.0, up), ahead, up)
        )
    x_middle, z_middle = (sum(point[axis] for point in profile_m) / len(profile_m) for axis in (0, 1))
    reach_m = max(math.hypot(x - x_middle, z - z_middle) for x, z in profile_m)
    middle_m = _combined(x_middle, ahead, z_middle, up)
    centre_m = (middle_m[0] + base_m[0], middle_m[1] + base_m[1], middle_m[2] + base_m[2])
    radius_m = math.inf if hollow else math.hypot(reach_m, width_m / 2)
    return Polyhedron(
        faces, origin_m=base_m, centre_m=centre_m, radius_m=radius_m, hollow=hollow, casts=casts, shaded=shaded
    )


def _combined(share: float, one: Vector, other_share: float, other: Vector) -> Vector:
    x, y, z = (share * a + other_share * b + 0.0 for a, b in zip(one, other, strict=True))
    return x, y, z


def box(size_m: Vector, **settings: Any) -> Polyhedron:
    """Return a box of a length (x), width (y) and height (z) that stands on its base; faces: bottom, front, top, back, left, right."""
    half_m, height_m = size_m[0] / 2, size_m[2]
    return prism([(-half_m, 0.0), (half_m, 0.0), (half_m, height_m), (-half_m, height_m)], size_m[1], **settings)


def ground(paint: Paint) -> Polyhedron:
    """Return the plane z = 0, without an end; u is x and v is y."""
    face = Face(normal=(0.0, 0.0, 1.0), offset_m=0.0, u=(1.0, 0.0, 0.0), v=(0.0, 1.0, 0.0), paint=paint)
    return Polyhedron([face], origin_m=(0.0, 0.0, 0.0), casts=False, shaded=True)
