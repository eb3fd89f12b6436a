"""Data sets of the Hugging Face Hub, or folders that `datasets` reads, whole or streamed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tarfile import TarError
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn, Self
from zipfile import BadZipFile

from pydantic import Field

from cosmos_recipes.data.hub_files import TIMEOUT_S, is_commit
from cosmos_recipes.data.sources.base import VIDEO_SUFFIXES, Progress, Recording, SourceDescription, Split
from cosmos_recipes.data.sources.bounded import beginning
from cosmos_recipes.data.sources.cards import front_matter
from cosmos_recipes.data.sources.hub_download import fetch_whole
from cosmos_recipes.data.sources.parquet import first_rows
from cosmos_recipes.data.sources.rows import Rows, RowSource, require_unique, split_of
from cosmos_recipes.data.sources.stamps import stamp
from cosmos_recipes.data.sources.tables import video_columns
from cosmos_recipes.diagnostics import Place, fail

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset, DatasetBuilder, IterableDataset

ROWS_AT_ONCE = 16
_REPO = re.compile(r"[\w.-]+(/[\w.-]+)?")
_SHARD = re.compile(r"\w[\w.-]*-\d{5}-of-\d{5}\.parquet")
"""How the library names the tables of a split."""


class HubSource(RowSource):
    """The rows of a data set that the library datasets loads, in its order; views and values are named as its columns.

    Whole, it is downloaded first, and its tables are kept as Arrow files; streamed, only the rows that are asked for
    are fetched. Either way every video becomes a file, and nothing of the library is used while training.
    """

    looks_for: ClassVar[str] = (
        "a folder as on the Hub: data/train-00000-of-00001.parquet, or videos with a metadata.jsonl"
    )
    detail: ClassVar[int] = 2

    path: str = Field(description="Owner and name on the Hub, or a folder that datasets loads, relative to this file.")
    config: str | None = Field(None, description="Which of the data set's configurations, where it has several.")
    revision: str | None = Field(None, description="Branch, tag or commit on the Hub.")
    splits: dict[str, Split] | None = Field(
        None, description="What each split of the data set is: `train` or `held-out`; by its name if not said."
    )
    videos: tuple[str, ...] | None = Field(
        None, description="Columns that are views; those of the kind Video if none are named."
    )
    stream: bool = Field(False, description="Whether to fetch row by row instead of the whole data set.")
    limit: Annotated[int, Field(ge=1)] | None = Field(None, description="Most rows that are taken of each split.")

    def absolute(self, folder: Path, *names: str, place: Place | None = None) -> Self:
        """Return the source with an absolute path, if it is that of a folder."""
        is_folder = self.path.startswith((".", "/", "~")) or (folder / self.path).is_dir()
        return super().absolute(folder, *names, place=place) if is_folder else self

    def fingerprint(self) -> str:
        """Return the commit of a data set of the Hub, or a hash of the names, sizes and times of a folder's files.

        Without network it is the commit that was last downloaded, or the revision as it is written.
        """
        root = Path(self.path)
        if self._is_local:
            return stamp({path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()})
        if self.revision and is_commit(self.revision):
            return self.revision
        return self._commit_now() or self._commit_before() or f"unresolved {self.revision}"

    def describe(self) -> SourceDescription:
        """Return how many rows there are, and the codecs of the first one of each split.

        Rows are counted in what the data set says of itself or in the footers of its Parquet files; other files are
        read through.
        """
        from cosmos_recipes.data.probe import codec_of

        codecs, count = Counter[str](), 0
        with TemporaryDirectory() as folder:
            commit = self._commit()
            builder = self._builder(commit, Path(folder))
            splits = self._loaded(builder, stream=True)
            self._kinds(list(splits))
            for name, split in splits.items():
                first = next(self._batches(name, split, None, commit, Path(folder), at_once=1), [])
                codecs.update(filter(None, (codec_of(media.path) for row in first for media in row.views.values())))
                count += self._count(builder, name, split)
        if not count:
            self._fail("no rows", "name another split in `splits`")
        return SourceDescription(codecs=dict(codecs), recordings=count)

    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Return the rows of every split.

        Raises:
            RecipeError: one cannot be used (CR536), or there is no room for all of them (CR626).
        """
        found: list[Recording] = []
        commit = self._commit()
        builder = self._builder(commit, folder / "tables")
        if commit and not (self.stream and self.limit):
            with self._told():
                fetch_whole(self.path, commit, builder.config.data_files, folder, stream=self.stream)
        splits = self._loaded(builder, stream=self.stream)
        kinds = self._kinds(list(splits))
        for name, split in splits.items():
            total = len(found) + (self.limit or 0 if self.stream else len(split))
            for batch in self._batches(name, split, kinds[name], commit, folder / "videos"):
                found += batch
                progress("reading the data set", len(found), max(total, len(found)))
        if self.id:
            require_unique(found, self._place, self.id)
        return found

    def first(self, count: int) -> Sequence[Recording]:
        """Return the first rows of each split, streamed."""
        return super(HubSource, self.model_copy(update={"stream": True, "limit": count})).first(count)

    @classmethod
    def recognises(cls, path: Path) -> dict[str, Any] | None:
        """Recognise a folder that datasets loads by its names: tables of splits, or videos with their metadata."""
        if not path.is_dir():
            return None
        tables = [each for each in sorted(path.glob("**/*.parquet")) if _SHARD.fullmatch(each.name)]
        videos = video_columns(first_rows(tables[0])) if tables else ()
        if videos:
            return {"path": str(path), "videos": list(videos)}
        return {"path": str(path)} if any(map(_says_more, path.glob("*/metadata.*"))) else None

    @property
    def _is_local(self) -> bool:
        return Path(self.path).is_dir()

    @property
    def _place(self) -> Place:
        return Place(file=self.path)

    def _commit(self) -> str | None:
        """Return the commit that is read, None for a folder."""
        if self._is_local:
            return None
        if not _REPO.fullmatch(self.path):
            fail(
                "CR500",
                f"there is no folder {Path(self.path).name}",
                place=self._place,
                expected="a folder that exists, or OWNER/NAME of a data set on the Hub",
                hint="check its spelling",
            )
        # Without an answer the library would go on trying for half a minute.
        return self._commit_now() or self._fail(
            "no answer from the Hub", "connect to the network, or download it and name its folder"
        )

    def _builder(self, commit: str | None, folder: Path) -> DatasetBuilder:
        """Return what loads the data set; what it has to write goes into `folder`."""
        from datasets import load_dataset_builder

        if self._is_local:
            _require_own_files(front_matter(Path(self.path)).get("configs"), self._place)
        with self._told():
            return load_dataset_builder(self.path, name=self.config, revision=commit, cache_dir=str(folder))

    def _loaded(self, builder: DatasetBuilder, *, stream: bool) -> dict[str, Dataset | IterableDataset]:
        """Return the splits that are wanted, their videos as they are stored, in Arrow's format."""
        from datasets import Video

        with self._told():
            if not stream:
                builder.download_and_prepare()
            splits = builder.as_streaming_dataset() if stream else builder.as_dataset()
        for name in self.splits or ():
            if name not in splits:
                self._fail_split(f"there is no split {name}", list(splits), "correct `splits`")
        loaded = {}
        for name in self.splits or splits:
            split = splits[name]
            for column in _video_columns(split):
                split = split.cast_column(column, Video(decode=False))
            if self.limit:
                split = split.take(self.limit)
            loaded[name] = split.with_format("arrow")
        return loaded

    def _kinds(self, names: Sequence[str]) -> Mapping[str, Split | None]:
        """Return what each split is; without one of either kind, leave it to the index."""
        kinds: Mapping[str, Split | None] = self.splits or {name: split_of(name) for name in names}
        unknown = [name for name, kind in kinds.items() if kind is None]
        if unknown and len(kinds) > 1:
            hint = f"write `splits: {{{names[0]}: train, {names[-1]}: held-out}}` with those to use"
            self._fail_split(f"the split {unknown[0]} is neither train nor held-out by its name", names, hint)
        return kinds if len(set(kinds.values())) > 1 else dict.fromkeys(kinds)

    def _batches(
        self,
        name: str,
        split: Dataset | IterableDataset,
        kind: Split | None,
        commit: str | None,
        folder: Path,
        *,
        at_once: int = ROWS_AT_ONCE,
    ) -> Iterator[list[Recording]]:
        first = 0
        videos = self.videos or _video_columns(split)
        for table in self._tables(split, at_once):
            if not videos:
                self._fail_videos(table.column_names)
            self.require_columns(table.column_names, videos, self._place)
            rows = Rows(
                table=table,
                settings=self,
                videos=videos,
                first=first,
                origin=name,
                place=self._place,
                root=f"hf://datasets/{self.path}@{commit}" if commit else self.path,
                folder=folder,
                addresses=True,
            )
            yield list(rows.recordings([kind] * table.num_rows))
            first += table.num_rows

    def _tables(self, split: Dataset | IterableDataset, at_once: int) -> Iterator[pa.Table]:
        with self._told():
            tables = iter(split.iter(batch_size=at_once))
        while True:
            with self._told():
                table = next(tables, None)
            if table is None:
                return
            yield table

    def _count(self, builder: DatasetBuilder, name: str, split: IterableDataset) -> int:
        known = (builder.info.splits or {}).get(name)
        files = [str(path) for path in (builder.config.data_files or {}).get(name, ())]
        if known is not None and known.num_examples:
            count = int(known.num_examples)
        elif files and all(path.endswith(".parquet") for path in files):
            with self._told():
                count = sum(map(_rows_in, files))
        else:
            return sum(table.num_rows for table in self._tables(split, 1000))
        return min(count, self.limit or count)

    def _commit_now(self) -> str | None:
        """Return the commit that the Hub gives for the revision, None if the Hub does not answer."""
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        try:
            return HfApi().dataset_info(self.path, revision=self.revision, timeout=TIMEOUT_S).sha
        except (HfHubHTTPError, HFValidationError) as error:
            self._fail(_line(error), "check name and revision; log in with `hf auth login` if it is private or gated")
        except (_http_error(), OSError):
            return None

    def _commit_before(self) -> str | None:
        """Return the commit that the revision was when something of the data set was last downloaded."""
        from huggingface_hub.constants import HF_HUB_CACHE

        folder = Path(HF_HUB_CACHE) / f"datasets--{self.path.replace('/', '--')}"
        known = folder / "refs" / (self.revision or "main")
        return known.read_text(encoding="utf-8").strip() if known.is_file() else None

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Within this block, turn what the libraries raise into our errors, and let them draw no progress."""
        import datasets
        import pyarrow as pa

        errors = (datasets.exceptions.DatasetsError, pa.ArrowException, _http_error())
        drawing = datasets.is_progress_bar_enabled()
        datasets.disable_progress_bars()
        try:
            yield
        except (
            *errors,
            BadZipFile,
            TarError,
            EOFError,
            ImportError,
            OSError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            RecursionError,
        ) as error:
            self._fail(_line(error), "check its name, `config` and `revision`, and that the files in it are whole")
        finally:
            if drawing:
                datasets.enable_progress_bars()

    def _fail(self, found: str, hint: str) -> NoReturn:
        fail(
            "CR537",
            f"the data set {self.path} cannot be loaded",
            place=self._place,
            expected=f"a data set with {f'the configuration {self.config}' if self.config else 'rows'}"
            + (f" at {self.revision}" if self.revision else ""),
            found=found,
            hint=hint,
        )

    def _fail_split(self, message: str, names: Sequence[str], hint: str) -> NoReturn:
        fail(
            "CR538",
            message,
            place=self._place,
            expected="splits of the data set, each of them train or held-out",
            found=", ".join(names),
            hint=hint,
        )

    def _fail_videos(self, names: Sequence[str]) -> NoReturn:
        fail(
            "CR535",
            "no column of the data set is known to hold videos",
            place=self._place,
            expected="a column of the kind Video, or `videos` in the settings",
            found=", ".join(names),
            hint="name the columns that hold videos, their paths or their bytes in `videos`",
        )


def _require_own_files(configs: Any, place: Place) -> None:
    """Refuse a card that says that files elsewhere are the data set's: the library would read and fetch them (CR160)."""
    for each in configs.values() if isinstance(configs, dict) else configs if isinstance(configs, list) else ():
        if isinstance(each, dict | list):
            _require_own_files(each, place)
        elif isinstance(each, str) and ("://" in each or each.startswith(("/", "~")) or ".." in each.split("/")):
            fail(
                "CR160",
                "the card of the data set names files elsewhere",
                place=place,
                expected="`data_files` that lie in the folder",
                found=each,
                hint="copy them there, and correct README.md",
            )


def _says_more(metadata: Path) -> bool:
    """Return whether a table names the videos beside it, which the source `folder` does not read in a split's folder."""
    if metadata.suffix not in (".jsonl", ".csv"):
        return False
    names_files = "file_name" in beginning(metadata).partition("\n")[0]
    return names_files and any(each.suffix.lower() in VIDEO_SUFFIXES for each in metadata.parent.iterdir())


def _video_columns(split: Dataset | IterableDataset) -> list[str]:
    from datasets import Video

    return [name for name, feature in (split.features or {}).items() if isinstance(feature, Video)]


def _rows_in(address: str) -> int:
    import fsspec
    import pyarrow.parquet as pq

    with fsspec.open(address, "rb") as file:
        return int(pq.read_metadata(file).num_rows)


def _http_error() -> type[Exception]:
    """Return the base of the errors of whichever HTTP library huggingface_hub uses."""
    from huggingface_hub import utils

    # It gives the library by name alone, which mypy does not see.
    exported: Any = utils
    base: type[Exception] = exported.httpx.HTTPError
    return base


def _line(error: BaseException) -> str:
    """Return what a library says, in one line; what lies at the bottom of a failed generation says most."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
