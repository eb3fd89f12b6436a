"""Draw the `road` world: the road with its marks, what stands beside it, the other cars, hills and sky."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.worlds.poses import intrinsics, inverted
from cosmos_recipes.worlds.raycast import Scene, draw
from cosmos_recipes.worlds.road import CAR_M, LANE_M, ROAD_HALF_M, VIEWS
from cosmos_recipes.worlds.solids import Array, Column, Paint, Patch, Rgb, Solid, Sphere, Vector, box, ground, prism
from cosmos_recipes.worlds.textures import band, colour, mixed, repeated_band, stripes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cosmos_recipes.worlds.course import Course
    from cosmos_recipes.worlds.road import Car, Colour, Episode, Landmark

PAINT_RGB: dict[Colour, Rgb] = {
    "red": (206, 62, 52),
    "blue": (62, 112, 200),
    "yellow": (240, 204, 78),
    "white": (238, 236, 228),
    "green": (72, 146, 66),
    "orange": (232, 132, 44),
    "pink": (232, 150, 176),
    "purple": (134, 84, 170),
    "grey": (120, 126, 134),
    "black": (44, 46, 52),
}
_GLASS: Rgb = (52, 62, 74)
_HAZE: Rgb = (206, 218, 230)
_SEEN_M = {"house": 130.0, "tree": 110.0, "fir": 110.0, "post": 60.0, "lamp": 90.0, "car": 90.0, "wheel": 40.0}
"""From how far away things are drawn; beyond that they would be about a pixel of a small picture."""


def render(episode: Episode, height_px: int, width_px: int, views: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
    """Draw every frame of the views; returns frames_THWC, RGB, of each."""
    shown = {view: np.empty((episode.frames, height_px, width_px, 3), dtype=np.uint8) for view in views}
    focal_4 = intrinsics(episode.view_rad, height_px, width_px)
    fixed = _Surroundings(episode)
    for index in range(episode.frames):
        scene = fixed.scene(index)
        for view, frames_THWC in shown.items():
            camera_to_world_44 = episode.ego_to_world_S44[index] @ episode.camera_to_ego_V44[VIEWS.index(view)]
            frames_THWC[index] = draw(scene, inverted(camera_to_world_44), focal_4, height_px, width_px)
    return shown


class _Surroundings:
    """What does not move in an episode, made once."""

    def __init__(self, episode: Episode) -> None:
        rng = np.random.default_rng(episode.decor_seed)
        sun_rad, height_rad = float(rng.uniform(-math.pi, math.pi)), float(rng.uniform(0.7, 1.0))
        level = math.cos(height_rad)
        self.light: Vector = (level * math.cos(sun_rad), level * math.sin(sun_rad), math.sin(height_rad))
        self.sky = _sky(rng)
        self.ground = ground(_ground(episode.course, rng))
        self.landmarks = [(mark, list(_landmark(mark, episode.course))) for mark in episode.landmarks]
        self.episode = episode

    def scene(self, index: int) -> Scene:
        """Return the scene of a frame: the ground, and what is not too far away to be seen."""
        here_m = self.episode.ego_to_world_S44[index, :2, 3].tolist()
        solids: list[Solid] = [self.ground]
        for mark, parts in self.landmarks:
            if math.dist(mark.xy_m, here_m) < _SEEN_M[mark.kind]:
                solids += parts
        for car in self.episode.cars:
            away_m = math.dist(car.xy_m_S2[index].tolist(), here_m)
            if away_m < _SEEN_M["car"]:
                solids += _car(car, index, wheels=away_m < _SEEN_M["wheel"])
        return Scene(solids=solids, light=self.light, ambient=0.55, sky=self.sky, haze=_HAZE, haze_m=110.0)


def _sky(rng: np.random.Generator) -> Callable[[Array], Array]:
    """Blue above, hazy at the horizon, with hills all around whose outline tells where one looks."""
    waves = [(int(n), float(rng.uniform(0.006, 0.016)), float(rng.uniform(0, 2 * math.pi))) for n in (3, 5, 8, 13)]

    def paint(direction_3N: Array) -> Array:
        x, y, z = direction_3N
        climb_N = z / np.hypot(x, y)
        around_N = np.arctan2(y, x)
        outline_N = 0.045 + sum(high * np.sin(n * around_N + phase) for n, high, phase in waves)
        up_N = np.clip(climb_N * 1.6, 0, 1) ** 0.7
        sky_3N = mixed(colour(_HAZE), colour((98, 152, 216)), up_N)
        return mixed(sky_3N, colour((142, 166, 170)), np.clip((outline_N - climb_N) * 200 + 0.5, 0, 1))

    return paint


def _ground(course: Course, rng: np.random.Generator) -> Callable[[Patch], Array]:
    """Asphalt with marks, kerbs, pavements of slabs, and grass; on this face u is x and v is y."""
    crossing_m = float(rng.uniform(10.0, 60.0))

    def paint(patch: Patch) -> Array:
        s_m, l_m, yaw = course.locate(patch.u_m, patch.v_m)
        cosine, sine = np.cos(yaw), np.sin(yaw)
        turned = list(zip(patch.u_change_m, patch.v_change_m, strict=True))
        s_wide = sum(np.abs(cosine * u + sine * v) for u, v in turned)
        l_wide = sum(np.abs(cosine * v - sine * u) for u, v in turned)
        away_m = np.abs(l_m)
        tone_N = 0.5 + 0.28 * _wave(patch, 7.0) + 0.22 * _wave(patch, 2.0)
        rgb_3N = mixed(colour((96, 142, 70)), colour((140, 176, 92)), tone_N)
        asphalt_3N = mixed(colour((94, 97, 102)), colour((116, 118, 122)), tone_N)
        rgb_3N = mixed(rgb_3N, _slabs(s_m, away_m, s_wide, l_wide), band(away_m, 0.0, ROAD_HALF_M + 2.4, l_wide))
        rgb_3N = mixed(rgb_3N, colour((210, 208, 200)), band(away_m, 0.0, ROAD_HALF_M + 0.35, l_wide))
        rgb_3N = mixed(rgb_3N, asphalt_3N, band(l_m, -ROAD_HALF_M, ROAD_HALF_M, l_wide))
        marks_N, centre_N = _marks(s_m, l_m, s_wide, l_wide, crossing_m)
        rgb_3N = mixed(rgb_3N, colour((240, 240, 234)), marks_N)
        return mixed(rgb_3N, colour((240, 190, 50)), centre_N)

    return paint


def _marks(s_m: Array, l_m: Array, s_wide: Array, l_wide: Array, crossing_m: float) -> tuple[Array, Array]:
    """Return how much white and how much yellow paint there is."""
    away_m, edge_m = np.abs(l_m), ROAD_HALF_M - 0.35
    dashes_N = band(away_m, LANE_M - 0.11, LANE_M + 0.11, l_wide) * repeated_band(s_m, 7.5, 3.0, s_wide)
    sides_N = band(away_m, edge_m - 0.11, edge_m + 0.11, l_wide)
    zebra_N = band(s_m, crossing_m, crossing_m + 3.5, s_wide) * band(away_m, 0.0, edge_m - 0.3, l_wide)
    middle_N = band(away_m, 0.1, 0.3, l_wide) * (1 - zebra_N)
    return np.maximum(
        np.maximum(dashes_N, sides_N) * (1 - zebra_N), zebra_N * repeated_band(l_m, 1.2, 0.6, l_wide)
    ), middle_N


def _wave(patch: Patch, length_m: float) -> Array:
    """A soft pattern, from -1 to 1, which fades where a pixel covers much of it."""
    turn = 2 * math.pi / length_m
    fade_N = np.exp(-(((patch.u_width_m + patch.v_width_m) / length_m) ** 2) * 4)
    return np.asarray(
        np.sin(patch.u_m * turn + 1.7 * np.sin(patch.v_m * turn * 0.6)) * np.cos(patch.v_m * turn) * fade_N
    )


def _slabs(s_m: Array, away_m: Array, s_wide: Array, l_wide: Array) -> Array:
    joints_N = np.maximum(repeated_band(s_m, 1.2, 0.08, s_wide), repeated_band(away_m, 1.2, 0.08, l_wide))
    return mixed(colour((182, 176, 166)), colour((138, 132, 124)), joints_N)


def _landmark(mark: Landmark, course: Course) -> Iterator[Solid]:
    rgb, (x, y), (long_m, wide_m, high_m) = PAINT_RGB[mark.colour], mark.xy_m, mark.size_m
    if mark.kind == "house":
        yield from _house(mark, rgb)
    elif mark.kind == "tree":
        yield Column((x, y, 0.0), high_m - wide_m * 0.7, 0.22, (96, 72, 54))
        yield Sphere((x, y, high_m - wide_m / 2), wide_m / 2, rgb)
    elif mark.kind == "fir":
        yield Column((x, y, 0.0), 1.0, 0.2, (96, 72, 54))
        yield Column((x, y, 0.8), high_m - 0.8, wide_m / 2, (44, 104, 66), top_radius_m=0.0)
    elif mark.kind == "post":
        yield Column((x, y, 0.0), high_m, long_m / 2, stripes(rgb, (242, 242, 238), 0.5, upright=False))
    else:
        left = float(course.locate(np.array([x]), np.array([y]))[1][0]) > 0
        aside = mark.yaw_rad + (-math.pi / 2 if left else math.pi / 2)
        yield Column((x, y, 0.0), high_m, 0.1, rgb)
        tip_m = (x + 0.9 * math.cos(aside), y + 0.9 * math.sin(aside), high_m - 0.1)
        yield box((2.0, 0.22, 0.14), base_m=tip_m, yaw_rad=aside, paint=(92, 98, 106))


def _house(mark: Landmark, rgb: Rgb) -> Iterator[Solid]:
    """Walls with windows and a door, and a roof whose ridge runs along the road."""
    (x, y), (long_m, wide_m, high_m) = mark.xy_m, mark.size_m
    walls = _windows(rgb, high_m)
    yield box((long_m, wide_m, high_m), base_m=(x, y, 0.0), yaw_rad=mark.yaw_rad, paint=walls)
    eaves_m, ridge_m = wide_m / 2 + 0.4, wide_m * 0.36
    roof = stripes((122, 66, 54), (104, 54, 46), 0.5, upright=False)
    yield prism(
        [(-eaves_m, 0.0), (eaves_m, 0.0), (0.0, ridge_m)],
        long_m + 0.5,
        base_m=(x, y, high_m),
        yaw_rad=mark.yaw_rad + math.pi / 2,
        paint=roof,
        paints={3: rgb, 4: rgb},
    )


def _windows(rgb: Rgb, high_m: float) -> Callable[[Patch], Array]:
    """Windows with white frames, in one row or two, and a door in the middle."""
    storey_m = 2.7

    def paint(patch: Patch) -> Array:
        u, v, u_wide, v_wide = patch.u_m, patch.v_m, patch.u_width_m, patch.v_width_m
        rows_N = band(v, 0.0, math.floor(high_m / storey_m) * storey_m, v_wide)

        def panes(grow_m: float) -> Array:
            columns_N = repeated_band(u + 0.55 + grow_m + 1.1, 2.2, 1.1 + 2 * grow_m, u_wide)
            return np.asarray(columns_N * repeated_band(v - 1.0 + grow_m, storey_m, 1.2 + 2 * grow_m, v_wide) * rows_N)

        rgb_3N = mixed(colour(rgb), colour((246, 244, 238)), panes(0.14))
        rgb_3N = mixed(rgb_3N, colour((70, 88, 108)), panes(0.0))
        door_N = band(u, -0.55, 0.55, u_wide) * band(v, -1.0, 2.1, v_wide)
        rgb_3N = mixed(rgb_3N, colour((94, 62, 44)), door_N)
        return mixed(rgb_3N, colour((120, 112, 106)), band(v, -1.0, 0.35, v_wide))

    return paint


def _car(car: Car, index: int, *, wheels: bool) -> Iterator[Solid]:
    rgb, half_m = PAINT_RGB[car.colour], CAR_M[0] / 2
    (x, y), yaw_rad = car.xy_m_S2[index].tolist(), float(car.yaw_rad_S[index])
    base_m, ahead = (x, y, 0.0), (math.cos(yaw_rad), math.sin(yaw_rad))
    body = [(-half_m, 0.28), (half_m, 0.28), (half_m, 0.72), (-half_m, 0.92)]
    lamps: dict[int, Paint] = {1: _lamps(rgb, (252, 250, 226)), 3: _lamps(rgb, (236, 30, 30))}
    yield prism(body, CAR_M[1], base_m=base_m, yaw_rad=yaw_rad, paint=rgb, paints=lamps)
    cabin = [(-1.95, 0.8), (1.05, 0.8), (0.35, 1.45), (-1.45, 1.45)]
    side = _side_windows(rgb)
    yield prism(cabin, 1.6, base_m=base_m, yaw_rad=yaw_rad, paint=_GLASS, paints={2: rgb, 4: side, 5: side})
    for along_m in (-1.35, 1.4) if wheels else ():
        for left_m in (-0.78, 0.78):
            wheel_x, wheel_y = x + along_m * ahead[0] - left_m * ahead[1], y + along_m * ahead[1] + left_m * ahead[0]
            yield Sphere((wheel_x, wheel_y, 0.33), 0.33, (34, 35, 38), casts=False)


def _lamps(rgb: Rgb, lamp: Rgb) -> Callable[[Patch], Array]:
    def paint(patch: Patch) -> Array:
        here_N = band(np.abs(patch.u_m), 0.5, 0.85, patch.u_width_m) * band(patch.v_m, 0.45, 0.78, patch.v_width_m)
        return mixed(colour(rgb), colour(lamp), here_N)

    return paint


def _side_windows(rgb: Rgb) -> Callable[[Patch], Array]:
    def paint(patch: Patch) -> Array:
        posts_N = band(patch.u_m, -0.4, -0.25, patch.u_width_m)
        return mixed(
            mixed(colour(_GLASS), colour(rgb), posts_N), colour(rgb), band(patch.v_m, 1.36, 2.0, patch.v_width_m)
        )

    return paint
