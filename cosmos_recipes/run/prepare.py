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
from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import declaration_of
from cosmos_recipes.data.binding.spec import Splits
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.index import TOO_SHORT, ClipIndex, ClipSpec, build_index
from cosmos_recipes.data.sources import source_class
from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.run.dataset import Made
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
    made: Made
    folder: Path

    @classmethod
    def of(cls, plan: Plan, root: Path) -> Preparation:
        """Return the preparation of a plan, in `root/.prepared/`."""
        settings = {name: value for name, value in plan.data.source.items() if name != "kind"}
        source = source_class(plan.data.source["kind"])(**settings)
        made = Made(kind=plan.data.source["kind"], source=source, root=root)
        decides = {
            "read": made.decides,
            "data": plan.data.model_dump(mode="json"),
            "tokenizer": plan.backbone.tokenizer.model_dump(mode="json"),
            "weights": plan.backbone.weights_sha256,
            "captions": needs_captions(plan),
        }
        return cls(plan=plan, made=made, folder=root / ".prepared" / digest(decides)[:16])

    @property
    def lock(self) -> Path:
        """The file that is held while anything is prepared from this source."""
        return self.made.folder.with_suffix(".lock")

    def perform(self, progress: Progress) -> Done:
        """Let the source write what it writes, then prepare it; each only if it is not done."""
        source = self.made.perform(progress)
        return perform(
            Stage(
                name="prepare",
                folder=self.folder,
                state=self.folder.with_suffix(".json"),
                inputs={"folder": self.folder.name, "source": source.record.made},
                work=lambda: prepare(self, progress),
                spoiled=_same_stem,
            )
        )


def needs_captions(plan: Plan) -> bool:
    """Return whether the plan's head reads captions."""
    return "caption" in head(plan.conditioning.head).columns


def binding(plan: Plan) -> Binding:
    """Return what brings the source's recordings into the form of the contract."""
    data = plan.data
    return Binding(declaration_of(load_schema(data.schema_name), data.views, data.bindings))


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

    plan, folder = preparation.plan, preparation.folder
    recordings = preparation.made.source.recordings(preparation.made.folder, progress)
    report = build_index(
        recordings,
        clip_spec(plan),
        folder,
        captions_needed=needs_captions(plan),
        limit=plan.data.limit,
        binding=binding(plan),
        splits=None if plan.data.held_out is None else Splits(held_out=plan.data.held_out),
        progress=progress,
    )
    _require_all(plan, report.problems)
    _keep_normalisation(plan, folder)
    reader = clip_reader(plan, folder)
    train = reader.index.ids("train").tolist()
    clips = [*train, *reader.index.ids("held-out").tolist()]
    tokenizer = _tokenizer(plan, folder, reader, train, progress)
    damaged = write_latents(folder / "latents", reader, clips, tokenizer.encode, progress)
    _require_all(plan, damaged)
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


def _require_all(plan: Plan, problems: Sequence[Problem]) -> None:
    """Refuse to go on without recordings, unless the data set says that they may be dropped; short ones always may."""
    broken = [problem for problem in problems if problem.code != TOO_SHORT]
    if broken and plan.data.on_missing == "error":
        count = f"{len(broken)} recordings" if len(broken) > 1 else "a recording"
        message = f"{count} of the data set {plan.data.name} cannot be used"
        hint = "mend them, or leave them out with `on_missing: drop` in the data set's file"
        raise RecipeError(Problem(code="CR525", message=message, hint=hint), *broken)


def _keep_normalisation(plan: Plan, folder: Path) -> None:
    """Keep the statistics that columns are normalised with: those declared, otherwise those of the training split."""
    from cosmos_recipes.data.statistics import measure_index, write_normalisation

    declared, how = plan.data.statistics, plan.data.normalise
    columns = load_schema(plan.data.schema_name).columns
    missing = {name: columns[name] for name in how if name not in declared}
    write_normalisation(folder, how, {**declared, **measure_index(ClipIndex(folder), missing)})


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
