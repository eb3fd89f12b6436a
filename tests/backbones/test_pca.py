"""If these fail, latents no longer stand for the pictures they came from."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from cosmos_recipes.backbones.tokenizers.pca import PcaTokenizer


def moving_discs(clips: int, *, frames: int = 9, size: int = 32) -> Tensor:
    """Return video_BCTHW of soft discs that drift, each with its own colour, place and speed."""
    random = torch.Generator().manual_seed(0)
    place, speed = torch.rand(clips, 2, generator=random) * size, torch.randn(clips, 2, generator=random)
    colour = torch.rand(clips, 3, 1, 1, 1, generator=random)
    time = torch.arange(frames)[None, :, None, None]
    y, x = torch.arange(size)[:, None], torch.arange(size)[None, :]
    centre = place[:, :, None, None, None] + speed[:, :, None, None, None] * time
    distance = ((y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2).sqrt()
    return (255 * colour * torch.sigmoid(6 - distance)[:, None]).round().to(torch.uint8)


@pytest.fixture(scope="module")
def fitted() -> PcaTokenizer:
    return PcaTokenizer(channels=64).fit([moving_discs(64)])


def psnr_db(first: Tensor, second: Tensor) -> float:
    return float(20 * torch.log10(255 / (first.float() - second.float()).square().mean().sqrt()))


def test_round_trip_keeps_the_picture(fitted: PcaTokenizer) -> None:
    video_BCTHW = moving_discs(8)
    assert psnr_db(fitted.decode(fitted.encode(video_BCTHW)), video_BCTHW) > 30


def test_every_component_kept_loses_nothing() -> None:
    video_BCTHW = torch.randint(0, 256, (64, 3, 5, 8, 8), dtype=torch.uint8)
    tokenizer = PcaTokenizer(temporal=2, spatial=2, channels=24).fit([video_BCTHW])
    assert (tokenizer.decode(tokenizer.encode(video_BCTHW)).int() - video_BCTHW.int()).abs().max() <= 1


def test_latents_are_causal(fitted: PcaTokenizer) -> None:
    """The given frames' latents must not know the frames that are to be predicted."""
    video_BCTHW = moving_discs(2)
    changed = video_BCTHW.clone()
    changed[:, :, 5:] = 0
    assert torch.equal(fitted.encode(changed)[:, :, :2], fitted.encode(video_BCTHW)[:, :, :2])


def test_shapes_and_scale(fitted: PcaTokenizer) -> None:
    latent_BCTHW = fitted.encode(moving_discs(64))
    assert latent_BCTHW.shape == (64, 64, 3, 4, 4)
    assert 0.5 < latent_BCTHW.square().mean() < 2


def test_saved_tokenizer_is_the_same(fitted: PcaTokenizer, tmp_path: Path) -> None:
    fitted.save_pretrained(tmp_path)
    video_BCTHW = moving_discs(2)
    assert torch.equal(PcaTokenizer.from_pretrained(tmp_path).encode(video_BCTHW), fitted.encode(video_BCTHW))


def test_fit_does_not_depend_on_how_clips_are_batched() -> None:
    video_BCTHW = moving_discs(16)
    whole, split = PcaTokenizer(channels=8).fit([video_BCTHW]), PcaTokenizer(channels=8).fit(video_BCTHW.split(5))
    torch.testing.assert_close(whole.encode(video_BCTHW), split.encode(video_BCTHW), atol=1e-3, rtol=1e-3)
