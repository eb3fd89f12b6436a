"""If these fail, what was trained with adapters is lost on the way to a package, or is not what diffusers reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import CosmosTransformer3DModel
from diffusers.loaders.lora_pipeline import CosmosLoraLoaderMixin
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import tiny_plan, write_base
from torch import Tensor
from torch.distributed.checkpoint.filesystem import FileSystemReader

from cosmos_recipes.backbones.objectives import NoiseSampling
from cosmos_recipes.backbones.weights import ADAPTER
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.training.checkpoints import Checkpoints
from cosmos_recipes.training.fit import train
from cosmos_recipes.training.policy import Policy
from cosmos_recipes.training.world_model import WorldModel

ROWS = [{"caption": "red box left"}, {"caption": ""}]


@pytest.fixture(scope="module")
def base(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base") / "model", prepared)


@pytest.fixture(scope="module")
def trained(base: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a training with adapters; nobody may change what is there."""
    run = tmp_path_factory.mktemp("run")
    train(tiny_plan(base=base, train={"ema": 0.9}), run, prepared)
    return run


def generated(model: WorldModel) -> Tensor:
    given = torch.randint(0, 256, (2, 3, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return model.generate(
        given, model.collate(ROWS), frames=5, sampling=NoiseSampling(steps=3), guidance=1.5, seeds=range(2)
    )


def test_a_model_trained_with_adapters_is_not_its_base_and_is_itself_again_when_loaded(
    base: Path, trained: Path, prepared: Path
) -> None:
    """NVIDIA's users found their adapters' videos to be those of the base."""
    loaded = WorldModel.from_pretrained(trained / "train" / "model")
    start = WorldModel.build(tiny_plan(base=base), tokenizer=prepared / "tokenizer").eval()
    assert not torch.equal(generated(loaded), generated(start))
    assert torch.equal(generated(start), generated(WorldModel.from_pretrained(base)))
    again = WorldModel.build(tiny_plan(base=base), tokenizer=prepared / "tokenizer").eval()
    again.load_state_dict(loaded.state_dict())
    assert torch.equal(generated(loaded), generated(again))


def test_the_network_of_the_base_is_neither_trained_nor_kept_twice(base: Path, trained: Path) -> None:
    before = load_file(base / "transformer" / "diffusion_pytorch_model.safetensors")
    loaded = WorldModel.from_pretrained(trained / "train" / "model").transformer.state_dict()
    assert all(torch.equal(loaded[_in_adapted(name, loaded)], value) for name, value in before.items())
    assert not list((trained / "train" / "model" / "transformer").glob("*.safetensors"))
    newest = Checkpoints(trained / "train" / "checkpoints", policy=Policy(last=1)).newest()
    assert newest is not None
    stored = FileSystemReader(newest).read_metadata().state_dict_metadata
    kept = [name.removeprefix("model.") for name in stored if name.startswith("model.")]
    assert all("lora_" in name or not name.startswith("world_model.transformer") for name in kept)
    trained_names = [name for name in kept if "lora_" in name or name.startswith("world_model.head.")]
    assert sum(name.startswith("average.") for name in kept) == len(trained_names)


def _in_adapted(name: str, state: dict[str, Tensor]) -> str:
    module, _, weight = name.rpartition(".")
    return name if name in state else f"{module}.base_layer.{weight}"


def test_plain_diffusers_predicts_the_same_with_the_adapters(base: Path, trained: Path) -> None:
    package = trained / "train" / "model"
    ours = WorldModel.from_pretrained(package).transformer
    theirs = CosmosTransformer3DModel.from_pretrained(base / "transformer")
    random = torch.Generator().manual_seed(0)
    inputs = {
        "hidden_states": torch.randn(2, 8, 2, 4, 4, generator=random),
        "timestep": torch.tensor([10.0, 900.0]),
        "encoder_hidden_states": torch.randn(2, 5, 16, generator=random),
        "condition_mask": torch.ones(2, 1, 2, 4, 4),
        "return_dict": False,
    }
    untrained = theirs(**inputs)[0]
    theirs.load_lora_adapter(package, weight_name=ADAPTER)
    assert torch.equal(theirs(**inputs)[0], ours(**inputs)[0])
    assert not torch.equal(untrained, ours(**inputs)[0])
    # What a pipeline's `load_lora_weights` takes from a folder.
    assert CosmosLoraLoaderMixin.lora_state_dict(package).keys() == load_file(package / ADAPTER).keys()


def test_training_goes_on_from_a_model_with_adapters(trained: Path, prepared: Path) -> None:
    """Its network has the adapters in its weights, under new ones."""
    second = trained / "train" / "model"
    started = WorldModel.build(tiny_plan(base=second), tokenizer=prepared / "tokenizer").eval()
    before = WorldModel.from_pretrained(second)
    control, latent = before.collate(ROWS), torch.randn(2, 8, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    losses = [m.loss(latent, control, seed=0, step=0, samples=range(2), dropout=0) for m in (started, before)]
    torch.testing.assert_close(*losses)


def test_a_base_that_moved_is_said_and_another_one_is_refused(base: Path, trained: Path, tmp_path: Path) -> None:
    package = tmp_path / "package"
    shutil.copytree(trained / "train" / "model", package)
    expected = generated(WorldModel.from_pretrained(package))
    shutil.copytree(base, tmp_path / "moved")
    said = json.loads((package / "cosmos_recipe.json").read_text())
    said["base"]["weights"] = str(tmp_path / "nowhere")
    (package / "cosmos_recipe.json").write_text(json.dumps(said))
    with pytest.raises(RecipeError, match="CR607"):
        WorldModel.from_pretrained(package)
    assert torch.equal(generated(WorldModel.from_pretrained(package, base=tmp_path / "moved")), expected)
    with pytest.raises(RecipeError, match="CR607"):
        WorldModel.from_pretrained(package, base=package)


@pytest.mark.parametrize("damage", ["missing", "surplus", "shape"])
def test_adapters_of_another_network_are_refused(trained: Path, tmp_path: Path, damage: str) -> None:
    package = tmp_path / "package"
    shutil.copytree(trained / "train" / "model", package)
    with safe_open(package / ADAPTER, "pt") as file:
        metadata = file.metadata()
    state = load_file(package / ADAPTER)
    name = next(iter(state))
    tensor = state.pop(name)
    if damage == "surplus":
        state |= {name: tensor, name.replace("blocks.0", "blocks.7"): tensor.clone()}
    if damage == "shape":
        state[name] = torch.cat([tensor, tensor], -1)
    save_file(state, package / ADAPTER, metadata=metadata)
    with pytest.raises(RecipeError, match="CR608"):
        WorldModel.from_pretrained(package)
