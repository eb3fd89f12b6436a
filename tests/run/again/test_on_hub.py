"""Of a package on the Hub only what is needed is fetched, once, at one commit, and compared with its manifest."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hub_store import Blob, Repo

from tests.run.again.conftest import REPO, OnHub, settings

NOWHERE = "http://127.0.0.1:9"


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.resolve().write_bytes(content)


@pytest.mark.parametrize("words", [("show",), ("diff", "factory")])
def test_no_weights_are_fetched_to_look_at_a_package(words: tuple[str, ...], on_hub: OnHub, tmp_path: Path) -> None:
    done = on_hub.call(tmp_path, *words, f"hf://{REPO}")
    assert done.returncode == 0, done.stderr
    assert f"hf://{REPO}@{on_hub.commit}" in done.stdout
    assert "train.steps" in done.stdout or "8 steps" in done.stdout
    assert not [*tmp_path.rglob("*.safetensors"), *tmp_path.rglob("*.mp4"), *tmp_path.rglob("report.html")]


def test_what_was_fetched_needs_no_network_and_what_was_not_says_so(on_hub: OnHub, tmp_path: Path) -> None:
    for address in (f"hf://{REPO}", f"hf://{REPO}@{on_hub.commit}"):
        gone = on_hub.call(tmp_path, "show", address, HF_ENDPOINT=NOWHERE)
        assert gone.returncode == 2
        assert "CR261" in gone.stderr
        assert "needs no network" in gone.stderr
    assert on_hub.call(tmp_path, "show", f"hf://{REPO}").returncode == 0
    for address in (f"hf://{REPO}", f"hf://{REPO}@{on_hub.commit}"):
        kept = on_hub.call(tmp_path, "show", address, HF_ENDPOINT=NOWHERE)
        assert kept.returncode == 0, kept.stderr
        assert f"@{on_hub.commit}" in kept.stdout
    lacking = on_hub.call(tmp_path, "evaluate", f"hf://{REPO}", HF_ENDPOINT=NOWHERE)
    assert (lacking.returncode, "CR261" in lacking.stderr) == (2, True)


def test_ctrl_c_does_not_wait_for_files_that_are_on_their_way(on_hub: OnHub, tmp_path: Path) -> None:
    """Without this, it does for as long as they take, in threads of the client."""
    fault = on_hub.hub.fail("stored", "hang", times=100)
    given = {**settings(on_hub.hub.url, tmp_path), "HF_HUB_DOWNLOAD_TIMEOUT": "1000"}
    words = [sys.executable, "-m", "cosmos_recipes", "evaluate", f"hf://{REPO}"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as asked:
        assert fault.struck.wait(120)
        asked.send_signal(signal.SIGINT)
        try:
            assert asked.wait(timeout=30) == 130
        finally:
            asked.kill()
            on_hub.hub.faults.clear()
    assert on_hub.call(tmp_path, "show", f"hf://{REPO}").returncode == 0


def test_a_flipped_bit_is_found_and_named(on_hub: OnHub, tmp_path: Path) -> None:
    assert on_hub.call(tmp_path, "show", f"hf://{REPO}").returncode == 0
    spoil(next(tmp_path.rglob("snapshots/*/recipe.lock")))
    done = on_hub.call(tmp_path, "run", f"hf://{REPO}")
    assert done.returncode == 2
    assert "CR248 the package is not what its manifest says: recipe.lock" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_tag_and_a_commit_stay_when_the_branch_moves_on(on_hub: OnHub, tmp_path: Path) -> None:
    repo = on_hub.hub.store.repos[REPO]
    (tag,) = repo.tags
    before, commits = on_hub.commit, list(repo.commits)
    repo.add_commit("another", {**repo.head.tree, "README.md": Blob(b"---\nlicense: mit\n---\n", large=False)})
    try:
        for revision in (tag, before):
            done = on_hub.call(tmp_path, "show", f"hf://{REPO}@{revision}")
            assert f"hf://{REPO}@{before}" in done.stdout, done.stderr
        assert f"hf://{REPO}@{on_hub.commit}" in on_hub.call(tmp_path, "show", f"hf://{REPO}").stdout
    finally:
        repo.commits[:] = commits


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda files: files.pop("recipe.yaml"), "a package with recipe.yaml"),
        (lambda files: files.update({"../../evil.yaml": files["recipe.yaml"]}), "../../evil.yaml"),
        (lambda files: files.update({"model.pkl": files["recipe.yaml"]}), "model.pkl"),
        (lambda files: files.update({"recipe.yaml": "not an entry"}), "MANIFEST.json that cannot be read"),
    ],
)
def test_a_manifest_that_lists_something_else_is_refused(change, found: str, on_hub: OnHub, tmp_path: Path) -> None:
    """Nothing but the manifest is fetched."""
    manifest = json.loads(on_hub.hub.store.repos[REPO].head.tree["MANIFEST.json"].content)
    change(manifest["files"])
    tree = {**on_hub.hub.store.repos[REPO].head.tree, "MANIFEST.json": Blob(json.dumps(manifest).encode(), large=False)}
    wrong = on_hub.hub.store.repos["ada/wrong"] = Repo("ada/wrong", private=False)
    wrong.add_commit("wrong", tree)
    done = on_hub.call(tmp_path, "run", "hf://ada/wrong")
    assert done.returncode == 2
    assert "CR246" in done.stderr and found in done.stderr
    assert {path.name for path in (tmp_path / "home").rglob("snapshots/*/*")} == {"MANIFEST.json"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "hf://ada/any"), "CR246"),
        (("show", "hf://ada/none"), "CR261"),
        (("evaluate", f"hf://{REPO}@no-tag"), "CR261"),
        (("diff", "hf://ada", "factory"), "CR261"),
    ],
)
def test_what_is_no_package_of_ours_is_told(words: tuple[str, ...], code: str, on_hub: OnHub, tmp_path: Path) -> None:
    any_model = on_hub.hub.store.repos["ada/any"] = Repo("ada/any", private=False)
    any_model.add_commit("weights", {"model.safetensors": Blob(b"weights", large=True)})
    done = on_hub.call(tmp_path, *words)
    assert (done.returncode, code in done.stderr) == (2, True), done.stderr


def test_a_link_in_a_published_folder_leads_nowhere(on_hub: OnHub, tmp_path: Path) -> None:
    """A stranger's folder must not make a file of this machine part of a run."""
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: canary\n")
    snapshot = tmp_path / "arm" / "snapshots" / ("a" * 40)
    shutil.copytree(on_hub.run / "package", snapshot)
    (tmp_path / "arm" / "refs").mkdir()
    (tmp_path / "arm" / "refs" / "main").write_text("a" * 40)
    (snapshot / "recipe.yaml").unlink()
    os.symlink(secret, snapshot / "recipe.yaml")
    done = on_hub.call(tmp_path, "run", "./arm")
    assert done.returncode == 2
    assert "a link out of the package in recipe.yaml" in done.stderr
    assert "canary" not in done.stderr + done.stdout


@pytest.mark.parametrize("path", ["recipe.lock", "transformer/diffusion_pytorch_model.safetensors"])
def test_what_is_larger_than_the_manifest_says_is_not_fetched(path: str, on_hub: OnHub, tmp_path: Path) -> None:
    tree = on_hub.hub.store.repos[REPO].head.tree
    larger = Blob(tree[path].content + bytes(1000), large=False)
    wrong = on_hub.hub.store.repos["ada/larger"] = Repo("ada/larger", private=False)
    wrong.add_commit("larger", {**tree, path: larger})
    done = on_hub.call(tmp_path, "sample", "hf://ada/larger", "-o", "out.mp4")
    assert done.returncode == 2
    assert "CR163" in done.stderr and path in done.stderr
    assert {path.name for path in (tmp_path / "home").rglob("snapshots/*/*")} == {"MANIFEST.json"}


def test_a_manifest_that_is_none_for_its_size_is_not_fetched(on_hub: OnHub, tmp_path: Path) -> None:
    tree = on_hub.hub.store.repos[REPO].head.tree
    wrong = on_hub.hub.store.repos["ada/huge"] = Repo("ada/huge", private=False)
    wrong.add_commit("huge", {**tree, "MANIFEST.json": Blob(bytes(11_000_000), large=False)})
    done = on_hub.call(tmp_path, "show", "hf://ada/huge")
    assert done.returncode == 2
    assert "CR246" in done.stderr and "not fetched" in done.stderr
    assert not [*(tmp_path / "home").rglob("MANIFEST.json")]
