"""RealEstate10K: a text file for each camera path, and the videos that its rows are moments of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from cosmos_recipes.data.sources.base import Meaning, Media, Progress, Recording
from cosmos_recipes.data.sources.bounded import beginning
from cosmos_recipes.data.sources.listed import (
    ListedSource,
    Reader,
    fail_duplicate,
    fail_layout,
    fail_missing,
    tree,
    videos_below,
)
from cosmos_recipes.data.sources.splits import split_said
from cosmos_recipes.data.sources.stamps import stamp
from cosmos_recipes.data.sources.values import fail_annotation, numbered_lines, read_text, rows_of_numbers
from cosmos_recipes.diagnostics import Place, RecipeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Clock = Literal["video", "cut", "rows"]
_URL = re.compile(r"https?://\S+")
_VIDEO_ID = re.compile(r"(?:[?&]v=|youtu\.be/|/embed/|/shorts/)([\w-]+)")
_COLUMNS = 19
_MOST_TRIED = 32
"""Texts that are looked into for a camera path: others may lie beside them."""
_ROUNDING_S = 0.001
"""The annotation and the container round the time of a frame each in their own way."""


class RealEstate10KSource(ListedSource):
    """A URL, then rows of time in microseconds, fx fy cx cy of a picture of size 1, two zeros, 3x4 world to camera."""

    looks_for: ClassVar[str] = "texts that begin with a URL, with rows of 19 numbers below it"
    paths: ClassVar[tuple[str, ...]] = ("path", "videos")
    guessed: ClassVar[Mapping[str, str]] = {"clock": "as in the first video: video, cut or rows"}

    path: str = Field(
        description="The folder of .txt files, with `train` and `test` in it or not; relative to this file."
    )
    videos: str = Field(
        description="The folder of the videos, named like the .txt files or by the id in the URL; relative to this file."
    )
    clock: Clock = Field(
        "video",
        description="What the times of rows count from: `video` the start of a whole video, `cut` their own first row, as the video was cut to them; `rows` is a cut video with a frame for each row, whose own times are wrong.",
    )

    def readers(self, folder: Path | None, progress: Progress) -> Sequence[Reader]:
        """Return what reads each camera path, in order of its name."""
        texts = _texts(Path(self.path))
        if not Path(self.videos).is_dir():
            fail_layout(
                "the videos are not there", Path(self.videos), expected="a folder of videos", hint="correct `videos`"
            )
        videos = _Videos.below(Path(self.videos))
        return [partial(_read, name, text, videos, self.clock) for name, text in texts.items()]

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of the texts and the videos."""
        return stamp(tree(Path(self.path), Path(self.videos)))

    def meanings(self) -> Mapping[str, Meaning]:
        """Return the conventions of the format: world to camera, intrinsics as shares of the picture."""
        return {"pose": Meaning(pose="realestate10k"), "intrinsics": Meaning(intrinsics="realestate10k")}

    @classmethod
    def recognises(cls, path: Path) -> dict[str, Any] | None:
        """Recognise a folder whose texts begin with a URL; the videos may lie among them, beside them or not yet."""
        texts = islice(chain(path.glob("*.txt"), path.glob("*/*.txt")), _MOST_TRIED)
        if not any(_is_camera_path(text) for text in texts):
            return None
        videos = next((path / name for name in ("videos", "video") if (path / name).is_dir()), path)
        return {"path": str(path), "videos": str(videos), "clock": _clock_seen(path, videos)}


class _Videos(NamedTuple):
    """Videos by their place in the folder, and by the last part of that alone."""

    by_place: Mapping[str, Path]
    by_stem: Mapping[str, Sequence[Path]]

    @classmethod
    def below(cls, root: Path) -> _Videos:
        by_place = videos_below(root)
        by_stem: dict[str, list[Path]] = {}
        for path in by_place.values():
            by_stem.setdefault(path.stem, []).append(path)
        return cls(by_place, by_stem)

    def of(self, name: str, url: str) -> Path | None:
        """Return the video of a camera path: at its own place, else of its name, else of the id in its URL."""
        if name in self.by_place:
            return self.by_place[name]
        told = _VIDEO_ID.search(url)
        for stem in (Path(name).name, told[1] if told else None):
            found = self.by_stem.get(stem, ()) if stem else ()
            if len(found) > 1:
                fail_duplicate(f"{len(found)} videos may be that of {name}", found[0], [str(each) for each in found])
            if found:
                return found[0]
        return None


def _texts(root: Path) -> dict[str, Path]:
    found = sorted(root.rglob("*.txt")) if root.is_dir() else [root] if root.suffix == ".txt" and root.is_file() else []
    if not found:
        fail_layout("there are no camera paths", root, expected="a folder of .txt files", hint="check its spelling")
    top = root if root.is_dir() else root.parent
    return {path.relative_to(top).with_suffix("").as_posix(): path for path in found}


class CameraPath(NamedTuple):
    """What a text file says: intrinsics (T,4) are fx fy cx cy of a picture of size 1, poses (T,3,4) world to camera."""

    times_s: NDArray[np.float64]
    intrinsics_T4: NDArray[np.float64]
    pose_T34: NDArray[np.float64]


def read_camera_path(text: Path) -> CameraPath:
    """Return a camera path; raises RecipeError where the file is none (CR554)."""
    return _camera_path(text, _lines(text))


def _lines(text: Path) -> list[tuple[int, str]]:
    """Return the lines of a camera path, the URL first."""
    lines = numbered_lines(read_text(text))
    if not lines or not _URL.match(lines[0][1]):
        found = lines[0][1][:60] if lines else "nothing"
        place = Place(file=str(text), line=1, column=1)
        fail_annotation(f"{text.name} does not begin with a URL", place, expected="the URL of the video", found=found)
    return lines


def _camera_path(text: Path, lines: Sequence[tuple[int, str]]) -> CameraPath:
    rows_TN = rows_of_numbers(text, lines[1:], (_COLUMNS,))
    return CameraPath(
        times_s=_times_s(text, lines[1:], rows_TN),
        intrinsics_T4=rows_TN[:, 1:5],
        pose_T34=rows_TN[:, 7:].reshape(-1, 3, 4),
    )


def _read(name: str, text: Path, videos: _Videos, clock: Clock) -> Recording:
    lines = _lines(text)
    url = lines[0][1].strip()
    video = videos.of(name, url)
    if video is None:
        fail_missing(
            f"the video of {name} is not there",
            text,
            expected=f"{Path(name).name}.mp4, or the id in its URL",
            found=url,
        )
    times_s, intrinsics_T4, pose_T34 = _camera_path(text, lines)
    return Recording(
        name=name,
        split=split_said(Path(name).parent.as_posix()),
        views={"video": _media(video, times_s, clock)},
        values={"url": url, "timestamp_s": times_s, "intrinsics": intrinsics_T4, "pose": pose_T34},
        times_s=None if clock == "rows" else times_s - times_s[0],
    )


def _times_s(text: Path, lines: Sequence[tuple[int, str]], rows_TN: NDArray[np.float64]) -> NDArray[np.float64]:
    times_s: NDArray[np.float64] = rows_TN[:, 0] / 1e6
    for (number, _), before_s, after_s in zip(lines[1:], times_s, times_s[1:], strict=False):
        if after_s <= before_s:
            place = Place(file=str(text), line=number, column=1)
            fail_annotation(
                f"the times of {text.name} do not rise",
                place,
                expected=f"more than {before_s:.6f} s",
                found=f"{after_s:.6f} s",
            )
    return times_s


def _media(video: Path, times_s: NDArray[np.float64], clock: Clock) -> Media:
    if clock != "video":
        return Media(path=video)
    return Media(path=video, start_s=max(0.0, float(times_s[0]) - _ROUNDING_S), end_s=float(times_s[-1]) + _ROUNDING_S)


def _is_camera_path(text: Path) -> bool:
    first, second = (*beginning(text).splitlines()[:2], "", "")[:2]
    return bool(_URL.match(first)) and len(second.split()) == _COLUMNS


def _clock_seen(path: Path, videos: Path) -> Clock:
    """Return which clock fits the first camera path that has its video: the whole video's, or that of a cut one."""
    from cosmos_recipes.data.probe import probe

    source = RealEstate10KSource(path=str(path), videos=str(videos), on_missing="drop")
    try:
        seen = source.first(1)[0]
        found = probe(seen.media.path)
    except (RecipeError, IndexError):
        return "video"
    times_s = seen.values["timestamp_s"]
    if found.times_s[-1] + _ROUNDING_S >= times_s[-1]:
        return "video"
    span_s = times_s[-1] - times_s[0]
    steady = abs(found.times_s[-1] - span_s) < 0.1 * max(span_s, found.times_s[-1])
    return "rows" if not steady and len(found.pts) == len(times_s) else "cut"
