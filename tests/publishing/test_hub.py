"""If these fail, a model gets to the Hub twice, in pieces, where others see it, or not at all without a word."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hub_server import READER, TOKEN, HubServer
from hub_store import LARGE, Blob, Repo, User
from publishing_toys import Client, make_plan

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.publishing.package import Package, verify_package, write_package
from cosmos_recipes.training.world_model import WorldModel

SENDING = ("commit", "large_put", "open_request", "tag", "settings")
EVERY_CALL = [
    "whoami", "create", "auth_check", "info", "tree", "validate", "preupload", "large_batch", "large_put",
    "large_verify", "commit", "refs", "tag", "settings",
]  # fmt: skip
EVERY_FAULT = [503, "lose", "drop", "hang", "corrupt", "strange"]


def check_published_once(hub: HubServer, package: Package, *, private: bool = True) -> Repo:
    repo = hub.store.repos["ada/arm"]
    titles = [commit.title for commit in repo.commits]
    assert titles == ["initial commit", f"Publish {package.run}"]
    hashes = {path: blob.sha256 for path, blob in repo.head.tree.items() if path != ".gitattributes"}
    assert hashes == {entry.path: entry.sha256 for entry in package.everything}
    assert repo.tags == {package.tag: repo.head.oid}
    assert repo.private == private
    return repo


@pytest.fixture
def other(tmp_path: Path, package: Package, plan: Plan, made: SimpleNamespace) -> Package:
    """A package of the same model with other figures and one sample fewer."""
    evaluation = tmp_path / "evaluation"
    shutil.copytree(made.evaluation, evaluation)
    (evaluation / "samples" / "clip_01_truth.mp4").unlink()
    figures = json.loads((evaluation / "metrics.json").read_text())
    (evaluation / "metrics.json").write_text(json.dumps(figures | {"psnr_db": 28.0}))
    return write_package(tmp_path / "other", model=made.model, run=made.run, evaluation=evaluation, plan=plan)


def test_published_in_one_commit_and_private(hub: HubServer, client: Client, package: Package) -> None:
    receipt = client.publish(package)
    repo = check_published_once(hub, package)
    assert receipt["commit"] == repo.head.oid
    assert receipt["manifest_sha256"] == package.manifest.sha256
    assert receipt["private"]
    assert receipt["changed"]


def test_publishing_again_sends_nothing(hub: HubServer, client: Client, package: Package) -> None:
    client.publish(package)
    check_sends_nothing(hub, client, package)


def test_downloads_and_loads(hub: HubServer, client: Client, package: Package, tmp_path: Path) -> None:
    receipt = client.publish(package)
    answer = client.ask("download", repo="ada/arm", revision=receipt["tag"], folder=str(tmp_path / "model"))
    for left in (".cache", ".gitattributes"):
        shutil.rmtree(tmp_path / "model" / left, ignore_errors=True)
    (tmp_path / "model" / ".gitattributes").unlink(missing_ok=True)
    assert not answer.problems
    assert verify_package(tmp_path / "model").everything == package.everything
    theirs, ours = WorldModel.from_pretrained(tmp_path / "model"), WorldModel.from_pretrained(package.folder)
    assert all(torch.equal(a, b) for a, b in zip(theirs.state_dict().values(), ours.state_dict().values(), strict=True))


@pytest.mark.parametrize("kind", EVERY_FAULT)
@pytest.mark.parametrize("call", EVERY_CALL)
def test_one_fault_changes_nothing(
    hub: HubServer, client: Client, package: Package, call: str, kind: int | str
) -> None:
    """Every call fails once: refused, dropped before or after the work, silent, or with another answer than it should."""
    fault = hub.fail(call, kind)
    assert client.publish(package, public=True, **_patience(kind))["changed"]
    assert fault.struck.is_set()
    assert kind != "hang" or fault.given_up.wait(10)
    check_published_once(hub, package, private=False)
    check_sends_nothing(hub, client, package, public=True)


@pytest.mark.parametrize("kind", EVERY_FAULT)
def test_a_fault_in_reading_the_earlier_package_leaves_none_of_its_files(
    hub: HubServer, client: Client, package: Package, other: Package, kind: int | str
) -> None:
    client.publish(package)
    fault = hub.fail("resolve", kind)
    client.publish(other, **_patience(kind))
    assert fault.struck.is_set()
    repo = hub.store.repos["ada/arm"]
    assert set(repo.head.tree) == {entry.path for entry in other.everything} | {".gitattributes"}
    assert len(repo.commits) == 3


def _patience(kind: int | str) -> dict[str, float]:
    """Of a server that went silent, a test does not wait for minutes."""
    return {"silence_s": 2} if kind == "hang" else {}


def check_sends_nothing(hub: HubServer, client: Client, package: Package, **arguments: Any) -> None:
    hub.calls.clear()
    assert not client.publish(package, **arguments)["changed"]
    assert hub.calls and not hub.count(*SENDING)


@pytest.mark.parametrize("kind", [408, 412, 429, 500, "drop"])
def test_commit_faults(hub: HubServer, client: Client, package: Package, kind: int | str) -> None:
    hub.fail("commit", kind)
    client.publish(package)
    check_published_once(hub, package)


@pytest.mark.parametrize("call", ["create", "large_put", "commit", "tag"])
def test_killed_publisher(hub: HubServer, new_client: Callable[[], Client], package: Package, call: str) -> None:
    """Killed after the server did the work and before it answered; the same command then finishes."""
    fault, victim = hub.fail(call, "hang"), new_client()
    victim.send("publish", package=str(package.folder), repo="ada/arm", public=False)
    assert fault.struck.wait(60)
    os.kill(victim.process.pid, signal.SIGKILL)
    new_client().publish(package)
    check_published_once(hub, package)


def test_a_next_run_replaces_what_was_published(
    hub: HubServer, client: Client, package: Package, other: Package
) -> None:
    """Files of the earlier package go, a picture that somebody added stays, and the earlier tag still leads to all of it."""
    first = client.publish(package)
    repo = hub.store.repos["ada/arm"]
    repo.add_commit("Add a picture", {**repo.head.tree, "picture.jpg": Blob(b"jpg", large=False)})
    second = client.publish(other)
    assert set(repo.head.tree) == {entry.path for entry in other.everything} | {".gitattributes", "picture.jpg"}
    assert repo.tags == {first["tag"]: first["commit"], second["tag"]: second["commit"]}
    assert first["tag"] != second["tag"]


def test_picture_added_by_hand_is_no_change(hub: HubServer, client: Client, package: Package) -> None:
    first = client.publish(package)
    repo = hub.store.repos["ada/arm"]
    repo.add_commit("Add a picture", {**repo.head.tree, "picture.jpg": Blob(b"jpg", large=False)})
    again = client.publish(package)
    assert not again["changed"]
    assert again["commit"] == first["commit"]


def test_publishers_of_the_same_at_once(hub: HubServer, new_client: Callable[[], Client], package: Package) -> None:
    publishers = [new_client() for _ in range(3)]
    for publisher in publishers:
        publisher.send("publish", package=str(package.folder), repo="ada/arm", public=False)
    assert not any(publisher.receive().problems for publisher in publishers)
    check_published_once(hub, package)


def test_publishers_of_two_runs_at_once(
    hub: HubServer, new_client: Callable[[], Client], package: Package, other: Package
) -> None:
    """Each is there in one commit, under its own tag, and neither takes the other's place again."""
    publishers = {new_client(): each for each in (package, other)}
    for publisher, each in publishers.items():
        publisher.send("publish", package=str(each.folder), repo="ada/arm", public=False)
    assert not any(publisher.receive().problems for publisher in publishers)
    repo = hub.store.repos["ada/arm"]
    assert len(repo.commits) == 3
    for each in (package, other):
        tree = repo.at(repo.tags[each.tag]).tree
        assert {path: blob.sha256 for path, blob in tree.items() if path != ".gitattributes"} == {
            entry.path: entry.sha256 for entry in each.everything
        }


@pytest.mark.parametrize("call", ["whoami", "preupload", "large_put", "commit", "refs", "tag"])
def test_token_that_expires(hub: HubServer, client: Client, package: Package, call: str) -> None:
    """The same command with a token that is good again goes on, and what was sent is not sent twice."""
    fault = hub.fail(call, "expire")
    answer = client.ask("publish", package=str(package.folder), repo="ada/arm", public=False)
    assert fault.struck.is_set()
    assert [problem["code"] for problem in answer.problems] == ["CR731"]
    sent, commits = set(hub.store.large), len(hub.store.repos["ada/arm"].commits) if hub.store.repos else 0
    assert commits in (0, 1, 2)
    hub.store.users[TOKEN] = User("ada")
    hub.calls.clear()
    client.publish(package)
    check_published_once(hub, package)
    large = {entry.sha256 for entry in package.everything if entry.path.endswith(LARGE)}
    assert hub.count("large_put") == len(large - sent)
    assert hub.count("commit") == (commits < 2)


def test_gitignore_of_the_repository_leaves_nothing_out(hub: HubServer, client: Client, package: Package) -> None:
    hub.store.repos["ada/arm"] = Repo("ada/arm", private=True, ignored=("head/model.safetensors",))
    client.publish(package)
    check_published_once(hub, package)


def test_public_when_the_recipe_says_so(hub: HubServer, client: Client, package: Package) -> None:
    """The repository is private until everything is there."""
    assert not client.publish(package, public=True)["private"]
    assert hub.calls.index("settings") > hub.calls.index("commit")
    check_published_once(hub, package, private=False)


def refusal(client: Client, package: Package, repo: str = "ada/arm", *, token: str = TOKEN, **arguments: str) -> dict:
    """Publish, expect exactly one problem, which does not show the token, and return it."""
    for action in ("preflight", "publish"):
        answer = client.ask(action, repo=repo, token=token, **_arguments(action, package), **arguments)
        (problem,) = answer.problems
        assert not token or token not in json.dumps(problem) + client.stderr.read_text()
    return problem


def _arguments(action: str, package: Package) -> dict[str, object]:
    return {"package": str(package.folder), "public": False} if action == "publish" else {}


@pytest.mark.parametrize(
    ("token", "code"),
    [("", "CR730"), ("hf_" + "Nobody" * 6, "CR731"), ("hf_secret\x07secret", "CR731"), ("hf_geheimnüß", "CR731"), (READER, "CR732")],
)  # fmt: skip
def test_token_that_cannot_publish(hub: HubServer, client: Client, package: Package, token: str, code: str) -> None:
    assert refusal(client, package, token=token)["code"] == code
    assert not hub.store.repos


def test_token_without_write_scope(hub: HubServer, client: Client, package: Package) -> None:
    """A fine-grained token tells its rights only when it is used."""
    fine = "hf_" + "Finegr" * 6
    hub.store.users[fine] = User("ada", role="fineGrained")
    hub.store.repos["ada/arm"] = Repo("ada/arm", private=True)
    assert refusal(client, package, token=fine)["code"] == "CR732"


def test_name_of_somebody_else(hub: HubServer, client: Client, package: Package) -> None:
    problem = refusal(client, package, "nvidia/arm")
    assert problem["code"] == "CR733"
    assert "ada" in problem["expected"]
    assert "lab" in problem["expected"]


def test_organisation_of_mine(hub: HubServer, client: Client, package: Package) -> None:
    client.publish(package, "lab/arm")
    assert "lab/arm" in hub.store.repos


def test_repository_that_holds_something_else(hub: HubServer, client: Client, package: Package) -> None:
    repo = hub.store.repos["ada/arm"] = Repo("ada/arm", private=True)
    repo.add_commit("mine", {"thesis.pdf": Blob(b"pdf", large=False)})
    problem = refusal(client, package)
    assert problem["code"] == "CR734"
    assert "thesis.pdf" in problem["found"]


def test_public_repository_for_a_private_model(hub: HubServer, client: Client, package: Package) -> None:
    hub.store.repos["ada/arm"] = Repo("ada/arm", private=False)
    assert refusal(client, package)["code"] == "CR735"


def test_gated_base_is_found_before_training(hub: HubServer, client: Client) -> None:
    hub.store.repos["nvidia/base"] = Repo("nvidia/base", private=False, gated=True)
    (problem,) = client.ask("preflight", repo="ada/arm", base="nvidia/base").problems
    assert problem["code"] == "CR736"
    assert "nvidia/base" in problem["hint"]


def test_tag_is_never_moved(hub: HubServer, client: Client, package: Package) -> None:
    client.publish(package)
    repo = hub.store.repos["ada/arm"]
    elsewhere = repo.tags[package.tag] = repo.commits[0].oid
    answer = client.ask("publish", package=str(package.folder), repo="ada/arm", public=False)
    assert [problem["code"] for problem in answer.problems] == ["CR739"]
    assert repo.tags == {package.tag: elsewhere}


@pytest.mark.parametrize(
    ("call", "status", "code"), [("commit", 503, "CR738"), ("commit", 413, "CR737"), ("validate", 400, "CR737")]
)
def test_fault_that_stays(hub: HubServer, client: Client, package: Package, call: str, status: int, code: str) -> None:
    """Nothing of the package is visible, and the same command goes on when the fault is gone."""
    hub.fail(call, status, times=99)
    answer = client.ask("publish", package=str(package.folder), repo="ada/arm", public=False)
    assert [problem["code"] for problem in answer.problems] == [code]
    assert set(hub.store.repos["ada/arm"].head.tree) == {".gitattributes"}
    hub.faults.clear()
    client.publish(package)
    check_published_once(hub, package)


def test_no_server(new_client: Callable[[], Client], hub: HubServer, package: Package, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    alone = Client("http://127.0.0.1:9", tmp_path / "alone")
    answer = alone.ask("publish", package=str(package.folder), repo="ada/arm", public=False)
    alone.close()
    assert [problem["code"] for problem in answer.problems] == ["CR738"]


def test_the_plan_says_where_to(hub: HubServer, client: Client, package: Package, tmp_path: Path) -> None:
    plan = make_plan(publish={"repo": "ada/arm", "public": False})
    answer = client.ask("publish plan", plan=plan.model_dump_json(), package=str(package.folder), root=str(tmp_path))
    assert answer.result["where"] == f"{hub.url}/ada/arm"
    check_published_once(hub, package)


def test_damaged_package_is_not_sent(hub: HubServer, client: Client, package: Package, tmp_path: Path) -> None:
    shutil.copytree(package.folder, tmp_path / "package")
    (tmp_path / "package" / "README.md").write_text("another card")
    damaged = replace(package, folder=tmp_path / "package")
    answer = client.ask("publish", package=str(damaged.folder), repo="ada/arm", public=False)
    assert {problem["code"] for problem in answer.problems} == {"CR709", "CR711"}
    assert not hub.calls
