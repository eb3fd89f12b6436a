"""Poses and intrinsics: where the cameras go and look, and points of the world that must stay on their things.

Legend: V views, T frames, N points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cosmos_recipes.data.geometry import intrinsics, poses
from cosmos_recipes.data.geometry.conventions import PoseConvention
from cosmos_recipes.data.preview.canvas import COLOURS, INK, PALE, Canvas
from cosmos_recipes.data.preview.points import WorldPoints, find_points
from cosmos_recipes.data.preview.scene import AXES, Scene, Side
from cosmos_recipes.data.preview.timeline import LABEL_PX, Mark, Overlay, Timeline, told
from cosmos_recipes.data.preview.together import views_together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cosmos_recipes.data.preview.clips import PreviewClip

    Array = NDArray[np.float64]

ABOVE = Side(title="From above", rows_23=((1, 0, 0), (0, 1, 0)), right="right of the first camera", up="ahead of it")
BESIDE = Side(title="From the side", rows_23=((0, 1, 0), (0, 0, 1)), right="ahead of the first camera", up="upwards")
USUAL_4 = np.array([0.9, 0.9, 0.5, 0.5])
"""Intrinsics that a camera is drawn with whose own are not known."""
MOST_SWEPT = 16
"""Frames in which points are followed at most."""
_SCENE_PX = 360
_STANDS_M = 1e-6
_CROP_PX, _CROPS_IN_ROW = 68, 3
_CROP_SHARE = 0.18
"""How much of the picture's shorter side is shown around a ring."""
_HOW_TO_READ = (
    "Each ring is one point of the world: it has to stay on the same thing in every frame of its view, enlarged below the frames.",
    "If rings drift, then poses, intrinsics, times or the order of views are wrong, unless the thing itself moves.",
)


def overlay(clip: PreviewClip, name: str, timeline: Timeline) -> Overlay:
    """Draw poses: points in the frames where intrinsics are known, and the cameras from above and from the side."""
    column, values = clip.column(name), np.asarray(clip.columns[name], np.float64)
    pose_VT44 = values if column.is_per_view else values[None]
    known_VT4 = clip.per_view("intrinsics")
    marks: list[Mark] = []
    panels: list[Image.Image] = []
    if known_VT4 is not None:
        found = list(_points(clip, pose_VT44, known_VT4))
        marks = [
            mark
            for view, points in found
            for mark in world_marks(view, points.point_m_N3, pose_VT44[view], known_VT4[view], timeline)
        ]
        panels += [told(_alike(clip, found), timeline)] if found else []
        panels += [ring_crops(clip, view, [m for m in marks if m.view == view], timeline) for view, _ in found]
        panels += views_together(clip, pose_VT44[:, 0], known_VT4[:, 0], timeline)
    usual_VT4 = np.broadcast_to(USUAL_4, (*pose_VT44.shape[:2], 4)) if known_VT4 is None else known_VT4
    unit = _unit(clip, name)
    panels.append(_scenes(clip, pose_VT44, usual_VT4, timeline, unit))
    ways = [(view, _way(own, clip, unit)) for view, own in zip(clip.views, pose_VT44, strict=False)]
    return Overlay(marks=marks, panels=[*panels, told(ways, timeline)])


def intrinsics_overlay(clip: PreviewClip, name: str, timeline: Timeline) -> Overlay:
    """Say what the intrinsics mean: how wide and high each view's picture is in degrees, and where its centre is."""
    column, values = clip.column(name), np.asarray(clip.columns[name], np.float64)
    lines = []
    for view, own_T4 in zip(clip.views, values if column.is_per_view else values[None], strict=False):
        wide_deg, high_deg = np.degrees(intrinsics.field_of_view_rad(own_T4[0]))
        changes = "" if np.ptp(own_T4, axis=0).max() < _STANDS_M else "; changes in the clip"
        centre = f"centre at {own_T4[0, 2]:.3f} of the width and {own_T4[0, 3]:.3f} of the height{changes}"
        lines.append((view, f"sees {wide_deg:.1f}° from left to right, {high_deg:.1f}° from top to bottom; {centre}"))
    return Overlay(panels=[told(lines, timeline)])


def _points(clip: PreviewClip, pose_VT44: Array, known_VT4: Array) -> Iterator[tuple[int, WorldPoints]]:
    """Find points in every view whose camera moves."""
    frames = np.unique(np.linspace(0, clip.frames - 1, min(clip.frames, MOST_SWEPT)).round().astype(int))
    for view, (own_T44, own_T4) in enumerate(zip(pose_VT44, known_VT4, strict=True)):
        if not _stands(own_T44):
            yield view, find_points(clip.video_VTHWC[view, frames], own_T44[frames], own_T4[frames])


def _stands(pose_T44: Array) -> bool:
    return bool(np.abs(pose_T44 - pose_T44[:1]).max() < _STANDS_M)


def world_marks(view: int, point_m_N3: Array, pose_T44: Array, intrinsics_T4: Array, timeline: Timeline) -> list[Mark]:
    """Return a mark for each point of the world in each shown frame of a view in whose picture it is."""
    shown = list(timeline.shown)
    uv_SN2 = intrinsics.seen(poses.transform(pose_T44[shown], point_m_N3), intrinsics_T4[shown])
    return [
        Mark(view=view, frame=frame, places=[(u, v)], colour=COLOURS[n % len(COLOURS)], label=str(n + 1))
        for frame, uv_N2 in zip(shown, uv_SN2.tolist(), strict=True)
        for n, (u, v) in enumerate(uv_N2)
        if u == u
    ]


def ring_crops(clip: PreviewClip, view: int, marks: Sequence[Mark], timeline: Timeline) -> Image.Image:
    """Return what is in the rings of each shown frame, enlarged: each stands at the same place below every frame."""
    numbers = sorted({int(mark.label) for mark in marks})
    rows = -(-max(numbers, default=0) // _CROPS_IN_ROW)
    canvas = Canvas(timeline.width, rows * (_CROP_PX + 4) + 6)
    canvas.text((0, 4), f"in the rings of {clip.views[view]}", size=13)
    height, width = clip.video_VTHWC.shape[2:4]
    reach = _CROP_SHARE * min(height, width) / 2
    for mark in marks:
        (u, v), number = mark.places[0], int(mark.label) - 1
        left = timeline.left(timeline.shown.index(mark.frame)) + number % _CROPS_IN_ROW * (_CROP_PX + 4)
        top = number // _CROPS_IN_ROW * (_CROP_PX + 4)
        around = (u * width - reach, v * height - reach, u * width + reach, v * height + reach)
        frame = Image.fromarray(clip.video_VTHWC[view, mark.frame])
        canvas.paste(
            frame.transform((_CROP_PX, _CROP_PX), Image.Transform.EXTENT, around, Image.Resampling.BICUBIC), left, top
        )
        canvas.box(left, top, left + _CROP_PX - 1, top + _CROP_PX - 1, None, mark.colour)
        canvas.dot((left + 9, top + 9), 7, mark.colour)
        canvas.text((left + 9, top + 9), mark.label, size=11, colour="#ffffff", anchor="mm")
    return canvas.image()


def _alike(clip: PreviewClip, found: Sequence[tuple[int, WorldPoints]]) -> list[tuple[str, str]]:
    shares = ", ".join(f"{np.median(points.alike_N):.0%} in {clip.views[view]}" for view, points in found)
    alike = f"What is seen in a ring is alike in all frames to {shares}: look closely where it is less than a half."
    return [("rings", _HOW_TO_READ[0]), ("", _HOW_TO_READ[1]), ("", alike)]


def _unit(clip: PreviewClip, name: str) -> str:
    convention = clip.declared[name].convention
    is_arbitrary = isinstance(convention, PoseConvention) and convention.length_unit == "arbitrary"
    return "units of its own" if is_arbitrary else "m"


def _scenes(clip: PreviewClip, pose_VT44: Array, known_VT4: Array, timeline: Timeline, unit: str) -> Image.Image:
    """Return all cameras in one scene, from above and from the side."""
    level_44 = poses.assemble(level(pose_VT44), np.zeros(3))
    to_level_VT44 = level_44 @ poses.invert(pose_VT44)
    eye_m_M3 = to_level_VT44[..., :3, 3].reshape(-1, 3)
    span_m = float(np.ptp(eye_m_M3, axis=0).max())
    size_m = 0.12 * span_m if span_m > _STANDS_M else 0.3
    extent_m_N3 = np.concatenate([eye_m_M3 + way * 1.5 * size_m for way in (-1, 1)])
    width = (timeline.width - LABEL_PX - 12) // 2
    canvas = Canvas(timeline.width, _SCENE_PX + 6)
    for line, (text, colour) in enumerate(_key(clip)):
        canvas.text((0, 4 + 18 * line), text, size=13, colour=colour)
    for number, side in enumerate((ABOVE, BESIDE)):
        scene = Scene(side, extent_m_N3, width_px=width, height_px=_SCENE_PX, unit=unit)
        for view, (own_T44, own_T4) in enumerate(zip(to_level_VT44, known_VT4, strict=True)):
            _camera_path(scene, own_T44, own_T4, view, timeline, size_m, clip)
        canvas.paste(scene.image(), LABEL_PX + number * (width + 12), 0)
    return canvas.image()


def level(pose_VT44: Array) -> Array:
    """Return the rotation (3, 3) from the world to right, ahead and up as the first camera has them, but level.

    Cameras are mostly held upright, so up is the direction that is at right angles to the x axes of all of them; where
    these leave it open, it is nearest to where their tops point.
    """
    axes_M33 = pose_VT44.reshape(-1, 4, 4)[:, :3, :3]
    right_M3, top_3 = axes_M33[:, 0], -axes_M33[:, 1].mean(0)
    up_3 = np.linalg.solve(right_M3.T @ right_M3 / len(right_M3) + 1e-3 * np.eye(3), top_3)
    up_3 /= np.linalg.norm(up_3)
    right_3 = axes_M33[0, 0] - (axes_M33[0, 0] @ up_3) * up_3
    right_3 /= np.linalg.norm(right_3)
    return np.stack([right_3, np.cross(up_3, right_3), up_3])


def _key(clip: PreviewClip) -> list[tuple[str, str]]:
    views = [(name, COLOURS[view % len(COLOURS)]) for view, name in enumerate(clip.views)]
    names = ("x, to the right", "y, down", "z, forward")
    return [("cameras", INK), *views, ("", INK), ("axes, first and last", PALE), *zip(names, AXES, strict=True)]


def _camera_path(
    scene: Scene, to_world_T44: Array, known_T4: Array, view: int, timeline: Timeline, size_m: float, clip: PreviewClip
) -> None:
    colour, eye_m_T3, stands = COLOURS[view % len(COLOURS)], to_world_T44[:, :3, 3], _stands(to_world_T44)
    scene.path(eye_m_T3, colour, width=2)
    ends = (timeline.shown[0], timeline.shown[-1])
    for frame in ends[:1] if stands else ends if len(clip.views) > 1 else timeline.shown:
        scene.camera(to_world_T44[frame], known_T4[frame], colour, size_m=size_m, axes=frame in ends)
    if not stands and view == 0:
        scene.label(eye_m_T3[-1], f"{clip.times_s_T[-1] - clip.times_s_T[0]:.1f} s")
    scene.label(eye_m_T3[0], clip.views[view] if len(clip.views) > 1 else "0 s", colour)


def _way(pose_T44: Array, clip: PreviewClip, unit: str) -> str:
    """Say how far a camera goes and turns, and how fast."""
    to_world_T44 = poses.invert(pose_T44)
    way_m = float(np.linalg.norm(np.diff(to_world_T44[:, :3, 3], axis=0), axis=-1).sum())
    turn_33 = to_world_T44[0, :3, :3].T @ to_world_T44[-1, :3, :3]
    turn_deg = float(np.degrees(np.arccos(np.clip((np.trace(turn_33) - 1) / 2, -1, 1))))
    if way_m < _STANDS_M and turn_deg < 0.05:
        return "does not move"
    right_m, down_m, ahead_m, _ = (pose_T44[0] @ to_world_T44[-1, :, 3]).tolist()
    took_s = float(clip.times_s_T[-1] - clip.times_s_T[0])
    speed = f", {way_m / took_s:.2f} m/s" if unit == "m" else ""
    ends = f"{right_m:+.2f} right, {-down_m:+.2f} up, {ahead_m:+.2f} ahead as it looked at first"
    return f"goes {way_m:.2f} {unit} in {took_s:.1f} s{speed}; ends {ends}; turns by {turn_deg:.1f}°"
