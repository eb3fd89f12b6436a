"""If these fail, a published model is there in pieces, is written twice, or takes an earlier one with it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from publishing_toys import make_plan

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.publishing.package import Package, verify_package
from cosmos_recipes.publishing.publish import Target, local_name, preflight
from cosmos_recipes.publishing.publish import publish as publish_to
from cosmos_recipes.publishing.receipt import Receipt
from cosmos_recipes.training.world_model import WorldModel

LOCAL = make_plan(publish={"repo": "local", "public": False})
REPO = Path("local") / "toy-arm"


def publish(package: Path, plan: Plan, *, root: Path) -> Receipt:
    return publish_to(package, Target.of(plan, root))


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of every file, to see whether anything was written."""
    found = [path for path in folder.rglob("*") if not path.is_dir() and path.name != ".lock"]
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in found}


def next_package(package: Package, folder: Path) -> Path:
    """Return a copy of the package with another report."""
    shutil.copytree(package.folder, folder)
    (folder / "report.html").write_text("<title>Another</title>")
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    from cosmos_recipes.publishing.files import FileEntry

    entry = FileEntry.of(folder, "report.html")
    manifest["files"]["report.html"] = {"sha256": entry.sha256, "size_bytes": entry.size_bytes}
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))
    return folder


def check_published(root: Path, receipt: Receipt, package: Package) -> None:
    assert (root / REPO / "refs" / "main").read_text() == receipt.commit
    assert (root / REPO / "refs" / "tags" / receipt.tag).read_text() == receipt.commit
    for way in (root / REPO / "latest", root / REPO / "snapshots" / receipt.commit, Path(receipt.where)):
        assert verify_package(way).everything == package.everything


def test_published_and_loaded_by_path(package: Package, tmp_path: Path) -> None:
    preflight(LOCAL)
    receipt = publish(package.folder, LOCAL, root=tmp_path)
    check_published(tmp_path, receipt, package)
    WorldModel.from_pretrained(tmp_path / REPO / "latest")
    receipt.save(tmp_path / "receipt.json")
    assert json.loads((tmp_path / "receipt.json").read_text())["changed"] is True


def test_publishing_again_writes_nothing(package: Package, tmp_path: Path) -> None:
    first = publish(package.folder, LOCAL, root=tmp_path)
    before = state(tmp_path)
    again = publish(package.folder, LOCAL, root=tmp_path)
    assert state(tmp_path) == before
    assert (again.changed, again.commit) == (False, first.commit)


def test_earlier_revisions_stay(package: Package, tmp_path: Path) -> None:
    first = publish(package.folder, LOCAL, root=tmp_path)
    second = publish(next_package(package, tmp_path / "next"), LOCAL, root=tmp_path)
    assert first.commit != second.commit
    assert verify_package(Path(first.where)).everything == package.everything
    assert verify_package(tmp_path / REPO / "latest").manifest.sha256 == second.manifest_sha256
    assert {tag.name for tag in (tmp_path / REPO / "refs" / "tags").iterdir()} == {first.tag, second.tag}


def test_damaged_snapshot_is_mended(package: Package, tmp_path: Path) -> None:
    receipt = publish(package.folder, LOCAL, root=tmp_path)
    (Path(receipt.where) / "report.html").write_text("spoiled")
    assert publish(package.folder, LOCAL, root=tmp_path).changed
    check_published(tmp_path, receipt, package)


def publisher(package: Package, root: Path, *, times: int = 1) -> subprocess.Popen[str]:
    """Start a process that publishes into `root/0`, `root/1` and so on, and prints whether each changed anything."""
    code = (
        "import sys; from pathlib import Path; from cosmos_recipes.publishing.package import verify_package;"
        "from cosmos_recipes.publishing.local import publish_local; package = verify_package(Path(sys.argv[1])); print('ready', flush=True);"
        "[print(publish_local(package, Path(sys.argv[2]) / str(n), name='toy-arm').changed) for n in range(int(sys.argv[3]))]"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(package.folder), str(root), str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)


@pytest.mark.parametrize("delay_s", [0.02, 0.09, 0.23])
def test_killed_at_any_moment(package: Package, tmp_path: Path, delay_s: float) -> None:
    """What readers see is always a whole package or none, and the same command finishes."""
    with publisher(package, tmp_path, times=500) as process:
        process.stdout.readline()
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
    for root in sorted(tmp_path.iterdir(), key=lambda path: int(path.name)):
        if (root / REPO / "latest").exists():
            assert verify_package(root / REPO / "latest").everything == package.everything
        check_published(root, publish(package.folder, LOCAL, root=root), package)
        assert not [path for path in root.rglob("*") if ".partial" in path.name]


def test_publishers_at_once_wait_for_each_other(package: Package, tmp_path: Path) -> None:
    processes = [publisher(package, tmp_path) for _ in range(3)]
    changed = [process.communicate(timeout=120)[0].split() for process in processes]
    assert sorted(changed) == [["ready", "False"], ["ready", "False"], ["ready", "True"]]
    check_published(tmp_path / "0", publish(package.folder, LOCAL, root=tmp_path / "0"), package)


def test_place_that_is_not_a_folder(package: Package, tmp_path: Path) -> None:
    (tmp_path / "published").write_text("a file")
    with pytest.raises(RecipeError) as caught:
        publish(package.folder, LOCAL, root=tmp_path / "published")
    assert [problem.code for problem in caught.value.problems] == ["CR720"]


def test_profiles_are_models_of_their_own(plan: Plan) -> None:
    assert local_name(plan) == "toy-arm"
    assert local_name(make_plan(profile="predict2.5-2b")) == "toy-arm-predict2.5-2b"
