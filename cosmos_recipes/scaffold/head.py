"""A new conditioning head, in a package of its own: an installed one is found by its entry point, and nothing here changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cosmos_recipes import __version__
from cosmos_recipes.conditioning.base import heads
from cosmos_recipes.conditioning.testing import FRAMES, STEPS
from cosmos_recipes.data.contract import FRAMES as FRAMES_AXIS
from cosmos_recipes.data.contract import STEPS as STEPS_AXIS
from cosmos_recipes.data.contract import Column, Schema, load_schema
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.scaffold import Scaffold, module_name, rendered, require_name

FREE_NUMBERS = 3
"""Numbers of an axis that the contract leaves to the data, in the test."""


def new_head(name: str, folder: Path, *, schema: str, column: str | None = None) -> Scaffold:
    """Return a package with a head of that name, which reads a column of a contract and begins as a no-op.

    Raises:
        RecipeError: there is no such contract, or no such column that changes with time (CR677); a head of the name is
            installed already (CR678).
    """
    require_name(name)
    if name in heads():
        fail(
            "CR678",
            f"a head called `{name}` is installed already",
            expected="a name of its own",
            found=name,
            hint="`cosmos-recipe ls heads` lists those that are taken",
        )
    contract = load_schema(schema)
    values = _values(name, contract, _column(contract, column))
    package, test = values["package"], f"tests/test_{module_name(name)}.py"
    pages = {
        "pyproject.toml": "pyproject.toml",
        f"{package}/__init__.py": "init.py",
        f"{package}/head.py": "head.py",
        f"{package}/network.py": "network.py",
        test: "test_head.py",
        "README.md": "README.md",
    }
    files = {folder / path: rendered(f"head/{template}", **values) for path, template in pages.items()}
    recipe, data = f"my-{module_name(name).replace('_', '-')}", f"made-up/{contract.name}"
    return Scaffold(
        files=files,
        then=(
            f"python -m pip install -e {folder}",
            f"python -m pytest {folder}",
            "cosmos-recipe ls heads",
            f"cosmos-recipe data synthesize {contract.name} {data}",
            f"cosmos-recipe new recipe {recipe} --head {name} --dataset {data}/dataset.yaml",
        ),
    )


def _values(name: str, contract: Schema, told: str) -> dict[str, Any]:
    """Return what the templates say of a head that is told a column."""
    shape = contract.columns[told].shape
    of_steps = STEPS_AXIS in shape
    package = f"cosmos_recipes_{module_name(name)}"
    return {
        "name": name,
        "package": package,
        "distribution": package.replace("_", "-"),
        "version": __version__,
        "schema": contract.name,
        "column": told,
        "words": contract.columns[told].summary.rstrip("."),
        "of_steps": of_steps,
        "shape": [
            STEPS if of_steps else FRAMES,
            *(axis if isinstance(axis, int) else FREE_NUMBERS for axis in shape[1:]),
        ],
        "class": "".join(part.capitalize() for part in module_name(name).split("_")),
    }


def _column(contract: Schema, wanted: str | None) -> str:
    """Return the column that is told to the model: the one that was asked for, or the first that can be."""
    known = [name for name, column in contract.columns.items() if _changes_with_time(column)]
    chosen = [name for name in known if wanted in (None, name)]
    required = [name for name in chosen if contract.columns[name].required]
    if not chosen:
        fail(
            "CR677",
            f"the contract `{contract.name}` has no column{f' `{wanted}`' if wanted else ''} that a new head can begin with",
            expected=f"one of {listed(known)}" if known else "a column of numbers with a row for each frame or step",
            found=wanted or "none",
            hint="begin with another contract, and change `columns`, `collate` and `forward` of the head afterwards",
        )
    return (required or chosen)[0]


def _changes_with_time(column: Column) -> bool:
    """Return whether a column has plain numbers for each frame or step; poses and the like need a head that knows them."""
    return column.kind == "tensor" and column.shape[0] in (FRAMES_AXIS, STEPS_AXIS) and column.convention is None
