"""Changes to a compiled recipe that its lock tells of, and its publishing; if these are wrong, so are the tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.files import sha256


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def line(path: Path, start: str) -> str:
    return next(each for each in path.read_text().splitlines() if each.strip().startswith(start))


def _other_version(run: Path) -> None:
    edit(run / "recipe.lock", line(run / "recipe.lock", "torch:"), "  torch: 2.0.1")


def _other_code(run: Path) -> None:
    edit(run / "recipe.lock", line(run / "recipe.lock", "version: 0"), "  version: 0.0.1")


def _other_base(run: Path) -> None:
    weights = run.parent / "base" / "head" / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def _other_plan(run: Path) -> None:
    edit(run / "plan.yaml", "seed: 0", "seed: 1")


def _other_recipe(run: Path) -> None:
    edit(run / "recipe.yaml", "seed: 0", "seed: 1")


def _other_contract(run: Path) -> None:
    edit(run / "recipe.lock", line(run / "recipe.lock", "name: instruction-video"), "  name: pose")


def _older_lock(run: Path) -> None:
    edit(run / "recipe.lock", "version: 2", "version: 1")


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "package": (_other_version, "packages.torch"),
    "code": (_other_code, "code.version"),
    "base": (_other_base, "backbone.weights_sha256"),
    "plan": (_other_plan, "plan"),
    "recipe": (_other_recipe, "recipe"),
    "contract": (_other_contract, "schema.name"),
    "lock": (_older_lock, "version"),
}


def published(run: Path) -> Path:
    """A folder with the Hub's layout, whose package has the weights of its base, so that nothing has to be trained for it."""
    snapshot, base = run.parent / "arm" / "snapshots" / ("a" * 40), Weights(label="shipped:tiny-diffusion").folder
    shutil.copytree(run, snapshot)
    for name in ("cosmos_recipe.json", "head/model.safetensors"):
        (snapshot / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(base / name, snapshot / name)
    (run.parent / "arm" / "refs").mkdir()
    (run.parent / "arm" / "refs" / "main").write_text("a" * 40)
    files = {
        path.relative_to(snapshot).as_posix(): {"sha256": sha256(path), "size_bytes": path.stat().st_size}
        for path in snapshot.rglob("*.*")
        if path.name not in ("nemo.yaml", "launch.sh")
    }
    (snapshot / "MANIFEST.json").write_text(json.dumps({"format": 1, "files": files}))
    return snapshot
