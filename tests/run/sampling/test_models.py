"""A model is found by whatever a person calls it, and a package needs nothing but itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cosmos_recipes.compiler.emit import emit
from cosmos_recipes.compiler.plan import SetPlan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.publishing.local import publish_local
from cosmos_recipes.publishing.package import Package, verify_package, write_package
from cosmos_recipes.run.folder import RunFolder
from cosmos_recipes.run.progress import Silent
from cosmos_recipes.run.results import evaluate
from cosmos_recipes.run.sample import SampleRequest, sample
from cosmos_recipes.run.sampling.models import open_model
from tests.run.sampling.models import MadeModel, make_model

# The Hub of the tests is imported by name.
sys.path.insert(0, str(Path(__file__).parents[2] / "publishing"))

from hub_server import TOKEN, HubServer
from publishing_toys import Client

Make = Callable[[str], MadeModel]


@pytest.fixture(scope="session")
def package(made: Make, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The package of the action model, as a run makes it."""
    own, folder = made("action"), tmp_path_factory.mktemp("package")
    run = RunFolder(folder / "action-model" / "base-1a2b3c4d")
    shutil.copytree(own.run, run.path)
    evaluate(own.plan, run, own.prepared, steps=1, train_seconds=1.0, progress=Silent())
    return write_package(run.package, model=run.train / "model", run=run.path, evaluation=run.evaluate, plan=own.plan)


@pytest.fixture
def actions(tmp_path: Path) -> Path:
    path = tmp_path / "moves.csv"
    path.write_text("dx,dy,grip\n" + "2,-1,1\n" * 12)
    return path


def test_a_package_alone_samples_what_its_run_does(made: Make, package: Package, actions: Path, tmp_path: Path) -> None:
    """Its statistics and its binding go with it: without them the same file would be other actions."""
    alone = tmp_path / "elsewhere"
    shutil.copytree(package.folder, alone)
    publish_local(verify_package(alone), tmp_path / "published", name="arm")
    asked = {"frames": made("action").video, "actions": actions, "runs": tmp_path / "none"}
    ours = sample(SampleRequest(model=str(made("action").run), **asked)).video_VCTHW
    for model in (alone, tmp_path / "published" / "local" / "arm", tmp_path / "published" / "local" / "arm" / "latest"):
        assert torch.equal(sample(SampleRequest(model=str(model), **asked)).video_VCTHW, ours)


def test_a_recipe_stands_for_its_newest_run(made: Make, tmp_path: Path) -> None:
    for age, name in enumerate(("base-new", "base-old")):
        shutil.copytree(made("none").run, tmp_path / "runs" / "factory" / name)
        config = tmp_path / "runs" / "factory" / name / "train" / "model" / "cosmos_recipe.json"
        os.utime(config, (2e9 - age, 2e9 - age))
    for reference in ("factory", "recipes/factory.yaml"):
        opened = open_model(reference, runs=tmp_path / "runs")
        assert Path(opened.pinned) == (tmp_path / "runs" / "factory" / "base-new").resolve()


def test_adapters_are_sampled_on_their_base_wherever_it_lies(made: Make, tmp_path: Path) -> None:
    """On another one, or on none, they would predict something that nobody trained."""
    whole, base = made("none"), tmp_path / "base"
    shutil.copytree(whole.folder, base)
    adapted = make_model(tmp_path / "made", "none", base=f"{{use: tiny-diffusion, weights: {base}}}")
    on_shipped = make_model(tmp_path / "made", "none", base="tiny-diffusion")
    asked = SampleRequest(model=str(adapted.run), frames=whole.video)
    video = sample(asked).video_VCTHW
    assert torch.equal(video, sample(replace(asked, model=str(on_shipped.run))).video_VCTHW)
    assert not torch.equal(video, sample(replace(asked, model=str(whole.run))).video_VCTHW)
    base.rename(tmp_path / "moved")
    with pytest.raises(RecipeError, match="CR269") as gone:
        sample(asked)
    (problem,) = gone.value.problems
    assert problem.place and problem.place.file == str(base)
    assert "`--base`" in problem.hint
    assert torch.equal(sample(replace(asked, base=tmp_path / "moved")).video_VCTHW, video)
    with pytest.raises(RecipeError, match="CR607"):
        sample(replace(asked, base=adapted.folder))
    with pytest.raises(RecipeError, match="CR262"):
        sample(replace(asked, model=str(whole.run), base=whole.folder))


@pytest.mark.parametrize("lacking", ["plan.yaml", "data.json"])
def test_a_model_that_does_not_say_what_its_actions_mean_is_refused(
    made: Make, package: Package, actions: Path, lacking: str, tmp_path: Path
) -> None:
    shutil.copytree(package.folder, tmp_path / "bare")
    (tmp_path / "bare" / lacking).unlink()
    asked = SampleRequest(model=str(tmp_path / "bare"), frames=made("action").video, actions=actions)
    with pytest.raises(RecipeError, match="CR268"):
        sample(asked)


def test_of_a_mixture_a_data_set_is_asked_for(made: Make, package: Package, actions: Path, tmp_path: Path) -> None:
    """The same file is other normalised numbers with the statistics of another data set."""
    mixed = tmp_path / "mixed"
    shutil.copytree(package.folder, mixed)
    data = made("action").plan.data
    one = {name: getattr(data, name) for name in SetPlan.model_fields}
    mix = tuple(SetPlan(**{**one, "name": name}) for name in ("near", "far"))
    plan = made("action").plan.model_copy(update={"data": data.model_copy(update={"mix": mix})})
    (mixed / "plan.yaml").write_text(emit(plan)["plan.yaml"])
    seen = json.loads((mixed / "data.json").read_text())
    far = json.loads(json.dumps(seen["normalise"][0]))
    far["action"]["statistics"]["q99"] = [2 * each + 1 for each in far["action"]["statistics"]["q99"]]
    (mixed / "data.json").write_text(json.dumps({**seen, "normalise": [seen["normalise"][0], far]}))
    asked = {"model": str(mixed), "frames": made("action").video, "actions": actions}
    with pytest.raises(RecipeError, match="CR262"):
        sample(SampleRequest(**asked))
    near, far_away = (sample(SampleRequest(**asked, dataset=name)).video_VCTHW for name in ("near", "far"))
    assert not torch.equal(near, far_away)


def test_a_package_of_the_hub_is_pinned_and_checked(
    made: Make, package: Package, actions: Path, tmp_path: Path
) -> None:
    with HubServer().running() as hub:
        (tmp_path / "publisher").mkdir()
        publisher = Client(hub.url, tmp_path / "publisher")
        receipt = publisher.publish(package, "ada/arm")
        publisher.close()
        said = _sample(hub, tmp_path, "hf://ada/arm", made("action").video, actions)
        assert said.returncode == 0, said.stderr
        told = json.loads((tmp_path / "out.json").read_text())
        assert told["asked"]["model"] == f"hf://ada/arm@{receipt['commit']}"
        fetched = {path.name for path in (tmp_path / "home").rglob("snapshots/*/*")}
        assert "report.html" not in fetched and "plan.yaml" in fetched
        snapshot = next((tmp_path / "home").rglob("snapshots/*"))
        _spoil(snapshot / "head" / "model.safetensors")
        spoilt = _sample(hub, tmp_path, told["asked"]["model"], made("action").video, actions)
        assert spoilt.returncode == 2
        assert "other content in head/model.safetensors" in spoilt.stderr
        gone = _sample(hub, tmp_path, "hf://ada/leg", made("action").video, actions)
        assert (gone.returncode, "CR261" in gone.stderr) == (2, True)


def _spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.resolve().write_bytes(content)


def _sample(hub: HubServer, folder: Path, model: str, video: Path, actions: Path) -> subprocess.CompletedProcess[str]:
    settings = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder / "home"),
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    command = [sys.executable, "-m", "cosmos_recipes", "sample", model]
    options = ["--frames", str(video), "--actions", str(actions), "-o", str(folder / "out.mp4")]
    environment = {**os.environ, **settings}
    return subprocess.run([*command, *options], env=environment, capture_output=True, text=True, check=False)
