"""If these fail, data sets do not share latents, or share wrong ones, or prepared folders differ by how they came to be."""

from __future__ import annotations

import json
import random
import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from cache_workers import PROCESSES, listed_keys
from videos import cut_off, write_video

from cosmos_recipes.data.cache import Cache, filling
from cosmos_recipes.data.cache.explain import explain
from cosmos_recipes.data.cache.hashes import MediaHashes
from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.encoding import CONTENT, LIST_BYTES, ClipLatents, Encoder, write_latents
from cosmos_recipes.data.index import ClipIndex, ClipSpec, IndexedSet, build_index
from cosmos_recipes.data.latents import LIST, ClipReader, Latents
from cosmos_recipes.diagnostics import RecipeError

CLIP = ClipSpec(frames=5, rate_hz=5.0, height_px=32, width_px=48, stride=4)


def quiet(what: str, done: int, total: int) -> None:
    """Say nothing."""


class CountingEncoder:
    """A tokenizer that counts the clips that it was given."""

    def __init__(self) -> None:
        self.clips = 0

    def __call__(self, video_NCTHW: torch.Tensor) -> torch.Tensor:
        self.clips += len(video_NCTHW)
        return video_NCTHW[:, :1, ::2, ::4, ::4].float() / 255


def videos(folder: Path, count: int, **how: int) -> Path:
    for number in range(count):
        write_video(folder / f"{number:02}.mp4", frames=25 + number, **how)
    return folder


def reader_of(folder: Path, out: Path, clip: ClipSpec = CLIP) -> ClipReader:
    """Index a folder of videos; return what reads its clips."""
    dataset = load_dataset(str(folder), relative_to=Path())
    own = IndexedSet.of(dataset, dataset.source.recordings(out, quiet))
    build_index([own], clip, out, captions_needed=False, limit=None, progress=quiet)
    return ClipReader(ClipIndex(out), clip, {})


def every(reader: ClipReader) -> list[int]:
    return np.concatenate([reader.index.ids("train"), reader.index.ids("held-out")]).tolist()


def write(reader: ClipReader, folder: Path, cache: Path | str, **fingerprint: str) -> int:
    """Prepare the latents of all clips; return how many had to be encoded."""
    encode = CountingEncoder()
    write_latents(folder, reader, every(reader), Encoder(encode=encode, fingerprint=fingerprint), Cache(cache), quiet)
    return encode.clips


def latents(folder: Path, reader: ClipReader) -> torch.Tensor:
    return Latents(folder).read(sorted(every(reader)))


def test_what_has_the_same_content_is_encoded_once_for_all_data_sets(tmp_path: Path) -> None:
    first = reader_of(videos(tmp_path / "first", 3), tmp_path / "a")
    count = len(every(first))
    assert write(first, tmp_path / "a" / "latents", tmp_path / "cache") == count
    assert write(first, tmp_path / "again", tmp_path / "cache") == 0
    assert write(first, tmp_path / "other", tmp_path / "cache", revision="2") == count
    shutil.copytree(tmp_path / "first", tmp_path / "moved" / "deep")
    write_video(tmp_path / "moved" / "deep" / "new.mp4", frames=40)
    grown = reader_of(tmp_path / "moved", tmp_path / "b")
    assert write(grown, tmp_path / "b" / "latents", tmp_path / "cache") == len(every(grown)) - count
    assert torch.equal(latents(tmp_path / "b" / "latents", grown)[:count], latents(tmp_path / "again", first))


def test_a_latent_does_not_depend_on_how_its_folder_came_to_be(tmp_path: Path) -> None:
    reader = reader_of(videos(tmp_path / "in", 4), tmp_path / "a")
    write(reader, tmp_path / "at-once", tmp_path / "cache")
    other = ClipLatents(reader, every(reader)[::3], Encoder(encode=CountingEncoder(), fingerprint={}), hashes(tmp_path))
    other.write(tmp_path / "some", Cache(tmp_path / "parts"), quiet)
    write(reader, tmp_path / "in-parts", tmp_path / "parts")
    one, two = ((tmp_path / name / CONTENT).read_text() for name in ("at-once", "in-parts"))
    assert one == two
    assert torch.equal(latents(tmp_path / "at-once", reader), latents(tmp_path / "in-parts", reader))


def hashes(folder: Path) -> MediaHashes:
    return MediaHashes(folder / "hashes.jsonl")


def test_explain_names_the_part_that_differs(tmp_path: Path) -> None:
    folder = videos(tmp_path / "in", 2)
    reader = reader_of(folder, tmp_path / "a")
    write(reader, tmp_path / "latents", tmp_path / "cache", revision="1")

    def reasons(asked: ClipReader, **fingerprint: str) -> list[str]:
        encoder = Encoder(encode=CountingEncoder(), fingerprint=fingerprint)
        return list(
            explain(
                Cache(tmp_path / "cache"), ClipLatents(asked, every(asked), encoder, hashes(tmp_path)).wanted
            ).reasons
        )

    large = ClipSpec(frames=5, rate_hz=5.0, height_px=64, width_px=64, stride=4)
    assert reasons(reader, revision="1") == []
    assert reasons(reader, revision="2") == ["tokenizer revision 1 -> 2"]
    assert reasons(ClipReader(reader.index, large, {}), revision="1") == ["size 32x48 -> 64x64"]
    longer = ClipSpec(frames=7, rate_hz=5.0, height_px=32, width_px=48, stride=4)
    assert reasons(reader_of(folder, tmp_path / "b", longer), revision="1") == ["frames 5 -> 7"]
    videos(folder, 2, gop=4)
    assert reasons(reader_of(folder, tmp_path / "c"), revision="1") == ["the file changed"]


def test_damage_in_the_cache_does_not_reach_a_prepared_folder(tmp_path: Path) -> None:
    reader = reader_of(videos(tmp_path / "in", 3), tmp_path / "a")
    write(reader, tmp_path / "good", tmp_path / "cache")
    good = latents(tmp_path / "good", reader).clone()
    (shard,) = (tmp_path / "cache" / "shards").glob("*.safetensors")
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-8] + bytes(8))
    assert write(reader, tmp_path / "again", tmp_path / "cache") == len(every(reader))
    assert torch.equal(latents(tmp_path / "again", reader), good)
    assert shard.read_bytes() == whole


def test_latents_in_a_remote_store_are_copied_to_where_training_reads(tmp_path: Path) -> None:
    reader = reader_of(videos(tmp_path / "in", 2), tmp_path / "a")
    write(reader, tmp_path / "here", tmp_path / "cache")
    write(reader, tmp_path / "there", f"memory://{tmp_path}")
    assert write(reader, tmp_path / "there", f"memory://{tmp_path}") == 0
    assert torch.equal(latents(tmp_path / "here", reader), latents(tmp_path / "there", reader))
    names = [sorted(path.name for path in (tmp_path / place).iterdir()) for place in ("here", "there")]
    assert names[0] == names[1]


def test_a_limit_that_is_too_small_is_told_before_anything_is_encoded(tmp_path: Path) -> None:
    reader = reader_of(videos(tmp_path / "in", 2), tmp_path / "a")
    encode = CountingEncoder()
    cache = Cache(tmp_path / "cache", limit_bytes=5_000)
    wanted = ClipLatents(reader, every(reader), Encoder(encode=encode, fingerprint={}), hashes(tmp_path))
    with pytest.raises(RecipeError, match="CR581"):
        wanted.encode(cache, quiet)
    assert encode.clips == 1
    assert not (tmp_path / "cache").exists()
    wanted.write(tmp_path / "latents", Cache(tmp_path / "cache", limit_bytes=1_000_000), quiet)


def test_the_size_is_asked_of_the_first_clip_that_can_be_decoded(tmp_path: Path) -> None:
    reader = reader_of(videos(tmp_path / "in", 3), tmp_path / "a")
    cut_off(tmp_path / "in" / "00.mp4")
    asked = ClipLatents(reader, every(reader), Encoder(encode=CountingEncoder(), fingerprint={}), hashes(tmp_path))
    with pytest.raises(RecipeError, match="CR581"):
        asked.encode(Cache(tmp_path / "cache", limit_bytes=LIST_BYTES * (len(every(reader)) + 1)), quiet)


def test_a_video_that_is_replaced_while_it_is_prepared_is_not_stored_as_what_it_was(tmp_path: Path) -> None:
    """Else whoever has the first one is given latents of the second, for good and on every machine."""
    reader = reader_of(videos(tmp_path / "in", 3), tmp_path / "a")
    write(reader, tmp_path / "expected", tmp_path / "undisturbed")
    first = (tmp_path / "in" / "01.mp4").read_bytes()
    asked = ClipLatents(reader, every(reader), Encoder(encode=CountingEncoder(), fingerprint={}), hashes(tmp_path))
    assert len(asked.wanted.keys) == len(every(reader))
    write_video(tmp_path / "in" / "01.mp4", frames=26, options={"crf": "45"})
    (problem,) = asked.write(tmp_path / "changed", Cache(tmp_path / "cache"), quiet)
    assert (problem.code, "01.mp4" in problem.message) == ("CR585", True)
    (tmp_path / "in" / "01.mp4").write_bytes(first)
    write(reader, tmp_path / "again", tmp_path / "cache")
    assert torch.equal(latents(tmp_path / "again", reader), latents(tmp_path / "expected", reader))


def test_a_cache_that_is_removed_while_it_is_used_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "ENTRIES_PER_UNIT", 8)
    reader = reader_of(videos(tmp_path / "in", 3), tmp_path / "a")
    write(reader, tmp_path / "expected", tmp_path / "undisturbed")
    encode = CountingEncoder()

    def removing(video_NCTHW: torch.Tensor) -> torch.Tensor:
        made = encode(video_NCTHW)
        if encode.clips == len(every(reader)) // 2:
            shutil.rmtree(tmp_path / "cache")
        return made

    cache = Cache(tmp_path / "cache")
    write_latents(tmp_path / "out", reader, every(reader), Encoder(encode=removing, fingerprint={}), cache, quiet)
    assert torch.equal(latents(tmp_path / "out", reader), latents(tmp_path / "expected", reader))


def test_a_video_that_is_gone_or_damaged_is_named_by_all_who_prepare_it(tmp_path: Path) -> None:
    reader = reader_of(videos(tmp_path / "in", 4), tmp_path / "a")
    (tmp_path / "in" / "01.mp4").unlink()
    cut_off(tmp_path / "in" / "02.mp4")
    for folder in ("one", "two"):
        encoder = Encoder(encode=CountingEncoder(), fingerprint={})
        problems = write_latents(tmp_path / folder, reader, every(reader), encoder, Cache(tmp_path / "cache"), quiet)
        assert [Path(problem.place.file).name for problem in problems if problem.place] == ["01.mp4", "02.mp4"]
        assert len(Latents(tmp_path / folder).among(np.array(every(reader)))) < len(every(reader))


def test_a_million_clips_open_at_once_and_take_little_memory(tmp_path: Path) -> None:
    reader = reader_of(videos(tmp_path / "in", 2), tmp_path / "a")
    write(reader, tmp_path / "latents", tmp_path / "cache")
    few = Latents(tmp_path / "latents")
    columns = {"shard": np.zeros(10**6, np.int32), "row": np.zeros(10**6, np.int32)}
    table = pa.table(columns).replace_schema_metadata({"shards": json.dumps(few._names)})
    with pa.ipc.new_file(str(tmp_path / "latents" / LIST), table.schema) as writer:
        writer.write_table(table)
    before, began_s = pa.total_allocated_bytes(), time.perf_counter()
    many = Latents(tmp_path / "latents")
    assert torch.equal(many.read([999_999]), few.read([0]))
    assert time.perf_counter() - began_s < 0.5
    assert pa.total_allocated_bytes() - before < 10**6


def prepare(index: Path, folder: Path, cache: Path) -> None:
    """Prepare a folder, slowly, in small units."""
    filling.ENTRIES_PER_UNIT, filling.WAIT_S = 8, 0.02

    def encode(video_NCTHW: torch.Tensor) -> torch.Tensor:
        time.sleep(0.01)
        return CountingEncoder()(video_NCTHW)

    reader = ClipReader(ClipIndex(index), CLIP, {})
    write_latents(folder, reader, every(reader), Encoder(encode=encode, fingerprint={}), Cache(cache), quiet)


def test_folders_prepared_at_once_and_killed_at_random_moments_end_the_same(tmp_path: Path) -> None:
    reader = reader_of(videos(tmp_path / "in", 12), tmp_path / "a")
    write(reader, tmp_path / "whole", tmp_path / "undisturbed")
    chance = random.Random(0)

    def start(name: str) -> object:
        process = PROCESSES.Process(target=prepare, args=(tmp_path / "a", tmp_path / name, tmp_path / "cache"))
        process.start()
        return process

    running = {name: start(name) for name in ("one", "two")}
    for _ in range(4):
        name = chance.choice(["one", "two"])
        time.sleep(chance.uniform(0.3, 1.0))
        running[name].kill()
        running[name] = start(name)
    for process in running.values():
        process.join()
        assert process.exitcode == 0
    keys = listed_keys(Cache(tmp_path / "cache"))
    assert len(keys) == len(set(keys)) == len(every(reader))
    for name in running:
        assert (tmp_path / name / CONTENT).read_text() == (tmp_path / "whole" / CONTENT).read_text()
        assert torch.equal(latents(tmp_path / name, reader), latents(tmp_path / "whole", reader))
        assert not list((tmp_path / name).glob("*.unfinished"))
