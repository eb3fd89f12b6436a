"""Points to come: where the vehicle goes, from above in metres, and on the road in each view.

Legend: N points, V views, T frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.data.binding.spec import RATE_HZ
from cosmos_recipes.data.geometry import intrinsics, poses
from cosmos_recipes.data.preview.canvas import COLOURS, PALE, Canvas
from cosmos_recipes.data.preview.scene import Scene, Side
from cosmos_recipes.data.preview.timeline import LABEL_PX, Mark, Overlay, Timeline

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from cosmos_recipes.data.preview.clips import PreviewClip

    Array = NDArray[np.float64]

ABOVE = Side(title="From above", rows_23=((0, -1, 0), (1, 0, 0)), right="right of the vehicle", up="ahead of it")
COLOUR = "#bf00bf"
CAR_M = (4.5, 1.8)
"""The car that is drawn, of the usual size."""
_SCENE_PX, _SCENE_WIDTH_PX = 420, 760
_NEAREST_M = 0.3


def overlay(clip: PreviewClip, name: str, timeline: Timeline) -> Overlay:
    """Draw the points from above, and into the views if it is known how their cameras are mounted."""
    point_m_N3 = np.asarray(clip.columns[name], np.float64)
    rate_hz = float(clip.declared[name].binding.rate or RATE_HZ)
    way_m_N3 = np.concatenate([np.zeros((1, 3)), point_m_N3])
    return Overlay(marks=_marks(clip, way_m_N3, rate_hz, timeline), panels=[_scene(clip, way_m_N3, rate_hz, timeline)])


def _marks(clip: PreviewClip, way_m_N3: Array, rate_hz: float, timeline: Timeline) -> list[Mark]:
    pose_VT44, known_VT4 = clip.per_view("world-to-camera"), clip.per_view("intrinsics")
    if clip.ego_to_camera_44 is None or pose_VT44 is None or known_VT4 is None:
        return []
    world_m_N3 = poses.transform(clip.ego_to_camera_44, _finely(way_m_N3))
    marks = []
    for view in range(len(pose_VT44)):
        for frame in timeline.shown:
            camera_m_N3 = poses.transform(pose_VT44[view, frame], world_m_N3)
            uv_N2 = intrinsics.project(camera_m_N3, known_VT4[view, frame])
            near_N = (camera_m_N3[:, 2] > _NEAREST_M) & (np.abs(uv_N2) < 4).all(-1)
            for run in np.split(np.flatnonzero(near_N), np.flatnonzero(np.diff(np.flatnonzero(near_N)) > 1) + 1):
                if len(run) > 1:
                    marks.append(
                        Mark(
                            view=view,
                            frame=frame,
                            places=[(u, v) for u, v in uv_N2[run].tolist()],
                            colour=COLOUR,
                            kind="line",
                        )
                    )
    return marks


def _finely(way_m_N3: Array) -> Array:
    """Return the points with ten more between any two, so that a line ends where the picture does."""
    at = np.linspace(0, len(way_m_N3) - 1, 10 * (len(way_m_N3) - 1) + 1)
    return np.stack([np.interp(at, np.arange(len(way_m_N3)), axis) for axis in way_m_N3.T], axis=1)


def _scene(clip: PreviewClip, way_m_N3: Array, rate_hz: float, timeline: Timeline) -> Image.Image:
    """Return the way from above, with the vehicle at its begin, cameras where they are known, and a dot each second."""
    canvas = Canvas(timeline.width, _SCENE_PX + 6)
    length_m, width_m = CAR_M
    car_m_43 = np.array([(x * length_m / 2, y * width_m / 2, 0) for x, y in ((1, 1), (1, -1), (-1, -1), (-1, 1))])
    extent_m_N3 = np.concatenate([way_m_N3, car_m_43 * 1.3])
    scene = Scene(ABOVE, extent_m_N3, width_px=_SCENE_WIDTH_PX, height_px=_SCENE_PX)
    scene.canvas.polygon(scene.at(car_m_43), "#d8dde3", outline=PALE)
    _rig(scene, clip)
    scene.path(way_m_N3, COLOUR, width=2.5)
    for second in range(1, int((len(way_m_N3) - 1) / rate_hz) + 1):
        point_m_3 = way_m_N3[round(second * rate_hz)]
        scene.canvas.dot(scene.at(point_m_3)[0], 3.5, COLOUR)
        scene.label(point_m_3, f"{second} s", COLOUR)
    canvas.paste(scene.image(), LABEL_PX, 0)
    canvas.text((0, 4), "points to come", size=13)
    for line, text in enumerate(_told(clip, way_m_N3, rate_hz)):
        canvas.text((LABEL_PX + _SCENE_WIDTH_PX + 20, 4 + 22 * line), text, size=13)
    return canvas.image()


def _rig(scene: Scene, clip: PreviewClip) -> None:
    """Draw the cameras where they are on the vehicle."""
    pose_VT44, known_VT4 = clip.per_view("world-to-camera"), clip.per_view("intrinsics")
    if clip.ego_to_camera_44 is None or pose_VT44 is None or known_VT4 is None:
        return
    to_ego_V44 = poses.invert(pose_VT44[:, 0] @ clip.ego_to_camera_44)
    for view, (own_44, own_4) in enumerate(zip(to_ego_V44, known_VT4[:, 0], strict=True)):
        scene.camera(own_44, own_4, COLOURS[view % len(COLOURS)], size_m=1.5, axes=False)


def _told(clip: PreviewClip, way_m_N3: Array, rate_hz: float) -> list[str]:
    step_m = np.linalg.norm(np.diff(way_m_N3, axis=0), axis=-1)
    ahead_m, left_m, up_m = way_m_N3[-1].tolist()
    side = f"{abs(left_m):.1f} m to the {'left' if left_m >= 0 else 'right'}"
    drawn = "The same line is drawn into the views: it has to lie on the road, and to pass below the vehicle."
    unknown = "It is not drawn into the views: that needs poses with `mounted_on` the same vehicle, and intrinsics."
    return [
        f"{len(step_m)} points, {rate_hz:g} in a second: {len(step_m) / rate_hz:.1f} s",
        f"goes {step_m.sum():.1f} m, at {step_m[0] * rate_hz:.1f} m/s at first and {step_m[-1] * rate_hz:.1f} m/s at last",
        f"ends {ahead_m:.1f} m ahead, {side}, {up_m:+.1f} m up",
        "",
        drawn if clip.ego_to_camera_44 is not None and clip.per_view("intrinsics") is not None else unknown,
        "The grey box is a car of the usual size. Compare the way with what the views show in the frames to come.",
    ]
