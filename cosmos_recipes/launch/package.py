"""What a job runs, as it was when it was sent: plan, recipe and code, in one folder, each file with its hash."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path

import cosmos_recipes
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import sha256, whole

SUMS, CODE = "SHA256SUMS", "code"
_PROJECT = "cosmos-recipes"
_OWN_TO_AN_INSTALLATION = {"INSTALLER", "REQUESTED", "direct_url.json", "RECORD"}


def write_package(folder: Path, documents: Mapping[str, str], *, unpacked: bool) -> None:
    """Write the package, whole or not at all, in the place of an earlier one.

    The code is a wheel, for machines that install it, or `unpacked` in `code/`, for those that have what it needs.

    Raises:
        RecipeError: the code is a working tree, and hatchling, which makes a wheel of it, is not installed (CR660).
    """
    with whole(folder) as part:
        part.mkdir(parents=True)
        for name, text in documents.items():
            (part / name).write_text(text, encoding="utf-8")
        wheel = write_wheel(part)
        if unpacked:
            zipfile.ZipFile(wheel).extractall(part / CODE)
            wheel.unlink()
        files = sorted(path for path in part.rglob("*") if path.is_file())
        (part / SUMS).write_text("".join(f"{sha256(path)}  {path.relative_to(part)}\n" for path in files))


def write_wheel(folder: Path) -> Path:
    """Write the code that runs here as a wheel: built from its working tree, or from the files that are installed."""
    tree = Path(cosmos_recipes.__file__).parents[1]
    return _built(tree, folder) if (tree / "pyproject.toml").is_file() else _repacked(distribution(_PROJECT), folder)


def _built(tree: Path, folder: Path) -> Path:
    try:
        from hatchling.builders.wheel import WheelBuilder
    except ImportError:
        fail(
            "CR660",
            "the code cannot be packed for the job",
            place=Place(file=str(tree)),
            expected="the package hatchling, which makes a wheel of a working tree",
            hint="pip install hatchling, or install a release of cosmos-recipes",
        )
    (wheel,) = WheelBuilder(str(tree)).build(directory=str(folder), versions=["standard"])
    return Path(wheel)


def _repacked(installed: Distribution, folder: Path) -> Path:
    stem = f"cosmos_recipes-{installed.version}"
    wheel, record = folder / f"{stem}-py3-none-any.whl", f"{stem}.dist-info/RECORD"
    names = sorted(str(path) for path in installed.files or () if _is_code(Path(path)))
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(str(installed.locate_file(name)), name)
        archive.writestr(record, "".join(f"{name},,\n" for name in [*names, record]))
    return wheel


def _is_code(path: Path) -> bool:
    is_of_this_machine = path.name in _OWN_TO_AN_INSTALLATION or "__pycache__" in path.parts
    return ".." not in path.parts and not is_of_this_machine
