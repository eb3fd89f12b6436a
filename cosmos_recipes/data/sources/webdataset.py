"""WebDataset: tar shards whose files belong together by the part of their name before its first dot."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from zipfile import BadZipFile, ZipFile, is_zipfile

from pydantic import Field

from cosmos_recipes.data.recording import Value
from cosmos_recipes.data.sources.base import VIDEO_SUFFIXES, Media, Progress, Recording
from cosmos_recipes.data.sources.bounded import require_bounded
from cosmos_recipes.data.sources.listed import ListedSource, Reader, fail_duplicate, fail_missing
from cosmos_recipes.data.sources.shards import Member, find_shards, first_members, is_shard, scan
from cosmos_recipes.data.sources.splits import split_said
from cosmos_recipes.data.sources.stamps import stamp
from cosmos_recipes.data.sources.values import fail_annotation, parse_json, values_of
from cosmos_recipes.diagnostics import Place, fail

if TYPE_CHECKING:
    from cosmos_recipes.data.recording import Split

_MOST_TRIED = 32
"""Members of a shard among which a video is looked for."""
_TEXTS = ("txt", "text")


class WebDatasetSource(ListedSource):
    """Samples of tar shards, read where they lie; a sample's videos are views, its other files are values."""

    looks_for: ClassVar[str] = "a .tar with videos in it, or a folder of them"
    detail: ClassVar[int] = 2

    path: str = Field(
        description="A tar, a folder of them, or a pattern such as shards-{000000..000003}.tar; relative to this file."
    )
    held_out: str | None = Field(
        None,
        description="Pattern of the recordings, named SHARD/KEY, that are held out; else the names of the shards say it.",
    )

    def readers(self, folder: Path | None, progress: Progress) -> Sequence[Reader]:
        """Return what reads each sample, in the order of the shards."""
        shards = find_shards(self.path)
        found: list[Reader] = []
        splits: dict[str, Split | None] = {}
        for shard, members in scan(shards, folder, progress).items():
            for key, files in _samples(shards[shard], members).items():
                name = f"{shard}/{key}"
                splits[name] = self._split(shard, name)
                found.append(partial(_read, name, splits[name], shards[shard], files))
        if not found:
            fail_missing("the shards hold no samples", Path(self.path), expected="files such as 000000.mp4")
        if self.held_out is not None and len({*splits.values()}) == 1:
            self._fail_held_out(*splits.popitem())
        return found

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of the shards."""
        return stamp(find_shards(self.path))

    @classmethod
    def recognises(cls, path: Path) -> dict[str, Any] | None:
        """Recognise a tar, or a folder with one in it, that has a video among its first members."""
        found = [path] if path.is_file() else chain(sorted(path.glob("*")), sorted(path.glob("*/*")))
        tars = (each for each in found if is_shard(each))
        return {"path": str(path)} if any(_begins_with_video(tar) for tar in islice(tars, 1)) else None

    def _split(self, shard: str, name: str) -> Split | None:
        if self.held_out is None:
            return split_said(shard)
        return "held-out" if fnmatchcase(name, self.held_out) else "train"

    def _fail_held_out(self, name: str, split: Split | None) -> None:
        fail(
            "CR556",
            f"{'every' if split == 'held-out' else 'no'} recording is held out by `{self.held_out}`",
            place=Place(file=self.path),
            expected="a pattern that fits the names of some recordings",
            found=f"names such as {name}",
            hint="write it for the whole name, as `val-*` or `*/scene_9*`",
        )


def _begins_with_video(tar: Path) -> bool:
    return any(Path(name).suffix.lower() in VIDEO_SUFFIXES for name in first_members(tar, _MOST_TRIED))


def _samples(shard: Path, members: Sequence[Member]) -> dict[str, dict[str, Member]]:
    """Return the files of each sample by what follows the first dot; hidden and private files are no samples."""
    samples: dict[str, dict[str, Member]] = {}
    for member in members:
        folder, slash, base = member.name.removeprefix("./").rpartition("/")
        stem, _, field = base.partition(".")
        if not stem or not field or stem.startswith("__"):
            continue
        files = samples.setdefault(f"{folder}{slash}{stem}", {})
        if field.lower() in files:
            fail_duplicate(f"the shard {shard.name} holds {member.name} twice", shard, [member.name, member.name])
        files[field.lower()] = member
    return samples


def _read(name: str, split: Split | None, shard: Path, files: Mapping[str, Member]) -> Recording:
    views: dict[str, Media] = {}
    values: dict[str, Value] = {}
    for field, member in files.items():
        label, _, kind = field.rpartition(".")
        if f".{kind}" in VIDEO_SUFFIXES:
            media = Media(path=shard, offset_bytes=member.offset_bytes, size_bytes=member.size_bytes)
            _add(views, {label or "video": media}, name, shard)
        else:
            _add(values, _values(shard, member, label, kind), name, shard)
    if not views:
        expected = f"a file that ends in {', '.join(sorted(VIDEO_SUFFIXES))}"
        fail_missing(f"the sample {name} has no video", shard, expected=expected, found=", ".join(files))
    return Recording(name=name, split=split, views=views, values=values)


def _add(to: dict[str, Any], more: Mapping[str, Any], name: str, shard: Path) -> None:
    for key in more:
        if key in to:
            fail_duplicate(f"the sample {name} says `{key}` twice", shard, [key, key])
    to.update(more)


def _values(shard: Path, member: Member, label: str, kind: str) -> dict[str, Value]:
    """Return the values of one file, by its own name before the ending, or by the names in it after that."""
    prefix = f"{label}." if label else ""
    if kind == "json":
        found = parse_json(_bytes(shard, member), Place(file=str(shard)), member.name)
        return values_of(found, prefix) if isinstance(found, dict) else values_of({label or kind: found})
    if kind in ("npy", "npz"):
        arrays = _arrays(shard, member)
        return (
            {f"{prefix}{key}": each for key, each in arrays.items()} if kind == "npz" else {label or kind: arrays[""]}
        )
    if kind in _TEXTS or kind == "cls":
        return {label or kind: _text(shard, member, number=kind == "cls")}
    return {}


def _text(shard: Path, member: Member, *, number: bool) -> str | int:
    try:
        text = _bytes(shard, member).decode("utf-8-sig").strip()
        return int(text) if number else text
    except ValueError as error:
        expected = "a whole number" if number else "text in UTF-8"
        fail_annotation(
            f"{member.name} cannot be read", Place(file=str(shard)), expected=expected, found=str(error)[:80]
        )


def _arrays(shard: Path, member: Member) -> dict[str, Any]:
    """Return the arrays of a .npz by name, or that of a .npy by no name; neither may hold objects of Python."""
    import numpy as np

    try:
        content = BytesIO(_bytes(shard, member))
        if is_zipfile(content):
            require_bounded(sum(each.file_size for each in ZipFile(content).infolist()), member.name, shard)
        content.seek(0)
        loaded = np.load(content, allow_pickle=False)
        return {"": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except (ValueError, OSError, EOFError, BadZipFile, MemoryError, OverflowError, zlib.error) as error:
        place = Place(file=str(shard))
        fail_annotation(
            f"{member.name} is no array", place, expected="numbers or texts of NumPy", found=str(error)[:80]
        )


def _bytes(shard: Path, member: Member) -> bytes:
    require_bounded(member.size_bytes, member.name, shard)
    with shard.open("rb") as file:
        file.seek(member.offset_bytes)
        return file.read(member.size_bytes)
