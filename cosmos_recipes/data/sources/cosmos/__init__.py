"""The layouts of NVIDIA's Cosmos repositories, one file each; embeddings that they keep beside (T5) are never read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from cosmos_recipes.data.sources.base import Meaning, Progress
from cosmos_recipes.data.sources.cosmos import action, camera, captions, general, multiview, windows
from cosmos_recipes.data.sources.listed import ListedSource, Reader, fail_layout, tree
from cosmos_recipes.data.sources.stamps import stamp

__all__ = ["CosmosSource"]

Layout = Literal[
    "predict1", "predict1-action", "predict2-multiview", "predict2.5-camera", "predict2.5-captions", "jsonl"
]

_READERS: dict[Layout, Callable[[Path], Sequence[Reader]]] = {
    "predict1": general.readers,
    "predict1-action": action.readers,
    "predict2-multiview": multiview.readers,
    "predict2.5-camera": camera.readers,
    "predict2.5-captions": captions.readers,
    "jsonl": windows.readers,
}
_HOLDS: dict[Layout, str] = {
    "predict1": "videos/*.mp4 and metas/*.txt",
    "predict1-action": "annotation/SPLIT/*.json and videos/",
    "predict2-multiview": "videos/CAMERA/*.mp4, with captions/ or metas/ of the same cameras",
    "predict2.5-captions": "videos/*.mp4 and captions/*.json",
    "predict2.5-camera": "videos/*.mp4, camera_trajectories/*.txt and intrinsics*.txt",
    "jsonl": "a .jsonl, or a folder with one, whose rows have vision_path and t2w_windows",
}


class CosmosSource(ListedSource):
    """A folder, or a .jsonl, as a training script of NVIDIA's repositories reads it."""

    looks_for: ClassVar[str] = (
        "videos/ beside metas/, captions/, annotation/ or camera_trajectories/; videos/CAMERA/; or a .jsonl with t2w_windows"
    )
    detail: ClassVar[int] = 2

    path: str = Field(description="The folder that the layout is of, or the .jsonl; relative to this file.")
    layout: Layout = Field(description="Which layout it has.")

    def readers(self, folder: Path | None, progress: Progress) -> Sequence[Reader]:
        """Return what reads each recording, in order of its name or of the file."""
        found = _READERS[self.layout](Path(self.path))
        if not found:
            fail_layout(
                f"nothing lies there as `layout: {self.layout}` says",
                Path(self.path),
                expected=_HOLDS[self.layout],
                hint="name the folder that these are in, or the layout that it has",
            )
        return found

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of the videos and annotations."""
        files = tree(Path(self.path))
        return stamp(files | windows.videos(Path(self.path)) if self.layout == "jsonl" else files)

    def meanings(self) -> Mapping[str, Meaning]:
        """Return the conventions of the layout; those of cameras are of the files that the first recording has."""
        if self.layout == "predict1-action":
            return action.MEANINGS
        first = self.first(1) if self.layout == "predict2.5-camera" else []
        return camera.meanings(first[0].values) if first else {}

    @classmethod
    def recognises(cls, path: Path) -> dict[str, Any] | None:
        """Recognise a layout by the folders that only it has."""
        layout = next((layout for layout, fits in _FITS.items() if fits(path)), None)
        return {"path": str(path), "layout": layout} if layout else None


_FITS: dict[Layout, Callable[[Path], bool]] = {
    "predict1-action": action.fits,
    "predict2.5-camera": camera.fits,
    "predict2-multiview": multiview.fits,
    "predict2.5-captions": captions.fits,
    "predict1": general.fits,
    "jsonl": windows.fits,
}
