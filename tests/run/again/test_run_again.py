"""What was published is run again elsewhere to the same weights, or what is otherwise is named before it costs anything."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

from cosmos_recipes.publishing.local import publish_local
from cosmos_recipes.publishing.package import verify_package
from cosmos_recipes.recipe.located import read_located
from tests.run.again.conftest import REPO, OnHub
from tests.small_runs import only_run

README = Path(__file__).parents[3] / "README.md"


def weights(package: Path) -> dict[str, bytes]:
    found = {path.relative_to(package).as_posix(): path.read_bytes() for path in package.rglob("*.safetensors")}
    assert len(found) == 3
    return found


def readme_commands() -> list[list[str]]:
    section = README.read_text(encoding="utf-8").split("## Publishing, sharing, reproducing")[1].split("\n## ")[0]
    return [shlex.split(line)[1:] for line in section.split("```bash")[-1].split("```")[0].strip().splitlines()]


def test_what_the_readme_says_is_done_to_the_same_weights_videos_and_figures(on_hub: OnHub, tmp_path: Path) -> None:
    """The branch is pinned, and nothing goes back to the repository that it came from."""
    sent = on_hub.hub.count("commit", "large_put", "tag")
    shutil.copytree(on_hub.videos, tmp_path / "my-videos")
    shutil.copyfile(next(on_hub.videos.glob("held_out*")), tmp_path / "start.mp4")
    done = {}
    for words in readme_commands():
        done[words[0]] = on_hub.call(tmp_path, *words)
        assert done[words[0]].returncode == 0, done[words[0]].stderr
    assert done.keys() == {"show", "run", "sample", "evaluate", "diff"}
    pinned = f"hf://{REPO}@{on_hub.commit}"
    assert f"the weights are those of {pinned}, bit for bit" in done["run"].stderr
    assert on_hub.hub.count("commit", "large_put", "tag") == sent
    run = only_run(tmp_path / "runs", "factory")
    assert weights(run / "package") == weights(on_hub.run / "package")
    assert (tmp_path / "runs" / "published" / "local" / "factory" / "latest" / "MANIFEST.json").is_file()
    locked, before = (read_located(folder / "recipe.lock").tree for folder in (run, on_hub.run))
    assert locked["origin"] == pinned
    assert locked["data"] == before["data"]
    assert read_located(run / "recipe.yaml").tree["publish"]["repo"] == "local"
    first = on_hub.call(tmp_path, "sample", on_hub.run, "--frames", "start.mp4", "-o", "first.mp4")
    assert first.returncode == 0, first.stderr
    assert (tmp_path / "next.mp4").read_bytes() == (tmp_path / "first.mp4").read_bytes()
    assert json.loads((tmp_path / "next.json").read_text())["asked"]["model"] == pinned


def test_a_published_folder_is_run_again_with_its_data_elsewhere(on_hub: OnHub, tmp_path: Path) -> None:
    """The same bytes at another place are the same data."""
    published = tmp_path / "models" / "local" / "arm"
    publish_local(verify_package(on_hub.run / "package"), tmp_path / "models", name="arm")
    shutil.copytree(on_hub.videos, tmp_path / "moved")
    moved = ("--set", "dataset.use.source.path=./moved")
    done = on_hub.call(tmp_path, "run", "./models/local/arm", "--frozen", *moved)
    assert done.returncode == 0, done.stderr
    assert f"the weights are those of {published}/snapshots/" in done.stderr
    run = only_run(tmp_path / "runs", "factory")
    assert weights(run / "package") == weights(on_hub.run / "package")
    recipe = read_located(run / "recipe.yaml").tree
    assert recipe["dataset"]["use"]["source"]["path"] == str(tmp_path / "moved")
    locked = read_located(run / "recipe.lock").tree
    assert locked["origin"].startswith("arm@")
    # It can be run again by its own folder, too, and is as it was.
    again = on_hub.call(tmp_path, "run", run, "--frozen")
    assert again.returncode == 0, again.stderr
    assert "drift" not in again.stderr
    assert again.stderr.count("unchanged") == 5


def test_a_changed_recording_is_named_before_anything_is_trained(on_hub: OnHub, tmp_path: Path) -> None:
    copied = shutil.copytree(on_hub.videos, tmp_path / "copied")
    first, second, *_ = sorted(copied.iterdir())
    shutil.copyfile(second, first)
    elsewhere = ("--set", f"dataset.use.source.path={copied}")
    done = on_hub.call(tmp_path, "run", f"hf://{REPO}", "--frozen", *elsewhere)
    assert done.returncode == 2
    assert f"CR240 `data.recordings.{first.name}` is not what the lock says" in done.stderr
    assert second.name not in done.stderr
    run = only_run(tmp_path / "runs", "factory")
    assert not (run / "train").exists()

    for path in copied.glob("episode_*"):
        shutil.copyfile(next(copied.glob("held_out*")), path)
    told = on_hub.call(tmp_path, "run", f"hf://{REPO}", *elsewhere)
    assert told.returncode == 0, told.stderr
    assert f"drift: data.recordings.{first.name}: " in told.stderr
    assert "of 3 files of weights differ from those of" in told.stderr
