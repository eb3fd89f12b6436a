"""If these fail, a run starts from other weights than its plan says, or the shipped base does not load."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cosmos_recipes.backbones.diffusion import load_transformer
from cosmos_recipes.backbones.ship import ship
from cosmos_recipes.backbones.weights import SHIPPED, Weights
from cosmos_recipes.backbones.zoo import zoo
from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.training.world_model import WorldModel

BASE = Weights(label=SHIPPED + "tiny-diffusion")
BASE_FOLDER = BASE.folder
LARGEST_BYTES = 8_000_000
LEAST_ADHERENCE = {"tiny-workshop": 1.15, "tiny-diffusion": 1.0, "tiny-autoregressive": 1.0}
"""To captions, the lower bound. Those of all worlds together say less of what happens than those of workshops."""


def plan(recipe: str = "factory", overrides: Sequence[str] = ()) -> Plan:
    return compile_recipe(load_recipe(recipe, overrides=overrides))


@pytest.mark.parametrize("entry", [entry for entry in zoo().values() if entry.weights], ids=lambda entry: entry.name)
def test_shipped_weights_are_whole_small_and_those_of_their_backbone(entry) -> None:
    weights = Weights(label=SHIPPED + entry.weights)
    assert weights.is_whole
    assert sum(path.stat().st_size for path in weights.folder.rglob("*")) < LARGEST_BYTES
    architecture = weights.architecture()
    ours = entry.architecture.model_dump(mode="json")
    assert {name: architecture[name] for name in ours if name in architecture} == {
        name: value for name, value in ours.items() if name in architecture
    }
    assert json.loads((weights.folder / "metrics.json").read_text())["adherence_low"] > LEAST_ADHERENCE[entry.name]


@pytest.mark.parametrize("recipe", ["factory", "factory-instructions", "cell-views", "road-trajectory"])
def test_a_run_starts_from_the_base_bit_for_bit(recipe: str) -> None:
    model = WorldModel.build(plan(recipe), tokenizer=BASE.folder / "tokenizer")
    base = load_transformer(str(BASE.folder / "transformer")).state_dict()
    ours = model.transformer.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in base.items())
    if recipe != "factory":
        head = load_file(BASE.folder / "head" / "model.safetensors")
        text = getattr(model.head, "text", model.head).state_dict()
        assert all(torch.equal(text[name], value.float()) for name, value in head.items())


def test_without_a_caption_the_base_is_the_same_under_both_heads() -> None:
    """Otherwise `head: none` starts from a model that it has to learn anew."""
    latent_BCTHW = torch.randn(2, 64, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    losses = []
    for recipe in ("factory", "factory-instructions"):
        model = WorldModel.build(plan(recipe, ["conditioning.given_frames=5"]), tokenizer=BASE.folder / "tokenizer")
        with torch.no_grad():
            losses.append(model.loss(latent_BCTHW, model.null(2), seed=0, step=0, samples=range(2), dropout=0))
    torch.testing.assert_close(*losses)


def test_from_scratch_is_not_from_the_base() -> None:
    scratch = plan(overrides=["backbone={use: tiny-diffusion, weights: none}"])
    assert scratch.backbone.weights is None
    model = WorldModel.build(scratch, tokenizer=BASE.folder / "tokenizer")
    assert not model.transformer.proj_out.weight.any()


def test_a_model_of_ones_own_is_a_start_and_another_one_in_its_place_is_refused(tmp_path: Path) -> None:
    shutil.copytree(BASE.folder, tmp_path / "mine")
    own = plan(overrides=[f"backbone={{use: tiny-diffusion, weights: {tmp_path / 'mine'}}}"])
    assert own.backbone.weights_sha256 == plan().backbone.weights_sha256
    WorldModel.build(own, tokenizer=BASE.folder / "tokenizer")
    config = tmp_path / "mine" / "tokenizer" / "config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(RecipeError, match="CR607"):
        WorldModel.build(own, tokenizer=BASE.folder / "tokenizer")


def test_shipping_keeps_the_model_in_half_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = BASE.sha256()
    monkeypatch.setattr("cosmos_recipes.backbones.weights._FOLDER", tmp_path)
    assert Weights(label=SHIPPED + "again").folder == ship(BASE_FOLDER, "again")
    assert Weights(label=SHIPPED + "again").sha256() == before
