"""The model that a person names: where it lies, and what is known of it besides its weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.compile import read_plan
from cosmos_recipes.compiler.plan import EvaluatePlan, Plan
from cosmos_recipes.compiler.trained import CONFIG, WorldModelConfig, read_config, require_sound
from cosmos_recipes.data.seen import SeenData, read_seen
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import sha256
from cosmos_recipes.recipe.json_object import refuse_together
from cosmos_recipes.recipe.spec import Evaluate
from cosmos_recipes.run.references import Named, find_model


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
        require_sound(base)
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
        RecipeError: there is none, or none that is trained (CR260), or it cannot be had as it was published (CR246, CR248,
            CR261).
    """
    return opened(find_model(reference, runs=runs))


def opened(named: Named) -> OpenModel:
    """Return a model that was found, with what is known of it."""
    assert named.model is not None
    require_sound(named.model)
    config = read_config(named.model)
    plan = read_plan(named.plan_file) if named.plan_file.is_file() else None
    if plan is not None and plan.backbone.family != config.family:
        expected = f"backbone.family: {config.family}, as {CONFIG} says"
        refuse_together(named.plan_file, plan.backbone.family, expected=expected)
    return OpenModel(
        folder=named.model,
        pinned=named.pinned,
        config=config,
        plan=plan,
        seen=read_seen(named.model),
        revision=named.commit,
    )
