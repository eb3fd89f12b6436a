"""What a plan was made from and what will decide its results: hashes of files, versions of packages, revisions."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cosmos_recipes
from cosmos_recipes.backbones.hub import is_commit
from cosmos_recipes.backbones.names import ZOO_FILE
from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.files import sha256

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


def lock(plan: Plan) -> dict[str, Any]:
    """Return what has to be the same for a run to give the same result."""
    return {
        "version": 1,
        "plan": plan.fingerprint(),
        "python": platform.python_version(),
        "packages": _versions(),
        "files": plan.sources,
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


def _commit(plan: Plan) -> str | None:
    """Return the commit of weights on the Hub, None where the Hub did not say it."""
    revision = Weights(label=plan.backbone.weights or "").revision
    return revision if revision and is_commit(revision) else None


@cache
def _versions() -> dict[str, str]:
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
