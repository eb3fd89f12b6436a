"""A recipe with an autoregressive backbone is checked, compiled and fitted as one of the diffusion family is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cosmos_recipes.compiler.check import check
from cosmos_recipes.compiler.compile import plan_of
from cosmos_recipes.compiler.emit import emit, write_files
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.resolve import Resolved, resolve
from cosmos_recipes.conditioning.base import Head
from cosmos_recipes.conditioning.none import NoneHead
from cosmos_recipes.conditioning.text import TextHead
from cosmos_recipes.conditioning.views import ViewsHead
from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe
from tests.compiler.conftest import RECIPE

Load = Callable[..., LoadedRecipe]
BOTH = ("diffusion", "autoregressive")
NATIVE = "dataset.clip={frames: 33, rate: 16 Hz, size: 640x1024}"
VIEWS = (
    "dataset.schema=multi-view",
    "dataset.use={schema: multi-view, source: {kind: world, world: cell, episodes: 4, held_out: 2}}",
    "conditioning.head=views",
)


class EitherText(TextHead):
    families = BOTH


class EitherNone(NoneHead):
    families = BOTH


class EitherViews(ViewsHead):
    families = BOTH


HEADS: dict[str, type[Head]] = {"text": EitherText, "none": EitherNone, "views": EitherViews}


def resolved(loaded: LoadedRecipe) -> Resolved:
    """Resolve a recipe with a head that knows both families."""
    found = resolve(loaded)
    return replace(found, head=HEADS[found.head.name]())


def codes(loaded: LoadedRecipe) -> list[str]:
    return [problem.code for problem in check(resolved(loaded))]


def plan(loaded: LoadedRecipe) -> Plan:
    found = resolved(loaded)
    assert check(found) == ()
    return plan_of(found)


def test_the_same_recipe_compiles_for_either_family(load: Load) -> None:
    diffusion, autoregressive = (plan(load(f"backbone=tiny-{family}")) for family in BOTH)

    assert autoregressive.backbone.family == "autoregressive"
    assert autoregressive.backbone.architecture["hidden_size"] == 128
    assert autoregressive.backbone.objective.name == "next-token"
    assert autoregressive.data.clip == diffusion.data.clip
    assert (diffusion.evaluate.sampler_steps, autoregressive.evaluate.sampler_steps) == (10, 0)
    assert autoregressive.origins["evaluate.sampler_steps"] == "derived from backbone.objective"
    assert autoregressive.conditioning.layout is None


TOKENS = ("train.z_loss", "train.corruption", "evaluate.temperature", "evaluate.top_p", "evaluate.top_k")


@pytest.mark.parametrize(
    ("family", "key"),
    [
        ("diffusion", "train.shift"),
        ("diffusion", "evaluate.sampler_steps"),
        *(("autoregressive", key) for key in TOKENS),
    ],
)
def test_a_setting_of_the_other_family_is_refused(family: str, key: str, load: Load) -> None:
    """A setting that is said together with the backbone, or on top of it, would be ignored."""
    for name in BOTH:
        assert codes(load(f"backbone=tiny-{name}", f"{key}=1")) == ([] if name == family else ["CR340"])
    assert codes(load("evaluate.temperature=null")) == []


def test_what_is_said_of_tokens_is_what_trains_and_samples(load: Load) -> None:
    """How tokens are drawn decides no weights: were it in the backbone, a new temperature would train again."""
    said = (0.1, 0.2, 0.8, 0.9, 50)
    own = plan(load("backbone=tiny-autoregressive"))
    found = plan(
        load("backbone=tiny-autoregressive", *(f"{key}={value}" for key, value in zip(TOKENS, said, strict=True)))
    )
    trained, drawn = found.backbone.objective.settings, found.evaluate

    assert (trained.z_loss, trained.corruption, drawn.temperature, drawn.top_p, drawn.top_k) == said
    assert (own.evaluate.temperature, own.evaluate.top_p, own.evaluate.top_k) == (1, 0.8, None)
    again = plan(load("backbone=tiny-autoregressive", "evaluate.temperature=0.5"))
    assert again.fingerprint("backbone", "train") == own.fingerprint("backbone", "train")
    assert again.fingerprint("evaluate") != own.fingerprint("evaluate")
    origins = {key: found.origins[f"backbone.objective.settings.{key.split('.')[1]}"] for key in TOKENS[:2]}
    origins |= {key: found.origins[key] for key in TOKENS[2:]}
    assert origins == {key: f"--set {key}={value}" for key, value in zip(TOKENS, said, strict=True)}
    assert own.origins["evaluate.top_p"] == "derived from backbone.objective"


@pytest.mark.parametrize("said", ["evaluate.top_p=0.9", "evaluate.top_k=5"])
def test_the_likeliest_token_is_not_drawn_among_others(said: str, load: Load) -> None:
    assert codes(load("backbone=tiny-autoregressive", said, "evaluate.temperature=0")) == ["CR342"]
    assert codes(load("backbone=tiny-autoregressive", said)) == []


@pytest.mark.parametrize(
    ("parent", "child", "profile", "expected"),
    [
        ("evaluate: {sampler_steps: 7}", "backbone: tiny-autoregressive", None, []),
        ("backbone: tiny-autoregressive", "evaluate: {sampler_steps: 7}", None, ["CR340"]),
        ("evaluate: {sampler_steps: 7}", "profiles: {ar: {backbone: tiny-autoregressive}}", "ar", []),
        ("", "evaluate: {sampler_steps: 7}\nprofiles: {ar: {backbone: {use: tiny-autoregressive}}}", "ar", []),
        ("", "profiles: {ar: {backbone: tiny-autoregressive, evaluate: {sampler_steps: 7}}}", "ar", ["CR340"]),
        ("backbone: tiny-autoregressive\nevaluate: {top_p: 0.7}", "backbone: tiny-diffusion", None, []),
        ("backbone: tiny-autoregressive", "evaluate: {top_p: 0.7}\nprofiles: {d: {backbone: tiny-diffusion}}", "d", []),
        ("", "evaluate: {top_p: 0.7}", None, ["CR340"]),
    ],
)
def test_what_was_said_for_a_backbone_of_the_other_family_is_set_aside(
    parent: str, child: str, profile: str | None, expected: list[str], tmp_path: Path
) -> None:
    """So that `backbone: tiny-autoregressive` alone turns a recipe autoregressive; the plan says what is not used."""
    said = RECIPE.replace("backbone: tiny-diffusion\n", "" if "backbone:" in parent else "backbone: tiny-diffusion\n")
    (tmp_path / "base.yaml").write_text(f"{said.partition('profiles:')[0]}{parent}\n", encoding="utf-8")
    (tmp_path / "own.yaml").write_text(f"recipe: own\nextends: ./base.yaml\n{child}\n", encoding="utf-8")
    loaded = load_recipe(tmp_path / "own.yaml", profile=profile)

    assert codes(loaded) == expected
    if not expected:
        (key,) = {"evaluate.sampler_steps", "evaluate.top_p"} & loaded.origins.keys()
        assert [note.split()[0] for note in plan(loaded).notes] == [key, "the"]


@pytest.mark.parametrize(
    ("own", "train", "evaluate", "other"),
    [
        ("diffusion", "shift: 2", "sampler_steps: 7", "autoregressive"),
        ("autoregressive", "z_loss: 0.1, corruption: 0.1", "temperature: 1, top_p: 1, top_k: 1", "diffusion"),
    ],
)
def test_the_resolved_recipe_leaves_out_what_was_set_aside(
    own: str, train: str, evaluate: str, other: str, tmp_path: Path
) -> None:
    """Written out in full, it would stand beside the backbone, and be refused."""
    text = RECIPE.replace("tiny-diffusion", f"tiny-{own}").replace("batch: 8}", f"batch: 8, {train}}}")
    (tmp_path / "arm.yaml").write_text(f"{text}evaluate: {{{evaluate}}}\n", encoding="utf-8")
    loaded = load_recipe(tmp_path / "arm.yaml", overrides=[f"backbone=tiny-{other}"])
    before = plan(loaded)
    write_files(emit(before, loaded), tmp_path / "run")
    again = plan(load_recipe(tmp_path / "run" / "recipe.yaml"))

    assert again.fingerprint() == before.fingerprint()


def problem(loaded: LoadedRecipe) -> Problem:
    (found,) = check(resolved(loaded))
    assert found.place is not None
    return found


def test_a_head_that_needs_a_context_is_sent_to_the_sibling_that_has_one(load: Load) -> None:
    found = problem(load("backbone=predict1-4b", NATIVE))

    assert (found.code, found.hint) == (
        "CR308",
        "use predict1-5b-video2world, which is this network with cross-attention",
    )
    assert codes(load("backbone=predict1-12b", NATIVE, "conditioning={head: none}")) == []
    assert codes(load("backbone=predict1-5b-video2world", NATIVE)) == []


def test_a_decoder_without_a_token_to_begin_with_is_given_a_frame(load: Load) -> None:
    nothing_given = ("conditioning={head: none, fewest_given_frames: 0}",)

    assert codes(load("backbone=predict1-4b", NATIVE, *nothing_given)) == ["CR312"]
    assert codes(load("backbone=tiny-autoregressive", *nothing_given)) == []


def test_adapters_of_a_decoder_are_refused(load: Load) -> None:
    assert codes(load("backbone=tiny-autoregressive", "train.method={lora: {rank: 4}}")) == ["CR333"]


def test_weights_of_the_other_family_are_refused(load: Load) -> None:
    """Both have layers, heads and a context of the same size; what the other does not know at all gives it away."""
    from cosmos_recipes.backbones.weights import Weights

    found = replace(resolved(load("backbone=tiny-autoregressive")), weights=Weights(label="shipped:tiny-diffusion"))
    (refused,) = check(found)

    assert (refused.code, refused.found) == ("CR304", "no embedded_tokens, no hidden_size")


def test_tokens_of_views_follow_each_other_as_the_recipe_says(load: Load) -> None:
    decoder = (*VIEWS, "backbone=tiny-autoregressive")

    assert plan(load(*decoder)).conditioning.layout == "time-major"
    said = plan(load(*decoder, "conditioning.layout=view-major"))
    assert said.conditioning.layout == "view-major"
    assert said.origins["conditioning.layout"] == "--set conditioning.layout=view-major"
    assert plan(load(*VIEWS)).conditioning.layout is None


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ((*VIEWS, "conditioning.layout=time-major"), "tiny-diffusion predicts all tokens at once"),
        (("backbone=tiny-autoregressive", "conditioning.layout=time-major"), "the head `text` does not tell views apart"),
        ((*VIEWS, "backbone=tiny-autoregressive", "conditioning.attention=per-view"), "each token sees all before it"),
        ((*VIEWS, "backbone=tiny-autoregressive", "conditioning.sees={front: [left]}"), "each token sees all before it"),
    ],
)  # fmt: skip
def test_a_setting_of_views_that_the_family_does_not_know_is_refused(
    overrides: tuple[str, ...], why: str, load: Load
) -> None:
    found = problem(load(*overrides))

    assert found.code == "CR337"
    assert found.message.endswith(why)


@pytest.mark.parametrize(("name", "gpus"), [("predict1-4b", 2), ("predict1-12b", 8)])
def test_a_decoder_trains_on_the_machines_that_nvidia_names(name: str, gpus: int, load: Load) -> None:
    """Its guide asks for 2 GPUs of 80 GB for the 4B and 8 for the 12B."""
    recipe = (f"backbone={name}", NATIVE, "conditioning={head: none}")
    whole_clips = "context: 1, tensor: 1, offload: false"
    enough, half = (f"gpus: {number}, gpu: h100-80gb, {whole_clips}" for number in (gpus, gpus // 2))
    fitted = plan(load(*recipe, f"hardware={{{enough}}}"))

    assert (fitted.data.clip.tokens, fitted.hardware.strategy) == (12800, "fsdp2")
    with pytest.raises(RecipeError) as refused:
        plan(load(*recipe, f"hardware={{{half}}}"))
    assert [each.code for each in refused.value.problems] == ["CR403"]


def test_codes_of_a_decoder_cost_memory_whatever_is_recomputed(load: Load) -> None:
    """Of 64,000 logits for each of 12,800 tokens, their logarithms and their gradients are held in fp32."""
    fitted = plan(load("backbone=predict1-4b", NATIVE, "conditioning={head: none}", "train={micro_batch: 1}"))

    assert fitted.fit.activations_bytes > 2 * 12800 * 64000 * 4
