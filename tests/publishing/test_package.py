"""If these fail, a package lacks something, holds what it must not, or no longer loads."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers import CosmosTransformer3DModel
from hypothesis import given
from hypothesis import strategies as st
from publishing_toys import make_plan

from cosmos_recipes.backbones.adapters import adapt, is_adapted
from cosmos_recipes.backbones.weights import ADAPTER, Weights
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.publishing.checks import check_name
from cosmos_recipes.publishing.package import Package, verify_package, write_package
from cosmos_recipes.training.world_model import WorldModel

TOKEN = "hf_" + "abcDEF" * 6


@pytest.fixture
def copied(tmp_path: Path, made: SimpleNamespace) -> SimpleNamespace:
    """The folders to package, to be spoiled."""
    copies = {name: shutil.copytree(folder, tmp_path / "made" / folder.name) for name, folder in vars(made).items()}
    return SimpleNamespace(**copies)


@pytest.fixture
def unpacked(tmp_path: Path, package: Package) -> Path:
    """A package to be spoiled."""
    return Path(shutil.copytree(package.folder, tmp_path / "package"))


def codes(work: Callable[[], object]) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        work()
    assert TOKEN not in str(caught.value)
    assert all(problem.hint for problem in caught.value.problems)
    return [problem.code for problem in caught.value.problems]


def relist(folder: Path, name: str) -> None:
    """Let the manifest list a file as it is now."""
    from cosmos_recipes.publishing.files import FileEntry

    manifest = json.loads((folder / "MANIFEST.json").read_text())
    entry = FileEntry.of(folder, name)
    manifest["files"][name] = {"sha256": entry.sha256, "size_bytes": entry.size_bytes}
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))


def test_network_loads_in_diffusers_and_the_whole_in_ours(package: Package, made: SimpleNamespace) -> None:
    theirs = CosmosTransformer3DModel.from_pretrained(package.folder / "transformer")
    trained = WorldModel.from_pretrained(made.model)
    for ours, loaded in ((trained.transformer, theirs), (trained, WorldModel.from_pretrained(package.folder))):
        expected, found = ours.state_dict(), loaded.state_dict()
        assert expected.keys() == found.keys()
        assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_adapters_are_packaged_without_their_base(
    copied: SimpleNamespace, made: SimpleNamespace, tmp_path: Path
) -> None:
    """The base is gigabytes that everybody has; the package says by its hash which it is."""
    base = Weights(label=str(made.model))
    adapted = WorldModel.from_pretrained(base.folder)
    adapt(adapted.transformer, rank=2, alpha=2, seed=0)
    adapted.config = replace(adapted.config, base={"weights": base.label, "sha256": base.sha256()})
    shutil.rmtree(copied.model)
    adapted.save_pretrained(copied.model)
    plan = make_plan()
    training = plan.train.model_copy(update={"method": "lora", "lora_rank": 2, "lora_alpha": 2})
    plan = plan.model_copy(update={"train": training})
    package = write_package(tmp_path / "package", plan=plan, **vars(copied))
    weights = {entry.path for entry in package.files if entry.path.endswith(".safetensors")}
    assert weights == {ADAPTER, "head/model.safetensors", "tokenizer/model.safetensors"}
    assert "load_lora_adapter" in (package.folder / "README.md").read_text()
    assert is_adapted(WorldModel.from_pretrained(package.folder).transformer)


def test_holds_what_is_needed_to_use_judge_and_repeat_it(package: Package) -> None:
    assert [entry.path for entry in package.files] == [
        "LICENSE", "README.md", "clips.json", "cosmos_recipe.json", "head/model.safetensors", "metrics.json", "plan.yaml", "recipe.lock",
        "recipe.yaml", "report.html", "samples/clip_00_truth.mp4", "samples/clip_01_truth.mp4",
        "samples/contact_sheet.png", "tokenizer/config.json", "tokenizer/model.safetensors", "transformer/config.json",
        "transformer/diffusion_pytorch_model.safetensors",
    ]  # fmt: skip
    assert "Apache License" in (package.folder / "LICENSE").read_text()


def test_same_run_makes_the_same_package(package: Package, made: SimpleNamespace, plan: Plan, tmp_path: Path) -> None:
    again = write_package(tmp_path / "again", plan=plan, **vars(made))
    assert (again.everything, again.tag) == (package.everything, package.tag)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_replaces_an_earlier_package(unpacked: Path, made: SimpleNamespace, plan: Plan) -> None:
    (unpacked / "old.safetensors").write_bytes(b"old")
    write_package(unpacked, plan=plan, **vars(made))
    assert not (unpacked / "old.safetensors").exists()


def test_takes_nothing_that_is_not_on_the_list(
    copied: SimpleNamespace, plan: Plan, package: Package, tmp_path: Path
) -> None:
    for path in ("model/optimizer.pt", "model/.env", "evaluation/samples/notes.txt", "base-0a1b2c3d/log.jsonl"):
        (tmp_path / "made" / path).write_bytes(b"private")
    assert write_package(tmp_path / "package", plan=plan, **vars(copied)).files == package.files


def test_everything_that_is_missing_is_named_at_once(copied: SimpleNamespace, plan: Plan, tmp_path: Path) -> None:
    shutil.rmtree(copied.model / "transformer")
    (copied.run / "recipe.lock").unlink()
    assert codes(lambda: write_package(tmp_path / "package", plan=plan, **vars(copied))) == ["CR700"] * 3
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize(
    "name", ["model/transformer/config.json", "model/head", "evaluation/samples", "evaluation/report.html"]
)
def test_links_are_refused(copied: SimpleNamespace, plan: Plan, tmp_path: Path, name: str) -> None:
    """A link could publish any file of the machine."""
    path = tmp_path / "made" / name
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert "CR701" in codes(lambda: write_package(tmp_path / "package", plan=plan, **vars(copied)))


@pytest.mark.parametrize("name", ["base-0a1b2c3d/recipe.yaml", "evaluation/report.html", "model/tokenizer/config.json"])
def test_secrets_are_found(copied: SimpleNamespace, plan: Plan, tmp_path: Path, name: str) -> None:
    path = tmp_path / "made" / name
    path.write_text(json.dumps({"token": TOKEN}) if name.endswith("json") else f"first line\ntoken: {TOKEN}\n")
    # The card shows the recipe, and so what is in it.
    assert set(codes(lambda: write_package(tmp_path / "package", plan=plan, **vars(copied)))) == {"CR708"}
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_secret_in_the_metadata_of_weights_is_found(unpacked: Path) -> None:
    from safetensors.torch import save_file

    save_file({}, unpacked / "head" / "model.safetensors", metadata={"command": f"train --token {TOKEN}"})
    relist(unpacked, "head/model.safetensors")
    assert codes(lambda: verify_package(unpacked)) == ["CR708"]


def test_secret_of_this_machine_is_found_whatever_it_looks_like(
    unpacked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0123456789abcdef" * 2)
    (unpacked / "recipe.lock").write_text(f"key: {'0123456789abcdef' * 2}\n")
    relist(unpacked, "recipe.lock")
    assert codes(lambda: verify_package(unpacked)) == ["CR708"]


def test_embedded_video_is_no_secret(copied: SimpleNamespace, plan: Plan, tmp_path: Path) -> None:
    noise = "AIza" + "Q" * 35
    (copied.evaluation / "report.html").write_text(
        f'<video src="data:video/mp4;base64,AAAA{noise}/{noise}+AA=="></video>'
    )
    write_package(tmp_path / "package", plan=plan, **vars(copied))


def test_pickles_are_refused_whatever_they_are_called(unpacked: Path) -> None:
    weights = unpacked / "head" / "model.safetensors"
    weights.write_bytes(pickle.dumps({"weight": [0.0] * 100}))
    (unpacked / "head" / "model.pt").write_bytes(weights.read_bytes())
    assert {"CR703", "CR711"} <= set(codes(lambda: verify_package(unpacked)))
    (unpacked / "head" / "model.pt").unlink()
    relist(unpacked, "head/model.safetensors")
    assert codes(lambda: verify_package(unpacked)) == ["CR705"]


@pytest.mark.parametrize("spoil", ["flip", "cut", "remove", "add"])
def test_damage_is_found(unpacked: Path, spoil: str) -> None:
    path = unpacked / "transformer" / "diffusion_pytorch_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    if spoil == "remove":
        path.unlink()
    elif spoil == "add":
        (unpacked / "samples" / "clip_99.mp4").write_bytes(b"")
    else:
        path.write_bytes(content if spoil == "flip" else content[:-1])
    assert "CR711" in codes(lambda: verify_package(unpacked))


def test_shards_and_their_index_must_agree(copied: SimpleNamespace, plan: Plan, tmp_path: Path) -> None:
    folder = copied.model / "transformer"
    CosmosTransformer3DModel.from_pretrained(folder).save_pretrained(folder, max_shard_size="50KB")
    (folder / "diffusion_pytorch_model.safetensors").unlink(missing_ok=True)
    write_package(tmp_path / "package", plan=plan, **vars(copied))
    CosmosTransformer3DModel.from_pretrained(tmp_path / "package" / "transformer")
    next(folder.glob("*-00002-of-*.safetensors")).unlink()
    assert codes(lambda: write_package(tmp_path / "package", plan=plan, **vars(copied))) == ["CR706"]


def test_shard_that_no_index_names_is_found(copied: SimpleNamespace, plan: Plan, tmp_path: Path) -> None:
    """A shard of an earlier save would be loaded, or not, as a loader pleases."""
    folder = copied.model / "transformer"
    CosmosTransformer3DModel.from_pretrained(folder).save_pretrained(folder, max_shard_size="50KB")
    shutil.copy(next(folder.glob("*-00001-of-*.safetensors")), folder / "diffusion_pytorch_model.safetensors")
    assert codes(lambda: write_package(tmp_path / "package", plan=plan, **vars(copied))) == ["CR706"]


@pytest.mark.parametrize(
    "manifest", [None, "", "[]", "{}", '{"format": 1, "files": {"a": 1}}', '{"format": 2, "files": {}}']
)
def test_folder_without_a_manifest_is_no_package(unpacked: Path, manifest: str | None) -> None:
    (unpacked / "MANIFEST.json").unlink() if manifest is None else (unpacked / "MANIFEST.json").write_text(manifest)
    assert codes(lambda: verify_package(unpacked)) == ["CR710"]


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/passwd", "head/../../evil.json", "samples\\..\\evil.mp4", "", "a\nb.mp4"]
)
def test_manifest_cannot_lead_out_of_the_folder(unpacked: Path, name: str) -> None:
    manifest = json.loads((unpacked / "MANIFEST.json").read_text())
    manifest["files"][name] = {"sha256": "0" * 64, "size_bytes": 0}
    (unpacked / "MANIFEST.json").write_text(json.dumps(manifest))
    assert "CR702" in codes(lambda: verify_package(unpacked))


@given(st.text(max_size=40))
def test_hardly_any_name_is_allowed(name: str) -> None:
    if not list(check_name(name)):
        assert name.split("/")[0] in {"transformer", "tokenizer", "head", "samples"} or "/" not in name
        assert ".." not in name.split("/")


def test_where_the_base_lay_on_this_machine_is_not_told(copied: SimpleNamespace, plan: Plan, tmp_path: Path) -> None:
    config = copied.model / "transformer" / "config.json"
    settings = json.loads(config.read_text()) | {"_name_or_path": "/home/ada/secret-project"}
    config.write_text(json.dumps(settings))
    package = write_package(tmp_path / "package", plan=plan, **vars(copied))
    assert not any(b"secret-project" in (package.folder / entry.path).read_bytes() for entry in package.everything)
