"""If these fail, hours of training end at a token, a name or a base that could have been looked at before."""

from __future__ import annotations

from typing import Any

import pytest
from hub_server import HubServer
from hub_store import Repo, User
from publishing_toys import Client, make_plan

from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.publishing.hub_access import DISCUSS, WRITE, lacking_right
from cosmos_recipes.publishing.publish import preflight

FINE = "hf_" + "Finegr" * 6


def rights(kind: str, name: str, *permissions: str) -> dict[str, Any]:
    return {"global": [], "scoped": [{"entity": {"type": kind, "name": name}, "permissions": list(permissions)}]}


@pytest.mark.parametrize(
    ("kind", "name", "permissions", "right", "is_enough"),
    [
        ("user", "Ada", [WRITE], WRITE, True),
        ("org", "ada", ["repo.content.read", WRITE], WRITE, True),
        ("model", "ada/arm", [WRITE], WRITE, True),
        ("model", "ada/leg", [WRITE], WRITE, False),
        ("org", "lab", [WRITE], WRITE, False),
        ("user", "ada", ["repo.content.read"], WRITE, False),
        ("user", "eve", [DISCUSS], DISCUSS, True),
        ("user", "ada", [WRITE], DISCUSS, False),
        ("resource-group", "robots", [WRITE], WRITE, True),
    ],
)
def test_rights_of_a_fine_grained_token(
    kind: str, name: str, permissions: list[str], right: str, is_enough: bool
) -> None:
    access = {"role": "fineGrained", "fineGrained": rights(kind, name, *permissions)}
    problem = lacking_right("ada/arm", access, right)
    assert (problem is None) == is_enough
    assert problem is None or (problem.code, right in problem.found) == ("CR732", True)


def test_token_that_does_not_tell_its_rights_is_tried() -> None:
    assert lacking_right("ada/arm", {"role": "fineGrained"}, WRITE) is None
    assert lacking_right("ada/arm", {"role": "write"}, WRITE) is None


def test_fine_grained_token_for_another_repository_is_refused_before_any_is_made(
    hub: HubServer, client: Client
) -> None:
    hub.store.users[FINE] = User("ada", "fineGrained", rights=rights("model", "ada/leg", WRITE))
    (problem,) = client.ask("preflight", repo="ada/arm", token=FINE).problems
    assert problem["code"] == "CR732" and "ada/leg" in problem["found"]
    assert not hub.store.repos and hub.calls == ["whoami"]


def test_fine_grained_token_that_may_write_is_enough(hub: HubServer, client: Client) -> None:
    hub.store.users[FINE] = User("ada", "fineGrained", rights=rights("user", "ada", WRITE), writes=("fineGrained",))
    assert not client.ask("preflight", repo="ada/arm", token=FINE).problems
    assert hub.store.repos["ada/arm"].private


@pytest.mark.parametrize(("name", "code"), [("nvidia/gone", "CR743"), ("nvidia/gated", "CR736")])
def test_base_that_does_not_open(hub: HubServer, client: Client, name: str, code: str) -> None:
    hub.store.repos["nvidia/gated"] = Repo("nvidia/gated", private=False, gated=True)
    (problem,) = client.ask("preflight", repo="ada/arm", base=name).problems
    assert problem["code"] == code and name in problem["message"]


@pytest.mark.parametrize("licence", ["cc-by-nd-4.0", "unknown"])
def test_licence_that_forbids_a_public_model_is_told_before_training(licence: str) -> None:
    plan = make_plan(publish={"repo": "ada/arm", "public": True})
    backbone = plan.backbone.model_copy(update={"licence": licence, "weights": "hub:nvidia/base@main"})
    with pytest.raises(RecipeError) as raised:
        preflight(plan.model_copy(update={"backbone": backbone}))
    assert [problem.code for problem in raised.value.problems] == ["CR750"]
