"""If these fail, an episode is given frames of its neighbour, or a video inside an archive is not found."""

from __future__ import annotations

import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from videos import cut_off, number_of, picture, write_video

from cosmos_recipes.data.decode.choice import BackendName
from cosmos_recipes.data.decode.frames import read_frames
from cosmos_recipes.data.probe import codec_of, probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import Place, Problem, RecipeError

RATE_HZ = 10
KINDS = {"h264": "whole.mp4", "vp9": "whole.webm", "av1": "whole.mkv", "mjpeg": "whole.avi"}


def said(media: Media, frames: list[int] | None = None, *, backends: dict[str, BackendName] | None = None) -> list[int]:
    """Return what the frames of a recording say."""
    found = probe(media)
    frames = frames if frames is not None else list(range(len(found.pts)))
    video_CTHW = read_frames(media, found, frames, height_px=64, width_px=96, backends=backends or {})
    return [number_of(frame.numpy()) for frame in video_CTHW.transpose(0, 1)]


def problem_of(media: Media) -> Problem:
    with pytest.raises(RecipeError) as refused:
        probe(media)
    return refused.value.problems[0]


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Long videos of each kind, 60 frames, with key frames every 8."""
    folder = tmp_path_factory.mktemp("episodes")
    return {
        codec: write_video(
            folder / name, codec=codec, frames=60, rate=RATE_HZ, options={"bf": "2"} if codec == "h264" else None
        )
        for codec, name in KINDS.items()
    }


@pytest.mark.parametrize("codec", KINDS)
@settings(max_examples=15, deadline=None)
@given(ends=st.lists(st.integers(0, 60), min_size=2, max_size=2, unique=True), rounding=st.floats(-0.4, 0.4))
def test_a_stretch_holds_its_own_frames_although_its_times_are_rounded(
    episodes: dict[str, Path], codec: str, ends: list[int], rounding: float
) -> None:
    first, last = sorted(ends)
    start_s, end_s = ((at + rounding) / RATE_HZ for at in (first, last))
    media = Media(path=episodes[codec], start_s=start_s, end_s=end_s)
    assert probe(media).times_s == pytest.approx([number / RATE_HZ for number in range(last - first)], abs=0.001)
    assert said(media, [0, last - first - 1][: last - first]) == [first % 28, (last - 1) % 28][: last - first]


@pytest.mark.parametrize("codec", ["vp9", "mjpeg"])
def test_dali_reads_a_stretch_too(episodes: dict[str, Path], codec: str) -> None:
    media = Media(path=episodes[codec], start_s=3.4, end_s=4.1)
    assert said(media, backends={codec: "dali"}) == [number % 28 for number in range(34, 41)]


def test_a_stretch_without_a_start_or_an_end_goes_to_that_of_the_file(episodes: dict[str, Path]) -> None:
    assert said(Media(path=episodes["h264"], end_s=0.3)) == [0, 1, 2]
    assert said(Media(path=episodes["h264"], start_s=5.8)) == [58 % 28, 59 % 28]


def test_a_stretch_of_a_file_that_starts_late_is_on_the_files_own_clock(tmp_path: Path) -> None:
    from odd_videos import encode

    path = encode(tmp_path / "late.mkv", "libx264", times=range(1700, 4200, 100))
    assert said(Media(path=path, start_s=2.0, end_s=2.3)) == [3, 4, 5]
    assert problem_of(Media(path=path, start_s=0, end_s=2.3)).code == "CR571"


@pytest.mark.parametrize(
    ("start_s", "end_s", "code"),
    [
        (2, 2, "CR570"),
        (3, 2, "CR570"),
        (80, 90, "CR570"),
        (float("nan"), 2, "CR570"),
        (5.5, 6.5, "CR571"),
        (-1, 2, "CR571"),
    ],
)
def test_a_stretch_that_is_not_there_is_named(
    episodes: dict[str, Path], start_s: float, end_s: float, code: str
) -> None:
    problem = problem_of(Media(path=episodes["h264"], start_s=start_s, end_s=end_s))
    assert problem.code == code
    assert f"whole.mp4 ({start_s:.2f} to {end_s:.2f} s)" in problem.message
    assert problem.found == "frames from 0.00 to 6.00 s"


def archive(folder: Path, *names: str) -> tuple[Path, dict[str, Media]]:
    """Return a tar of the files with these names, and where each lies in it."""
    path = folder / "shard.tar"
    with tarfile.open(path, "w") as tar:
        for name in names:
            tar.add(folder / name, name)
    with tarfile.open(path) as tar:
        members = {m.name: Media(path=path, offset_bytes=m.offset_data, size_bytes=m.size) for m in tar}
    return path, members


def test_members_of_an_archive_are_read_in_place(tmp_path: Path) -> None:
    codecs = {"a.mp4": "h264", "b.webm": "vp9", "c.avi": "mjpeg", "d.mp4": "av1"}
    for count, (name, codec) in enumerate(codecs.items(), 20):
        write_video(tmp_path / name, codec=codec, frames=count)
    _, members = archive(tmp_path, *codecs)
    for name, media in members.items():
        plain = Media(path=tmp_path / name)
        assert codec_of(media) == codecs[name]
        assert probe(media) == probe(plain)
        for backends in ({}, {"vp9": "dali", "mjpeg": "dali"}):
            assert said(media, backends=backends) == said(plain)
    assert said(replace(members["a.mp4"], start_s=1, end_s=1.3)) == [10, 11, 12]


def test_a_damaged_member_is_named_with_its_place(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.webm"):
        write_video(tmp_path / name, codec="vp9")
    cut_off(tmp_path / "a.mp4", share=0.4)
    path, members = archive(tmp_path, "a.mp4", "b.webm")
    damaged, last = members["a.mp4"], members["b.webm"]
    problem = problem_of(damaged)
    assert problem.code == "CR510"
    start, size = damaged.offset_bytes, damaged.size_bytes or 0
    assert f"shard.tar (bytes {start} to {start + size})" in problem.message
    assert problem.place == Place(file=str(path))
    cut_off(path, share=(last.offset_bytes + 100) / path.stat().st_size)
    missing = problem_of(last)
    assert missing.code == "CR572"
    assert missing.found == f"a file of {path.stat().st_size} bytes"


def test_a_file_of_many_episodes_is_read_once(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", frames=3000, gop=30)
    began = time.process_time()
    whole = probe(path)
    once_s = time.process_time() - began
    began = time.process_time()
    with ThreadPoolExecutor(8) as pool:
        stretches = [Media(path=path, start_s=at, end_s=at + 1) for at in range(300)]
        found = list(pool.map(probe, stretches))
    assert sum((own.pts for own in found), ()) == whole.pts
    assert time.process_time() - began < max(1.0, 30 * once_s)
    assert probe(path) is whole


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", frames=10)
    assert len(probe(path).pts) == 10
    write_video(path, frames=12)
    assert len(probe(path).pts) == 12
    path.write_bytes(b"")
    assert problem_of(Media(path=path)).code == "CR510"


def test_a_stretch_late_in_a_file_does_not_cost_what_is_before_it(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", frames=2000, gop=20, options={"bf": "2"})
    found = probe(Media(path=path, start_s=190, end_s=192))
    assert found.keyframes[0] <= found.pts[0]
    assert len(found.keyframes) <= 3
    began = time.process_time()
    fitted = read_frames(path, found, [7], height_px=64, width_px=96, backends={})
    late_s = time.process_time() - began
    began = time.process_time()
    every = read_frames(path, probe(path), range(1908), height_px=64, width_px=96, backends={})
    assert torch.equal(fitted[:, 0], every[:, 1907])
    assert late_s < 0.3 * (time.process_time() - began)


def test_a_stretch_that_begins_in_a_hole_is_refused(tmp_path: Path) -> None:
    """The rows of its values count from its start, and would all belong to earlier frames."""
    path = tmp_path / "holed.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for number in (*range(10), *range(30, 40)):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert problem_of(Media(path=path, start_s=1.5, end_s=3.9)).code == "CR571"
    assert len(probe(Media(path=path, start_s=3.0, end_s=3.9)).pts) == 9
