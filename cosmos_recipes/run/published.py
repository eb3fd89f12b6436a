"""Published packages, on the Hub or in a folder with its layout: pinned to a commit, in part, compared with their manifest.

Nothing of a repository is executed, and no file is read that a package does not have or that its manifest does not list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cosmos_recipes.backbones.hub import pin
from cosmos_recipes.compiler.trained import read_config
from cosmos_recipes.data import hub_files
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail, visible
from cosmos_recipes.files import sha256
from cosmos_recipes.publishing import checks
from cosmos_recipes.publishing.files import MANIFEST, allowed
from cosmos_recipes.publishing.package import LARGEST_MANIFEST_BYTES, manifest_files

HUB = "hf://"
DOCUMENTS = ("recipe.yaml", "recipe.lock", "plan.yaml", "metrics.json", "cosmos_recipe.json")
"""What a package says of itself, without its weights."""
NEEDED = ("recipe.yaml", "recipe.lock", "plan.yaml", "cosmos_recipe.json")
MAIN = "main"
_REFERENCE = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w./-]+))?")
_TAG = re.compile(r"[\w.-]+")
_UNSAFE = ("CR702", "CR703")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A package of a commit. `folder` holds what was asked for; `files` is all that its manifest lists.

    `name` names the same package for ever, `repository` what it is one of, and `commit` is None for a folder that no
    repository holds.
    """

    name: str
    repository: str
    folder: Path
    commit: str | None
    files: Mapping[str, Mapping[str, Any]]

    @property
    def origin(self) -> str:
        """What a lock calls it: its address on the Hub, or its name and commit, without the paths of this machine."""
        if self.name.startswith(HUB):
            return self.name
        # A commit of a folder is the start of the hash of the manifest.
        commit = sha256(self.folder / MANIFEST)[:40]
        return f"{self.repository}@{commit}"

    @property
    def weights(self) -> dict[str, str]:
        """The sha256 of every file of weights, by its path in the package."""
        return {path: entry["sha256"] for path, entry in self.files.items() if path.endswith(".safetensors")}


def is_repository(path: Path) -> bool:
    """Return whether a folder has the layout that `publish: {repo: local}` writes."""
    return (path / "refs").is_dir() and (path / "snapshots").is_dir()


def wanted(path: str, *, weights: bool) -> bool:
    """Return whether a file of a package is needed, by what the command needs."""
    return path in DOCUMENTS or (weights and allowed(path, "model"))


def from_hub(reference: str, *, weights: bool) -> Published:
    """Return a package of the Hub, of which only what is needed is downloaded.

    Raises:
        RecipeError: the Hub does not give it (CR261), it is no package (CR246), or damaged (CR248).
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        _fail_hub(reference, expected="hf://owner/name, or hf://owner/name@revision", found=reference)
    repo = match["repo"]
    try:
        revision = match["revision"] or MAIN
        _require_small_manifest(reference, repo, revision)
        commit = pin(repo, revision, file=MANIFEST)
        folder = hub_files.fetch_files(repo, commit, {MANIFEST: LARGEST_MANIFEST_BYTES})
        name = f"{HUB}{repo}@{commit}"
        files = _listed(folder, name)
        names = [path for path in files if wanted(path, weights=weights)]
        require_as_listed(name, hub_files.missing_bytes(repo, commit, names), files)
        hub_files.fetch_files(repo, commit, {path: files[path]["size_bytes"] for path in names})
    except hub_files.failures() as error:
        _refuse(reference, error)
    found = Published(name=name, repository=repo, folder=folder, commit=commit, files=files)
    _verify(found, names)
    return found


def from_repository(path: Path, revision: str | None, *, weights: bool) -> Published:
    """Return a package of a folder that has the Hub's layout; a revision is `main`, a tag or a commit.

    Raises:
        RecipeError: there is no such revision (CR261), it is no package (CR246), or damaged (CR248).
    """
    commit = _commit(path, revision or MAIN)
    folder = path / "snapshots" / commit
    name = str(folder.resolve())
    files = _listed(folder, name)
    found = Published(name=name, repository=path.resolve().name, folder=folder, commit=commit, files=files)
    _verify(found, [file for file in files if wanted(file, weights=weights)])
    return found


def from_package(folder: Path) -> Published:
    """Return a package that lies in a folder of its own, which whoever has it may have changed.

    Raises:
        RecipeError: it is no package (CR246).
    """
    name = str(folder.resolve())
    files = _listed(folder, name)
    read_config(folder)
    return Published(name=name, repository=folder.resolve().name, folder=folder, commit=None, files=files)


def _commit(path: Path, revision: str) -> str:
    refs = (path / "refs" / "main", path / "refs" / "tags" / revision)
    named = next((ref for ref in refs if ref.name == revision and ref.is_file()), None)
    if _TAG.fullmatch(revision) and named:
        revision = named.read_text(encoding="utf-8").strip()
    if not hub_files.is_commit(revision) or not (path / "snapshots" / revision).is_dir():
        known = ", ".join(sorted(tag.name for tag in (path / "refs" / "tags").glob("*"))) or "none"
        _fail_hub(f"{path}", expected=f"`main`, a commit or one of the tags: {known}", found=revision)
    return revision


def _listed(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """Return what the manifest lists: no path of it leads out of the package, and none is a pickle."""
    manifest = folder / MANIFEST
    expected = f"what `cosmos-recipe run` or `publish` makes, with {MANIFEST}"
    if not manifest.is_file() or manifest.stat().st_size > LARGEST_MANIFEST_BYTES:
        _fail_package(name, expected=expected, found=f"no {MANIFEST}")
    try:
        files = manifest_files(manifest.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        _fail_package(name, expected=expected, found=f"a {MANIFEST} that cannot be read: {visible(str(error))}")
    for path in files:
        for problem in checks.check_name(path):
            if problem.code in _UNSAFE:
                _fail_package(name, expected=problem.expected, found=visible(path))
    for path in NEEDED:
        if path not in files:
            _fail_package(name, expected=f"a package with {path}", found="none")
    return files


def _verify(found: Published, names: list[str]) -> None:
    """Refuse files that are not those of the manifest, or that lie elsewhere; each of them is named."""
    problems = [problem for name in names if (problem := _difference(found, name))]
    if problems:
        raise RecipeError(*problems)
    read_config(found.folder)


def _require_small_manifest(reference: str, repo: str, revision: str) -> None:
    """Refuse a manifest that is too large to be one, before it is fetched; without the Hub, the cache's is looked at later."""
    with suppress(*hub_files.failures()):
        size = hub_files.size_bytes(repo, revision, MANIFEST)
        if size > LARGEST_MANIFEST_BYTES:
            expected = f"{MANIFEST} of at most {LARGEST_MANIFEST_BYTES // 10**6} MB"
            _fail_package(reference, expected=expected, found=f"one of {size / 1e6:,.0f} MB, which was not fetched")


def require_as_listed(name: str, sizes: Mapping[str, int], files: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse files that are not as large as the manifest says, or that there is no room for, before any is fetched.

    `sizes` are what the Hub says of the files to be fetched, in bytes; `files` is all that the manifest lists.

    Raises:
        RecipeError: there is other content than is listed (CR163), or no room for it (CR626).
    """
    other = {path: size for path, size in sizes.items() if size != files[path]["size_bytes"]}
    hint = "nothing of it was fetched; ask who published it, or name another revision"
    problems = [
        Problem(
            code="CR163",
            message=f"the Hub has another file than the manifest of the package lists: {path}",
            place=Place(file=name),
            expected=f"{files[path]['size_bytes']:,} bytes",
            found=f"{size:,} bytes",
            hint=hint,
        )
        for path, size in other.items()
    ]
    if problems:
        raise RecipeError(*problems)
    hub_files.require_room(name, sizes.values(), hub_files.kept_in())


def _difference(found: Published, name: str) -> Problem | None:
    path, said = found.folder / name, found.files[name]
    if not path.is_file():
        other = f"no {name}"
    elif not found.name.startswith(HUB) and not path.resolve().is_relative_to(found.folder.resolve()):
        other = f"a link out of the package in {name}"
    elif path.stat().st_size != said["size_bytes"] or sha256(path) != said["sha256"]:
        other = f"other content in {name}"
    else:
        return None
    return Problem(
        code="CR248",
        message=f"the package is not what its manifest says: {name}",
        place=Place(file=found.name),
        expected=f"{said['size_bytes']} bytes with the sha256 {str(said['sha256'])[:12]}",
        found=other,
        hint=f"remove {path} and repeat the command, which fetches it again"
        if found.name.startswith(HUB)
        else "publish it again from its run; to change what is run, use --set",
    )


def _refuse(reference: str, error: Exception) -> NoReturn:
    from huggingface_hub.errors import GatedRepoError, RemoteEntryNotFoundError

    if isinstance(error, RemoteEntryNotFoundError):
        expected = "what `cosmos-recipe run` or `publish` makes"
        _fail_package(reference, expected=f"{expected}, with {MANIFEST}", found=hub_files.first_line(error))
    hint = "check its name and revision; log in with `hf auth login` if it is private; a commit that was downloaded once needs no network"
    if isinstance(error, GatedRepoError):
        hint = "accept its terms on its page on the Hub, and log in with `hf auth login`"
    _fail_hub(
        reference,
        expected="a package on the Hub that may be read",
        found=visible(hub_files.first_line(error)),
        hint=hint,
    )


def _fail_hub(reference: str, *, expected: str, found: str, hint: str = "") -> NoReturn:
    message = f"the model {reference} cannot be had"
    fail("CR261", message, place=Place(file=reference), expected=expected, found=found, hint=hint)


def _fail_package(name: str, *, expected: str, found: str) -> NoReturn:
    fail(
        "CR246",
        "this repository is no package of ours",
        place=Place(file=name),
        expected=expected,
        found=found,
        hint="name what `cosmos-recipe publish` printed; weights of others are named in a recipe: `backbone: {weights: PATH}`",
    )
