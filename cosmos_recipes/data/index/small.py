"""The videos of an index once more at the size of its clips, in which a frame at random is found many times faster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cosmos_recipes.data.decode.choice import SMALL_CODEC
from cosmos_recipes.data.index.look import Looked
from cosmos_recipes.data.index.windows import ClipSpec
from cosmos_recipes.data.owners import part_in, sweep
from cosmos_recipes.data.probe import Probe, probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import Place, RecipeError

VERSION = 1
"""Raised when the same video is written otherwise."""


UNWRITABLE = "CR574"
"""The disk is full, or the size of the clips is none for a video: no fault of the recording."""


@dataclass(frozen=True, kw_only=True)
class SmallVideos:
    """Where small videos are kept, by what they were made from; those that are there are used again.

    `hash_of` returns the sha256 of the bytes of a video, None if it cannot be read.
    """

    folder: Path
    hash_of: Callable[[Media], str | None]

    def of(self, looked: Looked, clip: ClipSpec) -> Looked:
        """Return the recording with small videos in place of its own; frames keep their numbers.

        Raises:
            RecipeError: small videos cannot be written (CR574).
        """
        if looked.bound is None or not looked.frames_VT:
            return looked
        try:
            made = [self._made(*view, clip) for view in zip(looked.bound.views.values(), looked.probes, strict=True)]
        except RecipeError as error:
            if any(problem.code == UNWRITABLE for problem in error.problems):
                raise
            return Looked(recording=looked.recording, part=looked.part, problems=error.problems)
        views = dict(zip(looked.bound.views, (media for media, _ in made), strict=True))
        return replace(looked, bound=replace(looked.bound, views=views), probes=tuple(found for _, found in made))

    def sweep(self) -> None:
        """Remove what processes that are gone left half written."""
        sweep(self.folder)

    def _made(self, media: Media, found: Probe, clip: ClipSpec) -> tuple[Media, Probe]:
        from cosmos_recipes.data.cache.filling import changed
        from cosmos_recipes.data.decode.transcode import transcode

        content = self.hash_of(media)
        decides = [VERSION, content, media.start_s, media.end_s, clip.height_px, clip.width_px]
        key = hashlib.sha256(json.dumps(decides).encode()).hexdigest()
        path = self.folder / key[:2] / f"{key}.mp4"
        if not path.exists():
            # Others may write the same video at the same time: whoever is last takes its place.
            with part_in(self.folder) as part:
                transcode(media, found, part, height_px=clip.height_px, width_px=clip.width_px, codec=SMALL_CODEC)
                if self.hash_of(media) != content:
                    raise RecipeError(changed(media.path.name, Place(file=str(media.path))))
                path.parent.mkdir(exist_ok=True)
                part.replace(path)
        return Media(path=path), probe(path)
