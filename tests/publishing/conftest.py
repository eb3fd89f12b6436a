from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

# The helpers of this folder are imported by name.
sys.path.insert(0, str(Path(__file__).parent))

import pytest
from hub_server import HubServer
from publishing_toys import Client, make_plan, save_evaluation, save_toy_model

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.publishing.package import Package, write_package


@pytest.fixture(scope="session")
def plan() -> Plan:
    return make_plan()


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
    _server.forget()
    yield _server
    _server.faults.clear()


@pytest.fixture
def new_client(_server: HubServer, tmp_path: Path) -> Iterator[Callable[[], Client]]:
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
