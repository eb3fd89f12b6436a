"""A data set file binds a source to a schema; a folder of videos or one video is a data set without a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cosmos_recipes.data.sources import Source, source_class, source_names
from cosmos_recipes.data.sources.base import VIDEO_SUFFIXES
from cosmos_recipes.diagnostics import Place, fail, nearest
from cosmos_recipes.recipe.library import find
from cosmos_recipes.recipe.located import Located, read_located
from cosmos_recipes.recipe.spec import Name
from cosmos_recipes.recipe.validation import validate, validate_located


class DatasetFile(BaseModel):
    """A declared data set: `datasets/NAME.yaml`, or the same keys inline in a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field("inline", alias="dataset", description="The data set's name.")
    summary: str = Field("", description="What is in it, in a sentence.")
    schema_name: Name = Field(alias="schema", description="The contract that its rows keep.")
    source: dict[str, Any] = Field(
        description="Where rows come from: `kind` names the source, the other keys are its settings."
    )
    licence: str = Field(
        "unknown", description="Licence of the data, as an SPDX identifier in lower case where there is one."
    )
    revision: str | None = Field(None, description="Revision of data that has several.")


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundDataset:
    """A data set with its source's settings checked and its paths made absolute."""

    file: DatasetFile
    kind: str
    source: Source
    path: Path | None


def load_dataset(use: str | dict[str, Any], *, relative_to: Path, place: Place | None = None) -> BoundDataset:
    """Return the data set that a recipe names: a name, a file, a folder of videos, one video, or keys inline.

    Raises:
        RecipeError: there is none, or its file or its settings are wrong.
    """
    if isinstance(use, dict):
        return _bind(
            validate(DatasetFile, use, lambda key, of_key: place), Located(use, {}, {}), relative_to, None, place
        )
    path = relative_to / Path(use).expanduser() if not use.startswith("hf://") else Path(use)
    if (
        not use.endswith((".yaml", ".yml"))
        and (path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES)
        and ("/" in use or path.exists())
    ):
        return _videos(path, place)
    found = find("datasets", use, relative_to=relative_to, place=place)
    if found.is_dir():
        return _videos(found, place)
    located = read_located(found)
    return _bind(validate_located(DatasetFile, located), located, found.parent, found, place)


def _videos(path: Path, place: Place | None) -> BoundDataset:
    if not path.exists():
        fail(
            "CR500",
            f"there is no folder or video {path}",
            place=place,
            expected="a path that exists",
            hint="paths in a recipe are relative to the recipe, those of --set to the working directory",
        )
    name = "".join(c if c.isalnum() else "-" for c in path.resolve().stem.lower()).strip("-") or "videos"
    file = DatasetFile(
        dataset=name[:64],
        summary=f"Videos of the folder {path.name}",
        schema="instruction-video",
        source={"kind": "folder"},
    )
    source: Any = source_class("folder")
    return BoundDataset(file=file, kind="folder", source=source(path=str(path.resolve())), path=None)


def _bind(file: DatasetFile, located: Located, folder: Path, path: Path | None, place: Place | None) -> BoundDataset:
    kind = file.source.get("kind")
    where = located.values.get(("source", "kind")) or located.values.get(("source",)) or place
    if kind not in source_names():
        close = nearest(str(kind), source_names())
        fail(
            "CR501",
            f"there is no source called `{kind}`",
            place=where,
            expected=f"`kind:` one of {', '.join(source_names())}",
            found=str(kind),
            hint=f"did you mean `{close}`?" if close else "name the kind of source",
        )
    settings = {key: value for key, value in file.source.items() if key != "kind"}
    source_type = source_class(kind)
    source = validate(source_type, settings, lambda key, of_key: _near(located, ("source", *key), of_key) or place)
    return BoundDataset(file=file, kind=kind, source=source.absolute(folder), path=path)


def _near(located: Located, key: tuple[str, ...], of_key: bool) -> Place | None:
    for length in range(len(key), 0, -1):
        found = (located.keys if of_key or length < len(key) else located.values).get(key[:length])
        if found:
            return found
    return None
