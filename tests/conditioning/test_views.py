"""If these fail, views are mixed up, see each other where they must not, or do not where they must."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from cosmos_recipes.backbones.diffusion import build_transformer
from cosmos_recipes.backbones.places import ACROSS_VIEWS, MODULATION, PLACES, TIME
from cosmos_recipes.backbones.zoo import TextEntry
from cosmos_recipes.conditioning.base import Surroundings, head

CHANNELS, FRAMES, GRID, WIDTH, HEADS, BLOCKS = 4, 2, (3, 2), 24, 2, 2
VIEWS = ("front", "left", "rear")
ARCHITECTURE: dict[str, Any] = {
    "in_channels": CHANNELS + 1,
    "out_channels": CHANNELS,
    "num_attention_heads": HEADS,
    "attention_head_dim": WIDTH // HEADS,
    "num_layers": BLOCKS,
    "text_embed_dim": 8,
    "adaln_lora_dim": 4,
    "max_size": (8, 8, 8),
    "patch_size": (1, 1, 1),
    "rope_scale": (1.0, 1.0, 1.0),
    "concat_padding_mask": False,
    "extra_pos_embed_type": "learnable",
}
AROUND = Surroundings.of(
    ARCHITECTURE,
    text=TextEntry(encoder="bytes", length=6, width=8),
    spatial=1,
    size_px=GRID,
    temporal=4,
    frames=1 + 4 * (FRAMES - 1),
    numbers={},
    views=VIEWS,
)
SEES = {"front": ("left", "rear"), "left": ("front",)}
ROWS = [{"caption": "a red box"}, {"caption": None}]


def per_view(sees: dict[str, tuple[str, ...]]) -> Surroundings:
    return replace(AROUND, attention="per-view", sees=sees)


def stirred(module: Any) -> Any:
    """Return the module with no zeros and no symmetry left, as if it were trained."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


@pytest.fixture
def network() -> Any:
    torch.manual_seed(0)
    return stirred(build_transformer(ARCHITECTURE, seed=0))


def noise(views: int = len(VIEWS)) -> Tensor:
    return torch.randn(2, CHANNELS, views * FRAMES, *GRID, generator=torch.Generator().manual_seed(0))


def predicted(network: Any, hidden_BCTHW: Tensor, inputs: dict[str, Any], *, views: int = len(VIEWS)) -> Tensor:
    """Return what the network predicts (B, V, C, T, H, W)."""
    network.entrance.enter({place: inputs.pop(place) for place in PLACES if place in inputs}, views=views)
    time = torch.tensor([300.0, 800.0])[: len(hidden_BCTHW)].view(-1, 1, 1, 1, 1)
    with torch.no_grad():
        found: Tensor = network(
            hidden_states=hidden_BCTHW,
            timestep=time.expand(-1, 1, hidden_BCTHW.shape[2], 1, 1),
            condition_mask=torch.zeros_like(hidden_BCTHW[:, :1]),
            return_dict=False,
            **inputs,
        )[0]
    return found.unflatten(2, (views, -1)).transpose(1, 2)


def changed_views(one_BVCTHW: Tensor, other_BVCTHW: Tensor) -> list[str]:
    differ_V = (one_BVCTHW - other_BVCTHW).abs().amax((0, 2, 3, 4, 5)) > 0
    return [name for name, differs in zip(VIEWS, differ_V.tolist(), strict=True) if differs]


def test_positions_begin_anew_with_each_view(network: Any) -> None:
    """Views that hold the same are predicted the same, wherever they lie in the clip; rotary or learnt, both restart."""
    one = noise(1)
    context = torch.randn(2, 3, 8)
    found_BVCTHW = predicted(network, one.repeat(1, 1, 3, 1, 1), {"encoder_hidden_states": context})
    torch.testing.assert_close(found_BVCTHW[:, 1:], found_BVCTHW[:, :1].expand(-1, 2, -1, -1, -1, -1))
    as_one_video = predicted(network, one.repeat(1, 1, 3, 1, 1), {"encoder_hidden_states": context}, views=1)
    apart = as_one_video.squeeze(1).unflatten(2, (3, -1))
    assert (apart[:, :, 1] - apart[:, :, 0]).abs().max() > 1e-3


@pytest.mark.parametrize("attention", ["full", "per-view"])
def test_a_new_head_changes_nothing_and_all_of_it_learns(network: Any, attention: str) -> None:
    """At step 0 a clip is predicted as without a control, or, with an attention per view, as each view by itself."""
    built: Any = head("views").build(AROUND if attention == "full" else per_view(SEES))
    built.start_from(network)
    found = predicted(network, noise(), built(built.collate(ROWS)))
    nothing = {"encoder_hidden_states": torch.zeros(2, 1, 8)}
    if attention == "full":
        assert torch.equal(found, predicted(network, noise(), nothing))
    else:
        alone = [predicted(network, part, dict(nothing), views=1) for part in noise().chunk(3, 2)]
        torch.testing.assert_close(found, torch.cat(alone, 1))
    for _ in range(2):
        optimizer = torch.optim.SGD(built.parameters(), lr=0.1)
        optimizer.zero_grad()
        inputs = built(built.collate(ROWS))
        network.entrance.enter({place: inputs.pop(place) for place in PLACES if place in inputs}, views=len(VIEWS))
        timestep = torch.full((2, 1, 6, 1, 1), 500.0)
        mask = torch.zeros_like(noise()[:, :1])
        network(noise(), timestep, condition_mask=mask, return_dict=False, **inputs)[0].square().mean().backward()
        optimizer.step()
    still = [name for name, each in built.named_parameters() if each.grad is None or not each.grad.any()]
    assert not still


def test_the_attention_across_views_begins_as_a_copy_of_the_block_s_own(network: Any) -> None:
    """With its output opened in the same way, views that see all others find there what full attention finds."""
    everything = {view: tuple(other for other in VIEWS) for view in VIEWS}
    built: Any = head("views").build(per_view(everything))
    built.start_from(network)
    hidden = torch.randn(2, 3 * FRAMES * 6, WIDTH)
    rotary = network.rope(noise(1))
    for across, block in zip(built.across, network.transformer_blocks, strict=True):
        assert not across(hidden, rotary).any()
        across.attention.to_out[0].load_state_dict(block.attn1.to_out[0].state_dict())
        network.entrance.enter({}, views=len(VIEWS))
        whole = block.attn1(hidden, image_rotary_emb=tuple(table.repeat(3, 1) for table in rotary))
        torch.testing.assert_close(across(hidden, rotary), whole)


@settings(max_examples=20, deadline=None)
@given(
    sees=st.fixed_dictionaries(
        {view: st.sets(st.sampled_from([other for other in VIEWS if other != view])).map(tuple) for view in VIEWS}
    ),
    moved=st.sampled_from(range(3)),
)
def test_a_view_sees_those_that_the_map_names_and_no_other(sees: dict[str, tuple[str, ...]], moved: int) -> None:
    """Otherwise a camera is drawn from pictures that it was promised not to see."""
    torch.manual_seed(0)
    network = build_transformer({**ARCHITECTURE, "num_layers": 1}, seed=0)
    built: Any = stirred(head("views").build(replace(per_view(sees), blocks=1)))
    stirred(network)
    other = noise()
    other[:, :, moved * FRAMES] += 1
    before, after = (predicted(network, each, built(built.null(2))) for each in (noise(), other))
    watching = {view for view in VIEWS if VIEWS[moved] in sees[view]} | {VIEWS[moved]}
    assert set(changed_views(before, after)) == watching


def test_each_view_reads_its_own_text(network: Any) -> None:
    built: Any = stirred(head("views").build(per_view({"left": ("front",)})))
    control = built.collate([{"caption": "a red box"}] * 2)
    other = {name: value.clone() for name, value in control.items()}
    other["text_BVL"][:, 1] = 120
    before, after = (predicted(network, noise(), built(each)) for each in (control, other))
    assert changed_views(before, after) == ["left"]
    other["text_BVL"][:, 0] = 120
    assert changed_views(before, predicted(network, noise(), built(other))) == ["front", "left"]


def test_the_embedding_of_a_view_enters_its_own_frames(network: Any) -> None:
    built: Any = head("views").build(per_view(SEES))
    with torch.no_grad():
        for embedding_VD in built.embeddings.values():
            embedding_VD[2] = 1.0
    entering = built(built.null(2))
    for place in (TIME, MODULATION):
        assert entering[place][:, 4:].all() and not entering[place][:, :4].any()
    base = {**built(built.null(2)), TIME: 0 * entering[TIME], MODULATION: 0 * entering[MODULATION]}
    assert changed_views(predicted(network, noise(), base), predicted(network, noise(), entering)) == ["rear"]


@pytest.mark.parametrize("views", [(), ("front",), tuple("abcdefg")])
def test_any_number_of_views_is_taken(network: Any, views: tuple[str, ...]) -> None:
    built: Any = stirred(head("views").build(replace(AROUND, views=views)))
    count = max(1, len(views))
    found = predicted(network, noise(count), built(built.collate(ROWS)), views=count)
    assert found.shape == (2, count, CHANNELS, FRAMES, *GRID)


def test_a_recording_without_a_caption_is_as_one_whose_control_was_dropped() -> None:
    built: Any = stirred(head("views").build(AROUND))
    said, none = built.collate(ROWS), built.null(1)
    assert all(torch.equal(said[name][1:], none[name]) for name in none)
    assert ACROSS_VIEWS not in built(said)
