"""If these fail, a fresh network starts badly or no longer is diffusers' own."""

from pathlib import Path

import torch
from diffusers import CosmosTransformer3DModel

from cosmos_recipes.backbones.diffusion import build_transformer, load_transformer

ARCHITECTURE = {
    "in_channels": 9,
    "out_channels": 8,
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "num_layers": 2,
    "text_embed_dim": 16,
    "adaln_lora_dim": 8,
    "max_size": (8, 16, 16),
    "patch_size": (1, 1, 1),
    "rope_scale": (1.0, 1.0, 1.0),
    "concat_padding_mask": False,
    "extra_pos_embed_type": None,
}


def inputs() -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return {
        "hidden_states": torch.randn(2, 8, 3, 4, 4, generator=random),
        "timestep": torch.tensor([10.0, 900.0]),
        "encoder_hidden_states": torch.randn(2, 5, 16, generator=random),
        "condition_mask": torch.ones(2, 1, 3, 4, 4),
    }


def test_fresh_network_predicts_nothing_and_depends_on_its_seed_alone() -> None:
    first, second = build_transformer(ARCHITECTURE, seed=1), build_transformer(ARCHITECTURE, seed=1)
    assert not first(**inputs(), return_dict=False)[0].any()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_gates_start_open_and_modulation_closed() -> None:
    """Closed gates would stop the gradient of every branch, so that nothing learns for hundreds of steps."""
    transformer = build_transformer(ARCHITECTURE, seed=0)
    features = transformer.time_embed(torch.zeros(1), torch.linspace(0, 1000, 33))[0]
    shift, scale, gate = features.chunk(3, dim=-1)
    assert not torch.cat([shift, scale]).any()
    assert (gate - 1).abs().max() < 0.5


def test_cached_rotary_tables_change_nothing(tmp_path: Path) -> None:
    ours = build_transformer(ARCHITECTURE, seed=0)
    torch.nn.init.normal_(ours.proj_out.weight, std=0.1)
    ours.save_pretrained(tmp_path)
    theirs = CosmosTransformer3DModel.from_pretrained(tmp_path)
    expected = theirs(**inputs(), return_dict=False)[0]
    for transformer in (ours, load_transformer(str(tmp_path))):
        assert torch.equal(transformer(**inputs(), return_dict=False)[0], expected)


def test_a_padding_mask_is_resized_to_the_latents_and_matters() -> None:
    """Otherwise released networks, which all take one, cannot run on a machine without torchvision."""
    transformer = build_transformer({**ARCHITECTURE, "concat_padding_mask": True}, seed=0)
    torch.nn.init.normal_(transformer.proj_out.weight, std=0.1)
    none, all_, left = (torch.zeros(1, 1, 32, 32) for _ in range(3))
    all_[:] = 1
    left[..., :16] = 1
    outputs = [transformer(**inputs(), padding_mask=mask, return_dict=False)[0] for mask in (none, all_, left)]
    assert not torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[1], outputs[2])
    resized = torch.zeros(1, 1, 4, 4)
    resized[..., :2] = 1
    assert torch.equal(outputs[2], transformer(**inputs(), padding_mask=resized, return_dict=False)[0])
