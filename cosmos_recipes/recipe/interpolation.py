"""`${key.path}` within a recipe, and `${oc.env:VAR}` where a path of this machine is needed; nothing else is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmos_recipes.diagnostics import Place, Problem, nearest
from cosmos_recipes.diagnostics.words import kind_of, shortened
from cosmos_recipes.recipe.paths import repository_of
from cosmos_recipes.recipe.places import Key, PlaceOf, value_at
from cosmos_recipes.recipe.validation import Found

ENVIRONMENT_MAY_SET: Key = ("dataset", "use")
LONGEST_TEXT = 10_000
PLACEHOLDER = "???"
_NESTED = "write one `${...}` after the other, not one inside the other"

_REFERENCE = re.compile(r"\$\{([^${}]*)\}")
_DOTTED = re.compile(r"[\w-]+(\.[\w-]+)*")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(,[^'\"\[\]:,\\]*)?")
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|(^|_)(API)?KEY")


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A tree with its `${...}` filled in; the values at the paths `unset` could not be, and are None."""

    tree: dict[str, Any]
    problems: list[Found]
    unset: frozenset[Key] = frozenset()


def interpolate(tree: Mapping[str, Any], place_of: PlaceOf) -> Interpolated:
    """Fill in every `${...}` of a merged recipe; what cannot be is a problem (CR150 to CR158)."""
    texts = {path: text for path, text in _texts(tree, ()) if "${" in text or text == PLACEHOLDER}
    if not texts:
        return Interpolated(dict(tree), [])
    work = _Work(tree, texts, place_of)
    for path in texts:
        work.resolve(path, ())
    return Interpolated(_replaced(tree, (), work.values), work.problems, frozenset(work.unset))


def _texts(node: Any, path: Key) -> Iterator[tuple[Key, str]]:
    match node:
        case str():
            yield path, node
        case Mapping():
            for key, child in node.items():
                yield from _texts(child, (*path, key))
        case list():
            for index, child in enumerate(node):
                yield from _texts(child, (*path, str(index)))


def _replaced(node: Any, path: Key, values: Mapping[Key, Any]) -> Any:
    if path in values:
        return values[path]
    if isinstance(node, Mapping):
        return {key: _replaced(child, (*path, key), values) for key, child in node.items()}
    if isinstance(node, list):
        return [_replaced(child, (*path, str(index)), values) for index, child in enumerate(node)]
    return node


@dataclass(slots=True)
class _Work:
    """Resolves each text once, those that it refers to first, so that no text can grow without bound."""

    tree: Mapping[str, Any]
    texts: Mapping[Key, str]
    place_of: PlaceOf
    values: dict[Key, Any] = field(default_factory=dict)
    unset: set[Key] = field(default_factory=set)
    problems: list[Found] = field(default_factory=list)

    def resolve(self, path: Key, asking: tuple[Key, ...]) -> bool:
        """Resolve the text at `path` for the texts `asking`, and say whether it has a value."""
        if path in self.values:
            return path not in self.unset
        self.values[path] = None
        text = self.texts[path]
        references = list(dict.fromkeys(_REFERENCE.findall(text)))
        allowed = [self._is_well_formed(path, text)]
        allowed += [self._allowed(path, text, body, (*asking, path)) for body in references if allowed[0]]
        if not (all(allowed) and self._fill(path, text, references)):
            self.unset.add(path)
        return path not in self.unset

    def _is_well_formed(self, path: Key, text: str) -> bool:
        if len(text) > LONGEST_TEXT:
            return self._too_long(path, text)
        if text == PLACEHOLDER:
            return self._fail("CR158", path, "is still to be filled in", expected="a value in the place of ???")
        rest = _REFERENCE.sub("", text)
        if "\\${" in text or "${" in rest:
            hint = _NESTED if text.count("${") == text.count("}") else "give each `${` its `}`"
            hint = "a text cannot hold ${ itself" if "\\${" in text else hint
            return self._fail("CR150", path, "holds a malformed interpolation", expected="${key.path}", hint=hint)
        return True

    def _allowed(self, path: Key, text: str, body: str, asking: tuple[Key, ...]) -> bool:
        resolver, colon, argument = body.partition(":")
        if colon and resolver.strip() != "oc.env":
            return self._fail(
                "CR153",
                path,
                f"calls the resolver `{resolver.strip()}`, which is not part of the language",
                expected="${key.path}",
                hint="write the value itself",
            )
        if colon:
            return self._environment_allowed(path, text, argument)
        if not _DOTTED.fullmatch(body):
            return self._fail(
                "CR150",
                path,
                "holds a malformed interpolation",
                expected="${key.path} with the whole path from the top level, such as ${train.steps}",
            )
        return self._reference_allowed(path, tuple(body.split(".")), asking)

    def _environment_allowed(self, path: Key, text: str, argument: str) -> bool:
        match = _VARIABLE.fullmatch(argument)
        if match is None:
            expected = "${oc.env:NAME} or ${oc.env:NAME,default}"
            hint = "a default is a plain path, without quotes, colons, commas or brackets"
            return self._fail("CR150", path, "holds a malformed interpolation", expected=expected, hint=hint)
        wrong = next(self._environment_complaints(path, text, match[1], match[2]), None)
        if wrong is None:
            return True
        code, complaint, expected, hint = wrong
        return self._fail(code, path, complaint, expected=expected, hint=hint)

    def _environment_complaints(
        self, path: Key, text: str, name: str, default: str | None
    ) -> Iterator[tuple[str, str, str, str]]:
        """Yield code, complaint, expectation and hint for all that is wrong with a variable at this place."""
        where, elsewhere = ".".join(ENVIRONMENT_MAY_SET), "environment variables in paths of this machine alone"
        if path[: len(ENVIRONMENT_MAY_SET)] != ENVIRONMENT_MAY_SET:
            expected = f"environment variables in `{where}` alone"
            yield "CR154", "may not come from the environment", expected, "write the value, or pass it with --set"
        if "://" in text:
            yield "CR154", "puts an environment variable into an address", elsewhere, "write the address out"
        if _SECRET.search(name.upper()):
            complaint, hint = "whose name says that it holds a secret", "give the path in a variable of another name"
            yield "CR154", f"reads `{name}`, {complaint}", "a variable that holds a path", hint
        if _comes_from_elsewhere(self.place_of(path, False)):
            complaint, hint = "in a file of a repository", f"pass what you mean with --set {where}=PATH"
            yield "CR154", f"may not come from the environment {complaint}", "a path in the repository", hint
        if not os.environ.get(name, "/").startswith(("/", "~", ".")):
            expected = "a variable that holds a path, which begins with / or ~ or ."
            hint = "a file cannot take anything else from the environment"
            yield "CR154", f"reads `{name}`, which holds no path", expected, hint
        if default is None and name not in os.environ:
            hint = f"export {name}=PATH, write ${{oc.env:{name},PATH}}, or pass --set {where}=PATH"
            complaint = f"needs the environment variable {name}, which is not set"
            yield "CR155", complaint, f"{name} in the environment, or a default", hint

    def _reference_allowed(self, path: Key, target: Key, asking: tuple[Key, ...]) -> bool:
        dotted = ".".join(target)
        if target in asking:
            circle = " -> ".join(".".join(key) for key in (*asking[asking.index(target) :], target))
            return self._fail(
                "CR152", path, "refers to itself in a circle", found=circle, hint="write the value of one of them out"
            )
        block = value_at(self.tree, target[:-1])
        if not isinstance(block, Mapping) or target[-1] not in block:
            return self._unknown(path, target)
        value = block[target[-1]]
        if isinstance(value, (Mapping, list)):
            return self._fail(
                "CR156",
                path,
                f"refers to `{dotted}`, which is not a single value",
                found=kind_of(value),
                hint="share blocks with `extends` or `profiles`",
            )
        return target not in self.texts or self.resolve(target, asking)

    def _unknown(self, path: Key, target: Key) -> bool:
        known = [".".join(key) for key in _leaves(self.tree, ()) if len(key) == len(target) or key[-1] == target[-1]]
        homes = [name for name in known if name.endswith(f".{target[-1]}")]
        close = nearest(".".join(target), known) or next(iter(homes), None)
        hint = f"did you mean ${{{close}}}?" if close else "write that key out, or the value itself here"
        return self._fail(
            "CR151",
            path,
            f"refers to `{'.'.join(target)}`, which this recipe does not give",
            expected="a key that is written in the recipe; defaults are not visible",
            hint=hint,
        )

    def _fill(self, path: Key, text: str, references: list[str]) -> bool:
        """Let OmegaConf fill in a text whose interpolations are known to be allowed."""
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        names = {body: f"value{number}" for number, body in enumerate(references) if ":" not in body}
        known = {name: self._value(tuple(body.split("."))) for body, name in names.items()}
        plain = _REFERENCE.sub(lambda found: f"${{{names.get(found[1], found[1])}}}", text)
        expected = "${key.path}, or ${oc.env:NAME,default}"
        try:
            value = OmegaConf.create({**known, "text": plain})["text"]
        except OmegaConfBaseException as error:
            hint = str(error).splitlines()[0]
            return self._fail("CR150", path, "holds a malformed interpolation", expected=expected, hint=hint)
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            return self._too_long(path, value)
        if isinstance(value, str) and "${" in value:
            found = kind_of(value)
            return self._fail("CR150", path, "holds ${ even when it is filled in", expected=expected, found=found)
        self.values[path] = value
        return True

    def _value(self, key: Key) -> Any:
        return self.values[key] if key in self.texts else value_at(self.tree, key)

    def _too_long(self, path: Key, text: str) -> bool:
        return self._fail(
            "CR157",
            path,
            "becomes too long when it is filled in",
            expected=f"at most {LONGEST_TEXT:,} characters",
            found=f"{len(text):,} characters",
        )

    def _fail(
        self, code: str, path: Key, complaint: str, *, expected: str = "", found: str = "", hint: str = ""
    ) -> bool:
        message = f"`{'.'.join(path)}` {complaint}"
        problem = Problem(
            code=code,
            message=message,
            place=self.place_of(path, False),
            expected=expected,
            found=found or shortened(self.texts[path]),
            hint=hint,
        )
        self.problems.append(Found(path, problem))
        return False


def _comes_from_elsewhere(place: Place | None) -> bool:
    return place is not None and not place.file.startswith("-") and repository_of(Path(place.file).parent) is not None


def _leaves(node: Any, path: Key) -> Iterator[Key]:
    if isinstance(node, Mapping):
        for key, child in node.items():
            yield from _leaves(child, (*path, key))
    elif path:
        yield path
