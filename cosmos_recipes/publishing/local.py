"""The embedded target: a folder with the layout of a repository on the Hub, as its client keeps it on disk.

    <root>/<owner>/<name>/refs/main               the commit that is published, 40 hex digits
    <root>/<owner>/<name>/refs/tags/<tag>         the commit of each run
    <root>/<owner>/<name>/snapshots/<commit>/...  the files of a commit
    <root>/<owner>/<name>/latest                  a link to the snapshot of main, to load from

A commit's name is the start of the sha256 of its manifest, so that the same content has the same name everywhere.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cosmos_recipes.diagnostics import RecipeError, fail
from cosmos_recipes.publishing.files import appearing, copy_file, write_text
from cosmos_recipes.publishing.package import Package, verify_package
from cosmos_recipes.publishing.receipt import Receipt, Verified

OWNER = "local"


def publish_local(package: Package, root: Path, *, name: str, verify: Verified = "hashes") -> Receipt:
    """Publish a package as `<root>/local/<name>`; earlier commits stay, and what is there already is not written again.

    Raises:
        RecipeError: the folder cannot be written (CR720); with `verify="download"`, it reads back different (CR711).
    """
    repo = root / OWNER / name
    try:
        with _only_publisher(repo):
            commit, changed = _publish(package, repo)
            if verify == "download":
                verify_package(repo / "latest")
    except OSError as error:
        fail(
            "CR720",
            f"the model cannot be published to {repo}",
            found=error.strerror or str(error),
            expected="a folder that can be written, with room for the model",
            hint="make room there, or run from a folder where you may write",
        )
    return Receipt(
        target="local",
        repo=f"{OWNER}/{name}",
        where=str(repo / "snapshots" / commit),
        commit=commit,
        tag=package.tag,
        manifest_sha256=package.manifest.sha256,
        files=len(package.everything),
        size_bytes=package.size_bytes,
        private=True,
        changed=changed,
        verified=verify,
    )


def _publish(package: Package, repo: Path) -> tuple[str, bool]:
    """Return the commit, and whether anything was written. Readers see the old commit or the new one, never between."""
    commit = package.manifest.sha256[:40]
    snapshot = repo / "snapshots" / commit
    changed = not _is_whole(snapshot, package)
    if changed:
        with appearing(snapshot) as part:
            for entry in package.everything:
                copy_file(package.folder / entry.path, part / entry.path)
            verify_package(part)
    changed |= _point(repo / "refs" / "tags" / package.tag, commit)
    changed |= _point(repo / "refs" / "main", commit)
    changed |= _link(repo / "latest", snapshot)
    return commit, changed


def _is_whole(snapshot: Path, package: Package) -> bool:
    """Return whether the snapshot is there and holds this package, by reading it."""
    try:
        return verify_package(snapshot).everything == package.everything
    except RecipeError:
        return False


def _point(ref: Path, commit: str) -> bool:
    """Let a ref name a commit; return whether it did not before."""
    if ref.is_file() and ref.read_text(encoding="utf-8") == commit:
        return False
    write_text(ref, commit)
    return True


def _link(link: Path, snapshot: Path) -> bool:
    """Let `latest` lead to a snapshot; return whether it did not before."""
    target = os.path.relpath(snapshot, link.parent)
    if link.is_symlink() and os.readlink(link) == target:
        return False
    part = link.with_name(f".{link.name}.partial")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(link)
    return True


@contextmanager
def _only_publisher(repo: Path) -> Iterator[None]:
    """Wait until no other process publishes here; the system lets go of the lock when a process dies."""
    repo.mkdir(parents=True, exist_ok=True)
    with (repo / ".lock").open("w") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield
