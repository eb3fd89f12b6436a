"""YAML 1.2 with the place of every key and value, and pydantic's complaints put at those places.

Every YAML file of ours is read here, so that each of them has the same defences: size, encoding, tabs, merge markers,
duplicate keys, tags, anchors, nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail

LARGEST_FILE_BYTES = 1_000_000
DEEPEST_NESTING = 20

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """A plain tree of dicts, lists and scalars; `keys` and `values` give the place of each path's key and value."""

    tree: Any
    keys: dict[Key, Place]
    values: dict[Key, Place]


def read_located(path: Path) -> Located:
    """Read a YAML file whose top level is a mapping.

    Raises:
        RecipeError: everything that is wrong with the file's form (CR100 to CR121).
    """
    return parse_located(_read_text(path), file=str(path))


def parse_located(text: str, *, file: str) -> Located:
    """Read YAML text whose top level is a mapping; `file` names it in messages."""
    _check_lines(text, file)
    located = _Builder(file).build(text)
    if located.tree is None:
        fail("CR105", "the file is empty", place=Place(file=file), expected="a mapping of keys to values", hint="`cosmos-recipe cp factory` writes a recipe to start from")
    if not isinstance(located.tree, dict):
        fail("CR106", "the file is not a mapping", place=located.values[()], expected="keys and values, such as `recipe: my-recipe`", found=_kind(located.tree))
    return located


def parse_value(text: str, *, file: str) -> Any:
    """Read one value, as written after `=` on the command line."""
    return _Builder(file, inline=True).build(text).tree


def _read_text(path: Path) -> str:
    place = Place(file=str(path))
    if path.is_dir():
        fail("CR101", "this is a folder, not a file", place=place, expected="a YAML file", hint="name a file inside it")
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE_BYTES:
            fail("CR103", "the file is too large to be a recipe", place=place, expected=f"at most {LARGEST_FILE_BYTES / 1e6:g} MB", found=f"{size / 1e6:.1f} MB", hint="was a data file named by mistake?")
        raw = path.read_bytes()
    except FileNotFoundError:
        fail("CR100", "there is no such file", place=place, expected="a YAML file", hint=f"the working directory is {Path.cwd().name}/")
    except OSError as error:
        fail("CR102", f"the file cannot be read: {(error.strerror or str(error)).lower()}", place=place, expected="a readable YAML file", hint="check its permissions")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        fail("CR104", "the file is not text in UTF-8", place=Place(file=str(path), line=line, column=1), expected="UTF-8 text", found=f"byte 0x{raw[error.start]:02x}", hint="save it as UTF-8, or name the right file")


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")
_CONFLICT = re.compile(r"(<{7}|={7}|>{7})( .*)?")


def _check_lines(text: str, file: str) -> None:
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        if control := _CONTROL.search(line):
            place = Place(file=file, line=number, column=control.start() + 1)
            raise RecipeError(Problem(code="CR120", message="the file holds a control character", place=place, expected="plain text", found=f"U+{ord(control[0]):04X}", hint="remove it, or name the right file"))
        if _CONFLICT.fullmatch(line):
            problems.append(Problem(code="CR107", message="a merge conflict is left in the file", place=Place(file=file, line=number, column=1, length=7), found=line[:7], hint="keep one of the two versions and delete the markers"))
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip():
            problems.append(Problem(code="CR111", message="a tab is used to indent", place=Place(file=file, line=number, column=indent.index("\t") + 1), expected="spaces", hint="replace the tab with two spaces"))
    if problems:
        raise RecipeError(*problems)


@dataclass(slots=True)
class _Builder:
    """Builds the tree from the parser's events, so that nothing is expanded or constructed on the way."""

    file: str
    inline: bool = False
    keys: dict[Key, Place] = field(default_factory=dict)
    values: dict[Key, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def build(self, text: str) -> Located:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        events = YAML(typ="rt", pure=True).parse(text)
        try:
            tree = self._documents(events)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._add("CR110", f"this is not YAML: {error.problem or error.context}", self._place(mark, mark), hint="check indentation, colons, brackets and quotes just before this place")
            tree = None
        except (YAMLError, ValueError) as error:
            self._add("CR110", f"this is not YAML: {str(error).splitlines()[0]}", Place(file=self.file))
            tree = None
        if self.problems:
            raise RecipeError(*self.problems)
        return Located(tree, self.keys, self.values)

    def _documents(self, events: Iterator[Any]) -> Any:
        tree, seen = None, 0
        for event in events:
            match type(event).__name__:
                case "StreamStartEvent" | "StreamEndEvent" | "DocumentEndEvent":
                    continue
                case "DocumentStartEvent":
                    seen += 1
                    if seen > 1:
                        self._add("CR115", "a second document starts here", self._place(event.start_mark, event.end_mark), expected="one document in a file", hint="remove the `---` line, or split the file")
                        return tree
                case _:
                    tree = self._node(event, events, ())
        return tree

    def _node(self, event: Any, events: Iterator[Any], path: Key) -> Any:
        place = self._place(event.start_mark, event.end_mark)
        self.values[path] = place
        name = type(event).__name__
        if name == "AliasEvent" or event.anchor:
            sign = "*" if name == "AliasEvent" else "&"
            self._add("CR113", "anchors and aliases are not part of the language", place, found=f"{sign}{event.anchor}", hint="use `extends`, a profile or ${key.path} instead")
        tag = getattr(event, "tag", None)
        if tag is not None and str(tag) != "!":
            self._add("CR114", "tags are not part of the language: a recipe is data only", place, found=str(tag), hint="remove the tag")
        if len(path) > DEEPEST_NESTING:
            self._add("CR116", "the file is nested too deeply", place, expected=f"at most {DEEPEST_NESTING} levels", found="more")
            raise RecipeError(*self.problems)
        match name:
            case "MappingStartEvent":
                return self._mapping(events, path)
            case "SequenceStartEvent":
                return self._sequence(events, path)
            case "ScalarEvent":
                return self._scalar(event, place)
        return None

    def _mapping(self, events: Iterator[Any], path: Key) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for event in events:
            if type(event).__name__ == "MappingEndEvent":
                break
            place = self._place(event.start_mark, event.end_mark)
            if type(event).__name__ != "ScalarEvent":
                self._add("CR119", "a key has to be a word", place, expected="a key such as `steps`", hint="write `key: value`")
                raise RecipeError(*self.problems)
            key = str(event.value)
            child = (*path, key)
            first = self.keys.get(child)
            if key in mapping and first is not None:
                self._add("CR112", f"the key `{key}` is written twice", place, found=f"first on line {first.line}", hint="keep one of the two")
            if key == "<<":
                self._add("CR113", "merge keys are not part of the language", place, found="<<", hint="use `extends` or a profile instead")
            self.keys.setdefault(child, place)
            mapping[key] = self._node(next(events), events, child)
        return mapping

    def _sequence(self, events: Iterator[Any], path: Key) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if type(event).__name__ == "SequenceEndEvent":
                break
            items.append(self._node(event, events, (*path, str(len(items)))))
        return items

    def _scalar(self, event: Any, place: Place) -> Any:
        if event.style is not None:
            return event.value
        value = resolve_scalar(event.value)
        if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
            self._add("CR118", "this number is not finite", place, expected="a finite number", found=event.value)
        return value

    def _place(self, start: Any, end: Any) -> Place:
        if start is None:
            return Place(file=self.file)
        if self.inline:
            return Place(file=self.file, length=len(self.file))
        length = end.column - start.column if end.line == start.line else 1
        return Place(file=self.file, line=start.line + 1, column=start.column + 1, length=max(1, length))

    def _add(self, code: str, message: str, place: Place, *, expected: str = "", found: str = "", hint: str = "") -> None:
        self.problems.append(Problem(code=code, message=message, place=place, expected=expected, found=found, hint=hint))


_INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_SPECIAL = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
}


def resolve_scalar(text: str) -> Any:
    """Return the value of a plain scalar in YAML 1.2's core schema: `1e-3` is a number, `no` and `12:30` are strings."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _kind(value: Any) -> str:
    """Name the kind of a YAML value in a person's words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
        case _:
            return str(value)


kind_of = _kind
