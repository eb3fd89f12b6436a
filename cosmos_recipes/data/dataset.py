"""A data set file binds a source to a schema; a folder of videos or one video is a data set without a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cosmos_recipes.data.binding.alike import difference
from cosmos_recipes.data.binding.declare import Declaration, declare
from cosmos_recipes.data.binding.spec import ColumnBinding, ColumnStatistics, Normalisation, Splits
from cosmos_recipes.data.binding.unfilled import require_filled
from cosmos_recipes.data.contract import Schema, load_schema
from cosmos_recipes.data.licences import UNKNOWN, known_as
from cosmos_recipes.data.sources import Source, source_class, source_names
from cosmos_recipes.data.sources.base import VIDEO_SUFFIXES
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail, nearest
from cosmos_recipes.recipe.library import find, is_path, names, packaged
from cosmos_recipes.recipe.located import Located
from cosmos_recipes.recipe.paths import folder_of, path_in
from cosmos_recipes.recipe.places import Key, PlaceOf
from cosmos_recipes.recipe.referred import read_referred
from cosmos_recipes.recipe.spec import Name
from cosmos_recipes.recipe.validation import validate, validate_located

Folders = Path | Callable[[Key], Path]
"""What relative paths start from: a folder, or that of each key of a data set that is written inline."""
Weight = Annotated[float, Field(gt=0, le=1_000_000)]


class DatasetFile(BaseModel):
    """A declared data set: `datasets/NAME.yaml`, or the same keys inline in a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field("inline", alias="dataset", description="The data set's name.")
    summary: str = Field("", description="What is in it, in a sentence.")
    schema_name: Name = Field(alias="schema", description="The contract that its rows keep.")
    source: dict[str, Any] | None = Field(
        None, description="Where rows come from: `kind` names the source, the other keys are its settings."
    )
    mix: dict[str, Weight] | None = Field(
        None,
        min_length=2,
        description="Instead of a source: data sets of the same contract by name or path, and the weight of each in every batch.",
    )
    views: dict[Name, str] = Field(
        default_factory=dict,
        description="The source's name of each view of the contract, in the order in which the model sees them unless the contract names them; by default all, by the source's names.",
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
    licence: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        UNKNOWN, description="Licence of the data, as an SPDX identifier in lower case where there is one."
    )
    revision: str | None = Field(None, description="Revision of data that has several.")

    @classmethod
    def keys(cls) -> frozenset[str]:
        """Return the keys of its file."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items())

    @model_validator(mode="after")
    def _is_one_or_a_mixture(self) -> Self:
        if (self.source is None) == (self.mix is None):
            raise ValueError("either `source` or `mix`")
        own = ("views", "columns", "splits", "normalise", "statistics", "on_missing", "revision")
        if self.mix and (ignored := [name for name in own if name in self.model_fields_set]):
            raise ValueError(f"no `{ignored[0]}` beside `mix`: each of its data sets says its own")
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundDataset:
    """A data set with its source's settings and its columns checked, and its paths made absolute.

    `columns_at` is where its file says what its columns are.
    """

    file: DatasetFile
    kind: str
    source: Source
    declaration: Declaration
    path: Path | None
    columns_at: Place | None = None

    @property
    def schema(self) -> Schema:
        """The contract."""
        return self.declaration.schema


@dataclass(frozen=True, kw_only=True, slots=True)
class Mixture:
    """One data set or several, and the share of each in every batch; `file` is that of the one, or of the mixture."""

    file: DatasetFile
    path: Path | None
    sets: tuple[tuple[BoundDataset, float], ...]

    @property
    def declaration(self) -> Declaration:
        """How the first of them keeps the contract."""
        return self.sets[0][0].declaration


def load_mixture(use: str | dict[str, Any], *, relative_to: Folders, place: Place | None = None) -> Mixture:
    """Return the data sets that a recipe names, which are one, or those of a file with `mix`.

    Raises:
        RecipeError: as `load_dataset`; or a data set of the mixture keeps another contract, or is a mixture (CR594).
    """
    found = _find(use, relative_to, place)
    if not isinstance(found, _Found) or found.file.mix is None:
        dataset = load_dataset(use, relative_to=relative_to, place=place)
        return Mixture(file=dataset.file, path=dataset.path, sets=((dataset, 1.0),))
    sets: list[tuple[BoundDataset, float]] = []
    problems: list[Problem] = []
    for name, weight in found.file.mix.items():
        try:
            sets.append((_part(found, name), weight))
        except RecipeError as error:
            problems += error.problems
    if problems or (problems := list(_mixed_problems(found, [dataset for dataset, _ in sets]))):
        raise RecipeError(*problems)
    return Mixture(file=found.file, path=found.path, sets=tuple(sets))


def _mixed_problems(found: _Found, sets: Sequence[BoundDataset]) -> Iterator[Problem]:
    """Yield what does not go together: a model takes the clips of any of them as the same."""
    first = sets[0]
    for name, own, earlier in zip(
        found.file.mix or (), sets, (sets[:number] for number in range(len(sets))), strict=True
    ):
        said = f"the data set {own.file.name} of the mixture"
        place = found.place_of(("mix", name), True)
        if own.file.name in [each.file.name for each in earlier]:
            yield Problem(
                code="CR594", message=f"{said} is there twice", place=place, expected="another `dataset:` in each file"
            )
        elif differs := difference(first.declaration, own.declaration):
            column, wanted, given = differs
            message = f"`{column}` does not mean the same in {said} as in {first.file.name}"
            hint = "bind both alike, or train on one of them"
            yield Problem(code="CR594", message=message, place=place, expected=wanted, found=given, hint=hint)
        elif own.file.normalise != first.file.normalise:
            message = f"{said} is not normalised as {first.file.name} is"
            wanted, given = (
                ", ".join(f"{n}: {how}" for n, how in each.file.normalise.items()) or "nothing" for each in (first, own)
            )
            yield Problem(code="CR594", message=message, place=place, expected=wanted, found=given)


def _part(found: _Found, name: str) -> BoundDataset:
    where = found.place_of(("mix", name), True)
    part = load_dataset(name, relative_to=_folder(found.folder, ("mix", name)), place=where)
    if part.file.schema_name != found.file.schema_name:
        fail(
            "CR594",
            f"the data set {name} keeps another contract than the mixture",
            place=where,
            expected=found.file.schema_name,
            found=part.file.schema_name,
            hint="mix data sets of one contract",
        )
    return part


def load_dataset(use: str | dict[str, Any], *, relative_to: Folders, place: Place | None = None) -> BoundDataset:
    """Return the data set that a recipe names: a name, a file, a folder of videos, one video, or keys inline.

    Raises:
        RecipeError: there is none, or its file or its settings are wrong.
    """
    found = _find(use, relative_to, place)
    if not isinstance(found, _Found):
        return _videos(found, place)
    if found.file.mix is not None:
        fail(
            "CR594",
            f"{found.file.name} is a mixture, where one data set is needed",
            place=place or found.place_of(("mix",), True),
            expected="a data set with a source",
            found=f"mix of {', '.join(found.file.mix)}",
            hint="name its data sets one by one",
        )
    return _bind(found, place)


def from_anywhere(use: str | dict[str, Any], *, relative_to: Folders) -> str | dict[str, Any]:
    """Return what names the same data set whatever the folder of the recipe and the one that is worked in.

    Raises:
        RecipeError: as `load_dataset`.
    """
    found = _find(use, relative_to, None)
    if not isinstance(found, _Found):
        return str(found.resolve())
    if isinstance(use, str):
        if found.path is None or (not is_path(use) and found.path.parent.samefile(packaged("datasets"))):
            return use
        return str(found.path.resolve())
    if found.file.mix is not None:
        folders = {name: _folder(relative_to, ("mix", name)) for name in found.file.mix}
        return {**use, "mix": {from_anywhere(n, relative_to=folders[n]): each for n, each in found.file.mix.items()}}
    kind, source = _source(found.file, relative_to, found.place_of)
    settings = source.model_dump(mode="json", include=set(use["source"]))
    return {**use, "source": {"kind": kind, **settings}}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A data set file, where it lies, and where each of its values stands."""

    file: DatasetFile
    located: Located
    folder: Folders
    path: Path | None
    place: Place | None

    def place_of(self, key: Key, of_key: bool) -> Place | None:
        return _near(self.located, key, of_key) or self.place


def _folder(folders: Folders, key: Key = ()) -> Path:
    return folders if isinstance(folders, Path) else folders(key)


def _find(use: str | dict[str, Any], relative_to: Folders, place: Place | None) -> _Found | Path:
    """Return the file of a data set, or the path of videos."""
    if isinstance(use, dict):
        file = validate(DatasetFile, use, lambda key, of_key: place)
        return _Found(file=file, located=Located(use, {}, {}), folder=relative_to, path=None, place=place)
    folder = _folder(relative_to)
    path = path_in(folder, use, place=place) if is_path(use) and not use.startswith("hf://") else folder / use
    if (
        (is_path(use) or use not in names("datasets"))
        and not use.endswith((".yaml", ".yml"))
        and (path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES)
        and ("/" in use or path.exists())
    ):
        return path
    found = find("datasets", use, relative_to=folder, place=place)
    if found.is_dir():
        return found
    located = read_referred(found, "data set", keys=DatasetFile.keys(), folder=folder, place=place)
    if "recipe" in located.tree:
        fail(
            "CR200",
            f"{found.name} is a recipe, not a data set",
            place=place or Place(file=str(found)),
            expected="a data set: a name, a data set file, a folder of videos or one video",
            hint="name a recipe with `--recipe`, or the data set that it uses",
        )
    require_filled(located.tree, located.place_of)
    file = validate_located(DatasetFile, located)
    return _Found(file=file, located=located, folder=folder_of(found), path=found, place=place)


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


def _bind(found: _Found, place: Place | None) -> BoundDataset:
    file, place_of = found.file, found.place_of
    kind, source, declaration = "", None, None
    problems = [*_licence_problems(file, place_of), *_statistics_problems(file, place_of)]
    try:
        kind, source = _source(file, found.folder, place_of)
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
    at = place_of(("columns",), True)
    return BoundDataset(file=file, kind=kind, source=source, declaration=declaration, path=found.path, columns_at=at)


def _source(file: DatasetFile, folders: Folders, place_of: PlaceOf) -> tuple[str, Source]:
    said = file.source or {}
    kind = str(said.get("kind"))
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
    settings = {key: value for key, value in said.items() if key != "kind"}
    source_type = source_class(kind)
    if "on_missing" in source_type.model_fields:
        settings.setdefault("on_missing", file.on_missing)
    source = validate(source_type, settings, lambda key, of_key: place_of(("source", *key), of_key))
    return kind, _absolute(source, said, folders, place_of)


def _absolute(source: Source, said: Mapping[str, Any], folders: Folders, place_of: PlaceOf) -> Source:
    """Return the source with each setting's path taken from the folder of whatever says it."""
    for name in source.paths:
        key = ("source", name) if name in said else ()
        source = source.absolute(_folder(folders, key), name, place=place_of(("source", name), False))
    return source


def _licence_problems(file: DatasetFile, place_of: PlaceOf) -> Iterator[Problem]:
    """A licence that has an identifier and is written otherwise, by which it would be taken for one of its own."""
    known = known_as(file.licence)
    if known is not None and known != file.licence:
        yield Problem(
            code="CR576",
            message=f"the licence of the data set {file.name} is not written as its identifier",
            place=place_of(("licence",), False),
            expected=known,
            found=file.licence,
            hint=f"write `licence: {known}`",
        )


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
                    hint="only plain numbers are normalised" if name in schema.columns else "correct the name",
                )


def _near(located: Located, key: tuple[str, ...], of_key: bool) -> Place | None:
    for length in range(len(key), 0, -1):
        found = (located.keys if of_key or length < len(key) else located.values).get(key[:length])
        if found:
            return found
    return None
