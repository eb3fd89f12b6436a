"""If these fail, a transcoded set trains on other frames, other moments or other colours than the set that it was made from."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from odd_videos import colourful, encode
from torch import Tensor
from videos import number_of, write_video

from cosmos_recipes.data.decode.frames import read_frames
from cosmos_recipes.data.decode.transcode import GROUP_FRAMES, TranscodeCodec, transcode
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import RecipeError

SIZE = {"height_px": 64, "width_px": 48}
VARIABLE = (*range(0, 1000, 100), 1010, 1500, 1533, *range(2000, 2500, 40))


def every(media: Media) -> Tensor:
    """Return all frames as they are trained on, `video_CTHW`."""
    found = probe(media)
    return read_frames(media, found, range(len(found.pts)), **SIZE, backends={})


@pytest.mark.parametrize("codec", ["h264", "vp9", "mjpeg"])
@pytest.mark.parametrize("source", ["constant", "variable", "bt709", "turned", "stretch"])
def test_frame_k_stays_frame_k(tmp_path: Path, codec: TranscodeCodec, source: str) -> None:
    path, times = tmp_path / "source.mkv", VARIABLE if source == "variable" else range(0, 2500, 100)
    if source == "turned":
        path = write_video(tmp_path / "source.mp4", turned=90)
    else:
        matrix = "bt709" if source == "bt709" else "bt601"
        encode(path, "libx264", pictures=colourful(len(times), height=130, width=94), times=times, matrix=matrix)
    media = Media(path=path, start_s=0.7, end_s=2.1) if source == "stretch" else Media(path=path)
    found, made = probe(media), tmp_path / "small" / "made.mp4"
    transcode(media, found, made, **SIZE, codec=codec)
    again = probe(made)
    assert (again.codec, again.height_px, again.width_px) == (codec, 64, 48)
    assert again.times_s == pytest.approx(found.times_s, abs=1e-6)
    difference_CTHW = (every(Media(path=made)).int() - every(media).int()).abs().float()
    assert difference_CTHW.mean(dim=(0, 2, 3)).max() < 3
    assert not list(made.parent.glob("*.unfinished"))


def test_a_transcoded_file_is_quick_to_enter_and_says_its_colours(tmp_path: Path) -> None:
    path = write_video(tmp_path / "source.mp4", frames=50, gop=50, options={"bf": "3"})
    transcode(path, probe(path), tmp_path / "made.mp4", **SIZE)
    content = (tmp_path / "made.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(tmp_path / "made.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_range, context.colorspace) == (1, 6)
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == list(range(0, 50, GROUP_FRAMES))
    assert all(packet.pts == packet.dts for packet in packets)


def test_a_rate_takes_the_nearest_frames(tmp_path: Path) -> None:
    path = encode(tmp_path / "source.mkv", "libx264", times=VARIABLE)
    transcode(path, probe(path), tmp_path / "made.mp4", **SIZE, rate_hz=5.0)
    made = Media(path=tmp_path / "made.mp4")
    assert probe(made).times_s == pytest.approx([k / 5 for k in range(13)])
    said = [number_of(frame.numpy()) for frame in every(made).transpose(0, 1)]
    assert said == [min(range(len(VARIABLE)), key=lambda n: abs(VARIABLE[n] - 200 * k)) % 28 for k in range(13)]


def test_nothing_is_left_of_what_cannot_be_written(tmp_path: Path) -> None:
    path, made = write_video(tmp_path / "source.webm", codec="vp9"), tmp_path / "out" / "made.mp4"
    found = probe(path)
    with pytest.raises(RecipeError, match=r"CR574: the video source\.webm cannot be written as made\.mp4"):
        transcode(path, found, made, height_px=63, width_px=48)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RecipeError, match=r"CR512: the video source\.webm is damaged"):
        transcode(path, found, made, **SIZE)
    assert not made.exists() and not [*made.parent.glob("*")]
