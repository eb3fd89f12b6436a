"""A folder of videos, or one video, with captions beside them or in one table."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from cosmos_recipes.data.sources.base import VIDEO_SUFFIXES, Progress, Recording, Source, SourceDescription, Split
from cosmos_recipes.diagnostics import Place, fail

CAPTION_TABLES = ("captions.jsonl", "captions.csv", "metadata.jsonl", "metadata.csv")
HELD_OUT_FOLDERS = frozenset(("held-out", "heldout", "val", "valid", "validation", "test"))
MOST_PROBED = 64
_READ = VIDEO_SUFFIXES | {".txt", ".json", ".jsonl", ".csv"}


class FolderSource(Source):
    """Videos under a path. A `train` and a `held-out` (or val, test) folder are splits; else a tenth is held out."""

    path: str = Field(description="A folder that is searched through, or one video; relative to this file.")

    def absolute(self, folder: Path) -> Self:
        """Return the source with an absolute path."""
        return self.model_copy(update={"path": str((folder / Path(self.path).expanduser()).resolve())})

    def describe(self) -> SourceDescription:
        """Return codecs and count; at most 64 files are opened, and those that cannot be are left to the index."""
        from cosmos_recipes.data.probe import codec_of

        files = self._files()
        codecs: dict[str, int] = {}
        for path in islice(files, MOST_PROBED):
            codec = codec_of(path)
            if codec is not None:
                codecs[codec] = codecs.get(codec, 0) + 1
        return SourceDescription(codecs=codecs, recordings=len(files))

    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Return every video, in order of its name."""
        root, files = Path(self.path), self._files()
        root = root if root.is_dir() else root.parent
        captions = _captions(root)
        names = [path.relative_to(root).as_posix() for path in files]
        for name in captions.keys() - set(names):
            fail(
                "CR504",
                f"a caption names a video that is not there: {name}",
                place=Place(file=str(root)),
                expected="file names relative to the folder",
                hint="correct the name, or remove the line",
            )
        splits = _splits(names)
        return [
            Recording(name=name, split=splits[name], path=path, caption=captions.get(name) or _sidecar(path))
            for name, path in zip(names, files, strict=True)
        ]

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of the videos and of what may be their captions."""
        root = Path(self.path)
        files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.suffix.lower() in _READ)
        looked = ((path.relative_to(root).as_posix(), path.stat()) for path in files)
        rows = [f"{name} {at.st_size} {at.st_mtime_ns}" for name, at in looked]
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def _files(self) -> list[Path]:
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
            return [root]
        files = sorted(path for path in root.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
        if not files:
            fail(
                "CR502",
                "the folder holds no videos",
                place=Place(file=str(root)),
                expected=f"files that end in {', '.join(sorted(VIDEO_SUFFIXES))}",
                hint="name the folder that the videos are in",
            )
        return files


def _splits(names: Sequence[str]) -> dict[str, Split | None]:
    """Hold out what lies in a folder of that name; where there is none, leave it to the index."""
    declared = {name for name in names if HELD_OUT_FOLDERS.intersection(Path(name).parts[:-1])}
    return {name: None if not declared else "held-out" if name in declared else "train" for name in names}


def _captions(root: Path) -> dict[str, str]:
    """Return the captions of the folder's one table, if it has one, by file name."""
    tables = [root / name for name in CAPTION_TABLES if (root / name).is_file()]
    if len(tables) > 1:
        fail(
            "CR503",
            "the folder has several tables of captions",
            place=Place(file=str(tables[1])),
            expected="one table",
            found=", ".join(path.name for path in tables),
            hint="keep one of them",
        )
    captions: dict[str, str] = {}
    for line, row in (pair for table in tables for pair in _rows(table)):
        name, caption = row.get("file_name"), row.get("caption") or row.get("text")
        if not isinstance(name, str) or not isinstance(caption, str):
            fail(
                "CR503",
                "a row of the captions is incomplete",
                place=Place(file=str(tables[0]), line=line, column=1),
                expected="`file_name` and `caption`",
                found=", ".join(map(str, row)),
                hint="complete the row, or remove it",
            )
        if name in captions:
            fail(
                "CR503",
                f"two captions name {name}",
                place=Place(file=str(tables[0]), line=line, column=1),
                hint="keep one of them",
            )
        captions[name] = caption
    return captions


def _rows(table: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        if table.suffix == ".csv":
            yield from enumerate(csv.DictReader(file), 2)
            return
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, _object(line, Place(file=str(table), line=number, column=1))


def _object(text: str, place: Place) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        fail("CR503", f"this is not JSON: {error}", place=place, expected="a JSON object", hint="correct it")
    if not isinstance(value, dict):
        fail(
            "CR503",
            "this is not a JSON object",
            place=place,
            expected="an object with `caption`",
            found=text.strip()[:60],
        )
    return value


def _sidecar(path: Path) -> str:
    """Return the caption beside a video: NAME.txt, or `caption` of NAME.json."""
    text, data = path.with_suffix(".txt"), path.with_suffix(".json")
    if text.is_file():
        return text.read_text(encoding="utf-8-sig", errors="replace").strip()
    if data.is_file():
        caption = _object(data.read_text(encoding="utf-8-sig", errors="replace"), Place(file=str(data))).get(
            "caption", ""
        )
        return caption.strip() if isinstance(caption, str) else ""
    return ""
