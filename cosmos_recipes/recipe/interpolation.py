"""`${key.path}` within a recipe, and `${oc.env:VAR}` where a machine's own path is needed; nothing else is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from cosmos_recipes.diagnostics import Place, Problem, RecipeError

_RESOLVER = re.compile(r"\$\{\s*([\w.]+)\s*:")
ENVIRONMENT_MAY_SET = ("dataset.use",)


def resolve_interpolations(config: Any, place_of: Callable[[str], Place | None]) -> dict[str, Any]:
    """Return the merged OmegaConf tree as plain values with every `${...}` replaced.

    Raises:
        RecipeError: an interpolation that names nothing, runs in a circle, or is not allowed (CR150 to CR155).
    """
    from omegaconf import OmegaConf

    problems = [
        Problem(code=code, message=message, place=place_of(path), expected="${key.path} of this recipe", found=text, hint=hint)
        for path, text in _strings(OmegaConf.to_container(config), "")
        if "${" in text
        for code, message, hint in _complaints(config, path, text)
    ]
    if problems:
        raise RecipeError(*problems)
    tree: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # the keys of a recipe are strings
    return tree


def _strings(node: Any, path: str) -> Iterator[tuple[str, str]]:
    match node:
        case str():
            yield path, node
        case dict():
            for key, child in node.items():
                yield from _strings(child, f"{path}.{key}" if path else key)
        case list():
            for index, child in enumerate(node):
                yield from _strings(child, f"{path}.{index}")


def _complaints(config: Any, path: str, text: str) -> Iterator[tuple[str, str, str]]:
    from omegaconf import OmegaConf
    from omegaconf.errors import GrammarParseError, InterpolationKeyError, OmegaConfBaseException

    for resolver in _RESOLVER.findall(text):
        if resolver != "oc.env":
            yield "CR153", f"the resolver `{resolver}` is not part of the language", "name a key of this recipe"
            return
        if path not in ENVIRONMENT_MAY_SET:
            yield "CR154", "an environment variable may only name a path", f"use it in {' or '.join(ENVIRONMENT_MAY_SET)} alone"
            return
    try:
        OmegaConf.to_container(OmegaConf.create({"value": OmegaConf.select(config, path)}), resolve=True)
    except RecursionError:
        yield "CR152", "the interpolation runs in a circle", "let one of the keys have a value of its own"
    except InterpolationKeyError:
        yield "CR151", "the interpolation names a key that is not there", "write the key's whole path from the top level"
    except GrammarParseError:
        yield "CR150", "the interpolation is not written as it should be", "write ${key.path}"
    except OmegaConfBaseException as error:
        code = "CR155" if "oc.env" in text else "CR151"
        first = str(error).splitlines()[0]
        yield code, f"the interpolation cannot be resolved: {first[0].lower()}{first[1:]}", "check its spelling"
