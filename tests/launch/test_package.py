"""The package of a job. If these break, a job runs other code than was sent, or none at all."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cosmos_recipes.launch.package import write_package, write_wheel
from cosmos_recipes.launch.script import checked

DOCUMENTS = {"plan.yaml": "recipe: it\n", "recipe.yaml": "recipe: it\n"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package as Slurm's nodes find it."""
    folder = tmp_path_factory.mktemp("job") / "package"
    write_package(folder, DOCUMENTS, unpacked=True)
    return folder


def python(code: Path, *arguments: str) -> str:
    """Run Python with the code of a package, as a job does, in a folder that holds other code of the same name."""
    environment = {**os.environ, "PYTHONPATH": str(code), "PYTHONSAFEPATH": "1"}
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, *arguments], env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def check(package: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", checked(str(package))], capture_output=True, text=True, check=False)


def test_the_packed_code_is_what_runs_and_finds_its_recipes_and_plug_ins(package: Path) -> None:
    code = package / "code"
    assert python(code, "-c", "import cosmos_recipes; print(cosmos_recipes.__file__)").startswith(str(code))
    assert "arm-actions" in python(code, "-m", "cosmos_recipes", "ls", "recipes")
    assert "slurm" in python(code, "-c", "from cosmos_recipes.launch.target import targets; print(*targets())")


def test_a_package_that_was_changed_after_it_was_sent_does_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "it's a package"
    write_package(folder, DOCUMENTS, unpacked=False)
    assert check(folder).returncode == 0
    (folder / "plan.yaml").write_text("recipe: another\n")
    refused = check(folder)
    assert refused.returncode == 2 and "not what was sent" in refused.stderr
    write_package(folder, DOCUMENTS, unpacked=False)
    assert check(folder).returncode == 0, "sending again mends it"


def test_a_wheel_is_the_same_from_a_working_tree_and_from_what_is_installed(package: Path, tmp_path: Path) -> None:
    built = write_wheel(tmp_path)
    names = {name for name in zipfile.ZipFile(built).namelist() if not name.endswith("/RECORD")}
    (tmp_path / "again").mkdir()
    call = "import sys, pathlib; from cosmos_recipes.launch.package import write_wheel; print(write_wheel(pathlib.Path(sys.argv[1])))"
    again = Path(python(package / "code", "-c", call, str(tmp_path / "again")))
    assert again.name == built.name
    assert {name for name in zipfile.ZipFile(again).namelist() if not name.endswith("/RECORD")} == names
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--target",
        str(tmp_path / "site"),
    ]
    subprocess.run([*pip, str(again)], check=True, capture_output=True)
    assert (tmp_path / "site" / "cosmos_recipes" / "launch" / "targets" / "slurm.sh.j2").is_file()
