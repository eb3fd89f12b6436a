"""Whether views agree: the temporal and the cross-view Sampson error, as in the Cosmos report's multi-view evaluation.

On the true video of the world `cell`, four views of 64 x 64 pixels, half of all matches between views are within 0.2 px.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, combinations
from math import comb

import numpy as np

from cosmos_recipes.data.geometry.rotations import Array
from cosmos_recipes.evaluation.estimators.epipolar import estimated_fundamental, fundamental, sampson_px
from cosmos_recipes.evaluation.estimators.matches import Sights, match
from cosmos_recipes.evaluation.estimators.tracks import Frames, follow_points
from cosmos_recipes.evaluation.tasks.base import Quantity, Row, Setting, TaskMetric, Video

FARTHEST_SHARE = 1 / 8
"""An error counts as at most this share of the picture's shorter side: beyond it a match is wrong, however far."""


AGREEING_SHARE = 1 / 64
"""Two views see the same if their matches in the true video are nearer than this, in the median."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cameras:
    """Poses and intrinsics of every view and frame, None where the data does not say, and the pairs of views to compare."""

    pose_VT44: Array | None
    intrinsics_VT4: Array | None
    pairs: tuple[tuple[int, int], ...] = ()

    def fundamental(self, first: tuple[int, int], second: tuple[int, int], frames_THW3: Frames) -> Array | None:
        """Return the fundamental matrix between two (view, frame); None where they see no parallax."""
        if self.pose_VT44 is None or self.intrinsics_VT4 is None:
            return None
        height_px, width_px = frames_THW3.shape[1:3]
        intrinsics_24 = np.stack([self.intrinsics_VT4[first], self.intrinsics_VT4[second]])
        return fundamental(
            self.pose_VT44[first], self.pose_VT44[second], intrinsics_24, height_px=height_px, width_px=width_px
        )

    @property
    def known(self) -> bool:
        """Whether the data says where the cameras are."""
        return self.pose_VT44 is not None and self.intrinsics_VT4 is not None


class SampsonErrors(TaskMetric):
    """Matches within and between views, against the cameras that the data has, or that most matches agree on."""

    quantities = (
        Quantity(
            name="cross_view_px",
            label="Cross-view error",
            unit="px",
            meaning="How far what two views show at one moment is from being the same things: Sampson distance of "
            "matches between views, mean, each at most an eighth of the picture. Pairs of views count that agree in the true video.",
        ),
        Quantity(
            name="temporal_px",
            label="Temporal error",
            unit="px",
            meaning="How far what a view shows is from standing still while the camera moves: Sampson distance of points "
            "followed from frame to frame, median. Cameras that stand have none.",
        ),
        Quantity(
            name="agreeing_views",
            label="Views that agree",
            unit="",
            meaning="Share of the pairs of views that show the same things in the true video. Where cameras look at the "
            "same things and it is small, views are swapped, or poses are those of other cameras.",
            less_is_better=False,
        ),
    )
    rank = 3

    def applies(self, setting: Setting) -> bool:
        """Return whether there are several views."""
        return len(setting.views) > 1

    def know(self, truth: Video, row: Row) -> Cameras:
        """See `TaskMetric.know`."""
        pose, intrinsics = row.get("pose"), row.get("intrinsics")
        cameras = Cameras(
            pose_VT44=None if pose is None else pose.astype(np.float64),
            intrinsics_VT4=None if intrinsics is None else intrinsics.astype(np.float64),
        )
        views, given = truth.views, truth.setting.given_frames
        return replace(cameras, pairs=tuple(_overlapping(views, cameras, given)))

    def measure(self, video: Video, known: Cameras) -> dict[str, float]:
        """See `TaskMetric.measure`."""
        views, given = video.views, video.setting.given_frames
        most_px = FARTHEST_SHARE * min(views[0].shape[1:3])
        across_px, along_px = (
            np.concatenate([*errors(views, known, given), np.empty(0)]) for errors in (cross_view, temporal)
        )
        return {
            "cross_view_px": float(np.minimum(across_px, most_px).mean()) if len(across_px) else np.nan,
            "temporal_px": float(np.median(along_px)) if len(along_px) else np.nan,
            "agreeing_views": len(known.pairs) / comb(len(views), 2),
        }


def _overlapping(views: list[Frames], cameras: Cameras, given_frames: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs of views that see the same things in the true video: matches of others are by chance."""
    for pair in combinations(range(len(views)), 2):
        off_px = np.concatenate([*cross_view(views, replace(cameras, pairs=(pair,)), given_frames), np.empty(0)])
        if len(off_px) and np.median(off_px) < AGREEING_SHARE * min(views[0].shape[1:3]):
            yield pair


def cross_view(views: list[Frames], cameras: Cameras, given_frames: int) -> Iterator[Array]:
    """Yield the Sampson distances in pixels of the matches of each pair of views at each predicted frame."""
    for frame in range(given_frames, len(views[0])):
        sights = {view: Sights.of(views[view][frame]) for view in {*chain(*cameras.pairs)}}
        for first, second in cameras.pairs:
            ours_N2, theirs_N2 = match(sights[first], sights[second])
            matrix = cameras.fundamental((first, frame), (second, frame), views[0])
            if not cameras.known:
                matrix = estimated_fundamental(ours_N2, theirs_N2)
            if matrix is not None:
                yield sampson_px(matrix, ours_N2, theirs_N2)


def temporal(views: list[Frames], cameras: Cameras, given_frames: int) -> Iterator[Array]:
    """Yield the Sampson distances in pixels of the points followed to each predicted frame of each view."""
    tracks = follow_points(views)
    height, width = views[0].shape[1:3]
    point_px_NT2 = tracks.uv_NT2 * (width, height)
    for view in range(len(views)):
        for frame in range(given_frames, len(views[0])):
            own_N = (tracks.view_N == view) & tracks.seen_NT[:, frame - 1] & tracks.seen_NT[:, frame]
            before_N2, after_N2 = point_px_NT2[own_N, frame - 1], point_px_NT2[own_N, frame]
            matrix = cameras.fundamental((view, frame - 1), (view, frame), views[0])
            if not cameras.known:
                matrix = estimated_fundamental(before_N2, after_N2)
            if matrix is not None:
                yield sampson_px(matrix, before_N2, after_N2)
