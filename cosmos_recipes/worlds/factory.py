"""The `factory` world: a conveyor, an arm that sorts one part of an episode into a bin, and no pixels.

The world `workshop` is the same machine in any paint, with a belt of any speed: what the tiny base learned from.

Everything is in the plane of the picture. The frame of reference, called `scene`, has its origin on the belt's surface
below the arm's mount, x to the right and y up, in metres; angles are counter-clockwise from +x, in rad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from cosmos_recipes.worlds.looks import FACTORY, Look, random_look

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cosmos_recipes.worlds.motion import Knot

    Array = NDArray[np.float64]

VERSION = 1
"""Raised whenever the same seed gives another episode or another picture."""

Shape = Literal["box", "disc", "wedge"]
Colour = Literal["red", "green", "blue", "yellow"]
Side = Literal["left", "right"]
Machine = Literal["factory", "workshop"]
State = Literal["belt", "held", "falling", "bin"]

MOUNT_M = (0.0, 0.70)
UPPER_ARM_M = 0.34
FOREARM_M = 0.32
HAND_M = 0.12
"""From the wrist straight down to the point between the finger tips; the hand always hangs vertically."""
OPEN_GAP_M = 0.20
CLOSED_GAP_M = 0.115
PART_M = 0.115
BIN_X_M = 0.48
BIN_FLOOR_M = 0.16
BIN_RIM_M = 0.30
BELT_SPEED_M_S = 0.12
BELT_SPEED_SPREAD: dict[Machine, float] = {"factory": 0.04, "workshop": 0.25}
"""Largest relative difference of an episode's belt speed from the usual one."""
GRAVITY_M_S2 = 9.81
SHORTEST_S = 2.0
"""The least time from the first to the last frame in which the arm can finish its command."""

CAPTIONS = (
    "The arm picks up the {colour} {shape} and drops it into the {side} bin.",
    "A robot arm takes the {colour} {shape} off the belt and puts it into the {side} bin.",
    "The gripper grabs the {colour} {shape} from the conveyor and releases it over the {side} bin.",
    "The {colour} {shape} is lifted off the moving belt and dropped into the {side} bin.",
    "The robot sorts the {colour} {shape} into the bin on the {side}.",
    "Pick the {colour} {shape} from the belt and place it in the {side} bin.",
)

_USUAL_S = 4.8
_DURATIONS_S = {"reach": 1.0, "descend": 0.45, "close": 0.3, "lift": 0.5, "carry": 0.85, "open": 0.25, "return": 0.8}
_REST_M = PART_M / 2
_HOVER_M = 0.25
_CARRY_M = 0.43
_RELEASE_M = 0.395
_GRASP_RANGE_M = (-0.18, 0.18)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What lies on the belt; no two parts of an episode share a shape or a colour."""

    shape: Shape
    colour: Colour


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """One command carried out, frame by frame: frame k is at `k / rate_hz` seconds. T frames, P parts.

    `grip_T` is 0 with the fingers open and 1 with them closed on a part. `action_T3` holds (dx in m, dy in m, grip
    that is reached) for the step from frame k to the next; the last one leads to the frame after the last.
    `joint_rad_T2` is (shoulder from +x, elbow relative to the upper arm). `belt_m_T` is how far the belt has run.
    """

    seed: int
    rate_hz: float
    caption: str
    parts: tuple[Part, ...]
    target: int
    side: Side
    belt_speed_m_s: float
    belt_m_T: Array
    gripper_xy_m_T2: Array
    grip_T: Array
    joint_rad_T2: Array
    action_T3: Array
    part_xy_m_PT2: Array
    part_state_PT: tuple[tuple[State, ...], ...]
    look: Look = FACTORY

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.grip_T)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Timing:
    """When each phase of the command starts, in seconds from the first frame."""

    reach: float
    descend: float
    close: float
    lift: float
    carry: float
    open: float
    home: float
    end: float

    @property
    def release(self) -> float:
        """When the part falls: half-way through the opening of the fingers."""
        return (self.open + self.home) / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class _Script:
    """Everything that chance decides in an episode, before anything moves."""

    parts: tuple[Part, ...]
    start_m: tuple[float, ...]
    target: int
    side: Side
    caption: str
    speed_m_s: float
    belt_m: float
    timing: _Timing
    first_m: tuple[float, float]
    home_m: tuple[float, float]


def simulate(seed: int, *, frames: int = 25, rate_hz: float = 5.0, world: Machine = "factory") -> Episode:
    """Play one episode; the same arguments always give the same one.

    A recording shorter than 4.8 s is played faster so that the command is always finished; in a longer one the arm
    waits at its home at the end.

    Raises:
        ValueError: the recording is too short for the arm to finish, or the seed is negative.
    """
    import numpy as np

    from cosmos_recipes.worlds.motion import follow, minimum_jerk, reach

    duration_s = (frames - 1) / rate_hz
    if duration_s < SHORTEST_S:
        needed = int(np.ceil(SHORTEST_S * rate_hz)) + 1
        raise ValueError(f"a factory episode needs at least {needed} frames at {rate_hz:g} Hz, not {frames}")
    pace = min(1.0, duration_s / _USUAL_S)
    script = _write_script(np.random.default_rng(seed), pace=pace, spread=BELT_SPEED_SPREAD[world])
    timing = script.timing
    time_s = np.arange(frames + 1) / rate_hz
    xy_m = follow(_knots(script), time_s).round(6)
    grip = minimum_jerk(time_s, timing.close, timing.lift) - minimum_jerk(time_s, timing.open, timing.home)
    grip = grip.round(6)
    wrist_m = xy_m[:-1] + np.array([0.0, HAND_M])
    part_xy_m, states = _play_parts(script, time_s[:-1], xy_m[:-1])
    return Episode(
        seed=seed,
        rate_hz=rate_hz,
        caption=script.caption,
        parts=script.parts,
        target=script.target,
        side=script.side,
        belt_speed_m_s=script.speed_m_s,
        belt_m_T=(script.belt_m + script.speed_m_s * time_s[:-1]).round(6),
        gripper_xy_m_T2=xy_m[:-1],
        grip_T=grip[:-1],
        joint_rad_T2=reach(wrist_m, MOUNT_M, UPPER_ARM_M, FOREARM_M).round(6),
        action_T3=np.concatenate([np.diff(xy_m, axis=0), grip[1:, None]], axis=1).round(6),
        part_xy_m_PT2=part_xy_m,
        part_state_PT=states,
        look=FACTORY if world == "factory" else random_look(np.random.default_rng((seed, 1))),
    )


def _write_script(rng: np.random.Generator, *, pace: float, spread: float) -> _Script:
    parts = _draw_parts(rng)
    speed_m_s = round(BELT_SPEED_M_S * rng.uniform(1 - spread, 1 + spread), 6)
    timing = _draw_timing(rng, pace)
    start_m, target = _place_parts(rng, len(parts), speed_m_s * timing.lift)
    side: Side = "left" if rng.random() < 0.5 else "right"
    chosen = parts[target]
    template = CAPTIONS[int(rng.integers(len(CAPTIONS)))]
    return _Script(
        parts=parts,
        start_m=start_m,
        target=target,
        side=side,
        caption=template.format(colour=chosen.colour, shape=chosen.shape, side=side),
        speed_m_s=speed_m_s,
        belt_m=float(rng.uniform(0.0, 1.0)),
        timing=timing,
        first_m=(float(rng.uniform(-0.12, 0.12)), float(rng.uniform(0.32, 0.42))),
        home_m=(float(rng.uniform(-0.05, 0.05)), float(rng.uniform(0.35, 0.39))),
    )


def _draw_parts(rng: np.random.Generator) -> tuple[Part, ...]:
    count = int(rng.integers(2, 4))
    shapes = [get_args(Shape)[i] for i in rng.permutation(len(get_args(Shape)))[:count]]
    colours = [get_args(Colour)[i] for i in rng.permutation(len(get_args(Colour)))[:count]]
    return tuple(Part(shape=shape, colour=colour) for shape, colour in zip(shapes, colours, strict=True))


def _draw_timing(rng: np.random.Generator, pace: float) -> _Timing:
    starts = [pace * float(rng.uniform(0.0, 0.3))]
    for duration_s in _DURATIONS_S.values():
        starts.append(starts[-1] + pace * duration_s * float(rng.uniform(0.9, 1.1)))
    reach, descend, close, lift, carry, opening, home, end = starts
    return _Timing(reach=reach, descend=descend, close=close, lift=lift, carry=carry, open=opening, home=home, end=end)


def _place_parts(rng: np.random.Generator, count: int, ridden_m: float) -> tuple[tuple[float, ...], int]:
    """Place the parts on the belt at frame 0, at least two within reach when they are gripped; return x and the target.

    The target is drawn from all parts within reach, so that the first frame does not give it away.
    """
    import numpy as np

    low_m, high_m = _GRASP_RANGE_M
    while True:
        gaps_m = rng.uniform(0.20, 0.26, size=count - 1)
        start_m = (rng.uniform(-0.55, 0.0) + np.concatenate([[0.0], np.cumsum(gaps_m)])).round(6)
        grasped_m = start_m + ridden_m
        within = np.flatnonzero((grasped_m >= low_m) & (grasped_m <= high_m))
        if len(within) >= 2:
            order = rng.permutation(count)
            target = int(np.flatnonzero(order == rng.choice(within))[0])
            return tuple(float(start_m[i]) for i in order), target


def _knots(script: _Script) -> list[Knot]:
    """The gripper's path: over the part, down, along with it while closing, up, over the bin, home."""
    from cosmos_recipes.worlds.motion import Knot

    timing, speed_m_s = script.timing, script.speed_m_s
    x0_m, ride = script.start_m[script.target], (script.speed_m_s, 0.0)
    bin_m = _bin_m(script)
    lifted_m = x0_m + speed_m_s * (timing.lift + (timing.carry - timing.lift) / 2)
    return [
        Knot(time_s=timing.reach, xy_m=script.first_m),
        Knot(time_s=timing.descend, xy_m=(x0_m + speed_m_s * timing.descend, _HOVER_M), velocity_m_s=ride),
        Knot(time_s=timing.close, xy_m=(x0_m + speed_m_s * timing.close, _REST_M), velocity_m_s=ride),
        Knot(time_s=timing.lift, xy_m=(x0_m + speed_m_s * timing.lift, _REST_M), velocity_m_s=ride),
        Knot(time_s=timing.carry, xy_m=(lifted_m, _CARRY_M)),
        Knot(time_s=timing.open, xy_m=(bin_m, _RELEASE_M)),
        Knot(time_s=timing.home, xy_m=(bin_m, _RELEASE_M)),
        Knot(time_s=timing.end, xy_m=script.home_m),
    ]


def _play_parts(script: _Script, time_s_T: Array, gripper_m_T2: Array) -> tuple[Array, tuple[tuple[State, ...], ...]]:
    """Return the parts' positions (P, T, 2) in metres and their states; only the target leaves the belt."""
    import numpy as np

    riding_m = np.asarray(script.start_m)[:, None] + script.speed_m_s * time_s_T[None]
    xy_m_PT2 = np.stack([riding_m, np.full_like(riding_m, _REST_M)], axis=2)
    riding: State = "belt"
    states = [(riding,) * len(time_s_T) for _ in script.parts]
    held_m_T2 = np.where((time_s_T > script.timing.lift)[:, None], gripper_m_T2, xy_m_PT2[script.target])
    xy_m_PT2[script.target], states[script.target] = _play_target(script, time_s_T, held_m_T2)
    return xy_m_PT2.round(6), tuple(states)


def _play_target(script: _Script, time_s_T: Array, held_m_T2: Array) -> tuple[Array, tuple[State, ...]]:
    """Let the target fall into the bin from the moment of its release."""
    import numpy as np

    timing, floor_m = script.timing, BIN_FLOOR_M + _REST_M
    freed_T = time_s_T > timing.release
    fallen_m_T = GRAVITY_M_S2 / 2 * np.square(time_s_T - timing.release)
    falling_m_T2 = np.stack([np.full_like(time_s_T, _bin_m(script)), np.maximum(_RELEASE_M - fallen_m_T, floor_m)], 1)
    landed_T = freed_T & (falling_m_T2[:, 1] == floor_m)
    index_T = (time_s_T > timing.lift).astype(int) + freed_T + landed_T
    return np.where(freed_T[:, None], falling_m_T2, held_m_T2), tuple(get_args(State)[i] for i in index_T)


def _bin_m(script: _Script) -> float:
    return -BIN_X_M if script.side == "left" else BIN_X_M
