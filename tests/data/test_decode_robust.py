"""If these fail, an unusual file gives frames of the wrong moment or colour, or breaks a run that it should be named in."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from odd_videos import colourful, encode, remux, without_first
from torch import Tensor
from videos import number_of, picture, write_video

from cosmos_recipes.data.decode.frames import read_frames
from cosmos_recipes.data.probe import Probe, probe
from cosmos_recipes.diagnostics import RecipeError

BOTH = ({}, {"vp9": "dali", "vp8": "dali", "mjpeg": "dali"})


def read(path: Path, frames: list[int], *, found: Probe | None = None, backends: object = None) -> Tensor:
    """Return `video_TCHW` at the size that the file has."""
    found = found or probe(path)
    sides = {"height_px": found.height_px, "width_px": found.width_px}
    return read_frames(path, found, frames, **sides, backends=backends or {}).transpose(0, 1)


def assert_every_window_is_right(path: Path, first: int = 0) -> None:
    """Compare what the frames say with their numbers, by both back-ends, in windows from every frame on."""
    found = probe(path)
    count = len(found.pts)
    for backends in BOTH:
        for start in range(0, count, 3):
            window = list(range(start, min(count, start + 4)))
            said = [number_of(frame.numpy()) for frame in read(path, window, found=found, backends=backends)]
            assert said == [(number + first) % 28 for number in window]


VARIABLE = (0, 100, 130, 500, 510, 520, 1100, 1150, 1900, 2000, 2010, 2600)


@pytest.mark.parametrize(
    ("name", "encoder", "options"),
    [
        ("variable.mp4", "libx264", {"bf": "2"}),
        ("variable.mkv", "libx264", {"bf": "2"}),
        ("variable.webm", "libvpx-vp9", {}),
    ],
)
def test_frames_of_variable_rate_keep_their_times(
    tmp_path: Path, name: str, encoder: str, options: dict[str, str]
) -> None:
    path = encode(tmp_path / name, encoder, times=VARIABLE, options=options)
    assert probe(path).times_s == pytest.approx([time / 1000 for time in VARIABLE], abs=0.001)
    assert_every_window_is_right(path)


@pytest.mark.parametrize(
    ("name", "encoder"), [("late.mkv", "libx264"), ("late.webm", "libvpx-vp9"), ("late.mp4", "libx264")]
)
def test_a_video_that_starts_late_is_read_from_its_first_frame(tmp_path: Path, name: str, encoder: str) -> None:
    path = encode(tmp_path / name, encoder, times=range(1700, 4200, 100))
    assert probe(path).times_s == pytest.approx([number / 10 for number in range(25)])
    assert_every_window_is_right(path)


def test_what_an_edit_list_cuts_off_is_not_counted(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", options={"bf": "2", "b-adapt": "0"})
    path = without_first(whole, tmp_path / "cut.mp4", 5)
    assert len(probe(path).pts) == 20
    assert_every_window_is_right(path, first=5)


def test_times_count_and_not_the_rate_that_a_container_claims(tmp_path: Path) -> None:
    path = encode(tmp_path / "wrong.mkv", "libx264", rate=30)
    with av.open(str(path)) as container:
        assert container.streams.video[0].guessed_rate != 10
    assert probe(path).times_s == pytest.approx([number / 10 for number in range(25)])
    assert_every_window_is_right(path)


@pytest.mark.parametrize("gop", [1, 2, 5, 25])
@pytest.mark.parametrize(
    "options",
    [
        {"bf": "3", "b-adapt": "0", "b-pyramid": "normal", "refs": "4"},
        {"bf": "1", "b-adapt": "0", "x264-params": "open-gop=1"},
        {"bf": "3", "b-adapt": "0", "x264-params": "weightp=2:interlaced=1"},
    ],
)
def test_frames_that_are_stored_out_of_order_come_in_order(tmp_path: Path, gop: int, options: dict[str, str]) -> None:
    assert_every_window_is_right(write_video(tmp_path / "reordered.mp4", gop=gop, options=options))
    assert_every_window_is_right(write_video(tmp_path / "reordered.mkv", gop=gop, options=options))


@pytest.mark.parametrize(
    ("encoder", "name"), [("mpeg4", "a.mp4"), ("mpeg4", "b.mkv"), ("libx265", "c.mp4"), ("libx264", "d.ts")]
)
def test_reordered_frames_of_other_codecs_come_in_order_too(tmp_path: Path, encoder: str, name: str) -> None:
    path = encode(tmp_path / name, encoder, times=range(0, 1000, 40), rate=25, options={"bf": "2", "qmax": "2"})
    assert_every_window_is_right(path)


def test_hidden_frames_of_vp8_are_not_counted(tmp_path: Path) -> None:
    shown, path = write_video(tmp_path / "shown.webm", codec="vp8"), tmp_path / "hiding.webm"
    with av.open(str(shown)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in (packet for packet in old.demux(video=0) if packet.size):
            first, *rest = bytes(packet)
            hidden = av.Packet(bytes([first & ~0x10, *rest]))
            hidden.pts = hidden.dts = (packet.dts or 0) - 1
            hidden.time_base, hidden.is_keyframe = packet.time_base, True
            for own in (hidden, packet) if packet.is_keyframe and packet.dts else (packet,):
                own.stream = stream
                new.mux(own)
    with av.open(str(path)) as container:
        assert sum(bool(packet.size) for packet in container.demux(video=0)) == 28
    assert len(probe(path).pts) == 25
    assert_every_window_is_right(path)


@pytest.mark.parametrize(
    ("name", "encoder", "pix_fmt"),
    [
        ("h264.mp4", "libx264", "yuv420p10le"),
        ("hevc.mp4", "libx265", "yuv420p10le"),
        ("av1.mkv", "libsvtav1", "yuv420p10le"),
        ("h264.mkv", "libx264", "yuv444p"),
        ("vp9.mkv", "libvpx-vp9", "yuv444p"),
        ("mjpeg.mkv", "mjpeg", "yuvj422p"),
        ("ffv1.mkv", "ffv1", "gray"),
        ("ffv1rgb.mkv", "ffv1", "bgr0"),
    ],
)
def test_other_pixel_formats_are_read(tmp_path: Path, name: str, encoder: str, pix_fmt: str) -> None:
    assert_every_window_is_right(encode(tmp_path / name, encoder, pix_fmt=pix_fmt, full_range=pix_fmt == "yuvj422p"))


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(("encoder", "suffix"), [("libx264", ".mp4"), ("libvpx-vp9", ".webm")])
def test_colours_are_those_that_were_drawn(
    tmp_path: Path, matrix: str, full_range: bool, encoder: str, suffix: str
) -> None:
    drawn = colourful(3)
    exact = {"qp": "0"} if encoder == "libx264" else {"lossless": "1"}
    path = encode(
        tmp_path / f"clip{suffix}",
        encoder,
        pictures=drawn,
        times=(0, 100, 200),
        matrix=matrix,
        full_range=full_range,
        options=exact,
    )
    found = probe(path)
    assert (found.color_matrix, found.full_range) == (matrix, full_range)
    for backends in BOTH:
        video_TCHW = read(path, [0, 1, 2], backends=backends)
        assert np.abs(video_TCHW.permute(0, 2, 3, 1).numpy().astype(float) - np.stack(drawn)).mean() < 1.5


@pytest.mark.parametrize(
    ("name", "encoder"), [("vp9.webm", "libvpx-vp9"), ("mjpeg.mkv", "mjpeg"), ("ffv1.mkv", "ffv1")]
)
def test_odd_sizes_are_read_to_the_last_pixel(tmp_path: Path, name: str, encoder: str) -> None:
    drawn = [picture(number, height=63, width=95) for number in range(9)]
    jpeg = encoder == "mjpeg"
    path = encode(
        tmp_path / name,
        encoder,
        pictures=drawn,
        times=range(0, 900, 100),
        pix_fmt="yuvj420p" if jpeg else "yuv420p",
        full_range=jpeg,
    )
    assert_every_window_is_right(path)
    for backends in BOTH:
        last_HWC = read(path, [8], backends=backends)[0].permute(1, 2, 0).numpy().astype(float)
        assert last_HWC.shape == (63, 95, 3)
        assert np.abs(last_HWC[:, -1] - drawn[8][:, -1]).mean() < 12


def test_wide_pixels_are_shown_wide(tmp_path: Path) -> None:
    drawn = [np.zeros((64, 64, 3), np.uint8)]
    drawn[0][16:48, 24:40] = 255
    path = encode(tmp_path / "wide.mp4", "libx264", pictures=drawn, times=(0,), aspect=Fraction(2))
    found = probe(path)
    assert found.pixel_aspect == 2
    shown = read_frames(path, found, [0], height_px=64, width_px=128, backends={})[0, 0].float()
    assert (shown > 127).any(0).sum() == pytest.approx((shown > 127).any(1).sum(), abs=3)


def test_a_picture_that_grows_keeps_the_size_of_the_first(tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.mkv", codec="mjpeg", frames=5)
    big = write_video(tmp_path / "big.mkv", codec="mjpeg", frames=5, height=128, width=192)
    path = tmp_path / "grows.mkv"
    with av.open(str(path), "w") as container, av.open(str(small)) as first, av.open(str(big)) as second:
        stream = container.add_stream_from_template(first.streams.video[0])
        for delay, source in ((0, first), (5, second)):
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.pts += delay * 100
                    packet.dts += delay * 100
                    packet.stream = stream
                    container.mux(packet)
    video_TCHW = read(path, list(range(10)))
    assert [number_of(frame.numpy()) for frame in video_TCHW] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(("name", "content"), [("empty.mp4", b""), ("text.mkv", b"no video at all\n" * 99)])
def test_files_that_are_no_videos_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=f"CR510: the video {name} cannot be opened"):
        probe(path)
    with pytest.raises(RecipeError, match="CR510"):
        probe(tmp_path / "absent.mp4")


def test_sound_alone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(RecipeError, match=r"CR511: no frames can be taken from sound\.mp4"):
        probe(path)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "h264"), ("b.mp4", "hevc"), ("c.webm", "vp9"), ("d.mkv", "mjpeg"), ("e.mkv", "av1")]
)
@pytest.mark.parametrize("damage", ["zeros", "noise"])
def test_damaged_frames_are_named_and_never_black(tmp_path: Path, name: str, codec: str, damage: str) -> None:
    path = write_video(tmp_path / name, codec=codec, options={"bf": "2"} if codec == "h264" else None)
    found = probe(path)
    with av.open(str(path)) as container:
        packet = next(p for p in container.demux(video=0) if p.pts == found.pts[16])
    content, noise = bytearray(path.read_bytes()), np.random.default_rng(0).bytes(packet.size)
    at = content.index(bytes(packet))
    content[at : at + packet.size] = bytes(packet.size) if damage == "zeros" else noise
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=f"CR512: the video {name} is damaged"):
        read(path, [15, 16, 17, 18], found=found)
    assert [number_of(frame.numpy()) for frame in read(path, [0, 1, 2], found=found)] == [0, 1, 2]


def test_a_file_that_lost_packets_is_named(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", options={"bf": "0"})
    found = probe(whole)
    lost = iter(range(25))
    path = tmp_path / "lost.mkv"

    def lose(packet: av.Packet) -> None:
        if 10 <= next(lost) < 13:
            packet.pts = packet.dts = (packet.dts or 0) + 1

    remux(whole, path, lose)
    with pytest.raises(RecipeError, match=r"CR512: the video lost\.mkv is damaged"):
        read(path, [9, 10, 11], found=found)


def test_dali_refusing_a_file_is_an_error_where_dali_is_demanded_and_a_note_where_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_video(tmp_path / "clip.mp4")
    found, size = probe(path), {"height_px": 64, "width_px": 96}
    with pytest.raises(RecipeError, match=r"CR573: the recipe demands DALI, which refuses clip\.mp4") as refused:
        read_frames(path, found, [0, 3], **size, backends={"h264": "dali"}, requested="dali")
    assert refused.value.problems[0].found.startswith("h264, 64x96: ")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            video_CTHW = read_frames(path, found, [0, 3], **size, backends={"h264": "dali"})
    assert torch.equal(video_CTHW, read_frames(path, found, [0, 3], **size, backends={}))
    assert [record.message.partition(",")[0] for record in caplog.records] == ["DALI refuses a video in h264"]
