"""The `road` world: a car with four cameras drives along a road past houses, trees, posts and other cars. No pixels here.

The world's frame is that of a map: z up from the ground, in metres, its origin anywhere. The vehicle's frame, `ego`,
has x forward, y left and z up, and its origin on the ground below the middle of the car.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cosmos_recipes.worlds.things import articled, listed
from cosmos_recipes.worlds.world import World, check_duration, drawn

if TYPE_CHECKING:
    import numpy as np
    import pyarrow
    from numpy.typing import NDArray

    from cosmos_recipes.worlds.course import Course, Drive, Plan

    Array = NDArray[np.float64]

Kind = Literal["house", "tree", "fir", "post", "lamp"]
Colour = Literal["red", "blue", "yellow", "white", "green", "orange", "pink", "purple", "grey", "black"]

VIEWS = ("front", "left", "right", "rear")
FUTURE_S = 6.4
"""How far the poses go beyond the last frame."""
SHORTEST_S = 2.0
LANE_M = 3.2
ROAD_HALF_M = 2 * LANE_M
CAR_M = (4.4, 1.8)

NOTES = {
    "world": "frame of reference: a map, z up from the ground, in metres, its origin anywhere",
    "ego": "the vehicle's frame: x forward, y left, z up, origin on the ground below the middle of the car, in metres",
    "time": "frame k is at k / rate_hz seconds; all views in step; time_s goes on at the same rate for 6.4 s after the last frame",
    "ego_to_world_m": "per moment of time_s, so beyond the last frame: a 4x4 pose, rows first, takes points of the vehicle to the world, in metres",
    "speed_m_s": "per moment of time_s",
    "camera_to_ego_m": "per view a fixed 4x4 pose, rows first: takes points of an OpenCV camera (x right, y down, z forward) to the vehicle, in metres",
    "intrinsics": "per view fx, fy, cx, cy as shares of width, height, width, height",
    "landmarks": "what stands beside the road: xy_m in the world is the middle of the foot; yaw_rad is the direction of the road there",
    "cars": "other cars: xy_m and yaw_rad in the world, per moment of time_s; on the ground, 4.4 m long and 1.8 m wide",
}

_CAMERAS = {
    "front": (1.3, 0.0, 0.0),
    "left": (0.7, 0.5, 0.95),
    "right": (0.7, -0.5, -0.95),
    "rear": (-1.6, 0.0, math.pi),
}
"""Where the cameras are on the car (x and y in m) and where they look (yaw in rad)."""
_COLOURS: dict[Kind, tuple[Colour, ...]] = {
    "house": ("red", "blue", "yellow", "white", "orange", "pink"),
    "tree": ("green", "green", "orange", "yellow"),
    "fir": ("green",),
    "post": ("red", "blue", "yellow", "orange"),
    "lamp": ("grey",),
}
_CAR_COLOURS: tuple[Colour, ...] = ("red", "blue", "yellow", "white", "green", "black")
_FREE_M = 9.0
"""How far apart two cars in the same lane are at least, from middle to middle."""
_FASTEST_M_S2 = 4.0
"""The most that a driver lets the car be pushed outwards in a bend."""
_LANE_CHANGE_M = 16.0
"""Over how long a stretch the car changes its lane at least."""
_NEEDED_RAD = 0.35
"""How much of a bend the camera sees at least."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Landmark:
    """Something beside the road. `size_m` is its extent along the road, across it and upwards."""

    kind: Kind
    colour: Colour
    xy_m: tuple[float, float]
    yaw_rad: float
    size_m: tuple[float, float, float]

    @property
    def name(self) -> str:
        """`red house`."""
        return f"{self.colour} {self.kind}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Car:
    """Another car, at S moments."""

    colour: Colour
    xy_m_S2: Array
    yaw_rad_S: Array

    @property
    def name(self) -> str:
        """`red car`."""
        return f"{self.colour} car"


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """One drive. `frames` are drawn; `time_s_S` are S moments at the same rate, which go on for 6.4 s after the last.

    `ego_to_world_S44` are the vehicle's poses in metres and `speed_m_s_S` its speeds. `camera_to_ego_V44` is the camera
    rig and `view_rad` the field of view of each camera across the picture's shorter side.
    """

    seed: int
    rate_hz: float
    caption: str
    frames: int
    time_s_S: Array
    ego_to_world_S44: Array
    speed_m_s_S: Array
    camera_to_ego_V44: Array
    view_rad: float
    course: Course
    landmarks: tuple[Landmark, ...]
    cars: tuple[Car, ...]
    decor_seed: tuple[int, int]


def simulate(seed: int, *, frames: int, rate_hz: float) -> Episode:
    """Play one episode: straight on, around a bend or into the other lane, at a speed that may change.

    Raises:
        ValueError: the recording is shorter than two seconds, or the seed is negative.
    """
    import numpy as np

    from cosmos_recipes.worlds.course import drive
    from cosmos_recipes.worlds.poses import vehicle_to_world

    check_duration(ROAD, frames, rate_hz)
    rng = np.random.default_rng(seed)
    time_s_S = np.arange(frames + math.ceil(FUTURE_S * rate_hz - 1e-9)) / rate_hz
    while True:
        course, plan = _intend(rng, (frames - 1) / rate_hz)
        driven = drive(course, plan, time_s_S)
        if not course.bend_rad or abs(driven.yaw_rad_T[frames - 1] - driven.yaw_rad_T[0]) > _NEEDED_RAD:
            break
    landmarks = _build(rng, course, float(driven.s_m_T[-1]))
    cars = _let_drive(rng, course, plan, driven, time_s_S)
    camera_to_ego_V44, view_rad = _mount(rng)
    poses = zip(driven.xy_m_T2, driven.yaw_rad_T, strict=True)
    ego_to_world_S44 = np.stack([vehicle_to_world([x, y, 0.0], yaw) for (x, y), yaw in poses]).round(9) + 0.0
    beside = _noticed(ego_to_world_S44[0], landmarks, cars)
    return Episode(
        seed=seed,
        rate_hz=rate_hz,
        caption=f"The car {_words(course, plan)}{' past ' + listed(beside) if beside else ''}.",
        frames=frames,
        time_s_S=time_s_S,
        ego_to_world_S44=ego_to_world_S44,
        speed_m_s_S=plan.speed(time_s_S).round(6),
        camera_to_ego_V44=camera_to_ego_V44,
        view_rad=view_rad,
        course=course,
        landmarks=landmarks,
        cars=cars,
        decor_seed=(seed, 1),
    )


def _intend(rng: np.random.Generator, duration_s: float) -> tuple[Course, Plan]:
    """Draw a road and what the driver does on it while the camera runs."""
    from cosmos_recipes.worlds.course import Course, Plan

    manoeuvre = ("straight", "bend", "lane")[int(rng.choice(3, p=[0.3, 0.48, 0.22]))]
    radius_m = drawn(rng, 18.0, 40.0)
    fastest_m_s = math.sqrt(_FASTEST_M_S2 * radius_m) if manoeuvre == "bend" else 18.0
    slowest_m_s = max(5.0, _LANE_CHANGE_M / (0.7 * duration_s) if manoeuvre == "lane" else 0.0)
    first_m_s = last_m_s = min(drawn(rng, slowest_m_s, 13.0), fastest_m_s)
    if manoeuvre != "lane" and rng.random() < 0.45:
        last_m_s = first_m_s * (drawn(rng, 1.4, 1.9) if rng.random() < 0.5 else drawn(rng, 0.3, 0.65))
    lane_m, next_m = (-LANE_M / 2, -3 * LANE_M / 2)[:: 1 if rng.random() < 0.5 else -1]
    start_s, end_s = duration_s * drawn(rng, 0.05, 0.25), duration_s * drawn(rng, 0.75, 1.0)
    course = Course(
        start_m=(drawn(rng, -60.0, 60.0), drawn(rng, -60.0, 60.0)),
        start_rad=drawn(rng, -math.pi, math.pi),
        bend_at_m=drawn(rng, 3.0, 6.0 + 0.25 * duration_s * first_m_s),
        radius_m=radius_m,
        bend_rad=(1 if rng.random() < 0.5 else -1) * drawn(rng, 0.7, 1.55) if manoeuvre == "bend" else 0.0,
    )
    return course, Plan(
        speeds_m_s=(round(first_m_s, 6), round(min(last_m_s, fastest_m_s), 6)),
        speed_change_s=(start_s, end_s),
        lanes_m=(lane_m, next_m if manoeuvre == "lane" else lane_m),
        lane_change_s=(start_s, max(end_s, start_s + _LANE_CHANGE_M / first_m_s)),
    )


def _words(course: Course, plan: Plan) -> str:
    first, last = plan.speeds_m_s
    way = "drives straight on"
    if course.bend_rad:
        way = "turns left" if course.bend_rad > 0 else "turns right"
    elif plan.lanes_m[0] != plan.lanes_m[1]:
        way = f"changes to the {'left' if plan.lanes_m[1] > plan.lanes_m[0] else 'right'} lane"
    if abs(last - first) < 0.5:
        return f"{way} at {first:.0f} m/s"
    return f"{way} and {'speeds up' if last > first else 'slows down'} from {first:.0f} to {last:.0f} m/s"


def _build(rng: np.random.Generator, course: Course, last_s_m: float) -> tuple[Landmark, ...]:
    """Put houses, trees and posts along both sides, nowhere on the road and none into another."""
    import numpy as np

    line_s_m = np.arange(-100.0, last_s_m + 160.0, 1.0)
    line_x_m, line_y_m, _ = course.at(line_s_m, 0.0)
    built: list[Landmark] = []
    for side in (1, -1):
        s_m, number = drawn(rng, -45.0, -40.0), 0
        while s_m < last_s_m + 90.0:
            kind: Kind = "lamp" if number % 4 == 0 else _kind(rng)
            size_m, away_m = _dimensions(rng, kind)
            x_m, y_m, yaw_rad = (float(value) for value in course.at(s_m, side * away_m))
            nearest_m = float(np.min(np.hypot(line_x_m - x_m, line_y_m - y_m)))
            free = all(math.dist((x_m, y_m), other.xy_m) > (size_m[0] + other.size_m[0]) / 1.7 for other in built)
            if free and nearest_m > away_m - 0.3:
                colour = _COLOURS[kind][int(rng.integers(len(_COLOURS[kind])))]
                place_m = (round(x_m, 6), round(y_m, 6))
                built.append(Landmark(kind=kind, colour=colour, xy_m=place_m, yaw_rad=round(yaw_rad, 6), size_m=size_m))
            s_m, number = s_m + (drawn(rng, 9.0, 13.0) if kind == "house" else drawn(rng, 3.5, 7.0)), number + 1
    return tuple(built)


def _kind(rng: np.random.Generator) -> Kind:
    kinds: tuple[Kind, ...] = ("house", "tree", "fir", "post")
    return kinds[int(rng.choice(4, p=[0.4, 0.25, 0.15, 0.2]))]


def _dimensions(rng: np.random.Generator, kind: Kind) -> tuple[tuple[float, float, float], float]:
    """Return the size of a landmark in metres and how far from the middle of the road it stands."""
    if kind == "house":
        return (drawn(rng, 7.0, 10.0), drawn(rng, 6.0, 8.0), drawn(rng, 3.2, 6.0)), drawn(rng, 13.5, 16.0)
    if kind in ("tree", "fir"):
        width_m = drawn(rng, 2.6, 4.0)
        return (width_m, width_m, drawn(rng, 4.5, 7.0)), drawn(rng, 9.6, 11.0)
    if kind == "post":
        return (0.34, 0.34, drawn(rng, 1.1, 1.5)), 7.4
    return (0.2, 0.2, 6.5), 7.4


def _let_drive(rng: np.random.Generator, course: Course, plan: Plan, driven: Drive, time_s_S: Array) -> tuple[Car, ...]:
    """Put other cars into all four lanes, each lane at its own speed; none ever comes near ours."""
    import numpy as np

    cars: list[Car] = []
    own_l_m = plan.lane(time_s_S)
    for lane_m in (-LANE_M / 2, -3 * LANE_M / 2, LANE_M / 2, 3 * LANE_M / 2):
        way, speed_m_s = (1 if lane_m < 0 else -1), drawn(rng, 4.0, 12.0)
        place_m = drawn(rng, 8.0, 25.0) if lane_m < 0 else drawn(rng, 15.0, 40.0)
        while place_m < 150.0:
            s_m_S = place_m + way * speed_m_s * time_s_S
            near = (np.abs(own_l_m - lane_m) < 2.4) & (np.abs(s_m_S - driven.s_m_T) < _FREE_M)
            if not near.any():
                x_m, y_m, yaw_rad = course.at(s_m_S, lane_m)
                cars.append(
                    Car(
                        colour=_CAR_COLOURS[int(rng.integers(len(_CAR_COLOURS)))],
                        xy_m_S2=np.stack([x_m, y_m], axis=1).round(6),
                        yaw_rad_S=(yaw_rad + (0.0 if way > 0 else math.pi)).round(6),
                    )
                )
            place_m += drawn(rng, 16.0, 45.0)
    return tuple(cars)


def _mount(rng: np.random.Generator) -> tuple[Array, float]:
    """Mount the cameras, a little differently on every car; camera-to-ego poses (V, 4, 4) and the field of view."""
    import numpy as np

    from cosmos_recipes.worlds.poses import camera_to_world

    height_m, pitch_rad = drawn(rng, 1.45, 1.75), drawn(rng, -0.1, -0.02)
    places = (_CAMERAS[view] for view in VIEWS)
    rig_44 = [camera_to_world((x_m, y_m, height_m), yaw_rad, pitch_rad) for x_m, y_m, yaw_rad in places]
    return np.stack(rig_44).round(9) + 0.0, drawn(rng, 1.0, 1.2)


def _noticed(ego_to_world_44: Array, landmarks: Sequence[Landmark], cars: Sequence[Car]) -> list[str]:
    """Return the names of a house, a tree or post, and a car that are ahead and near at the start, nearest first."""
    import numpy as np

    nearest: dict[str, tuple[float, str]] = {}
    named = [(mark.kind, mark.name, mark.xy_m) for mark in landmarks if mark.kind != "lamp"]
    for kind, name, xy_m in [*named, *(("car", car.name, tuple(car.xy_m_S2[0])) for car in cars)]:
        away_m = np.array([*xy_m, 0.0]) - ego_to_world_44[:3, 3]
        ahead_m, left_m = float(away_m @ ego_to_world_44[:3, 0]), float(away_m @ ego_to_world_44[:3, 1])
        if 6.0 < ahead_m < 40.0 and abs(left_m) < 0.6 * ahead_m and ahead_m < nearest.get(kind, (math.inf,))[0]:
            nearest[kind] = (ahead_m, name)
    return [articled(name) for _, name in sorted(nearest.values())[:2]]


class RoadWorld(World[Episode]):
    """A driving car with four cameras, in step, and where it goes."""

    name = "road"
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
        from cosmos_recipes.worlds.road_scene import render

        return render(episode, height_px, width_px, self.views if views is None else views)

    def columns(self) -> dict[str, pyarrow.DataType]:
        """See `World.columns`."""
        import pyarrow as pa

        number, numbers, text = pa.float64(), pa.list_(pa.float64()), pa.string()
        poses, pair = pa.list_(pa.list_(pa.list_(number, 4), 4)), pa.list_(number, 2)
        landmark = {"kind": text, "colour": text, "xy_m": pair, "yaw_rad": number, "size_m": pa.list_(number, 3)}
        car = {"colour": text, "xy_m": pa.list_(pair), "yaw_rad": numbers}
        return {
            "time_s": numbers,
            "ego_to_world_m": poses,
            "speed_m_s": numbers,
            "camera_to_ego_m": poses,
            "intrinsics": pa.list_(pa.list_(number, 4)),
            "landmarks": pa.list_(pa.struct([*landmark.items()])),
            "cars": pa.list_(pa.struct([*car.items()])),
        }

    def truth(self, episode: Episode, height_px: int, width_px: int, views: Sequence[str]) -> dict[str, Any]:
        """See `World.truth`."""
        from dataclasses import asdict

        from cosmos_recipes.worlds.poses import intrinsics

        focal = intrinsics(episode.view_rad, height_px, width_px).tolist()
        return {
            "time_s": episode.time_s_S.tolist(),
            "ego_to_world_m": episode.ego_to_world_S44.tolist(),
            "speed_m_s": episode.speed_m_s_S.tolist(),
            "camera_to_ego_m": episode.camera_to_ego_V44[[VIEWS.index(view) for view in views]].tolist(),
            "intrinsics": [focal for _ in views],
            "landmarks": [asdict(mark) for mark in episode.landmarks],
            "cars": [
                {"colour": car.colour, "xy_m": car.xy_m_S2.tolist(), "yaw_rad": car.yaw_rad_S.tolist()}
                for car in episode.cars
            ],
        }

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return `caption`; `ego_pose` (S, 4, 4), ego to world, in metres; `speed_m_s` (S,); `rig` (V, 4, 4), camera to ego; `intrinsics` (V, 4)."""
        import numpy as np

        names = {"ego_pose": "ego_to_world_m", "speed_m_s": "speed_m_s", "rig": "camera_to_ego_m"}
        arrays = {name: np.array(row[column]) for name, column in names.items()}
        return {"caption": row["caption"], **arrays, "intrinsics": np.array(row["intrinsics"])}

    def times_s(self, row: Mapping[str, Any]) -> Sequence[float] | None:
        """Return the moments of `ego_pose` and `speed_m_s`, which go on after the last frame."""
        times_s: list[float] = row["time_s"]
        return times_s


ROAD = RoadWorld()
