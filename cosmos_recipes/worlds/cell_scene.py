"""Draw the `cell` world: a table in a room whose four walls differ, the tool, and the things."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.worlds.cell import HEADINGS, TABLE_M, TURNTABLE_HEIGHT_M, VIEWS, Pusher, Turntable
from cosmos_recipes.worlds.poses import intrinsics
from cosmos_recipes.worlds.raycast import Scene, draw
from cosmos_recipes.worlds.solids import Array, Column, Paint, Patch, Rgb, Solid, Vector, box
from cosmos_recipes.worlds.textures import Motif, Poster, band, checks, colour, mixed, stripes, tiles, with_posters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cosmos_recipes.worlds.cell import Episode

LIGHT: Vector = (-0.4, -0.3, 0.866)
FLOOR_M = -0.72
_ROOM_M: Vector = (6.0, 6.0, 3.0)
_STEEL: Rgb = (128, 134, 144)
_TOPS: tuple[tuple[Rgb, Rgb], ...] = (
    ((206, 176, 136), (182, 150, 110)),
    ((196, 200, 202), (168, 174, 178)),
    ((70, 104, 92), (112, 146, 132)),
    ((74, 84, 104), (110, 122, 144)),
)


def render(episode: Episode, height_px: int, width_px: int, views: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
    """Draw every frame of the views; returns frames_THWC, RGB, of each."""
    shown = {view: np.empty((episode.frames, height_px, width_px, 3), dtype=np.uint8) for view in views}
    fixed = _surroundings(episode)
    for index in range(episode.frames):
        scene = Scene(solids=[*fixed, *_tool(episode, index), *_things(episode, index)], light=LIGHT, ambient=0.62)
        for view, frames_THWC in shown.items():
            number = VIEWS.index(view)
            focal_4 = intrinsics(episode.view_rad_V[number], height_px, width_px)
            frames_THWC[index] = draw(scene, episode.world_to_camera_V44[number], focal_4, height_px, width_px)
    return shown


def _things(episode: Episode, index: int) -> list[Solid]:
    feet_m = episode.foot_m_PT3[:, index].tolist()
    turned_rad = episode.turned_rad_PT[:, index].tolist()
    return [
        thing.solid(x, y, z, turned)
        for thing, (x, y, z), turned in zip(episode.things, feet_m, turned_rad, strict=True)
    ]


def _surroundings(episode: Episode) -> list[Solid]:
    """The room and the table."""
    rng = np.random.default_rng(episode.decor_seed)
    top = _TOPS[int(rng.integers(len(_TOPS)))]
    walls: dict[int, Paint] = {
        0: tiles((150, 146, 140), (118, 114, 110), 0.6, 0.6, 0.03),
        1: _wall((196, 204, 190), (88, 138, 96), "rings"),
        2: (300, 300, 298),
        3: _wall((216, 200, 184), (196, 110, 62), "cross"),
        4: _wall((190, 202, 216), (60, 100, 168), "disc"),
        5: _wall((206, 196, 210), (134, 84, 150), "bars"),
    }
    room = box(_ROOM_M, base_m=(0.0, 0.0, FLOOR_M), paint=_STEEL, paints=walls, hollow=True, shaded=True)
    size_m = (TABLE_M[0], TABLE_M[1], 0.05)
    table = box(size_m, base_m=(0.0, 0.0, -0.05), paint=(104, 92, 82), paints={2: _top(*top)}, shaded=True)
    legs_m = [(x * (TABLE_M[0] / 2 - 0.07), y * (TABLE_M[1] / 2 - 0.07)) for x in (-1, 1) for y in (-1, 1)]
    legs = [box((0.06, 0.06, -FLOOR_M - 0.05), base_m=(x, y, FLOOR_M), paint=_STEEL) for x, y in legs_m]
    return [room, table, *legs]


def _wall(paper: Rgb, ink: Rgb, motif: Motif) -> Callable[[Patch], Array]:
    """A wall of its own colour with a band along it and a poster, so that the views are told apart."""
    poster = Poster(u_m=0.0, v_m=0.9, width_m=0.75, height_m=0.75, ground=(246, 244, 236), ink=ink, motif=motif)

    def paint(patch: Patch) -> Array:
        plain = mixed(colour(paper), colour(ink), 0.8 * band(patch.v_m, 0.34, 0.42, patch.v_width_m))
        return with_posters(lambda _: plain, [poster], skirting=(92, 86, 82))(patch)

    return paint


def _top(ground: Rgb, line: Rgb) -> Callable[[Patch], Array]:
    """A mat with a grid of 10 cm on it and a darker rim; on this face u is y and v is x."""
    grid = tiles(ground, line, 0.1, 0.1, 0.008)

    def paint(patch: Patch) -> Array:
        inner = band(patch.v_m, 0.04 - TABLE_M[0] / 2, TABLE_M[0] / 2 - 0.04, patch.v_width_m)
        inner = inner * band(patch.u_m, 0.04 - TABLE_M[1] / 2, TABLE_M[1] / 2 - 0.04, patch.u_width_m)
        return mixed(colour((92, 84, 78)), grid(patch), inner)

    return paint


def _tool(episode: Episode, index: int) -> list[Solid]:
    if isinstance(episode.tool, Pusher):
        return _pusher(episode.tool, float(episode.tool.reach_m_T[index]))
    return [_turntable(episode.tool, float(episode.tool.turned_rad_T[index]))]


def _pusher(tool: Pusher, reach_m: float) -> list[Solid]:
    """A striped plate, the rod that carries it, and the drive at the table's edge that the rod runs through."""
    x, y, _ = HEADINGS[tool.heading]
    yaw_rad = math.atan2(y, x)
    edge_m = (TABLE_M[0] if x else TABLE_M[1]) / 2
    long_m = edge_m * 2
    plate = stripes((246, 206, 44), (36, 36, 40), 0.05)

    def part(size_m: Vector, along_m: float, up_m: float, paint: Paint) -> Solid:
        place_x, place_y = tool.place(along_m)
        return box(size_m, base_m=(place_x, place_y, up_m), yaw_rad=yaw_rad, paint=paint)

    return [
        part((0.03, 0.2, 0.11), reach_m - 0.015, 0.004, plate),
        part((long_m, 0.035, 0.035), reach_m - 0.03 - long_m / 2, 0.045, (176, 182, 190)),
        part((0.14, 0.16, 0.16), -edge_m + 0.03, 0.0, (52, 150, 160)),
    ]


def _turntable(tool: Turntable, turned_rad: float) -> Solid:
    """A disc with sectors, of which one is marked, so that it is seen to turn."""

    def top(patch: Patch) -> Array:
        away = np.hypot(patch.u_m, patch.v_m)
        turn = (np.arctan2(patch.v_m, patch.u_m) - np.float32(turned_rad)) / np.float32(math.pi / 4)
        sectors = _soft(turn - 2 * np.floor(turn / 2), patch.u_width_m / np.maximum(away, 0.02))
        rgb_3N = mixed(colour((216, 218, 220)), colour((168, 176, 186)), sectors)
        marked = (np.floor(turn / 2) % 4 == 0) * sectors * band(away, 0.06, tool.radius_m - 0.05, patch.u_width_m)
        rgb_3N = mixed(rgb_3N, colour((44, 170, 176)), marked)
        return mixed(rgb_3N, colour((70, 76, 86)), 1 - band(away, 0.03, tool.radius_m - 0.02, patch.u_width_m))

    base_m, rim = (*tool.centre_m, 0.0), checks((70, 76, 86), (120, 126, 136), 0.05)
    return Column(base_m, TURNTABLE_HEIGHT_M, tool.radius_m, rim, top_paint=top, shaded=True)


def _soft(turn: Array, wide: Array) -> Array:
    """Return 1 where the turn, 0 to 2, is in the lower half, with edges as wide as a pixel."""
    return np.asarray(np.clip(0.5 - (np.abs(turn - 0.5) - 0.5) / np.maximum(wide, 1e-4), 0, 1))
