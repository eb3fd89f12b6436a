"""If these fail, tokens of a video mean nothing, another machine finds other codes, or what was saved is another codebook."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from cosmos_recipes.backbones.tokenizers import load_tokenizer
from cosmos_recipes.backbones.tokenizers.kmeans import KMeansTokenizer


def video(clips: int = 8, seed: int = 0) -> Tensor:
    """Return clips of a few plain squares that move."""
    drawn = torch.Generator().manual_seed(seed)
    clip_BCTHW = torch.zeros(clips, 3, 9, 32, 32, dtype=torch.uint8)
    for clip in clip_BCTHW:
        colour = torch.randint(60, 256, (3, 1, 1), generator=drawn, dtype=torch.uint8)
        row, column = torch.randint(0, 16, (2,), generator=drawn).tolist()
        for frame in range(9):
            clip[:, frame, row : row + 12, column + frame // 2 : column + frame // 2 + 12] = colour
    return clip_BCTHW


@pytest.fixture(scope="module")
def fitted() -> KMeansTokenizer:
    return KMeansTokenizer(codes=64).fit([video(), video(seed=1)])


def test_tokens_are_numbers_of_codes_and_give_back_what_they_stand_for(fitted: KMeansTokenizer) -> None:
    latent = fitted.encode(video())
    assert latent.shape == (8, 1, 3, 4, 4) and latent.dtype == torch.int32
    assert int(latent.min()) >= 0 and int(latent.max()) < 64
    restored = fitted.decode(latent)
    assert restored.shape == video().shape and restored.dtype == torch.uint8
    mean = video().float().mean((0, 2, 3, 4), keepdim=True)
    error, of_the_mean = ((each - video().float()).square().mean() for each in (restored.float(), mean))
    assert error < 0.1 * of_the_mean


def test_what_is_beside_a_cell_helps_to_restore_it(fitted: KMeansTokenizer) -> None:
    alone = KMeansTokenizer(codes=64)
    alone.load_state_dict({**fitted.state_dict(), "restore_FP": torch.zeros_like(fitted.restore_FP)})
    errors = [(each.decode(each.encode(video())).float() - video().float()).square().mean() for each in (fitted, alone)]
    assert errors[0] < errors[1]


def test_the_same_videos_give_the_same_codes(fitted: KMeansTokenizer) -> None:
    again = KMeansTokenizer(codes=64).fit([video(), video(seed=1)])
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in fitted.state_dict().items())


def test_a_saved_tokenizer_is_the_same_tokenizer(tmp_path: Path, fitted: KMeansTokenizer) -> None:
    fitted.save_pretrained(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert torch.equal(loaded.encode(video()), fitted.encode(video()))
    assert torch.equal(loaded.decode(fitted.encode(video())), fitted.decode(fitted.encode(video())))


def test_codes_are_carried_over_to_the_nearest(fitted: KMeansTokenizer) -> None:
    """Of the very same codes each is its own nearest, with all of the weight."""
    nearest_KN, weight_KN = fitted.likest(fitted)
    torch.testing.assert_close(fitted.patch_KP[nearest_KN[:, 0]], fitted.patch_KP)
    torch.testing.assert_close(weight_KN.sum(1), torch.ones(64))


def test_codes_that_look_alike_are_near_each_other(fitted: KMeansTokenizer) -> None:
    code = torch.arange(64).view(64, 1, 1, 1, 1)
    apart = torch.cdist(fitted.embed(code).flatten(1), fitted.embed(code).flatten(1))
    look = torch.cdist(fitted.patch_KP, fitted.patch_KP)
    assert torch.corrcoef(torch.stack([apart.flatten(), look.flatten()]))[0, 1] > 0.95


def test_fewer_patches_than_codes_are_enough() -> None:
    few = KMeansTokenizer(codes=64).fit([video(1)[:, :, :1]])
    assert few.encode(video(1)).shape == (1, 1, 3, 4, 4)
