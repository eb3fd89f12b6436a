"""The package: the folder that is published. It loads by path, says how it was made, and lists its own hashes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cosmos_recipes import __version__
from cosmos_recipes.backbones.tokenizers import is_elsewhere
from cosmos_recipes.backbones.weights import ADAPTER
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import Problem, RecipeError, fail
from cosmos_recipes.files import sha256
from cosmos_recipes.publishing import checks
from cosmos_recipes.publishing.files import (
    CARD,
    MANIFEST,
    PARTS,
    FileEntry,
    allowed,
    appearing,
    copy_file,
    link_file,
    walk,
    write_text,
)
from cosmos_recipes.publishing.licences import licence_text
from cosmos_recipes.publishing.secret_scan import check_secrets
from cosmos_recipes.recipe.json_object import parse_json_object

REQUIRED = {
    "model": ("cosmos_recipe.json", *(f"{part}/config.json" for part in PARTS[:2]), "head/model.safetensors"),
    "run": ("recipe.yaml", "recipe.lock", "plan.yaml"),
    "evaluation": ("metrics.json", "report.html"),
}  # fmt: skip
LARGEST_MANIFEST_BYTES = 10_000_000
_MOST_FILES = 10_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package on disk whose content was checked. `files` leaves out the manifest, which lists them."""

    folder: Path
    run: str
    base: str | None
    files: tuple[FileEntry, ...]
    manifest: FileEntry

    @property
    def everything(self) -> tuple[FileEntry, ...]:
        """All files, the manifest included."""
        return (*self.files, self.manifest)

    @property
    def size_bytes(self) -> int:
        """Size of all files together."""
        return sum(entry.size_bytes for entry in self.everything)

    @property
    def tag(self) -> str:
        """Name of this content, for a tag: the run, and the start of the manifest's hash."""
        run = re.sub(r"[^A-Za-z0-9._-]+", "-", self.run)[:64].strip(".-")
        return f"run-{run}-{self.manifest.sha256[:8]}"


def write_package(folder: Path, *, model: Path, run: Path, evaluation: Path, plan: Plan) -> Package:
    """Make the package of a run at `folder`, whole or not at all; a package that was there is replaced.

    Args:
        folder: where the package goes.
        model: what `WorldModel.save_pretrained` wrote.
        run: the run's folder, with `recipe.yaml`, `recipe.lock` and `plan.yaml`; its name becomes the run's id.
        evaluation: `metrics.json`, `report.html` and `samples/`.
        plan: what was run.

    Raises:
        RecipeError: something is missing (CR700), a link (CR701), or unfit to be published (CR702 to CR709).
    """
    origins = {"model": model, "run": run, "evaluation": evaluation}
    chosen = _choose(origins)
    run_id = run.resolve().name
    with appearing(folder) as part:
        for path, source in chosen.items():
            copy_file(source, part / path)
        _forget_machine(part)
        write_text(part / CARD, _card(part, plan, run))
        write_text(part / "LICENSE", licence_text(plan))
        entries = [FileEntry.of(part, path) for path, _ in walk(part)]
        write_text(part / MANIFEST, _manifest(plan, run_id, entries))
        package = verify_package(part)
    return replace(package, folder=folder)


def address(package: Package, folder: Path, *, repo: str, plan: Plan, run: Path) -> Package:
    """Make at `folder` the same package with the card that it has in another repository; other files are not copied."""
    texts = {CARD: _card(package.folder, plan, run, repo)}
    entries = tuple(_entry_of(CARD, texts[CARD]) if entry.path == CARD else entry for entry in package.files)
    texts[MANIFEST] = _manifest(plan, package.run, entries)
    if not all(
        (folder / path).is_file() and (folder / path).read_text("utf-8") == text for path, text in texts.items()
    ):
        with appearing(folder) as part:
            for entry in package.files:
                link_file(package.folder / entry.path, part / entry.path)
            for path, text in texts.items():
                write_text(part / path, text)
    return replace(package, folder=folder, files=entries, manifest=_entry_of(MANIFEST, texts[MANIFEST]))


def _card(folder: Path, plan: Plan, run: Path, repo: str | None = None) -> str:
    # What only looks at packages needs none of what makes a card.
    from cosmos_recipes.publishing.card import Told, model_card

    return model_card(plan, Told.read(folder, run), repo=repo)


def _entry_of(path: str, text: str) -> FileEntry:
    content = text.encode()
    return FileEntry(path=path, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def verify_package(folder: Path) -> Package:
    """Read every file of a package again and return what it holds.

    Raises:
        RecipeError: every way in which it differs from its manifest or is unfit to be published (CR701 to CR711).
    """
    package, problems = inspect_package(folder)
    if problems:
        raise RecipeError(*problems)
    return package


def inspect_package(folder: Path) -> tuple[Package, tuple[Problem, ...]]:
    """Read every file of a package; return what its manifest lists, and all that is refused (CR701 to CR711).

    Raises:
        RecipeError: there is no manifest, or none that can be read (CR710).
    """
    manifest = _read_manifest(folder)
    listed = {path: FileEntry(path=path, **entry) for path, entry in manifest["files"].items()}
    problems = [*_check_listing(folder, listed)] or [*_check_contents(folder, listed)]
    package = Package(
        folder=folder,
        run=manifest["run"],
        base=manifest["base"],
        files=tuple(listed.values()),
        manifest=FileEntry.of(folder, MANIFEST),
    )
    return package, tuple(problems)


def manifest_files(text: str) -> dict[str, dict[str, Any]]:
    """Return the `files` of a manifest: path -> sha256 and size_bytes.

    Raises:
        ValueError: not JSON, or not a manifest of this form.
    """
    try:
        manifest = parse_json_object(text)
    except RecursionError:
        raise ValueError("JSON that is nested deeply") from None
    files: Any = manifest.get("files") if manifest.get("format") == 1 else None
    if not isinstance(files, dict):
        raise ValueError("no manifest of format 1")
    if len(files) > _MOST_FILES:
        raise ValueError(f"{len(files):,} files")
    if not all(_is_entry(entry) for entry in files.values()):
        raise ValueError("a file without its sha256 and size_bytes")
    return files


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or entry.keys() != {"sha256", "size_bytes"}:
        return False
    digest, size = entry["sha256"], entry["size_bytes"]
    return isinstance(digest, str) and bool(_SHA256.fullmatch(digest)) and type(size) is int and size >= 0


def _choose(origins: dict[str, Path]) -> dict[str, Path]:
    """Return the files to package, by their path in the package; nothing is taken that is not on the list."""
    chosen: dict[str, Path] = {}
    problems: list[Problem] = []
    for origin, folder in origins.items():
        entries = walk(folder) if folder.is_dir() else ()
        found = {path: entry for path, entry in entries if _wanted(path, origin, entry.is_symlink())}
        problems += [_link(folder / path) for path, entry in found.items() if entry.is_symlink()]
        problems += [_missing(folder / path) for path in REQUIRED[origin] if path not in found]
        chosen |= {path: folder / path for path in found}
    if not any(path == ADAPTER or re.fullmatch(r"transformer/.*\.safetensors", path) for path in chosen):
        problems.append(_missing(origins["model"] / "transformer" / "diffusion_pytorch_model.safetensors"))
    tokenizer = origins["model"] / "tokenizer"
    if "tokenizer/model.safetensors" not in chosen and not is_elsewhere(tokenizer):
        problems.append(_missing(tokenizer / "model.safetensors"))
    if problems:
        raise RecipeError(*problems)
    return chosen


def _wanted(path: str, origin: str, is_link: bool) -> bool:
    """Return whether a path is on the list of its origin, or a link that stands for a folder of the list."""
    return allowed(path, origin) or (is_link and path in {*PARTS, "samples"})


def _forget_machine(part: Path) -> None:
    """Remove from the configurations where on this machine the weights were loaded from."""
    for name in PARTS:
        config = part / name / "config.json"
        settings = json.loads(config.read_text(encoding="utf-8")) if config.exists() else {}
        if settings.pop("_name_or_path", None):
            write_text(config, json.dumps(settings, indent=2, sort_keys=True) + "\n")


def _manifest(plan: Plan, run_id: str, entries: Sequence[FileEntry]) -> str:
    manifest = {
        "format": 1,
        "recipe": plan.recipe,
        "run": run_id,
        "base": _base(plan),
        "code": f"cosmos-recipes {__version__}",
        "files": {entry.path: {"sha256": entry.sha256, "size_bytes": entry.size_bytes} for entry in entries},
    }
    return json.dumps(manifest, indent=2) + "\n"


def _base(plan: Plan) -> str | None:
    return f"{plan.backbone.hub_id}@{plan.backbone.revision or 'main'}" if plan.backbone.hub_id else None


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    hint = "name a folder that the package stage made, or make it again"
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_MANIFEST_BYTES:
        fail("CR710", f"there is no package here: {folder}", expected=f"a folder with {MANIFEST}", hint=hint)
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        files = manifest_files(text)
    except ValueError as error:
        fail("CR710", f"the manifest of the package cannot be read: {path}", found=str(error), hint=hint)
    manifest = json.loads(text)
    return {"run": str(manifest.get("run")), "base": manifest.get("base"), "files": files}


def _check_listing(folder: Path, listed: dict[str, FileEntry]) -> Iterator[Problem]:
    """Names and kinds of what is listed and of what is there, before anything is opened."""
    present = dict(walk(folder))
    for path in sorted({*listed, *present} - {MANIFEST}):
        entry = present.get(path)
        if entry is not None and not entry.is_file(follow_symlinks=False):
            yield _link(folder / path)
            continue
        yield from checks.check_name(path)
        if entry is None:
            yield _differs(path, "no such file")
        elif path not in listed:
            yield _differs(path, "a file that the manifest does not list")


def _check_contents(folder: Path, listed: dict[str, FileEntry]) -> Iterator[Problem]:
    for path, entry in listed.items():
        if (folder / path).stat().st_size != entry.size_bytes:
            yield _differs(path, f"{(folder / path).stat().st_size} bytes instead of {entry.size_bytes}")
        elif sha256(folder / path) != entry.sha256:
            yield _differs(path, "other content of the same size")
        yield from _check_kind(folder, path)
    yield from check_secrets(folder, MANIFEST)


def _check_kind(folder: Path, path: str) -> Iterator[Problem]:
    yield from check_secrets(folder, path)
    if path.endswith(".safetensors"):
        yield from checks.check_weights(folder, path)
    elif path.endswith(".index.json"):
        yield from checks.check_index(folder, path)
    elif path.endswith(".json"):
        yield from checks.check_json(folder, path)
    elif path == CARD:
        yield from checks.check_card(folder, path)


def _missing(path: Path) -> Problem:
    return Problem(
        code="CR700",
        message=f"a package needs a file that is not there: {path}",
        expected="what training and evaluation leave behind",
        hint="run the recipe to the end of its evaluation, then package again",
    )


def _link(path: Path) -> Problem:
    return Problem(
        code="CR701",
        message=f"a package holds plain files only: {path}",
        found="a link or a special file",
        expected="a file",
        hint="put the file itself in its place; a link could publish any file of this machine",
    )


def _differs(path: str, found: str) -> Problem:
    return Problem(
        code="CR711",
        message=f"the package is not what its manifest says: {path}",
        found=found,
        expected="the files that the manifest lists, byte for byte",
        hint="make the package again from the run",
    )
