"""Measure a world model on held-out clips.

A few clips at a time are read, predicted and compared; only sums, and the clips that the report shows, are kept.
Everything random depends on the seed and on a clip's position alone.

Legend: B batch (clips), C colours or channels, T frames (those of one view after those of another), H height, W width.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cosmos_recipes.backbones.objectives import Sampling
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.conditioning.shuffle import Control, select, shuffle
from cosmos_recipes.evaluation.adherence import Adherence
from cosmos_recipes.evaluation.metrics import FrameErrors, copy_last_given, mean_squared_error_B, psnr_db
from cosmos_recipes.evaluation.tasks.base import Setting
from cosmos_recipes.evaluation.tasks.figures import TaskFigure
from cosmos_recipes.evaluation.tasks.measure import TaskMeasurement
from cosmos_recipes.evaluation.views import given_of, grid_of
from cosmos_recipes.files import whole

if TYPE_CHECKING:
    from cosmos_recipes.compiler.plan import Plan
    from cosmos_recipes.training.world_model import WorldModel

LOSS_DRAWS = 4
"""Noise draws per clip for adherence on the training loss, where that is noisy."""
BATCH_BYTES = 64 * 2**20
"""Bytes of uint8 video that are predicted at once, unless a single clip is larger."""
_FRAMES = ("psnr_db", "psnr_copy_db", "ssim", "ssim_copy", "psnr_moving_db", "psnr_moving_copy_db")
METRIC_NAMES = (
    *_FRAMES,
    *(f"{name}_{end}" for name in _FRAMES for end in ("low", "high")),
    *("adherence", "adherence_low", "adherence_high"),
    *("steps", "train_seconds", "params", "seed", "clips", "tokenizer_psnr_db"),
    "task",
)
"""The keys of metrics.json, always all present; a figure that cannot be had is null. `task` holds those of the task."""

Metrics = dict[str, Any]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Held-out clips: a row of columns for each (at least `caption`), and how to read some of them by position.

    `rows` are what the model sees; `canonical` are the contract's own numbers, where those are normalised.
    """

    rows: Sequence[Mapping[str, Any]]
    read: Callable[[Sequence[int]], Tensor]
    canonical: Sequence[Mapping[str, Any]] | None = None

    def row(self, clip: int) -> Mapping[str, Any]:
        """Return a clip's row as its contract has it."""
        return self.rows[clip] if self.canonical is None else self.canonical[clip]

    @classmethod
    def of(cls, video_BCTHW: Tensor, rows: Sequence[Mapping[str, Any]]) -> HeldOut:
        """Return clips that are in memory already."""
        return cls(rows=rows, read=lambda clips: video_BCTHW[list(clips)])


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationSettings:
    """How to measure: given frames, how clips are drawn, clips kept for the report, the seed, clips predicted at once.

    `world` is the procedural world that all clips are from, if they are from one.
    """

    given_frames: int
    sampling: Sampling
    guidance: float = 1.0
    samples: int = 8
    seed: int = 0
    batch: int = 8
    world: str | None = None

    @classmethod
    def from_plan(cls, plan: Plan) -> EvaluationSettings:
        """Return the settings of a plan."""
        from cosmos_recipes.training.families import sampling_of

        chosen, clip = plan.evaluate, plan.data.clip
        views = max(1, len(clip.views))
        clip_bytes = 3 * views * clip.frames * clip.height_px * clip.width_px
        worlds = {own.source.get("world") if own.source.get("kind") == "world" else None for own in plan.data.sets}
        return cls(
            given_frames=clip.given_frames,
            sampling=sampling_of(plan.backbone.objective, chosen),
            guidance=chosen.guidance,
            samples=chosen.samples,
            seed=plan.seed,
            batch=min(16, max(1, BATCH_BYTES // clip_bytes)),
            world=worlds.pop() if len(worlds) == 1 else None,
        )


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A clip to look at, as `video_CTHW` uint8; `shuffled` and `none` are there when the model has a control."""

    caption: str
    truth_CTHW: Tensor
    copy_CTHW: Tensor
    prediction_CTHW: Tensor
    shuffled_CTHW: Tensor | None = None
    none_CTHW: Tensor | None = None
    other_caption: str = ""

    def tiled(self, views: int) -> Sample:
        """Return the clip with its views in a grid."""
        return replace(
            self,
            truth_CTHW=grid_of(self.truth_CTHW, views),
            copy_CTHW=grid_of(self.copy_CTHW, views),
            prediction_CTHW=grid_of(self.prediction_CTHW, views),
            shuffled_CTHW=None if self.shuffled_CTHW is None else grid_of(self.shuffled_CTHW, views),
            none_CTHW=None if self.none_CTHW is None else grid_of(self.none_CTHW, views),
        )


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What was measured. Adherence is None, with the reason in `adherence_note`, where it cannot be.

    `squared_error_B` is that of each clip's video by control, in grey levels squared.
    """

    frames: FrameErrors
    settings: EvaluationSettings
    samples: tuple[Sample, ...]
    tokenizer_psnr_db: float
    parameters: int
    seconds: float
    adherence_video: Adherence | None = None
    adherence_loss: Adherence | None = None
    adherence_note: str = ""
    task: tuple[TaskFigure, ...] = ()
    views: tuple[str, ...] = ()
    squared_error_B: Mapping[str, Tensor] = field(default_factory=dict)

    def metrics(self, *, steps: int, train_seconds: float) -> Metrics:
        """Return the content of metrics.json, given how long the model was trained."""
        ratio = self.adherence_video.shuffled if self.adherence_video else None
        return {
            **self.frames.summary(),
            **self.frames.intervals(seed=self.settings.seed),
            "adherence": ratio.value if ratio else None,
            "adherence_low": ratio.low if ratio else None,
            "adherence_high": ratio.high if ratio else None,
            "steps": steps,
            "train_seconds": train_seconds,
            "params": self.parameters,
            "seed": self.settings.seed,
            "clips": len(self.frames.values_BT),
            "tokenizer_psnr_db": self.tokenizer_psnr_db,
            "task": {figure.quantity.name: figure.as_dict() for figure in self.task},
        }

    def by_clip(self) -> dict[str, Any]:
        """Return the content of clips.json: every number of every clip, null where there is none, and captions of the samples."""
        figures = {figure.quantity.name: figure.values_B for figure in self.task}
        numbers = {"squared_error": {name: each.numpy() for name, each in self.squared_error_B.items()}, **figures}
        clips: dict[str, Any] = {
            quantity: {name: [x if isfinite(x) else None for x in each.tolist()] for name, each in by_control.items()}
            for quantity, by_control in numbers.items()
        }
        return clips | {"captions": [sample.caption for sample in self.samples]}


def evaluate(
    model: WorldModel, held_out: HeldOut, settings: EvaluationSettings, *, progress: Progress | None = None
) -> Evaluation:
    """Measure `model` on all clips of `held_out`; `progress` hears ("evaluate", clips done, clips in all)."""
    started, was_training, clips = time.monotonic(), model.training, len(held_out.rows)
    model.eval()
    with torch.no_grad():
        measurement = _Measurement(model, held_out, settings)
        for first in range(0, clips, settings.batch):
            batch = range(first, min(first + settings.batch, clips))
            measurement.add(batch)
            if progress is not None:
                progress("evaluate", batch.stop, clips)
    model.train(was_training)
    return measurement.result(seconds=time.monotonic() - started)


def write_metrics(path: Path, metrics: Metrics) -> None:
    """Write metrics.json: `METRIC_NAMES` in their order, flat but for `task`."""
    _write_json(path, {name: metrics[name] for name in METRIC_NAMES})


def write_clips(path: Path, evaluation: Evaluation) -> None:
    """Write clips.json: what the figures of metrics.json are means of, for tests of one's own."""
    _write_json(path, evaluation.by_clip())


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a file that a reader sees whole or not at all."""
    with whole(path) as part:
        part.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


class _Measurement:
    """Sums over the clips measured so far."""

    def __init__(self, model: WorldModel, held_out: HeldOut, settings: EvaluationSettings) -> None:
        self.model, self.held_out, self.settings = model, held_out, settings
        self.control = model.collate(held_out.rows)
        self.shuffle = shuffle(self.control, seed=settings.seed)
        self.controlled = head(model.config.head).controlled
        self.has_control = self.controlled and bool(self.shuffle.kept_B.any())
        self.frames: list[FrameErrors] = []
        self.samples: list[Sample] = []
        self.tokenizer_errors: list[Tensor] = []
        self.video_errors: dict[str, list[Tensor]] = defaultdict(list)
        self.loss_errors: dict[str, list[Tensor]] = defaultdict(list)
        self.task = TaskMeasurement(
            Setting(
                task=model.config.task,
                views=model.config.views,
                given_frames=settings.given_frames,
                columns=frozenset(held_out.row(0)),
                world=settings.world,
                features=model.features,
            )
        )

    def add(self, clips: range) -> None:
        """Measure the clips at these positions."""
        parts = {"given_frames": self.settings.given_frames, "views": self.model.view_count}
        truth_BCTHW = self.held_out.read(clips).to(self.model.transformer.device)
        latent_BCTHW = self.model.encode(truth_BCTHW)
        restored_BCTHW = self.model.decode(latent_BCTHW)
        self.tokenizer_errors.append(mean_squared_error_B(restored_BCTHW, truth_BCTHW, **parts))
        predicted: dict[str, Tensor] = {}
        for name, control in self._controls(clips).items():
            predicted[name] = self._generate(truth_BCTHW, control, clips)
            self.video_errors[name].append(mean_squared_error_B(predicted[name], truth_BCTHW, **parts))
            if self.has_control:
                self.loss_errors[name].append(self._loss_B(latent_BCTHW, control, clips))
        self.frames.append(FrameErrors.of(predicted["true"], truth_BCTHW, **parts))
        for row, clip in enumerate(clips):
            self.task.add(
                self.held_out.row(clip),
                truth_BCTHW[row],
                restored_CTHW=restored_BCTHW[row],
                predicted={name: video_BCTHW[row] for name, video_BCTHW in predicted.items()},
            )
        self._keep(clips, truth_BCTHW, predicted)

    def result(self, *, seconds: float) -> Evaluation:
        """Return what was measured."""
        adherence: dict[str, Any] = {"adherence_note": self._note()}
        if self.has_control:
            adherence["adherence_video"] = self._adherence(self.video_errors)
            adherence["adherence_loss"] = self._adherence(self.loss_errors)
        trained = (*self.model.transformer.parameters(), *self.model.head.parameters())
        return Evaluation(
            frames=FrameErrors.cat(self.frames),
            settings=self.settings,
            samples=tuple(self.samples),
            tokenizer_psnr_db=psnr_db(torch.cat(self.tokenizer_errors).mean().item()),
            parameters=sum(parameter.numel() for parameter in trained),
            seconds=seconds,
            task=self.task.result(self.shuffle.kept_B, seed=self.settings.seed),
            views=self.model.config.views,
            squared_error_B={name: torch.cat(parts) for name, parts in self.video_errors.items()},
            **adherence,
        )

    def _controls(self, clips: range) -> dict[str, Control]:
        positions = torch.tensor(clips)
        controls = {"true": select(self.control, positions)}
        if self.has_control:
            controls["shuffled"] = select(self.control, self.shuffle.source_B[positions])
            controls["none"] = self.model.null(len(clips))
        return controls

    def _generate(self, truth_BCTHW: Tensor, control: Control, clips: range) -> Tensor:
        return self.model.generate(
            given_of(truth_BCTHW, self.settings.given_frames, self.model.view_count),
            control,
            frames=truth_BCTHW.shape[2] // self.model.view_count,
            sampling=self.settings.sampling,
            guidance=self.settings.guidance,
            seeds=[(self.settings.seed << 32) + clip for clip in clips],
        )

    def _loss_B(self, latent_BCTHW: Tensor, control: Control, clips: range) -> Tensor:
        """Return the loss of each clip, over noise that training never draws (its steps are not negative)."""
        draws = [
            self.model.loss(
                latent_BCTHW,
                control,
                seed=self.settings.seed,
                step=-draw,
                samples=clips,
                dropout=0.0,
                draw_given=False,
            )
            for draw in range(1, 1 + (LOSS_DRAWS if self.model.family.draws_noise else 1))
        ]
        return torch.stack(draws).double().mean(0).cpu()

    def _keep(self, clips: range, truth_BCTHW: Tensor, predicted: Mapping[str, Tensor]) -> None:
        """Keep the videos of the first clips: they are not chosen by how well they went."""
        copied_BCTHW = copy_last_given(truth_BCTHW, self.settings.given_frames, views=self.model.view_count)
        for row, clip in enumerate(clips[: max(0, self.settings.samples - clips.start)]):
            others = {f"{name}_CTHW": predicted[name][row].cpu() for name in ("shuffled", "none") if name in predicted}
            source = int(self.shuffle.source_B[clip])
            self.samples.append(
                Sample(
                    caption=self._caption(clip),
                    truth_CTHW=truth_BCTHW[row].cpu(),
                    copy_CTHW=copied_BCTHW[row].cpu(),
                    prediction_CTHW=predicted["true"][row].cpu(),
                    other_caption=self._caption(source) if others else "",
                    **others,
                )
            )

    def _caption(self, clip: int) -> str:
        return str(self.held_out.rows[clip].get("caption", ""))

    def _adherence(self, errors: Mapping[str, list[Tensor]]) -> Adherence:
        joined = {name: torch.cat(parts) for name, parts in errors.items()}
        return Adherence.of(joined, self.shuffle.kept_B, seed=self.settings.seed)

    def _note(self) -> str:
        if not self.controlled:
            return "The model has no control to obey."
        if not self.has_control:
            return "All held-out clips have the same control: there is no wrong one to compare with."
        alone = self.shuffle.without_other
        return f"{alone} clips had no other control to be shuffled with and are left out." if alone else ""
