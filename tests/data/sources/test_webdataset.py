"""A WebDataset is read where it lies, as the package `webdataset` writes it, and no fault of a shard loses samples."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import av
import numpy as np
import pytest
import webdataset
from hypothesis import given, settings
from hypothesis import strategies as st
from videos import number_of, write_video

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import Declaration
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.index import ClipIndex, ClipSpec, IndexedSet, build_index
from cosmos_recipes.data.latents import ClipReader
from cosmos_recipes.data.sources.shards import SCAN, find_shards, members
from cosmos_recipes.data.sources.webdataset import WebDatasetSource
from cosmos_recipes.diagnostics import RecipeError

POSE_T44 = np.tile(np.eye(4), (3, 1, 1))


def quiet(what: str, done: int, total: int) -> None:
    """Take the progress."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_video(tmp_path_factory.mktemp("clip") / "a.mp4", frames=12).read_bytes()


def write_shards(folder: Path, clip: bytes, names: tuple[str, ...] = ("train-000000", "val-000000")) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        with webdataset.TarWriter(str(folder / f"{name}.tar")) as shard:
            for number in range(2):
                shard.write(
                    {
                        "__key__": f"scene/{number:06d}",
                        "front.mp4": clip,
                        "left.mp4": clip,
                        "json": {
                            "caption": "a part falls",
                            "fps": 10,
                            "lens": {"f": [1.5, 2.5]},
                            "ragged": [[1], [2, 3]],
                        },
                        "txt": "beside",
                        "pose.npy": POSE_T44,
                        "npz": {"action": np.zeros((3, 7), np.float32)},
                        "cls": 4,
                    }
                )
    return folder


def refused(source: WebDatasetSource, folder: Path) -> str:
    with pytest.raises(RecipeError) as raised:
        source.recordings(folder, quiet)
    return str(raised.value)


def test_members_of_a_shard_are_indexed_and_decoded_where_they_lie(tmp_path: Path, clip: bytes) -> None:
    """Otherwise a tar is read but nothing of it reaches a training."""
    source = WebDatasetSource(path=str(write_shards(tmp_path / "shards", clip)))
    window = ClipSpec(frames=5, rate_hz=10.0, height_px=64, width_px=96, stride=5)
    binding = Binding(Declaration(schema=load_schema("instruction-video"), views={"video": "front"}))
    build_index(
        [IndexedSet(name="shards", recordings=source.recordings(tmp_path, quiet), binding=binding)],
        window,
        tmp_path / "index",
        captions_needed=True,
        limit=None,
        progress=quiet,
    )
    index = ClipIndex(tmp_path / "index")
    video_NVCTHW = ClipReader(index, window, {}).read([int(index.ids("held-out")[0])])
    assert [number_of(frame.numpy()) for frame in video_NVCTHW[0, 0].transpose(0, 1)] == [0, 1, 2, 3, 4]


def test_samples_are_recordings_with_views_values_and_splits(tmp_path: Path, clip: bytes) -> None:
    source = WebDatasetSource(path=str(write_shards(tmp_path / "shards", clip)))
    found = source.recordings(tmp_path, quiet)
    assert [(each.name, each.split) for each in found] == [
        ("train-000000/scene/000000", "train"),
        ("train-000000/scene/000001", "train"),
        ("val-000000/scene/000000", "held-out"),
        ("val-000000/scene/000001", "held-out"),
    ]
    values = dict(found[0].values)
    assert np.array_equal(values.pop("pose"), POSE_T44)
    assert values.pop("action").shape == (3, 7)
    assert values.pop("lens.f").tolist() == [1.5, 2.5]
    assert values == {"caption": "a part falls", "fps": 10, "txt": "beside", "cls": 4}
    assert source.describe().codecs == {"h264": 4}
    assert source.describe().recordings == 4


def test_the_bytes_of_a_view_are_the_video(tmp_path: Path, clip: bytes) -> None:
    source = WebDatasetSource(path=str(write_shards(tmp_path / "shards", clip)))
    for recording in source.recordings(tmp_path, quiet):
        assert list(recording.views) == ["front", "left"]
        for media in recording.views.values():
            data = media.path.read_bytes()[media.offset_bytes :][: media.size_bytes]
            assert data == clip
            with av.open(io.BytesIO(data)) as container:
                assert sum(1 for _ in container.decode(video=0)) == 12


def test_a_pattern_in_braces_names_shards_that_all_have_to_be_there(tmp_path: Path, clip: bytes) -> None:
    write_shards(tmp_path, clip, ("s-000008", "s-000009", "s-000010"))
    assert list(find_shards(f"{tmp_path}/s-{{000008..000010}}.tar")) == ["s-000008", "s-000009", "s-000010"]
    assert list(find_shards(f"{tmp_path}/s-00000*.tar")) == ["s-000008", "s-000009"]
    assert list(find_shards(f"{tmp_path}/s-0000{{08,10}}.tar")) == ["s-000008", "s-000010"]
    with pytest.raises(RecipeError, match=r"CR550: there are no shards at s-000011\.tar"):
        find_shards(f"{tmp_path}/s-{{000010..000011}}.tar")


def test_a_pattern_says_what_is_held_out_and_one_that_fits_nothing_is_refused(tmp_path: Path, clip: bytes) -> None:
    path = str(write_shards(tmp_path / "shards", clip))
    held = WebDatasetSource(path=path, held_out="*/000001").recordings(tmp_path, quiet)
    assert [each.split for each in held] == ["train", "held-out"] * 2
    for pattern, words in (("000001", "CR556: no recording"), ("*", "CR556: every recording")):
        assert words in refused(WebDatasetSource(path=path, held_out=pattern), tmp_path)


def test_a_scan_is_kept_until_the_shard_changes(tmp_path: Path, clip: bytes) -> None:
    source = WebDatasetSource(path=str(write_shards(tmp_path / "shards", clip)))
    before, stamp = source.recordings(tmp_path, quiet), source.fingerprint()
    kept = tmp_path / SCAN
    written = kept.stat().st_mtime_ns
    assert [each.views for each in source.recordings(tmp_path, quiet)] == [each.views for each in before]
    assert kept.stat().st_mtime_ns == written
    write_shards(tmp_path / "shards", clip + b"more", ("val-000000",))
    assert source.recordings(tmp_path, quiet)[2].media.size_bytes == len(clip) + 4
    assert source.fingerprint() != stamp


def test_a_shard_cut_off_anywhere_is_named(tmp_path: Path, clip: bytes) -> None:
    whole = (write_shards(tmp_path / "shards", clip, ("a",)) / "a.tar").read_bytes()
    content = max(each.offset_bytes + each.size_bytes for each in members(tmp_path / "shards" / "a.tar"))

    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, content))
    def cut(size: int) -> None:
        (tmp_path / "cut.tar").write_bytes(whole[:size])
        with pytest.raises(RecipeError, match=r"CR552: the shard cut\.tar is damaged"):
            members(tmp_path / "cut.tar")

    cut()


def test_a_compressed_shard_is_refused_with_the_way_out(tmp_path: Path, clip: bytes) -> None:
    plain = write_shards(tmp_path / "shards", clip, ("a",)) / "a.tar"
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(plain.read_bytes(), 1))
    with pytest.raises(RecipeError) as raised:
        WebDatasetSource(path=str(tmp_path / "b.tar.gz")).describe()
    problem = raised.value.problems[0]
    assert problem.code == "CR551"
    assert "unpack" in problem.hint


def test_a_file_twice_in_a_shard_is_refused(tmp_path: Path, clip: bytes) -> None:
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as shard:
        shard.write({"__key__": "000000", "mp4": clip})
        shard.write({"__key__": "000000", "mp4": clip})
    assert "CR555" in refused(WebDatasetSource(path=str(tmp_path)), tmp_path)


def test_a_sample_without_a_video_is_an_error_or_dropped_as_chosen(tmp_path: Path, clip: bytes) -> None:
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as shard:
        shard.write({"__key__": "000000", "mp4": clip})
        shard.write({"__key__": "000001", "txt": "only words"})
    assert "CR553: the sample a/000001 has no video" in refused(WebDatasetSource(path=str(tmp_path)), tmp_path)
    lenient = WebDatasetSource(path=str(tmp_path), on_missing="drop")
    assert [each.name for each in lenient.recordings(tmp_path, quiet)] == ["a/000000"]
    assert [problem.code for problem in lenient.describe().problems] == ["CR553"]


@pytest.mark.parametrize(
    "file",
    [
        {"json": b"{"},
        {"cls": b"four"},
        {"txt": b"\xff"},
        {"pose.npy": b"no array"},
        {"npz": b"PK\x03\x04"},
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, clip: bytes, file: dict[str, bytes]) -> None:
    with webdataset.TarWriter(str(tmp_path / "a.tar"), encoder=False) as shard:
        shard.write({"__key__": "000000", "mp4": clip, **file})
    assert f"000000.{next(iter(file))}" in refused(WebDatasetSource(path=str(tmp_path)), tmp_path)


def test_an_array_of_python_objects_is_never_unpickled(tmp_path: Path, clip: bytes) -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with webdataset.TarWriter(str(tmp_path / "a.tar"), encoder=False) as shard:
        shard.write({"__key__": "000000", "mp4": clip, "npy": stream.getvalue()})
    assert "CR554" in refused(WebDatasetSource(path=str(tmp_path)), tmp_path)
