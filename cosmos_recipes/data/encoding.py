"""Encoding clips into latents: what decides each of them, making those that the cache lacks, listing them for a data set.

Legend: N clips, C channels, T frames, H height, W width.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from torch import Tensor

from cosmos_recipes.data.cache import Cache, Wanted, fill
from cosmos_recipes.data.cache.filling import Part
from cosmos_recipes.data.cache.hashes import MediaHashes
from cosmos_recipes.data.cache.limits import make_room
from cosmos_recipes.data.cache.shards import TENSOR
from cosmos_recipes.data.decode.choice import BackendName
from cosmos_recipes.data.latents import LIST, ClipReader, along_frames
from cosmos_recipes.data.recording import Media
from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.files import remove, sha256, whole, write_json

PIXELS = 1
"""Raised when decoding, cropping or resizing gives other pixels than it did."""
ATTEMPTS = 3
CONTENT = "content.json"
"""What the latents of a folder are, whatever shards they lie in."""
LIST_BYTES = 1024
"""What the lists of the cache say of an entry, at most."""


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """What makes a clip's latent. `encode` takes `video_NCTHW`; `fingerprint` is everything that decides what it gives.

    Latents are kept as float16, or, where they are whole numbers, as they are.
    """

    encode: Callable[[Tensor], Tensor]
    fingerprint: Mapping[str, Any]

    @classmethod
    def saved(cls, tokenizer: Any, folder: Path, *, revision: str | None = None) -> Encoder:
        """Return the encoder of a tokenizer that lies in `folder`."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config = {name: value for name, value in config.items() if not name.startswith("_")}
        weights = [sha256(path) for path in sorted(folder.rglob("*.safetensors"))]
        kind = f"{type(tokenizer).__module__}.{type(tokenizer).__qualname__}"
        fingerprint = {"class": kind, "config": config, "weights": weights, "revision": revision}
        return cls(encode=tokenizer.encode, fingerprint=fingerprint)

    def latent(self, video_VCTHW: Tensor) -> Tensor:
        """Return `latent_CTHW` of one clip, its views one after the other along T.

        It is encoded by itself, so that its neighbours cannot change its last bit.
        """
        latent = along_frames(self.encode(video_VCTHW)[None])[0].detach()
        return (latent.half() if latent.is_floating_point() else latent).cpu()


class ClipLatents:
    """The latents of clips: what each is made from, making those that are missing, listing them in a prepared folder.

    `refused` are the recordings that could not be decoded, by number, and why: they are left out whole.
    """

    def __init__(self, reader: ClipReader, clips: Sequence[int], encoder: Encoder, hashes: MediaHashes) -> None:
        self.reader, self.encoder, self._hashes = reader, encoder, hashes
        self.clips = np.unique(np.asarray(clips, dtype=np.int64))
        self.refused: dict[int, Problem] = {}
        self._row = lru_cache(maxsize=4)(reader.index.row)
        self._views = lru_cache(maxsize=4)(reader.views)

    @cached_property
    def wanted(self) -> Wanted:
        """The entries of the clips, in order; those of a recording are a group."""
        clip = self.reader.clip
        made_by = {
            "kind": "clip",
            "size": f"{clip.height_px}x{clip.width_px}",
            "pixels": PIXELS,
            "tokenizer": dict(self.encoder.fingerprint),
            "precision": "float16",
        }
        recordings = self.reader.index.recording_of[self.clips].astype(np.int64)
        self._hash_all(np.unique(recordings).tolist())
        return Wanted(
            made_by=made_by,
            made_from=self._made_from,
            name=lambda position: str(self._row(int(self.clips[position]))["name"]),
            groups=recordings,
        )

    def _hash_all(self, recordings: Sequence[int]) -> None:
        views = [(recording, media) for recording in recordings for media, _ in self.reader.views(recording)]
        for (recording, media), found in zip(views, self._hashes.of(media for _, media in views), strict=True):
            if found is None:
                self.refused[recording] = _unreadable(media)

    def _made_from(self, position: int) -> dict[str, Any]:
        row = self._row(int(self.clips[position]))
        views = self._views(row["recording"])
        return {
            "media": self._hashes.of(media for media, _ in views),
            "frames": [
                [probe.pts[frame] for frame in frames]
                for (_, probe), frames in zip(views, row["frames_VT"], strict=True)
            ],
            "decoder": [decoder(self.reader.backends.get(probe.codec, "cpu")) for _, probe in views],
        }

    def encode(self, cache: Cache, progress: Progress, *, part: Part | None = None) -> None:
        """Make what is missing in the cache, together with other processes; with a `part`, only that of what is missing.

        Raises:
            RecipeError: the cache's limit is too small (CR581, CR582).
        """
        if cache.limit_bytes is not None:
            self._make_room(cache, cache.limit_bytes)
        what = "encoding the clips"
        fill(cache, self.wanted, self._make, refused=self.refused, progress=progress, what=what, part=part)

    def write(self, folder: Path, cache: Cache, progress: Progress) -> tuple[Problem, ...]:
        """Let `folder` hold the latents and their list; returns what could not be decoded.

        Raises:
            RecipeError: not one clip could be decoded (CR508), or the cache loses what is stored (CR583).
        """
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(ATTEMPTS):
            self.encode(cache, progress)
            places = cache.find(self.wanted.keys)
            possible = ~np.isin(self.wanted.groups, list(self.refused))
            kept = (places.shard >= 0) & possible
            numbers = np.unique(places.shard[kept]).tolist()
            shards = [places.shards[number] for number in numbers]
            lost = [shard for shard in shards if not cache.fetch(shard, folder)]
            # What was removed or damaged meanwhile is made again.
            if not lost and (kept == possible).all():
                break
        else:
            _fail_lost(cache.store.url)
        problems = tuple(self.refused[recording] for recording in sorted(self.refused))
        if not kept.any():
            hint = "see the problems of the videos below"
            raise RecipeError(Problem(code="CR508", message="not one clip could be decoded", hint=hint), *problems)
        cache.note_used(shards)
        self._write_list(folder, shards, np.searchsorted(numbers, places.shard), places.row, kept)
        return problems

    def _write_list(
        self,
        folder: Path,
        shards: Sequence[str],
        shard: NDArray[np.int64],
        row: NDArray[np.int32],
        kept: NDArray[np.bool_],
    ) -> None:
        expected = {CONTENT, *(f"{name}{TENSOR}" for name in shards)}
        for path in folder.iterdir():
            if path.name not in expected:
                remove(path)
        keys = self.wanted.keys.filter(pa.array(kept))
        content = hashlib.sha256(self.clips[kept].tobytes() + b"".join(keys.to_pylist())).hexdigest()
        write_json(folder / CONTENT, {"clips": int(kept.sum()), "sha256": content})
        columns = {}
        for name, values in (("shard", shard), ("row", row)):
            columns[name] = np.full(int(self.clips[-1]) + 1, -1, dtype=np.int32)
            columns[name][self.clips[kept]] = values[kept]
        table = pa.table(columns).replace_schema_metadata({"shards": json.dumps(list(shards))})
        with whole(folder / LIST) as part, pa.ipc.new_file(str(part), table.schema) as writer:
            writer.write_table(table)

    def _make(self, positions: Sequence[int]) -> Iterator[tuple[list[int], list[Tensor] | Problem]]:
        for own, video in self.reader.batches(self.clips[list(positions)].tolist()):
            made = video if isinstance(video, Problem) else [self.encoder.latent(video_VCTHW) for video_VCTHW in video]
            yield np.searchsorted(self.clips, own).tolist(), made

    def _make_room(self, cache: Cache, limit_bytes: int) -> None:
        places = cache.find(self.wanted.keys)
        missing = places.missing.tolist()
        missing_bytes = len(missing) * (LIST_BYTES + self._size_bytes(missing))
        needed = {places.shards[number] for number in np.unique(places.shard[places.shard >= 0])}
        make_room(cache, needed=needed, missing_bytes=missing_bytes, limit_bytes=limit_bytes)

    def _size_bytes(self, positions: Sequence[int]) -> int:
        """Return the size of the first of these latents that can be made."""
        groups = self.wanted.groups[list(positions)]
        for at in np.unique(groups, return_index=True)[1].tolist():
            ((_, made),) = self._make([positions[at]])
            if not isinstance(made, Problem):
                return made[0].nbytes
        return 0


def write_latents(
    folder: Path, reader: ClipReader, clips: Sequence[int], encoder: Encoder, cache: Cache, progress: Progress
) -> tuple[Problem, ...]:
    """Encode what the cache lacks of the clips, and list all of them in `folder`. Returns what could not be decoded.

    Raises:
        RecipeError: not one clip could be decoded (CR508).
    """
    hashes = MediaHashes(folder.with_name("media-hashes.jsonl"))
    return ClipLatents(reader, clips, encoder, hashes).write(folder, cache, progress)


@lru_cache
def decoder(backend: BackendName) -> str:
    """Return a back-end and the version of its library that decides its pixels."""
    name = "av" if backend == "cpu" else next(d.name for d in distributions() if d.name.startswith("nvidia-dali"))
    return f"{backend} {version(name).partition('.')[0]}"


def _fail_lost(url: str) -> NoReturn:
    fail(
        "CR583",
        "the cache does not keep what is stored in it",
        place=Place(file=url),
        expected="that what was written a moment ago is found again, as it was",
        found="entries that are gone or damaged",
        hint="see whether another process clears it, and whether the disk is in order; then run the same command again",
    )


def _unreadable(media: Media) -> Problem:
    return Problem(
        code="CR512",
        message=f"the video {media.path.name} cannot be read",
        place=Place(file=str(media.path)),
        expected="the file that was there when the index was made",
        found="no file, or one that may not be read",
        hint="put it back, or run the recipe again",
    )
