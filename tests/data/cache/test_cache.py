"""If these fail, a cache gives back what nobody stored, keeps damaged shards, grows past its limit, or explains nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from cache_workers import Made, fill_quietly, listed_keys, maker, numbers, tensor
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load

from cosmos_recipes.data.cache import Cache, Wanted, fill, hashes, text_wanted
from cosmos_recipes.data.cache.explain import NEW, explain
from cosmos_recipes.data.cache.filling import ENTRIES_PER_UNIT, Part, units_of
from cosmos_recipes.data.cache.hashes import MediaHashes
from cosmos_recipes.data.cache.limits import clear, make_room, shard_sizes
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import Problem, RecipeError


def stored(cache: Cache, wanted: Wanted) -> list[torch.Tensor]:
    """Return the tensors of entries as the files hold them."""
    places = cache.find(wanted.keys)
    assert not len(places.missing)
    files = {shard: load(cache.store.get(f"shards/{shard}.safetensors"))["entries_N"] for shard in places.shards}
    return [files[places.shards[shard]][row] for shard, row in zip(places.shard, places.row, strict=True)]


@pytest.mark.parametrize("kind", ["folder", "file", "memory"])
def test_entries_come_back_from_any_kind_of_store(tmp_path: Path, kind: str) -> None:
    url = {"folder": str(tmp_path / "a b"), "file": f"file://{tmp_path}/c", "memory": f"memory://{tmp_path}"}[kind]
    fill_quietly(Cache(url), numbers(40))
    cache = Cache(url)
    assert all(torch.equal(found, tensor(at)) for at, found in enumerate(stored(cache, numbers(40))))
    assert len(cache.find(numbers(50).keys).missing) == 10
    assert len(cache.find(numbers(40, precision="float32").keys).missing) == 40


def test_a_store_that_cannot_be_opened_is_named() -> None:
    with pytest.raises(RecipeError, match="CR580"):
        Cache("nonsense://somewhere")


def test_shapes_and_types_may_differ_and_what_is_wanted_twice_is_stored_once(tmp_path: Path) -> None:
    texts = ["one", "three", "one", "three", "one"]
    wanted = text_wanted(texts, encoder="bytes", revision=None, length=8, precision="int64")

    def make(positions: list[int]) -> Made:
        for position in positions:
            yield [position], [torch.tensor(list(texts[position].encode()))]

    cache = Cache(tmp_path)
    fill_quietly(cache, wanted, make)
    assert [bytes(found.tolist()).decode() for found in stored(cache, wanted)] == texts
    assert len(listed_keys(cache)) == 2


@given(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=12))
def test_units_cover_everything_once_and_split_no_group_that_fits(sizes: list[int]) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    units = units_of(groups)
    assert np.concatenate(units).tolist() == list(range(len(groups)))
    assert all(0 < len(unit) <= ENTRIES_PER_UNIT for unit in units)
    for group, size in enumerate(sizes):
        if size <= ENTRIES_PER_UNIT:
            assert sum(group in groups[unit] for unit in units) == 1


@pytest.mark.parametrize("damage", ["cut off", "changed", "removed", "list cut off"])
def test_a_damaged_shard_is_noticed_and_made_again(tmp_path: Path, damage: str) -> None:
    cache, wanted = Cache(tmp_path / "cache"), numbers(20)
    fill_quietly(cache, wanted)
    (shard,) = cache.shards
    suffix = ".arrow" if damage == "list cut off" else ".safetensors"
    file = tmp_path / "cache" / "shards" / f"{shard}{suffix}"
    whole = file.read_bytes()
    if damage == "removed":
        file.unlink()
    else:
        file.write_bytes(whole[:-7] + b"changed" if damage == "changed" else whole[: len(whole) // 2])
    (tmp_path / "out").mkdir()
    again = Cache(tmp_path / "cache")
    assert damage != "changed" or not again.fetch(shard, tmp_path / "out")
    fill_quietly(again, wanted)
    assert file.read_bytes() == whole
    assert again.fetch(shard, tmp_path / "out")


def test_a_group_that_breaks_off_is_not_stored_and_the_rest_is(tmp_path: Path) -> None:
    problem, refused = Problem(code="CR512", message="damaged"), {}

    def make(positions: list[int]) -> Made:
        for position in positions:
            yield [position], (problem if position == 5 else [tensor(position)])

    cache = Cache(tmp_path)
    fill(cache, numbers(12), make, refused=refused, progress=lambda *told: None, what="")
    assert refused == {1: problem}
    assert cache.find(numbers(12).keys).missing.tolist() == [3, 4, 5]


def test_the_longest_unused_shards_go_first_and_those_in_use_never(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    for precision in ("a", "b", "c", "d"):
        fill_quietly(cache, numbers(10, precision=precision))
        cache.refresh()
    time.sleep(0.01)
    of = {listed.made_by["precision"]: shard for shard, listed in cache.shards.items()}
    for precision in ("b", "a", "c"):
        cache.note_used([of[precision]])
        time.sleep(0.01)
    (tmp_path / "prepared").mkdir()
    assert cache.fetch(of["b"], tmp_path / "prepared")
    size_bytes = max(shard_sizes(cache).values())
    room = {"needed": {of["c"]}, "missing_bytes": size_bytes}
    assert make_room(cache, **room, limit_bytes=5 * size_bytes) == []
    assert make_room(cache, **room, limit_bytes=4 * size_bytes) == [of["d"]]
    assert make_room(cache, **room, limit_bytes=3 * size_bytes) == [of["a"]]
    with pytest.raises(RecipeError, match="CR582"):
        make_room(cache, **room, limit_bytes=2 * size_bytes)
    with pytest.raises(RecipeError, match="CR581"):
        make_room(cache, **room, limit_bytes=size_bytes)
    assert cache.shards.keys() == {of["b"], of["c"]}
    assert clear(cache, unused_for_s=3600) == 0
    assert clear(cache, unused_for_s=0) > 0
    assert cache.shards.keys() == {of["b"]}


@pytest.mark.parametrize("url", ["{}/cache", "memory://{}"])
def test_what_was_made_a_moment_ago_is_not_old(tmp_path: Path, url: str) -> None:
    """A part that was prepared for others, or a preparation that still runs, has told nobody what it needs."""
    cache = Cache(url.format(tmp_path))
    fill_quietly(cache, numbers(10, precision="first"))
    cache.refresh()
    (first,) = cache.shards
    time.sleep(0.01)
    fill_quietly(cache, numbers(10, precision="second"))
    assert clear(cache, unused_for_s=3600) == 0
    size_bytes = max(shard_sizes(cache).values())
    assert make_room(cache, needed=set(), missing_bytes=size_bytes, limit_bytes=2 * size_bytes) == [first]


def test_a_cache_that_is_removed_while_it_is_filled_is_filled_again(tmp_path: Path) -> None:
    def tell(own: list[int]) -> None:
        if own == [700]:
            shutil.rmtree(tmp_path / "cache")

    cache = Cache(tmp_path / "cache")
    fill_quietly(cache, numbers(1000), maker(tell))
    cache.refresh()
    assert 0 < len(cache.find(numbers(1000).keys).missing) < 1000
    fill_quietly(cache, numbers(1000))
    assert len(set(listed_keys(cache))) == 1000


def test_filling_takes_time_for_what_is_made_and_not_for_what_is_there(tmp_path: Path) -> None:
    """Twice as many entries take about twice the time, not four times."""

    def seconds(count: int) -> float:
        wanted = numbers(count)
        assert len(wanted.keys) == count
        began_s = time.process_time()
        fill_quietly(Cache(tmp_path / str(count)), wanted)
        return time.process_time() - began_s

    seconds(1000)
    assert seconds(32_000) < 7 * seconds(8_000)


def test_the_reason_is_what_differs_from_the_nearest_entry(tmp_path: Path) -> None:
    def clips(*files: str, sha: str = "0" * 64, frames: int = 3, **made_by: object) -> Wanted:
        return Wanted(
            made_by={"size": "64x64", "tokenizer": {"revision": "a", "weights": ["1" * 64]}} | made_by,
            made_from=lambda at: {"media": [sha], "frames": [[at, *range(10, 9 + frames)]], "decoder": ["cpu 18"]},
            name=lambda at: files[at],
            groups=np.arange(len(files)),
        )

    cache = Cache(tmp_path)
    fill_quietly(cache, clips("a", "b"))
    fill_quietly(cache, clips("a", "b", size="32x32", tokenizer={"revision": "z", "weights": ["2" * 64]}))
    cache.refresh()
    asked = {
        "size 64x64 -> 128x128": clips("a", size="128x128"),
        "tokenizer revision a -> b": clips("a", tokenizer={"revision": "b", "weights": ["1" * 64]}),
        "tokenizer weights changed": clips("a", tokenizer={"revision": "a", "weights": ["3" * 64]}),
        "the file changed": clips("a", sha="f" * 64),
        "the file changed, size 64x64 -> 128x128": clips("a", sha="f" * 64, size="128x128"),
        "frames 3 -> 5": clips("a", frames=5),
        NEW: clips("c", sha="f" * 64),
    }
    for reason, wanted in asked.items():
        found = explain(cache, wanted)
        assert (found.wanted, found.reused) == (1, 0)
        assert sorted(next(iter(found.reasons)).split(", ")) == sorted(reason.split(", "))
    some = explain(cache, clips("a", "b", "c"))
    assert (some.wanted, some.reused, some.reasons) == (3, 2, {"other frames": 1})


def test_a_file_that_did_not_change_is_read_once_and_bytes_inside_it_have_hashes_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "SETTLED_S", 0)
    (tmp_path / "a.tar").write_bytes(b"x" * 1000 + b"y" * 1000)
    part = Media(path=tmp_path / "a.tar", offset_bytes=1000, size_bytes=10)
    same = Media(path=tmp_path / "b.bin")
    same.path.write_bytes(b"y" * 10)
    gone = Media(path=tmp_path / "gone")
    first = MediaHashes(tmp_path / "table").of([Media(path=part.path), part, same, gone])
    assert first[1] == first[2] != first[0]
    assert first[3] is None
    lines = (tmp_path / "table").read_bytes()
    (tmp_path / "table").write_bytes(lines[: lines.rindex(b"\n") + 5])
    assert MediaHashes(tmp_path / "table").of([Media(path=part.path), part, same]) == first[:3]
    added = len((tmp_path / "table").read_bytes()) - len(lines)
    assert added < len(lines) / 2
    same.path.write_bytes(b"z" * 10)
    assert MediaHashes(tmp_path / "table").of([same]) != first[2:3]


def test_a_file_that_was_replaced_by_one_of_the_same_size_and_time_is_read_again(tmp_path: Path) -> None:
    """As `cp -p` and `rsync -t` do, and whoever writes twice within a tick of the file system's clock."""
    media = Media(path=tmp_path / "a")

    def write(content: bytes) -> list[str | None]:
        (tmp_path / "new").write_bytes(content)
        os.utime(tmp_path / "new", ns=(10**18, 10**18))
        (tmp_path / "new").replace(media.path)
        return [hashlib.sha256(content).hexdigest()]

    known = MediaHashes(tmp_path / "table")
    for content in (b"one", b"two"):
        expected = write(content)
        time.sleep(0.02)
        assert known.of([media]) == expected
    media.path.write_bytes(b"six")
    MediaHashes(tmp_path / "young").of([media])
    assert not (tmp_path / "young").exists()


def test_a_file_that_is_there_and_cannot_be_read_has_no_hash(tmp_path: Path) -> None:
    assert MediaHashes(tmp_path / "table").of([Media(path=tmp_path)]) == [None]
    (tmp_path / "table").write_bytes(b'17\n[["a"], 0, null, 1, 1, "x"]\nnull\n\xff')
    assert MediaHashes(tmp_path / "table").of([Media(path=tmp_path)]) == [None]


@pytest.mark.parametrize("text", ["0/8", "9/8", "x", "1/", "-1/2", "1/2/3"])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no part"):
        Part.parse(text)
    assert Part.parse("8/8") == Part(8, 8)
