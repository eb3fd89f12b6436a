"""Files of a package: which may be in one, their hashes, and folders that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cosmos_recipes.backbones.weights import ADAPTER
from cosmos_recipes.files import sha256

MANIFEST = "MANIFEST.json"
CARD = "README.md"
PARTS = ("transformer", "tokenizer", "head")
"""Folders of a model that `WorldModel.save_pretrained` writes."""

_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_MODEL = re.compile(
    rf"(?:cosmos_recipe|data)\.json|{re.escape(ADAPTER)}|(?:{'|'.join(PARTS)})/(?:config\.json|{_WORD}\.safetensors|{_WORD}\.safetensors\.index\.json)"
)
_RUN = re.compile(r"recipe\.yaml|recipe\.lock|plan\.yaml")
_EVALUATION = re.compile(rf"(?:metrics|clips)\.json|report\.html|samples/(?:{_WORD}\.mp4|contact_sheet\.png)")
_OWN = re.compile(r"README\.md|LICENSE|MANIFEST\.json")
_ALLOWED = {"model": _MODEL, "run": _RUN, "evaluation": _EVALUATION, "own": _OWN}
_PARTIAL = ".partial-"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """One file of a package: its path in it with forward slashes, and what it holds."""

    path: str
    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, folder: Path, path: str) -> FileEntry:
        """Read and hash `folder/path`."""
        file = folder / path
        return cls(path=path, sha256=sha256(file), size_bytes=file.stat().st_size)


def allowed(path: str, origin: str | None = None) -> bool:
    """Return whether a package may hold a file of this path, taken from `model`, `run` or `evaluation`, or from any."""
    patterns = [_ALLOWED[origin]] if origin else _ALLOWED.values()
    return any(pattern.fullmatch(path) for pattern in patterns)


def walk(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield path and entry of every file and every link below `folder`; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                for path, below in walk(folder / entry.name):
                    yield f"{entry.name}/{path}", below
            else:
                yield entry.name, entry


def git_name(content: bytes) -> str:
    """Return the name that git gives to a content, as hex."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def git_sha1(path: Path) -> str:
    """Return the name that git gives to a file's content, as hex."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def copy_file(source: Path, target: Path) -> None:
    """Copy content, not owner, time or mode, and wait until the disk has it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    _flush(target)


def link_file(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the disk has no second names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        copy_file(source, target)


def write_text(path: Path, text: str) -> None:
    """Write a small file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.partial")
    part.write_text(text, encoding="utf-8")
    _flush(part)
    part.replace(path)


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder` that takes its name and place at the end, unless the body raises.

    What was there before goes; what killed processes left beside it goes as well.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    part = folder.with_name(f".{folder.name}{_PARTIAL}{os.getpid()}")
    part.mkdir()
    try:
        yield part
        if folder.exists():
            folder.rename(folder.with_name(f".{folder.name}{_PARTIAL}{os.getpid()}-old"))
        part.rename(folder)
    finally:
        _remove_leftovers(folder)


def _remove_leftovers(folder: Path) -> None:
    prefix = f".{folder.name}{_PARTIAL}"
    for name in os.listdir(folder.parent):
        if name.startswith(prefix):
            shutil.rmtree(folder.parent / name, ignore_errors=True)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
