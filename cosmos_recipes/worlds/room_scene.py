"""Draw the `room` world: painted walls with posters, a floor, a ceiling with lamps, and the things."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np

from cosmos_recipes.worlds.poses import intrinsics
from cosmos_recipes.worlds.raycast import Scene, draw
from cosmos_recipes.worlds.solids import Array, Paint, Patch, Polyhedron, Rgb, Vector, box
from cosmos_recipes.worlds.textures import (
    Motif,
    Poster,
    Texture,
    band,
    checks,
    colour,
    mixed,
    stripes,
    tiles,
    with_posters,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cosmos_recipes.worlds.room import Episode

LIGHT: Vector = (0.36, -0.48, 0.8)
_WALLS: tuple[tuple[Rgb, Rgb], ...] = (
    ((214, 206, 190), (186, 172, 150)),
    ((188, 204, 212), (150, 172, 186)),
    ((206, 214, 190), (170, 184, 148)),
    ((222, 196, 184), (194, 156, 142)),
    ((204, 198, 216), (168, 160, 190)),
    ((228, 216, 172), (202, 184, 128)),
)
_BRICKS: tuple[Rgb, ...] = ((184, 122, 100), (168, 150, 138), (150, 158, 168))
_SHEETS: tuple[tuple[Rgb, Rgb], ...] = (
    ((248, 244, 232), (206, 60, 52)),
    ((32, 58, 96), (240, 240, 236)),
    ((250, 214, 92), (34, 96, 160)),
    ((214, 240, 236), (28, 120, 96)),
    ((118, 34, 50), (250, 220, 160)),
    ((246, 246, 244), (30, 28, 34)),
    ((40, 150, 140), (252, 232, 120)),
)
"""Ground and ink of the posters."""
_FLOORS: tuple[tuple[Rgb, Rgb], ...] = (
    ((196, 188, 176), (132, 120, 108)),
    ((204, 204, 202), (112, 120, 130)),
    ((190, 150, 106), (158, 118, 80)),
    ((176, 164, 150), (120, 134, 122)),
)


def render(episode: Episode, height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Draw every frame; returns frames_THWC, RGB."""
    scene = _scene(episode)
    focal_4 = intrinsics(episode.view_rad, height_px, width_px)
    return np.stack([draw(scene, pose_44, focal_4, height_px, width_px) for pose_44 in episode.world_to_camera_T44])


def _scene(episode: Episode) -> Scene:
    places = zip(episode.things, episode.places_m, strict=True)
    things = [thing.solid(x_m, y_m, 0.0) for thing, (x_m, y_m) in places]
    return Scene(solids=[_walls(episode), *things], light=LIGHT, ambient=0.68)


def _walls(episode: Episode) -> Polyhedron:
    """The room from the inside, every wall painted differently."""
    rng = np.random.default_rng(episode.decor_seed)
    length_m, depth_m, height_m = episode.size_m
    pairs, floor = rng.permutation(len(_WALLS)), _FLOORS[int(rng.integers(len(_FLOORS)))]
    paints: dict[int, Paint] = {0: _floor(rng, floor), 2: _ceiling}
    for number, (face, wide_m) in enumerate(((1, depth_m), (3, depth_m), (4, length_m), (5, length_m))):
        paper = _paper(rng, _WALLS[int(pairs[number])])
        paints[face] = with_posters(paper, _posters(rng, wide_m, height_m), skirting=(92, 80, 72))
    return box(episode.size_m, base_m=(0.0, 0.0, 0.0), paint=(0, 0, 0), paints=paints, hollow=True, shaded=True)


def _paper(rng: np.random.Generator, pair: tuple[Rgb, Rgb]) -> Texture:
    kind = int(rng.integers(4))
    if kind == 0:
        return checks(*pair, float(rng.uniform(0.35, 0.6)))
    if kind == 1:
        return stripes(*pair, float(rng.uniform(0.4, 0.8)))
    if kind == 2:
        return stripes(*pair, float(rng.uniform(0.5, 0.9)), upright=False, share=0.35)
    brick = _BRICKS[int(rng.integers(len(_BRICKS)))]
    return tiles(brick, (222, 214, 202), 0.5, 0.25, 0.03, shifted=True)


def _posters(rng: np.random.Generator, wide_m: float, height_m: float) -> list[Poster]:
    """Two or three posters beside each other, no two alike."""
    count = int(rng.integers(2, 4))
    motifs, sheets = rng.permutation(len(get_args(Motif))), rng.permutation(len(_SHEETS))
    room_m = wide_m / count
    return [
        Poster(
            u_m=-wide_m / 2 + (number + 0.5) * room_m + float(rng.uniform(-0.15, 0.15)) * room_m,
            v_m=height_m * float(rng.uniform(0.54, 0.62)),
            width_m=float(rng.uniform(0.7, 1.1)),
            height_m=float(rng.uniform(0.8, 1.2)),
            ground=_SHEETS[sheets[number]][0],
            ink=_SHEETS[sheets[number]][1],
            motif=get_args(Motif)[motifs[number]],
        )
        for number in range(count)
    ]


def _floor(rng: np.random.Generator, pair: tuple[Rgb, Rgb]) -> Texture:
    kind, side_m = int(rng.integers(3)), float(rng.uniform(0.5, 0.8))
    if kind == 0:
        return checks(*pair, side_m)
    if kind == 1:
        return tiles(pair[0], pair[1], side_m, side_m, 0.06)
    return tiles(pair[0], pair[1], 1.4, 0.28, 0.035, shifted=True)


def _ceiling(patch: Patch) -> Array:
    """White panels, and a long lamp on either side of the middle; brighter than white, for no light falls on them."""
    panels = tiles((372, 370, 364), (292, 292, 294), 0.8, 0.8, 0.04)(patch)
    lamps = band(np.abs(patch.u_m), 0.75, 1.05, patch.u_width_m) * band(patch.v_m, -1.3, 1.3, patch.v_width_m)
    return mixed(panels, colour((520, 510, 460)), lamps)
