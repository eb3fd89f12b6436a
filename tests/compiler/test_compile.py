"""A plan leaves nothing open, says where everything came from, and survives its file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos_recipes.compiler.compile import compile_recipe, read_plan
from cosmos_recipes.compiler.emit import emit, write_files
from cosmos_recipes.compiler.lock import lock
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.provenance import leaves
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.library import names
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe
from tests.compiler.conftest import RECIPE

Compile = Callable[..., Plan]
Load = Callable[..., LoadedRecipe]

SHIPPED = [
    (name, profile) for name, path in names("recipes").items() for profile in (None, *load_recipe(path).profiles)
]


@pytest.mark.parametrize(("name", "profile"), SHIPPED)
def test_every_shipped_recipe_compiles_in_every_profile_and_its_plan_survives_its_file(
    name: str, profile: str | None, tmp_path: Path
) -> None:
    plan = compile_recipe(load_recipe(name, profile=profile))
    write_files(emit(plan), tmp_path)

    assert read_plan(tmp_path / "plan.yaml") == plan


def test_every_value_has_an_origin(compiled: Compile) -> None:
    for profile in (None, "big"):
        plan = compiled(profile=profile)
        document = plan.model_dump(mode="json", exclude={"origins", "sources"})
        assert plan.origins.keys() == set(leaves(document))
        assert all(plan.origins.values())


def test_origins_name_line_profile_command_line_default_and_derivation(compiled: Compile) -> None:
    origins = compiled("train.steps=5", "train.shift=3", profile="big").origins

    assert origins["train.steps"] == "--set train.steps=5"
    assert origins["backbone.objective.shift"] == "--set train.shift=3"
    assert origins["recipe"].endswith("arm.yaml:1")
    assert origins["hardware.gpu"].startswith("profile big (")
    assert origins["hardware.gpu"].endswith("arm.yaml:15)")
    assert origins["backbone.architecture.num_layers"] == "backbones/zoo.yaml (predict2.5-2b)"
    assert origins["train.log_every"] == "default"
    assert origins["data.clip.tokens"].startswith("derived from dataset.clip")


def test_what_the_data_set_leaves_out_is_noted_and_counted(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "metas").mkdir()
    for number in range(8):
        (tmp_path / "metas" / f"{number}.txt").write_text("a part falls")
    (tmp_path / "videos" / "0.mp4").write_bytes(b"nothing")
    source = "{kind: cosmos, layout: predict1, path: ., on_missing: drop}"
    recipe = RECIPE.replace("{kind: world, world: factory, episodes: 8, held_out: 4, frames: 100, rate: 16 Hz}", source)
    (tmp_path / "arm.yaml").write_text(recipe)
    notes = compile_recipe(load_recipe(tmp_path / "arm.yaml")).notes
    told = [note for note in notes if "CR553" in note]
    assert len(told) == 6
    assert "CR553 the video of 1 is not there; expected videos/1.mp4" in told[0]
    assert told[-1] == "... and 2 more: CR553 (2)"


def test_values_of_an_inline_data_set_are_said_in_the_recipe(compiled: Compile) -> None:
    origins = compiled("dataset.use.source.seed=3").origins

    assert origins["data.source.seed"] == "--set dataset.use.source.seed=3"
    assert origins["data.source.episodes"].endswith("arm.yaml:8")
    assert origins["data.source.codec"] == origins["data.licence"] == "default"


def test_a_control_that_is_not_there_is_never_dropped(compiled: Compile) -> None:
    plan = compiled("conditioning.head=none")

    assert (plan.task, plan.conditioning.dropout) == ("general", 0.0)
    assert plan.data.columns == {"video": "video"}


def test_paths_of_a_source_are_relative_to_what_names_them(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"no video")
    monkeypatch.chdir(tmp_path)
    plan = compile_recipe(load("dataset.use=./videos"))

    assert plan.data.source["path"] == str(tmp_path / "videos")
    assert plan.data.name == "videos"


def test_a_recipe_that_is_legal_and_perhaps_not_meant_gets_a_note(compiled: Compile) -> None:
    assert compiled("dataset.use.licence=cc0-1.0").notes == ()
    notes = compiled("train.optimizer.warmup=50", "evaluate.every=100", profile="big").notes
    assert [note.split()[0] for note in notes] == ["the", "evaluate.every", "the"]
    (many,) = compiled("dataset.use.licence=cc0-1.0", "conditioning.given_frames=9").notes
    assert many == "3 latent frames are given, and tiny-diffusion was trained with 2 at most"


def test_weights_of_the_hub_are_named_by_revision_until_it_says_the_commit(load: Load) -> None:
    plan = compile_recipe(load(profile="big"))
    assert plan.backbone.weights == "hub:nvidia/Cosmos-Predict2.5-2B@diffusers/base/post-trained"
    assert (lock(plan)["backbone"]["commit"], plan.backbone.weights_sha256) == (None, None)
    weights = f"hub:nvidia/Cosmos-Predict2.5-2B@{'a' * 40}"
    pinned = plan.model_copy(update={"backbone": plan.backbone.model_copy(update={"weights": weights})})
    assert lock(pinned)["backbone"]["commit"] == "a" * 40
    assert pinned.fingerprint() != plan.fingerprint()


def test_another_file_is_not_taken_for_a_plan(tmp_path: Path, compiled: Compile) -> None:
    write_files(emit(compiled()), tmp_path)
    with pytest.raises(RecipeError, match="CR341"):
        read_plan(tmp_path / "recipe.lock")

    text = (tmp_path / "plan.yaml").read_text(encoding="utf-8")
    (tmp_path / "plan.yaml").write_text(text.replace("steps: 20", "steps: many"), encoding="utf-8")
    with pytest.raises(RecipeError) as refused:
        read_plan(tmp_path / "plan.yaml")
    place = refused.value.problems[0].place
    assert place is not None
    assert text.splitlines()[place.line - 1] == "  steps: 20"


def test_compiling_imports_no_heavy_library() -> None:
    script = (
        "import sys; from cosmos_recipes.recipe.load import load_recipe; from cosmos_recipes.compiler.compile import compile_recipe;"
        "from cosmos_recipes.compiler.emit import emit; loaded = load_recipe('factory'); emit(compile_recipe(loaded), loaded);"
        "heavy = {'torch', 'av', 'nvidia.dali', 'nemo', 'lightning', 'diffusers', 'transformers', 'datasets', 'pyarrow', 'numpy'};"
        "found = heavy & set(sys.modules); assert not found, found"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_checkpoints_are_where_the_held_out_loss_is_measured_when_the_best_are_kept(
    load: Callable[..., LoadedRecipe],
) -> None:
    plan = compile_recipe(load("train.steps=100", "train.keep_best=2", "evaluate.every=15"))
    assert plan.train.checkpoint_every == 15
    assert compile_recipe(load("train.steps=100", "evaluate.every=15")).train.checkpoint_every == 10


def test_how_checkpoints_are_kept_does_not_make_another_run(load: Callable[..., LoadedRecipe]) -> None:
    """Whoever keeps fewer because the disk is full would otherwise begin at step 0."""
    ours = compile_recipe(load("train.keep_checkpoints=1", "train.keep_every_h=2.5", "train.skip_not_finite=3"))
    assert ours.fingerprint("train") == compile_recipe(load()).fingerprint("train")
    assert ours.fingerprint("train") != compile_recipe(load("train.steps=3")).fingerprint("train")


def test_the_disk_has_room_for_every_checkpoint_that_stays(load: Callable[..., LoadedRecipe]) -> None:
    """On a CPU nobody knows the hours of a training, so that none is counted that stays for its hour."""
    two = compile_recipe(load("train.keep_checkpoints=2")).fit.disk
    five = compile_recipe(load("train.keep_checkpoints=2", "train.keep_best=3", "evaluate.every=10")).fit.disk
    assert two is not None and five is not None
    assert five.checkpoints_bytes == 2 * two.checkpoints_bytes
