"""The sentence of every field of our files, by the path of its key: reference pages and hover texts read them.

The sentences are those of the typed language itself; nothing is written here twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from json import dumps
from typing import Any, Literal

Path = tuple[str, ...]
"""Keys from the top of a file; `*` stands for a name that is chosen freely."""
FileKind = Literal["recipe", "dataset", "schema"]
ANY = "*"

Node = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Field:
    """A key: its sentence, the values that it takes, and its default in words, empty where it is needed."""

    path: Path
    sentence: str
    takes: str
    default: str

    @property
    def anchor(self) -> str:
        """What a link to the field on its page ends in."""
        return "-".join(self.path).replace(ANY, "name").replace("_", "-")

    @property
    def dotted(self) -> str:
        """The path as `--set` has it."""
        return ".".join("NAME" if key == ANY else key for key in self.path)


@cache
def fields_of(kind: FileKind) -> tuple[Field, ...]:
    """Return the fields of recipes, of data set files or of contracts, each block before what is in it."""
    if kind == "recipe":
        from cosmos_recipes.recipe.spec import RecipeFile

        return tuple(_fields(RecipeFile.model_json_schema(), ()))
    if kind == "schema":
        from cosmos_recipes.data.contract import Schema

        return tuple(_fields(Schema.model_json_schema(), ()))
    from cosmos_recipes.data.json_schemas import dataset_json_schema

    tree = dataset_json_schema()
    # Which settings there are hangs on the kind of source: those follow, below a key for each.
    del tree["properties"]["source"]["allOf"], tree["properties"]["source"]["properties"]
    return (*_merged(_fields(tree, ())), *_sources())


@cache
def field_at(kind: FileKind, path: Path) -> Field | None:
    """Return the field whose path this is, a freely chosen name being any; None where there is none."""
    return next((field for field in fields_of(kind) if _is_at(field.path, path)), None)


def _is_at(pattern: Path, path: Path) -> bool:
    return len(pattern) == len(path) and all(key in (ANY, own) for key, own in zip(pattern, path, strict=True))


def _merged(fields: Iterator[Field]) -> Iterator[Field]:
    """Yield one field for each path: conventions of poses and of intrinsics share keys, and may stand at one place."""
    by_path: dict[Path, Field] = {}
    for field in fields:
        known = by_path.setdefault(field.path, field)
        if known.sentence != field.sentence:
            by_path[field.path] = replace(
                known, sentence=f"{known.sentence} {field.sentence}", takes=f"{known.takes} or {field.takes}"
            )
    return iter(by_path.values())


def _sources() -> Iterator[Field]:
    """Yield the settings of every installed source, below a key of its own: sources share names such as `path`."""
    from cosmos_recipes.data.sources import own_source_names, source_class

    kinds = own_source_names()
    takes = " or ".join(f"`{kind}`" for kind in kinds)
    yield Field(
        path=("source", "kind"), sentence="Which source it is; each has settings of its own.", takes=takes, default=""
    )
    for kind in kinds:
        yield from _fields(source_class(kind).model_json_schema(), ("source", kind))


def _fields(tree: Node, above: Path) -> Iterator[Field]:
    return _walk(tree, tree.get("$defs", {}), above)


def _walk(block: Node, known: Node, above: Path) -> Iterator[Field]:
    for option in block.get("anyOf", ()):
        if "$ref" in option:
            yield from _walk(known[_name(option)], known, above)
    for name, node in block.get("properties", {}).items():
        path = (*above, name)
        yield Field(
            path=path,
            sentence=_sentence(node, known),
            takes=_takes(node, known),
            default="" if name in block.get("required", ()) else _default(node),
        )
        for below, inner in _blocks(node, known, path):
            yield from _walk(inner, known, below)


def _blocks(node: Node, known: Node, path: Path) -> Iterator[tuple[Path, Node]]:
    """Yield the blocks that a key may hold, and where they are: below it, or below a name that is chosen freely."""
    for option in _options(node):
        if "$ref" in option:
            yield path, known[_name(option)]
        elif named := [*option.get("patternProperties", {}).values(), option.get("additionalProperties")]:
            blocks = chain.from_iterable(_options(each) for each in named if isinstance(each, Mapping))
            yield from (((*path, ANY), known[_name(each)]) for each in blocks if "$ref" in each)


def _sentence(node: Node, known: Node) -> str:
    """Return what is said of a field; of one that says the same as its block, pydantic leaves it to the block."""
    own: str = node.get("description", "")
    return own or (known[_name(node)].get("description", "") if "$ref" in node else "")


def _options(node: Node) -> Sequence[Node]:
    return [*node.get("anyOf", ()), *node.get("allOf", ())] or [node]


def _name(reference: Node) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _takes(node: Node, known: Node) -> str:
    words = dict.fromkeys(filter(None, (_words(option, known) for option in _options(node))))
    return " or ".join(words)


def _words(option: Node, known: Node) -> str:
    """Return the values that one form of a field takes, in words."""
    if "$ref" in option:
        target = known[_name(option)]
        return _takes(target, known) if "properties" not in target else "keys"
    if "enum" in option or "const" in option:
        return " or ".join(f"`{choice}`" for choice in option.get("enum", [option.get("const")]))
    match option.get("type"):
        case "integer" | "number" as number:
            return ("whole number" if number == "integer" else "number") + _bounds(option)
        case "array":
            items = option.get("items") or {}
            return f"list of {_takes(items, known)}" if items else "list"
        case "object":
            return "keys"
        case "boolean":
            return "`true` or `false`"
        case "string":
            return str(option.get("patternErrorMessage", "text"))
    return ""


def _bounds(option: Node) -> str:
    signs = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    told = [f"{words} {option[sign]:.10g}" for sign, words in signs.items() if sign in option]
    return f", {', '.join(told)}" if told else ""


def _default(node: Node) -> str:
    if "default" not in node:
        return "those of its keys"
    value = node["default"]
    if value is None:
        return "not set"
    return f"`{value if isinstance(value, str) else dumps(value, ensure_ascii=False)}`" if value != "" else "empty"
