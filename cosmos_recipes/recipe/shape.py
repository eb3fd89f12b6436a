"""What a model expects at a path, read from its JSON schema and told in a person's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.recipe.places import Key

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand at one place: the alternatives of a union (`null` left out), and what the field is for."""

    root: Node
    options: tuple[Node, ...]
    description: str = ""

    @classmethod
    def of(cls, model: type[BaseModel]) -> Shape:
        """Return the shape of a whole file or block."""
        schema = model.model_json_schema()
        return cls(schema, tuple(_options(schema, schema)))

    @property
    def is_union(self) -> bool:
        """Whether pydantic names the alternative in the location of an error."""
        return len(self.options) > 1

    def child(self, part: str) -> Shape:
        """Return what may stand under a key or at a position of a list, whichever alternative is meant."""
        nodes = [child for option in self.options if (child := _child(option, part)) is not None]
        options = tuple(option for node in nodes for option in _options(node, self.root))
        texts = [node.get("description", "") for node in nodes]
        own = [option.get("description", "") for option in options] if len(options) == 1 else []
        return Shape(self.root, options, next(filter(None, (*texts, *own)), ""))

    def at(self, path: Key) -> Shape:
        """Return what may stand at a path."""
        shape = self
        for part in path:
            shape = shape.child(part)
        return shape

    def block_keys(self) -> list[str]:
        """Return the keys that a block may have, as a person writes them."""
        return [key for option in self.options for key in option.get("properties", {})]

    def choices(self) -> list[str]:
        """Return the values that are listed one by one."""
        return [_plain(choice) for option in self.options for choice in _listed(option)]

    def words(self) -> str:
        """Return what is expected, such as `a whole number of at least 1 (optimizer steps)`."""
        kinds = dict.fromkeys(filter(None, map(_words, self.options)))
        expected = " or ".join(kinds) or "a value"
        return f"{expected} ({_inline(self.description)})" if self.description and not self._says_itself() else expected

    def _says_itself(self) -> bool:
        return all("patternErrorMessage" in option for option in self.options)

    def homes_of(self, key: str) -> Iterator[Key]:
        """Yield the paths of all blocks that have this key."""
        yield from _homes(self, key, (), 6)


def _homes(shape: Shape, key: str, path: Key, deepest: int) -> Iterator[Key]:
    known = shape.block_keys()
    if key in known:
        yield path
    for name in known if len(path) < deepest else ():
        yield from _homes(shape.child(name), key, (*path, name), deepest)


def _options(node: Node, root: Node) -> Iterator[Node]:
    if "$ref" in node:
        yield from _options(root["$defs"][node["$ref"].rpartition("/")[2]], root)
    elif "anyOf" in node or "oneOf" in node:
        for option in node.get("anyOf", node.get("oneOf", ())):
            yield from _options(option, root)
    elif node.get("type") != "null":
        yield node


def _child(node: Node, part: str) -> Node | None:
    found = node.get("properties", {}).get(part)
    if found is not None:
        return dict(found)
    further = node.get("prefixItems", ())
    if part.isdecimal() and int(part) < len(further):
        return dict(further[int(part)])
    if node.get("type") == "array":
        other = node.get("items") if part.isdecimal() else None
    else:
        other = next(iter(node.get("patternProperties", {}).values()), node.get("additionalProperties"))
    return dict(other) if isinstance(other, dict) else None


def _listed(node: Node) -> list[Any]:
    return [node["const"]] if "const" in node else list(node.get("enum", ()))


def _words(node: Node) -> str:
    choices = [_plain(choice) for choice in _listed(node)]
    if choices:
        return listed(choices)
    match node.get("type"):
        case "integer":
            return f"a whole number{_range(node)}"
        case "number":
            return f"a number{_range(node)}"
        case "boolean":
            return "true or false"
        case "string":
            return _text_words(node)
        case "array":
            return "a list"
        case "object":
            needed, known = node.get("required", ()), node.get("properties", ())
            return (
                f"a mapping with {listed(needed, 'and')}"
                if needed
                else f"a mapping with any of {listed(known)}"
                if known
                else "a mapping"
            )
        case _:
            return ""


def _text_words(node: Node) -> str:
    if "patternErrorMessage" in node:
        return str(node["patternErrorMessage"])
    if "pattern" in node:
        return f"text of the form {node['pattern']}"
    shortest, longest = node.get("minLength", 0), node.get("maxLength")
    return f"text of {shortest} to {longest} characters" if longest else "text"


def _range(node: Node) -> str:
    low = f"at least {node['minimum']:.15g}" if "minimum" in node else ""
    low = f"more than {node['exclusiveMinimum']:.15g}" if "exclusiveMinimum" in node else low
    high = f"at most {node['maximum']:.15g}" if "maximum" in node else ""
    high = f"less than {node['exclusiveMaximum']:.10g}" if "exclusiveMaximum" in node else high
    bounds = " and ".join(filter(None, (low, high)))
    return f" of {bounds}" if bounds else ""


def _plain(choice: Any) -> str:
    return {True: "true", False: "false"}.get(choice, "") if isinstance(choice, bool) else str(choice)


def _inline(description: str) -> str:
    """Return a sentence as it stands in brackets: without its full stop, small at the start unless it is a name."""
    first = description.split(maxsplit=1)[0]
    text = description.rstrip(".")
    return text if first[1:] != first[1:].lower() or first == "I" else text[0].lower() + text[1:]
