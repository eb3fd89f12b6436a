"""What was run or published before, run again from its plan and lock, on this machine or as a job on another.

The plan is taken as it is. What a person sets besides is put into it where it only says where something lies or goes;
anything else makes another recipe, which is compiled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.compile import compile_recipe, read_plan
from cosmos_recipes.compiler.drift import Drift, drift
from cosmos_recipes.compiler.emit import RECIPE_HEADER, emit, to_yaml
from cosmos_recipes.compiler.plan import Plan, PublishPlan
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.launch.target import Target
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.recipe.spec import Publish
from cosmos_recipes.recipe.validation import validate
from cosmos_recipes.run.locked import Locked, fail_without_lock, held
from cosmos_recipes.run.opening import Opened, read_lock, read_recipe, require_known_figures
from cosmos_recipes.run.placing import Placed, inline_dataset, require_here
from cosmos_recipes.run.references import RECIPE, Named

LOCAL = "local"
"""Where what others published is published when it is run again, unless something else is said."""


def open_again(
    named: Named, *, overrides: Sequence[str] = (), frozen: bool = False, target: Target | None = None
) -> Opened:
    """Return what was named, to be run again; the lock that it is held to goes with it.

    With a `target`, the cluster that it is sent to, only what goes there from this machine is compared: the machine that
    trains compares itself, the base and the data.

    Raises:
        RecipeError: with `frozen`, all that drifted (CR240), what may not be set then (CR241), or there is no lock (CR244);
            data or base are not on this machine (CR242); or what is set is wrong (CR1xx to CR5xx).
    """
    plan, recipe, document = read_plan(named.plan_file), read_recipe(named.folder), read_lock(named.folder)
    if frozen and not document:
        fail_without_lock(named.pinned)
    is_elsewhere = target is not None and not target.shares_disk
    said = Placed.of(overrides, plan, frozen=frozen, elsewhere=is_elsewhere)
    if said.others and frozen:
        raise RecipeError(*(_pinned(text) for text in said.others))
    here = said.applied(plan)
    if said.others or _is_other_base(here, plan, frozen=frozen):
        return _recompiled(named, plan, overrides, document, target)
    _require_paths(here, said, named, target)
    found = _drift(document, plan, recipe, base=here.backbone.weights, target=target)
    here = _published_here(here, said, is_own=named.published is None)
    documents = emit(here, recipe=_retold(named, recipe, here, plan), origin=_origin(named, document))
    if not document:
        return Opened(plan=here, documents=documents)
    document = held(document, here, documents[RECIPE], origin=_origin(named, document))
    locked = Locked(name=named.pinned, document=document, drift=found, frozen=frozen, weights=named.weights)
    locked.check()
    return Opened(plan=here, documents=documents, locked=locked)


def _require_paths(here: Plan, said: Placed, named: Named, target: Target | None) -> None:
    """Look whether data and base are where the plan says; machines elsewhere have what lies in their folder of runs."""
    if target is None or target.shares_disk:
        require_here(here, named.pinned)
        return
    root = target.runs or "/"
    require_here(
        here,
        named.pinned,
        is_there=lambda path: path in said.paths or Path(path).is_relative_to(root) or Path(path).exists(),
    )


def _drift(
    document: dict[str, Any], plan: Plan, recipe: str, *, base: str | None, target: Target | None
) -> tuple[Drift, ...]:
    """Return what is otherwise here; of a job, what is in what is sent."""
    if not document:
        return ()
    found = drift(document, plan, recipe, base=None if target else base)
    return tuple(each for each in found if target is None or not each.is_of_machine)


def _is_other_base(here: Plan, plan: Plan, *, frozen: bool) -> bool:
    """Return whether what there is to start from is another model: then the whole is another recipe."""
    weights = Weights(label=here.backbone.weights or "")
    if frozen or not here.backbone.weights or weights.is_on_hub or not weights.is_whole:
        return False
    return weights.sha256() != plan.backbone.weights_sha256


def _recompiled(
    named: Named, plan: Plan, overrides: Sequence[str], document: dict[str, Any], target: Target | None
) -> Opened:
    """Return another recipe: that of the package, with its data set written out and what is set put over it."""
    ours = [] if named.published is None else [f"publish={json.dumps({'repo': LOCAL})}"]
    told = inline_dataset(plan) if _is_elsewhere(named) else None
    data = [f"dataset.use={json.dumps(told)}"] if told else []
    loaded = load_recipe(named.folder / RECIPE, overrides=[*ours, *data, *overrides])
    require_known_figures(loaded)
    made = compile_recipe(loaded, ask_hub=True)
    documents = emit(made, loaded, origin=_origin(named, document))
    if not document:
        return Opened(plan=made, documents=documents)
    # What was set is no drift, and other weights will come out.
    recipe, origin = documents[RECIPE], _origin(named, document)
    document = held(document, made, recipe, *_blocks(overrides), origin=origin)
    found = _drift(document, made, recipe, base=made.backbone.weights, target=target)
    locked = Locked(name=named.pinned, document=document, drift=found, frozen=False)
    return Opened(plan=made, documents=documents, locked=locked)


def _blocks(overrides: Sequence[str]) -> Iterator[str]:
    """Yield the blocks of a lock that overrides decide."""
    keys = {text.partition("=")[0].strip().partition(".")[0] for text in overrides}
    if "backbone" in keys:
        yield "backbone"
    if "dataset" in keys:
        yield from ("schema", "data")


def _is_elsewhere(named: Named) -> bool:
    """Return whether the recipe names its data set by a path that is not on this machine."""
    use = read_located(named.folder / RECIPE).tree["dataset"]["use"]
    return isinstance(use, str) and use.startswith("/") and not Path(use).exists()


def _published_here(plan: Plan, said: Placed, *, is_own: bool) -> Plan:
    """Return the plan with where it is published: what is set, or else where it said if it is one's own, or a folder."""
    if is_own and not said.publish:
        return plan
    before = plan.publish.model_dump() if is_own else {"repo": LOCAL}
    chosen = validate(Publish, before | dict(said.publish), lambda key, of_key: Place(file="--set publish"))
    _require_possible(chosen)
    return plan.model_copy(update={"publish": PublishPlan(**chosen.model_dump())})


def _require_possible(chosen: Publish) -> None:
    if chosen.public and chosen.repo == LOCAL:
        fail(
            "CR241",
            "what is published to a folder cannot be public",
            place=Place(file="--set publish.public"),
            expected="--set publish.repo=owner/name beside it",
            found=LOCAL,
        )


def _retold(named: Named, recipe: str, here: Plan, plan: Plan) -> str:
    """Return the text of the recipe, with what was placed on this machine, so that it is that of the plan beside it."""
    if here == plan:
        return recipe
    tree = dict(read_located(named.folder / RECIPE).tree)
    tree["publish"] = here.publish.model_dump()
    if here.data != plan.data and (told := inline_dataset(here)):
        tree["dataset"] = {**tree["dataset"], "use": told}
    if here.backbone.weights != plan.backbone.weights:
        tree["backbone"] = {**tree["backbone"], "weights": here.backbone.weights}
    return RECIPE_HEADER + to_yaml(tree)


def _origin(named: Named, document: Mapping[str, Any]) -> str | None:
    """Return what is run again, pinned; of a run of one's own, what that was made from."""
    return named.published.origin if named.published else document.get("origin")


def _pinned(text: str) -> Problem:
    return Problem(
        code="CR241",
        message="`--frozen` runs what the lock pins, and this would change it",
        place=Place(file=f"--set {text}"),
        expected="only where data and base lie, and where to publish: dataset.use.source.path, backbone.weights, publish.repo",
        found=text.partition("=")[0].strip(),
        hint="leave --frozen or this out",
    )
