"""Pack what a CUDA machine with Python and PyTorch lacks, so that `gpu.py` runs there without a network.

    python benchmarks/bundle.py FOLDER [--python 3.12] [--piece-mb 55]

The wheels of this project and of all it needs, as constraints.txt pins them, for that version of Python on Linux
(x86-64), without torch and the CUDA libraries that come with it. They lie in one archive, cut into pieces that storage
with a limit takes; `install.sh` beside them checks the pieces, puts them together and installs them into the Python that
it finds, or into the one that is given:

    bash FOLDER/install.sh [PYTHON]
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parents[1]
WITH_TORCH = re.compile(r"torch|triton|cuda-.*|nvidia-(cu.*|nccl|nvjitlink|nvshmem|nvtx)(-cu\d+)?")
"""What a machine with PyTorch for CUDA has."""
PIECE = "cosmos-recipes-gpu.tar"
INSTALL = """\
#!/usr/bin/env bash
# Put the pieces together and install them into PYTHON, which has PyTorch for CUDA.
set -euo pipefail
cd "$(dirname "$0")"
python="${1:-python3}"
"$python" -c 'import torch' || { echo "$python has no PyTorch" >&2; exit 1; }
sha256sum --quiet --check pieces.sha256
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cat cosmos-recipes-gpu.tar.* | tar -x -C "$folder"
"$python" -m pip install --quiet --no-index --no-deps --force-reinstall "$folder"/*.whl
"$python" -c 'import cosmos_recipes, torch; print("cosmos-recipes", cosmos_recipes.__version__, "with torch", torch.__version__)'
"""


def needed(name: str, seen: dict[str, str]) -> dict[str, str]:
    """Return the installed versions of a distribution and of all that it needs, without what comes with PyTorch."""
    for text in requires(name) or ():
        requirement = Requirement(text)
        other = canonicalize_name(requirement.name)
        if other in seen or WITH_TORCH.fullmatch(other):
            continue
        if requirement.marker and not any(
            requirement.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras, "core")
        ):
            continue
        try:
            seen[other] = version(other)
        except PackageNotFoundError:
            continue
        needed(other, seen)
    return seen


def fetch(pins: dict[str, str], folder: Path, python: str) -> None:
    """Write the wheel of each pin for that Python; what is published as a source alone is built here."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    platform = [f"--platform=manylinux_2_{minor}_x86_64" for minor in (17, 24, 27, 28, 34)]
    how = ["--no-deps", "--only-binary=:all:", f"--python-version={python}", *platform, "--platform=manylinux2014_x86_64"]
    for name, pinned in sorted(pins.items()):
        wanted = f"{name}=={pinned}"
        got = subprocess.run([*pip, "download", "-q", "-d", folder, *how, wanted], capture_output=True, check=False)
        if got.returncode:
            subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", folder, wanted], check=True)
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", folder, str(HERE)], check=True)


def pieces(archive: Path, folder: Path, most_bytes: int) -> Iterator[Path]:
    """Cut the archive, and yield its pieces."""
    with archive.open("rb") as file:
        for number, part in enumerate(iter(lambda: file.read(most_bytes), b"")):
            path = folder / f"{PIECE}.{number:03d}"
            path.write_bytes(part)
            yield path


def pack(wheels: Path, folder: Path, most_bytes: int) -> list[Path]:
    """Write the pieces of all wheels, their hashes and the script that installs them; return the pieces."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{PIECE}.*"):
        old.unlink()
    archive = wheels.parent / PIECE
    with tarfile.open(archive, "w") as tar:
        for wheel in sorted(wheels.glob("*.whl")):
            tar.add(wheel, wheel.name)
    made = list(pieces(archive, folder, most_bytes))
    hashes = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made]
    (folder / "pieces.sha256").write_text("".join(hashes))
    (folder / "install.sh").write_text(INSTALL)
    return made


def main() -> None:
    """Fetch, pack, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default=f"{sys.version_info[0]}.{sys.version_info[1]}", help="version over there")
    parser.add_argument("--piece-mb", type=int, default=55, help="most megabytes of a piece")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wheels = Path(scratch) / "wheels"
        fetch(needed("cosmos-recipes", {}), wheels, given.python)
        made = pack(wheels, given.folder, given.piece_mb * 1_000_000)
        count = len(list(wheels.glob("*.whl")))
    size_bytes = sum(path.stat().st_size for path in made)
    print(f"{count} wheels for Python {given.python}, {size_bytes / 1e6:.0f} MB in {len(made)} pieces: {given.folder}")


if __name__ == "__main__":
    main()
