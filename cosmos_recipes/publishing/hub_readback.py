"""Read what was published back from the Hub, as anybody will, and compare it with what was sent."""

from __future__ import annotations

import hashlib

from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.publishing.files import FileEntry
from cosmos_recipes.publishing.hub_connection import Connection
from cosmos_recipes.publishing.package import Package

TRIES = 2
"""How often a file is read that came back different: a bit can flip on the way."""


def read_back(hub: Connection, commit: str | None, package: Package) -> None:
    """Download every file of the package from a commit, without keeping it, and compare its sha256.

    Raises:
        RecipeError: every file that comes back different (CR744); the Hub does not give them (CR730 to CR740).
    """
    problems = [_differs(hub.repo, entry) for entry in package.everything if not _comes_back(hub, commit, entry)]
    if problems:
        raise RecipeError(*problems)


def _comes_back(hub: Connection, commit: str | None, entry: FileEntry) -> bool:
    def digest() -> str:
        found = hashlib.sha256()
        for piece in hub.stream(entry.path, commit):
            found.update(piece)
        return found.hexdigest()

    return any(hub.repeat(f"reading back {entry.path}", digest) == entry.sha256 for _ in range(TRIES))


def _differs(repo: str, entry: FileEntry) -> Problem:
    return Problem(
        code="CR744",
        message=f"{repo} gives back another file than was sent: {entry.path}",
        expected=f"sha256 {entry.sha256}, which the Hub itself says that it has",
        found=f"other content, {TRIES} times",
        hint="read it back again with `--verify download`; if this stays so, delete the file on the Hub and publish again",
    )
