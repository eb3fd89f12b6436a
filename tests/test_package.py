"""The wheel is enough: recipes, schemas and data sets come with it, and so do all files that the package reads."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_library_and_nothing_of_the_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("recipes", "schemas", "datasets"):
        files = {path.relative_to(ROOT).as_posix() for path in (ROOT / kind).rglob("*.yaml")}
        assert {f"cosmos_recipes/library/{file}" for file in files} <= names
    assert all(name.startswith(("cosmos_recipes/", "cosmos_recipes-")) for name in names)


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    package = ROOT / "cosmos_recipes"
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.relative_to(ROOT).as_posix() for path in files} <= set(zipfile.ZipFile(wheel).namelist())


def test_the_unpacked_wheel_checks_its_own_recipes_anywhere(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from cosmos_recipes.cli.main import main; main()"
    command = [sys.executable, "-c", code, str(tmp_path / "site")]
    names = sorted(path.stem for path in (ROOT / "recipes").rglob("*.yaml"))
    done = subprocess.run([*command, "check", *names], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = subprocess.run([*command, "show", names[0]], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert str(tmp_path / "site" / "cosmos_recipes" / "library") in shown.stdout
    tasks = subprocess.run([*command, "ls", "tasks"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "adherence" in tasks.stdout.partition("\n\nMeans over")[0], "figures come with the wheel"
    subprocess.run([*command, "new", "recipe", "mine", "--task", "action"], cwd=tmp_path, check=True)
    strict = subprocess.run(
        [*command, "check", "--strict", "mine"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert strict.returncode == 0, strict.stdout + strict.stderr


def test_every_entry_point_leads_somewhere() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    for group, declared in groups.items():
        installed = {entry.name: entry for entry in entry_points(group=group)}
        for name in declared:
            assert installed[name].load()


def test_the_tested_set_pins_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    pinned = {_plain(line.partition("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {_plain(requirement) for requirement in asked} <= pinned


def _plain(requirement: str) -> str:
    name = requirement.strip()
    for mark in "[<>=!~; ":
        name = name.partition(mark)[0]
    return name.lower().replace("_", "-")
