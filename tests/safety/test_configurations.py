"""If these fail, a stranger's model whose files are sound and say what cannot be ends in a traceback, hangs, or takes much."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from diffusers import AutoencoderKLWan

from cosmos_recipes.backbones.tokenizers.autoencoder import WanTokenizer
from cosmos_recipes.compiler.compile import read_plan
from cosmos_recipes.compiler.trained import require_sound
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.evaluation.video import write_mp4
from cosmos_recipes.recipe.json_object import read_json_object
from tests.safety import hostile_models
from tests.safety.hostile_models import CONFIG, NETWORK, TOKENIZER, said
from tests.safety.room import Room, assert_none
from tests.safety.test_models import SAMPLE, assert_refused

BACKBONES = ("tiny-diffusion", "tiny-autoregressive")
VALUES: tuple[Any, ...] = (0, -1, 3, 2**20, 10**30, 1e30, 0.5, -0.5, "x", "", None, True, [], [0, 0, 0], [-1.0] * 3, {})
EACH = 5
"""So many for each value in a file: it and the number of hostile ones have no divisor in common."""
CLIP = {"frames": 13, "height_px": 64, "width_px": 64}
TEXT = {"encoder": "bytes", "length": 96, "width": 64, "settings": {}}
FLOW = {"name": "rectified-flow", "shift": 5.0}
OF_BOTH = {
    "frames-that-do-not-fit": said(CONFIG, clip={**CLIP, "frames": 14}),
    "frames-of-none": said(CONFIG, clip={**CLIP, "frames": 0}),
    "clip-without-a-width": said(CONFIG, clip={"frames": 13, "height_px": 64}),
    "width-of-half-a-cell": said(CONFIG, clip={**CLIP, "width_px": 60}),
    "nothing-left-to-predict": said(CONFIG, given_frames=13),
    "given-that-do-not-fit": said(CONFIG, given_frames=4),
    "fewer-than-fewest": said(CONFIG, fewest_given_frames=9),
    "rate-of-none": said(CONFIG, rate_hz=0),
    "rate-absurd": said(CONFIG, rate_hz=1e30),
    "context-of-another-width": said(CONFIG, text={**TEXT, "width": 32}),
    "text-of-nobody": said(CONFIG, text={**TEXT, "encoder": "x"}),
    "way-in-of-nobody": said(CONFIG, enters="window"),
    "view-of-nobody": said(CONFIG, sees={"left": ["right"]}),
    "tokenizer-of-a-number": said(TOKENIZER, tokenizer=3),
    "cells-of-no-frames": said(TOKENIZER, temporal=0),
    "cells-of-true": said(TOKENIZER, spatial=True),
    "cells-of-five-frames": said(TOKENIZER, temporal=5),
}  # fmt: skip
OF_ONE = {
    "tiny-diffusion": {
        "family-of-the-other": said(CONFIG, family="autoregressive"),
        "objective-of-the-other": said(CONFIG, objective={"name": "next-token"}),
        "shift-of-none": said(CONFIG, objective={**FLOW, "shift": 0}),
        "sigmas-the-wrong-way": said(CONFIG, objective={**FLOW, "settings": {"sigma_min": 9, "sigma_max": 1}}),
        "rope-of-none": said(NETWORK, rope_scale=[1.0, 0, 1.0]),
        "positions-of-none": said(NETWORK, max_size=[0, 0, 0]),
        "positions-too-few": said(NETWORK, max_size=[16, 4, 32]),
        "patch-that-does-not-divide": said(NETWORK, patch_size=[1, 3, 1]),
        "patch-of-true": said(NETWORK, patch_size=[1, True, 1]),
        "positions-of-a-number": said(NETWORK, extra_pos_embed_type=3),
        "channels-of-others": said(TOKENIZER, channels=16),
    },
    "tiny-autoregressive": {
        "family-of-the-other": said(CONFIG, family="diffusion"),
        "objective-of-the-other": said(CONFIG, objective=FLOW),
        "temperature-below-none": said(CONFIG, objective={"name": "next-token", "settings": {"temperature": -1}}),
        "no-token-likely": said(CONFIG, objective={"name": "next-token", "settings": {"top_p": 0}}),
        "vocabulary-beyond-the-codes": said(NETWORK, vocabulary=1080),
        "vocabulary-beyond-the-rows": said(NETWORK, vocabulary=4096),
        "begins-with-a-code": said(NETWORK, begin_token=5),
        "heads-that-do-not-divide": said(NETWORK, num_key_value_heads=3),
        "rope-of-none": said(NETWORK, rope_theta=0),
        "epsilon-below-none": said(NETWORK, norm_eps=-1),
        "codes-beyond-the-vocabulary": said(TOKENIZER, codes=2048),
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=BACKBONES)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_models.package(tmp_path_factory.mktemp("whole") / request.param, request.param)


def codes_of(act: Callable[[], object]) -> list[str]:
    """Return the codes with which something is refused, none if it is not; any other error is one of ours."""
    try:
        act()
    except RecipeError as error:
        return [problem.code for problem in error.problems]
    return []


def test_what_no_model_can_be_is_refused_before_it_is_built(whole: Path, tmp_path: Path) -> None:
    attacks = OF_BOTH | OF_ONE[whole.name]
    for name, change in attacks.items():
        change(Path(shutil.copytree(whole, tmp_path / name)))
    found = {name: codes_of(lambda name=name: require_sound(tmp_path / name)) for name in attacks}
    assert not {name: codes for name, codes in found.items() if codes not in (["CR161"], ["CR164"])}
    assert not codes_of(lambda: require_sound(whole))


@pytest.mark.parametrize("name", [CONFIG, NETWORK, TOKENIZER])
def test_no_value_of_a_configuration_breaks_who_looks_at_it(name: str, whole: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(whole, tmp_path / "model"))
    before = read_json_object(model / name)
    refused = 0
    for changed in mutants(before):
        (model / name).write_text(json.dumps(changed))
        refused += bool(codes_of(lambda: require_sound(model)))
    assert refused > EACH


@pytest.mark.parametrize("steps", [0, -1, 10**9])
def test_no_plan_asks_for_steps_that_nobody_takes(steps: int, stranger: Path) -> None:
    document = yaml.safe_load((stranger / "plan.yaml").read_text())
    document["evaluate"]["sampler_steps"] = steps
    (stranger / "plan.yaml").write_text(yaml.safe_dump(document))
    assert codes_of(lambda: read_plan(stranger / "plan.yaml"))


def mutants(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a tree with one value changed, for every value in it, each to some of the hostile ones in turn."""
    hostile = cycle(VALUES)
    for *above, last in places(tree):
        for value in islice(hostile, EACH):
            changed = deepcopy(tree)
            node: Any = changed
            for each in above:
                node = node[each]
            node[last] = value
            yield changed


def places(tree: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for name, below in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*at, name)
        yield from places(below, (*at, name))


def scaled_by_too_few(model: Path) -> None:
    """Give it a tokenizer whose statistics are of three channels, where 64 are to be scaled: its weights do not tell."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"base_dim": 4, "z_dim": 64, "num_res_blocks": 1, "dim_mult": [1, 1, 1, 1]}
    autoencoder = AutoencoderKLWan(**sizes, latents_mean=[0.0] * 3, latents_std=[1.0] * 3)
    shutil.rmtree(model / "tokenizer")
    WanTokenizer(temporal=4, spatial=8, channels=64, autoencoder=autoencoder).save_pretrained(model / "tokenizer")


def test_what_breaks_within_the_model_is_told_in_one_line(room: Room, stranger: Path) -> None:
    scaled_by_too_few(stranger)
    hostile_models.seal(stranger)
    outcome = room.run(*SAMPLE)
    assert_refused(room, outcome)
    assert "CR165" in outcome.text and "--debug" in outcome.text
    assert "Traceback" in room.run("--debug", *SAMPLE).text
    assert not (room.folder / "out.mp4").exists()


def test_what_breaks_while_it_is_measured_is_told_too(room: Room, stranger: Path) -> None:
    scaled_by_too_few(stranger)
    hostile_models.seal(stranger)
    (videos := room.folder / "videos").mkdir()
    for name in ("a", "b"):
        write_mp4(videos / f"{name}.mp4", torch.zeros(3, 13, 64, 64, dtype=torch.uint8), 5.0)
        (videos / f"{name}.txt").write_text("Nothing moves.")
    outcome = room.run("evaluate", "./model", "--dataset", "./videos", "--clips", "1")
    assert_refused(room, outcome)
    assert "CR165 the model broke while it was measured" in outcome.text


def test_no_training_starts_from_a_model_whose_tokenizer_is_another(room: Room, stranger: Path) -> None:
    said(TOKENIZER, whitening=0.25)(stranger)
    outcome = room.run("check", "start.yaml")
    assert_none(room.complaints(outcome))
    assert outcome.code == 2
    assert "CR304" in outcome.text
