"""If these fail, a decoder sees what comes later, samples other tokens than it was trained for, or loses where it is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cosmos_recipes.backbones.autoregressive.attention import Attention, Cache
from cosmos_recipes.backbones.autoregressive.rotary import rotary_tables, rotate
from cosmos_recipes.backbones.networks import build_network, load_transformer
from cosmos_recipes.backbones.testing import BEGIN, CODES, DECODER, small_decoder, tokens
from cosmos_recipes.compiler.plan import Recompute
from cosmos_recipes.training.parallel.blocks import prepare_blocks

LAYOUTS = [("time-major", 1), ("time-major", 3), ("view-major", 3)]
SHAPE = (3, 2, 2)
WIDTH, CONTEXT = DECODER["hidden_size"], DECODER["text_embed_dim"]
shapes = st.tuples(*[st.integers(1, 3)] * 3)
layouts = st.sampled_from(LAYOUTS)


def entering(shape: tuple[int, int, int], views: int) -> dict[str, Tensor]:
    """Return something for every place."""
    frames, count = views * shape[0], views * shape[0] * shape[1] * shape[2]
    return {
        "encoder_hidden_states": torch.randn(2, views, 3, CONTEXT),
        "layers_NBLD": torch.randn(2, 2, count, WIDTH),
        "frame_BTD": torch.randn(2, frames, WIDTH),
        "own_BTC": torch.randn(2, frames, CONTEXT),
    }


def logits(network: Any, sequence: Any, token_BL: Tensor, enters: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        found: Tensor = network(sequence.held(token_BL, network.config.begin_token), network.around(sequence, enters))
    return found


def leaks(network: Any, layout: tuple[str, int], token: int, shape: tuple[int, int, int] = SHAPE) -> Tensor:
    """Return the slots before the one that holds a token, or in it, whose logits change wrongly when the token does."""
    name, views = layout
    sequence = network.sequence(shape, views=views, layout=name)
    token_BL, enters = tokens(2, shape, views), entering(shape, views)
    other_BL = token_BL.clone()
    other_BL[:, token] = (other_BL[:, token] + 1) % CODES
    changed_S = (
        (logits(network, sequence, token_BL, enters) != logits(network, sequence, other_BL, enters)).any(-1).any(0)
    )
    return changed_S[: int((sequence.holds_S == token).nonzero())].nonzero()


@pytest.mark.parametrize("begins", [True, False])
@settings(max_examples=30, deadline=None)
@given(layout=layouts, shape=shapes, data=st.data())
def test_a_token_never_changes_what_was_predicted_before_it(
    begins: bool, layout: tuple[str, int], shape: tuple[int, int, int], data: st.DataObject
) -> None:
    """In every layout: otherwise a model is trained on what it has to predict, across views too."""
    token = data.draw(st.integers(0, layout[1] * shape[0] * shape[1] * shape[2] - 1))
    network = small_decoder() if begins else small_decoder(begin_token=None)
    assert not len(leaks(network, layout, token, shape))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_leak_is_found(layout: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention to a slot that comes after is what the test above is there for."""

    def everywhere(self: Attention, query: Tensor, key: Tensor, value: Tensor, **how: Any) -> Tensor:
        return attended(self, query, key, value, **{**how, "is_causal": False})

    attended = Attention._attended
    monkeypatch.setattr(Attention, "_attended", everywhere)
    assert len(leaks(small_decoder(), layout, layout[1] * 12 - 1))


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=20, deadline=None)
@given(cuts=st.sets(st.integers(1, 11)))
def test_logits_come_out_the_same_all_at_once_and_bit_by_bit(layout: tuple[str, int], cuts: set[int]) -> None:
    network, (name, views) = small_decoder(), layout
    sequence = network.sequence(SHAPE, views=views, layout=name)
    token_BL, enters = tokens(2, SHAPE, views), entering(SHAPE, views)
    held_BS, around = sequence.held(token_BL, BEGIN), network.around(sequence, enters)
    caches = [Cache(slots=sequence.slots) for _ in range(2)]
    edges = [0, *sorted(cuts), sequence.slots]
    with torch.no_grad():
        parts = [network(held_BS[:, first:end], around.of(slice(first, end)), caches) for first, end in pairwise(edges)]
        whole = network(held_BS, around)
    assert (torch.cat(parts, 1) - whole).abs().max() < 1e-4


def test_attention_knows_how_far_apart_tokens_are_and_not_where() -> None:
    """Rotary positions are relative along each axis."""
    query, key = torch.randn(2, 1, 1, 1, 32)
    begins = torch.zeros(1, dtype=torch.bool)

    def score(one: list[int], other: list[int]) -> Tensor:
        tables = [rotary_tables(torch.tensor([at]), begins, width=32, theta=5e5) for at in (one, other)]
        return (rotate(query, tables[0]) * rotate(key, tables[1])).sum()

    torch.testing.assert_close(score([1, 2, 3], [0, 0, 5]), score([4, 3, 3], [3, 1, 5]))
    assert not torch.isclose(score([1, 2, 3], [0, 0, 5]), score([1, 2, 3], [0, 1, 5]))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_positions_begin_anew_with_each_view(layout: tuple[str, int]) -> None:
    name, views = layout
    sequence = small_decoder().sequence(SHAPE, views=views, layout=name)
    held = sequence.holds_S >= 0
    by_token = torch.empty(views * 12, 3, dtype=torch.long)
    by_token[sequence.holds_S[held]] = sequence.position_S3[held]
    assert torch.equal(by_token, by_token[:12].repeat(views, 1))


@pytest.mark.parametrize(("layout", "segments"), [(LAYOUTS[1], 1), (LAYOUTS[2], 3)])
def test_a_segment_begins_with_its_own_token(layout: tuple[str, int], segments: int) -> None:
    """Without it nothing predicts the first token of a segment, and what is given decides nothing."""
    name, views = layout
    sequence = small_decoder().sequence(SHAPE, views=views, layout=name)
    held_S = sequence.held(tokens(1, SHAPE, views), BEGIN)[0]
    assert int((held_S == BEGIN).sum()) == segments and held_S[0] == BEGIN
    assert sorted(sequence.predicts_S[sequence.predicts_S >= 0].tolist()) == list(range(views * 12))
    without = small_decoder(begin_token=None).sequence(SHAPE, views=views, layout=name)
    assert len(without.holds_S) == views * 12 and int((without.predicts_S < 0).sum()) == segments


def test_recomputed_activations_give_the_same_gradients() -> None:
    gradients = []
    for recompute in get_args(Recompute):
        network = small_decoder().train()
        prepare_blocks(network.transformer_blocks, recompute=recompute, compiles=False)
        sequence = network.sequence(SHAPE, views=1, layout=None)
        torch.manual_seed(0)
        around = network.around(sequence, entering(SHAPE, 1))
        network(sequence.held(tokens(2, SHAPE, 1), BEGIN), around).square().sum().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
    assert all(torch.equal(kept, again) for kept, *others in zip(*gradients, strict=True) for again in others)


def test_codes_that_stand_for_the_same_begin_alike_and_can_be_told_apart() -> None:
    """Without that, a network has to learn from its clips alone which of a thousand codes look like each other."""
    network = build_network("autoregressive", DECODER, seed=0)
    code_KD = torch.randn(CODES, 6, generator=torch.Generator().manual_seed(0))
    code_KD[1] = code_KD[0] + 0.01
    network.liken(code_KD)
    for matrix in (network.tok_embeddings.weight, network.output.weight):
        apart_KK = torch.cdist(matrix[:CODES], matrix[:CODES]) + torch.eye(CODES) * 1e6
        assert apart_KK[0].argmin() == 1 and apart_KK[0, 1] > 0


def test_a_stored_decoder_is_the_same_decoder(tmp_path: Path) -> None:
    ours = small_decoder()
    ours.save_pretrained(tmp_path)
    theirs = load_transformer(tmp_path)
    assert dict(theirs.config) == dict(ours.config) | {"_name_or_path": theirs.config["_name_or_path"]}
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())
