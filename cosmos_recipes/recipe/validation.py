"""Pydantic's errors as located problems: one per mistake, in words that name what was expected and what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from cosmos_recipes.diagnostics import Place, Problem, RecipeError
from cosmos_recipes.diagnostics.nearest import nearest
from cosmos_recipes.recipe.located import Key, Located, kind_of

Model = TypeVar("Model", bound=BaseModel)
PlaceOf = Callable[[Key, bool], Place | None]
"""Place of a path's value, or of its key; of the nearest enclosing block if it has none."""


def validate(model: type[Model], tree: Any, place_of: PlaceOf) -> Model:
    """Return `tree` as a `model`.

    Raises:
        RecipeError: every mistake, each at its place.
    """
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        problems = problems_of(error, model, tree, place_of)
    raise RecipeError(*problems)


def validate_located(
    model: type[Model], located: Located, *, path: Key = (), extra: Mapping[str, Any] | None = None
) -> Model:
    """Return the block at `path` of a file as a `model`, with `extra` keys added.

    Raises:
        RecipeError: every mistake, each at its place.
    """
    tree = _value(path, located.tree) if path else located.tree

    def place_of(key: Key, of_key: bool) -> Place | None:
        whole = (*path, *key)
        for length in range(len(whole), -1, -1):
            own = whole[:length]
            if own in located.values:
                return located.keys.get(own, located.values[own]) if of_key or length < len(whole) else located.values[own]
        return None

    return validate(model, {**tree, **(extra or {})}, place_of)


def problems_of(error: ValidationError, model: type[BaseModel], tree: Any, place_of: PlaceOf) -> list[Problem]:
    """Return one problem for each mistake that pydantic reports; the branches of a union are told as one."""
    grouped: dict[Key, list[Any]] = {}
    for detail in error.errors(include_url=False):
        path = _path(detail["loc"], tree, missing=detail["type"] in ("missing", "extra_forbidden"))
        grouped.setdefault(path, []).append(detail)
    # A branch of a union that was not meant complains about the whole value; the one that was, about what is inside.
    deepest = [path for path in grouped if not any(other != path and other[: len(path)] == path for other in grouped)]
    return [_problem(path, _chosen(grouped[path], path, tree), model, tree, place_of) for path in deepest]


def _path(loc: tuple[int | str, ...], tree: Any, *, missing: bool) -> Key:
    """Return the part of pydantic's location that is in the tree: it also names the branches of unions."""
    path: list[str] = []
    node = tree
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(node, Mapping) and part in node:
            node = node[part]
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        elif not (last and missing):
            continue
        path.append(str(part))
    return tuple(path)


def _chosen(details: list[Any], path: Key, tree: Any) -> list[Any]:
    """Of a union's branches keep those that the value's form points to."""
    if len(details) == 1:
        return details
    is_mapping = isinstance(_value(path, tree), Mapping)
    branches = [d for d in details if (d["type"] in ("model_type", "dict_type", "model_attributes_type")) != is_mapping]
    return branches or details


def _value(path: Key, tree: Any) -> Any:
    node = tree
    for part in path:
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


def _problem(path: Key, details: list[Any], model: type[BaseModel], tree: Any, place_of: PlaceOf) -> Problem:
    detail, dotted = details[0], ".".join(path)
    kind = detail["type"]
    if kind == "extra_forbidden":
        names = field_names(model_at(model, path[:-1]))
        close = nearest(path[-1], names)
        where = f"in `{'.'.join(path[:-1])}`" if path[:-1] else "at the top level"
        return Problem(
            code="CR130",
            message=f"there is no key `{path[-1]}` {where}",
            place=place_of(path, True),
            expected=f"one of {', '.join(names)}" if names else "no key here",
            hint=f"did you mean `{close}`?" if close else "remove it",
        )
    if kind == "missing":
        described = describe(model, path)
        return Problem(
            code="CR131",
            message=f"the key `{dotted}` is missing",
            place=place_of(path[:-1], True),
            expected=described or f"`{path[-1]}: ...`",
            hint=f"add `{path[-1]}:`" + (f" to `{'.'.join(path[:-1])}`" if path[:-1] else " at the top level"),
        )
    found = _value(path, tree)
    expected = " or ".join(dict.fromkeys(_expected(d) for d in details))
    options = [o for d in details for o in _options(d)]
    close = nearest(found, options) if isinstance(found, str) else None
    return Problem(
        code=_code(kind),
        message=f"{_COMPLAINTS.get(_code(kind), 'this value cannot be used')} for `{dotted}`",
        place=place_of(path, False),
        expected=expected,
        found=kind_of(found),
        hint=f"did you mean `{close}`?" if close else describe(model, path),
    )


_COMPLAINTS = {
    "CR132": "this is the wrong kind of value",
    "CR133": "this is not a quantity with the right unit",
    "CR134": "this value is out of range",
    "CR135": "this is not one of the possible values",
    "CR136": "this text does not have the right form",
    "CR137": "this text is too long",
    "CR138": "this value is refused",
}
_TYPES = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "model_type": "a block of keys",
    "model_attributes_type": "a block of keys",
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
}
_RANGES = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


_OTHER_CODES = {
    "literal_error": "CR135",
    "value_error": "CR133",
    "string_pattern_mismatch": "CR136",
    "string_too_long": "CR137",
    "string_too_short": "CR137",
}


def _code(kind: str) -> str:
    if kind in _TYPES:
        return "CR132"
    if kind in _RANGES:
        return "CR134"
    return _OTHER_CODES.get(kind, "CR138")


def _expected(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _TYPES:
        return _TYPES[kind]
    if kind in _RANGES:
        words, key = _RANGES[kind]
        return f"{words} {context[key]:g}"
    if kind == "literal_error":
        return f"{', '.join(_options(detail))}"
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    if kind in ("string_too_long", "string_too_short"):
        return str(detail["msg"]).lower().removeprefix("string should have ")
    if kind == "string_pattern_mismatch":
        return f"text of the form {context['pattern']}"
    return str(detail["msg"]).lower()


def _options(detail: Any) -> list[str]:
    if detail["type"] != "literal_error":
        return []
    return [option.strip(" '") for option in detail["ctx"]["expected"].replace(" or ", ", ").split(",")]


def field_names(model: type[BaseModel] | None) -> list[str]:
    """Return the keys of a block as a person writes them."""
    return [] if model is None else [info.alias or name for name, info in model.model_fields.items()]


def describe(model: type[BaseModel], path: Key) -> str:
    """Return the sentence that documents the field at `path`, or an empty string."""
    block = model_at(model, path[:-1])
    for name, info in block.model_fields.items() if block else ():
        if (info.alias or name) == path[-1]:
            return (info.description or "").rstrip(".")
    return ""


def model_at(model: type[BaseModel] | None, path: Key) -> type[BaseModel] | None:
    """Return the block that holds the keys at `path`, or None where keys are free."""
    for part in path:
        if model is None:
            return None
        infos = {info.alias or name: info for name, info in model.model_fields.items()}
        model = _model_in(infos[part].annotation) if part in infos else None
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)
