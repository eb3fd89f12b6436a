"""If these fail, a preview hides wrong poses, or shows right ones as wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import ImageColor

from cosmos_recipes.data.preview.cameras import level, world_marks
from cosmos_recipes.data.preview.canvas import COLOURS
from cosmos_recipes.data.preview.clips import PreviewClip, choose_clips
from cosmos_recipes.data.preview.points import find_points
from cosmos_recipes.data.preview.timeline import Timeline, frame_rows
from cosmos_recipes.data.preview.together import sight_lines
from cosmos_recipes.data.preview.trajectory import overlay
from cosmos_recipes.run.dataset import OpenDataset
from cosmos_recipes.run.progress import Silent
from cosmos_recipes.worlds.poses import project


def first_clip(opened: OpenDataset) -> PreviewClip:
    chosen = choose_clips(opened.recordings, opened.binding, opened.clip, count=1, seed=0, progress=Silent())
    return chosen.clips[0]


def truth_of(opened: OpenDataset, clip: PreviewClip) -> dict[str, Any]:
    """Return the row of the world's own table for a clip's recording."""
    media = next(each for each in opened.recordings if each.name == clip.recording).media
    folder = next(parent for parent in media.path.parents if (parent / "episodes.parquet").exists())
    rows = pq.read_table(folder / "episodes.parquet").to_pylist()
    row: dict[str, Any] = next(row for row in rows if clip.recording in (row["episode_id"], row.get("video")))
    return row


def cameras_of(clip: PreviewClip) -> tuple[np.ndarray, np.ndarray]:
    pose_VT44, intrinsics_VT4 = clip.per_view("world-to-camera"), clip.per_view("intrinsics")
    assert pose_VT44 is not None and intrinsics_VT4 is not None
    return pose_VT44, intrinsics_VT4


def test_a_point_of_the_room_is_marked_where_the_world_says_it_is_seen(opened: Any) -> None:
    data = opened("room")
    clip = first_clip(data)
    truth, (pose_VT44, intrinsics_VT4) = truth_of(data, clip), cameras_of(clip)
    timeline = Timeline.of(clip)
    world_to_camera_T44 = np.array(truth["world_to_camera_m"])
    thing_m_N3 = np.array([thing["xyz_m"] for thing in truth["things"]])
    first_m_N3 = thing_m_N3 @ world_to_camera_T44[0, :3, :3].T + world_to_camera_T44[0, :3, 3]
    marks = world_marks(0, first_m_N3, pose_VT44[0], intrinsics_VT4[0], timeline)
    rows = np.asarray(frame_rows(clip, timeline, marks), dtype=int)
    width, height = timeline.cell
    checked = 0
    for mark in marks:
        number = int(mark.label) - 1
        (wanted,), _ = project(thing_m_N3[number], world_to_camera_T44[mark.frame], truth["intrinsics"])
        assert np.abs((wanted - mark.places[0]) * (width, height)).max() < 0.1
        left, top = timeline.left(timeline.shown.index(mark.frame)), 22
        x, y = round(left + wanted[0] * width), round(top + wanted[1] * height)
        colour = ImageColor.getrgb(COLOURS[number % len(COLOURS)])
        near = rows[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3)
        checked += int(np.abs(near - colour).sum(-1).min() < 60)
    assert checked >= len(marks) - 1 > 5, "a mark may be hidden by the number of another"


def test_rings_stay_on_their_things_with_right_poses_and_drift_with_inverted_ones(opened: Any) -> None:
    inverted = {"form": "matrix-4x4", "direction": "camera-to-world", "axes": "opencv"}
    columns = {
        "pose": {"from": "pose", "convention": inverted},
        "intrinsics": {"from": "intrinsics", "convention": "canonical"},
    }
    alike = []
    for data in (opened("room"), opened("room", columns=columns)):
        chosen = choose_clips(data.recordings, data.binding, data.clip, count=3, seed=0, progress=Silent())
        for clip in chosen.clips:
            pose_VT44, intrinsics_VT4 = cameras_of(clip)
            points = find_points(clip.video_VTHWC[0], pose_VT44[0], intrinsics_VT4[0])
            alike.append(np.median(points.alike_N))
    assert min(alike[:3]) > 0.55
    assert max(alike[3:]) < min(alike[:3]) - 0.1


def test_lines_of_sight_go_through_the_same_thing_in_every_view_and_miss_it_when_views_are_swapped(opened: Any) -> None:
    data = opened("cell")
    clip = first_clip(data)
    truth, (pose_VT44, intrinsics_VT4) = truth_of(data, clip), cameras_of(clip)
    thing_m_N3 = np.array([thing["xyz_m"][0] for thing in truth["things"]])
    seen_VN2 = np.stack(
        [
            project(thing_m_N3, np.array(pose), known)[0]
            for pose, known in zip(truth["world_to_camera_m"], truth["intrinsics"], strict=True)
        ]
    )

    def missed_px(order: list[int]) -> float:
        marks = sight_lines(seen_VN2[0], pose_VT44[order, 0], intrinsics_VT4[order, 0])
        assert len(marks) == 3 * len(thing_m_N3)
        away = [np.abs(np.array(m.places) - seen_VN2[m.view, int(m.label) - 1]).sum(-1).min() for m in marks]
        return float(max(away)) * 64

    assert missed_px([0, 1, 2, 3]) < 1
    assert missed_px([0, 2, 1, 3]) > 6


def test_the_scene_is_drawn_level_though_the_first_camera_looks_down(opened: Any) -> None:
    data = opened("cell")
    clip = first_clip(data)
    up_3 = np.array(truth_of(data, clip)["world_to_camera_m"])[0, :3, 2]
    np.testing.assert_allclose(level(cameras_of(clip)[0]) @ up_3, (0, 0, 1), atol=0.02)


def test_the_way_is_drawn_into_each_view_where_the_vehicle_goes(opened: Any) -> None:
    data = opened("road")
    clip = first_clip(data)
    truth = truth_of(data, clip)
    timeline = Timeline.of(clip)
    ego_to_world_S44, rig_V44 = np.array(truth["ego_to_world_m"]), np.array(truth["camera_to_ego_m"])
    ahead_m_N3 = ego_to_world_S44[3:18, :3, 3]
    drawn = overlay(clip, "trajectory", timeline)
    by_place = {(mark.view, mark.frame): np.array(mark.places) for mark in drawn.marks}
    checked = 0
    for view, frame in [(0, timeline.shown[0]), (0, timeline.shown[2]), (3, timeline.shown[-1])]:
        world_to_camera_44 = np.linalg.inv(ego_to_world_S44[frame] @ rig_V44[view])
        uv_N2, depth_N = project(ahead_m_N3, world_to_camera_44, truth["intrinsics"][view])
        seen_N2 = uv_N2[(depth_N > 0.5) & (np.abs(uv_N2 - 0.5) < 0.5).all(-1)]
        for uv in seen_N2:
            assert (np.abs(by_place[view, frame] - uv) * (80, 64)).max(-1).min() < 1
            checked += 1
    assert checked > 8


def test_without_a_mount_the_way_is_drawn_from_above_alone(opened: Any) -> None:
    data = opened("road", columns={"trajectory": {"from": "ego_pose", "convention": "canonical-ego", "points": 40}})
    clip = first_clip(data)
    drawn = overlay(clip, "trajectory", Timeline.of(clip))
    assert (len(drawn.marks), len(drawn.panels)) == (0, 1)
