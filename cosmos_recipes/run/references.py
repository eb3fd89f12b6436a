"""What a person names: a run, a model, a package or a published one, here or on the Hub, or a recipe that was run.

runs/factory/base-1a2b3c4d          the folder of a run, or its plan.yaml
published/local/factory[@TAG]       a folder with the Hub's layout, wherever it lies
hf://owner/name[@REVISION]          the same on the Hub; a branch is pinned to the commit that it is now
a/package                           a package or a model in a folder of its own
factory                             the newest run of that recipe, where a trained model is needed

Every command that takes one of these finds it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from cosmos_recipes.diagnostics import fail, nearest, visible
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.publishing.files import MANIFEST
from cosmos_recipes.run.folder import read_json
from cosmos_recipes.run.published import (
    HUB,
    Published,
    from_hub,
    from_package,
    from_repository,
    is_repository,
)

CONFIG, PLAN, RECIPE, LOCK = "cosmos_recipe.json", "plan.yaml", "recipe.yaml", "recipe.lock"
AGAIN = "again.json"
"""Of a job that runs something again: what that is called, and the hashes of its weights."""
MODEL_OF_RUN = Path("train") / "model"


@dataclass(frozen=True, kw_only=True)
class Named:
    """What was named. `folder` holds plan, recipe and lock, `model` the weights if there are any.

    `pinned` names the same for ever, where that can be said. `published` is None for a run and for what is compiled only.
    `weights` are the sha256 of the files of weights that were published, by their paths.
    """

    pinned: str
    folder: Path
    model: Path | None
    published: Published | None = None
    weights: Mapping[str, str] = field(default_factory=dict)

    @property
    def commit(self) -> str | None:
        """The commit on the Hub."""
        return self.published.commit if self.published and self.pinned.startswith(HUB) else None

    @property
    def plan_file(self) -> Path:
        """The plan, which a base has none of."""
        return self.folder / PLAN

    @property
    def metrics_file(self) -> Path:
        """What was measured, where it was."""
        return self.folder / ("metrics.json" if self.published else "evaluate/metrics.json")


def find(reference: str, *, weights: bool) -> Named | None:
    """Return what an address or a path names, None if that is no plan, run, model or package; names are not looked up.

    Of what is on the Hub, weights are only fetched where they are needed.

    Raises:
        RecipeError: the Hub does not give it (CR261), or it is no package (CR246), or damaged (CR248).
    """
    if reference.startswith(HUB):
        return _published(from_hub(reference, weights=weights))
    path, revision = _revision_of(reference)
    if is_repository(path):
        return _published(from_repository(path, revision, weights=weights))
    if path.name == PLAN and path.is_file():
        path = path.parent
    return _in_folder(path) if path.is_dir() else None


def find_model(reference: str, *, runs: Path) -> Named:
    """Return a trained model: what `find` does, or the newest run of a recipe below `runs`.

    Raises:
        RecipeError: there is none, or none that is trained (CR260); or as `find`.
    """
    named = find(reference, weights=True)
    if named is not None and named.model is not None:
        return named
    path = Path(reference).expanduser()
    if path.is_dir():
        _fail(reference, "holds no trained model", f"a folder with {CONFIG}, or a run whose training ended")
    newest = sorted(_runs_of(path.stem if path.suffix in (".yaml", ".yml") else reference, runs))
    return (_in_folder(newest[-1][1]) if newest else None) or _fail_unknown(reference, runs)


def _published(found: Published) -> Named:
    return Named(pinned=found.name, folder=found.folder, model=found.folder, published=found, weights=found.weights)


def _revision_of(reference: str) -> tuple[Path, str | None]:
    """Return a path and the revision after its @, unless the @ belongs to the path."""
    path = Path(reference).expanduser()
    before, sign, revision = reference.rpartition("@")
    if not sign or path.exists() or not is_repository(Path(before).expanduser()):
        return path, None
    return Path(before).expanduser(), revision


def _in_folder(folder: Path) -> Named | None:
    # A link to the newest one is followed: it leads elsewhere tomorrow.
    pinned = str(folder.resolve())
    if (folder / MANIFEST).is_file() and (folder / RECIPE).is_file():
        return replace(_published(from_package(folder)), model=_model(folder))
    if (model := _model(folder) or _model(folder / MODEL_OF_RUN)) or (folder / PLAN).is_file():
        name, weights = _again(folder)
        return Named(pinned=name or pinned, folder=folder, model=model, weights=weights)
    return _in_folder(folder / "latest") if (folder / "latest").is_dir() else None


def _again(folder: Path) -> tuple[str | None, dict[str, str]]:
    """Return what a job runs again, and the hashes of its weights; nothing of any other folder."""
    said = read_json(folder / AGAIN)
    try:
        return visible(said["name"]), {str(path): str(sha256) for path, sha256 in said["weights"].items()}
    except (AttributeError, KeyError, TypeError):
        return None, {}


def _model(folder: Path) -> Path | None:
    return folder if (folder / CONFIG).is_file() else None


def _runs_of(name: str, runs: Path) -> Iterator[tuple[float, Path]]:
    """Yield when the training of each run of a recipe ended, and the run."""
    if name and "/" not in name and not name.startswith("."):
        for config in runs.glob(f"{name}/*/{MODEL_OF_RUN}/{CONFIG}"):
            yield config.stat().st_mtime, config.parents[2]


def _fail_unknown(reference: str, runs: Path) -> NoReturn:
    known = sorted({config.parents[3].name for config in runs.glob(f"*/*/{MODEL_OF_RUN}/{CONFIG}")})
    close = nearest(reference, known)
    _fail(
        reference,
        "is no trained model",
        "the folder of a run or a package, the name of a recipe that was run, or hf://owner/name",
        hint=f"did you mean `{close}`?" if close else f"trained in {runs}: {listed(known, 'and')}",
    )


def _fail(reference: str, message: str, expected: str, *, hint: str = "") -> NoReturn:
    fail("CR260", f"`{reference}` {message}", expected=expected, found=reference, hint=hint)
