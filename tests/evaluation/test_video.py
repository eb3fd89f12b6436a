"""If these break, the videos of a report do not play, or show other colours than the model's."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
import torch
from PIL import Image
from torch import Tensor

from cosmos_recipes.evaluation.contact_sheet import MOST_COLUMNS, contact_sheet, shown_frames
from cosmos_recipes.evaluation.evaluate import Sample
from cosmos_recipes.evaluation.metrics import copy_last_given
from cosmos_recipes.evaluation.video import mp4_bytes, resize, side_by_side, write_mp4


def decode(path: Path) -> Tensor:
    """The frames (3, T, H, W) of a file, by the matrix that the file names."""
    with av.open(str(path)) as container:
        frames = [
            frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray() for frame in container.decode(video=0)
        ]
    return torch.stack([torch.from_numpy(frame) for frame in frames]).permute(3, 0, 1, 2)


def test_a_small_clip_is_enlarged_and_keeps_its_frames_rate_and_colours(tmp_path: Path) -> None:
    video = torch.zeros(3, 5, 32, 48, dtype=torch.uint8)
    video[0, :, :, :24], video[2, :, :, 24:], video[1] = 200, 180, 60
    write_mp4(tmp_path / "clip.mp4", video, 5.0)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt, stream.frames, stream.average_rate) == (
            "h264",
            "yuv420p",
            5,
            5,
        )
        assert stream.codec_context.colorspace == 1
    found = decode(tmp_path / "clip.mp4")
    assert found.shape == (3, 5, 256, 384)
    assert (found.float() - resize(video).float()).abs().mean() < 3


@pytest.mark.parametrize("rate_hz", [0.5, 5.0, 29.97, 60.0])
def test_a_clip_lasts_as_long_as_its_frames(tmp_path: Path, rate_hz: float) -> None:
    write_mp4(tmp_path / "clip.mp4", torch.zeros(3, 6, 32, 32, dtype=torch.uint8), rate_hz)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(6 / rate_hz, rel=0.01)


def test_the_index_comes_before_the_pictures() -> None:
    content = mp4_bytes(torch.zeros(3, 3, 32, 32, dtype=torch.uint8), 5.0)
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("size", [(257, 301), (300, 255), (31, 33)])
def test_odd_sides_can_be_written(tmp_path: Path, size: tuple[int, int]) -> None:
    write_mp4(tmp_path / "clip.mp4", torch.zeros(3, 2, *size, dtype=torch.uint8), 5.0)
    height, width = decode(tmp_path / "clip.mp4").shape[-2:]
    assert (height % 2, width % 2) == (0, 0)


def test_large_clips_are_made_smaller_for_the_page() -> None:
    assert resize(torch.zeros(3, 1, 480, 640, dtype=torch.uint8), most_side_px=512).shape == (3, 1, 384, 512)
    assert resize(torch.zeros(3, 1, 480, 640, dtype=torch.uint8)).shape == (3, 1, 480, 640)


def test_the_same_frames_of_odd_places_in_memory_are_the_same_file() -> None:
    """Without it, a repeated run publishes other files: the encoder's rate control looked beyond the picture."""
    noise = torch.randint(0, 256, (3, 13, 260, 260), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    kept, files = [], set()
    for number in range(6):
        kept.append(torch.full((1_000_003 * (number + 1),), number, dtype=torch.uint8))
        files.add(mp4_bytes(noise, 10.0))
    assert len(files) == 1


def test_the_same_frames_are_the_same_file(video: Tensor) -> None:
    assert mp4_bytes(video[0], 5.0) == mp4_bytes(video[0], 5.0)


def test_videos_stand_next_to_each_other(video: Tensor) -> None:
    joined = side_by_side([video[0], video[1]])
    assert torch.equal(joined[..., :32], video[0])
    assert torch.equal(joined[..., -32:], video[1])


@pytest.mark.parametrize(("frames", "given"), [(9, 1), (13, 5), (93, 9), (200, 1)])
def test_the_sheet_shows_the_last_given_frame_and_the_last_one(frames: int, given: int) -> None:
    shown = shown_frames(frames, given)
    assert len(shown) == len(set(shown)) <= MOST_COLUMNS
    assert shown == sorted(shown)
    assert {given - 1, frames - 1} <= set(shown)


def test_the_sheet_marks_given_frames_and_holds_any_caption(video: Tensor) -> None:
    sample = Sample(
        caption="Ein Würfel <b>fällt</b> 机器人 " * 30,
        truth_CTHW=video[0],
        copy_CTHW=copy_last_given(video[:1], 2)[0],
        prediction_CTHW=video[0],
    )
    sheet = contact_sheet([sample], given_frames=2, rate_hz=5.0)
    orange = sum(count for count, colour in sheet.getcolors(1 << 24) or () if colour == (224, 138, 0))
    # Two frames of two rows, bordered by 3 pixels, and the words above them.
    assert orange >= 4 * 4 * 3 * 120
    assert isinstance(sheet, Image.Image)
