"""The model that a person names: where it lies, and what is known of it besides its weights."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cosmos_recipes.backbones.weights import ADAPTER, Weights
from cosmos_recipes.compiler.compile import read_plan
from cosmos_recipes.compiler.plan import EvaluatePlan, Plan
from cosmos_recipes.data.seen import SeenData, read_seen
from cosmos_recipes.diagnostics import Place, fail, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.files import sha256
from cosmos_recipes.recipe.spec import Evaluate

if TYPE_CHECKING:
    from cosmos_recipes.training.world_model import WorldModelConfig

CONFIG, PLAN, HUB = "cosmos_recipe.json", "plan.yaml", "hf://"
TIMEOUT_S = 10.0
_REFERENCE = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w./-]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PUBLISHED = "published/local"


@dataclass(frozen=True, kw_only=True)
class OpenModel:
    """A model's folder. `pinned` names the same model for ever, where that can be said; a base has no `plan`."""

    folder: Path
    pinned: str
    config: WorldModelConfig
    plan: Plan | None
    seen: SeenData | None
    revision: str | None = None

    def require_base(self, base: Path | None) -> None:
        """Refuse a base that would be ignored or holds no model (CR262), and adapters whose base is gone (CR269)."""
        from cosmos_recipes.backbones.text import is_frozen

        if base is None:
            needed = Weights(label=str(self.config.base["weights"])) if self.config.base else None
            if needed and not needed.is_on_hub and not needed.is_whole:
                fail_base("the model that the adapters are for", needed.folder, "transformer/ and what goes with it")
            return
        weights = Weights(label=str(base))
        if not weights.is_whole:
            expected = "the folder of a model, or of a diffusers pipeline"
            fail("CR262", "there is no model to build on", expected=f"`--base` with {expected}", found=str(base))
        reads = weights.is_pipeline and is_frozen(self.config.text["encoder"])
        if self.config.base is None and not reads:
            hint = "leave `--base` out"
            fail("CR262", "the model needs nothing of a base", expected="no `--base`", found=str(base), hint=hint)

    @property
    def evaluated(self) -> Evaluate | EvaluatePlan:
        """What the model was evaluated with; of a base, what is so by default."""
        return self.plan.evaluate if self.plan else Evaluate()

    @property
    def weights_sha256(self) -> str:
        """One hash of all weights and settings: the manifest's own, where there is one."""
        manifest = self.folder / "MANIFEST.json"
        if manifest.is_file():
            return sha256(manifest)
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()


def fail_base(what: str, folder: Path, expected: str) -> NoReturn:
    """Raise that something which the model builds on is not where it was (CR269)."""
    place, hint = Place(file=str(folder)), "put it back, or say with `--base` where it is"
    fail("CR269", f"{what} is not there", place=place, expected=expected, hint=hint)


def open_model(reference: str, *, runs: Path) -> OpenModel:
    """Return the model that a reference names; see `SampleRequest`.

    Raises:
        RecipeError: there is none, or none that is trained (CR260), or the Hub does not give it (CR261).
    """
    from cosmos_recipes.training.world_model import read_config

    revision = None
    if reference.startswith(HUB):
        folder, revision = _download(reference)
        pinned = f"{reference.partition('@')[0]}@{revision}"
        plan_file = folder / PLAN
    else:
        folder, plan_file = _find(reference, runs)
        # A link to the newest one is followed: it leads elsewhere tomorrow.
        pinned = str(plan_file.parent.resolve())
    plan = read_plan(plan_file) if plan_file.is_file() else None
    return OpenModel(
        folder=folder,
        pinned=pinned,
        config=read_config(folder),
        plan=plan,
        seen=read_seen(folder),
        revision=revision,
    )


def _find(reference: str, runs: Path) -> tuple[Path, Path]:
    """Return the folder of a model on this machine, and its plan."""
    path = Path(reference).expanduser()
    if path.is_dir() and (found := _model_in(path)):
        return found
    if path.is_dir():
        _fail(reference, "holds no trained model", f"a folder with {CONFIG}, or a run whose training ended")
    newest = sorted(_runs_of(path.stem if path.suffix in (".yaml", ".yml") else reference, runs))
    return (_model_in(newest[-1][1]) if newest else None) or _fail_unknown(reference, runs)


def _fail_unknown(reference: str, runs: Path) -> NoReturn:
    known = sorted({run.parent.name for run in runs.glob("*/*") if _model_in(run)})
    close = nearest(reference, known)
    _fail(
        reference,
        "is no trained model",
        "the folder of a run or a package, the name of a recipe that was run, or hf://owner/name",
        hint=f"did you mean `{close}`?" if close else f"trained in {runs}: {listed(known, 'and')}",
    )


def _model_in(folder: Path) -> tuple[Path, Path] | None:
    if (folder / CONFIG).is_file():
        return folder, folder / PLAN
    if (folder / "train" / "model" / CONFIG).is_file():
        return folder / "train" / "model", folder / PLAN
    return _model_in(folder / "latest") if (folder / "latest").is_dir() else None


def _runs_of(name: str, runs: Path) -> Iterator[tuple[float, Path]]:
    """Yield when the training of each run of a recipe ended, and the run."""
    if name and "/" not in name and not name.startswith("."):
        for config in runs.glob(f"{name}/*/train/model/{CONFIG}"):
            yield config.stat().st_mtime, config.parents[2]


def _fail(reference: str, message: str, expected: str, *, hint: str = "") -> NoReturn:
    fail("CR260", f"`{reference}` {message}", expected=expected, found=reference, hint=hint)


def _download(reference: str) -> tuple[Path, str]:
    """Return the folder of a package of the Hub and its commit; nothing is fetched that no package holds."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    from cosmos_recipes.publishing.files import MANIFEST, PARTS

    match = _REFERENCE.fullmatch(reference)
    if match is None:
        _fail_hub(reference, expected="hf://owner/name, or hf://owner/name@revision", found=reference)
    repo, revision = match["repo"], match["revision"]
    wanted = [
        CONFIG,
        "data.json",
        PLAN,
        MANIFEST,
        ADAPTER,
        *(f"{part}/*.{end}" for part in PARTS for end in ("json", "safetensors")),
    ]
    try:
        pinned = revision if revision and _COMMIT.fullmatch(revision) else None
        commit = pinned or HfApi().model_info(repo, revision=revision, timeout=TIMEOUT_S).sha
        folder = Path(snapshot_download(repo, revision=commit, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        found = str(error).strip().splitlines()[0]
        hint = "check its name and revision; log in with `hf auth login` if it is private; a commit that was downloaded once needs no network"
        _fail_hub(reference, expected="a package on the Hub that may be read", found=found, hint=hint)
    _verify(reference, folder, MANIFEST)
    return folder, str(commit)


def _verify(reference: str, folder: Path, manifest: str) -> None:
    """Refuse a download that is not what its own manifest says."""
    from cosmos_recipes.publishing.package import manifest_files

    try:
        listed_files: dict[str, Any] = manifest_files((folder / manifest).read_text(encoding="utf-8"))
    except (OSError, ValueError, json.JSONDecodeError):
        _fail_hub(reference, expected=f"a package that `cosmos-recipe run` published, with {manifest}", found="none")
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != manifest):
        name = file.relative_to(folder).as_posix()
        if name in listed_files and sha256(file) != listed_files[name]["sha256"]:
            _fail_hub(reference, expected="files as its manifest lists them", found=f"other content in {name}")
    if CONFIG not in listed_files or not (folder / CONFIG).is_file():
        _fail_hub(reference, expected=f"a package with {CONFIG}", found="none")


def _fail_hub(reference: str, *, expected: str, found: str, hint: str = "") -> NoReturn:
    message = f"the model {reference} cannot be had from the Hub"
    fail("CR261", message, place=Place(file=reference), expected=expected, found=found, hint=hint)
