"""Predict1 and Predict2, general: videos/*.mp4 and metas/*.txt of the same names."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cosmos_recipes.data.recording import Media, Recording, Split
from cosmos_recipes.data.sources.cosmos.places import VIDEOS, has, roots
from cosmos_recipes.data.sources.listed import Reader, fail_missing, videos_below
from cosmos_recipes.data.sources.values import read_text

METAS = "metas"


def fits(path: Path) -> bool:
    """Return whether `videos` and `metas` are there."""
    return has(path, VIDEOS, METAS)


def readers(path: Path) -> list[Reader]:
    """Return what reads each video with its text, and each text, so that one without a video is missed."""
    found: list[Reader] = []
    for prefix, split, root in roots(path):
        videos = videos_below(root / VIDEOS)
        texts = {
            text.relative_to(root / METAS).with_suffix("").as_posix(): text for text in (root / METAS).rglob("*.txt")
        }
        found += [
            partial(_read, f"{prefix}{name}", split, videos.get(name), texts.get(name))
            for name in sorted(videos.keys() | texts.keys())
        ]
    return found


def _read(name: str, split: Split | None, video: Path | None, text: Path | None) -> Recording:
    if video is None:
        where = text or Path(name)
        fail_missing(f"the video of {name} is not there", where, expected=f"{VIDEOS}/{where.stem}.mp4")
    values = {"caption": read_text(text).strip()} if text else {}
    return Recording(name=name, split=split, views={"video": Media(path=video)}, values=values)
