"""Files and folders that are whole or not there, also when the process or the machine dies; and their hashes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON; what a killed write left is replaced by the next one."""
    with whole(path) as part:
        part.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write text to a file that several processes may write at once; `mode` are its permissions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if mode is not None:
        part.chmod(mode)
    part.replace(path)


def sha256(path: Path) -> str:
    """Return the sha256 of a file's content, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(folder: Path, files: Iterable[Path]) -> str:
    """Return the sha256 of the contents and the names of files of a folder, as hex."""
    lines = [f"{path.relative_to(folder).as_posix()} {sha256(path)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a place to write a file or a folder to; at the end of the block it takes the place of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = unfinished(path)
    remove(part)
    yield part
    commit(path)


def unfinished(path: Path) -> Path:
    """Return where `path` lies while it is written."""
    return path.with_name(f"{path.name}.unfinished")


def finished(path: Path) -> Path:
    """Return where what lies at `path` while it is written will be; any other path as it is."""
    part = re.fullmatch(r"\.(?P<text>.+)\.\d+\.part|(?P<whole>.+)\.unfinished", path.name)
    return path.with_name(part["text"] or part["whole"]) if part else path


def commit(path: Path) -> None:
    """Put what was written to `unfinished(path)` in the place of `path`, on disk for good."""
    part = unfinished(path)
    for file in sorted(part.rglob("*")) if part.is_dir() else [part]:
        _sync(file)
    _sync(part)
    if part.is_dir():
        remove(path)
    part.replace(path)
    _sync(path.parent)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
