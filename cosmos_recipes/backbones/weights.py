"""The weights that a run starts from: a model shipped with the package, on the Hub or in a folder, and its hash.

A folder is what `WorldModel.save_pretrained` wrote, or has the layout of a diffusers pipeline, as the Hub's models have:
transformer/, vae/, text_encoder/, tokenizer/. In place of transformer/ it may have NVIDIA's own `model.pt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmos_recipes.backbones import hub
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import sha256_of
from cosmos_recipes.recipe.json_object import read_json_object

SHIPPED, HUB = "shipped:", "hub:"
PARTS = ("transformer", "tokenizer", "head")
ADAPTER = "pytorch_lora_weights.safetensors"
"""Low-rank adapters; the name, at the top of a repository, is where diffusers looks for them."""
PIPELINE_PARTS = ("transformer", "vae")
CHECKPOINT = "model.pt"
"""The network in NVIDIA's own form: that of the autoregressive models, which are published in no other."""
_FOLDER = Path(__file__).with_name("weights")


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """A model to start from. `label` is what a plan calls it: `shipped:NAME`, a path, or `hub:OWNER/NAME@REVISION`.

    The last is `hub:OWNER/NAME/model.pt@REVISION` where the network is a checkpoint and not a folder.
    """

    label: str

    @classmethod
    def of_hub(cls, hub_id: str, revision: str, *, checkpoint: bool = False) -> Weights:
        """Return the weights of a model of the Hub, whose network may be a checkpoint."""
        return cls(label=f"{HUB}{hub_id}{f'/{CHECKPOINT}' if checkpoint else ''}@{revision}")

    @property
    def is_on_hub(self) -> bool:
        """Whether the files are the Hub's; then their commit stands for their hash."""
        return self.label.startswith(HUB)

    @property
    def revision(self) -> str | None:
        """The revision on the Hub, a commit where that was known."""
        return self.label.rpartition("@")[2] if self.is_on_hub else None

    @property
    def folder(self) -> Path:
        """Where it lies, unless that is the Hub."""
        is_shipped = self.label.startswith(SHIPPED)
        return _FOLDER / self.label.removeprefix(SHIPPED) if is_shipped else Path(self.label)

    def fetched(self, *parts: str) -> Path:
        """Return the folder, with these parts of it on this machine.

        Raises:
            RecipeError: the Hub does not give them (CR623).
        """
        if not self.is_on_hub:
            return self.folder
        place, _, revision = self.label.removeprefix(HUB).partition("@")
        named = (CHECKPOINT if part == "transformer" and self.is_checkpoint else part for part in parts)
        return hub.fetch(place.removesuffix(f"/{CHECKPOINT}"), revision, tuple(named))

    @property
    def is_pipeline(self) -> bool:
        """Whether it has the layout of a diffusers pipeline, and so neither a head nor a tokenizer of ours."""
        return self.is_on_hub or not (self.folder / "cosmos_recipe.json").exists()

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is a pipeline with `model.pt` in place of transformer/; with both, transformer/ counts."""
        if self.is_on_hub:
            return self.label.partition("@")[0].endswith(f"/{CHECKPOINT}")
        has_folder = (self.folder / "transformer" / "config.json").is_file()
        return self.is_pipeline and not has_folder and (self.folder / CHECKPOINT).is_file()

    def holds(self, part: str) -> bool:
        """Return whether a part lies in the folder; of one that is on the Hub that is not known, so it does not."""
        return not self.is_on_hub and (self.folder / part).is_dir()

    def files(self) -> list[Path]:
        """Return the files that make up the model, and nothing else of the folder; none of one that is on the Hub."""
        if self.is_on_hub:
            return []
        parts = PIPELINE_PARTS if self.is_pipeline else PARTS
        adapters = [path for path in (self.folder / ADAPTER,) if path.is_file()]
        own = [] if self.is_pipeline else [self.folder / "cosmos_recipe.json", *adapters]
        own += [self.folder / CHECKPOINT] if self.is_checkpoint else []
        return [*own, *(path for part in parts for path in sorted((self.folder / part).rglob("*")) if path.is_file())]

    def sha256(self) -> str | None:
        """Return the hash of the model's files and their names; None of one that is on the Hub."""
        if self.is_on_hub:
            return None
        return sha256_of(self.folder, self.files())

    def architecture(self) -> dict[str, Any]:
        """Return the constructor arguments of the network; of a checkpoint, those that the shapes in it tell.

        Raises:
            RecipeError: the checkpoint cannot be read (CR621).
        """
        folder = self.fetched("transformer")
        if self.is_checkpoint:
            from cosmos_recipes.backbones.autoregressive.nvidia import architecture_of

            return architecture_of(folder)
        config = read_json_object(folder / "transformer" / "config.json")
        return {name: value for name, value in config.items() if not name.startswith("_")}

    @property
    def is_whole(self) -> bool:
        """Whether the folder holds a model; a checkpoint needs nothing beside it."""
        if self.is_checkpoint:
            return True
        needed: tuple[str, ...] = ("transformer/config.json", "vae/config.json")
        if not self.is_pipeline:
            needed = (
                "cosmos_recipe.json",
                "transformer/config.json",
                "tokenizer/config.json",
                "head/model.safetensors",
            )
        return all((self.folder / name).is_file() for name in needed)


def require_unchanged(
    weights: Weights, expected_sha256: str | None, *, hint: str = "put them back, or compile the recipe again"
) -> None:
    """Refuse weights that are not those of the plan; what a commit of the Hub is never changes.

    Raises:
        RecipeError: the folder is gone or holds another model (CR607).
    """
    if weights.is_on_hub:
        return
    found = weights.sha256() if weights.is_whole else None
    if found is None or found != expected_sha256:
        fail(
            "CR607",
            "the weights to start from are not those that the plan was made for",
            place=Place(file=str(weights.folder)),
            expected=f"a model with the sha256 {str(expected_sha256)[:12]}",
            found=(found or "no model")[:12],
            hint=hint,
        )


def is_checkpoint(family: str) -> bool:
    """Return whether the Hub has the models of a family as checkpoints: NVIDIA's decoders, but not its pipelines."""
    return family == "autoregressive"
