"""If these fail, a model is trained on wrong frames, wrong colours, or frames that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from videos import cut_off, number_of, picture, write_video

from cosmos_recipes.data.decode import choose_backends, dali, pyav
from cosmos_recipes.data.decode.fitting import Fitted, fitting
from cosmos_recipes.data.decode.frames import read_frames
from cosmos_recipes.data.probe import Probe, probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import Place, Problem, RecipeError


def as_it_is(found: Probe) -> Fitted:
    """Leave frames at their size."""
    return fitting(found, height_px=found.height_px, width_px=found.width_px)


def numbers(video_TCHW: Tensor) -> list[int]:
    """Return what the frames say."""
    return [number_of(frame.numpy()) for frame in video_TCHW]


def first_middle_last(path: Path) -> Tensor | Problem:
    """Return three frames of a video, or what is wrong with it."""
    try:
        found = probe(path)
        frames = sorted({0, len(found.pts) // 2, len(found.pts) - 1})
        return read_frames(path, found, frames, height_px=8, width_px=8, backends={"vp9": "dali", "mjpeg": "dali"})
    except RecipeError as error:
        return error.problems[0]


@pytest.mark.parametrize("codec", ["h264", "vp8", "vp9", "mjpeg", "av1", "hevc"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_frames_are_the_ones_asked_for(tmp_path: Path, codec: str, suffix: str) -> None:
    if (codec, suffix) == ("vp8", ".mp4"):
        suffix = ".webm"
    path = write_video(tmp_path / f"clip{suffix}", codec=codec)
    found = probe(path)
    assert (found.codec, len(found.pts), found.height_px, found.width_px) == (codec, 25, 64, 96)
    video_CTHW = read_frames(path, found, [3, 4, 11, 24], height_px=64, width_px=96, backends={})
    assert numbers(video_CTHW.transpose(0, 1)) == [3, 4, 11, 24]


@pytest.mark.parametrize("gop", [1, 2, 3])
def test_seeking_among_dense_key_frames_finds_every_frame(tmp_path: Path, gop: int) -> None:
    path = write_video(tmp_path / "dense.mp4", gop=gop, options={"bf": "2", "b-adapt": "0"})
    found = probe(path)
    for number in range(25):
        assert numbers(pyav.decode(Media(path=path), found, [number], as_it_is(found))) == [number]


@pytest.mark.parametrize(("codec", "suffix"), [("vp8", ".webm"), ("vp9", ".mp4"), ("vp9", ".webm"), ("mjpeg", ".avi")])
@pytest.mark.parametrize("frames", [[0, 1, 2], [9, 12, 20], [24], list(range(25))])
def test_dali_and_pyav_give_the_same_frames(tmp_path: Path, codec: str, suffix: str, frames: list[int]) -> None:
    path = write_video(tmp_path / f"clip{suffix}", codec=codec)
    found = probe(path)
    theirs = dali.decode(Media(path=path), found, frames, as_it_is(found))
    assert torch.equal(theirs, pyav.decode(Media(path=path), found, frames, as_it_is(found)))
    assert numbers(theirs) == frames


def test_dali_and_pyav_agree_about_bt709(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.webm", codec="vp9", bt709=True, options={"crf": "4", "b": "0"})
    found = probe(path)
    assert found.color_matrix == "bt709"
    theirs, ours = (
        decode(Media(path=path), found, [5], as_it_is(found))[0].float() for decode in (dali.decode, pyav.decode)
    )
    truth = torch.from_numpy(picture(5)).permute(2, 0, 1).float()
    assert (theirs - ours).abs().mean() < 0.5
    assert (ours - truth).abs().mean() < 2


def test_dali_reads_a_late_window_from_its_own_packets(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.webm", codec="vp9", frames=200, gop=10)
    encoded, positions = dali.cut(Media(path=path), probe(path), [183, 186])
    assert positions == [3, 6]
    (tmp_path / "cut.mkv").write_bytes(encoded)
    assert len(probe(tmp_path / "cut.mkv").pts) == 7


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_packets_are_cut_so_that_they_decode_on_their_own(tmp_path: Path, codec: str) -> None:
    path = write_video(tmp_path / "clip.mp4", codec=codec, frames=60, gop=8)
    encoded, positions = dali.cut(Media(path=path), probe(path), [37, 41])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(encoded)
    seen = probe(cut)
    assert numbers(pyav.decode(Media(path=cut), seen, positions, as_it_is(seen))) == [37 % 28, 41 % 28]


@pytest.mark.parametrize("decode", [dali.decode, pyav.decode])
def test_a_file_cut_off_after_it_was_indexed_is_named(tmp_path: Path, decode: object) -> None:
    path = write_video(tmp_path / "broken.webm", codec="vp9")
    found = probe(path)
    cut_off(path, share=0.5)
    assert callable(decode)
    with pytest.raises(RecipeError, match=r"CR512: the video broken\.webm is damaged"):
        decode(Media(path=path), found, [0, 12, 24], as_it_is(found))


@pytest.mark.parametrize(
    ("name", "codec", "code"),
    [("a.mp4", "h264", "CR510"), ("b.webm", "vp9", "CR512"), ("c.mkv", "h264", "CR512"), ("d.avi", "mjpeg", "CR512")],
)
def test_a_cut_off_file_is_seen_without_decoding_it(tmp_path: Path, name: str, codec: str, code: str) -> None:
    path = cut_off(write_video(tmp_path / name, codec=codec))
    with pytest.raises(RecipeError) as refused:
        probe(path)
    assert refused.value.problems[0].code == code


def test_a_cut_off_file_with_its_table_in_front_is_seen(tmp_path: Path) -> None:
    path = cut_off(write_video(tmp_path / "streamed.mp4", frames=200, table_first=True), share=0.9)
    with pytest.raises(RecipeError, match=r"streamed\.mp4 is damaged") as refused:
        probe(path)
    assert "bytes" in refused.value.problems[0].found


@pytest.mark.parametrize("name", ["a.mp4", "b.webm", "c.avi"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_ends_in_anything_but_a_named_problem(tmp_path: Path, name: str, data: st.DataObject) -> None:
    whole = tmp_path / name
    if not whole.exists():
        write_video(whole, codec={"a.mp4": "h264", "b.webm": "vp9", "c.avi": "mjpeg"}[name], frames=8)
    content = bytearray(whole.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[position] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged{whole.suffix}"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    came = first_middle_last(path)
    if isinstance(came, Problem):
        assert came.place == Place(file=str(path))
    else:
        assert came.shape[0] == 3
        assert came.shape[2:] == (8, 8)


def test_frames_without_a_time_are_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "reordered.avi", options={"bf": "2", "b-adapt": "0"})
    with pytest.raises(RecipeError, match="CR511"):
        probe(path)


def test_the_choice_of_decoder_follows_the_codec_and_says_why() -> None:
    choice = choose_backends("auto", ["vp9", "h264"], gpu=False)
    assert choice.backends == {"h264": "cpu", "vp9": "dali"}
    assert "h264: PyAV" in choice.reason
    assert choose_backends("auto", ["h264"], gpu=True).backends == {"h264": "dali"}
    assert choose_backends("cpu", ["vp9"], gpu=False).backends == {"vp9": "cpu"}
    with pytest.raises(RecipeError, match="DALI cannot read h264 on a CPU"):
        choose_backends("dali", ["h264"], gpu=False)
