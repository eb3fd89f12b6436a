"""What a data set file says of the columns of its contract, checked against the contract without a look at the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from cosmos_recipes.data.binding.spec import ColumnBinding
from cosmos_recipes.data.binding.units import UNITS, canonical
from cosmos_recipes.data.contract import VIEWS, Column, Schema, element_axes
from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.geometry.presets import INTRINSICS_PRESETS, POSE_PRESETS
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail, nearest
from cosmos_recipes.recipe.places import Key, PlaceOf
from cosmos_recipes.recipe.validation import FROM_YAML, validate

ConventionT = TypeVar("ConventionT", bound=BaseModel)
POSE_NUMBERS = {"position-quaternion": 7, "position-euler": 6, "position-axis-angle": 6, "position-rot6d": 9}
"""How many numbers of an action are a pose, by its form."""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A column with all that is said of it; `convention` and `mount` are checked."""

    name: str
    column: Column
    binding: ColumnBinding
    convention: PoseConvention | IntrinsicsConvention | None = None
    mount: PoseConvention | None = None


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A contract and how a data set keeps it. `views` are the source's names by those of the contract, if they are said."""

    schema: Schema
    views: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Declared] = field(default_factory=dict)

    def choose_views(self, theirs: Iterable[str], recording: str) -> dict[str, str]:
        """Return the source's view for each of the contract's, in the contract's order.

        Raises:
            RecipeError: the recording has no such view, or has several where the contract has one (CR516).
        """
        own, theirs = self.schema.own_views, tuple(theirs)
        chosen = dict(self.views)
        if not chosen:
            one = own is not None and len(own) == len(theirs) == 1
            chosen = dict(zip(own or theirs, theirs if one else own or theirs, strict=True))
        missing = [view for view in chosen.values() if view not in theirs]
        if missing:
            fail(
                "CR516",
                f"the recording {recording} has no view called `{missing[0]}`",
                expected=f"`views:` a name for each view that is used, of {', '.join(theirs)}",
                found=", ".join(chosen.values()),
                hint="say under `views` which of the source's views is which",
            )
        return {name: chosen[name] for name in own} if own else chosen

    @property
    def texts(self) -> dict[str, str]:
        """The source's name of each text column."""
        named = {name: name for name, column in self.schema.columns.items() if column.kind == "text"}
        return named | {name: said.binding.sources[0] for name, said in self.columns.items() if name in named}

    @property
    def numbers(self) -> dict[str, Declared]:
        """The columns of numbers that are bound."""
        return {name: said for name, said in self.columns.items() if said.column.kind in ("tensor", "scalar")}


def declare(
    schema: Schema, views: Mapping[str, str], columns: Mapping[str, str | ColumnBinding], place_of: PlaceOf
) -> Declaration:
    """Return the declaration.

    Raises:
        RecipeError: every column or view that the contract does not have, every one that it needs and that is not
            bound, and every setting that is missing or would be ignored (CR514 to CR516).
    """
    checker = _Checker(schema, place_of)
    problems = [*checker.names(columns), *checker.views(views)]
    declared: dict[str, Declared] = {}
    for name, said in columns.items():
        if name in schema.columns and schema.columns[name].kind != "video":
            binding = said if isinstance(said, ColumnBinding) else ColumnBinding.model_validate({"from": said})
            try:
                declared[name] = checker.declared(name, binding)
            except RecipeError as error:
                problems += error.problems
    if problems:
        raise RecipeError(*problems)
    return Declaration(schema=schema, views=dict(views), columns=declared)


def declaration_of(schema: Schema, views: Mapping[str, str], bindings: Mapping[str, Any]) -> Declaration:
    """Return the declaration that a plan holds, which was checked when it was made."""
    columns = {name: ColumnBinding.model_validate(binding, context=FROM_YAML) for name, binding in bindings.items()}
    return declare(schema, views, columns, lambda key, of_key: None)


class _Checker:
    def __init__(self, schema: Schema, place_of: PlaceOf) -> None:
        self.schema, self.place_of = schema, place_of

    def names(self, columns: Mapping[str, Any]) -> Iterator[Problem]:
        known = self.schema.columns
        for name in columns:
            if name not in known or known[name].kind == "video":
                bindable = [other for other, column in known.items() if column.kind != "video"]
                close = nearest(name, bindable)
                hint = (
                    "videos are bound under `views`" if name in known else f"did you mean `{close}`?" if close else ""
                )
                yield self._problem(
                    "CR514",
                    f"the contract {self.schema.name} has no column `{name}` to bind",
                    ("columns", name),
                    expected=f"one of {', '.join(bindable)}",
                    found=name,
                    hint=hint or "remove it, or use another contract",
                    of_key=True,
                )
        for name, column in known.items():
            if column.required and column.kind in ("tensor", "scalar") and name not in columns:
                yield self._problem(
                    "CR514",
                    f"the column `{name}`, which the contract {self.schema.name} needs, is not bound",
                    ("columns",),
                    expected=f"`columns: {{{name}: {{from: …}}}}`",
                    hint="name the source's values that it comes from",
                )

    def views(self, views: Mapping[str, str]) -> Iterator[Problem]:
        own = self.schema.own_views
        wrong = [name for name in views if own is not None and name not in own]
        missing = [name for name in own or () if views and name not in views]
        if wrong or missing:
            yield self._problem(
                "CR516",
                f"the contract {self.schema.name} has the view{'s' if len(own or ()) > 1 else ''} {', '.join(own or ())}",
                ("views", *wrong[:1]),
                expected=", ".join(f"`{name}: …`" for name in own or ()),
                found=", ".join(views),
                hint="use the contract's names on the left, the source's on the right",
                of_key=bool(wrong),
            )
        if len(set(views.values())) < len(views):
            yield self._problem(
                "CR516",
                "a view of the source is used twice",
                ("views",),
                expected="each view once",
                found=", ".join(views.values()),
            )

    def declared(self, name: str, binding: ColumnBinding) -> Declared:
        column = self.schema.columns[name]
        problems = [*self._settings(name, column, binding), *self._units(name, column, binding)]
        convention: PoseConvention | IntrinsicsConvention | None = None
        mount: PoseConvention | None = None
        key: Key = ("columns", name, "convention")
        try:
            if binding.convention is not None and not problems:
                is_intrinsics = column.convention == "intrinsics"
                convention = (
                    self._convention(IntrinsicsConvention, INTRINSICS_PRESETS, binding.convention, key)
                    if is_intrinsics
                    else self._pose(column, binding, key)
                )
            if binding.mounted_on and not problems:
                key = ("columns", name, "mounted_on", "convention")
                mount = self._convention(PoseConvention, POSE_PRESETS, binding.mounted_on.convention, key)
                self._require_direction(mount, ("ego-to-world", "world-to-ego"), key)
        except RecipeError as error:
            problems += error.problems
        if problems:
            raise RecipeError(*problems)
        return Declared(name=name, column=column, binding=binding, convention=convention, mount=mount)

    def _pose(self, column: Column, binding: ColumnBinding, key: Key) -> PoseConvention:
        convention = self._convention(PoseConvention, POSE_PRESETS, binding.convention or {}, key)
        allowed = {
            "world-to-camera": ("camera-to-world", "world-to-camera"),
            "future-points": ("ego-to-world", "world-to-ego"),
        }.get(column.convention or "", ("end-effector-to-base",))
        self._require_direction(convention, allowed, key)
        if column.belongs_to != "step":
            return convention
        if convention.form not in POSE_NUMBERS:
            self._fail(key, "an action's pose is not a matrix", f"one of {', '.join(POSE_NUMBERS)}", convention.form)
        forms = binding.form if isinstance(binding.form, tuple) else ()
        if len({*forms[: POSE_NUMBERS[convention.form]]}) > 1:
            place: Key = (*key[:-1], "form")
            self._fail(place, "the numbers of a pose change together", "one form for all of them", ", ".join(forms))
        # The numbers come in the units that `unit` says, and are canonical by then.
        return convention.model_copy(update={"length_unit": "m", "angle_unit": convention.angle_unit and "rad"})

    def _require_direction(self, convention: PoseConvention, allowed: tuple[str, ...], key: Key) -> None:
        if convention.direction not in allowed:
            self._fail(key, "poses of another direction are needed here", " or ".join(allowed), convention.direction)

    def _convention(
        self, model: type[ConventionT], presets: Mapping[str, ConventionT], said: str | dict[str, Any], key: Key
    ) -> ConventionT:
        if isinstance(said, dict):
            return validate(model, said, lambda below, of_key: self.place_of((*key, *below), of_key))
        if said not in presets:
            close = nearest(said, presets)
            hint = f"did you mean `{close}`?" if close else "name a preset, or give the parts"
            self._fail(key, f"no convention is called `{said}`", f"one of {', '.join(presets)}", said, hint)
        return presets[said]

    def _settings(self, name: str, column: Column, binding: ColumnBinding) -> list[Problem]:
        given = {setting for setting in binding.model_fields_set if getattr(binding, setting) is not None} - {"source"}
        needed, allowed = _settings_of(column)
        if column.belongs_to == "step" and binding.convention is None:
            allowed -= {"relative_to"}
        ignored = [
            self._problem(
                "CR515",
                f"`{setting}` would be ignored: the column `{name}` has no use for it",
                ("columns", name, setting),
                expected=f"`from`, {', '.join(sorted(needed | allowed))}" if needed | allowed else "nothing but `from`",
                hint="remove it",
                of_key=True,
            )
            for setting in sorted(given - needed - allowed)
        ]
        missing = [
            self._problem(
                "CR515",
                f"the column `{name}` is bound without `{setting}`",
                ("columns", name),
                expected=_EXPECTED[setting],
                hint=f"add `{setting}`: nothing in the data says it",
                of_key=True,
            )
            for setting in sorted(needed - given)
        ]
        many = len(binding.sources) > 1 and not (column.is_per_view or _can_be_joined(column))
        return [*ignored, *missing, *([self._several(name)] if many else [])]

    def _several(self, name: str) -> Problem:
        return self._problem(
            "CR515", f"`{name}` comes from one value", ("columns", name, "from"), expected="one name under `from`"
        )

    def _units(self, name: str, column: Column, binding: ColumnBinding) -> Iterator[Problem]:
        units = (binding.unit,) if isinstance(binding.unit, str) else binding.unit or ()
        for position, unit in enumerate(units):
            wrong = unit not in UNITS or (column.unit not in (None, "declared") and canonical(unit) != column.unit)
            if wrong:
                fitting = [other for other in UNITS if column.unit in (None, "declared", canonical(other))]
                key: Key = ("columns", name, "unit") + (() if isinstance(binding.unit, str) else (str(position),))
                yield self._problem(
                    "CR519",
                    f"`{unit}` is no unit of `{name}`",
                    key,
                    expected=f"one of {', '.join(fitting)}",
                    found=unit,
                    hint='`"1"` is for numbers without a unit',
                )
        lists = {setting: getattr(binding, setting) for setting in ("select", "names", "unit", "form")}
        counts = {setting: len(given) for setting, given in lists.items() if isinstance(given, tuple)}
        if len({*counts.values()}) > 1:
            yield self._problem(
                "CR519",
                f"the settings of `{name}` are for different counts of numbers",
                ("columns", name, next(iter(counts))),
                expected="one for each number in every list, or one unit or form for all",
                found=" and ".join(f"{count} under `{setting}`" for setting, count in counts.items()),
            )

    def _fail(self, key: Key, message: str, expected: str, found: str, hint: str = "") -> None:
        raise RecipeError(self._problem("CR515", message, key, expected=expected, found=found, hint=hint))

    def _problem(
        self, code: str, message: str, key: Key, *, expected: str, found: str = "", hint: str = "", of_key: bool = False
    ) -> Problem:
        place: Place | None = self.place_of(key, of_key)
        return Problem(code=code, message=message, place=place, expected=expected, found=found, hint=hint)


_EXPECTED = {
    "unit": "`unit:` one, or one for each number, such as [m, m, rad, '1']",
    "form": "`form:` absolute, delta or difference; one, or one for each number",
    "convention": "`convention:` a preset's name, or its parts",
}


def _settings_of(column: Column) -> tuple[set[str], set[str]]:
    """Return the settings that a column needs, and those that it may have besides."""
    if column.kind == "text":
        return set(), set()
    if column.convention == "world-to-camera":
        return {"convention"}, {"mounted_on"}
    if column.convention == "intrinsics":
        return {"convention"}, set()
    if column.convention == "future-points":
        return {"convention"}, {"points", "rate"}
    needed = ({"unit"} if column.unit == "declared" else set()) | ({"form"} if column.belongs_to == "step" else set())
    rows = {"select"} if element_axes(column) else set()
    allowed = {"unit", "names", *rows} | ({"convention", "relative_to"} if column.belongs_to == "step" else set())
    return needed, allowed - needed


def _can_be_joined(column: Column) -> bool:
    return column.kind == "tensor" and column.convention is None and VIEWS not in column.shape
