"""If these fail, recordings get lost without a word, or clips hold frames from the wrong moment."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cache_workers import files_up_to
from hypothesis import given
from hypothesis import strategies as st
from videos import cut_off, number_of, write_video

from cosmos_recipes.data import latents as latents_module
from cosmos_recipes.data.cache import Cache
from cosmos_recipes.data.cache.hashes import MediaHashes
from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.encoding import Encoder, write_latents
from cosmos_recipes.data.index import (
    ClipIndex,
    ClipSpec,
    IndexedSet,
    IndexReport,
    SmallVideos,
    build_index,
    clip_windows,
)
from cosmos_recipes.data.latents import ClipReader, Latents
from cosmos_recipes.data.owners import Owner
from cosmos_recipes.data.probe import Probe, probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import Problem, RecipeError

CLIP = ClipSpec(frames=5, rate_hz=5.0, height_px=32, width_px=48, stride=4)


def quiet(what: str, done: int, total: int) -> None:
    """Say nothing."""


def index(
    folder: Path, out: Path, *, clip: ClipSpec = CLIP, captions_needed: bool = False, limit: int | None = None
) -> IndexReport:
    dataset = load_dataset(str(folder), relative_to=Path())
    recordings = dataset.source.recordings(out / "world", quiet)
    return build_index(
        [IndexedSet.of(dataset, recordings)],
        clip,
        out,
        captions_needed=captions_needed,
        limit=limit,
        progress=quiet,
    )


def names(clips: ClipIndex) -> list[str]:
    kept: list[str] = clips.recordings["name"].to_pylist()
    return kept


def captions(clips: ClipIndex) -> dict[str, str]:
    return dict(zip(names(clips), clips.recordings["caption"].to_pylist(), strict=True))


def mixed_folder(folder: Path) -> Path:
    """Different codecs, sizes and rates; three files cut off, one too short, one too slow, one that is no video."""
    write_video(folder / "a.mp4", codec="h264", frames=25, rate=10)
    write_video(folder / "b.webm", codec="vp9", frames=60, rate=25, height=48, width=80)
    write_video(folder / "deep" / "c.mkv", codec="mjpeg", frames=20, rate=8)
    write_video(folder / "d.mp4", codec="av1", frames=20, rate=10, height=128, width=72)
    write_video(folder / "e.mov", codec="hevc", frames=60, rate=24, height=90, width=160)
    write_video(folder / "f.avi", codec="mjpeg", frames=25, rate=5)
    write_video(folder / "short.mp4", frames=4)
    write_video(folder / "slow.mp4", rate=3)
    cut_off(write_video(folder / "cut.mp4"))
    cut_off(write_video(folder / "cut.webm", codec="vp9"))
    cut_off(write_video(folder / "streamed.mp4", frames=200, table_first=True), share=0.9)
    (folder / "text.mp4").write_text("not a video")
    (folder / "._a.mp4").write_text("what another system leaves behind")
    return folder


def test_a_mixed_folder_loses_only_what_is_broken_and_names_it(tmp_path: Path) -> None:
    report = index(mixed_folder(tmp_path / "in"), tmp_path / "out")
    assert (report.found, report.readable, report.long_enough) == (12, 8, 6)
    assert {Path(p.place.file).name: p.code for p in report.problems if p.place} == {
        "cut.mp4": "CR510",
        "cut.webm": "CR512",
        "streamed.mp4": "CR512",
        "text.mp4": "CR510",
        "short.mp4": "CR505",
        "slow.mp4": "CR505",
    }
    clips = ClipIndex(tmp_path / "out")
    assert names(clips) == ["a.mp4", "b.webm", "d.mp4", "deep/c.mkv", "e.mov", "f.avi"]
    assert len(clips.ids("train"))
    assert len(clips.ids("held-out"))
    reader = ClipReader(clips, CLIP, {"vp9": "dali", "mjpeg": "dali"})
    read = [video for _, video in reader.batches([*clips.ids("train"), *clips.ids("held-out")])]
    assert {tuple(video.shape[1:]) for video in read if not isinstance(video, Problem)} == {(1, 3, 5, 32, 48)}
    assert not [video for video in read if isinstance(video, Problem)]


def test_clips_hold_the_frames_of_their_moment(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("a.mp4", "b.mp4"):
        write_video(folder / name, frames=25, rate=10)
    index(folder, tmp_path / "out")
    clips = ClipIndex(tmp_path / "out")
    reader = ClipReader(clips, CLIP, {})
    first = int(clips.ids("train")[0])
    video_NVCTHW = reader.read([first, first + 1])
    told = [[number_of(frame.numpy()) for frame in video.transpose(0, 1)] for video in video_NVCTHW[:, 0]]
    assert told == [[0, 2, 4, 6, 8], [8, 10, 12, 14, 16]]


@given(
    gaps=st.lists(st.integers(1, 4), min_size=8, max_size=60),
    rate_hz=st.sampled_from([2.0, 5.0]),
    stride=st.integers(1, 6),
)
def test_windows_take_the_nearest_frame_of_any_timing(gaps: list[int], rate_hz: float, stride: int) -> None:
    pts = tuple(itertools.accumulate(gaps, initial=7))
    found = Probe(
        codec="h264",
        height_px=1,
        width_px=1,
        pts=pts,
        keyframes=(0,),
        seconds_per_pts=0.04,
        color_matrix="bt601",
        full_range=False,
    )
    clip = ClipSpec(frames=3, rate_hz=rate_hz, height_px=1, width_px=1, stride=stride)
    times_s = np.array(found.times_s)
    for number, frames in enumerate(clip_windows([found], clip)[:, 0]):
        wanted_s = (number * stride + np.arange(3)) / rate_hz
        best = np.abs(times_s[None] - wanted_s[:, None]).min(1)
        np.testing.assert_allclose(np.abs(times_s[frames] - wanted_s), best, atol=1e-9)


@pytest.mark.parametrize("rate", [3, 7, 24, 29, 30])
def test_times_that_a_container_rounds_cost_no_clip(tmp_path: Path, rate: int) -> None:
    path = write_video(tmp_path / "clip.mkv", frames=5, rate=rate)
    clip = ClipSpec(frames=5, rate_hz=float(rate), height_px=1, width_px=1, stride=5)
    assert clip_windows([probe(path)], clip).tolist() == [[[0, 1, 2, 3, 4]]]


def test_a_long_recording_is_read_in_parts_that_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / "in" / name, frames=120)
    index(tmp_path / "in", tmp_path / "out")
    clips = ClipIndex(tmp_path / "out")
    reader = ClipReader(clips, CLIP, {})
    own = clips.ids("train").tolist()
    whole = reader.read(own)
    monkeypatch.setattr(latents_module, "BATCH_BYTES", 3 * 3 * 5 * 32 * 48)
    parts = list(reader.batches(own))
    assert [len(batch) for batch, _ in parts] == [3] * (len(own) // 3) + [len(own) % 3] * bool(len(own) % 3)
    assert torch.equal(torch.cat([video for _, video in parts if isinstance(video, torch.Tensor)]), whole)


def test_one_recording_is_split_in_time_without_overlap(tmp_path: Path) -> None:
    path = write_video(tmp_path / "only.mp4", frames=29, rate=10)
    index(path, tmp_path / "out")
    clips = ClipIndex(tmp_path / "out")
    train, held_out = ({f for c in clips.ids(split) for f in clips.row(c)["frames"]} for split in ("train", "held-out"))
    assert max(train) < min(held_out)


def test_captions_come_from_a_table_or_from_beside_the_video(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        write_video(folder / name)
    (folder / "captions.jsonl").write_text(json.dumps({"file_name": "a.mp4", "caption": "one"}) + "\n")
    (folder / "b.txt").write_text("two\n")
    (folder / "c.json").write_text(json.dumps({"caption": "three"}))
    index(folder, tmp_path / "out", captions_needed=True)
    clips = ClipIndex(tmp_path / "out")
    assert captions(clips) == {"a.mp4": "one", "b.mp4": "two", "c.mp4": "three"}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "CR506"),
        ({"captions.jsonl": '{"file_name": "gone.mp4", "caption": "x"}\n'}, "CR504"),
        ({"captions.jsonl": "{not json}\n"}, "CR503"),
        ({"captions.csv": "file_name,text\na.mp4,x\na.mp4,y\n"}, "CR503"),
        ({"captions.csv": "name,words\na.mp4,x\n"}, "CR503"),
        ({"captions.csv": "file_name,text\n", "captions.jsonl": ""}, "CR503"),
        ({"captions.csv": 'file_name,text\na.mp4,"open\n'}, "CR503"),
        ({"captions.csv": b"file_name,text\na.mp4,caf\xe9\n"}, "CR503"),
        ({"captions.jsonl": "[" * 100_000}, "CR503"),
        ({"captions.jsonl": '{"file_name": "a.mp4", "caption": 3}\n'}, "CR503"),
        ({"captions.csv": "file_name,text\na.mp4,x\n", "a.txt": "y"}, "CR503"),
        ({"a.txt": "x", "a.json": '{"caption": "x"}'}, "CR503"),
        ({"a.json": '{"title": "x"}'}, "CR503"),
    ],
)
def test_wrong_captions_are_refused(tmp_path: Path, files: dict[str, str | bytes], code: str) -> None:
    folder = tmp_path / "in"
    for name in ("a.mp4", "b.mp4"):
        write_video(folder / name)
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecipeError) as refused:
        index(folder, tmp_path / "out", captions_needed=True)
    assert refused.value.problems[0].code == code


def test_one_video_takes_its_own_line_of_a_table(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, frames=60)
    (tmp_path / "captions.csv").write_text("file_name,caption\na.mp4,one\nb.mp4,two\n")
    index(tmp_path / "b.mp4", tmp_path / "out", captions_needed=True)
    assert captions(ClipIndex(tmp_path / "out")) == {"b.mp4": "two"}


def test_a_name_that_is_no_text_is_left_out_and_the_rest_is_kept(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / "in" / name)
    odd = os.fsdecode(b"\xff.mp4")
    os.link(tmp_path / "in" / "a.mp4", tmp_path / "in" / odd)
    report = index(tmp_path / "in", tmp_path / "out")
    assert [problem.code for problem in report.problems] == ["CR513"]
    assert names(ClipIndex(tmp_path / "out")) == ["a.mp4", "b.mp4"]


def test_folders_named_after_splits_are_splits_only_together(tmp_path: Path) -> None:
    for name in ("test/a.mp4", "test/b.mp4", "test/c.mp4"):
        write_video(tmp_path / "in" / name)
    report = index(tmp_path / "in", tmp_path / "out")
    assert all(report.clips.values())
    write_video(tmp_path / "in" / "train" / "d.mp4")
    index(tmp_path / "in", tmp_path / "again")
    clips = ClipIndex(tmp_path / "again")
    assert {clips.row(clip)["name"] for clip in clips.ids("train")} == {"train/d.mp4"}


def test_a_folder_without_a_usable_clip_says_so(tmp_path: Path) -> None:
    write_video(tmp_path / "in" / "a.mp4", frames=3)
    with pytest.raises(RecipeError) as refused:
        index(tmp_path / "in", tmp_path / "out")
    assert [problem.code for problem in refused.value.problems] == ["CR507", "CR505"]


def test_the_limit_counts_training_recordings(tmp_path: Path) -> None:
    for number in range(4):
        write_video(tmp_path / "in" / "train" / f"{number}.mp4")
    write_video(tmp_path / "in" / "val" / "x.mp4")
    index(tmp_path / "in", tmp_path / "out", limit=2)
    assert names(ClipIndex(tmp_path / "out")) == ["train/0.mp4", "train/1.mp4", "val/x.mp4"]


def test_a_recording_that_breaks_while_decoding_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    for number in range(4):
        write_video(tmp_path / "in" / f"{number}.webm", codec="vp9")
    index(tmp_path / "in", tmp_path / "out")
    clips = ClipIndex(tmp_path / "out")
    cut_off(tmp_path / "in" / "2.webm", share=0.5)
    every = np.concatenate([clips.ids("train"), clips.ids("held-out")])
    reader = ClipReader(clips, CLIP, {"vp9": "dali"})
    encoder = Encoder(encode=lambda video: video.float(), fingerprint={"pixels": "as they are"})
    cache = Cache(tmp_path / "cache")
    problems = write_latents(tmp_path / "latents", reader, every.tolist(), encoder, cache, quiet)
    assert [problem.message for problem in problems] == ["the video 2.webm is damaged"]
    latents = Latents(tmp_path / "latents")
    kept = latents.among(every)
    assert {clips.row(clip)["name"] for clip in kept} == {"0.webm", "1.webm", "3.webm"}
    assert latents.read(kept[:2]).shape == (2, 3, 5, 32, 48)


def test_small_videos_stand_in_for_large_ones_frame_by_frame(tmp_path: Path) -> None:
    """They are written once, whatever else is indexed again, and one that cannot be read is named as ever."""
    for number in range(3):
        write_video(tmp_path / "in" / f"{number}.mp4", frames=40 + number, height=128, width=192, gop=40)
    cut_off(write_video(tmp_path / "in" / "cut.mp4"))
    dataset = load_dataset(str(tmp_path / "in"), relative_to=Path())
    hashes = MediaHashes(tmp_path / "hashes.jsonl")
    small = SmallVideos(folder=tmp_path / "small", hash_of=lambda media: hashes.of([media])[0])
    own = IndexedSet.of(dataset, dataset.source.recordings(tmp_path, quiet))
    written = []
    for name, chosen in (("large", None), ("made", small), ("again", small)):
        out = tmp_path / name
        report = build_index([own], CLIP, out, captions_needed=False, limit=None, progress=quiet, small=chosen)
        assert [problem.code for problem in report.problems] == ["CR510"]
        written.append({path: path.stat().st_mtime_ns for path in (tmp_path / "small").rglob("*.mp4")})
    assert [len(paths) for paths in written] == [0, 3, 3]
    assert written[1] == written[2]
    large, made = (ClipReader(ClipIndex(tmp_path / name), CLIP, {}) for name in ("large", "made"))
    (view,) = made.index.views(0).values()
    assert (view.probe.height_px, view.probe.width_px) == (CLIP.height_px, CLIP.width_px)
    for clip in range(len(large.index)):
        assert large.index.row(clip)["frames"] == made.index.row(clip)["frames"]
        assert (large.read([clip]).int() - made.read([clip]).int()).abs().float().mean() < 3


def test_what_a_killed_process_left_of_a_small_video_goes_and_what_others_write_stays(tmp_path: Path) -> None:
    small = small_videos(tmp_path)
    index_small(tmp_path, small, "first")
    theirs, gone = (
        tmp_path / "small" / f".{owner}.x.part"
        for owner in (Owner("elsewhere", 1, "1"), replace(Owner.here(), process=2**22))
    )
    for left in (theirs, gone, gone.with_name(f"{gone.name}.unfinished")):
        left.write_bytes(b"half")
    index_small(tmp_path, small, "second")
    assert list((tmp_path / "small").rglob(".*")) == [theirs]


def test_a_video_that_is_replaced_while_its_small_one_is_written_does_not_stand_for_the_first(tmp_path: Path) -> None:
    small, video = small_videos(tmp_path), tmp_path / "in" / "1.mp4"
    first = video.read_bytes()
    hashes = small.hash_of

    def replacing(media: Media) -> str | None:
        found = hashes(media)
        if media.path == video and video.read_bytes() == first:
            write_video(video, frames=41, options={"crf": "45"})
        return found

    report = index_small(tmp_path, replace(small, hash_of=replacing), "changed")
    assert [problem.code for problem in report.problems] == ["CR585"]
    video.write_bytes(first)
    assert index_small(tmp_path, small, "again").problems == ()
    again = ClipReader(ClipIndex(tmp_path / "again"), CLIP, {})
    shutil.rmtree(tmp_path / "small")
    index_small(tmp_path, small, "anew")
    anew = ClipReader(ClipIndex(tmp_path / "anew"), CLIP, {})
    assert all(torch.equal(again.read([clip]), anew.read([clip])) for clip in range(len(again.index)))


@pytest.mark.parametrize("size_bytes", [0, 300, 2000])
def test_a_full_disk_leaves_no_recording_out(tmp_path: Path, size_bytes: int) -> None:
    small = small_videos(tmp_path)
    (tmp_path / "out").mkdir()
    with files_up_to(size_bytes), pytest.raises(RecipeError, match="CR574"):
        index_small(tmp_path, small, "out")
    assert [path for path in (tmp_path / "small").rglob("*") if path.is_file()] == []
    assert index_small(tmp_path, small, "out").aligned == 3


def small_videos(folder: Path) -> SmallVideos:
    """Write three videos; return what makes small ones of them."""
    for number in range(3):
        write_video(folder / "in" / f"{number}.mp4", frames=40 + number, height=128, width=192)
    hashes = MediaHashes(folder / "hashes.jsonl")
    return SmallVideos(folder=folder / "small", hash_of=lambda media: hashes.of([media])[0])


def index_small(folder: Path, small: SmallVideos, name: str) -> IndexReport:
    """Index the videos small, into the folder `name`."""
    dataset = load_dataset(str(folder / "in"), relative_to=Path())
    own = IndexedSet.of(dataset, dataset.source.recordings(folder, quiet))
    return build_index([own], CLIP, folder / name, captions_needed=False, limit=None, progress=quiet, small=small)
