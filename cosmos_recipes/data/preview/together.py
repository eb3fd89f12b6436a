"""Several views at one moment: what the first sees at a place lies on a line in each of the others, whatever its distance.

The line is the image of the ray (R. Hartley and A. Zisserman, Multiple View Geometry, chapter 9). Legend: V views, N
things, D distances, H height, W width, C colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.data.geometry import intrinsics, poses
from cosmos_recipes.data.preview.canvas import COLOURS, Canvas, cell_of, picture
from cosmos_recipes.data.preview.points import points_at, reduced, softened
from cosmos_recipes.data.preview.timeline import LABEL_PX, Mark, Timeline, marked, told

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from cosmos_recipes.data.preview.clips import PreviewClip

    Array = NDArray[np.float64]

THINGS = 5
_NEAREST, _FARTHEST = 0.15, 1000.0
"""Bounds of the distances that a line stands for, in the greatest distance between two cameras."""
_SHORTEST = 0.15
"""Share of the picture that a line is long at least, or nothing can be seen from it."""
_MOST_COLUMNS = 4


def views_together(clip: PreviewClip, pose_V44: Array, known_V4: Array, timeline: Timeline) -> list[Image.Image]:
    """Return the first moment of every view, with things of the first and their lines in the others."""
    apart_m = poses.greatest_distance_m(pose_V44)
    if len(clip.views) < 2 or apart_m == 0:
        return []
    uv_N2 = np.array(_striking(reduced(clip.video_VTHWC[0, :1])[0]))
    lines = sight_lines(uv_N2, pose_V44, known_V4)
    if not lines:
        text = f"no other view sees at the first moment what {clip.views[0]} sees, so that they cannot be compared"
        return [told([("views together", text)], timeline)]
    rings = [
        Mark(view=0, frame=0, places=[(u, v)], colour=COLOURS[n], label=str(n + 1))
        for n, (u, v) in enumerate(uv_N2.tolist())
    ]
    shown = [0, *sorted({mark.view for mark in lines})]
    hidden = ", ".join(name for view, name in enumerate(clip.views) if view not in shown)
    text = f"At the first frame: the thing in each ring in {clip.views[0]} has to lie on the line of its colour in the other views."
    more = [("", f"Not seen at that moment in {hidden}.")] if hidden else []
    panel = _side_by_side(clip, shown, [*rings, *lines], timeline)
    return [told([("views together", text), *more], timeline), panel]


def sight_lines(uv_N2: Array, pose_V44: Array, known_V4: Array) -> list[Mark]:
    """Return the lines of what the first view sees at these places; none where they are short or out of the picture."""
    apart_m = poses.greatest_distance_m(pose_V44)
    distance_m_D = apart_m * np.geomspace(_NEAREST, _FARTHEST, 600)
    point_m_ND3 = points_at(uv_N2, np.repeat(distance_m_D[None], len(uv_N2), 0), pose_V44[0], known_V4[0])
    marks = []
    for view in range(1, len(pose_V44)):
        seen_ND2 = intrinsics.seen(poses.transform(pose_V44[view], point_m_ND3), known_V4[view])
        for n, line_D2 in enumerate(seen_ND2):
            places = line_D2[np.isfinite(line_D2[:, 0])]
            if len(places) > 1 and np.linalg.norm(np.ptp(places, axis=0)) > _SHORTEST:
                line = [(u, v) for u, v in places.tolist()]
                marks.append(Mark(view=view, frame=0, places=line, colour=COLOURS[n], kind="line", label=str(n + 1)))
    return marks


def _side_by_side(clip: PreviewClip, shown: list[int], marks: list[Mark], timeline: Timeline) -> Image.Image:
    height, width = clip.video_VTHWC.shape[2:4]
    columns = min(_MOST_COLUMNS, max(2, len(shown)))
    cell = cell_of(height, width, longer_px=min(480, (timeline.width - LABEL_PX) // columns - 8))
    canvas = Canvas(timeline.width, -(-len(shown) // columns) * (cell[1] + 26))
    for number, view in enumerate(shown):
        left, top = LABEL_PX + number % columns * (cell[0] + 8), number // columns * (cell[1] + 26)
        frame = picture(clip.video_VTHWC[view, 0], cell)
        canvas.paste(marked(frame, [mark for mark in marks if mark.view == view]), left, top)
        canvas.text((left, top + cell[1] + 4), clip.views[view], size=13, colour=COLOURS[view % len(COLOURS)])
    return canvas.image()


def _striking(frame_HWC: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Return places (u, v) whose colour is unlike that around them, apart from each other."""
    height, width = frame_HWC.shape[:2]
    reach = max(2, min(height, width) // 24)
    grey_HW1 = frame_HWC.mean(-1, keepdims=True)
    # Colours count more than light, which changes with the side that is seen.
    seen_HWC = np.concatenate([frame_HWC - grey_HW1, 0.3 * grey_HW1], axis=-1)
    unlike_HW = np.abs(softened(seen_HWC, reach) - softened(softened(seen_HWC, 4 * reach), reach)).sum(-1)
    down_HW, right_HW = np.mgrid[:height, :width]
    edge = 3 * reach
    unlike_HW[:edge] = unlike_HW[-edge:] = unlike_HW[:, :edge] = unlike_HW[:, -edge:] = 0
    places = []
    for _ in range(THINGS):
        y, x = np.unravel_index(int(unlike_HW.argmax()), unlike_HW.shape)
        places.append(((float(x) + 0.5) / width, (float(y) + 0.5) / height))
        unlike_HW[np.hypot(down_HW - y, right_HW - x) < 4 * reach] = 0
    return places
