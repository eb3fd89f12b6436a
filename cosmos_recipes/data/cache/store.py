"""Objects in a folder, whole or not there: on a file system that machines may share, or behind any URL of fsspec."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import fsspec
from fsspec.implementations.local import LocalFileSystem

from cosmos_recipes.data.owners import part_in
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import whole


class Store:
    """Objects by name (`folder/file`). `folder` is the place of the store where it is on a file system, else None.

    Raises:
        RecipeError: the URL's kind is unknown, or its package is not installed (CR580).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self.system, self.root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            fail(
                "CR580",
                f"the cache cannot be opened at {url}",
                expected="a folder, or the URL of a store that fsspec can open",
                found=str(error),
                hint="install the package that is named, or use a folder",
            )
        self.folder = Path(self.root) if isinstance(self.system, LocalFileSystem) else None

    def put(self, name: str, content: bytes) -> None:
        """Write an object; who looks for it finds it whole or not at all.

        Raises:
            RecipeError: the disk is full, or refuses to be written to (CR584).
        """
        try:
            if self.folder is None:
                # The upload of an object is atomic by itself.
                self.system.pipe_file(f"{self.root}/{name}", content)
            else:
                _write(self.folder / name, content)
        except OSError as error:
            fail_to_write(self.url, error)

    def get(self, name: str) -> bytes:
        """Return an object's content; raises FileNotFoundError."""
        content: bytes = self.system.cat_file(f"{self.root}/{name}")
        return content

    def names(self, folder: str) -> list[str]:
        """Return the names of the objects in a folder, without the folder."""
        if self.folder is None:
            return list(self.sizes_bytes(folder))
        # Sizes would have to be asked for one by one.
        with suppress(FileNotFoundError):
            return [name for name in os.listdir(self.folder / folder) if not name.startswith(".")]
        return []

    def sizes_bytes(self, folder: str) -> dict[str, int]:
        """Return the names of the objects in a folder, without the folder, and their sizes."""
        self.system.invalidate_cache()
        try:
            found = self.system.ls(f"{self.root}/{folder}", detail=True)
        except FileNotFoundError:
            return {}
        named = [(one["name"].rsplit("/", 1)[-1], one) for one in found if one["type"] == "file"]
        return {name: one["size"] for name, one in named if not name.startswith(".")}

    def size_bytes(self, name: str) -> int | None:
        """Return the size of an object, None if it is not there."""
        try:
            return int(self.system.size(f"{self.root}/{name}"))
        except FileNotFoundError:
            return None

    def modified_s(self, name: str) -> float:
        """Return when an object was written or touched, in seconds since 1970; 0 if it is not there."""
        try:
            return float(self.system.modified(f"{self.root}/{name}").timestamp())
        except FileNotFoundError:
            return 0.0

    def touch(self, name: str) -> None:
        """Let an object, if it is there, count as written now."""
        with suppress(OSError):
            if self.folder is None:
                self.put(name, self.get(name))
            else:
                os.utime(self.folder / name)

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with suppress(FileNotFoundError):
            self.system.rm_file(f"{self.root}/{name}")

    def fetch(self, name: str, target: Path) -> None:
        """Put an object at a path: as a second name of the same file where that can be, else as a copy.

        Raises:
            FileNotFoundError: the object is not there.
            RecipeError: the disk is full, or refuses to be written to (CR584).
        """
        target.unlink(missing_ok=True)
        if self.folder is not None:
            try:
                os.link(self.folder / name, target)
            except FileNotFoundError:
                raise
            except OSError:
                pass  # Another disk, or one that knows no second names.
            else:
                return
        try:
            with whole(target) as part:
                self.system.get_file(f"{self.root}/{name}", str(part))
        except FileNotFoundError:
            raise
        except OSError as error:
            fail_to_write(str(target.parent), error)

    def is_held(self, name: str) -> bool:
        """Return whether the object has another name too: a prepared folder needs it, and its removal frees nothing."""
        path = self.folder / name if self.folder else None
        return path is not None and path.exists() and path.stat().st_nlink > 1


def fail_to_write(place: str, error: OSError) -> NoReturn:
    """Say that a folder cannot be written to (CR584)."""
    fail(
        "CR584",
        "latents cannot be written",
        place=Place(file=place),
        expected="room on the disk, and the right to write there",
        found=error.strerror or str(error),
        hint="make room, or name another place (--cache, or the variable COSMOS_RECIPES_CACHE); what is there is kept",
    )


def _write(path: Path, content: bytes) -> None:
    with part_in(path.parent) as part:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
