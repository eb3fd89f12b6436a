"""YAML 1.2 with the place of every key and value.

Every YAML file of ours is read here, so that each has the same defences: size, encoding, tabs, merge markers, duplicate
keys, tags, anchors, nesting. The tree is built from the parser's events: nothing is expanded or constructed on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.diagnostics.words import kind_of, shortened
from cosmos_recipes.recipe.files import UNPRINTABLE, Lines, check_text, read_text, require_no_secret
from cosmos_recipes.recipe.places import Key, Located
from cosmos_recipes.recipe.scalars import resolve_scalar
from cosmos_recipes.recipe.syntax import syntax_problem
from cosmos_recipes.recipe.validation import validate

__all__ = ["Key", "Located", "parse_located", "parse_value", "read_located", "validate"]

DEEPEST_NESTING = 20
MOST_NODES = 20_000
_UNPRINTABLE_IN_TEXT = re.compile(rf"{UNPRINTABLE.pattern}|\r")
_DIRECTIVE = re.compile(r"^%.*", re.MULTILINE)


def read_located(path: str | Path) -> Located:
    """Read a YAML file whose top level is a mapping.

    Raises:
        RecipeError: everything that is wrong with the file's form (CR100 to CR121).
    """
    return parse_located(read_text(Path(path)), file=str(path))


def parse_located(text: str, *, file: str) -> Located:
    """Read YAML text whose top level is a mapping; `file` names it in messages.

    Raises:
        RecipeError: everything that is wrong with the text's form (CR105 to CR121).
    """
    lines = Lines(file, text)
    check_text(text, lines)
    located = _Composer(text, lines).compose()
    if located.tree is None:
        fail(
            "CR105",
            "the file is empty",
            place=Place(file=file),
            expected="keys with values",
            hint="`cosmos-recipe cp factory` writes a recipe to start from, `cosmos-recipe new dataset PATH` a data set",
        )
    if not isinstance(located.tree, dict):
        found = kind_of(located.tree)
        hint = (
            "put a space after the colon"
            if isinstance(located.tree, str) and ":" in located.tree
            else "begin with `key: value`, not indented"
        )
        fail(
            "CR106",
            "the top level of the file is not a mapping",
            place=located.values[()],
            expected="keys with values, such as `summary: Sort parts.`",
            found=found,
            hint=hint,
        )
    return located


def parse_value(text: str, *, argument: str) -> Located:
    """Read one value, as written after `=` on the command line; every place in it is the whole `argument`.

    Raises:
        RecipeError: the text is not one YAML value (CR110 to CR121).
    """
    require_no_secret(text, argument.partition("=")[0])
    check_text(text, _Argument(argument, text))
    composer = _Composer(text, _Argument(argument, text))
    located = composer.compose()
    if "#" in text[composer.end :]:
        rest = text[composer.end :].strip()
        fail(
            "CR145",
            "the end of the value would be lost as a comment",
            place=Place(file=argument),
            found=rest,
            hint="put the value in quotes inside those of the shell: --set 'key=\"a #b\"'",
        )
    return located


class _Argument(Lines):
    """The place of everything in an argument is the argument."""

    def place(self, start: int, end: int) -> Place:
        """Return the argument itself."""
        return Place(file=self.file)


class _Composer:
    """Builds a tree from the parser's events, noting places; collects what is wrong and raises it together."""

    def __init__(self, text: str, lines: Lines) -> None:
        self.text, self.lines, self.end = text, lines, 0
        self.keys: dict[Key, Place] = {}
        self.values: dict[Key, Place] = {}
        self.problems: list[Problem] = []
        self.nodes = 0
        self.anchored = False

    def compose(self) -> Located:
        """Return the one document of the text; None as its tree if it is empty."""
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        tree = None
        try:
            tree = self._document(YAML(typ="safe", pure=True).parse(self.text))
        except (YAMLError, ValueError, OverflowError) as error:
            self.problems.append(syntax_problem(error, self.text, self.lines))
        if self.problems:
            raise RecipeError(*self.problems)
        return Located(tree, self.keys, self.values)

    def _document(self, events: Iterator[Any]) -> Any:
        tree, seen = None, 0
        for event in events:
            match type(event).__name__:
                case "StreamStartEvent" | "StreamEndEvent" | "DocumentEndEvent":
                    continue
                case "DocumentStartEvent":
                    seen += 1
                    if seen > 1:
                        self._stop(
                            "CR115",
                            "a second document begins here",
                            self._place(event),
                            expected="one document in a file",
                            hint="remove the `---` line; variants of a recipe belong under `profiles`",
                        )
                    self._check_directives(event)
                case _:
                    tree = self._node(event, events, (), None)
        return tree

    def _check_directives(self, event: Any) -> None:
        if event.tags or event.version not in (None, (1, 2)):
            found = _DIRECTIVE.search(self.text)
            place = self.lines.place(found.start(), found.end()) if found else self._place(event)
            self._add(
                "CR121",
                "directives are not part of the language",
                place,
                expected="YAML 1.2",
                hint="remove the line that begins with %",
            )

    def _node(self, event: Any, events: Iterator[Any], path: Key, key: Place | None) -> Any:
        place = self._place(event)
        self.nodes += 1
        if len(path) > DEEPEST_NESTING:
            self._stop(
                "CR116",
                "the file is nested too deeply",
                place,
                expected=f"at most {DEEPEST_NESTING} levels",
                hint="was another kind of file named by mistake?",
            )
        if self.nodes > MOST_NODES:
            self._stop(
                "CR117",
                "the file holds too many values",
                place,
                expected=f"at most {MOST_NODES:,}",
                hint="put long lists into a data file",
            )
        self._check_extras(event, place)
        is_block = key is not None and getattr(event, "flow_style", None) is False
        self.values[path] = (
            key if key is not None and (is_block or event.start_mark.index == event.end_mark.index) else place
        )
        match type(event).__name__:
            case "MappingStartEvent":
                return self._mapping(event, events, path)
            case "SequenceStartEvent":
                return self._sequence(event, events, path)
            case "ScalarEvent":
                self.end = event.end_mark.index
                return self._scalar(event, place)
        return None

    def _check_extras(self, event: Any, place: Place) -> None:
        is_alias = type(event).__name__ == "AliasEvent"
        if (is_alias or event.anchor) and not self.anchored:
            self.anchored = True
            sign = f"{'*' if is_alias else '&'}{event.anchor}"
            self._add(
                "CR113",
                "anchors and aliases are not part of the language",
                place,
                found=sign,
                hint="write the value where it holds; quote text that begins with & or *",
            )
        if getattr(event, "ctag", None) is not None:
            written = self.text[event.start_mark.index : event.end_mark.index].split(maxsplit=1)[0]
            hint = "remove the tag; quote text that begins with !"
            self._add("CR114", "tags are not part of the language", place, found=shortened(written), hint=hint)

    def _mapping(self, opening: Any, events: Iterator[Any], path: Key) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for event in events:
            if type(event).__name__ == "MappingEndEvent":
                self._close(opening, event, path)
                break
            place = self._place(event)
            child = (*path, self._key(event, place))
            if child[-1] in mapping:
                first = self.keys[child].line
                self._add(
                    "CR112",
                    f"the key `{child[-1]}` is written twice",
                    place,
                    found=f"also on line {first}" if first else "",
                    hint="keep one of the two",
                )
            self.keys.setdefault(child, place)
            mapping[child[-1]] = self._node(next(events), events, child, place)
        return mapping

    def _key(self, event: Any, place: Place) -> str:
        if type(event).__name__ != "ScalarEvent" or not event.value or self._is_after_question_mark(event):
            self._stop(
                "CR119",
                "a key has to be a word",
                place,
                expected="a key such as `steps`",
                hint="write `key: value`; quote text that holds brackets or begins with ?",
            )
        self._check_extras(event, place)
        if event.value == "<<" and event.style is None and not self.anchored:
            self.anchored = True
            self._add(
                "CR113",
                "merge keys are not part of the language",
                place,
                found="<<",
                hint="share blocks of a recipe with `extends` or `profiles`",
            )
        self._check_text(event.value, place)
        return str(event.value)

    def _is_after_question_mark(self, event: Any) -> bool:
        """Say whether a key was written `? key`, which the parser also takes `?text` for."""
        before = event.start_mark.index - 1
        while before > 0 and self.text[before] == " ":
            before -= 1
        return before >= 0 and self.text[before] == "?"

    def _sequence(self, opening: Any, events: Iterator[Any], path: Key) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if type(event).__name__ == "SequenceEndEvent":
                self._close(opening, event, path)
                break
            items.append(self._node(event, events, (*path, str(len(items))), None))
        return items

    def _close(self, opening: Any, closing: Any, path: Key) -> None:
        if opening.flow_style:
            self.end = closing.end_mark.index
            self.values[path] = self.lines.place(opening.start_mark.index, self.end)

    def _scalar(self, event: Any, place: Place) -> Any:
        if event.style is not None:
            self._check_text(event.value, place)
            return str(event.value)
        try:
            return resolve_scalar(event.value)
        except OverflowError:
            self._add(
                "CR118",
                "this number cannot be held",
                place,
                expected="a finite number; a whole one within 64 bits",
                found=shortened(event.value),
                hint="put it in quotes if it is a text",
            )
            return None

    def _check_text(self, text: str, place: Place) -> None:
        if found := _UNPRINTABLE_IN_TEXT.search(text):
            self._add(
                "CR120",
                "this text holds a character that does not show",
                place,
                expected="plain text",
                found=f"the character U+{ord(found[0]):04X}",
                hint="take the escape out",
            )

    def _place(self, event: Any) -> Place:
        return self.lines.place(event.start_mark.index, event.end_mark.index)

    def _stop(self, code: str, message: str, place: Place, **texts: str) -> None:
        self._add(code, message, place, **texts)
        raise RecipeError(*self.problems)

    def _add(
        self, code: str, message: str, place: Place, *, expected: str = "", found: str = "", hint: str = ""
    ) -> None:
        self.problems.append(
            Problem(code=code, message=message, place=place, expected=expected, found=found, hint=hint)
        )
