"""A data set file binds a source to a schema; a folder of videos or one video is a data set without a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cosmos_recipes.data.binding.declare import Declaration, declare
from cosmos_recipes.data.binding.spec import ColumnBinding, ColumnStatistics, Normalisation, Splits
from cosmos_recipes.data.binding.unfilled import require_filled
from cosmos_recipes.data.contract import Schema, load_schema
from cosmos_recipes.data.sources import Source, source_class, source_names
from cosmos_recipes.data.sources.base import VIDEO_SUFFIXES
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail, nearest
from cosmos_recipes.recipe.library import find
from cosmos_recipes.recipe.located import Located, read_located
from cosmos_recipes.recipe.places import Key, PlaceOf
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
    views: dict[Name, str] = Field(
        default_factory=dict,
        description="The source's name of each view of the contract, in the order in which the model sees them; by default all, by the source's names.",
    )
    columns: dict[Name, str | ColumnBinding] = Field(
        default_factory=dict,
        description="Where each column of the contract comes from: the source's name, or {from: NAME, ...} with units and conventions.",
    )
    splits: Splits | None = Field(
        None, description="Which recordings are held out; by default those of the source, or one in ten."
    )
    normalise: dict[Name, Normalisation] = Field(
        default_factory=dict, description="Columns of numbers that the model sees normalised, and how."
    )
    statistics: dict[Name, ColumnStatistics] = Field(
        default_factory=dict,
        description="Statistics of columns, as `cosmos-recipe data describe` writes them; by default those of the training split.",
    )
    on_missing: Literal["error", "drop"] = Field(
        "error",
        description="What is done with a recording that cannot be used: `error` stops and names all of them, `drop` goes on without.",
    )
    licence: str = Field(
        "unknown", description="Licence of the data, as an SPDX identifier in lower case where there is one."
    )
    revision: str | None = Field(None, description="Revision of data that has several.")


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundDataset:
    """A data set with its source's settings and its columns checked, and its paths made absolute."""

    file: DatasetFile
    kind: str
    source: Source
    declaration: Declaration
    path: Path | None

    @property
    def schema(self) -> Schema:
        """The contract."""
        return self.declaration.schema


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
    require_filled(located.tree, located.place_of)
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
        on_missing="drop",
    )
    source: Any = source_class("folder")
    declaration = Declaration(schema=load_schema(file.schema_name))
    return BoundDataset(
        file=file, kind="folder", source=source(path=str(path.resolve())), declaration=declaration, path=None
    )


def _bind(file: DatasetFile, located: Located, folder: Path, path: Path | None, place: Place | None) -> BoundDataset:
    def place_of(key: Key, of_key: bool) -> Place | None:
        return _near(located, key, of_key) or place

    source, declaration, problems = None, None, list(_statistics_problems(file, place_of))
    try:
        source = _source(file, folder, place_of, place)
    except RecipeError as error:
        problems += error.problems
    try:
        schema = load_schema(file.schema_name, place=place_of(("schema",), False))
        problems += _normalise_problems(file, schema, place_of)
        declaration = declare(schema, file.views, file.columns, place_of)
    except RecipeError as error:
        problems += error.problems
    if source is None or declaration is None or problems:
        raise RecipeError(*problems)
    return BoundDataset(file=file, kind=file.source["kind"], source=source, declaration=declaration, path=path)


def _source(file: DatasetFile, folder: Path, place_of: PlaceOf, place: Place | None) -> Source:
    kind = file.source.get("kind")
    if kind not in source_names():
        close = nearest(str(kind), source_names())
        fail(
            "CR501",
            f"there is no source called `{kind}`",
            place=place_of(("source", "kind"), False),
            expected=f"`kind:` one of {', '.join(source_names())}",
            found=str(kind),
            hint=f"did you mean `{close}`?" if close else "name the kind of source",
        )
    settings = {key: value for key, value in file.source.items() if key != "kind"}
    source_type = source_class(kind)
    if "on_missing" in source_type.model_fields:
        settings.setdefault("on_missing", file.on_missing)
    source = validate(source_type, settings, lambda key, of_key: place_of(("source", *key), of_key))
    return source.absolute(folder)


def _statistics_problems(file: DatasetFile, place_of: PlaceOf) -> Iterator[Problem]:
    for name, statistics in file.statistics.items():
        lengths = {len(getattr(statistics, field)) for field in ("mean", "std", "min", "max", "q01", "q99")}
        if len(lengths) > 1:
            yield Problem(
                code="CR515",
                message=f"the statistics of `{name}` are of different lengths",
                place=place_of(("statistics", name), True),
                expected="a number for each number of the column in every list",
                hint="let `cosmos-recipe data describe` write them",
            )


def _normalise_problems(file: DatasetFile, schema: Schema, place_of: PlaceOf) -> Iterator[Problem]:
    plain = [name for name, column in schema.columns.items() if column.kind == "tensor" and column.convention is None]
    for block in ("normalise", "statistics"):
        for name in getattr(file, block):
            if name not in plain or name not in file.columns:
                bound = [other for other in plain if other in file.columns]
                yield Problem(
                    code="CR514",
                    message=f"`{block}` names `{name}`, which is no bound column of plain numbers",
                    place=place_of((block, name), True),
                    expected=f"one of {', '.join(bound)}" if bound else "a column of numbers that is bound",
                    found=name,
                    hint="poses and intrinsics are never normalised" if name in schema.columns else "correct the name",
                )


def _near(located: Located, key: tuple[str, ...], of_key: bool) -> Place | None:
    for length in range(len(key), 0, -1):
        found = (located.keys if of_key or length < len(key) else located.values).get(key[:length])
        if found:
            return found
    return None
