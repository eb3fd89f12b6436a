"""Predict1, action (the Bridge tree of IRASim): annotation/SPLIT/*.json, which name their videos."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cosmos_recipes.data.binding.spec import Form
from cosmos_recipes.data.recording import Media, Recording
from cosmos_recipes.data.sources.base import Meaning
from cosmos_recipes.data.sources.listed import Reader, fail_missing
from cosmos_recipes.data.sources.splits import split_said
from cosmos_recipes.data.sources.values import fail_annotation, read_object, values_of
from cosmos_recipes.diagnostics import Place

ANNOTATION = "annotation"
_HAND = ("x", "y", "z", "roll", "pitch", "yaw")
_UNITS = ("m", "m", "m", "rad", "rad", "rad")
_FORMS: tuple[Form, ...] = ("delta", "delta", "delta", "delta", "delta", "delta", "absolute")
MEANINGS: Mapping[str, Meaning] = {
    "action": Meaning(names=(*_HAND, "gripper"), unit=(*_UNITS, "1"), form=_FORMS),
    "state": Meaning(pose="bridge", names=_HAND, unit=_UNITS),
    "continuous_gripper_state": Meaning(unit=("1",)),
}
"""Those of Bridge, whose tree it is: the gripper is 1 open and 0 closed."""


def fits(path: Path) -> bool:
    """Return whether `annotation` holds texts in JSON."""
    return any((path / ANNOTATION).glob("**/*.json"))


def readers(path: Path) -> list[Reader]:
    """Return what reads each annotation: state, action and gripper are raw, a row for each frame; `text` is the first."""
    files = sorted((path / ANNOTATION).rglob("*.json"))
    return [partial(_read, path, file) for file in files]


def _read(root: Path, file: Path) -> Recording:
    name = file.relative_to(root / ANNOTATION).with_suffix("")
    told = read_object(file)
    views = _views(root, file, told.pop("videos", None))
    values = values_of(told)
    texts = told.get("texts")
    if isinstance(texts, list) and texts and isinstance(texts[0], str):
        values["text"] = texts[0]
    return Recording(name=name.as_posix(), split=split_said(name.parts[0]), views=views, values=values)


def _views(root: Path, file: Path, videos: Any) -> Mapping[str, Media]:
    """Return the videos by their files' names without ending, or by number where two are alike."""
    rows = videos if isinstance(videos, list) else []
    told = [row.get("video_path") if isinstance(row, dict) else None for row in rows]
    paths = [root / each for each in told if isinstance(each, str)]
    if not paths or len(paths) < len(told):
        expected, found = '"videos": [{"video_path": "videos/train/0/rgb.mp4"}]', str(videos)[:60]
        fail_annotation(f"{file.name} names no videos", Place(file=str(file)), expected=expected, found=found)
    gone = [str(path.relative_to(root)) for path in paths if not path.is_file()]
    if gone:
        fail_missing(
            f"a video of {file.stem} is not there",
            file,
            expected="the files under videos",
            found=f"no {', '.join(gone)}",
        )
    stems = [path.stem for path in paths]
    names = stems if len({*stems}) == len(stems) else [f"video_{number}" for number in range(len(paths))]
    return {name: Media(path=path) for name, path in zip(names, paths, strict=True)}
