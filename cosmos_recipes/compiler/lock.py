"""What a plan was made from and what will decide its results: hashes of files, versions of packages, revisions.

A run is held to a lock by `compiler.drift`. What is in the data is known once it was read: `with_data` adds that.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cosmos_recipes
from cosmos_recipes.backbones.names import ZOO_FILE
from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.data.hub_files import is_commit
from cosmos_recipes.files import sha256, sha256_of

LOCK_VERSION = 2
PACKAGES = (
    "accelerate",
    "av",
    "cosmos-recipes",
    "diffusers",
    "huggingface_hub",
    "lightning",
    "nemo_toolkit",
    "numpy",
    "nvidia-dali-cuda120",
    "nvidia-dali-cuda130",
    "peft",
    "pyarrow",
    "safetensors",
    "torch",
    "torchmetrics",
    "transformers",
)
_PACKAGE = Path(cosmos_recipes.__file__).parent


def file_hashes(resolved: Resolved) -> dict[str, str]:
    """Return the sha256 of every file that the plan was made from."""
    weights = resolved.weights.files() if resolved.weights else []
    files = [*resolved.loaded.files, *resolved.files, ZOO_FILE, *weights]
    return {_shown(path): sha256(path) for path in files}


def lock(plan: Plan, *, recipe: str | None = None, origin: str | None = None) -> dict[str, Any]:
    """Return what has to be the same for a run to give the same result.

    Args:
        plan: what is run.
        recipe: the text of recipe.yaml beside it.
        origin: what is run again, pinned: a package on the Hub or in a folder.
    """
    return {
        "version": LOCK_VERSION,
        "origin": origin,
        "plan": plan.fingerprint(),
        "recipe": recipe and hashlib.sha256(recipe.encode()).hexdigest(),
        **environment(),
        "files": plan.sources,
        "schema": {"name": plan.data.schema_name, "sha256": contract_sha256(plan.data.contract)},
        "backbone": {
            "name": plan.backbone.name,
            "hub_id": plan.backbone.hub_id,
            "revision": plan.backbone.revision,
            "weights": plan.backbone.weights,
            "weights_sha256": plan.backbone.weights_sha256,
            "commit": _commit(plan),
        },
        "data": {"name": plan.data.name, "revision": plan.data.revision, "licence": plan.data.licence},
    }


def environment() -> dict[str, Any]:
    """Return what a lock says of where it is written: `code`, `python` and `packages`."""
    return {
        "code": {"version": cosmos_recipes.__version__, "sha256": code_sha256()},
        "python": platform.python_version(),
        "packages": versions(),
    }


def with_data(document: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a lock that says what is in the data, too; `content` is that of `run.content`."""
    return {**document, "data": {**document["data"], **content}}


def contract_sha256(contract: Mapping[str, Any]) -> str:
    """Return the hash of a contract's content, as hex."""
    return hashlib.sha256(json.dumps(contract, sort_keys=True).encode()).hexdigest()


@cache
def code_sha256() -> str:
    """Return the hash of this package's own code and of its table of backbones, as hex."""
    return sha256_of(_PACKAGE, [*sorted(_PACKAGE.rglob("*.py")), ZOO_FILE])


def _commit(plan: Plan) -> str | None:
    """Return the commit of weights on the Hub, None where the Hub did not say it."""
    revision = Weights(label=plan.backbone.weights or "").revision
    return revision if revision and is_commit(revision) else None


@cache
def versions() -> dict[str, str]:
    """Return the installed versions of the packages that results may depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _shown(path: Path) -> str:
    """Return a path of the package as inside it, any other as it was given."""
    inside = path.is_relative_to(_PACKAGE)
    return (Path(_PACKAGE.name) / path.relative_to(_PACKAGE) if inside else path).as_posix()
