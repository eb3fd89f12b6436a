"""If these fail, captions are not read as NVIDIA's networks were trained on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    Cosmos2_5_PredictBasePipeline,
    CosmosVideoToWorldPipeline,
    EDMEulerScheduler,
    UniPCMultistepScheduler,
)

from cosmos_recipes.backbones.text import is_frozen, load_text_encoder
from cosmos_recipes.backbones.zoo import TextEntry, zoo
from cosmos_recipes.conditioning.networks import PreparedText
from cosmos_recipes.diagnostics import RecipeError
from tests.backbones.toy_autoencoders import toy_cosmos, toy_wan
from tests.backbones.toy_text import store_reason1, store_t5

LENGTH = 32
TEXTS = ("an arm puts the box on the conveyor", "", "box " * 50)
TOYS = {"t5": (store_t5, 12), "cosmos-reason1": (store_reason1, 20)}


def start(name: str, folder: Path) -> Any:
    store, width = TOYS[name]
    return load_text_encoder(TextEntry(encoder=name, length=LENGTH, width=width), store(folder))


def contexts_of_the_pipeline(name: str, encoder: Any, texts: Sequence[str]) -> torch.Tensor:
    parts = {"text_encoder": encoder.encoder, "tokenizer": encoder.tokenizer, "safety_checker": print}
    if name == "t5":
        pipeline = CosmosVideoToWorldPipeline(
            vae=toy_cosmos(), scheduler=EDMEulerScheduler(), transformer=None, **parts
        )
        embed: Callable[..., torch.Tensor] = pipeline._get_t5_prompt_embeds
    else:
        pipeline = Cosmos2_5_PredictBasePipeline(
            vae=toy_wan(), scheduler=UniPCMultistepScheduler(), transformer=None, **parts
        )
        embed = pipeline._get_prompt_embeds
    with torch.no_grad():
        return embed(list(texts), max_sequence_length=LENGTH, device="cpu")


@pytest.mark.parametrize("name", TOYS)
def test_contexts_are_those_of_the_pipeline(name: str, tmp_path: Path) -> None:
    encoder = start(name, tmp_path)
    context_NLD = encoder.encode(TEXTS)
    assert (context_NLD.shape, context_NLD.dtype) == ((3, LENGTH, TOYS[name][1]), torch.bfloat16)
    torch.testing.assert_close(context_NLD, contexts_of_the_pipeline(name, encoder, TEXTS))


def test_past_the_end_of_a_text_t5_gives_zeros(tmp_path: Path) -> None:
    context_NLD = start("t5", tmp_path).encode(TEXTS)
    lengths = [int(context_LD.any(-1).sum()) for context_LD in context_NLD]
    assert lengths == [9, 1, LENGTH]


@pytest.mark.parametrize("name", TOYS)
def test_an_encoder_that_is_not_there_or_another_one_is_refused(name: str, tmp_path: Path) -> None:
    entry = TextEntry(encoder=name, length=LENGTH, width=13)
    with pytest.raises(RecipeError, match="CR624"):
        load_text_encoder(entry, tmp_path)
    with pytest.raises(RecipeError, match="CR625"):
        load_text_encoder(entry, TOYS[name][0](tmp_path))


def test_every_backbone_has_an_encoder() -> None:
    assert {entry.text.encoder for entry in zoo().values() if not is_frozen(entry.text.encoder)} == {"bytes", "none"}


def test_a_prepared_context_arrives_as_it_is_and_no_text_is_zeros() -> None:
    head = PreparedText(length=3, width=4)
    contexts = [torch.full((3, 4), value, dtype=torch.bfloat16) for value in (1.0, 2.0)]
    rows = [{"caption": "an arm", "context_LD": context_LD} for context_LD in contexts]
    control = head.collate([*rows, {"caption": ""}])
    assert torch.equal(head(control)["encoder_hidden_states"], torch.stack([*contexts, torch.zeros(3, 4)]).float())
    null = head.null(3)
    assert (null["text_BLD"].dtype, null["text_BLD"].shape) == (control["text_BLD"].dtype, control["text_BLD"].shape)
    assert not head(null)["encoder_hidden_states"].any()
