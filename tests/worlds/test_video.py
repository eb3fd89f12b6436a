from __future__ import annotations

import av
import numpy as np
import pytest

from cosmos_recipes.worlds.drawing import render
from cosmos_recipes.worlds.factory import simulate
from cosmos_recipes.worlds.video import GROUP_FRAMES, exact_rate, read_video, write_video

LUMA = np.array([0.299, 0.587, 0.114])


def psnr_db(one, other) -> float:
    return 10 * np.log10(255**2 / np.mean(np.square(one.astype(float) - other)))


def with_half_chroma(frames_THWC):
    """What 4:2:0, the form of every common video, can hold of these frames."""
    halved = [av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv420p") for frame in frames_THWC]
    return np.stack([frame.to_ndarray(format="rgb24") for frame in halved])


@pytest.mark.parametrize("codec", ["vp9", "mjpeg", "h264"])
@pytest.mark.parametrize("size_px", [64, 128])
def test_a_video_shows_the_drawn_frames_nearly_without_loss(tmp_path, codec, size_px):
    frames_THWC = render(simulate(4), size_px, size_px)
    write_video(tmp_path / "clip.mp4", frames_THWC, 5.0, codec)
    read_THWC = read_video(tmp_path / "clip.mp4")
    assert read_THWC.shape == frames_THWC.shape
    assert psnr_db(read_THWC, with_half_chroma(frames_THWC)) > 38
    assert psnr_db(read_THWC @ LUMA, frames_THWC @ LUMA) > 40
    assert np.abs(read_THWC.mean(axis=(0, 1, 2)) - frames_THWC.mean(axis=(0, 1, 2))).max() < 2


@pytest.mark.parametrize("codec", ["vp9", "mjpeg", "h264"])
@pytest.mark.parametrize("rate_hz", [5.0, 10.0, 23.976, 29.97, 30000 / 1001])
def test_frame_k_is_at_exactly_k_over_rate(tmp_path, codec, rate_hz):
    write_video(tmp_path / "clip.mp4", render(simulate(0), 32, 48), rate_hz, codec)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        frames = list(container.decode(video=0))
        assert container.streams.video[0].average_rate == exact_rate(rate_hz)
    assert [frame.pts * frame.time_base for frame in frames] == [k / exact_rate(rate_hz) for k in range(25)]
    if codec != "mjpeg":
        assert [k for k, frame in enumerate(frames) if frame.key_frame] == list(range(0, 25, GROUP_FRAMES))


def test_odd_sizes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="even, not 33x48"):
        write_video(tmp_path / "clip.mp4", np.zeros((2, 33, 48, 3), np.uint8), 5.0, "vp9")
