"""If these fail, tokens are not those that NVIDIA's networks were trained on, or an unknown program is run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cosmos_recipes.backbones.tokenizers import is_elsewhere, load_tokenizer, trained_tokenizer
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.data.encoding import Encoder
from cosmos_recipes.diagnostics import RecipeError
from tests.backbones.toy_checkpoints import store_programs

ENTRY = backbone("predict1-5b-video2world").tokenizer


def patches(batch: int = 2, frames: int = 17) -> Tensor:
    """Return video whose patches of 8 frames and 16 x 16 pixels have one colour each."""
    random = torch.Generator().manual_seed(0)
    colours = torch.randint(0, 256, (batch, 3, 1 + (frames - 1) // 8, 2, 3), dtype=torch.uint8, generator=random)
    return colours.repeat_interleave(8, 2)[:, :, 7:].repeat_interleave(16, 3).repeat_interleave(16, 4)


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_video_becomes_numbers_of_codes_and_comes_back(tmp_path: Path, precision: str) -> None:
    settings = {**ENTRY.settings, "precision": precision}
    tokenizer = trained_tokenizer(ENTRY.model_copy(update={"settings": settings}), store_programs(tmp_path))
    video_BCTHW = patches()
    latent_B1THW = tokenizer.encode(video_BCTHW)
    assert (latent_B1THW.dtype, tuple(latent_B1THW.shape)) == (torch.int32, (2, 1, 3, 2, 3))
    assert 0 <= latent_B1THW.min() < latent_B1THW.max() < tokenizer.codes == 64_000
    restored = tokenizer.decode(latent_B1THW)
    assert restored.dtype == torch.uint8
    assert (restored.float() - video_BCTHW.float()).abs().max() <= 5
    assert torch.equal(tokenizer.encode(restored), latent_B1THW)


def test_the_first_digits_of_a_number_are_the_levels_in_order(tmp_path: Path) -> None:
    """A network predicts numbers: in another order of the digits it would predict noise."""
    tokenizer = trained_tokenizer(ENTRY, store_programs(tmp_path))
    video_BCTHW = torch.zeros(1, 3, 1, 16, 16, dtype=torch.uint8)
    video_BCTHW[:, 1] = 255
    latent_B1THW = tokenizer.encode(video_BCTHW)
    assert latent_B1THW.tolist() == [[[[[7 * 8 + 4 * 8 * 8 * 8 * 5]]]]]
    assert tokenizer.embed(latent_B1THW).flatten().tolist() == [-1, 0.75, -1, -1, 1, -1]


def test_a_clip_is_coded_alike_each_time_and_whatever_is_beside_it(tmp_path: Path) -> None:
    tokenizer = trained_tokenizer(ENTRY, store_programs(tmp_path))
    video_BCTHW = torch.randint(
        0, 256, (3, 3, 9, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    first = tokenizer.encode(video_BCTHW)
    assert all(torch.equal(tokenizer.encode(video_BCTHW[1:2]), first[1:2]) for _ in range(4))


def test_a_saved_tokenizer_holds_no_program_and_finds_the_same_one_again(tmp_path: Path) -> None:
    programs, saved = store_programs(tmp_path / "vae"), tmp_path / "tokenizer"
    tokenizer = trained_tokenizer(ENTRY, programs)
    tokenizer.save_pretrained(saved)
    assert [path.name for path in saved.iterdir()] == ["config.json"]
    assert is_elsewhere(saved)
    again = load_tokenizer(saved)
    assert torch.equal(again.encode(patches()), tokenizer.encode(patches()))
    moved = shutil.move(programs, tmp_path / "elsewhere")
    trained_tokenizer(ENTRY, Path(moved)).save_pretrained(tmp_path / "other")
    prints = [Encoder.saved(again, folder).fingerprint for folder in (saved, tmp_path / "other")]
    assert prints[0] == prints[1], "latents would be made again for a folder that was moved"


def test_another_program_in_its_place_is_not_run(tmp_path: Path) -> None:
    programs, saved = store_programs(tmp_path / "vae"), tmp_path / "tokenizer"
    trained_tokenizer(ENTRY, programs).save_pretrained(saved)
    (programs / "decoder.jit").write_bytes((programs / "encoder.jit").read_bytes())
    with pytest.raises(RecipeError, match="CR622") as caught:
        load_tokenizer(saved)
    expected = json.loads((saved / "config.json").read_text())["sha256"]["decoder.jit"][:12]
    assert expected in caught.value.problems[0].expected


@pytest.mark.parametrize("path", ["vae", "."])
def test_a_program_that_comes_with_a_model_of_others_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A published model says where its tokenizer is; that must not be a program that somebody put there."""
    programs, saved = store_programs(tmp_path / path), tmp_path / "tokenizer"
    trained_tokenizer(ENTRY, programs).save_pretrained(saved)
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps({**config, "_name_or_path": path, "hub_id": "eve/tokenizer"}))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError, match="a program of somebody else"):
        load_tokenizer(saved)


@pytest.mark.parametrize(("temporal", "spatial"), [(4, 16), (8, 8)])
def test_a_tokenizer_of_another_size_is_refused(tmp_path: Path, temporal: int, spatial: int) -> None:
    with pytest.raises(RecipeError, match="CR622"):
        trained_tokenizer(ENTRY, store_programs(tmp_path, temporal=temporal, spatial=spatial))


def test_numbers_that_count_their_digits_in_another_order_are_refused(tmp_path: Path) -> None:
    """The network would see noise, and every shape would be right."""
    with pytest.raises(RecipeError, match="CR622") as caught:
        trained_tokenizer(ENTRY, store_programs(tmp_path, counts=(1600, 200, 25, 5, 1, 12800)))
    assert "in another order" in caught.value.problems[0].found


@pytest.mark.parametrize("cut", [None, 0, 1000], ids=["missing", "empty", "cut off"])
def test_a_program_that_cannot_be_read_is_named(tmp_path: Path, cut: int | None) -> None:
    file = store_programs(tmp_path) / "decoder.jit"
    content = file.read_bytes()
    file.unlink() if cut is None else file.write_bytes(content[:cut])
    with pytest.raises(RecipeError, match="CR621") as caught:
        trained_tokenizer(ENTRY, tmp_path)
    assert caught.value.problems[0].place.file == str(file)
