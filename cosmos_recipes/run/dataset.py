"""A data set without a recipe, for the commands that look at data: its recordings, and a window to look through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import declaration_of
from cosmos_recipes.data.binding.spec import Splits
from cosmos_recipes.data.dataset import BoundDataset
from cosmos_recipes.data.index import ClipSpec, IndexedSet
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.data.sources import source_class
from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.run.folder import digest, only_process
from cosmos_recipes.run.stages import Done, Stage, perform

if TYPE_CHECKING:
    from cosmos_recipes.compiler.plan import Plan
    from cosmos_recipes.data.probe import Probe
    from cosmos_recipes.data.sources import Source
    from cosmos_recipes.run.progress import Progress

FRAMES = 13
SHORTER_SIDE_PX = 256


def alone(folder: Path, progress: Progress) -> AbstractContextManager[None]:
    """Hold what is prepared in a folder for this process; another one that holds it is waited for."""

    def wait(holder: int) -> None:
        progress.note(f"process {holder} prepares the same data: waiting for it")

    return only_process(folder.with_suffix(".busy"), wait=wait)


@dataclass(frozen=True, kw_only=True)
class Made:
    """Where a source writes what it makes itself, under `root/.prepared/`; shared by all that read the same source."""

    kind: str
    source: Source
    root: Path

    @classmethod
    def of(cls, source: Mapping[str, Any], root: Path) -> Made:
        """Return where the source of a plan, its kind and its settings, writes."""
        settings = {name: value for name, value in source.items() if name != "kind"}
        return cls(kind=source["kind"], source=source_class(source["kind"])(**settings), root=root)

    @property
    def folder(self) -> Path:
        """The folder, named after the source's settings and what it reads."""
        return self.root / ".prepared" / f"source-{digest(self.decides)[:16]}"

    @property
    def decides(self) -> list[object]:
        """Everything that decides what is in it."""
        return [{"kind": self.kind, **self.source.model_dump(mode="json")}, self.source.fingerprint()]

    def recordings(self, progress: Progress) -> Sequence[Recording]:
        """Return the source's recordings, which are written first if they are not there."""
        self.perform(progress)
        return self.source.recordings(self.folder, progress)

    def perform(self, progress: Progress) -> Done:
        """Let the source write what it writes, if that is not done; another process may do it meanwhile."""
        with alone(self.folder, progress):
            return perform(
                Stage(
                    name="source",
                    folder=self.folder,
                    state=self.folder.with_suffix(".json"),
                    inputs={"folder": self.folder.name},
                    work=lambda: {"recordings": len(self.source.recordings(self.folder, progress))},
                )
            )


def indexed_sets(plan: Plan, made: Sequence[Made], progress: Progress) -> list[IndexedSet]:
    """Return the recordings of each of a plan's data sets, and how they are bound."""
    schema = plan.data.load_contract()
    return [
        IndexedSet(
            name=own.name,
            recordings=each.source.recordings(each.folder, progress),
            binding=Binding(declaration_of(schema, own.views, own.bindings)),
            splits=None if own.held_out is None else Splits(held_out=own.held_out),
            on_missing=own.on_missing,
        )
        for own, each in zip(plan.data.sets, made, strict=True)
    ]


@dataclass(frozen=True, kw_only=True)
class OpenDataset:
    """A data set, what binds it, its recordings, and the window that is looked through."""

    dataset: BoundDataset
    binding: Binding
    recordings: Sequence[Recording]
    clip: ClipSpec

    @property
    def as_indexed(self) -> IndexedSet:
        """The recordings as an index takes them; those that cannot be used are left out and named."""
        return IndexedSet.of(self.dataset, self.recordings)

    @classmethod
    def of(
        cls,
        dataset: BoundDataset,
        *,
        root: Path,
        progress: Progress,
        frames: int | None = None,
        rate_hz: float | None = None,
        size: tuple[int, int] | None = None,
        stride: int | None = None,
        if_none_opens: ClipSpec | None = None,
    ) -> OpenDataset:
        """Open a data set; what is not said of the window is taken from the first recording that can be opened.

        Raises:
            RecipeError: there are no recordings, or none can be opened and `if_none_opens` is no window either.
        """
        recordings = Made(kind=dataset.kind, source=dataset.source, root=root).recordings(progress)
        try:
            found = _first_probe(recordings)
        except RecipeError:
            if if_none_opens is None:
                raise
            clip = if_none_opens
        else:
            height_px, width_px = size or _fitting_size(found)
            # Where no window is asked for, one is taken that the recordings have.
            frames = frames or max(2, min(FRAMES, len(found.pts)) if rate_hz is None else FRAMES)
            clip = ClipSpec(
                frames=frames,
                rate_hz=rate_hz or round((len(found.pts) - 1) / max(found.times_s[-1], 1e-9), 3),
                height_px=height_px,
                width_px=width_px,
                stride=stride or frames,
            )
        return cls(dataset=dataset, binding=Binding(dataset.declaration), recordings=recordings, clip=clip)


def _first_probe(recordings: Sequence[Recording]) -> Probe:
    from cosmos_recipes.data.probe import probe

    problems: list[Problem] = []
    for recording in recordings:
        try:
            return probe(recording.media)
        except RecipeError as error:
            problems += error.problems
    raise RecipeError(*problems)


def _fitting_size(found: Probe) -> tuple[int, int]:
    """Return the recording's size with a shorter side of 256 pixels at most, in even numbers."""
    sideways = found.rotation % 180 == 90
    height, width = (found.width_px, found.height_px) if sideways else (found.height_px, found.width_px)
    scale = min(1.0, SHORTER_SIDE_PX / min(height, width))
    return max(2, round(height * scale / 2) * 2), max(2, round(width * scale / 2) * 2)
