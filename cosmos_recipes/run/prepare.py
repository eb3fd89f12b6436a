"""The first stage: recordings, the index of their clips, the tokenizer, and every clip as latents.

What it makes depends on the data and the tokenizer alone, and is shared by all runs that need the same. Latents come from
a cache that all data sets share, and any number of processes fill together.
Legend: B batch, C channels, T frames, H height, W width.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.data.index import ClipIndex, ClipSpec, SmallVideos, build_index, require_all
from cosmos_recipes.data.index.tables import open_table
from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.files import remove, whole
from cosmos_recipes.run.contexts import device, start_of, write_contexts
from cosmos_recipes.run.dataset import Made, alone, indexed_sets
from cosmos_recipes.run.folder import digest
from cosmos_recipes.run.stages import Done, Outcome, Record, Stage, perform, read_record

if TYPE_CHECKING:
    from torch import Tensor

    from cosmos_recipes.data.cache import Cache
    from cosmos_recipes.data.cache.explain import Explanation
    from cosmos_recipes.data.cache.filling import Part
    from cosmos_recipes.data.cache.hashes import MediaHashes
    from cosmos_recipes.data.encoding import ClipLatents
    from cosmos_recipes.data.latents import ClipReader
    from cosmos_recipes.run.progress import Progress

MOST_FITTED = 200
"""Recordings that a tokenizer is fitted to, evenly spread over the training split."""
INDEXED = ("recordings.arrow", "views.arrow", "clips.arrow", "index.json", "normalise.json", "tokenizer", "text")
CACHE_VARIABLE = "COSMOS_RECIPES_CACHE"
"""Names the folder or URL where this machine keeps latents."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What to prepare, and where: two folders named after everything that decides their content.

    `made` is for what the source itself writes, `folder` for index, tokenizer and latents; without `tokenizes` there is
    no tokenizer in it. `cache` is the folder or URL
    of the latents of all data sets, which is kept below `limit_bytes`.
    """

    plan: Plan
    made: tuple[Made, ...]
    folder: Path
    cache: str
    limit_bytes: int | None = None
    tokenizes: bool = True

    @classmethod
    def of(cls, plan: Plan, root: Path, *, cache: str | None = None, limit_bytes: int | None = None) -> Preparation:
        """Return the preparation of a plan, in `root/.prepared/`."""
        made = tuple(Made.of(own.source, root) for own in plan.data.sets)
        decides = {
            "read": [each.decides for each in made],
            "data": plan.data.model_dump(mode="json"),
            "tokenizer": plan.backbone.tokenizer.model_dump(mode="json"),
            "weights": plan.backbone.weights_sha256 or plan.backbone.weights,
            "captions": needs_captions(plan),
            **({"refit": True} if plan.backbone.refit else {}),
            **({"text": plan.backbone.text.model_dump(mode="json")} if needs_contexts(plan) else {}),
        }
        folder, url = root / ".prepared" / digest(decides)[:16], cache_url(root, cache)
        return cls(plan=plan, made=made, folder=folder, cache=url, limit_bytes=limit_bytes)

    @property
    def is_done(self) -> bool:
        """Whether everything was prepared once."""
        before = read_record(self._latents_state)
        return before is not None and before.state == "done"

    def of_clips(self) -> Preparation:
        """Return the same index without a tokenizer, to show clips to a model that brings its own."""
        return dataclasses.replace(self, folder=self.folder.with_name(f"{self.folder.name}-clips"), tokenizes=False)

    def perform(self, progress: Progress) -> Done:
        """Prepare everything, each part only if it is not done; other processes may prepare the same meanwhile."""
        index = self.index(progress)
        latents = None if self.is_done else self._encode(progress)
        with alone(self.folder, progress):
            done = perform(
                Stage(
                    name="latents",
                    folder=self.folder / "latents",
                    state=self._latents_state,
                    inputs={"folder": self.folder.name, "index": index.record.made},
                    work=lambda: self._finish(index.record, latents or self._latents(), progress),
                )
            )
        return _as_one(index, done)

    def index(self, progress: Progress) -> Done:
        """Let the source write what it writes, then index it and get the tokenizer; each only if it is not done."""
        sources = [each.perform(progress) for each in self.made]
        with alone(self.folder, progress):
            if self.plan.data.transcode and self._lacks_videos():
                remove(self._index_state)
            return perform(
                Stage(
                    name="index",
                    folder=self.folder,
                    state=self._index_state,
                    inputs={"folder": self.folder.name, "sources": [source.record.made for source in sources]},
                    work=lambda: self._index(progress),
                    made=INDEXED,
                    spoiled=_same_stem,
                )
            )

    def encode(self, progress: Progress, *, part: Part | None = None) -> None:
        """Do a share of the encoding and leave the rest of the preparation to others; see `fill` for `part`."""
        self.index(progress)
        self._encode(progress, part=part)

    def explain(self, progress: Progress) -> Explanation:
        """Return how many latents the cache holds already, and why it lacks the others; prepares the index for that."""
        from cosmos_recipes.data.cache.explain import explain

        self.index(progress)
        return explain(self._cache(), self._latents().wanted)

    @property
    def _index_state(self) -> Path:
        return self.folder.with_suffix(".json")

    def _lacks_videos(self) -> bool:
        """Return whether a small video that the index leads to is gone: it can be made again, unlike a recording."""
        table = self.folder / "views.arrow"
        paths = open_table(table)["path"].to_pylist() if table.exists() else []
        return not all((self.folder / path).exists() for path in paths)

    @property
    def _latents_state(self) -> Path:
        return self.folder.with_suffix(".latents.json")

    def _index(self, progress: Progress) -> dict[str, Any]:
        """Return the funnel and every recording that was left out.

        Raises:
            RecipeError: the data breaks its contract, or nothing of it can be used (CR5xx).
        """
        from cosmos_recipes.data.statistics import Normalised, keep_normalisation

        data = self.plan.data
        report = build_index(
            indexed_sets(self.plan, self.made, progress),
            clip_spec(self.plan),
            self.folder,
            captions_needed=needs_captions(self.plan),
            limit=data.limit,
            progress=progress,
            small=self._small_videos() if data.transcode else None,
        )
        reader = clip_reader(self.plan, self.folder)
        sets = [Normalised(how=own.normalise, statistics=own.statistics) for own in data.sets]
        keep_normalisation(reader.index, data.load_contract().columns, sets)
        if self.tokenizes:
            _make_tokenizer(self.plan, self.folder, reader, progress)
        if needs_contexts(self.plan):
            write_contexts(self.plan, self.folder, reader.index, self._cache(), progress)
        left_out = [_plain(problem) for problem in report.problems]
        return {"found": report.found, "kept": report.aligned, "clips": report.clips, "left_out": left_out}

    def hashes(self) -> MediaHashes:
        """Return the hashes of videos that are known from earlier."""
        from cosmos_recipes.data.cache.hashes import MediaHashes

        return MediaHashes(self.folder.parent / "media-hashes.jsonl")

    def _small_videos(self) -> SmallVideos:
        hashes = self.hashes()
        return SmallVideos(folder=self.folder.parent / "small", hash_of=lambda media: hashes.of([media])[0])

    def _cache(self) -> Cache:
        from cosmos_recipes.data.cache import Cache

        return Cache(self.cache, limit_bytes=self.limit_bytes)

    def _latents(self) -> ClipLatents:
        from cosmos_recipes.backbones.tokenizers import comes_trained, load_tokenizer
        from cosmos_recipes.data.encoding import ClipLatents, Encoder

        reader, place = clip_reader(self.plan, self.folder), self.folder / "tokenizer"
        tokenizer = load_tokenizer(place)
        if comes_trained(self.plan.backbone.tokenizer.name):
            tokenizer = tokenizer.to(device())
        encoder = Encoder.saved(tokenizer, place, revision=self.plan.backbone.revision)
        clips = [clip for split in ("train", "held-out") for clip in reader.index.ids(split).tolist()]
        return ClipLatents(reader, clips, encoder, self.hashes())

    def _encode(self, progress: Progress, *, part: Part | None = None) -> ClipLatents:
        latents = self._latents()
        latents.encode(self._cache(), progress, part=part)
        return latents

    def _finish(self, index: Record, latents: ClipLatents, progress: Progress) -> dict[str, Any]:
        damaged = latents.write(self.folder / "latents", self._cache(), progress)
        self._require_all(latents)
        _require_both_splits(latents.reader.index, self.folder, damaged)
        left_out = [*index.summary["left_out"], *(_plain(problem) for problem in damaged)]
        return {**index.summary, "kept": index.summary["kept"] - len(damaged), "left_out": left_out}

    def _require_all(self, latents: ClipLatents) -> None:
        """Refuse to go on without recordings that could not be decoded, where their data set says so."""
        index = latents.reader.index
        part_of = dict(zip(index.recording_of.tolist(), index.part_of.tolist(), strict=True))
        for part, own in enumerate(self.plan.data.sets):
            if own.on_missing == "error":
                require_all(own.name, [found for number, found in latents.refused.items() if part_of[number] == part])


def _as_one(index: Done, latents: Done) -> Done:
    """Return the two as one stage. What was made does not depend on the shards in which the latents happen to lie."""
    from cosmos_recipes.data.encoding import CONTENT

    record = dataclasses.replace(
        latents.record,
        seconds=index.record.seconds + latents.record.seconds,
        outputs={**index.record.outputs, f"latents/{CONTENT}": latents.record.outputs[CONTENT]},
    )
    damaged = (*index.damaged, *(f"latents/{name}" for name in latents.damaged))
    outcomes: tuple[Outcome, ...] = ("repaired", "done", "unchanged")
    outcome = next(one for one in outcomes if one in (index.outcome, latents.outcome))
    return Done(record=record, outcome=outcome, damaged=damaged)


def cache_url(root: Path, given: str | None = None) -> str:
    """Return where the latents are kept: where the person says, or this machine's settings, or beside what is prepared."""
    return given or os.environ.get(CACHE_VARIABLE) or str(root / ".prepared" / "cache")


def needs_captions(plan: Plan) -> bool:
    """Return whether the plan's head needs captions."""
    return "caption" in head(plan.conditioning.head).columns


def needs_contexts(plan: Plan) -> bool:
    """Return whether captions are read by a frozen encoder, once, and not by the head."""
    from cosmos_recipes.backbones.text import is_frozen

    return head(plan.conditioning.head).takes("caption") and is_frozen(plan.backbone.text.encoder)


def clip_spec(plan: Plan) -> ClipSpec:
    """Return the window of a plan."""
    names = [field.name for field in dataclasses.fields(ClipSpec)]
    return ClipSpec(**{name: getattr(plan.data.clip, name) for name in names})


def clip_reader(plan: Plan, folder: Path) -> ClipReader:
    """Return what reads the pixels of clips of a prepared folder."""
    from cosmos_recipes.data.latents import ClipReader

    decode = plan.data.decode
    return ClipReader(ClipIndex(folder), clip_spec(plan), decode.backends, decode.requested)


def _make_tokenizer(plan: Plan, folder: Path, reader: ClipReader, progress: Progress) -> None:
    """Save the tokenizer: that of a model of ours, a trained one of NVIDIA's, or a new one that is fitted."""
    from cosmos_recipes.backbones.tokenizers import (
        build_tokenizer,
        comes_trained,
        is_apart,
        load_tokenizer,
        trained_tokenizer,
    )

    place = folder / "tokenizer"
    if place.exists():
        return
    weights, said = start_of(plan), plan.backbone.tokenizer
    if weights is not None and not weights.is_pipeline and not plan.backbone.refit:
        tokenizer = load_tokenizer(weights.folder / "tokenizer")
    elif comes_trained(said.name) and (weights is not None or is_apart(said.name)):
        progress("getting the video tokenizer", 0, 0)
        is_beside = weights is not None and (weights.holds("vae") or not is_apart(said.name))
        tokenizer = trained_tokenizer(said, weights.fetched("vae") / "vae" if weights and is_beside else None)
    else:
        tokenizer = build_tokenizer(said)
        tokenizer.fit(_videos(reader, reader.index.ids("train").tolist(), progress))
    with whole(place) as part:
        tokenizer.save_pretrained(part)


def _videos(reader: ClipReader, train: Sequence[int], progress: Progress) -> Iterator[Tensor]:
    """Yield `video_BCTHW` of the clips of some recordings; those that cannot be decoded are named later."""
    recordings = reader.index.recording_of
    numbers = sorted({int(recordings[clip]) for clip in train})
    chosen = set(numbers[:: -(-len(numbers) // MOST_FITTED)])
    clips = [clip for clip in train if recordings[clip] in chosen]
    for done, (_, video_BVCTHW) in enumerate(reader.batches(clips), 1):
        progress("fitting the tokenizer", done, len(chosen))
        if not isinstance(video_BVCTHW, Problem):
            yield video_BVCTHW.flatten(0, 1)


def _require_both_splits(index: ClipIndex, folder: Path, damaged: Sequence[Problem]) -> None:
    from cosmos_recipes.data.latents import Latents

    latents = Latents(folder / "latents")
    for split in ("train", "held-out"):
        if not len(latents.among(index.ids(split))):
            message = f"not one clip of the split `{split}` could be decoded"
            hint = "see the problems of the videos below"
            raise RecipeError(Problem(code="CR508", message=message, hint=hint), *damaged)


def _same_stem(damaged: Path) -> Iterable[Path]:
    """What is made together goes together: a shard and its list, the files of the tokenizer."""
    return [damaged.parent] if damaged.parent.name == "tokenizer" else damaged.parent.glob(f"{damaged.stem}.*")


def _plain(problem: Problem) -> dict[str, str]:
    names = ("code", "message", "expected", "found", "hint")
    place = {"file": problem.place.file} if problem.place else {}
    return {**{name: getattr(problem, name) for name in names}, **place}
