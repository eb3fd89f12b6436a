"""Videos in `videos/`, each with a file that tells what is to be seen in it: what the general layouts have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from cosmos_recipes.data.recording import Media, Recording, Split
from cosmos_recipes.data.sources.cosmos.places import VIDEOS, roots
from cosmos_recipes.data.sources.listed import Reader, fail_missing, videos_below

Values = Callable[[Path], Mapping[str, str]]
"""Returns what a file tells of its video."""


def told_readers(path: Path, texts_of: Callable[[Path], Mapping[str, Path]], values: Values) -> list[Reader]:
    """Return what reads each video with its file, and each file, so that one without a video is missed.

    `texts_of` a folder with `videos` in it are the files by the names of their videos.
    """
    found: list[Reader] = []
    for prefix, split, root in roots(path):
        videos, texts = videos_below(root / VIDEOS), texts_of(root)
        found += [
            partial(_read, f"{prefix}{name}", split, videos.get(name), texts.get(name), values)
            for name in sorted(videos.keys() | texts.keys())
        ]
    return found


def _read(name: str, split: Split | None, video: Path | None, text: Path | None, values: Values) -> Recording:
    if video is None:
        where = text or Path(name)
        fail_missing(f"the video of {name} is not there", where, expected=f"{VIDEOS}/{where.stem}.mp4")
    return Recording(name=name, split=split, views={"video": Media(path=video)}, values=values(text) if text else {})
