"""A folder of videos, or one video, with captions and numbers beside them or in one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

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
from cosmos_recipes.data.sources.beside import files_beside, looks_like_numbers, names_videos, read_beside
from cosmos_recipes.data.sources.captions import CAPTION_TABLES, captions
from cosmos_recipes.data.sources.meaning import Meaning
from cosmos_recipes.data.sources.patterns import by_recording, views_named
from cosmos_recipes.data.sources.splits import HELD_OUT_NAMES
from cosmos_recipes.data.sources.stamps import stamp
from cosmos_recipes.diagnostics import Place, RecipeError, fail

MOST_PROBED = 64
_MOST_TRIED = 8
"""Tables that are looked into for numbers."""
_MOST_COUNTED = 10_000
_TOLD_IN = frozenset(
    (".csv", ".tsv", ".json", ".jsonl", ".npy", ".npz", ".h5", ".hdf5", ".pkl", ".parquet", ".mcap", ".bag")
)
_CAPTION_SUFFIXES = frozenset((".txt", ".json", ".jsonl", ".csv"))


class FolderSource(Source):
    """Videos under a path. A `train` and a `held-out` (or val, test) folder are splits; else a tenth is held out."""

    looks_for: ClassVar[str] = f"videos ({', '.join(sorted(VIDEO_SUFFIXES))}), in folders or not"
    detail: ClassVar[int] = 0
    guessed: ClassVar[Mapping[str, str]] = {
        "views": "as the names of the files say; without it each video is a recording",
        "numbers": "a row for each frame",
    }

    path: str = Field(description="A folder that is searched through, or one video; relative to this file.")
    views: dict[str, str] | None = Field(
        None,
        description="Where each video is a view of a recording: the pattern of each view's files, such as `front: \"*_front.mp4\"`, in which `*` is the recording's name.",
    )

    numbers: str | None = Field(
        None,
        description='CSV files with a line of names and a row for each frame: `"*.csv"` is one beside each video, in which `*` is its name; without `*` one table in the folder, whose `file_name` says which video a row is of. A column `time_s` says the seconds of the rows.',
    )

    def describe(self) -> SourceDescription:
        """Return codecs and count; at most 64 files are opened, and those that cannot be are left to the index."""
        from cosmos_recipes.data.probe import codec_of

        files = [next(iter(views.values())) for views in self._recordings().values()]
        looked = [codec_of(path) for path in files[:: -(-len(files) // MOST_PROBED)]]
        return SourceDescription(codecs=dict(Counter(codec for codec in looked if codec)), recordings=len(files))

    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Return every video, in order of its name."""
        root, found = Path(self.path), self._recordings()
        whole = root.is_dir()
        said = captions(self._root, self._videos(), whole=whole)
        numbers = read_beside(self.numbers, [*found], self._root) if self.numbers else {}
        splits = _splits(found)
        return [
            Recording(
                name=name,
                split=splits[name],
                views={view: Media(path=path) for view, path in views.items()},
                values=_caption(views, said, root) | dict(numbers[name].values if name in numbers else {}),
                times_s=numbers[name].times_s if name in numbers else None,
            )
            for name, views in found.items()
        ]

    def meanings(self) -> Mapping[str, Meaning]:
        """Return that what a table says of each frame is most likely what was done."""
        first = next((each.values for each in self.first(1)), {})
        return {name: Meaning(names=(name,), column="action") for name in first if name != "caption"}

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of the videos and of what may be their captions."""
        folder = self._root
        beside = folder.rglob("*") if Path(self.path).is_dir() else folder.glob("*")
        texts = (path for path in beside if path.suffix.lower() in _CAPTION_SUFFIXES and path.is_file())
        return stamp({path.relative_to(folder).as_posix(): path for path in (*self._videos().values(), *texts)})

    def unread(self) -> Mapping[str, int]:
        """Return how many files of numbers or texts lie among the videos and are not read, by their endings."""
        root, videos = self._root, self._videos().values()
        told = {video.with_suffix(ending) for video in videos for ending in (".txt", ".json")}
        told |= {root / name for name in CAPTION_TABLES}
        told |= set(files_beside(self.numbers, [*self._recordings()], root).values()) if self.numbers else set()
        found = islice(root.rglob("*") if Path(self.path).is_dir() else (), _MOST_COUNTED)
        return Counter(path.suffix.lower() for path in found if path.suffix.lower() in _TOLD_IN and path not in told)

    @classmethod
    def recognises(cls, path: Path) -> dict[str, Any] | None:
        """Recognise a video, or a folder with one in it; views that the names of the files say are views."""
        if path.is_file():
            return {"path": str(path)} if path.suffix.lower() in VIDEO_SUFFIXES else None
        try:
            videos = cls(path=str(path))._videos()
        except RecipeError:
            return None
        views = views_named(videos)
        in_step = views and _in_step(by_recording(videos, views, path))
        found = cls(path=str(path), views=views if in_step else None)
        return found.model_dump(exclude_none=True) | _numbers_seen([*found._recordings()], path)

    @property
    def _root(self) -> Path:
        path = Path(self.path)
        return path if path.is_dir() else path.parent

    def _recordings(self) -> Mapping[str, Mapping[str, Path]]:
        """Return the videos of each recording by view; without patterns each video is one."""
        videos = self._videos()
        if self.views is None:
            return {name: {"video": path} for name, path in videos.items()}
        return by_recording(videos, self.views, Path(self.path))

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


def _numbers_seen(recordings: Sequence[str], root: Path) -> dict[str, str]:
    """Return the setting that reads numbers beside the videos, or in a table of them all; none if there are none."""
    beside = files_beside("*.csv", recordings, root)
    if any(map(looks_like_numbers, list(beside.values())[:_MOST_TRIED])):
        return {"numbers": "*.csv"}
    tables = sorted(path for path in root.glob("*.csv") if path.name not in CAPTION_TABLES)
    fitting = (path for path in tables[:_MOST_TRIED] if names_videos(path) and looks_like_numbers(path))
    table = next(fitting, None)
    return {"numbers": table.name} if table else {}


def _in_step(recordings: Mapping[str, Mapping[str, Path]]) -> bool:
    """Return whether the videos of the first recording have the same frames: cameras that ran together."""
    from cosmos_recipes.data.probe import probe

    try:
        found = [probe(path).times_s for path in next(iter(recordings.values())).values()]
    except RecipeError:
        return False
    return len({len(times_s) for times_s in found}) == 1 and max(t[-1] for t in found) - min(t[-1] for t in found) < 0.1


def _caption(views: Mapping[str, Path], said: Mapping[str, str], root: Path) -> dict[str, str]:
    """Return the caption of the first view that has one."""
    names = [path.relative_to(root).as_posix() if root.is_dir() else path.name for path in views.values()]
    caption = next((said[name] for name in names if said[name]), None)
    return {"caption": caption} if caption else {}


def _splits(names: Iterable[str]) -> dict[str, Split | None]:
    """Hold out what lies in a folder of that name beside `train`; where there is none, leave it to the index."""
    tops = {name: Path(name).parts[0] for name in names}
    if "train" not in tops.values() or not HELD_OUT_NAMES.intersection(tops.values()):
        return dict.fromkeys(names)
    return {name: "held-out" if top in HELD_OUT_NAMES else "train" for name, top in tops.items()}
