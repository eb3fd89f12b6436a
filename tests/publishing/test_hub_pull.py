"""If these fail, whoever may not write to a repository cannot propose a model to it, or does so twice or in pieces."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from hub_server import HubServer
from hub_store import Blob, Repo, Request, User
from publishing_toys import Client

from cosmos_recipes.publishing.package import Package

REPO = "robots/arm"
CALLS = [
    "whoami", "auth_check", "info", "tree", "requests", "open_request", "request", "preupload", "large_batch",
    "large_put", "validate", "commit",
]  # fmt: skip
SENDING = ("commit", "large_put", "open_request", "tag", "settings", "create")


@pytest.fixture
def theirs(hub: HubServer) -> Repo:
    """A repository that the token reads and does not write."""
    repo = hub.store.repos[REPO] = Repo(REPO, private=False)
    return repo


def propose(client: Client, package: Package, **arguments: Any) -> Any:
    return client.publish(package, REPO, public=True, action="propose", **arguments)


def refusal(client: Client, package: Package, *, public: bool = True) -> dict[str, str]:
    answer = client.ask("propose", package=str(package.folder), repo=REPO, public=public)
    (problem,) = answer.problems
    return dict(problem)


def check_proposed_once(repo: Repo, package: Package) -> Request:
    (request,) = repo.requests
    assert (request.title, request.author, request.status) == (f"Publish {package.tag}", "ada", "draft")
    assert [commit.title for commit in request.commits] == ["initial commit", f"Publish {package.run}"]
    tree = request.commits[-1].tree
    hashes = {path: blob.sha256 for path, blob in tree.items() if path != ".gitattributes"}
    assert hashes == {entry.path: entry.sha256 for entry in package.everything}
    assert not repo.tags and set(repo.head.tree) == {".gitattributes"}
    return request


def test_a_draft_that_is_found_again(hub: HubServer, client: Client, package: Package, theirs: Repo) -> None:
    receipt = propose(client, package)
    request = check_proposed_once(theirs, package)
    assert receipt["pull_request"] == f"{hub.url}/{REPO}/discussions/1"
    assert (receipt["tag"], receipt["commit"]) == (None, request.commits[-1].oid)
    hub.calls.clear()
    again = propose(client, package, verify="download")
    assert (again["pull_request"], again["changed"]) == (receipt["pull_request"], False)
    assert hub.calls and not hub.count(*SENDING)


@pytest.mark.parametrize("kind", [503, "lose", "drop", "corrupt", "strange"])
@pytest.mark.parametrize("call", CALLS)
def test_one_fault_opens_no_second_one(
    hub: HubServer, client: Client, package: Package, theirs: Repo, call: str, kind: int | str
) -> None:
    fault = hub.fail(call, kind)
    propose(client, package)
    assert fault.struck.is_set()
    check_proposed_once(theirs, package)


@pytest.mark.parametrize("call", ["open_request", "large_put", "commit"])
def test_a_killed_publisher_is_followed_by_one_that_goes_on(
    hub: HubServer, new_client: Callable[[], Client], package: Package, theirs: Repo, call: str
) -> None:
    fault, victim = hub.fail(call, "hang"), new_client()
    victim.send("propose", package=str(package.folder), repo=REPO, public=True)
    assert fault.struck.wait(60)
    os.kill(victim.process.pid, signal.SIGKILL)
    propose(new_client(), package)
    check_proposed_once(theirs, package)


def test_merged_one_is_not_opened_again(client: Client, package: Package, theirs: Repo, hub: HubServer) -> None:
    propose(client, package)
    theirs.requests[0].status = "merged"
    theirs.add_commit("Merge", theirs.requests[0].commits[-1].tree)
    again = propose(client, package)
    assert (again["pull_request"], again["changed"], again["commit"]) == (None, False, theirs.head.oid)
    assert len(theirs.requests) == 1


def test_closed_one_is_a_no(client: Client, package: Package, theirs: Repo) -> None:
    propose(client, package)
    theirs.requests[0].status = "closed"
    problem = refusal(client, package)
    assert (problem["code"], len(theirs.requests)) == ("CR746", 1)
    assert problem["found"].endswith("/discussions/1")


def test_what_others_proposed_is_left_alone(client: Client, package: Package, theirs: Repo) -> None:
    for author, title in (("eve", f"Publish {package.tag}"), ("ada", "Mend the card")):
        theirs.open_request(title, author)
    assert propose(client, package)["pull_request"].endswith("/discussions/3")
    assert [len(request.commits) for request in theirs.requests] == [1, 1, 2]


def test_repository_that_is_not_there(hub: HubServer, client: Client, package: Package) -> None:
    assert refusal(client, package)["code"] == "CR745"
    assert not hub.store.repos


def test_private_model_is_not_proposed_where_all_can_see_it(client: Client, package: Package, theirs: Repo) -> None:
    assert refusal(client, package, public=False)["code"] == "CR735"
    assert not theirs.requests


def test_repository_of_something_else(client: Client, package: Package, theirs: Repo) -> None:
    theirs.add_commit("Theirs", {"thesis.pdf": Blob(b"pdf", large=False)})
    assert refusal(client, package)["code"] == "CR734"


def test_fine_grained_token_that_may_only_propose(
    hub: HubServer, client: Client, package: Package, theirs: Repo
) -> None:
    mine = {"entity": {"type": "user", "name": "ada"}, "permissions": ["repo.content.read", "discussion.write"]}
    token = "hf_" + "Finegr" * 6
    hub.store.users[token] = User("ada", "fineGrained", rights={"scoped": [mine]}, writes=("fineGrained",))
    propose(client, package, token=token)
    check_proposed_once(theirs, package)
    hub.store.users[token] = User("ada", "fineGrained", rights={"global": [], "scoped": []})
    answer = client.ask("propose", package=str(package.folder), repo=REPO, public=True, token=token)
    assert [problem["code"] for problem in answer.problems] == ["CR732"]
    assert "discussion.write" in answer.problems[0]["expected"]
