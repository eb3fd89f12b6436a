from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# The helpers of this folder are imported by name.
sys.path.insert(0, str(Path(__file__).parent))

import pytest
import torch
from hub_server import TOKEN, HubServer
from PIL import Image

from cosmos_recipes.backbones.diffusion import build_transformer
from cosmos_recipes.backbones.tokenizers.pca import PcaTokenizer
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.evaluation.video import write_mp4
from cosmos_recipes.publishing.package import Package, write_package
from cosmos_recipes.training.world_model import WorldModel, WorldModelConfig

FRAMES, SIZE = 9, 32
METRICS = {
    "psnr_db": 27.41, "psnr_copy_db": 24.02, "ssim": 0.912, "ssim_copy": 0.871, "psnr_moving_db": 18.2,
    "psnr_moving_copy_db": 14.9, "adherence": 1.62, "adherence_low": 1.41, "adherence_high": 1.85, "steps": 800,
    "train_seconds": 171.3, "params": 12345, "seed": 0, "clips": 32,
}  # fmt: skip


@pytest.fixture(scope="session")
def plan() -> Plan:
    return make_plan()


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
    network = head(config.head).build(plan.backbone.text)
    WorldModel(config, transformer=transformer, tokenizer=tokenizer, head=network).save_pretrained(folder)


def save_evaluation(folder: Path) -> None:
    (folder / "samples").mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(METRICS))
    (folder / "report.html").write_text("<!doctype html><title>Report</title>")
    for number in range(2):
        video_CTHW = torch.randint(0, 256, (3, FRAMES, SIZE, SIZE), dtype=torch.uint8)
        write_mp4(folder / "samples" / f"clip_{number:02}_truth.mp4", video_CTHW, 5.0)
    Image.new("RGB", (64, 32)).save(folder / "samples" / "contact_sheet.png")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> SimpleNamespace:
    """What training and evaluation leave behind: folders `model`, `run` and `evaluation`; do not write into them."""
    folder = tmp_path_factory.mktemp("made")
    parts = SimpleNamespace(model=folder / "model", run=folder / "base-0a1b2c3d", evaluation=folder / "evaluation")
    save_toy_model(parts.model, plan)
    save_evaluation(parts.evaluation)
    parts.run.mkdir()
    (parts.run / "recipe.yaml").write_text(f"recipe: {plan.recipe}\n")
    (parts.run / "recipe.lock").write_text("version: 1\n")
    (parts.run / "plan.yaml").write_text(plan.model_dump_json(indent=2))
    return parts


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory, plan: Plan, made: SimpleNamespace) -> Package:
    """A package that no test writes into."""
    return write_package(tmp_path_factory.mktemp("package") / "package", plan=plan, **vars(made))


@pytest.fixture(scope="session")
def _server() -> Iterator[HubServer]:
    with HubServer().running() as server:
        yield server


@pytest.fixture
def hub(_server: HubServer) -> Iterator[HubServer]:
    """A Hub without repositories."""
    _server.store.repos.clear()
    _server.store.large.clear()
    _server.calls.clear()
    yield _server
    _server.faults.clear()


class Client:
    """A publisher in a process of its own."""

    def __init__(self, url: str, home: Path) -> None:
        settings = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        script = Path(__file__).with_name("client.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(home / "stderr").open("w"),
            text=True,
        )
        self.stderr = home / "stderr"

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

    def publish(self, package: Package, repo: str = "ada/arm", *, public: bool = False, **arguments: Any) -> Any:
        answer = self.ask("publish", package=str(package.folder), repo=repo, public=public, **arguments)
        assert not answer.problems
        return answer.result

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def new_client(_server: HubServer, tmp_path: Path) -> Iterator[Any]:
    """A function that starts another publisher."""
    clients: list[Client] = []

    def start() -> Client:
        home = tmp_path / f"home{len(clients)}"
        home.mkdir()
        clients.append(Client(_server.url, home))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def client(_server: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A publisher that many tests share, as starting one takes seconds."""
    client = Client(_server.url, tmp_path_factory.mktemp("home"))
    yield client
    client.close()
