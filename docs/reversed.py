"""Show that a reversed control gives the reverse motion: `python docs/reversed.py MODEL_CAMERA MODEL_ACTION`.

Models of the worlds `room` and `factory` are sampled on held-out recordings: from their first frames with the true
control, and from their last ones with that control played backwards, so that there is room for the way back. The motion
is found again in the videos by the estimators of the evaluation. It writes docs/reversed.md with the figures,
docs/sheets/reversed-camera.png and docs/sheets/reversed-action.png.

Legend: T frames, A numbers of an action, K numbers of a motion, C colours, H height, W width.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from cosmos_recipes.data.decode.frames import read_frames
from cosmos_recipes.data.geometry.poses import invert
from cosmos_recipes.data.geometry.rotations import Array
from cosmos_recipes.data.preview.canvas import PALE, PAPER, font
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.evaluation.estimators.alignment import positions
from cosmos_recipes.evaluation.estimators.hand import find_hand, hand_at
from cosmos_recipes.evaluation.estimators.path import Rig, find_path
from cosmos_recipes.evaluation.estimators.tracks import Frames, follow_points
from cosmos_recipes.run.dataset import Made
from cosmos_recipes.run.progress import Silent
from cosmos_recipes.run.sample import SampleRequest, sample
from cosmos_recipes.run.sampling.models import OpenModel, open_model

DOCS = Path(__file__).parent
INTRODUCTION = """# There and back

A model is given the first frame of a held-out recording and its control, and then the last frame and the control played
backwards. The motion is found again in both videos. A figure is the cosine between what was found and what a control asks
for, over all frames, mean over clips: +1 is the same way, -1 the opposite one. `python docs/reversed.py` wrote this page.
"""
CONTROLS = ("true", "reversed")
LEAST = {"turn": math.radians(5), "place": 0.2, "gripper": 4.0}
"""How far a motion goes at least (rad, m, px), to have a direction."""
CELL_PX, LABEL_PX = 96, 84

Motion = dict[str, Array]


@dataclass(frozen=True, kw_only=True)
class Task:
    """How a control is written for `sample`, what motion it asks for there and back, and how motion is found."""

    write: Callable[[Recording, slice, Path], dict[str, Any]]
    asked: Callable[[Recording, slice], dict[str, Motion]]
    found: Callable[[Frames, Recording], Motion]


def write_camera(recording: Recording, moments: slice, folder: Path) -> dict[str, Any]:
    """Write the way of a camera and its lens."""
    way = {"pose": recording.values["pose"][moments].tolist(), "intrinsics": recording.values["intrinsics"].tolist()}
    path = folder / "camera.json"
    path.write_text(json.dumps(way))
    return {"camera": str(path)}


def write_actions(recording: Recording, moments: slice, folder: Path) -> dict[str, Any]:
    """Write the actions between the frames, in the units of the source."""
    path = folder / "actions.npy"
    np.save(path, recording.values["action"][moments][:-1])
    return {"actions": path}


def motion_of_camera(pose_T44: Array) -> Motion:
    """Return how far it has turned to the right (T, 1) in rad, and its place (T, 3), as seen from the first frame."""
    from_first_T44 = pose_T44 @ invert(pose_T44[0])
    ahead_T3 = from_first_T44[:, 2, :3]
    turn_rad_T1 = np.arctan2(ahead_T3[:, 0], ahead_T3[:, 2])[:, None]
    return {"turn": turn_rad_T1, "place": positions(from_first_T44)}


def asked_of_camera(recording: Recording, moments: slice) -> dict[str, Motion]:
    """Return the motion of the camera on the true way, and on the way back."""
    pose_T44 = np.asarray(recording.values["pose"])[moments]
    return {"true": motion_of_camera(pose_T44), "reversed": motion_of_camera(pose_T44[::-1])}


def find_camera(frames_THW3: Frames, recording: Recording) -> Motion:
    """Return the motion of the camera in a video; none where it cannot be found."""
    intrinsics_T4 = np.tile(recording.values["intrinsics"], (len(frames_THW3), 1))
    path = find_path(follow_points([frames_THW3]), Rig.of_camera(intrinsics_T4, width_px=frames_THW3.shape[2]))
    return {} if path is None else motion_of_camera(path.first_to_rig_T44)


def asked_of_gripper(recording: Recording, moments: slice) -> dict[str, Motion]:
    """Return the motion of the gripper (T, 2) in px of a picture of 64 on the true way, and on the way back."""
    at_px_T2 = hand_at(recording.values["state"][moments, :2], height_px=64, width_px=64)
    return {"true": {"gripper": at_px_T2 - at_px_T2[0]}, "reversed": {"gripper": at_px_T2[::-1] - at_px_T2[-1]}}


def find_gripper(frames_THW3: Frames, recording: Recording) -> Motion:
    """Return the motion of the gripper in a video, NaN where it is not seen; none where it is not there at first."""
    at_px_T2 = find_hand(frames_THW3)
    return {} if np.isnan(at_px_T2[0]).any() else {"gripper": at_px_T2 - at_px_T2[0]}


CAMERA = Task(write=write_camera, asked=asked_of_camera, found=find_camera)
ACTION = Task(write=write_actions, asked=asked_of_gripper, found=find_gripper)


def likeness(found_TK: Array, asked_TK: Array) -> float:
    """Return the cosine between two motions, of which either may have another scale; what is not seen has not moved."""
    found_TK = np.nan_to_num(found_TK)
    size = float(np.linalg.norm(found_TK) * np.linalg.norm(asked_TK))
    return float((found_TK * asked_TK).sum()) / size if size else 0.0


def extent(motion_TK: Array) -> float:
    """Return how far a motion leads from its start."""
    return float(np.linalg.norm(motion_TK - motion_TK[0], axis=1).max())


def held_out(model: OpenModel, count: int, root: Path) -> list[Recording]:
    """Return held-out recordings of the world that a model was trained on, drawn again."""
    assert model.plan is not None
    source = {**model.plan.data.sets[0].source, "episodes": 1, "held_out": count}
    recordings = Made.of(source, root).recordings(Silent())
    return [recording for recording in recordings if recording.split == "held-out"]


def best_window(task: Task, recording: Recording, frames: int, given: int) -> slice:
    """Return the window of a recording in which its control asks for the most motion after the given frames."""
    starts = range(len(probe(recording.media).pts) - frames + 1)
    return max(
        (slice(start, start + frames) for start in starts), key=lambda window: _size(task, recording, window, given)
    )


def _size(task: Task, recording: Recording, window: slice, given: int) -> float:
    """Return how many times the least motion is asked for, there or back, whichever is less."""
    asked = [_from(given - 1, motion) for motion in task.asked(recording, window).values()]
    return min(max(extent(motion[name]) / LEAST[name] for name in motion) for motion in asked)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The videos of a recording under each control, and by motion the likeness of what was found to what was asked for."""

    videos: Mapping[str, Tensor]
    likenesses: Mapping[str, Mapping[tuple[str, str], float]]


def compare(task: Task, model: OpenModel, recording: Recording, folder: Path) -> Pair:
    """Sample a recording with its control and with that reversed."""
    given = model.config.given_frames
    window = best_window(task, recording, model.config.clip["frames"], given)
    frames = _frames(recording, window)
    said = {"model": model.pinned, **task.write(recording, window, folder)}
    videos = {}
    for control, pictures in (("true", frames), ("reversed", frames[::-1])):
        begin = _write_pictures(folder / control, pictures[:given])
        request = SampleRequest(**said, frames=begin, reverse=control == "reversed")
        videos[control] = sample(request).video_VCTHW[0]
    return Pair(videos=videos, likenesses=dict(_likenesses(task, recording, window, videos, given - 1)))


def _likenesses(
    task: Task, recording: Recording, window: slice, videos: Mapping[str, Tensor], start: int
) -> Iterator[tuple[str, dict[tuple[str, str], float]]]:
    """Yield likenesses from the last given frame on, whose number is `start`."""
    asked = {control: _from(start, motion) for control, motion in task.asked(recording, window).items()}
    frames = {control: video.permute(1, 2, 3, 0).contiguous().numpy() for control, video in videos.items()}
    found = {control: _from(start, task.found(each_THW3, recording)) for control, each_THW3 in frames.items()}
    for name in asked["true"]:
        moves = min(extent(motion[name]) for motion in asked.values()) >= LEAST[name]
        if moves and all(name in motion for motion in found.values()):
            yield name, {(f, a): likeness(found[f][name], asked[a][name]) for f in CONTROLS for a in CONTROLS}


def _from(start: int, motion: Motion) -> Motion:
    return {name: each_TK[start:] - each_TK[start] for name, each_TK in motion.items()}


def _frames(recording: Recording, window: slice) -> list[Image.Image]:
    found, numbers = probe(recording.media), range(window.start, window.stop)
    video_CTHW = read_frames(
        recording.media, found, numbers, height_px=found.height_px, width_px=found.width_px, backends={}
    )
    return [Image.fromarray(frame_HWC) for frame_HWC in video_CTHW.permute(1, 2, 3, 0).numpy()]


def _write_pictures(folder: Path, pictures: Sequence[Image.Image]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number}.png")
    return folder


def sheet(pair: Pair) -> Image.Image:
    """Return a picture with a row for each control and a column for each frame."""
    frames = next(iter(pair.videos.values())).shape[1]
    picture = Image.new("RGB", (LABEL_PX + frames * CELL_PX, len(CONTROLS) * CELL_PX), PAPER)
    for row, control in enumerate(CONTROLS):
        ImageDraw.Draw(picture).text((4, row * CELL_PX + CELL_PX // 2 - 8), control, fill=PALE, font=font(14))
        for column, frame_HWC in enumerate(pair.videos[control].permute(1, 2, 3, 0).numpy()):
            cell = Image.fromarray(frame_HWC).resize((CELL_PX - 3, CELL_PX - 3), Image.Resampling.NEAREST)
            picture.paste(cell, (LABEL_PX + column * CELL_PX, row * CELL_PX))
    return picture


def table(pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield a line for each motion and control: the mean likeness to what each control asks for."""
    for name in dict.fromkeys(name for pair in pairs for name in pair.likenesses):
        own = [pair.likenesses[name] for pair in pairs if name in pair.likenesses]
        for control in CONTROLS:
            means = {asked: float(np.mean([each[control, asked] for each in own])) for asked in CONTROLS}
            follows = sum(each[control, control] > 0 for each in own)
            said = ", ".join(f"{mean:+.2f} to what {asked} asks for" for asked, mean in means.items())
            yield f"{name}, {control} control: {said}; the asked way in {follows} of {len(own)} clips that move, of {len(pairs)}"


def show(task: Task, reference: str, output: Path, clips: int) -> list[Pair]:
    """Print the figures of a model and write its sheet, of the clip that asks for the most."""
    model = open_model(reference, runs=Path("runs"))
    with TemporaryDirectory() as name:
        recordings = held_out(model, clips, Path(name))
        pairs = [compare(task, model, each, Path(name)) for each in recordings]
    sys.stdout.writelines(f"{line}\n" for line in table(pairs))
    output.parent.mkdir(parents=True, exist_ok=True)
    sheet(max(pairs, key=lambda pair: len(pair.likenesses))).save(output)
    return pairs


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camera", help="a run, package or recipe of a camera model of the world room")
    parser.add_argument("action", help="the same of an action model of the world factory")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--docs", type=Path, default=DOCS)
    said: Any = parser.parse_args()
    page = [INTRODUCTION]
    for name, task, reference in (("camera", CAMERA, said.camera), ("action", ACTION, said.action)):
        sheet_file = Path("sheets") / f"reversed-{name}.png"
        pairs = show(task, reference, said.docs / sheet_file, said.clips)
        figures = "".join(f"- {line}\n" for line in table(pairs))
        page.append(f"## {name.capitalize()}\n\n{figures}\n![The true control above, reversed below]({sheet_file})\n")
    (said.docs / "reversed.md").write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
