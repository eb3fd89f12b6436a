"""LeRobot data sets, v2.1 and v3.0: episodes of a robot with their cameras, read without the package lerobot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from math import prod
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn

from pydantic import Field

from cosmos_recipes.data.recording import Value
from cosmos_recipes.data.sources.base import Meaning, Progress, Recording, Source, SourceDescription, Split
from cosmos_recipes.data.sources.bounded import beginning
from cosmos_recipes.data.sources.columns import NoArrayError, array_of
from cosmos_recipes.data.sources.lerobot_meta import Episode, Feature, Meta, parse_range
from cosmos_recipes.data.sources.stamps import stamp
from cosmos_recipes.diagnostics import Place, Problem, fail, nearest

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BOOKKEEPING = frozenset(("timestamp", "frame_index", "episode_index", "index", "task_index"))
"""Columns that LeRobot adds to every data set, one number a row."""
MOST_PROBED = 64
_READERS = 4
_UNREAD = frozenset(("video", "image", "audio", "language"))


class LeRobotSource(Source):
    """The episodes of a data set in LeRobot's layout.

    Views and values have the names of the data set's features, and values the shape (rows, *shape of the feature).
    `task` is the text of the first row, `tasks` are all texts in order. Episodes that `info.json` gives to a split
    other than `train` are held out.
    """

    looks_for: ClassVar[str] = "a folder with meta/info.json, data and videos"

    path: str = Field(description="The folder that holds `meta`, `data` and `videos`; relative to this file.")
    episodes: tuple[int, ...] | Annotated[str, Field(pattern=r"^\d*:\d*$")] | None = Field(
        None, description="Episodes to read: their numbers, or a range such as 0:50, its end not included."
    )
    cameras: tuple[str, ...] | None = Field(None, description="Features of the kind video that become views.")

    def features(self) -> dict[str, Feature]:
        """Return every column by its name: element type, shape of a row, and names of the elements."""
        return dict(self._meta().info.features)

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of every file that is read."""
        meta = self._meta()
        cameras, files = self._cameras(meta), {*meta.files()}
        for episode in self._episodes(meta):
            files |= {episode.data, *(episode.views[camera].path for camera in cameras)}
        return stamp({path.relative_to(meta.root).as_posix(): path for path in files})

    def describe(self) -> SourceDescription:
        """Return codecs, rate and count; at most 64 files of each kind are opened, and missing ones are problems."""
        from cosmos_recipes.data.probe import codec_of

        meta = self._meta()
        episodes, cameras = self._episodes(meta), self._cameras(meta)
        lengths = {episode.length for episode in episodes}
        looked = [codec_of(path) for path in _some(episode.views[key].path for episode in episodes for key in cameras)]
        return SourceDescription(
            codecs=dict(Counter(codec for codec in looked if codec)),
            recordings=len(episodes),
            rate_hz=meta.info.fps,
            frames=lengths.pop() if len(lengths) == 1 else None,
            views=tuple(cameras),
            problems=tuple(_problems(meta, episodes, cameras)),
        )

    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Return every episode, in order of its number.

        One whose table cannot be read keeps its views and its task: what the contract needs besides is missing then,
        and the index says so. `describe` says why.
        """
        meta = self._meta()
        episodes, cameras = self._episodes(meta), self._cameras(meta)
        splits = _splits(meta, episodes)
        tables = [(path, list(group)) for path, group in groupby(episodes, key=attrgetter("data"))]
        found: list[Recording] = []
        with ThreadPoolExecutor(_READERS) as pool:
            for rows in pool.map(lambda table: _rows(meta, *table), tables):
                found += [_recording(meta, episode, cameras, splits[episode.number], own) for episode, own in rows]
                progress("reading the episodes", len(found), len(episodes))
        return found

    def first(self, count: int) -> Sequence[Recording]:
        """Return the first episodes; only their tables are read."""
        numbers = tuple(episode.number for episode in self._episodes(self._meta())[:count])
        chosen = self.model_copy(update={"episodes": numbers})
        return chosen.recordings(Path(self.path), lambda what, done, total: None)

    def meanings(self) -> Mapping[str, Meaning]:
        """Return what `info.json` calls the numbers of each value; LeRobot stores neither units nor frames."""
        named = {name: feature.element_names for name, feature in self.features().items()}
        return {name: Meaning(names=names) for name, names in named.items() if len(names) > 1}

    @classmethod
    def recognises(cls, path: Path) -> dict[str, Any] | None:
        """Recognise a folder with the `meta` of LeRobot."""
        info = path / "meta" / "info.json"
        return {"path": str(path)} if info.is_file() and "codebase_version" in beginning(info) else None

    def _meta(self) -> Meta:
        root = Path(self.path)
        if not root.is_dir():
            fail(
                "CR500",
                f"there is no folder {root.name}",
                place=Place(file=str(root)),
                expected="a path that exists",
                hint="check its spelling",
            )
        return Meta(root)

    def _cameras(self, meta: Meta) -> tuple[str, ...]:
        for camera in self.cameras or ():
            if camera not in meta.cameras:
                _unknown("camera", camera, meta.cameras, meta)
        pictures = [name for name, feature in meta.info.features.items() if feature.dtype == "image"]
        if pictures and self.cameras is None:
            _fail_pictures(meta, f"the camera {pictures[0]} is stored as pictures", ", ".join(pictures))
        if not meta.cameras:
            _fail_pictures(meta, "the data set has no video", "none")
        return self.cameras or meta.cameras

    def _episodes(self, meta: Meta) -> list[Episode]:
        episodes = {episode.number: episode for episode in meta.episodes}
        if isinstance(self.episodes, tuple):
            for number in self.episodes:
                if number not in episodes:
                    _unknown("episode", str(number), [str(each) for each in episodes], meta)
            return [episodes[number] for number in sorted(set(self.episodes))]
        wanted = parse_range(self.episodes or ":")
        chosen = [episode for number, episode in episodes.items() if number in wanted]
        if not chosen:
            _unknown("episode", self.episodes or "any", [str(each) for each in episodes], meta)
        return chosen


def _some(files: Iterable[Path]) -> list[Path]:
    """Return the files once each, or some of them spread over all where there are many."""
    each = sorted(set(files))
    return each[:: -(-len(each) // MOST_PROBED)]


def _unknown(noun: str, name: str, known: Sequence[str], meta: Meta) -> NoReturn:
    close = nearest(name, known)
    few = ", ".join(known[:8]) + (" and more" if len(known) > 8 else "")
    fail(
        "CR532",
        f"there is no {noun} {name} in this data set",
        place=Place(file=str(meta.root / "meta")),
        expected=f"one of {few}" if known else f"a data set with an {noun}",
        found=name,
        hint=f"did you mean `{close}`?" if close else f"correct `{noun}s`",
    )


def _fail_pictures(meta: Meta, message: str, found: str) -> NoReturn:
    fail(
        "CR531",
        message,
        place=Place(file=str(meta.root / "meta" / "info.json")),
        expected="cameras whose dtype is `video`",
        found=f"dtype `image`: {found}",
        hint="convert pictures with lerobot-edit-dataset (convert_image_to_video), or name the videos in `cameras`",
    )


def _problems(meta: Meta, episodes: Sequence[Episode], cameras: Sequence[str]) -> Iterator[Problem]:
    tables = {episode.data for episode in episodes}
    unread = {path for path in tables if not path.is_file()}
    unread |= {path for path in _some(tables - unread) if _read(path, ()) is None}
    for episode in episodes:
        if episode.data in unread:
            yield _faulty(episode, "table", episode.data, "a Parquet file", "nothing that can be read")
        for camera in cameras:
            path, span_s = episode.views[camera].path, episode.spans_s.get(camera)
            if not path.is_file():
                yield _faulty(episode, f"video {camera}", path, "a video file", "nothing")
            elif span_s is not None and round(span_s * meta.info.fps) != episode.length:
                found = f"{span_s:.4g} s, which is {span_s * meta.info.fps:.4g} frames"
                yield _faulty(episode, f"video {camera}", path, f"{episode.length} frames", found)


def _faulty(episode: Episode, what: str, path: Path, expected: str, found: str) -> Problem:
    return Problem(
        code="CR533",
        message=f"the {what} of {episode.name} is missing or is not what `meta` says",
        place=Place(file=str(path)),
        expected=expected,
        found=found,
        hint="copy the file again, or leave the episode out with `episodes`",
    )


def _splits(meta: Meta, episodes: Sequence[Episode]) -> dict[int, Split | None]:
    """Hold out what belongs to a split other than `train`; without one of either kind, leave it to the index."""
    try:
        held_out = [parse_range(numbers) for name, numbers in meta.info.splits.items() if name != "train"]
    except ValueError:
        _fail_split(meta)
    found = {each.number: any(each.number in numbers for numbers in held_out) for each in episodes}
    if len(set(found.values())) < 2:
        return dict.fromkeys(found)
    return {number: "held-out" if held else "train" for number, held in found.items()}


def _fail_split(meta: Meta) -> NoReturn:
    fail(
        "CR530",
        "the splits of the data set cannot be read",
        place=Place(file=str(meta.root / "meta" / "info.json")),
        expected="ranges of episodes such as 0:50",
        found=", ".join(f"{name}: {numbers}" for name, numbers in meta.info.splits.items()),
        hint="correct `splits`",
    )


def _read(path: Path, columns: Collection[str]) -> pa.Table | None:
    """Return those of the columns that a table has, None if it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            there = [name for name in file.schema_arrow.names if name in columns]
            return file.read(columns=there, use_threads=False)
    except (OSError, pa.ArrowException):
        return None


def _rows(meta: Meta, path: Path, episodes: Sequence[Episode]) -> list[tuple[Episode, dict[str, np.ndarray]]]:
    """Return the rows of each of the episodes of a table, by column; nothing where the table cannot be read."""
    import numpy as np

    features = {name: feature for name, feature in meta.info.features.items() if feature.dtype not in _UNREAD}
    table = _read(path, features)
    if table is None:
        return [(episode, {}) for episode in episodes]
    spans = [slice(0, table.num_rows)]
    if meta.packed:
        if "episode_index" not in table.column_names:
            return [(episode, {}) for episode in episodes]
        numbers = table["episode_index"].to_numpy()
        if (np.diff(numbers) < 0).any():
            order = np.argsort(numbers, kind="stable")
            table, numbers = table.take(order), numbers[order]
        wanted = [episode.number for episode in episodes]
        ends = zip(np.searchsorted(numbers, wanted), np.searchsorted(numbers, wanted, "right"), strict=True)
        spans = [slice(*each) for each in ends]
    arrays = {name: _array(path, name, features[name], table[name]) for name in table.column_names}
    return [
        (episode, {name: array[span] for name, array in arrays.items()})
        for episode, span in zip(episodes, spans, strict=True)
    ]


def _array(path: Path, name: str, feature: Feature, column: pa.ChunkedArray) -> np.ndarray:
    """Return a column as (rows, *shape of the feature); LeRobot stores one number a row as such, whatever the shape."""
    try:
        array = array_of(column)
    except NoArrayError as error:
        fail(
            "CR536",
            f"the column {name} is no array",
            place=Place(file=str(path)),
            expected=f"{feature.dtype} of the shape {list(feature.shape)} in every row",
            found=str(error),
            hint="write the data set again",
        )
    shape = (len(array), *feature.shape)
    if name in BOOKKEEPING or feature.dtype == "string" or prod(shape) != array.size:
        return array
    return array.reshape(shape)


def _recording(
    meta: Meta, episode: Episode, cameras: Sequence[str], split: Split | None, rows: dict[str, np.ndarray]
) -> Recording:
    import numpy as np

    times_s = rows.get("timestamp")
    indices = dict.fromkeys(rows["task_index"].tolist()) if "task_index" in rows else {}
    tasks = [meta.tasks[index] for index in indices if index in meta.tasks] or list(episode.tasks)
    said: dict[str, Value] = {"task": tasks[0], "tasks": np.array(tasks)} if tasks else {}
    return Recording(
        name=episode.name,
        split=split,
        views={camera: episode.views[camera] for camera in cameras},
        values={**{name: array for name, array in rows.items() if name != "timestamp"}, **said},
        times_s=None if times_s is None else times_s.astype(np.float64),
    )
