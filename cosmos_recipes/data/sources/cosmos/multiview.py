"""Predict2 and Predict2.5, multi-view: videos/CAMERA/*.mp4, with captions/CAMERA or metas/CAMERA beside."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from cosmos_recipes.data.recording import Media, Recording, Split, Value
from cosmos_recipes.data.sources.cosmos.places import VIDEOS, roots
from cosmos_recipes.data.sources.listed import Reader, fail_missing, videos_below
from cosmos_recipes.data.sources.values import fail_annotation, read_object, read_text
from cosmos_recipes.diagnostics import Place

_TEXTS = ("captions", "metas")
_KEYS = ("caption", "text", "prompt")
_FEWEST_CAMERAS = 2


def fits(path: Path) -> bool:
    """Return whether `videos` holds folders that share a video's name, and no videos itself."""
    return any(
        len(cameras) >= _FEWEST_CAMERAS and set.intersection(*({*videos} for videos in cameras.values()))
        for _, _, root in roots(path)
        for cameras in [_cameras(root)]
    )


def readers(path: Path) -> list[Reader]:
    """Return what reads each recording: the videos of one name, a view for each camera in order of its name.

    A caption is called `caption` where one camera has them, else `caption.CAMERA`.
    """
    found: list[Reader] = []
    for prefix, split, root in roots(path):
        cameras = _cameras(root)
        folders = {camera: at for camera in cameras if (at := _texts_of(root, camera))}
        alone = len(folders) == 1
        texts = {("caption" if alone else f"caption.{camera}"): at for camera, at in folders.items()}
        names = sorted({name for videos in cameras.values() for name in videos})
        found += [partial(_read, f"{prefix}{name}", name, split, root, cameras, texts) for name in names]
    return found


def _cameras(root: Path) -> dict[str, dict[str, Path]]:
    """Return the videos of each camera."""
    folders = sorted(each for each in (root / VIDEOS).iterdir() if each.is_dir() and not each.name.startswith("."))
    return {folder.name: found for folder in folders if (found := videos_below(folder))}


def _texts_of(root: Path, camera: str) -> Path | None:
    return next((root / kind / camera for kind in _TEXTS if (root / kind / camera).is_dir()), None)


def _read(
    name: str,
    own: str,
    split: Split | None,
    root: Path,
    cameras: Mapping[str, Mapping[str, Path]],
    texts: Mapping[str, Path],
) -> Recording:
    gone = [camera for camera, videos in cameras.items() if own not in videos]
    if gone:
        expected = f"{VIDEOS}/CAMERA/{own}.mp4 of {', '.join(cameras)}"
        fail_missing(f"{name} lacks a view", root / VIDEOS, expected=expected, found=f"none of {', '.join(gone)}")
    views = {camera: Media(path=videos[own]) for camera, videos in cameras.items()}
    values: dict[str, Value] = {}
    for key, folder in texts.items():
        caption = _caption(folder, own)
        values |= {} if caption is None else {key: caption}
    return Recording(name=name, split=split, views=views, values=values)


def _caption(folder: Path, name: str) -> str | None:
    text, described = folder / f"{name}.txt", folder / f"{name}.json"
    if text.is_file():
        return read_text(text).strip()
    if not described.is_file():
        return None
    told = read_object(described)
    caption = next((told[key] for key in _KEYS if isinstance(told.get(key), str)), None)
    if caption is None:
        expected = f"an object with one of {', '.join(_KEYS)}"
        fail_annotation(f"{described.name} holds no caption", Place(file=str(described)), expected=expected)
    return str(caption).strip()
