"""The `room` world: a pinhole camera moves through a room with walls to track and a few plain solids. No pixels here.

The world's frame has its origin on the floor in the middle of the room, x and y along the walls and z up, in metres.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cosmos_recipes.worlds.things import Thing, articled, draw_kinds, listed, thing_columns, thing_values
from cosmos_recipes.worlds.world import World, check_duration, drawn

if TYPE_CHECKING:
    import numpy as np
    import pyarrow
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

WALL_CLEARANCE_M = 0.45
THING_CLEARANCE_M = 0.5
SHORTEST_S = 1.0

CAPTIONS = (
    "The camera {motion} in a room with {things}.",
    "In a room with {things}, the camera {motion}.",
    "A camera {motion}; in the room there are {things}.",
)

NOTES = {
    "world": "frame of reference: origin on the floor in the middle of the room, z up, in metres; size_m is its extent",
    "time": "frame k is at k / rate_hz seconds",
    "world_to_camera_m": "per frame a 4x4 pose, rows first: takes world points to an OpenCV camera (x right, y down, z forward), in metres",
    "intrinsics": "fx, fy, cx, cy as shares of width, height, width, height; the same in all frames",
    "motion": "all that the camera does from the first to the last frame: ahead_m and left_m along its own heading, turn_rad to the left, tilt_rad up",
    "things": "xyz_m is the middle, half the height above the floor; width_m is a side or a diameter; yaw_rad is counter-clockwise",
}

_STEPS_OF_A_FRAME = 8
_USUAL_S = 5.0
_AMOUNTS = {"ahead": (0.7, 2.0), "left": (0.5, 1.3), "turn": (0.4, 1.2), "tilt": (0.15, 0.35)}
"""Bounds of how far the camera goes (m) or turns (rad) in an episode of the usual length or more."""
_WORDS = {
    "ahead": ("moves forward", "moves back"),
    "left": ("slides left", "slides right"),
    "turn": ("turns left", "turns right"),
    "tilt": ("tilts up", "tilts down"),
}
_SIZES = {"box": (0.45, 0.8), "ball": (0.5, 0.85), "pillar": (0.3, 0.45), "cone": (0.55, 0.8)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Motion:
    """What the camera does in all, in its own directions: metres ahead and to the left, rad to the left and up."""

    ahead: float = 0.0
    left: float = 0.0
    turn: float = 0.0
    tilt: float = 0.0

    @property
    def words(self) -> str:
        """`moves forward and turns left`."""
        amounts = {key: getattr(self, key) for key in _WORDS}
        return listed([_WORDS[key][amount < 0] for key, amount in amounts.items() if amount])


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """One walk of the camera, frame by frame; T frames.

    `size_m` is the room's extent in x, y and z. `places_m` are where the things stand. `world_to_camera_T44` are poses
    of an OpenCV camera in metres. `view_rad` is the field of view across the picture's shorter side. `decor_seed`
    decides the paint of the walls.
    """

    seed: int
    rate_hz: float
    caption: str
    size_m: tuple[float, float, float]
    things: tuple[Thing, ...]
    places_m: tuple[tuple[float, float], ...]
    motion: Motion
    view_rad: float
    world_to_camera_T44: Array
    decor_seed: tuple[int, int]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.world_to_camera_T44)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Path:
    """Positions (T, 3) in metres and directions (T,) in rad of the camera."""

    position_m_T3: Array
    yaw_rad_T: Array
    pitch_rad_T: Array

    def poses(self) -> Array:
        """Return the world-to-camera poses (T, 4, 4)."""
        import numpy as np

        from cosmos_recipes.worlds.poses import camera_to_world, inverted

        rows = zip(self.position_m_T3, self.yaw_rad_T, self.pitch_rad_T, strict=True)
        return inverted(np.stack([camera_to_world(place_m, yaw, pitch) for place_m, yaw, pitch in rows]))


def simulate(seed: int, *, frames: int, rate_hz: float) -> Episode:
    """Play one episode; the camera never comes near a wall or a thing, and first sees at least two things.

    Raises:
        ValueError: the recording is shorter than a second, or the seed is negative.
    """
    import numpy as np

    check_duration(ROOM, frames, rate_hz)
    rng = np.random.default_rng(seed)
    while True:
        size_m = (drawn(rng, 5.0, 7.0), drawn(rng, 5.0, 7.0), drawn(rng, 2.6, 3.0))
        things, places_m = _furnish(rng, size_m)
        view_rad = drawn(rng, 0.9, 1.35)
        for _ in range(60):
            motion = _draw_motion(rng, min(1.0, (frames - 1) / rate_hz / _USUAL_S))
            path = _walk(rng, motion, size_m, places_m, frames)
            if not _is_clear(path, size_m, things, places_m):
                continue
            poses_T44 = path.poses()
            seen = _seen(poses_T44[0], view_rad, things, places_m)
            if len(seen) < 2 or not _seen(poses_T44[-1], view_rad, things, places_m):
                continue
            template = CAPTIONS[int(rng.integers(len(CAPTIONS)))]
            named = listed([articled(things[index].name) for index in seen[:3]])
            return Episode(
                seed=seed,
                rate_hz=rate_hz,
                caption=template.format(motion=motion.words, things=named),
                size_m=size_m,
                things=things,
                places_m=places_m,
                motion=motion,
                view_rad=view_rad,
                world_to_camera_T44=poses_T44,
                decor_seed=(seed, 1),
            )


def _furnish(
    rng: np.random.Generator, size_m: tuple[float, float, float]
) -> tuple[tuple[Thing, ...], tuple[tuple[float, float], ...]]:
    """Draw three to six things and put them down so that there is a way between any two and along the walls."""
    things: list[Thing] = []
    places_m: list[tuple[float, float]] = []
    kinds = draw_kinds(rng, int(rng.integers(3, 7)))
    while len(things) < len(kinds):
        shape, colour = kinds[len(things)]
        width_m = drawn(rng, *_SIZES[shape])
        tall_m = {"box": (0.4, 1.1), "pillar": (1.3, 2.2), "cone": (0.8, 1.3)}.get(shape)
        thing = Thing(
            shape=shape,
            colour=colour,
            width_m=width_m,
            height_m=drawn(rng, *tall_m) if tall_m else width_m,
            yaw_rad=drawn(rng, 0.0, math.pi / 2),
        )
        margin_m = thing.radius_m + 0.15
        place_m = (
            drawn(rng, margin_m - size_m[0] / 2, size_m[0] / 2 - margin_m),
            drawn(rng, margin_m - size_m[1] / 2, size_m[1] / 2 - margin_m),
        )
        gaps_m = [
            math.dist(place_m, other) - thing.radius_m - t.radius_m for t, other in zip(things, places_m, strict=True)
        ]
        if all(gap_m > 0.3 for gap_m in gaps_m):
            things.append(thing)
            places_m.append(place_m)
    return tuple(things), tuple(places_m)


def _draw_motion(rng: np.random.Generator, share: float) -> Motion:
    """Draw one to three of the four movements, and how much of each."""
    count = int(rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2]))
    keys = [list(_AMOUNTS)[i] for i in rng.choice(4, size=count, replace=False, p=[0.35, 0.2, 0.33, 0.12])]
    signs = {key: 1 if rng.random() < (0.65 if key == "ahead" else 0.5) else -1 for key in keys}
    return Motion(**{key: signs[key] * share * drawn(rng, *_AMOUNTS[key]) for key in keys})


def _walk(
    rng: np.random.Generator,
    motion: Motion,
    size_m: tuple[float, float, float],
    places_m: Sequence[tuple[float, float]],
    frames: int,
) -> _Path:
    """Start somewhere with a look at one of the things, and move at a speed that changes smoothly."""
    import numpy as np

    start_m = [drawn(rng, WALL_CLEARANCE_M - side_m / 2, side_m / 2 - WALL_CLEARANCE_M) for side_m in size_m[:2]]
    height_m, goal_m = drawn(rng, 1.1, 1.7), places_m[int(rng.integers(len(places_m)))]
    first_rad = math.atan2(goal_m[1] - start_m[1], goal_m[0] - start_m[0]) + drawn(rng, -0.4, 0.4) - motion.turn / 2
    level_rad = drawn(rng, -0.3, -0.08) - motion.tilt / 2
    phase = np.linspace(0.0, 1.0, (frames - 1) * _STEPS_OF_A_FRAME + 1)
    done = phase - drawn(rng, -0.5, 0.7) * np.sin(2 * math.pi * phase) / (2 * math.pi)
    yaw_rad = first_rad + motion.turn * done
    middle_rad, share = (yaw_rad[1:] + yaw_rad[:-1]) / 2, np.diff(done)
    step_x_m = share * (motion.ahead * np.cos(middle_rad) - motion.left * np.sin(middle_rad))
    step_y_m = share * (motion.ahead * np.sin(middle_rad) + motion.left * np.cos(middle_rad))
    moved_m = np.cumsum(np.pad(np.stack([step_x_m, step_y_m, np.zeros_like(share)], axis=1), ((1, 0), (0, 0))), axis=0)
    every = slice(None, None, _STEPS_OF_A_FRAME)
    return _Path(
        position_m_T3=(np.array([*start_m, height_m]) + moved_m)[every],
        yaw_rad_T=yaw_rad[every],
        pitch_rad_T=(level_rad + motion.tilt * done)[every],
    )


def _is_clear(
    path: _Path, size_m: tuple[float, float, float], things: Sequence[Thing], places_m: Sequence[tuple[float, float]]
) -> bool:
    """Whether the camera stays away from walls and things; also between frames, which are less than the clearance apart."""
    import numpy as np

    spots_m_T2 = path.position_m_T3[:, :2]
    if np.any(np.abs(spots_m_T2) > np.array(size_m[:2]) / 2 - WALL_CLEARANCE_M):
        return False
    return all(
        np.min(np.linalg.norm(spots_m_T2 - np.array(place_m), axis=1)) > thing.radius_m + THING_CLEARANCE_M
        for thing, place_m in zip(things, places_m, strict=True)
    )


def _seen(
    world_to_camera_44: Array, view_rad: float, things: Sequence[Thing], places_m: Sequence[tuple[float, float]]
) -> list[int]:
    """Return which things have their middle well inside a square picture and not behind another, the nearest first."""
    import numpy as np

    from cosmos_recipes.worlds.poses import intrinsics, project

    middles_m = [(*place_m, thing.height_m / 2) for thing, place_m in zip(things, places_m, strict=True)]
    focal_4 = intrinsics(view_rad, 1, 1)
    uv_N2, depth_N = project(middles_m, world_to_camera_44, focal_4)
    inside_N = (depth_N > 0.8) & np.all(np.abs(uv_N2 - 0.5) < 0.42, axis=1)
    half_N = focal_4[0] * np.array([thing.radius_m for thing in things]) / depth_N
    between_NN = (depth_N[:, None] > depth_N) & (depth_N > 0) & (np.abs(uv_N2[:, :1] - uv_N2[:, 0]) < half_N)
    return [int(index) for index in np.argsort(depth_N) if inside_N[index] and not between_NN[index].any()]


class RoomWorld(World[Episode]):
    """A moving pinhole camera, `video`, with its poses."""

    name = "room"
    version = 1
    views = ("video",)
    shortest_s = SHORTEST_S
    notes = NOTES

    def play(self, seed: int, *, frames: int, rate_hz: float) -> Episode:
        """See `World.play`."""
        return simulate(seed, frames=frames, rate_hz=rate_hz)

    def render(
        self, episode: Episode, height_px: int, width_px: int, views: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.uint8]]:
        """See `World.render`."""
        from cosmos_recipes.worlds.room_scene import render

        return {"video": render(episode, height_px, width_px)}

    def columns(self) -> dict[str, pyarrow.DataType]:
        """See `World.columns`."""
        import pyarrow as pa

        number = pa.float64()
        keys = ("ahead_m", "left_m", "turn_rad", "tilt_rad")
        return {
            "size_m": pa.list_(number, 3),
            "world_to_camera_m": pa.list_(pa.list_(pa.list_(number, 4), 4)),
            "intrinsics": pa.list_(number, 4),
            "motion": pa.struct([(key, number) for key in keys]),
            "things": thing_columns(xyz_m=pa.list_(number, 3), yaw_rad=number),
        }

    def truth(self, episode: Episode, height_px: int, width_px: int, views: Sequence[str]) -> dict[str, Any]:
        """See `World.truth`."""
        from cosmos_recipes.worlds.poses import intrinsics

        motion = episode.motion
        return {
            "size_m": list(episode.size_m),
            "world_to_camera_m": episode.world_to_camera_T44.tolist(),
            "intrinsics": intrinsics(episode.view_rad, height_px, width_px).tolist(),
            "motion": {
                "ahead_m": motion.ahead,
                "left_m": motion.left,
                "turn_rad": motion.turn,
                "tilt_rad": motion.tilt,
            },
            "things": [
                {**thing_values(thing), "xyz_m": [*place_m, thing.height_m / 2], "yaw_rad": thing.yaw_rad}
                for thing, place_m in zip(episode.things, episode.places_m, strict=True)
            ],
        }

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return `caption`; `pose` (T, 4, 4), world to camera, OpenCV, in metres; `intrinsics` (4,), shares of the picture."""
        import numpy as np

        return {
            "caption": row["caption"],
            "pose": np.array(row["world_to_camera_m"]),
            "intrinsics": np.array(row["intrinsics"]),
        }


ROOM = RoomWorld()
