"""The first stage: recordings, the index of their clips, the tokenizer, and every clip as latents.

What it makes depends on the data and the tokenizer alone, and is shared by all runs that need the same.
Legend: B batch, C channels, T frames, H height, W width.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.index import ClipIndex, ClipSpec, build_index, require_all
from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.run.dataset import Made, indexed_sets
from cosmos_recipes.run.folder import digest
from cosmos_recipes.run.stages import Done, Stage, perform

if TYPE_CHECKING:
    from torch import Tensor

    from cosmos_recipes.data.latents import ClipReader
    from cosmos_recipes.run.progress import Progress

MOST_FITTED = 200
"""Recordings that a tokenizer is fitted to, evenly spread over the training split."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What to prepare, and where: two folders named after everything that decides their content.

    `made` is for what the source itself writes, `folder` for index, tokenizer and latents.
    """

    plan: Plan
    made: tuple[Made, ...]
    folder: Path

    @classmethod
    def of(cls, plan: Plan, root: Path) -> Preparation:
        """Return the preparation of a plan, in `root/.prepared/`."""
        made = tuple(Made.of(own.source, root) for own in plan.data.sets)
        decides = {
            "read": [each.decides for each in made],
            "data": plan.data.model_dump(mode="json"),
            "tokenizer": plan.backbone.tokenizer.model_dump(mode="json"),
            "weights": plan.backbone.weights_sha256,
            "captions": needs_captions(plan),
        }
        return cls(plan=plan, made=made, folder=root / ".prepared" / digest(decides)[:16])

    @property
    def lock(self) -> Path:
        """The file that is held while anything is prepared from this source."""
        return self.folder.with_suffix(".lock")

    def perform(self, progress: Progress) -> Done:
        """Let the source write what it writes, then prepare it; each only if it is not done."""
        sources = [each.perform(progress) for each in self.made]
        return perform(
            Stage(
                name="prepare",
                folder=self.folder,
                state=self.folder.with_suffix(".json"),
                inputs={"folder": self.folder.name, "sources": [source.record.made for source in sources]},
                work=lambda: prepare(self, progress),
                spoiled=_same_stem,
            )
        )


def needs_captions(plan: Plan) -> bool:
    """Return whether the plan's head reads captions."""
    return "caption" in head(plan.conditioning.head).columns


def clip_spec(plan: Plan) -> ClipSpec:
    """Return the window of a plan."""
    names = [field.name for field in dataclasses.fields(ClipSpec)]
    return ClipSpec(**{name: getattr(plan.data.clip, name) for name in names})


def clip_reader(plan: Plan, folder: Path) -> ClipReader:
    """Return what reads the pixels of clips of a prepared folder."""
    from cosmos_recipes.data.latents import ClipReader

    decode = plan.data.decode
    return ClipReader(ClipIndex(folder), clip_spec(plan), decode.backends, decode.requested)


def prepare(preparation: Preparation, progress: Progress) -> dict[str, Any]:
    """Do it, or go on with it; returns the funnel and every recording that was left out.

    Raises:
        RecipeError: the data breaks its contract, or nothing of it can be used (CR5xx).
    """
    from cosmos_recipes.data.latents import write_latents
    from cosmos_recipes.data.statistics import Normalised, keep_normalisation

    plan, folder = preparation.plan, preparation.folder
    report = build_index(
        indexed_sets(plan, preparation.made, progress),
        clip_spec(plan),
        folder,
        captions_needed=needs_captions(plan),
        limit=plan.data.limit,
        progress=progress,
    )
    columns = load_schema(plan.data.schema_name).columns
    sets = [Normalised(how=own.normalise, statistics=own.statistics) for own in plan.data.sets]
    keep_normalisation(ClipIndex(folder), columns, sets)
    reader = clip_reader(plan, folder)
    train = reader.index.ids("train").tolist()
    clips = [*train, *reader.index.ids("held-out").tolist()]
    tokenizer = _tokenizer(plan, folder, reader, train, progress)
    damaged = write_latents(folder / "latents", reader, clips, tokenizer.encode, progress)
    for own in plan.data.sets:
        if own.on_missing == "error":
            require_all(own.name, damaged)
    _require_both_splits(reader.index, folder, damaged)
    left_out = [_plain(problem) for problem in (*report.problems, *damaged)]
    return {
        "found": report.found,
        "kept": report.long_enough - len(damaged),
        "clips": report.clips,
        "left_out": left_out,
    }


def _tokenizer(plan: Plan, folder: Path, reader: ClipReader, train: Sequence[int], progress: Progress) -> Any:
    """Return the tokenizer: that of the weights to start from, or a new one, fitted to the training clips if it can be."""
    from cosmos_recipes.backbones.tokenizers import build_tokenizer, load_tokenizer
    from cosmos_recipes.files import whole

    place = folder / "tokenizer"
    if place.exists():
        return load_tokenizer(place)
    if plan.backbone.weights is not None:
        tokenizer = load_tokenizer(Weights(label=plan.backbone.weights).folder / "tokenizer")
    else:
        tokenizer = build_tokenizer(plan.backbone.tokenizer)
        if hasattr(tokenizer, "fit"):
            tokenizer.fit(_videos(reader, train, progress))
    with whole(place) as part:
        tokenizer.save_pretrained(part)
    return tokenizer


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
