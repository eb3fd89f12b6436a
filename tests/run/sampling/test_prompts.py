"""If this fails, a prompt is not what a caption was in training, for a backbone whose text encoder is frozen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cosmos_recipes.worlds.world import find_world
from cosmos_recipes.worlds.writer import Name
from tests.toy_pipelines import installed, store_pipeline, toy_entry

RECIPE = """\
recipe: toy
summary: Post-train a folder as NVIDIA publishes them.
backbone: {{use: toy, weights: ./base}}
dataset:
  schema: {schema}
  use: {{schema: {schema}, source: {{kind: world, world: {world}, episodes: 2, held_out: 1, size: 32x32}}{views}}}
  clip: {{frames: 5, rate: 5 Hz, size: 32x32, stride: 40}}
conditioning: {{head: {head}, given_frames: 1}}
train: {{steps: 2, global_batch: 2, precision: fp32, log_every: 1, optimizer: {{warmup: 0}}}}
evaluate: {{clips: 1, samples: 1, sampler_steps: 1}}
"""
CELL = ", views: {front: front, top: top}"


@pytest.mark.parametrize(
    ("like", "schema", "world", "head", "views"),
    [
        ("predict2-2b", "instruction-video", "factory", "text", ""),
        ("predict2.5-2b", "multi-view", "cell", "views", CELL),
    ],
)
def test_a_prompt_is_what_a_caption_was(
    like: str, schema: str, world: str, head: str, views: str, tmp_path: Path
) -> None:
    """The same words from the same frames are the video of the evaluation; without its encoder, the error says `--base`."""
    entry = toy_entry(like)
    base = store_pipeline(tmp_path / "base", entry)
    recipe = RECIPE.format(schema=schema, world=world, head=head, views=views)
    (tmp_path / "toy.yaml").write_text(recipe)
    environment = installed(tmp_path / "site", toy=entry)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cosmos_recipes", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    ran = call("run", "toy.yaml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    first = "held_out_000000.mp4"
    videos = {path.parent.name: path for path in (tmp_path / "runs" / ".prepared").glob(f"source-*/videos/**/{first}")}
    given = (
        [f"--view={view}={videos[view]}" for view in ("front", "top")] if views else [f"--frames={videos['videos']}"]
    )
    seed = Name(split="held-out", index=0).seed(0)
    caption = find_world(world).play(seed, frames=25, rate_hz=5.0).caption
    sampled = call("sample", "toy", *given, "--prompt", caption, "-o", "out.mp4")
    assert sampled.returncode == 0, sampled.stderr
    (evaluated,) = (tmp_path / "runs").glob("toy/*/evaluate/samples/clip_00_prediction.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == evaluated.read_bytes()
    base.rename(tmp_path / "moved")
    lost = call("sample", "toy", *given, "--prompt", caption, "-o", "again.mp4")
    assert (lost.returncode, "`--base`" in lost.stderr) == (2, True)
    found = call("sample", "toy", *given, "--prompt", caption, "--base", "moved", "-o", "again.mp4")
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()
    assert json.loads((tmp_path / "again.json").read_text())["asked"]["base"] == "moved"
