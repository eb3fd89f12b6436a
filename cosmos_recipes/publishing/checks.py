"""What makes a package unfit to be published: each check returns the problems of one file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from cosmos_recipes.backbones.headers import read_header
from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.publishing.files import allowed
from cosmos_recipes.recipe.json_object import read_json_object

_PICKLES = frozenset({".bin", ".ckpt", ".dill", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"})
_CARD_HEAD = re.compile(r"---\n(.*?\n)---\n", re.DOTALL)


def check_name(path: str) -> Iterator[Problem]:
    """A path that leads out of the folder (CR702), is a pickle (CR703), or is nothing that belongs in a package (CR704)."""
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path or not path.isprintable():
        yield _problem(
            "CR702",
            "a file name of the package leads out of it, or hides what it is",
            path,
            expected="a relative path without `..`, backslashes or control characters",
            hint="make the package again from the run",
        )
    elif pure.suffix.lower() in _PICKLES:
        yield _problem(
            "CR703",
            "a package holds no pickles, as loading one can run anything",
            path,
            expected="weights as .safetensors",
            hint="save the weights as safetensors and remove this file",
        )
    elif not allowed(path):
        yield _problem(
            "CR704",
            "a file is in the package that does not belong there",
            path,
            expected="weights, configurations, recipe, lock, plan, report, samples, card, licence and manifest",
            hint="remove the file, or make the package again from the run",
        )


def check_weights(folder: Path, path: str) -> Iterator[Problem]:
    """A safetensors file that is damaged or something else (CR705)."""
    try:
        tensor_names(folder / path)
    except ValueError as error:
        yield _problem(
            "CR705", "a weights file cannot be read", path, found=str(error), expected="a whole safetensors file",
            hint="make the package again; if this repeats, look at the disk",
        )  # fmt: skip


def tensor_names(path: Path) -> frozenset[str]:
    """Return the names of the tensors in a safetensors file.

    Raises:
        ValueError: the file is cut short, damaged or of another kind.
    """
    return frozenset(read_header(path))


def check_index(folder: Path, path: str) -> Iterator[Problem]:
    """An index that names shards or tensors that are not there, or leaves some out (CR706)."""
    place = (folder / path).parent
    try:
        named = _shards(read_json_object(folder / path))
        held = {shard.name: tensor_names(shard) for shard in place.glob("*.safetensors")}
    except (ValueError, RecipeError) as error:
        yield _problem(
            "CR706",
            "the index of the weights cannot be read",
            path,
            found=_reason(error),
            hint="make the package again",
        )
        return
    for shard in sorted(named.keys() | held.keys()):
        expected, found = named.get(shard, set()), set(held.get(shard, ()))
        if shard not in held or expected != found:
            yield _problem(
                "CR706",
                "the index of the weights and its shards disagree",
                path,
                expected=f"{shard} with the {len(expected)} tensors that the index puts there",
                found=f"{len(expected - found)} of them missing, {len(found - expected)} others"
                if found
                else "no such file",
                hint="save the model again into an empty folder",
            )


def check_json(folder: Path, path: str) -> Iterator[Problem]:
    """A configuration that is not JSON, or says what no model has (CR707)."""
    try:
        read_json_object(folder / path)
    except RecipeError as error:
        yield _problem("CR707", "a JSON file cannot be read", path, found=_reason(error), hint="make the package again")


def check_card(folder: Path, path: str) -> Iterator[Problem]:
    """A card without a head of YAML that can be read (CR709)."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        match = _CARD_HEAD.match((folder / path).read_text(encoding="utf-8"))
        head = YAML(typ="safe", pure=True).load(match[1]) if match else None
        reason = (
            "" if isinstance(head, dict) and "license" in head else "no mapping with a licence between two lines of ---"
        )
    except (ValueError, YAMLError) as error:
        reason = str(error)
    if reason:
        yield _problem(
            "CR709", "the head of the model card cannot be read", path, found=reason, hint="make the package again"
        )


def _reason(error: Exception) -> str:
    return error.problems[0].found if isinstance(error, RecipeError) else str(error)


def _shards(index: Any) -> dict[str, set[str]]:
    """Return the tensors of each shard; raises ValueError for an index of another form."""
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not all(isinstance(shard, str) for shard in weight_map.values()):
        raise ValueError("no weight_map of tensor to file")
    shards: dict[str, set[str]] = {}
    for tensor, shard in weight_map.items():
        shards.setdefault(shard, set()).add(tensor)
    return shards


def _problem(code: str, message: str, path: str, *, expected: str = "", found: str = "", hint: str) -> Problem:
    return Problem(code=code, message=f"{message}: {path}", expected=expected, found=found, hint=hint)
