"""Faults, and how each is planted into good data: what is wrong, in which recording and row, and who has to find it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from good import ACTIONS, Data

from cosmos_recipes.data.geometry.poses import invert
from cosmos_recipes.data.recording import Media
from cosmos_recipes.worlds.video import read_video, write_video

ONE = 3
"""The recording that faults are planted in."""
Plant = Callable[[Data, Path], Data]


@dataclass(frozen=True)
class Fault:
    """`recording` is the number of the one that has to be named, None for the data set, -1 for any of many."""

    name: str
    data: str
    code: str
    plant: Plant
    recording: int | None = ONE
    row: int | None = None
    also: tuple[str, ...] = ()
    """Codes of what else is then wrong."""


def values(**change: Callable[[np.ndarray], Any]) -> Plant:
    """Change values of one recording."""

    def plant(data: Data, folder: Path) -> Data:
        own = data.recordings[ONE].values
        return data.with_one(ONE, values={name: edit(np.array(own[name])) for name, edit in change.items()})

    return plant


def everywhere(name: str, edit: Callable[[np.ndarray], Any]) -> Plant:
    """Change values of all recordings."""
    return lambda data, folder: data.with_all(
        [replace(r, values={**r.values, name: edit(np.array(r.values[name]))}) for r in data.recordings]
    )


def at(row: int, value: Any, column: Any = slice(None)) -> Callable[[np.ndarray], np.ndarray]:
    """Put a value into one row."""

    def edit(array: np.ndarray) -> np.ndarray:
        array[row, ..., column] = value
        return array

    return edit


def times(edit: Callable[[np.ndarray], np.ndarray]) -> Plant:
    """Change the times of one recording's rows; every other one gets those of its frames, at 5 Hz."""

    def plant(data: Data, folder: Path) -> Data:
        timed = [replace(r, times_s=np.arange(25) / 5 if r.times_s is None else r.times_s) for r in data.recordings]
        own = timed[ONE].times_s
        assert own is not None
        return data.with_all(timed).with_one(ONE, times_s=edit(own.copy()))

    return plant


def video(make: Callable[[Path, Path], Any], view: str = "video") -> Plant:
    """Give one recording a video that was made from its own."""

    def plant(data: Data, folder: Path) -> Data:
        views = dict(data.recordings[ONE].views)
        path = folder / f"{views[view].path.stem}-changed{views[view].path.suffix}"
        make(views[view].path, path)
        return data.with_one(ONE, views={**views, view: Media(path=path)})

    return plant


def pictures(edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path, Path], Any]:
    """Write a video with other frames."""
    return lambda path, to: write_video(to, edit(read_video(path)), 5, "mjpeg")


def cut_off(share: float) -> Callable[[Path, Path], Any]:
    """Keep only the first bytes of a file."""
    return lambda path, to: to.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def spoil(path: Path, to: Path) -> None:
    """Overwrite packets in the middle of a file, so that it opens and does not decode."""
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    for packet in packets[10:20]:
        assert packet.pos
        content[packet.pos : packet.pos + packet.size] = bytes(range(256)) * (packet.size // 256) + bytes(
            packet.size % 256
        )
    to.write_bytes(content)


def with_pause(path: Path, to: Path) -> None:
    """Write a video in which frame 12 comes half a second late."""
    with av.open(str(to), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
        for number, frame_HWC in enumerate(read_video(path)):
            frame = av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")
            frame.pts, frame.time_base = 2 * number + 5 * (number >= 12), Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def same_file(number: int) -> Plant:
    """Give one recording a copy of the video of another."""

    def plant(data: Data, folder: Path) -> Data:
        copy = Path(shutil.copy(data.recordings[0].media.path, folder / "copy.mp4"))
        caption = data.recordings[0].values["caption"]
        return data.with_one(number, views={"video": Media(path=copy)}, values={"caption": caption})

    return plant


def swapped(data: Data, folder: Path) -> Data:
    """Let the source give the views of one recording in another order."""
    return data.with_one(ONE, views=dict(reversed(data.recordings[ONE].views.items())))


def shifted(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array[:1], array[:-1]])


def turned(array: np.ndarray) -> np.ndarray:
    """Look the other way from row 12 to 12."""
    half_turn_33 = np.diag([-1.0, 1.0, -1.0])
    array[12, :3] = half_turn_33 @ array[12, :3]
    return array


def moved(row: int, by_m: float) -> Callable[[np.ndarray], np.ndarray]:
    """Put everything from a row on elsewhere."""

    def edit(array: np.ndarray) -> np.ndarray:
        array[row:, 0, 3] += by_m
        return array

    return edit


def times_factor(factor: float, *columns: int) -> Callable[[np.ndarray], np.ndarray]:
    def edit(array: np.ndarray) -> np.ndarray:
        array[..., list(columns) or slice(None)] *= factor
        return array

    return edit


def longer(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    """Multiply the translations of poses."""

    def edit(array: np.ndarray) -> np.ndarray:
        array[:, :3, 3] *= factor
        return array

    return edit


def clipped(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array[:, :1].clip(-0.05, 0.05), array[:, 1:]], axis=1)


def x_to_the_right(ego_R44: np.ndarray) -> np.ndarray:
    """Name the axes of a vehicle as cameras do: right, down, forward."""
    return ego_R44 @ np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


def with_opengl_axes(world_to_camera_T44: np.ndarray) -> np.ndarray:
    return np.diag([1.0, -1.0, -1.0, 1.0]) @ world_to_camera_T44


def in_degrees(data: Data, folder: Path) -> Data:
    """Say that the last number of the states is in radians, and let it be in degrees in one recording."""
    state = {**ACTIONS["state"], "unit": ["m", "m", "rad"]}
    return values(state=times_factor(90.0, 2))(data.declared(columns={**ACTIONS, "state": state}), folder)


def of_other_shape(data: Data, folder: Path) -> Data:
    plain = {"from": "state", "unit": "m"}
    return values(state=lambda array: array[:, :2])(data.declared(columns={**ACTIONS, "state": plain}), folder)


def said(text: Callable[[Data], str]) -> Plant:
    return lambda data, folder: data.with_one(ONE, values={"caption": text(data)})


def statistics(std: float) -> Plant:
    row = {"mean": [0, 0, 0], "std": [std, 0.07, 0.4], "min": [-9] * 3, "max": [9] * 3, "q01": [-1] * 3, "q99": [1] * 3}
    return lambda data, folder: data.declared(
        normalise={"action": "quantile"}, statistics={"action": {"count": 9, **row}}
    )


FAULTS = (
    Fault("the video is missing", "actions", "CR510", video(lambda path, to: None)),
    Fault("the video is empty", "actions", "CR510", video(lambda path, to: to.touch())),
    Fault("the video is a text", "actions", "CR510", video(lambda path, to: to.write_text("no video"))),
    Fault("the video is cut off", "actions", "CR512", video(cut_off(0.8))),
    Fault("packets in the middle are damaged", "actions", "CR512", video(spoil)),
    Fault("the video is too short", "captions", "CR505", video(pictures(lambda frames: frames[:5]))),
    Fault("a frame is late", "captions", "CR526", video(with_pause), row=11, also=("CR523",)),
    Fault(
        "the picture hangs",
        "actions",
        "CR595",
        video(pictures(lambda f: f[[*range(6), *[6] * 13, *range(19, 25)]])),
        row=6,
    ),
    Fault(
        "half of a video without numbers hangs",
        "captions",
        "CR595",
        video(pictures(lambda f: f[[*range(8), *[8] * 17]])),
        row=8,
    ),
    Fault("a video is there twice", "captions", "CR596", same_file(ONE)),
    Fault("a held-out video is trained on", "captions", "CR597", same_file(9), recording=9),
    Fault(
        "a view is missing",
        "cell",
        "CR516",
        lambda data, folder: data.declared(views={"front": "front", "left": "left"}).with_one(
            ONE, views={"front": data.recordings[ONE].media}
        ),
    ),
    Fault(
        "two views are one file",
        "cell",
        "CR598",
        lambda data, folder: data.with_one(ONE, views=dict.fromkeys(("front", "left"), data.recordings[ONE].media)),
    ),
    Fault("views are in another order", "cell", "CR598", swapped),
    Fault("a view is shorter", "cell", "CR528", video(pictures(lambda frames: frames[:20]), "left")),
    Fault("an action is not a number", "actions", "CR513", values(action=at(7, np.nan)), row=7),
    Fault("intrinsics are beyond their range", "room", "CR562", values(intrinsics=times_factor(300))),
    Fault("a rotation is none", "room", "CR561", values(pose=at(5, 2.0, 0))),
    Fault("rows are missing", "actions", "CR521", values(state=lambda array: array[:-2])),
    Fault("actions have another width", "actions", "CR518", values(action=lambda array: array[:, :2])),
    Fault("actions are a text", "actions", "CR518", values(action=lambda array: "left, right")),
    Fault("states have another shape", "actions", "CR524", of_other_shape),
    Fault(
        "a value is missing",
        "room",
        "CR517",
        lambda data, folder: data.with_all(
            [
                replace(r, values={k: v for k, v in r.values.items() if k != "pose" or n != ONE})
                for n, r in enumerate(data.recordings)
            ]
        ),
    ),
    Fault("times fall", "road", "CR522", times(lambda t: t[[*range(8), 9, 8, *range(10, len(t))]]), row=9),
    Fault("rows have a gap", "road", "CR526", times(lambda t: t + (np.arange(len(t)) >= 40)), row=39),
    Fault("rows run slower than the video", "actions", "CR527", times(lambda t: t * 1.04), row=24),
    Fault(
        "the vehicle's path ends early",
        "road",
        "CR523",
        lambda data, folder: values(ego_pose=lambda array: array[:10])(times(lambda t: t[:10])(data, folder), folder),
        also=("CR527",),
    ),
    Fault(
        "two recordings have one name",
        "captions",
        "CR529",
        lambda data, folder: data.with_one(ONE, name=data.recordings[0].name),
    ),
    Fault("a name cannot be shown", "captions", "CR513", lambda data, folder: data.with_one(ONE, name="a\nb")),
    Fault("a caption is missing", "captions", "CR540", said(lambda data: "")),
    Fault(
        "a caption is the file's name",
        "captions",
        "CR540",
        said(lambda data: data.recordings[ONE].media.path.stem.replace("_", " ")),
    ),
    Fault("a caption is blank", "captions", "CR513", said(lambda data: "  ")),
    Fault(
        "all captions are the same",
        "captions",
        "CR541",
        everywhere("caption", lambda text: "The arm moves."),
        recording=None,
    ),
    Fault(
        "statistics are missing",
        "actions",
        "CR542",
        lambda data, folder: data.declared(normalise={"action": "quantile"}),
        recording=None,
    ),
    Fault("actions never change", "actions", "CR543", values(action=np.zeros_like)),
    Fault(
        "a number never changes",
        "actions",
        "CR543",
        everywhere("action", lambda a: np.concatenate([a[:, :2], 0 * a[:, 2:]], 1)),
        recording=None,
    ),
    Fault(
        "actions are clipped",
        "actions",
        "CR544",
        lambda data, folder: everywhere("action", clipped)(
            data.declared(columns={"action": ACTIONS["action"]}), folder
        ),
        recording=-1,
    ),
    Fault("actions are 55 times too small", "actions", "CR545", statistics(0.07 * 55), recording=None),
    Fault(
        "one recording is in centimetres",
        "actions",
        "CR545",
        lambda data, folder: values(action=times_factor(100.0, 0, 1))(
            data.declared(columns={"action": ACTIONS["action"]}), folder
        ),
    ),
    Fault("an angle is in degrees", "actions", "CR545", in_degrees, row=9),
    Fault("actions are a row late", "actions", "CR546", values(action=shifted)),
    Fault("an action has the wrong sign", "actions", "CR546", values(action=times_factor(-1.0, 0))),
    Fault("one number has another unit than the state", "actions", "CR546", values(action=times_factor(10.0, 1))),
    Fault(
        "all actions are turned round",
        "actions",
        "CR546",
        everywhere("action", times_factor(-1.0, 0, 1)),
        recording=-1,
    ),
    Fault("a camera jumps", "room", "CR547", values(pose=moved(12, 4.0)), row=12),
    Fault("a camera looks back for a row", "room", "CR547", values(pose=turned), row=12),
    Fault("a vehicle jumps", "road", "CR547", values(ego_pose=moved(30, 60.0)), row=30),
    Fault("intrinsics are of a larger picture", "room", "CR548", values(intrinsics=times_factor(2.0)), row=0),
    Fault("intrinsics are of a wider picture", "cell", "CR548", values(intrinsics=times_factor(1.5, 0)), row=0),
    Fault("a vehicle's path is ten times too long", "road", "CR549", values(ego_pose=longer(20.0)), row=0),
    Fault("a vehicle's axes are mixed up", "road", "CR549", values(ego_pose=x_to_the_right), row=0),
    Fault("a vehicle's poses are inverted", "road", "CR549", values(ego_pose=lambda array: invert(array)), row=0),
    Fault("poses of cameras are inverted", "room", "CR599", everywhere("pose", invert), recording=-1),
    Fault("axes of cameras are OpenGL's", "room", "CR599", everywhere("pose", with_opengl_axes), recording=-1),
    Fault(
        "every recording is trained on",
        "captions",
        "CR507",
        lambda data, folder: data.with_all([replace(r, split="train") for r in data.recordings]),
        recording=None,
    ),
)
