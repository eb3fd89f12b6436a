"""A run of a folder of videos that was published to a real Hub, over HTTP, once for all tests of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.emit import write_files
from cosmos_recipes.data.sources import source_class
from cosmos_recipes.run.opening import open_recipe
from tests.data.videos import write_video
from tests.small_runs import command, environment, only_run

# The Hub of the tests is imported by name.
sys.path.insert(0, str(Path(__file__).parents[2] / "publishing"))

from hub_server import TOKEN, HubServer

FACTORY = Path(__file__).parents[3] / "recipes" / "factory.yaml"
REPO = "ada/factory"


@dataclass(frozen=True)
class OnHub:
    """The Hub, the videos that were trained on, and the run that was published from."""

    hub: HubServer
    videos: Path
    run: Path

    @property
    def commit(self) -> str:
        return self.hub.store.repos[REPO].head.oid

    def call(
        self, folder: Path, *arguments: object, home: Path | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder as a person does who has a token of this Hub."""
        return call(folder, *arguments, url=self.hub.url, home=home or folder / "home", **more)


def call(folder: Path, *arguments: object, url: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "cosmos_recipes", *map(str, arguments)]
    given = {**settings(url, home), **more}
    return subprocess.run(words, cwd=folder, env=given, capture_output=True, text=True, check=False)


def settings(url: str, home: Path) -> dict[str, str]:
    """The variables of a person who has a token of a Hub."""
    of_hub = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_TOKEN": TOKEN}
    return {**environment(), **of_hub, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


@pytest.fixture(scope="session")
def on_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnHub]:
    """Publish a small run, whose videos nobody may change."""
    folder = tmp_path_factory.mktemp("published")
    videos, runs = folder / "videos", folder / "runs"
    write_videos(videos)
    with HubServer().running() as hub:
        _, _, _, *words = command(FACTORY, runs, dataset__use=videos, publish__repo=REPO)
        done = call(folder, *words, url=hub.url, home=folder / "home")
        assert done.returncode == 0, done.stderr
        yield OnHub(hub=hub, videos=videos, run=only_run(runs, "factory"))


def write_videos(folder: Path) -> None:
    """Write six short videos of a procedural world."""
    world = source_class("world")(world="factory", episodes=5, held_out=1, frames=25, size=(64, 64))
    for recording in world.recordings(folder.with_name("world"), lambda *_: None):
        folder.mkdir(exist_ok=True)
        shutil.copyfile(recording.media.path, folder / Path(recording.name).name)
    assert len(os.listdir(folder)) == 6


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A recipe with a base and a data set in folders, compiled into a folder: what a run begins with."""
    shutil.copytree(Weights(label="shipped:tiny-diffusion").folder, tmp_path / "base")
    opened = open_recipe(
        str(FACTORY),
        overrides=[
            f"backbone={{use: tiny-diffusion, weights: {tmp_path}/base}}",
            f"dataset.use={{schema: instruction-video, source: {{kind: folder, path: {_videos(tmp_path)}}}}}",
        ],
    )
    write_files(opened.documents, tmp_path / "run")
    return tmp_path / "run"


def _videos(folder: Path) -> Path:
    (folder / "videos").mkdir()
    for number in range(2):
        write_video(folder / "videos" / f"{number}.mp4", frames=40)
    return folder / "videos"
