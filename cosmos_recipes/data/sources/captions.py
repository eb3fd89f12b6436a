"""Captions of a folder of videos: in one table, or beside each video."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cosmos_recipes.data.sources.bounded import read_bounded
from cosmos_recipes.diagnostics import Place, fail

CAPTION_TABLES = ("captions.jsonl", "captions.csv", "metadata.jsonl", "metadata.csv")
_KEYS = ("caption", "text")


def captions(root: Path, videos: Mapping[str, Path], *, whole: bool) -> dict[str, str]:
    """Return the caption of each video by its name in the folder `root`; "" for one that has none.

    `whole` says that `videos` are all that the folder holds: a table may then name no other.

    Raises:
        RecipeError: captions that cannot be read or that contradict each other (CR503), or name no video (CR504).
    """
    table = _table(root)
    written = _read_table(table) if table else {}
    for name in written.keys() - videos.keys() if whole else ():
        fail(
            "CR504",
            f"a caption names a video that is not there: {name}",
            place=Place(file=str(table)),
            expected="file names relative to the folder",
            found=name,
            hint="correct the name, or remove the line",
        )
    return {name: _one(written.get(name), _beside(path), table, path) for name, path in videos.items()}


def _one(written: str | None, beside: tuple[Path, str] | None, table: Path | None, video: Path) -> str:
    if written is not None and beside is not None and written != beside[1]:
        _clash(video, [str(table), str(beside[0])])
    return written if written is not None else beside[1] if beside else ""


def _table(root: Path) -> Path | None:
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
    return tables[0] if tables else None


def _read_table(table: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for line, row in _rows(table):
        place = Place(file=str(table), line=line, column=1)
        name, caption = row.get("file_name"), _caption(row)
        if not isinstance(name, str) or caption is None:
            fail(
                "CR503",
                "a row of the captions is incomplete",
                place=place,
                expected="`file_name` and `caption`, both texts",
                found=", ".join(map(str, row)),
                hint="complete the row, or remove it",
            )
        name = Path(name).as_posix()
        if name in found:
            fail(
                "CR503",
                f"two captions name {name}",
                place=place,
                expected="one caption for each video",
                found=caption,
                hint="keep one of them",
            )
        found[name] = caption
    return found


def _rows(table: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = _text(table).splitlines(keepends=True)
    if table.suffix == ".csv":
        reader = csv.DictReader(lines, strict=True)
        try:
            yield from ((reader.line_num, row) for row in reader)
        except csv.Error as error:
            place = Place(file=str(table), line=reader.line_num, column=1)
            fail("CR503", f"this is not CSV: {error}", place=place, expected="a row of a CSV file", hint="correct it")
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _object(line, Place(file=str(table), line=number, column=1))


def _object(text: str, place: Place) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        fail("CR503", f"this is not JSON: {error}", place=place, expected="a JSON object", hint="correct it")
    if not isinstance(value, dict):
        found = text.strip()[:60]
        fail("CR503", "this is not a JSON object", place=place, expected="an object with `caption`", found=found)
    return value


def _caption(row: Mapping[str, Any]) -> str | None:
    value = next((row[key] for key in _KEYS if row.get(key) is not None), None)
    return value.strip() if isinstance(value, str) else None


def _beside(video: Path) -> tuple[Path, str] | None:
    """Return the caption beside a video, and its file: NAME.txt, or `caption` of NAME.json."""
    files = [path for path in (video.with_suffix(".txt"), video.with_suffix(".json")) if path.is_file()]
    if not files:
        return None
    if len(files) > 1:
        _clash(video, [str(path) for path in files])
    text = _text(files[0])
    if files[0].suffix == ".txt":
        return files[0], text.strip()
    caption = _caption(_object(text, Place(file=str(files[0]))))
    if caption is None:
        fail(
            "CR503",
            f"{files[0].name} holds no caption",
            place=Place(file=str(files[0])),
            expected='an object such as {"caption": "what happens"}',
            hint="write the caption, or remove the file",
        )
    return files[0], caption


def _clash(video: Path, files: Sequence[str]) -> None:
    fail(
        "CR503",
        f"the video {video.name} has two captions",
        place=Place(file=files[-1]),
        expected="one caption for each video",
        found=" and ".join(Path(file).name for file in files),
        hint="keep one of them",
    )


def _text(path: Path) -> str:
    try:
        return read_bounded(path)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        fail(
            "CR503",
            f"{path.name} is not UTF-8 text",
            place=Place(file=str(path), line=line, column=1),
            expected="text in UTF-8",
            found=f"the byte 0x{error.object[error.start]:02X}",
            hint="save it as UTF-8",
        )
    except OSError as error:
        fail("CR503", f"{path.name} cannot be read", place=Place(file=str(path)), found=str(error.strerror).lower())
