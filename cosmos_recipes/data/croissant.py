"""A data set in the Croissant format 1.1 of MLCommons: JSON-LD that says what is in it, for readers that know nothing of us.

The terms and what is required are those of http://mlcommons.org/croissant/1.1.
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmos_recipes.data.binding.declare import Declaration
from cosmos_recipes.data.binding.units import canonical
from cosmos_recipes.data.contract import FRAMES, STEPS, Column
from cosmos_recipes.data.dataset import BoundDataset
from cosmos_recipes.data.index.look import Looked
from cosmos_recipes.data.recording import Split
from cosmos_recipes.files import sha256

VERSION = "http://mlcommons.org/croissant/1.1"
MOST_HASHED, MOST_HASHED_BYTES = 200, 2 * 2**30
"""Files that are listed one by one, with their hashes; of more there are patterns."""
MOST_LISTED = 10_000
"""Recordings that are listed one by one."""
FILES, SUFFIX = "files", ".croissant.json"
_TERMS = (
    "annotation",
    "arrayShape",
    "citeAs",
    "column",
    "containedIn",
    "equivalentProperty",
    "excludes",
    "extract",
    "field",
    "fileProperty",
    "fileObject",
    "fileSet",
    "format",
    "includes",
    "isArray",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "recordSet",
    "references",
    "regex",
    "readLines",
    "sdVersion",
    "separator",
    "source",
    "subField",
    "transform",
    "unArchive",
    "value",
)
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_SPLITS: dict[Split, str] = {"train": "cr:TrainingSplit", "held-out": "cr:ValidationSplit"}
_WHOLE = ("uint8", "int32", "int64")
_FORMATS = {".parquet": "application/vnd.apache.parquet", ".jsonl": "application/jsonl", ".webm": "video/webm"}
_SPDX_WORDS = {word.lower(): word for word in ("Apache", "Clause", "only", "or", "later", "Permissive", "ODbL")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What the format asks for and a data set file does not say; None is left out."""

    url: str | None = None
    creator: str | None = None
    date: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """What is left out, by the format's names."""
        named = {"url": self.url, "creator": self.creator, "datePublished": self.date}
        return tuple(name for name, value in named.items() if value is None)


def croissant(
    dataset: BoundDataset,
    looked: Sequence[Looked],
    splits: Sequence[Split | None],
    *,
    folder: Path,
    published: Published,
) -> dict[str, Any]:
    """Return the document of a data set that lies in `folder`; `looked` are the recordings that can be used, one at least.

    Numbers are described as a training sees them, in canonical form: `source` of a field says which files they are from.
    """
    files = _files(dataset, looked)
    said: dict[str, Any] = {
        "description": dataset.file.summary or dataset.file.name,
        "license": licence_url(dataset.file.licence),
        "version": dataset.file.revision,
        "url": published.url,
        "creator": {"@type": "sc:Organization", "name": published.creator} if published.creator else None,
        "datePublished": published.date,
    }
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": dataset.file.name,
        **{name: value for name, value in said.items() if value is not None},
        "distribution": list(_distribution(files, folder)),
        "recordSet": [
            _split_set(),
            _recording_set(dataset.declaration, looked, splits, folder),
            _clip_set(dataset.declaration, looked[0]),
        ],
    }


def licence_url(licence: str) -> str | None:
    """Return the address of a licence with an SPDX identifier, in the case that SPDX has it; another text as it is."""
    if licence == "unknown" or " " in licence or "://" in licence:
        return None if licence == "unknown" else licence
    words = (_SPDX_WORDS.get(word, word.upper()) for word in licence.lower().split("-"))
    return f"https://spdx.org/licenses/{'-'.join(words)}"


def _files(dataset: BoundDataset, looked: Sequence[Looked]) -> list[Path]:
    """Return the files that recordings are from: their videos, and what else lies where the source reads."""
    found = {media.path.absolute() for each in looked if each.bound for media in each.bound.views.values()}
    path = Path(getattr(dataset.source, "path", ""))
    if path.is_absolute():
        found |= {each for each in (path, *path.rglob("*")) if each.is_file()}
    return sorted(each for each in found if not each.name.startswith((".", "_")) and not each.name.endswith(SUFFIX))


def _distribution(files: Sequence[Path], folder: Path) -> Iterator[dict[str, Any]]:
    suffixes = sorted({path.suffix for path in files})
    root = os.path.relpath(os.path.commonpath([path.parent for path in files]), folder)
    yield {
        "@type": "cr:FileSet",
        "@id": FILES,
        "name": FILES,
        "description": f"Every file that recordings are from, {len(files)} in all.",
        "encodingFormat": sorted({_format(path) for path in files}),
        "includes": [f"{'' if root == '.' else f'{root}/'}**/*{suffix}" for suffix in suffixes],
    }
    if len(files) > MOST_HASHED or sum(path.stat().st_size for path in files) > MOST_HASHED_BYTES:
        return
    for path in files:
        name = os.path.relpath(path, folder)
        yield {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{path.stat().st_size} B",
            "encodingFormat": _format(path),
            "sha256": sha256(path),
        }


def _format(path: Path) -> str:
    suffix = path.suffix.lower()
    return _FORMATS.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0] or "application/octet-stream"


def _split_set() -> dict[str, Any]:
    rows = [{"splits/name": name, "splits/url": url} for name, url in _SPLITS.items()]
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [_field("splits", "name", "sc:Text"), _field("splits", "url", ["sc:URL", "cr:Split"])],
        "data": rows,
    }


def _recording_set(
    declaration: Declaration, looked: Sequence[Looked], splits: Sequence[Split | None], folder: Path
) -> dict[str, Any]:
    """Return the recordings: name, split, texts, and for each view its file and which seconds of it."""
    rows = [_row(each, split, declaration, folder) for each, split in zip(looked[:MOST_LISTED], splits, strict=False)]
    texts = {name: column.summary for name, column in declaration.schema.columns.items() if column.kind == "text"}
    views = looked[0].bound.views if looked[0].bound else {}
    fields = [
        _field("recordings", "name", "sc:Text", "Name of the recording."),
        {**_field("recordings", "split", "sc:Text", "Its split."), "references": {"field": {"@id": "splits/name"}}},
        *(_field("recordings", name, "sc:Text", summary) for name, summary in texts.items()),
        *(field for name in views for field in _view_fields(name)),
    ]
    some = f"; the first {MOST_LISTED} of {len(looked)}" if len(looked) > MOST_LISTED else ""
    return {
        "@type": "cr:RecordSet",
        "@id": "recordings",
        "name": "recordings",
        "description": f"One stretch of time in every view{some}.",
        "key": {"@id": "recordings/name"},
        "field": fields,
        "data": [{f"recordings/{name}": value for name, value in row.items()} for row in rows],
    }


def _view_fields(view: str) -> Iterator[dict[str, Any]]:
    yield _field("recordings", f"{view}.file", "sc:Text", f"File of the view {view}.")
    yield _field("recordings", f"{view}.seconds", "sc:Text", "First and last second that is meant; empty for all.")


def _row(looked: Looked, split: Split | None, declaration: Declaration, folder: Path) -> dict[str, str]:
    bound = looked.bound
    assert bound
    named = {
        "name": bound.name,
        "split": split or "train",
        **{name: bound.texts.get(name, "") for name in declaration.texts},
    }
    for view, media in bound.views.items():
        named[f"{view}.file"] = os.path.relpath(media.path.absolute(), folder)
        times_s = (media.start_s, media.end_s)
        named[f"{view}.seconds"] = (
            "" if times_s == (None, None) else " to ".join("" if s is None else f"{s:g}" for s in times_s)
        )
    return named


def _clip_set(declaration: Declaration, looked: Looked) -> dict[str, Any]:
    """Return the columns of the contract as they are for any window of frames of a recording."""
    columns = declaration.schema.columns
    fields = [_column(name, column, declaration, looked) for name, column in columns.items()]
    return {
        "@type": "cr:RecordSet",
        "@id": "clips",
        "name": "clips",
        "description": f"{declaration.schema.summary} A clip is a window of frames of a recording; -1 in a shape is its length.",
        "field": [field for field in fields if field],
    }


def _column(name: str, column: Column, declaration: Declaration, looked: Looked) -> dict[str, Any] | None:
    """Return a column's field; None for numbers that the data set does not have."""
    bound = looked.bound
    assert bound
    source = {"source": {"fileSet": {"@id": FILES}}}
    if column.kind == "text":
        return {**_field("clips", name, "sc:Text", column.summary), **source}
    if column.kind == "video":
        views = f" Views, in order: {', '.join(bound.views)}." if column.is_per_view else ""
        several = {"isArray": True, "arrayShape": str(len(bound.views))} if column.is_per_view else {}
        return {**_field("clips", name, "sc:VideoObject", column.summary + views), **several, **source}
    if name not in looked.columns[0]:
        return None
    kind = "sc:Boolean" if column.dtype == "bool" else "sc:Integer" if column.dtype in _WHOLE else "sc:Float"
    lengths = zip(column.shape, looked.columns[0][name].shape, strict=True)
    shape = [str(-1 if axis in (FRAMES, STEPS) else length) for axis, length in lengths]
    array = {"isArray": True, "arrayShape": ",".join(shape)} if shape else {}
    return {**_field("clips", name, kind, " ".join(_said(name, column, declaration))), **array, **source}


def _said(name: str, column: Column, declaration: Declaration) -> Iterator[str]:
    binding = declaration.columns[name].binding
    yield column.summary
    yield f"Axes: {', '.join(map(str, column.shape))}." if column.shape else "One number."
    units = [binding.unit] if isinstance(binding.unit, str) else binding.unit
    if column.unit != "declared":
        yield f"Unit: {column.unit or '1'}."
    elif units:
        yield f"Units: {', '.join(canonical(unit) for unit in units)}."
    if binding.names:
        yield f"Numbers: {', '.join(binding.names)}."
    if column.frame and column.frame != "declared":
        yield f"Frame of reference: {column.frame}."
    if column.convention:
        yield f"Convention: {column.convention}."
    if column.range:
        yield f"Range: {column.range[0]:g} to {column.range[1]:g}."


def _field(of: str, name: str, kind: str | Sequence[str], description: str = "") -> dict[str, Any]:
    said: Mapping[str, str] = {"description": description} if description else {}
    return {"@type": "cr:Field", "@id": f"{of}/{name}", "name": name, **said, "dataType": kind}
