"""Measure a world model on held-out clips.

A few clips at a time are read, predicted and compared; only sums, and the clips that the report shows, are kept.
Everything random depends on the seed and on a clip's position alone.

Legend: B batch (clips), C colours or channels, T frames, H height, W width.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cosmos_recipes.conditioning.base import head
from cosmos_recipes.conditioning.shuffle import Control, select, shuffle
from cosmos_recipes.evaluation.adherence import Adherence
from cosmos_recipes.evaluation.metrics import FrameErrors, copy_last_given, mean_squared_error_B, psnr_db
from cosmos_recipes.files import whole

if TYPE_CHECKING:
    from cosmos_recipes.compiler.plan import Plan
    from cosmos_recipes.training.world_model import WorldModel

LOSS_DRAWS = 4
"""Noise draws per clip for adherence on the training loss."""
BATCH_BYTES = 64 * 2**20
"""Bytes of uint8 video that are predicted at once, unless a single clip is larger."""
METRIC_NAMES = (
    *("psnr_db", "psnr_copy_db", "ssim", "ssim_copy", "psnr_moving_db", "psnr_moving_copy_db"),
    *("adherence", "adherence_low", "adherence_high"),
    *("steps", "train_seconds", "params", "seed", "clips", "tokenizer_psnr_db"),
)
"""The keys of metrics.json, always all present; a figure that cannot be had is null."""

Metrics = dict[str, float | int | None]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Held-out clips: a row of columns for each (at least `caption`), and how to read some of them by position."""

    rows: Sequence[Mapping[str, Any]]
    read: Callable[[Sequence[int]], Tensor]

    @classmethod
    def of(cls, video_BCTHW: Tensor, rows: Sequence[Mapping[str, Any]]) -> HeldOut:
        """Return clips that are in memory already."""
        return cls(rows=rows, read=lambda clips: video_BCTHW[list(clips)])


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationSettings:
    """How to measure: given frames, the sampler, clips kept for the report, the seed, clips predicted at once."""

    given_frames: int
    sampler_steps: int
    guidance: float = 1.0
    samples: int = 8
    seed: int = 0
    batch: int = 8

    @classmethod
    def from_plan(cls, plan: Plan) -> EvaluationSettings:
        """Return the settings of a plan."""
        chosen, clip = plan.evaluate, plan.data.clip
        clip_bytes = 3 * clip.frames * clip.height_px * clip.width_px
        return cls(
            given_frames=clip.given_frames,
            sampler_steps=chosen.sampler_steps,
            guidance=chosen.guidance,
            samples=chosen.samples,
            seed=plan.seed,
            batch=min(16, max(1, BATCH_BYTES // clip_bytes)),
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


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What was measured. Adherence is None, with the reason in `adherence_note`, where it cannot be."""

    frames: FrameErrors
    settings: EvaluationSettings
    samples: tuple[Sample, ...]
    tokenizer_psnr_db: float
    parameters: int
    seconds: float
    adherence_video: Adherence | None = None
    adherence_loss: Adherence | None = None
    adherence_note: str = ""

    def metrics(self, *, steps: int, train_seconds: float) -> Metrics:
        """Return the content of metrics.json, given how long the model was trained."""
        ratio = self.adherence_video.shuffled if self.adherence_video else None
        return {
            **self.frames.summary(),
            "adherence": ratio.value if ratio else None,
            "adherence_low": ratio.low if ratio else None,
            "adherence_high": ratio.high if ratio else None,
            "steps": steps,
            "train_seconds": train_seconds,
            "params": self.parameters,
            "seed": self.settings.seed,
            "clips": len(self.frames.values_BT),
            "tokenizer_psnr_db": self.tokenizer_psnr_db,
        }


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
    """Write metrics.json, flat, with `METRIC_NAMES` in their order; a reader sees the whole file or none of it."""
    text = json.dumps({name: metrics[name] for name in METRIC_NAMES}, indent=2, allow_nan=False) + "\n"
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


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

    def add(self, clips: range) -> None:
        """Measure the clips at these positions."""
        given = self.settings.given_frames
        truth_BCTHW = self.held_out.read(clips).to(self.model.transformer.device)
        latent_BCTHW = self.model.encode(truth_BCTHW)
        self.tokenizer_errors.append(
            mean_squared_error_B(self.model.decode(latent_BCTHW), truth_BCTHW, given_frames=given)
        )
        predicted: dict[str, Tensor] = {}
        for name, control in self._controls(clips).items():
            predicted[name] = self._generate(truth_BCTHW, control, clips)
            self.video_errors[name].append(mean_squared_error_B(predicted[name], truth_BCTHW, given_frames=given))
            if self.has_control:
                self.loss_errors[name].append(self._loss_B(latent_BCTHW, control, clips))
        self.frames.append(FrameErrors.of(predicted["true"], truth_BCTHW, given_frames=given))
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
            truth_BCTHW[:, :, : self.settings.given_frames],
            control,
            frames=truth_BCTHW.shape[2],
            steps=self.settings.sampler_steps,
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
            for draw in range(1, LOSS_DRAWS + 1)
        ]
        return torch.stack(draws).double().mean(0).cpu()

    def _keep(self, clips: range, truth_BCTHW: Tensor, predicted: Mapping[str, Tensor]) -> None:
        """Keep the videos of the first clips: they are not chosen by how well they went."""
        copied_BCTHW = copy_last_given(truth_BCTHW, self.settings.given_frames)
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
