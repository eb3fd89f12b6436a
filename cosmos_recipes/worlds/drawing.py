"""Draw the `factory` world: one fixed side view of belt, parts, bins and arm, for any picture size."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from cosmos_recipes.worlds import factory
from cosmos_recipes.worlds.canvas import Camera, Canvas, Point, Rgb
from cosmos_recipes.worlds.looks import FACTORY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from cosmos_recipes.worlds.factory import Colour, Episode, Part
    from cosmos_recipes.worlds.looks import Look

VIEW_M = 1.24
"""Side of the square of the scene that every picture shows whole."""
LOWEST_M = -0.34

PART_RGB: dict[Colour, Rgb] = {
    "red": (208, 52, 48),
    "green": (58, 160, 74),
    "blue": (54, 104, 206),
    "yellow": (238, 200, 62),
}
HAND_RGB: Rgb = FACTORY.hand

_BELT_BACK_M, _BELT_FRONT_M, _BELT_EDGE_M = 0.035, -0.03, -0.072
_TICK_M = 0.2
_ROLLER_M, _ROLLER_GAP_M, _ROLLER_Y_M = 0.034, 0.2, -0.112
_RETURN_TOP_M, _RETURN_BOTTOM_M = -0.152, -0.18


def camera(height_px: int, width_px: int) -> Camera:
    """Return the world's only camera: the scene's square fitted into the picture, centred on the arm's mount."""
    pixels_per_metre = min(height_px, width_px) / VIEW_M
    return Camera(
        height_px=height_px,
        width_px=width_px,
        pixels_per_metre=pixels_per_metre,
        centre_u_px=width_px / 2,
        centre_v_px=height_px / 2 + pixels_per_metre * (LOWEST_M + VIEW_M / 2),
    )


def render(episode: Episode, height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Draw every frame; returns frames_THWC, RGB."""
    import numpy as np

    view = camera(height_px, width_px)
    frames_THWC = np.empty((episode.frames, height_px, width_px, 3), dtype=np.uint8)
    for index in range(episode.frames):
        frames_THWC[index] = _draw_frame(episode, index, view)
    return frames_THWC


def _draw_frame(episode: Episode, index: int, view: Camera) -> NDArray[np.uint8]:
    """Paint from the back to the front."""
    look = episode.look
    canvas = Canvas(view, base=_background(view, look))
    _draw_belt(canvas, view, look, float(episode.belt_m_T[index]))
    states = [states[index] for states in episode.part_state_PT]
    places: list[Point] = [(float(xy[index, 0]), float(xy[index, 1])) for xy in episode.part_xy_m_PT2]
    for state, place in zip(states, places, strict=True):
        if state in ("belt", "held"):
            _draw_shadow(canvas, place)
    for part, state, place in zip(episode.parts, states, places, strict=True):
        if state != "held":
            _draw_part(canvas, part, place)
    for side in ("left", "right"):
        _draw_bin_front(canvas, side, look.bin(side))
    _draw_arm(canvas, episode, index)
    if states[episode.target] == "held":
        _draw_part(canvas, episode.parts[episode.target], places[episode.target])
    _draw_fingers(canvas, episode, index)
    return canvas.frame_HWC()


def shade(colour: Rgb, light: float) -> Rgb:
    """Return the colour lightened towards white (`light` above 0, at most 1) or darkened towards black (below)."""
    goal = 255 if light > 0 else 0
    red, green, blue = (round(value + (goal - value) * abs(light)) for value in colour)
    return red, green, blue


@lru_cache(maxsize=4)
def _background(view: Camera, look: Look) -> Image.Image:
    """What never moves and lies behind everything that does; oversampled."""
    canvas = Canvas(view)
    half_m = view.width_px / view.pixels_per_metre / 2 + 0.1
    top_m, bottom_m = (view.centre_v_px / view.pixels_per_metre + 0.1), -half_m - VIEW_M
    _draw_room(canvas, look, half_m, top_m, bottom_m)
    for side in ("left", "right"):
        _draw_bin_back(canvas, side, look.bin(side))
    _draw_conveyor_frame(canvas, half_m)
    canvas.box(-0.055, factory.MOUNT_M[1], 0.055, top_m, look.column)
    canvas.box(-0.055, factory.MOUNT_M[1], -0.025, top_m, (138, 144, 154))
    canvas.box(0.03, factory.MOUNT_M[1], 0.055, top_m, (88, 93, 102))
    canvas.box(-0.16, top_m - 0.13, 0.16, top_m, (92, 97, 106))
    return canvas.image


def _draw_room(canvas: Canvas, look: Look, half_m: float, top_m: float, bottom_m: float) -> None:
    skirting_m, steps = -0.235, 48
    for step in range(steps):
        high_m = top_m - (top_m - skirting_m) * step / steps
        light = 1.0 - 0.3 * step / steps
        canvas.box(-half_m, skirting_m, half_m, high_m, _lit(look.wall, light))
    for seam in range(-int(half_m / 0.31) - 1, int(half_m / 0.31) + 1):
        centre_m = (seam + 0.5) * 0.31
        canvas.box(centre_m - 0.005, skirting_m, centre_m + 0.005, top_m, (40, 48, 60), opacity=0.28)
    for step in range(16):
        high_m = skirting_m - 0.014 * step
        light = 0.62 + 0.38 * step / 15
        canvas.box(-half_m, bottom_m, half_m, high_m, _lit(look.floor, light))
    canvas.box(-half_m, skirting_m - 0.008, half_m, skirting_m + 0.008, (58, 62, 70))


def _lit(colour: Rgb, light: float) -> Rgb:
    red, green, blue = (round(value * light) for value in colour)
    return red, green, blue


def _draw_conveyor_frame(canvas: Canvas, half_m: float) -> None:
    for foot_m in (-0.4, 0.4):
        canvas.ellipse((foot_m, -0.292), 0.07, 0.014, (30, 28, 26), opacity=0.4)
        canvas.box(foot_m - 0.028, -0.29, foot_m + 0.028, _RETURN_BOTTOM_M, (96, 102, 112))
        canvas.box(foot_m - 0.028, -0.29, foot_m - 0.008, _RETURN_BOTTOM_M, (124, 130, 140))
    canvas.box(-half_m, _RETURN_TOP_M, half_m, _BELT_EDGE_M, (48, 52, 60))


def _draw_belt(canvas: Canvas, view: Camera, look: Look, run_m: float) -> None:
    """Belt, tick marks and rollers after the belt has run `run_m` metres to the right (and its lower side left)."""
    half_m = view.width_px / view.pixels_per_metre / 2 + _TICK_M
    canvas.box(-half_m, _BELT_FRONT_M, half_m, _BELT_BACK_M, shade(look.belt, 0.14))
    canvas.box(-half_m, _BELT_BACK_M - 0.01, half_m, _BELT_BACK_M, shade(look.belt, -0.25))
    canvas.box(-half_m, _BELT_EDGE_M, half_m, _BELT_FRONT_M, look.belt)
    canvas.box(-half_m, _RETURN_BOTTOM_M, half_m, _RETURN_TOP_M, shade(look.belt, -0.15))
    for tick in range(-int(half_m / _TICK_M) - 1, int(half_m / _TICK_M) + 2):
        upper_m = tick * _TICK_M + run_m % _TICK_M
        lower_m = tick * _TICK_M - run_m % _TICK_M
        canvas.box(upper_m - 0.018, _BELT_FRONT_M, upper_m + 0.018, _BELT_BACK_M - 0.01, (150, 142, 116))
        canvas.box(upper_m - 0.02, _BELT_EDGE_M, upper_m + 0.02, _BELT_FRONT_M, look.tick)
        canvas.box(lower_m - 0.018, _RETURN_BOTTOM_M, lower_m + 0.018, _RETURN_TOP_M, (122, 116, 94))
    for roller in range(-int(half_m / _ROLLER_GAP_M), int(half_m / _ROLLER_GAP_M) + 1):
        _draw_roller(canvas, (roller * _ROLLER_GAP_M, _ROLLER_Y_M), run_m / _ROLLER_M, look.roller)


def _draw_roller(canvas: Canvas, centre: Point, turned: float, colour: Rgb) -> None:
    canvas.disc(centre, _ROLLER_M, colour)
    canvas.disc((centre[0] - 0.006, centre[1] + 0.006), _ROLLER_M * 0.7, (170, 176, 186))
    notch = (centre[0] + 0.02 * math.cos(turned), centre[1] - 0.02 * math.sin(turned))
    canvas.disc(notch, 0.013, (60, 64, 72))


def _draw_shadow(canvas: Canvas, place: Point) -> None:
    """Shadow on the belt below a part, fainter and wider the higher it is."""
    height_m = place[1] - factory.PART_M / 2
    strength = max(0.0, 1.0 - height_m / 0.4)
    canvas.ellipse((place[0] + 0.01, 0.0), 0.075 + height_m * 0.08, 0.02, (14, 15, 20), opacity=0.6 * strength)


def _draw_part(canvas: Canvas, part: Part, place: Point) -> None:
    colour, half_m = PART_RGB[part.colour], factory.PART_M / 2
    if part.shape == "box":
        _draw_box(canvas, place, colour, half_m)
    elif part.shape == "disc":
        _draw_disc(canvas, place, colour, half_m)
    else:
        _draw_wedge(canvas, place, colour, half_m)


def _draw_box(canvas: Canvas, place: Point, colour: Rgb, half_m: float) -> None:
    x, y = place
    canvas.box(x - half_m, y - half_m, x + half_m, y + half_m, shade(colour, -0.5))
    canvas.box(x - half_m + 0.008, y - half_m + 0.008, x + half_m - 0.008, y + half_m - 0.006, colour)
    canvas.box(x - half_m + 0.008, y + half_m - 0.03, x + half_m - 0.008, y + half_m - 0.006, shade(colour, 0.4))
    canvas.box(x + half_m - 0.03, y - half_m + 0.008, x + half_m - 0.008, y + half_m - 0.03, shade(colour, -0.28))


def _draw_disc(canvas: Canvas, place: Point, colour: Rgb, half_m: float) -> None:
    x, y = place
    canvas.disc(place, half_m, shade(colour, -0.5))
    canvas.disc(place, half_m - 0.007, shade(colour, -0.2))
    canvas.disc((x - 0.006, y + 0.007), half_m - 0.018, colour)
    canvas.disc((x - 0.014, y + 0.016), 0.02, shade(colour, 0.5))


def _draw_wedge(canvas: Canvas, place: Point, colour: Rgb, half_m: float) -> None:
    x, y = place
    low, high, wide = y - half_m, y + half_m, half_m + 0.012
    canvas.polygon([(x - wide, low), (x + wide, low), (x, high)], shade(colour, -0.5))
    canvas.polygon([(x - wide + 0.015, low + 0.008), (x, low + 0.008), (x, high - 0.02)], shade(colour, 0.3))
    canvas.polygon([(x, low + 0.008), (x + wide - 0.015, low + 0.008), (x, high - 0.02)], shade(colour, -0.08))


def _bin_x(side: str) -> float:
    return -factory.BIN_X_M if side == "left" else factory.BIN_X_M


def _draw_bin_back(canvas: Canvas, side: str, colour: Rgb) -> None:
    """The inside of a bin and the post that carries it, behind the belt."""
    x = _bin_x(side)
    floor_m, rim_m = factory.BIN_FLOOR_M, factory.BIN_RIM_M
    canvas.box(x - 0.022, -0.235, x + 0.022, floor_m, (84, 90, 100))
    canvas.box(x - 0.022, -0.235, x - 0.006, floor_m, (110, 116, 126))
    canvas.polygon(_bin_outline(x, floor_m - 0.02, rim_m), shade(colour, -0.62))
    canvas.polygon(
        [(x - 0.085, floor_m), (x + 0.085, floor_m), (x + 0.1, rim_m), (x - 0.1, rim_m)], shade(colour, -0.45)
    )


def _draw_bin_front(canvas: Canvas, side: str, colour: Rgb) -> None:
    """The low front wall, behind which a part drops, and the side walls."""
    x = _bin_x(side)
    floor_m, rim_m = factory.BIN_FLOOR_M - 0.02, factory.BIN_RIM_M
    lip_m = floor_m + 0.06
    canvas.polygon(_bin_outline(x, floor_m, lip_m), colour)
    canvas.polygon(_bin_outline(x, floor_m, floor_m + 0.02), shade(colour, -0.3))
    canvas.box(x - 0.095, lip_m - 0.016, x + 0.095, lip_m, shade(colour, 0.4))
    for edge in (-1, 1):
        foot_m, top_m = x + edge * 0.088, x + edge * 0.112
        canvas.polygon(
            [(foot_m, floor_m), (top_m, rim_m), (top_m - edge * 0.02, rim_m), (foot_m - edge * 0.02, floor_m)],
            shade(colour, 0.15),
        )


def _bin_outline(x: float, low_m: float, high_m: float) -> list[Point]:
    """Corners of the part of a bin between two heights; bins are wider at the rim."""
    floor_m, rim_m = factory.BIN_FLOOR_M - 0.02, factory.BIN_RIM_M
    wide_low, wide_high = (0.088 + 0.024 * (y - floor_m) / (rim_m - floor_m) for y in (low_m, high_m))
    return [(x - wide_low, low_m), (x + wide_low, low_m), (x + wide_high, high_m), (x - wide_high, high_m)]


def _draw_arm(canvas: Canvas, episode: Episode, index: int) -> None:
    """Upper arm, forearm, hand and their joints, without the fingers."""
    look = episode.look
    from cosmos_recipes.worlds.motion import elbow_and_wrist

    joints_m = elbow_and_wrist(
        episode.joint_rad_T2[index], factory.MOUNT_M, factory.UPPER_ARM_M, factory.FOREARM_M
    ).tolist()
    elbow, wrist = (joints_m[0][0], joints_m[0][1]), (joints_m[1][0], joints_m[1][1])
    for start, end, thick, thin in ((factory.MOUNT_M, elbow, 0.042, 0.032), (elbow, wrist, 0.034, 0.024)):
        canvas.bar(start, end, thick, thin, look.joint)
        canvas.bar(start, end, thick - 0.01, thin - 0.01, look.arm)
    for joint, radius_m in ((factory.MOUNT_M, 0.058), (elbow, 0.042), (wrist, 0.032)):
        canvas.disc(joint, radius_m, look.joint)
        canvas.disc(joint, radius_m * 0.5, (172, 180, 192))
    x, y = float(episode.gripper_xy_m_T2[index, 0]), float(episode.gripper_xy_m_T2[index, 1])
    palm_m = y + factory.PART_M / 2 + 0.012
    canvas.box(x - 0.02, palm_m, x + 0.02, wrist[1], look.joint)


def _draw_fingers(canvas: Canvas, episode: Episode, index: int) -> None:
    """The palm and its two fingers, whose distance is the grip."""
    look = episode.look
    x, y = float(episode.gripper_xy_m_T2[index, 0]), float(episode.gripper_xy_m_T2[index, 1])
    gap_m = factory.OPEN_GAP_M + (factory.CLOSED_GAP_M - factory.OPEN_GAP_M) * float(episode.grip_T[index])
    palm_m, tip_m = y + factory.PART_M / 2 + 0.012, y - 0.035
    canvas.box(x - 0.122, palm_m, x + 0.122, palm_m + 0.034, shade(look.hand, -0.55))
    canvas.box(x - 0.116, palm_m + 0.006, x + 0.116, palm_m + 0.028, look.hand)
    for edge in (-1, 1):
        inner_m, outer_m = x + edge * gap_m / 2, x + edge * (gap_m / 2 + 0.026)
        left_m, right_m = min(inner_m, outer_m), max(inner_m, outer_m)
        canvas.box(left_m, tip_m, right_m, palm_m + 0.006, shade(look.hand, -0.55))
        canvas.box(left_m + 0.005, tip_m + 0.005, right_m - 0.005, palm_m + 0.006, shade(look.hand, 0.2))
