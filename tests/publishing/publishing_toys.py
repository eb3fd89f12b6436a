"""Toys to package and publish: a plan, a model of two layers, what an evaluation leaves; and a publisher."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from hub_server import TOKEN
from PIL import Image

from cosmos_recipes.backbones.diffusion import build_transformer
from cosmos_recipes.backbones.tokenizers.pca import PcaTokenizer
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.trained import WorldModelConfig
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.evaluation.video import write_mp4
from cosmos_recipes.publishing.package import Package
from cosmos_recipes.training.world_model import WorldModel, surroundings

FRAMES, SIZE = 9, 32
METRICS = {
    "psnr_db": 27.41, "psnr_db_low": 26.5, "psnr_db_high": 28.3, "psnr_copy_db": 24.02, "ssim": 0.912, "ssim_copy": 0.871, "psnr_moving_db": 18.2,
    "psnr_moving_copy_db": 14.9, "adherence": 1.62, "adherence_low": 1.41, "adherence_high": 1.85, "steps": 800,
    "train_seconds": 171.3, "params": 12345, "seed": 0, "clips": 32,
}  # fmt: skip


def make_plan(**changes: Any) -> Plan:
    """Return a plan of a toy that is all the same class; `changes` replace whole parts."""
    document = json.loads((Path(__file__).parent / "plan.json").read_text())
    return Plan.model_validate(document | changes)


def save_toy_model(folder: Path, plan: Plan) -> None:
    transformer = build_transformer(plan.backbone.architecture, seed=0)
    torch.nn.init.normal_(transformer.proj_out.weight, std=0.1)
    tokenizer = PcaTokenizer(channels=plan.backbone.tokenizer.channels)
    tokenizer.fit([torch.randint(0, 256, (4, 3, FRAMES, SIZE, SIZE), dtype=torch.uint8)])
    config = WorldModelConfig(
        head=plan.conditioning.head,
        text=plan.backbone.text.model_dump(),
        objective=plan.backbone.objective.model_dump(),
        given_frames=plan.data.clip.given_frames,
        rate_hz=plan.data.clip.rate_hz,
    )
    around = surroundings(config, plan.backbone.architecture, plan.backbone.tokenizer)
    network = head(config.head).build(around)
    WorldModel(config, transformer=transformer, tokenizer=tokenizer, head=network).save_pretrained(folder)


def save_evaluation(folder: Path) -> None:
    (folder / "samples").mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(METRICS))
    (folder / "clips.json").write_text(
        json.dumps({"squared_error": {"true": [1.5, None]}, "captions": ["The arm moves.", "It waits."]})
    )
    (folder / "report.html").write_text("<!doctype html><title>Report</title>")
    for number in range(2):
        video_CTHW = torch.randint(0, 256, (3, FRAMES, SIZE, SIZE), dtype=torch.uint8)
        write_mp4(folder / "samples" / f"clip_{number:02}_truth.mp4", video_CTHW, 5.0)
    Image.new("RGB", (64, 32)).save(folder / "samples" / "contact_sheet.png")


class Client:
    """A publisher in a process of its own."""

    def __init__(self, url: str, home: Path) -> None:
        settings = {
            "HF_ENDPOINT": url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        script = Path(__file__).with_name("hub_client.py")
        self.stderr = home / "stderr"
        with self.stderr.open("w") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, str(script)],
                env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def send(self, action: str, *, token: str = TOKEN, **arguments: Any) -> None:
        self.process.stdin.write(json.dumps({"action": action, "token": token, **arguments}) + "\n")
        self.process.stdin.flush()

    def receive(self) -> SimpleNamespace:
        line = self.process.stdout.readline()
        assert line, f"the publisher died:\n{self.stderr.read_text()}"
        return SimpleNamespace(**json.loads(line))

    def ask(self, action: str, **arguments: Any) -> SimpleNamespace:
        """Return `result` and `problems`."""
        self.send(action, **arguments)
        return self.receive()

    def publish(
        self,
        package: Package,
        repo: str = "ada/arm",
        *,
        public: bool = False,
        action: str = "publish",
        **arguments: Any,
    ) -> Any:
        answer = self.ask(action, package=str(package.folder), repo=repo, public=public, **arguments)
        assert not answer.problems, answer.problems
        return answer.result

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
