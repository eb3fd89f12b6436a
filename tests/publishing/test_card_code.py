"""If these fail, a published model does not load where its card says that it does, or as another network."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import Cosmos2_5_PredictBasePipeline, CosmosTransformer3DModel
from publishing_toys import make_plan
from safetensors.torch import load_file

from cosmos_recipes.backbones.adapters import adapt
from cosmos_recipes.backbones.weights import ADAPTER, Weights
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.publishing.package import Package, write_package
from cosmos_recipes.training.world_model import WorldModel
from tests.card_code import run_without_us

HUB_ID, COMMIT = "nvidia/Cosmos-Toy", "0123456789abcdef0123456789abcdef01234567"
LOCAL = {"repo": "local", "public": False}
WITHOUT_NETWORK = {"HF_HUB_OFFLINE": "1", "PATH": os.environ["PATH"]}


def assert_same(found: Path, network: torch.nn.Module) -> None:
    """Compare bit for bit; a network with adapters has names of its own for the weights that it adapts."""
    theirs, ours = load_file(found), network.state_dict()
    renamed = {name.replace("default_0", "default"): value for name, value in theirs.items()}
    assert renamed.keys() == ours.keys()
    assert all(torch.equal(renamed[name], ours[name]) for name in ours)


def adapted(made: SimpleNamespace, folder: Path, **backbone: Any) -> tuple[WorldModel, Plan]:
    """A model with adapters that say something, saved, and its plan."""
    model = WorldModel.from_pretrained(Path(made.model))
    adapt(model.transformer, rank=2, alpha=4, seed=0)
    generator = torch.Generator().manual_seed(0)
    for name, value in model.transformer.named_parameters():
        if "lora_B" in name:
            value.data = torch.randn(value.shape, generator=generator)
    plan = make_plan(publish=LOCAL)
    plan = plan.model_copy(
        update={
            "train": plan.train.model_copy(update={"method": "lora", "lora_rank": 2, "lora_alpha": 4}),
            "backbone": plan.backbone.model_copy(update=backbone),
        }
    )
    model.config = replace(model.config, base={"weights": str(backbone["weights"]), "sha256": None})
    model.save_pretrained(folder)
    return model, plan


@pytest.fixture
def cache(made: SimpleNamespace, tmp_path: Path) -> Path:
    """The Hub's cache with the base at a commit, as a download leaves it."""
    snapshot = tmp_path / "hub" / f"models--{HUB_ID.replace('/', '--')}" / "snapshots" / COMMIT
    shutil.copytree(Path(made.model) / "transformer", snapshot / "transformer")
    return tmp_path / "hub"


def packaged(folder: Path, made: SimpleNamespace, model: Path, plan: Plan) -> Package:
    return write_package(folder, model=model, run=made.run, evaluation=made.evaluation, plan=plan)


def test_a_network_loads_in_a_process_without_us(made: SimpleNamespace, tmp_path: Path) -> None:
    package = packaged(tmp_path / "package", made, made.model, make_plan(publish=LOCAL))
    card = (package.folder / "README.md").read_text()
    assert "**The head does not load there.**" in card
    assert_same(
        run_without_us(card, package.folder, **WITHOUT_NETWORK), WorldModel.from_pretrained(made.model).transformer
    )


def test_adapters_load_on_their_base_of_the_hub_in_a_process_without_us(
    made: SimpleNamespace, tmp_path: Path, cache: Path
) -> None:
    base = {"name": "toy", "hub_id": HUB_ID, "weights": Weights.of_hub(HUB_ID, COMMIT).label}
    model, plan = adapted(made, tmp_path / "model", **base)
    package = packaged(tmp_path / "package", made, tmp_path / "model", plan)
    card = (package.folder / "README.md").read_text()
    assert "base_model_relation: adapter" in card
    assert_same(run_without_us(card, package.folder, HF_HUB_CACHE=str(cache), **WITHOUT_NETWORK), model.transformer)


def test_adapters_load_on_a_base_that_ships_with_us_in_a_process_without_us(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    model, plan = adapted(made, tmp_path / "model", weights="shipped:toy")
    package = packaged(tmp_path / "package", made, tmp_path / "model", plan)
    unzipped = package.folder / "cosmos_recipes" / "backbones" / "weights" / "toy"
    shutil.copytree(Path(made.model) / "transformer", unzipped / "transformer")
    assert_same(
        run_without_us((package.folder / "README.md").read_text(), package.folder, **WITHOUT_NETWORK), model.transformer
    )


def test_a_pipeline_of_predict25_takes_the_adapters(made: SimpleNamespace, tmp_path: Path) -> None:
    base = {"name": "predict2.5-2b", "hub_id": HUB_ID, "weights": Weights.of_hub(HUB_ID, COMMIT).label}
    model, plan = adapted(made, tmp_path / "model", **base)
    package = packaged(tmp_path / "package", made, tmp_path / "model", plan)
    assert (
        "`Cosmos2_5_PredictBasePipeline` takes the adapters by `load_lora_weights`"
        in (package.folder / "README.md").read_text()
    )
    # Its other parts are gigabytes, and take no adapters.
    pipeline = Cosmos2_5_PredictBasePipeline.__new__(Cosmos2_5_PredictBasePipeline)
    pipeline.register_modules(**dict.fromkeys(("vae", "text_encoder", "tokenizer", "scheduler", "safety_checker")))
    transformer = CosmosTransformer3DModel.from_pretrained(Path(made.model) / "transformer")
    pipeline.register_modules(transformer=transformer)
    pipeline.load_lora_weights(package.folder, weight_name=ADAPTER)
    found = {name.replace("default_0", "default"): value for name, value in transformer.state_dict().items()}
    assert all(torch.equal(found[name], value) for name, value in model.transformer.state_dict().items())


def test_of_a_decoder_it_says_that_nothing_loads(plan: Plan) -> None:
    from publishing_toys import METRICS

    from cosmos_recipes.publishing.card import Told, model_card

    decoder = plan.model_copy(update={"backbone": plan.backbone.model_copy(update={"family": "autoregressive"})})
    card = model_card(decoder, Told(run_id="base", metrics=METRICS))
    assert "Nothing of this model loads there" in card
    assert "from diffusers" not in card
