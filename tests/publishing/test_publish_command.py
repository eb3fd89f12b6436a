"""If these fail, `cosmos-recipe publish` sends what it should not, sends it twice, or leaves a person without a next step."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hub_server import TOKEN, HubServer
from hub_store import Repo

from cosmos_recipes.compiler.compile import read_plan
from cosmos_recipes.publishing.package import Package, address, verify_package
from tests.small_runs import command, environment, finish, only_run, start

SENDING = ("commit", "large_put", "open_request", "tag", "settings")
Publish = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one that is done, published as its recipe says: to a folder. Nothing is written into it."""
    runs = tmp_path_factory.mktemp("trained") / "runs"
    finish(command("factory", runs))
    return runs


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "runs", symlinks=True))


@pytest.fixture
def run(runs: Path) -> SimpleNamespace:
    folder = only_run(runs, "factory")
    made = verify_package(folder / "package")
    plan = read_plan(folder / "plan.yaml")
    there = address(made, runs.parent / "there", repo="ada/factory", plan=plan, run=folder)
    return SimpleNamespace(folder=folder, made=made, package=there)


@pytest.fixture
def settings(hub: HubServer, tmp_path: Path) -> dict[str, str]:
    return {
        **environment(), "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
    }  # fmt: skip


@pytest.fixture
def publish(runs: Path, settings: dict[str, str]) -> Publish:
    """A function that publishes in a process of its own, as a person does."""

    def work(*arguments: str, largest_file_bytes: int | None = None, **changed: str) -> Any:
        def limit() -> None:
            if largest_file_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file_bytes, largest_file_bytes))

        return subprocess.run(
            [sys.executable, "-m", "cosmos_recipes", "publish", *arguments, "--runs", str(runs)],
            env={**settings, **changed}, capture_output=True, text=True, check=False, preexec_fn=limit,
        )  # fmt: skip

    return work


def published_once(hub: HubServer, package: Package, repo: str = "ada/factory") -> Repo:
    found = hub.store.repos[repo]
    assert [commit.title for commit in found.commits] == ["initial commit", f"Publish {package.run}"]
    hashes = {path: blob.sha256 for path, blob in found.head.tree.items() if path != ".gitattributes"}
    assert hashes == {entry.path: entry.sha256 for entry in package.everything}
    assert found.tags == {package.tag: found.head.oid} and found.private
    return found


def test_dry_run_asks_nobody(publish: Publish, hub: HubServer, run: SimpleNamespace) -> None:
    done = publish("factory", "--repo", "ada/factory", "--dry-run", HF_TOKEN="", HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    for entry in run.package.everything:
        assert f"{entry.sha256}  " in done.stdout and f"{entry.size_bytes:,}  {entry.path}\n" in done.stdout
    assert f"ada/factory on the Hub, private, tagged {run.package.tag}" in done.stdout
    assert not hub.calls and not (run.folder / "receipts").exists()


def test_published_then_found_there(publish: Publish, hub: HubServer, run: SimpleNamespace) -> None:
    first = publish("factory", "--repo", "ada/factory", "--verify", "download")
    assert first.returncode == 0, first.stderr
    repo = published_once(hub, run.package)
    assert f"cosmos-recipe sample hf://ada/factory@{run.package.tag} --frames" in first.stdout
    receipt = json.loads((run.folder / "receipts" / "ada--factory.json").read_text())
    assert (receipt["commit"], receipt["changed"], receipt["verified"]) == (repo.head.oid, True, "download")
    hub.calls.clear()
    again = publish(str(run.folder), "--repo", "ada/factory")
    assert again.returncode == 0 and "nothing was sent" in again.stdout
    assert hub.calls and not hub.count(*SENDING)


def test_card_names_where_the_model_is(publish: Publish, hub: HubServer, run: SimpleNamespace) -> None:
    assert publish("factory", "--repo", "ada/factory").returncode == 0
    files = hub.store.repos["ada/factory"].head.tree
    assert "cosmos-recipe sample hf://ada/factory" in files["README.md"].content.decode()
    assert files["plan.yaml"].content == (run.folder / "package" / "plan.yaml").read_bytes()


def test_token_is_in_no_output_and_no_file(publish: Publish, hub: HubServer, run: SimpleNamespace) -> None:
    done = publish("factory", "--repo", "ada/factory")
    assert TOKEN not in done.stdout + done.stderr
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    assert files and not any(TOKEN.encode() in path.read_bytes() for path in files)


def test_run_then_skips_what_publish_did(
    publish: Publish, hub: HubServer, run: SimpleNamespace, runs: Path, settings: dict[str, str]
) -> None:
    """The recipe names the Hub, which the run could not reach; published by hand, the run has nothing left to do."""
    asked = command("factory", runs, publish__repo="ada/factory")
    offline = subprocess.run(asked, env={**settings, "HF_TOKEN": ""}, capture_output=True, text=True, check=False)
    assert (offline.returncode, "CR730" in offline.stderr) == (6, True)
    assert publish("factory").returncode == 0
    published_once(hub, verify_package(run.folder / "package"))
    hub.calls.clear()
    done = subprocess.run(asked, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "unchanged: to ada/factory" in done.stdout + done.stderr
    assert not hub.calls


def test_failing_again_leaves_what_is_known_of_the_first_time(publish: Publish, hub: HubServer, runs: Path) -> None:
    before = {path: path.read_bytes() for path in only_run(runs, "factory").glob("publish/*")}
    (runs / "published" / "local" / "factory" / "refs" / "main").unlink()
    shutil.rmtree(runs / "published" / "local" / "factory" / "snapshots")
    assert publish("factory", largest_file_bytes=1 << 20).returncode == 6
    assert {path: path.read_bytes() for path in only_run(runs, "factory").glob("publish/*")} == before


@pytest.mark.parametrize("call", ["create", "large_put", "commit", "tag"])
def test_killed_and_given_again(
    publish: Publish, hub: HubServer, run: SimpleNamespace, runs: Path, settings: dict[str, str], call: str
) -> None:
    fault = hub.fail(call, "hang")
    asked = [sys.executable, "-m", "cosmos_recipes", "publish", "factory", "--repo", "ada/factory", "--runs", str(runs)]
    with subprocess.Popen(asked, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as victim:
        assert fault.struck.wait(60)
        victim.kill()
    sent = set(hub.store.large)
    hub.calls.clear()
    done = publish("factory", "--repo", "ada/factory")
    assert done.returncode == 0, done.stderr
    published_once(hub, run.package)
    large = {entry.sha256 for entry in run.package.everything if entry.path.endswith((".safetensors", ".mp4", ".png"))}
    assert hub.count("large_put") == len(large - sent)


def test_interrupted_while_the_hub_takes_no_large_files(
    hub: HubServer, run: SimpleNamespace, settings: dict[str, str]
) -> None:
    """The client of large files never gives up, in compiled code; Ctrl-C has to end it all the same."""
    fault = hub.fail("xet_token", 503, times=1000)
    asked = [sys.executable, "-m", "cosmos_recipes", "publish", str(run.folder), "--repo", "ada/factory"]
    at = {**settings, "HF_HUB_DISABLE_XET": "0"}
    with subprocess.Popen(asked, env=at, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert fault.struck.wait(120)
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130 and "To go on from here" in said
    assert [commit.title for commit in hub.store.repos["ada/factory"].commits] == ["initial commit"]


def test_two_at_once(
    publish: Publish, hub: HubServer, run: SimpleNamespace, runs: Path, settings: dict[str, str]
) -> None:
    """From two folders, as on two machines."""
    copy = Path(shutil.copytree(run.folder, runs.parent / "copy" / run.folder.name, symlinks=True))
    asked = [sys.executable, "-m", "cosmos_recipes", "publish", "--repo", "ada/factory", "--runs", str(runs)]
    both = [
        subprocess.Popen([*asked, str(folder)], env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for folder in (run.folder, copy)
    ]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    published_once(hub, run.package)


def test_disk_without_room_for_the_model(publish: Publish, runs: Path, run: SimpleNamespace) -> None:
    shutil.rmtree(runs / "published")
    full = publish("factory", largest_file_bytes=1 << 20)
    assert (full.returncode, "CR720" in full.stderr) == (6, True)
    repo = runs / "published" / "local" / "factory"
    assert not (repo / "latest").exists() and not list(repo.rglob("*.partial*")) and not list(repo.glob("snapshots/*"))
    done = publish("factory", "--verify", "download")
    assert done.returncode == 0, done.stderr
    assert verify_package(repo / "latest").everything == run.made.everything


def test_disk_without_room_for_the_receipt(publish: Publish, hub: HubServer, run: SimpleNamespace) -> None:
    """The model is there, which is said; the same command later writes the receipt and sends nothing."""
    publish("factory", "--repo", "ada/factory", "--dry-run")
    full = publish("factory", "--repo", "ada/factory", largest_file_bytes=200)
    assert full.returncode == 6, full.stderr
    assert "CR748" in full.stderr and f"{hub.url}/ada/factory" in full.stderr
    assert not list((run.folder / "receipts").glob("*.json"))
    published_once(hub, run.package)
    hub.calls.clear()
    assert publish("factory", "--repo", "ada/factory").returncode == 0
    assert not hub.count(*SENDING)
    assert json.loads((run.folder / "receipts" / "ada--factory.json").read_text())["commit"]


def test_refusal_of_the_gate_stays_one(publish: Publish, hub: HubServer, run: SimpleNamespace, runs: Path) -> None:
    """Also for the package that was made before the gate was changed, and where only the package is at hand."""
    refused = start(command("factory", runs, gate__ssim="0.999"))
    refused.communicate()
    assert refused.returncode == 5
    for more in ((), ("--dry-run",), ("--repo", "ada/factory")):
        done = publish("factory", *more)
        assert (done.returncode, "CR803" in done.stderr) == (5, True), done.stderr
    assert not hub.calls


def test_a_package_by_itself(publish: Publish, hub: HubServer, run: SimpleNamespace, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run.folder / "package", tmp_path / "copy"))
    done = publish(str(copy), "--repo", "ada/factory")
    assert done.returncode == 0, done.stderr
    assert "receipt" not in done.stdout
    published_once(hub, run.made)
    verify_package(copy)


def test_what_is_refused_is_shown_before_it_is_sent(publish: Publish, hub: HubServer, run: SimpleNamespace) -> None:
    (run.folder / "package" / "optimizer.pt").write_bytes(b"pickle")
    for more in (("--dry-run",), ()):
        done = publish("factory", "--repo", "ada/factory", *more)
        assert done.returncode == 6
        assert "CR703" in done.stderr and "optimizer.pt" in done.stderr
    assert not hub.calls


def test_pull_request_says_where_it_is(publish: Publish, hub: HubServer, run: SimpleNamespace) -> None:
    hub.store.repos["robots/factory"] = Repo("robots/factory", private=False)
    asked = ("factory", "--repo", "robots/factory", "--create-pr", "--public")
    for _ in range(2):
        done = publish(*asked)
        assert done.returncode == 0, done.stderr
        assert f"{hub.url}/robots/factory/discussions/1" in done.stdout
    (request,) = hub.store.repos["robots/factory"].requests
    assert f"hf://robots/factory@{request.commits[-1].oid}" in done.stdout
    assert (run.folder / "receipts" / "robots--factory-pull-request.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("factroy",), "CR260"),
        (("hf://ada/factory", "--repo", "ada/arm"), "CR752"),
        (("factory", "--public"), "CR332"),
        (("factory", "--repo", "ada/a--b"), "CR751"),
        (("factory", "--repo", "factory"), "CR751"),
        (("factory", "--create-pr"), "--create-pr"),
    ],
)
def test_what_cannot_be_asked_for(publish: Publish, hub: HubServer, arguments: tuple[str, ...], code: str) -> None:
    done = publish(*arguments)
    assert (done.returncode, code in done.stderr) == (2, True), done.stderr
    assert not hub.calls


def test_run_that_did_not_come_so_far(publish: Publish, run: SimpleNamespace) -> None:
    (run.folder / "stages" / "package.json").unlink()
    done = publish("factory")
    assert (done.returncode, "CR747" in done.stderr) == (6, True)
    assert f"cosmos-recipe resume {run.folder}" in done.stderr
