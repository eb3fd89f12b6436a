"""What the folder `meta` of a LeRobot data set says, v2.1 and v3.0 alike: its features, and where each episode lies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cosmos_recipes.data.recording import Media
from cosmos_recipes.data.sources.bounded import read_bounded
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.recipe.paths import named_in

if TYPE_CHECKING:
    import pyarrow as pa

PACKED = "v3.0"
"""From this version on a file holds many episodes."""
VERSIONS = ("v2.0", "v2.1", PACKED)
_FIELD = re.compile(r"\{(\w+)(?::0?(\d{1,2})d)?\}")
_UNNAMED = "__index_level_0__"
Row = Mapping[str, Any]


class Feature(BaseModel):
    """One column: `shape` is that of a row; `names` are those of its elements, in whatever form the tool wrote them."""

    model_config = ConfigDict(frozen=True)

    dtype: str
    shape: tuple[int, ...] = ()
    names: Any = None

    @property
    def element_names(self) -> tuple[str, ...]:
        """The names of the elements in order, none where the data set gives none.

        Tools write a list, a list in a list, a dict of lists, or a dict of places in the row.
        """
        return tuple(_flat_names(self.names))


class Info(BaseModel):
    """What of `info.json` is read."""

    model_config = ConfigDict(frozen=True)

    codebase_version: str
    fps: Annotated[float, Field(gt=0)]
    features: dict[str, Feature]
    data_path: str
    video_path: str | None = None
    chunks_size: Annotated[int, Field(ge=1)] = 1000
    splits: dict[str, str] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """One episode: `length` rows of the table `data`, and as many frames of each view.

    `spans_s` says how long the part of a view's file is that belongs to the episode, where the data set says so.
    """

    number: int
    length: int
    tasks: tuple[str, ...]
    data: Path
    views: Mapping[str, Media]
    spans_s: Mapping[str, float]

    @property
    def name(self) -> str:
        """A name that stays the same on every machine."""
        return f"episode_{self.number:06d}"


@dataclass(frozen=True)
class Meta:
    """The folder `meta` of the tree at `root`, read as it is asked for.

    Raises, in each property:
        RecipeError: a file is missing, or is not what LeRobot writes (CR530).
    """

    root: Path

    @cached_property
    def info(self) -> Info:
        """The content of `info.json`."""
        path = self.root / "meta" / "info.json"
        try:
            info = Info.model_validate(json.loads(read_bounded(path)))
        except ValidationError as error:
            first = error.errors()[0]
            _fail(path, f"{'.'.join(map(str, first['loc'])) or 'the whole file'}: {first['msg'].lower()}")
        except (OSError, ValueError, RecursionError) as error:
            _fail(path, getattr(error, "strerror", None) or str(error))
        if info.codebase_version not in VERSIONS:
            _fail(path, f"codebase_version {info.codebase_version}", f"one of {', '.join(VERSIONS)}")
        return info

    @cached_property
    def tasks(self) -> dict[int, str]:
        """The text of each task by its number; none where no tool wrote them down."""
        packed, lines = self.root / "meta" / "tasks.parquet", self.root / "meta" / "tasks.jsonl"
        if packed.is_file():
            rows = _table(packed).to_pylist()
            # The text is the index of a pandas table, which was not always given a name.
            return {int(_number(packed, row, "task_index")): str(_get(packed, row, "task", _UNNAMED)) for row in rows}
        rows = list(_lines(lines)) if lines.is_file() else []
        return {int(_number(lines, row, "task_index")): str(_get(lines, row, "task")) for row in rows}

    @cached_property
    def episodes(self) -> tuple[Episode, ...]:
        """Every episode that is there, in order of its number; `info.json` may promise others."""
        found = list(self._packed() if self.packed else self._single())
        episodes = {episode.number: episode for _, episode in found}
        if len(episodes) < len(found):
            numbers = [episode.number for _, episode in found]
            twice = next(number for number in numbers if numbers.count(number) > 1)
            _fail(found[-1][0], f"episode {twice} twice", "each episode once")
        return tuple(episodes[number] for number in sorted(episodes))

    @property
    def packed(self) -> bool:
        """Whether a file holds many episodes."""
        return self.info.codebase_version == PACKED

    @property
    def cameras(self) -> tuple[str, ...]:
        """The features that are videos."""
        return tuple(name for name, feature in self.info.features.items() if feature.dtype == "video")

    def files(self) -> Iterator[Path]:
        """Yield the files of `meta` itself."""
        yield from (path for path in (self.root / "meta").rglob("*") if path.is_file())

    def _single(self) -> Iterator[tuple[Path, Episode]]:
        path = self.root / "meta" / "episodes.jsonl"
        for row in _lines(path):
            number = int(_number(path, row, "episode_index"))
            at = {"episode_index": number, "episode_chunk": number // self.info.chunks_size}
            views = {key: Media(path=self._video(key, at)) for key in self.cameras}
            yield path, self._episode(path, row, self._data(at), views, {})

    def _packed(self) -> Iterator[tuple[Path, Episode]]:
        paths = sorted((self.root / "meta" / "episodes").rglob("*.parquet"))
        if not paths:
            _fail(self.root / "meta" / "episodes", "no table of episodes", "chunk-000/file-000.parquet and so on")
        for path in paths:
            table = _table(path, without="stats/")
            for row in table.to_pylist():
                spans = {key: self._span(path, row, key) for key in self.cameras}
                lasting = {key: span[1] for key, span in spans.items()}
                views = {key: span[0] for key, span in spans.items()}
                yield path, self._episode(path, row, self._data(_place(path, row, "data")), views, lasting)

    def _span(self, path: Path, row: Row, key: str) -> tuple[Media, float]:
        """Return where in a file of many episodes one of them is, and how long that part is.

        The limits lie half a frame before the first frame and after the last one: the times of frames are rounded by
        the container, and those of episodes are sums.
        """
        start_s = _number(path, row, f"videos/{key}/from_timestamp")
        span_s = _number(path, row, f"videos/{key}/to_timestamp") - start_s
        half_s = 0.5 / self.info.fps
        end_s = start_s + min(span_s, _number(path, row, "length") / self.info.fps) - half_s
        video = self._video(key, _place(path, row, f"videos/{key}"))
        return Media(path=video, start_s=max(0.0, start_s - half_s), end_s=end_s), span_s

    def _episode(
        self, path: Path, row: Row, data: Path, views: Mapping[str, Media], spans_s: Mapping[str, float]
    ) -> Episode:
        tasks = row.get("tasks") or ()
        return Episode(
            number=int(_number(path, row, "episode_index")),
            length=int(_number(path, row, "length")),
            tasks=(tasks,) if isinstance(tasks, str) else tuple(map(str, tasks)),
            data=data,
            views=views,
            spans_s=spans_s,
        )

    def _data(self, at: Mapping[str, int]) -> Path:
        return self._filled(self.info.data_path, at)

    def _video(self, key: str, at: Mapping[str, int]) -> Path:
        return self._filled(self.info.video_path or "", {**at, "video_key": key})

    def _filled(self, template: str, at: Mapping[str, Any]) -> Path:
        filled = _FIELD.sub(lambda found: _formatted(found, at), template)
        if "{" in filled or "}" in filled:
            _fail(self.root / "meta" / "info.json", f"the path {template}", f"a path with {', '.join(at)} in it")
        if not Path(normpath(self.root / filled)).is_relative_to(self.root):
            _fail(self.root / "meta" / "info.json", f"the path {template}", "a path in the tree")
        return named_in(self.root, filled, place=Place(file=str(self.root / "meta" / "info.json")))


def _formatted(found: re.Match[str], at: Mapping[str, Any]) -> str:
    """Return what a field such as `{episode_index:06d}` stands for; as it is if it is of another form.

    Python's own formatting would also read attributes of what it is given, and write texts of any width.
    """
    name, width = found[1], found[2]
    if name not in at or (width and not isinstance(at[name], int)):
        return found[0]
    return f"{at[name]:0{int(width)}d}" if width else str(at[name])


def parse_range(text: str) -> range:
    """Return the numbers of a range such as `0:50`, the end not included; raises ValueError."""
    first, last = text.split(":")
    return range(int(first or 0), int(last) if last else 2**31)


def _flat_names(names: Any) -> Iterator[str]:
    if isinstance(names, dict) and all(isinstance(place, int) for place in names.values()):
        yield from sorted(names, key=names.__getitem__)
    elif isinstance(names, dict):
        yield from chain.from_iterable(map(_flat_names, names.values()))
    elif isinstance(names, list):
        yield from chain.from_iterable(map(_flat_names, names))
    elif names is not None:
        yield str(names)


def _place(path: Path, row: Row, of: str) -> dict[str, int]:
    return {name: int(_number(path, row, f"{of}/{name}")) for name in ("chunk_index", "file_index")}


def _get(path: Path, row: Row, *keys: str) -> Any:
    value = next((row[key] for key in keys if row.get(key) is not None), None)
    if value is None:
        _fail(path, f"a row without {keys[0]}")
    return value


def _number(path: Path, row: Row, key: str) -> float:
    value = _get(path, row, key)
    if not isinstance(value, int | float):
        _fail(path, f"{key}: {value!r}", "a number")
    return value


def _lines(path: Path) -> Iterator[Row]:
    """Yield the objects of a file of JSON lines."""
    try:
        lines = read_bounded(path).splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        _fail(path, getattr(error, "strerror", None) or str(error))
    if not all(isinstance(row, dict) for row in rows):
        _fail(path, "a line that is no JSON object")
    yield from rows


def _table(path: Path, *, without: str = "\n") -> pa.Table:
    """Return a table without the columns whose names begin so."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            return file.read(columns=[name for name in file.schema_arrow.names if not name.startswith(without)])
    except (OSError, pa.ArrowException) as error:
        _fail(path, str(error).splitlines()[0])


def _fail(path: Path, found: str, expected: str = "what LeRobot v2.1 or v3.0 writes there") -> NoReturn:
    fail(
        "CR530",
        f"this is no LeRobot data set that can be read: {path.name}",
        place=Place(file=str(path)),
        expected=expected,
        found=found,
        hint="name the folder that holds `meta`; older versions are converted with the tools of LeRobot",
    )
