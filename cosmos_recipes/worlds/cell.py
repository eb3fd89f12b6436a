"""The `cell` world: fixed cameras around a table on which a pusher or a turntable moves coloured things. No pixels here.

The world's frame has its origin in the middle of the table top, x to the right as the front camera sees it, y away from
that camera and z up, in metres.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cosmos_recipes.worlds.things import Thing, articled, draw_kinds, listed, thing_columns, thing_values
from cosmos_recipes.worlds.world import World, check_duration, drawn

if TYPE_CHECKING:
    import numpy as np
    import pyarrow
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Heading = Literal["right", "back", "left", "front"]

TABLE_M = (1.3, 1.0)
"""Extent of the table top in x and y; it is 0.72 m above the floor."""
TURNTABLE_HEIGHT_M = 0.03
SHORTEST_S = 1.0
VIEWS = ("front", "left", "right", "top")

HEADINGS: dict[Heading, tuple[float, float, str]] = {
    "right": (1.0, 0.0, "to the right"),
    "back": (0.0, 1.0, "to the back"),
    "left": (-1.0, 0.0, "to the left"),
    "front": (0.0, -1.0, "to the front"),
}
NOTES = {
    "world": "frame of reference: origin in the middle of the table top, x right and y away as the front camera sees it, z up, in metres",
    "time": "frame k is at k / rate_hz seconds; all views in step; the per-frame lists have num_frames entries",
    "world_to_camera_m": "per view a fixed 4x4 pose, rows first: takes world points to an OpenCV camera (x right, y down, z forward), in metres",
    "intrinsics": "per view fx, fy, cx, cy as shares of width, height, width, height",
    "pusher_m": "per frame where the front of the pusher's plate is along its heading, in metres from the middle of the table; empty in an episode with a turntable",
    "turntable_rad": "per frame how far the turntable has turned, counter-clockwise from above; empty in an episode with a pusher",
    "things": "xyz_m is per frame the middle, half the height above the foot; yaw_rad per frame counter-clockwise from above; width_m is a side or a diameter",
}

_USUAL_S = 5.0
_RIM_M = 0.04
"""How far from the edge of the table everything stays."""
_CAMERAS = {
    "front": (-math.pi / 2, 0.62, 1.55),
    "left": (math.pi, 0.58, 1.6),
    "right": (0.0, 0.58, 1.6),
    "top": (-math.pi / 2, 1.53, 1.65),
}
"""Where the cameras are, seen from the table: direction counter-clockwise from +x, height above it (rad), distance (m)."""
_WIDTHS = {"box": (0.14, 0.18), "ball": (0.15, 0.2), "pillar": (0.1, 0.13), "cone": (0.16, 0.2)}
_HEIGHTS = {"box": (0.12, 0.2), "pillar": (0.2, 0.3), "cone": (0.18, 0.27)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pusher:
    """A plate that slides along `heading`, `aside_m` to the left of the line through the table's middle; `reach_m_T`."""

    heading: Heading
    aside_m: float
    reach_m_T: Array

    def place(self, along_m: Any, aside_m: float = 0.0) -> tuple[Any, Any]:
        """Return x and y of what is so far along its line and so far to the left of it."""
        x, y, _ = HEADINGS[self.heading]
        aside_m = self.aside_m + aside_m
        return x * along_m - y * aside_m, y * along_m + x * aside_m


@dataclass(frozen=True, kw_only=True, slots=True)
class Turntable:
    """A disc on the table that has turned by `turned_rad_T`, counter-clockwise as seen from above."""

    centre_m: tuple[float, float]
    radius_m: float
    turned_rad_T: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """What happens on the table, frame by frame: P things, T frames, V views.

    `foot_m_PT3` is the middle of each thing's foot and `turned_rad_PT` how far it has turned. `world_to_camera_V44` are
    the poses of OpenCV cameras in metres; `view_rad_V` their fields of view across the picture's shorter side.
    """

    seed: int
    rate_hz: float
    caption: str
    things: tuple[Thing, ...]
    moves: tuple[bool, ...]
    foot_m_PT3: Array
    turned_rad_PT: Array
    tool: Pusher | Turntable
    world_to_camera_V44: Array
    view_rad_V: tuple[float, ...]
    decor_seed: tuple[int, int]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.foot_m_PT3[0])

    @property
    def middle_m_PT3(self) -> Array:
        """The middles of the things, half their heights above their feet."""
        import numpy as np

        lift_m_P = np.array([thing.height_m / 2 for thing in self.things])
        return np.asarray(self.foot_m_PT3 + lift_m_P[:, None, None] * np.array([0.0, 0.0, 1.0]))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Action:
    """The tool, what it moves, how, and in words."""

    tool: Pusher | Turntable
    things: list[Thing]
    foot_m_PT3: list[Array]
    turned_rad_PT: list[Array]
    words: str


def simulate(seed: int, *, frames: int, rate_hz: float) -> Episode:
    """Play one episode: a pusher moves one or two things along a line, or a turntable two or three around.

    Raises:
        ValueError: the recording is shorter than a second, or the seed is negative.
    """
    import numpy as np

    check_duration(CELL, frames, rate_hz)
    rng = np.random.default_rng(seed)
    phase = np.linspace(0.0, 1.0, frames)
    done_T = phase - drawn(rng, 0.2, 0.9) * np.sin(2 * math.pi * phase) / (2 * math.pi)
    kinds = [_draw_thing(rng, shape, colour) for shape, colour in draw_kinds(rng, int(rng.integers(3, 6)))]
    share = min(1.0, (frames - 1) / rate_hz / _USUAL_S)
    action = (_push if rng.random() < 0.5 else _turn)(rng, kinds, done_T, share)
    standing = _stand_aside(rng, kinds[len(action.things) :], action)
    poses_V44, view_rad_V = _place_cameras(rng)
    things = (*action.things, *(thing for thing, _ in standing))
    feet_m = [*action.foot_m_PT3, *(np.tile([*place_m, 0.0], (frames, 1)) for _, place_m in standing)]
    beside = listed([articled(thing.name) for thing, _ in standing]) if standing else ""
    return Episode(
        seed=seed,
        rate_hz=rate_hz,
        caption=action.words + (f", beside {beside}." if beside else "."),
        things=things,
        moves=tuple(number < len(action.things) for number in range(len(things))),
        foot_m_PT3=np.stack(feet_m).round(6) + 0.0,
        turned_rad_PT=np.stack([*action.turned_rad_PT, *(np.zeros(frames) for _ in standing)]).round(6) + 0.0,
        tool=action.tool,
        world_to_camera_V44=poses_V44,
        view_rad_V=view_rad_V,
        decor_seed=(seed, 1),
    )


def _draw_thing(rng: np.random.Generator, shape: Any, colour: Any) -> Thing:
    width_m = drawn(rng, *_WIDTHS[shape])
    height_m = drawn(rng, *_HEIGHTS[shape]) if shape in _HEIGHTS else width_m
    return Thing(shape=shape, colour=colour, width_m=width_m, height_m=height_m)


def _push(rng: np.random.Generator, things: Sequence[Thing], done_T: Array, share: float) -> _Action:
    """Push the first thing, and from where it meets it the second one too, if there is one in the way."""
    import numpy as np

    heading: Heading = list(HEADINGS)[int(rng.integers(4))]
    long_m, wide_m = TABLE_M if HEADINGS[heading][0] else TABLE_M[::-1]
    pushed = things[: 2 if len(things) > 3 and rng.random() < 0.5 else 1]
    behind_m = drawn(rng, 0.02, 0.06)
    first_m = drawn(rng, -0.3, -0.22) * long_m
    room_m = long_m / 2 - _RIM_M - sum(thing.width_m for thing in pushed)
    end_m = min(first_m + share * drawn(rng, 0.35, 0.5) * long_m, room_m)
    reach_m_T = first_m - behind_m + (end_m - first_m + behind_m) * done_T
    line = Pusher(heading=heading, aside_m=drawn(rng, -0.2, 0.2) * wide_m, reach_m_T=reach_m_T.round(6))
    front_m_T, feet_m = np.maximum(line.reach_m_T, first_m), []
    for thing in pushed:
        middle_m_T = front_m_T + thing.width_m / 2
        feet_m.append(np.stack([*line.place(middle_m_T), np.zeros_like(middle_m_T)], axis=1))
        gap_m = share * drawn(rng, 0.06, 0.12)
        front_m_T = np.maximum(front_m_T + thing.width_m, front_m_T[0] + thing.width_m + gap_m)
    where = HEADINGS[heading][2]
    words = f"The pusher slides the {pushed[0].name} {where}"
    if len(pushed) > 1:
        words = f"The pusher slides the {pushed[0].name} {where} against the {pushed[1].name} and moves both"
    still = [np.zeros_like(done_T) for _ in pushed]
    return _Action(tool=line, things=list(pushed), foot_m_PT3=feet_m, turned_rad_PT=still, words=words)


def _turn(rng: np.random.Generator, things: Sequence[Thing], done_T: Array, share: float) -> _Action:
    """Turn two or three things around."""
    import numpy as np

    turned = things[: 3 if len(things) > 4 and rng.random() < 0.5 else 2]
    way = 1 if rng.random() < 0.5 else -1
    centre_m = (drawn(rng, -0.15, 0.15), drawn(rng, -0.06, 0.06))
    disc = Turntable(
        centre_m=centre_m,
        radius_m=drawn(rng, 0.29, 0.33),
        turned_rad_T=(way * share * drawn(rng, 1.2, 3.6) * done_T).round(6),
    )
    first_rad, feet_m = drawn(rng, 0.0, 2 * math.pi), []
    for number, _ in enumerate(turned):
        angle_T = first_rad + number * 2 * math.pi / len(turned) + drawn(rng, -0.2, 0.2) + disc.turned_rad_T
        away_m = drawn(rng, 0.17, 0.19)
        x_m_T, y_m_T = centre_m[0] + away_m * np.cos(angle_T), centre_m[1] + away_m * np.sin(angle_T)
        feet_m.append(np.stack([x_m_T, y_m_T, np.full_like(x_m_T, TURNTABLE_HEIGHT_M)], axis=1))
    names = listed([f"the {thing.name}" for thing in turned])
    words = f"The turntable turns {'counter-clockwise' if way > 0 else 'clockwise'} and carries {names} around"
    around = [disc.turned_rad_T for _ in turned]
    return _Action(tool=disc, things=list(turned), foot_m_PT3=feet_m, turned_rad_PT=around, words=words)


def _stand_aside(
    rng: np.random.Generator, things: Sequence[Thing], action: _Action
) -> list[tuple[Thing, tuple[float, float]]]:
    """Put the other things where nothing moves; one for which no place is found in 200 tries is left out."""
    standing: list[tuple[Thing, tuple[float, float]]] = []
    for thing in things:
        margin_m = thing.radius_m + _RIM_M
        for _ in range(200):
            x_m = drawn(rng, margin_m - TABLE_M[0] / 2, TABLE_M[0] / 2 - margin_m)
            y_m = drawn(rng, margin_m - TABLE_M[1] / 2, TABLE_M[1] / 2 - margin_m)
            gaps_m = [math.dist((x_m, y_m), place_m) - other.radius_m for other, place_m in standing]
            if min([*gaps_m, _gap_m(action.tool, x_m, y_m)]) > margin_m:
                standing.append((thing, (x_m, y_m)))
                break
    return standing


def _gap_m(tool: Pusher | Turntable, x_m: float, y_m: float) -> float:
    """Return how far a point is from everything that moves."""
    if isinstance(tool, Turntable):
        return math.dist((x_m, y_m), tool.centre_m) - tool.radius_m
    x, y, _ = HEADINGS[tool.heading]
    return abs(x * y_m - y * x_m - tool.aside_m) - 0.11


def _place_cameras(rng: np.random.Generator) -> tuple[Array, tuple[float, ...]]:
    """Put up the cameras, each a little differently in every episode; poses (V, 4, 4) and fields of view."""
    import numpy as np

    from cosmos_recipes.worlds.poses import inverted, looking_at

    poses_44, views_rad = [], []
    for around, above, away_m in (_CAMERAS[view] for view in VIEWS):
        around, away_m = around + drawn(rng, -0.12, 0.12), away_m * drawn(rng, 0.95, 1.05)
        above = min(above + drawn(rng, -0.06, 0.06), 1.55)
        eye_m = away_m * np.array(
            [math.cos(above) * math.cos(around), math.cos(above) * math.sin(around), math.sin(above)]
        )
        target_m = [drawn(rng, -0.04, 0.04), drawn(rng, -0.04, 0.04), 0.03]
        poses_44.append(looking_at(eye_m + np.array([target_m[0], target_m[1], 0.0]), target_m))
        views_rad.append(drawn(rng, 0.74, 0.82))
    return inverted(np.stack(poses_44)), tuple(views_rad)


class CellWorld(World[Episode]):
    """Four fixed cameras around a table, in step."""

    name = "cell"
    version = 1
    views = VIEWS
    shortest_s = SHORTEST_S
    notes = NOTES

    def play(self, seed: int, *, frames: int, rate_hz: float) -> Episode:
        """See `World.play`."""
        return simulate(seed, frames=frames, rate_hz=rate_hz)

    def render(
        self, episode: Episode, height_px: int, width_px: int, views: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.uint8]]:
        """See `World.render`."""
        from cosmos_recipes.worlds.cell_scene import render

        return render(episode, height_px, width_px, self.views if views is None else views)

    def columns(self) -> dict[str, pyarrow.DataType]:
        """See `World.columns`."""
        import pyarrow as pa

        number, numbers = pa.float64(), pa.list_(pa.float64())
        things = thing_columns(moves=pa.bool_(), xyz_m=pa.list_(pa.list_(number, 3)), yaw_rad=numbers)
        return {
            "world_to_camera_m": pa.list_(pa.list_(pa.list_(number, 4), 4)),
            "intrinsics": pa.list_(pa.list_(number, 4)),
            "pusher_heading": pa.string(),
            "pusher_m": numbers,
            "turntable_rad": numbers,
            "things": things,
        }

    def truth(self, episode: Episode, height_px: int, width_px: int, views: Sequence[str]) -> dict[str, Any]:
        """See `World.truth`."""
        from cosmos_recipes.worlds.poses import intrinsics

        numbers, tool = [VIEWS.index(view) for view in views], episode.tool
        places = zip(episode.things, episode.moves, episode.middle_m_PT3, episode.turned_rad_PT, strict=True)
        return {
            "world_to_camera_m": episode.world_to_camera_V44[numbers].tolist(),
            "intrinsics": [intrinsics(episode.view_rad_V[number], height_px, width_px).tolist() for number in numbers],
            "pusher_heading": tool.heading if isinstance(tool, Pusher) else None,
            "pusher_m": tool.reach_m_T.tolist() if isinstance(tool, Pusher) else [],
            "turntable_rad": tool.turned_rad_T.tolist() if isinstance(tool, Turntable) else [],
            "things": [
                {**thing_values(thing), "moves": moves, "xyz_m": xyz_m.round(6).tolist(), "yaw_rad": yaw_rad.tolist()}
                for thing, moves, xyz_m, yaw_rad in places
            ],
        }

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return `caption`; `poses` (V, 4, 4), world to camera, OpenCV, in metres; `intrinsics` (V, 4), shares of the picture."""
        import numpy as np

        return {
            "caption": row["caption"],
            "poses": np.array(row["world_to_camera_m"]),
            "intrinsics": np.array(row["intrinsics"]),
        }


CELL = CellWorld()
