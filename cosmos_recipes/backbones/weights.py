"""The weights that a run starts from: a model's folder, shipped with the package or named by a recipe, and its hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import sha256

SHIPPED = "shipped:"
PARTS = ("transformer", "tokenizer", "head")
ADAPTER = "pytorch_lora_weights.safetensors"
"""Low-rank adapters; the name, at the top of a repository, is where diffusers looks for them."""
_FOLDER = Path(__file__).with_name("weights")


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """A model to start from. `label` is what a plan calls it: `shipped:NAME`, or the path of its folder."""

    label: str

    @property
    def folder(self) -> Path:
        """Where it lies: what `WorldModel.save_pretrained` wrote, or a package."""
        is_shipped = self.label.startswith(SHIPPED)
        return _FOLDER / self.label.removeprefix(SHIPPED) if is_shipped else Path(self.label)

    def files(self) -> list[Path]:
        """Return the files that make up the model, and nothing else of the folder."""
        parts = [path for part in PARTS for path in sorted((self.folder / part).rglob("*")) if path.is_file()]
        adapters = [path for path in (self.folder / ADAPTER,) if path.is_file()]
        return [self.folder / "cosmos_recipe.json", *adapters, *parts]

    def sha256(self) -> str:
        """Return the hash of the model's files and their names."""
        lines = [f"{path.relative_to(self.folder).as_posix()} {sha256(path)}\n" for path in self.files()]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def architecture(self) -> dict[str, Any]:
        """Return the constructor arguments of the network."""
        config: dict[str, Any] = json.loads((self.folder / "transformer" / "config.json").read_text(encoding="utf-8"))
        return {name: value for name, value in config.items() if not name.startswith("_")}

    @property
    def is_whole(self) -> bool:
        """Whether the folder holds a model."""
        needed = ("cosmos_recipe.json", "transformer/config.json", "tokenizer/config.json", "head/model.safetensors")
        return all((self.folder / name).is_file() for name in needed)


def require_unchanged(
    weights: Weights, expected_sha256: str | None, *, hint: str = "put them back, or compile the recipe again"
) -> None:
    """Refuse weights that are not those of the plan.

    Raises:
        RecipeError: the folder is gone or holds another model (CR607).
    """
    found = weights.sha256() if weights.is_whole else "no model"
    if found != expected_sha256:
        fail(
            "CR607",
            "the weights to start from are not those that the plan was made for",
            place=Place(file=str(weights.folder)),
            expected=f"a model with the sha256 {str(expected_sha256)[:12]}",
            found=found[:12],
            hint=hint,
        )
