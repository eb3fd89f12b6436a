"""What is said about each kind of mistake in a file: message, what was expected, what was found, how to mend it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cosmos_recipes.diagnostics import Problem, nearest
from cosmos_recipes.diagnostics.words import kind_of, listed
from cosmos_recipes.recipe.places import Key, PlaceOf, value_at
from cosmos_recipes.recipe.quantities import QuantityError
from cosmos_recipes.recipe.shape import Shape
from cosmos_recipes.recipe.validation import Found, Mistake

_OUT_OF_RANGE = frozenset(
    {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of", "finite_number"}
)
_LENGTHS = {
    "string_too_long": "too long",
    "too_long": "too long",
    "string_too_short": "too short",
    "too_short": "too short",
}
_CHOICES = frozenset({"literal_error", "enum", "union_tag_invalid", "union_tag_not_found"})


def complain(mistakes: Sequence[Mistake], tree: Any, shape: Shape, place_of: PlaceOf) -> list[Found]:
    """Return a problem for each mistake; a missing key that was only misspelled is not told twice."""
    writer = _Writer(tree, shape, place_of, {mistake.path for mistake in mistakes if mistake.kind == "missing"})
    unknown = [writer.unknown(mistake.path) for mistake in mistakes if mistake.kind == "extra_forbidden"]
    missing = [writer.missing(mistake.path) for mistake in mistakes if mistake.path in writer.absent]
    others = [writer.wrong(m) for m in mistakes if m.kind not in ("missing", "extra_forbidden")]
    return [*unknown, *missing, *others]


class _Writer:
    """Writes problems about one tree. `absent` are the missing keys that still have to be told."""

    def __init__(self, tree: Any, shape: Shape, place_of: PlaceOf, absent: set[Key]) -> None:
        self.tree, self.shape, self.place_of, self.absent = tree, shape, place_of, absent

    def unknown(self, path: Key) -> Found:
        """Return the problem of a key that nobody reads."""
        *block, key = path
        known = self.shape.at(tuple(block)).block_keys()
        unused = [name for name in known if name not in (value_at(self.tree, tuple(block)) or ())]
        close = nearest(key, unused) or nearest(key, known)
        if close:
            self.absent.discard((*block, close))
        problem = Problem(
            code="CR130",
            message=f"unknown key `{key}`{_inside(block)}",
            place=self.place_of(path, True),
            expected=listed(known) if known else "no key",
            hint=self._nested(key, tuple(block)) or (f"did you mean `{close}`?" if close else self._home(key)),
        )
        return Found(path, problem)

    def _nested(self, key: str, block: Key) -> str:
        """Say how to write a key that was written with dots."""
        parts = tuple(key.split("."))
        if len(parts) == 1 or parts[-1] not in self.shape.at((*block, *parts[:-1])).block_keys():
            return ""
        nested = ": {".join(parts) + ": ..." + "}" * (len(parts) - 1)
        return f"blocks are nested: write `{nested}`, or a line for each"

    def _home(self, key: str) -> str:
        """Say where a key belongs that is known elsewhere."""
        homes = [".".join((*home, key)) for home in self.shape.homes_of(key)]
        return f"it belongs elsewhere: {listed(f'`{home}`' for home in homes)}" if homes else "remove it"

    def missing(self, path: Key) -> Found:
        """Return the problem of a key without a default that is not there."""
        *block, key = path
        where = f"to `{'.'.join(block)}`" if block else "at the top level"
        problem = Problem(
            code="CR131",
            message=f"the key `{key}` is missing{_inside(block)}",
            place=self.place_of(tuple(block), True),
            expected=self.shape.at(path).words(),
            hint=f"add `{key}: ...` {where}",
        )
        return Found(path, problem)

    def wrong(self, mistake: Mistake) -> Found:
        """Return the problem of a value, or of a free key, that its place does not take."""
        path, found = mistake.path, value_at(self.tree, mistake.path)
        name = f"`{'.'.join(path)}`" if path else "the file"
        shape = self.shape.at(path)
        if mistake.of_key:
            name, found, shape = (
                f"the key {name}",
                path[-1],
                Shape(self.shape.root, ({"type": "string", **_NAME_WORDS},)),
            )
        code, complaint, expected, hint = _judge(mistake, found, shape)
        problem = Problem(
            code=code,
            message=f"{name} {complaint}",
            place=self.place_of(path, mistake.of_key),
            expected=expected or shape.words(),
            found=f"{len(found)} characters" if code == "CR137" and isinstance(found, str) else kind_of(found),
            hint=hint,
        )
        return Found(path, problem)


_NAME_WORDS = {"patternErrorMessage": "lower-case letters and digits, with dots, dashes or underscores between them"}


def _inside(block: Sequence[str]) -> str:
    return f" in `{'.'.join(block)}`" if block else ""


def _judge(mistake: Mistake, found: Any, shape: Shape) -> tuple[str, str, str, str]:
    """Return code, complaint, expectation (empty for the shape's own) and hint."""
    kind = mistake.kind
    error = mistake.context.get("error")
    if isinstance(error, QuantityError):
        return "CR133", error.complaint, error.expected, error.hint
    if kind in ("value_error", "assertion_error"):
        return "CR138", "is refused", str(error or mistake.text), ""
    if kind in _OUT_OF_RANGE:
        return "CR134", "is out of range", _positive(kind, shape), ""
    if kind in _LENGTHS:
        return "CR137", f"is {_LENGTHS[kind]}", "", ""
    if kind == "string_pattern_mismatch":
        return "CR136", "is not well formed", "", _as_name(found, str(mistake.context.get("pattern", "")))
    choices = shape.choices()
    if kind in _CHOICES or (kind == "union" and choices and isinstance(found, str)):
        return "CR135", "is not one of the choices", "", _choose(found, choices, shape)
    if kind == "union" or kind.endswith(("_type", "_parsing", "_from_float", "_attributes_type")):
        return "CR132", "is of the wrong type", "", _retype(found, shape)
    return "CR138", "is refused", mistake.text[:1].lower() + mistake.text[1:], ""


def _positive(kind: str, shape: Shape) -> str:
    """Say of a quantity, whose form does not, that it has to be above zero."""
    is_quantity = any(option.get("type") == "string" for option in shape.options)
    return f"{shape.words()}, above 0" if kind == "greater_than" and is_quantity else ""


def _choose(found: Any, choices: list[str], shape: Shape) -> str:
    """Offer the nearest choice, or the block that the text names."""
    if isinstance(found, str) and found in shape.block_keys():
        return f"`{found}` is a block: write `{{{found}: {{...}}}}`"
    close = nearest(found, choices) if isinstance(found, str) else None
    return f"did you mean `{close}`?" if close else ""


def _as_name(found: Any, pattern: str) -> str:
    """Offer the name that the text would be, if that is well formed."""
    offer = re.sub(r"[^a-z0-9._-]+", "-", str(found).lower()).strip("-._")
    return f"write `{offer}`" if offer and offer != found and re.search(pattern, offer) else ""


def _retype(found: Any, shape: Shape) -> str:
    """Say how to write a value so that it has the type that is expected, for the usual mistakes."""
    types = {option.get("type") for option in shape.options}
    if isinstance(found, str):
        text = found.strip()
        if "boolean" in types and text.lower() in ("yes", "no", "on", "off", "y", "n", "true", "false"):
            right = "true" if text.lower() in ("yes", "on", "y", "true") else "false"
            return f"write `{right}`: in YAML 1.2, yes, no, on and off are texts, and quotes make any value a text"
        digits = re.sub(r"(?<=\d)[_, ](?=\d{3})", "", text)
        if types & {"integer", "number"} and re.fullmatch(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", digits):
            return f"write `{digits}`, without quotes or separators"
    if types == {"string"} and isinstance(found, (int, float)):
        return f'put it in quotes: "{str(found).lower() if isinstance(found, bool) else found}"'
    if isinstance(found, (dict, list)) and types and not types & {"object", "array"}:
        return "it takes a single value"
    if found is None:
        return "give it a value, or remove the key for its default"
    return ""
