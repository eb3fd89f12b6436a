"""If these fail, `--verify download` says that all is well of a model that others cannot load."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hub_server import HubServer
from publishing_toys import Client

from cosmos_recipes.publishing.package import Package

WEIGHTS = "head/model.safetensors"


def test_every_file_is_read_back(hub: HubServer, client: Client, package: Package) -> None:
    assert client.publish(package, verify="download")["verified"] == "download"
    assert hub.count("resolve") == len(package.everything)
    large = [blob for blob in hub.store.repos["ada/arm"].head.tree.values() if blob.large]
    assert hub.count("stored") == len(large) > 0


def test_a_flipped_bit_in_storage_is_found_and_named(hub: HubServer, client: Client, package: Package) -> None:
    """The Hub's own hash says that all is well."""
    client.publish(package)
    entry = next(entry for entry in package.everything if entry.path == WEIGHTS)
    stored = hub.store.large[entry.sha256]
    spoilt = bytes([stored.content[0] ^ 1]) + stored.content[1:]
    hub.store.large[entry.sha256] = replace(stored, content=spoilt, heavy=(stored.sha256, stored.size))
    answer = client.ask("publish", package=str(package.folder), repo="ada/arm", public=False, verify="download")
    (problem,) = answer.problems
    assert problem["code"] == "CR744" and WEIGHTS in problem["message"]


@pytest.mark.parametrize("kind", [503, "lose", "drop", "corrupt"])
@pytest.mark.parametrize("call", ["resolve", "stored"])
def test_a_fault_on_the_way_back_is_not_one_of_the_model(
    hub: HubServer, client: Client, package: Package, call: str, kind: int | str
) -> None:
    client.publish(package)
    fault = hub.fail(call, kind)
    assert client.publish(package, verify="download")["verified"] == "download"
    assert fault.struck.is_set()
