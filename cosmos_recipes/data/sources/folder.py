"""A folder of videos, or one video, with captions beside them or in one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from pydantic import Field

from cosmos_recipes.data.sources.base import (
    VIDEO_SUFFIXES,
    Media,
    Progress,
    Recording,
    Source,
    SourceDescription,
    Split,
)
from cosmos_recipes.data.sources.captions import captions
from cosmos_recipes.data.sources.stamps import stamp
from cosmos_recipes.diagnostics import Place, fail

HELD_OUT_FOLDERS = frozenset(("held-out", "held_out", "heldout", "val", "valid", "validation", "test"))
MOST_PROBED = 64
_CAPTION_SUFFIXES = frozenset((".txt", ".json", ".jsonl", ".csv"))


class FolderSource(Source):
    """Videos under a path. A `train` and a `held-out` (or val, test) folder are splits; else a tenth is held out."""

    path: str = Field(description="A folder that is searched through, or one video; relative to this file.")

    def absolute(self, folder: Path) -> Self:
        """Return the source with an absolute path."""
        return self.model_copy(update={"path": str((folder / Path(self.path).expanduser()).resolve())})

    def describe(self) -> SourceDescription:
        """Return codecs and count; at most 64 files are opened, and those that cannot be are left to the index."""
        from cosmos_recipes.data.probe import codec_of

        files = list(self._videos().values())
        looked = [codec_of(path) for path in files[:: -(-len(files) // MOST_PROBED)]]
        return SourceDescription(codecs=dict(Counter(codec for codec in looked if codec)), recordings=len(files))

    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Return every video, in order of its name."""
        root, videos = Path(self.path), self._videos()
        whole = root.is_dir()
        said = captions(root if whole else root.parent, videos, whole=whole)
        splits = _splits(videos)
        return [
            Recording(
                name=name,
                split=splits[name],
                views={"video": Media(path=path)},
                values={"caption": said[name]} if said[name] else {},
            )
            for name, path in videos.items()
        ]

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of the videos and of what may be their captions."""
        root = Path(self.path)
        folder, beside = (root, root.rglob("*")) if root.is_dir() else (root.parent, root.parent.glob("*"))
        texts = (path for path in beside if path.suffix.lower() in _CAPTION_SUFFIXES and path.is_file())
        return stamp({path.relative_to(folder).as_posix(): path for path in (*self._videos().values(), *texts)})

    def _videos(self) -> dict[str, Path]:
        """Return the videos by their name in the folder, in order; what is hidden is no video."""
        root = Path(self.path)
        if not root.exists():
            fail(
                "CR500",
                f"there is no folder or video {root.name}",
                place=Place(file=str(root)),
                expected="a path that exists",
                hint="check its spelling",
            )
        if root.is_file():
            return {root.name: root}
        found = (path for path in root.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
        names = {path.relative_to(root).as_posix(): path for path in found if not path.name.startswith(".")}
        if not names:
            fail(
                "CR502",
                "the folder holds no videos",
                place=Place(file=str(root)),
                expected=f"files that end in {', '.join(sorted(VIDEO_SUFFIXES))}",
                hint="name the folder that the videos are in",
            )
        return dict(sorted(names.items()))


def _splits(names: Iterable[str]) -> dict[str, Split | None]:
    """Hold out what lies in a folder of that name beside `train`; where there is none, leave it to the index."""
    tops = {name: Path(name).parts[0] for name in names}
    if "train" not in tops.values() or not HELD_OUT_FOLDERS.intersection(tops.values()):
        return dict.fromkeys(names)
    return {name: "held-out" if top in HELD_OUT_FOLDERS else "train" for name, top in tops.items()}
