"""Objects in a folder, whole or not there: on a file system that machines may share, or behind any URL of fsspec."""

from __future__ import annotations

import os
import time
import uuid
from contextlib import suppress
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from cosmos_recipes.data.cache.owners import Owner
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.files import whole

PART = ".part"
FORGOTTEN_S = 24 * 3600
"""After that, what another machine began to write is taken for left behind."""


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
        """Write an object; who looks for it finds it whole or not at all."""
        if self.folder is None:
            # The upload of an object is atomic by itself.
            self.system.pipe_file(f"{self.root}/{name}", content)
            return
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.parent / f".{Owner.here()}.{uuid.uuid4().hex}{PART}"
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def get(self, name: str) -> bytes:
        """Return an object's content; raises FileNotFoundError."""
        content: bytes = self.system.cat_file(f"{self.root}/{name}")
        return content

    def sizes_bytes(self, folder: str) -> dict[str, int]:
        """Return the names of the objects in a folder, without the folder, and their sizes."""
        self.system.invalidate_cache()
        try:
            found = self.system.ls(f"{self.root}/{folder}", detail=True)
        except FileNotFoundError:
            return {}
        named = [(one["name"].rsplit("/", 1)[-1], one) for one in found if one["type"] == "file"]
        return {name: one["size"] for name, one in named if not name.startswith(".")}

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with suppress(FileNotFoundError):
            self.system.rm_file(f"{self.root}/{name}")

    def fetch(self, name: str, target: Path) -> None:
        """Put an object at a path: as a second name of the same file where that can be, else as a copy.

        Raises:
            FileNotFoundError: the object is not there.
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
        with whole(target) as part:
            self.system.get_file(f"{self.root}/{name}", str(part))

    def is_held(self, name: str) -> bool:
        """Return whether the object has another name too: a prepared folder needs it, and its removal frees nothing."""
        path = self.folder / name if self.folder else None
        return path is not None and path.exists() and path.stat().st_nlink > 1

    def sweep(self, folder: str) -> None:
        """Remove what processes that are gone left half written."""
        if self.folder is None:
            return
        for part in (self.folder / folder).glob(f".*{PART}"):
            with suppress(FileNotFoundError):
                if Owner.parse(part.name.split(".")[1]).is_gone or time.time() - part.stat().st_mtime > FORGOTTEN_S:
                    part.unlink()
