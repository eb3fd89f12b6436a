"""If this fails, publishing a model takes as much memory as it has weights, and ends on machines that trained it in shards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hub_server import HubServer
from publishing_toys import Client

from cosmos_recipes.publishing.files import FileEntry
from cosmos_recipes.publishing.package import Package

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
SIZE_BYTES = 2 << 30


def test_two_gigabytes_take_no_memory(
    hub: HubServer, new_client: Callable[[], Client], package: Package, tmp_path: Path
) -> None:
    large = replace(package, folder=Path(shutil.copytree(package.folder, tmp_path / "package")))
    header = json.dumps({"w": {"dtype": "U8", "shape": [SIZE_BYTES], "data_offsets": [0, SIZE_BYTES]}}).encode()
    with (large.folder / WEIGHTS).open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + SIZE_BYTES)
    manifest = json.loads((large.folder / "MANIFEST.json").read_text())
    entry = FileEntry.of(large.folder, WEIGHTS)
    manifest["files"][WEIGHTS] = {"sha256": entry.sha256, "size_bytes": entry.size_bytes}
    (large.folder / "MANIFEST.json").write_text(json.dumps(manifest))
    publisher = new_client()
    publisher.publish(large)
    assert hub.store.repos["ada/arm"].head.tree[WEIGHTS].size == entry.size_bytes
    assert peak_bytes(publisher) < SIZE_BYTES / 4


def peak_bytes(publisher: Client) -> int:
    """The most memory that the process has held, as the system counts it."""
    status = Path(f"/proc/{publisher.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
