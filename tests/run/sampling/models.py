"""Models that are real in every part and were never trained: the shipped base with a head whose weights are drawn.

Their data is written, indexed and encoded by the package's own code, as a run does it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.index import ClipIndex
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.data.seen import write_seen
from cosmos_recipes.run.dataset import Made
from cosmos_recipes.run.folder import RunFolder
from cosmos_recipes.run.opening import open_recipe
from cosmos_recipes.run.prepare import Preparation
from cosmos_recipes.run.progress import Silent
from cosmos_recipes.training.world_model import WorldModel

HEADS = {
    "none": ("instruction-video", "factory", {}),
    "text": ("instruction-video", "factory", {}),
    "action": ("action-frame", "factory", {"action": "{from: action, names: [dx, dy, grip], unit: [cm, cm, '1'], form: [delta, delta, absolute]}"}),
    "views": ("multi-view", "cell", {}),
    "views+trajectory": ("trajectory", "road", {"trajectory": "{from: ego_pose, convention: canonical-ego, points: 64, rate: 10 Hz}"}),
    "camera": ("pose", "room", {"pose": "{from: pose, convention: canonical}", "intrinsics": "{from: intrinsics, convention: canonical}"}),
}  # fmt: skip
VIEWS = {"cell": "{left: left, front: front}", "road": "{front: front, rear: rear}"}
"""Not all of a world's, nor in its order: a view is what its name says."""
RECIPE = """\
recipe: {name}
summary: A small model.
backbone: {backbone}
dataset:
  schema: {schema}
  use:
    dataset: {world}-small
    schema: {schema}
    source: {{kind: world, world: {world}, episodes: 2, held_out: 2, frames: 30, rate: 5 Hz, size: 64x64, codec: vp9, seed: 0}}
    {views}
    columns: {{{columns}}}
    {normalise}
  clip: {{frames: 13, rate: 5 Hz, size: 64x64}}
conditioning: {{head: {head}, given_frames: 5, fewest_given_frames: 1}}
train: {{{method}steps: 1, global_batch: 2, optimizer: {{name: adamw, lr: 1e-3}}}}
evaluate: {{clips: 2, samples: 1, sampler_steps: 2}}
"""


@dataclass(frozen=True)
class MadeModel:
    """A run's folder with a model in it, and the prepared data that it stands for."""

    run: Path
    prepared: Path
    plan: Plan
    runs: Path

    @property
    def folder(self) -> Path:
        return self.run / "train" / "model"

    @property
    def held_out(self) -> int:
        return int(self.index.ids("held-out")[0])

    @property
    def index(self) -> ClipIndex:
        return ClipIndex(self.prepared)

    @property
    def recording(self) -> Recording:
        """What the source says of the first held-out clip, which begins with its recording."""
        row = self.index.row(self.held_out)
        assert row["frames"][0] == 0
        recordings = Made.of(self.plan.data.sets[0].source, self.runs).recordings(Silent())
        return next(each for each in recordings if each.name == row["name"])

    @property
    def video(self) -> Path:
        return self.recording.media.path


def make_model(folder: Path, head: str, *, base: str | None = None, overrides: Sequence[str] = ()) -> MadeModel:
    """Make a model; with a `base`, the settings of a backbone, it is adapters on that alone."""
    schema, world, columns = HEADS[head]
    name = f"{head.replace('+', '-')}-model"
    recipe = folder / f"{name}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    said = ", ".join(f"{name}: {binding}" for name, binding in columns.items())
    normalise = "normalise: {action: quantile}" if head == "action" else "summary: Little."
    recipe.write_text(
        RECIPE.format(
            backbone=base or "tiny-diffusion",
            method="method: {lora: {rank: 4, alpha: 8}}, " if base else "",
            name=name,
            head=json.dumps(head),
            schema=schema,
            world=world,
            columns=said,
            normalise=normalise,
            views=f"views: {VIEWS[world]}" if world in VIEWS else "licence: cc0-1.0",
        )
    )
    opened, runs = open_recipe(str(recipe), overrides=overrides), folder / "runs"
    run, preparation = RunFolder.of(opened.plan, runs).path, Preparation.of(opened.plan, runs)
    preparation.perform(Silent())
    made = MadeModel(run=run, prepared=preparation.folder, plan=opened.plan, runs=runs)
    made.folder.mkdir(parents=True)
    _write(made, opened.documents)
    return made


def _write(made: MadeModel, documents: dict[str, Any]) -> None:
    model = WorldModel.build(made.plan, tokenizer=made.prepared / "tokenizer")
    drawn = torch.Generator().manual_seed(1)
    adapters = (each for name, each in model.transformer.named_parameters() if "lora_" in name)
    # A network that is drawn at random has no opinion on the next token, and a head must be loud to change a token.
    opinion = [] if made.plan.backbone.weights else [model.transformer.output.weight]
    std = 0.5 if opinion or made.plan.backbone.family == "autoregressive" else 0.05
    for parameter in (*model.head.parameters(), *adapters, *opinion):
        parameter.data = torch.randn(parameter.shape, generator=drawn) * std
    model.save_pretrained(made.folder)
    write_seen(made.folder, made.prepared)
    for name, text in documents.items():
        (made.run / name).write_text(text)
