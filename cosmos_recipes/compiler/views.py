"""Checks of recipes with several views: whether the head tells them apart, and how they see each other."""

from __future__ import annotations

from collections.abc import Iterator

from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.compiler.trained import read_config
from cosmos_recipes.conditioning.base import heads
from cosmos_recipes.diagnostics import Place, Problem, nearest


def check_views(resolved: Resolved) -> Iterator[Problem]:
    """Yield the problems of views."""
    yield from _several(resolved)
    settings = list(_settings(resolved))
    yield from settings or _map(resolved)
    yield from _weights(resolved)


def _several(resolved: Resolved) -> Iterator[Problem]:
    head, views = resolved.head, resolved.views
    if len(views) > 1 and not head.of_views:
        of_views = [other.name for other in heads().values() if other.of_views]
        yield Problem(
            code="CR306",
            message=f"the head `{head.name}` does not tell views apart, and a clip has {len(views)}",
            place=resolved.loaded.place_of("conditioning.head") or resolved.loaded.place_of("dataset.use"),
            expected=f"one of {', '.join(of_views)}, or one view",
            found=f"the views {', '.join(views)}",
            hint="choose a head of several views, or name one under `views` in the data set's file",
        )


def _settings(resolved: Resolved) -> Iterator[Problem]:
    """Settings that would be ignored."""
    said = resolved.loaded.recipe.conditioning
    for key, (why, expected) in _ignored(resolved).items():
        value = said.layout if key == "layout" else said.attention
        yield Problem(
            code="CR337",
            message=f"`{key}` would be ignored: {why}",
            place=resolved.loaded.place_of(f"conditioning.{key}"),
            expected=expected,
            found=value or "full attention, which is the default",
            hint=f"remove `{key}`",
        )


def _ignored(resolved: Resolved) -> dict[str, tuple[str, str]]:
    """Return the settings of views that are said and have nothing to act on: why, and what they would need."""
    said, head, backbone = resolved.loaded.recipe.conditioning, resolved.head, resolved.backbone
    keys = [key for key in ("attention", "sees", "layout") if getattr(said, key) is not None]
    if not head.of_views or len(resolved.views) < 2:
        why = "a clip has one view" if head.of_views else f"the head `{head.name}` does not tell views apart"
        return dict.fromkeys(keys, (why, "a head and a data set of several views"))
    if backbone.architecture.causal:
        reasons = dict.fromkeys(keys, (f"in {backbone.name} each token sees all before it", "a diffusion backbone"))
        kept = {"layout", "attention"} if said.attention == "full" else {"layout"}
    else:
        needs = "`attention: per-view` beside it", "an autoregressive backbone"
        reasons = {
            "sees": ("in full attention all views see each other", needs[0]),
            "layout": (f"{backbone.name} predicts all tokens at once", needs[1]),
        }
        kept = {"attention", "sees"} if said.attention == "per-view" else {"attention"}
    return {key: reasons[key] for key in keys if key not in kept}


def _map(resolved: Resolved) -> Iterator[Problem]:
    """Whether the map of which view sees which names the views that there are."""
    sees, loaded = resolved.loaded.recipe.conditioning.sees, resolved.loaded
    if sees is None:
        return
    if not any(sees.values()):
        yield _wrong(resolved, loaded.place_of("conditioning.sees"), "no view sees another", "nothing")
    for view, seen in sees.items():
        place = loaded.place_of(f"conditioning.sees.{view}")
        unknown = next((name for name in (view, *seen) if name not in resolved.views), None)
        if unknown is not None:
            close = nearest(unknown, resolved.views)
            hint = f"did you mean `{close}`?" if close else "use the names that the data set gives its views"
            yield _wrong(resolved, place, f"there is no view called `{unknown}`", unknown, hint=hint)
        elif view in seen:
            hint = "leave it out: every view sees itself"
            yield _wrong(resolved, place, f"the view `{view}` is said to see itself", view, hint=hint)
        elif len(set(seen)) < len(seen):
            yield _wrong(resolved, place, f"the view `{view}` sees another twice", ", ".join(seen))


def _weights(resolved: Resolved) -> Iterator[Problem]:
    """Whether a head of views that was trained already was made for these views and this attention."""
    weights = resolved.weights
    trained = read_config(weights.folder) if weights and not weights.is_pipeline else None
    if trained is None or trained.head != resolved.head.name or not resolved.head.of_views:
        return
    attention = resolved.loaded.recipe.conditioning.attention or "full"
    theirs, ours = (
        f"{', '.join(views)}, with {how} attention"
        for views, how in ((trained.views, trained.attention), (resolved.views, attention))
    )
    if theirs != ours:
        yield Problem(
            code="CR304",
            message="the head of the model to start from was made for other views",
            place=resolved.loaded.place_of("backbone.weights"),
            expected=ours,
            found=theirs,
            hint="name the data set's views as that model does, in the same order, or start from another",
        )


def _wrong(resolved: Resolved, place: Place | None, message: str, found: str, hint: str = "") -> Problem:
    return Problem(
        code="CR338",
        message=message,
        place=place,
        expected=f"other views of {', '.join(resolved.views)}, each once",
        found=found,
        hint=hint or "correct `sees`, or leave it out: then each view sees all others",
    )
