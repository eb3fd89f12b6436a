"""How a model's clips are drawn: as a person says, or else as it was evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from cosmos_recipes.backbones.objectives import NoiseSampling, Sampling, TokenSampling, objective_entry
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.run.sampling.models import OpenModel
from cosmos_recipes.run.sampling.request import SampleRequest

OPTIONS: dict[type[Sampling], dict[str, str]] = {
    NoiseSampling: {"steps": "--steps"},
    TokenSampling: {"temperature": "--temperature", "top_p": "--top-p", "top_k": "--top-k"},
}
"""The option that says each setting, of each kind of sampling."""


def sampling_for(request: SampleRequest, model: OpenModel) -> Sampling:
    """Return how clips are drawn.

    Raises:
        RecipeError: what is said would be ignored by this model (CR262).
    """
    from cosmos_recipes.training.families import sampling_of

    objective = objective_entry(model.config.objective)
    evaluated = sampling_of(objective, model.evaluated)
    own = OPTIONS[type(evaluated)]
    others = {name: option for options in OPTIONS.values() if options != own for name, option in options.items()}
    for option in _said(request, others):
        can = listed([f"`{each}`" for each in own.values()], "and")
        _fail(option, f"the model {objective.does}", f"no `{option}`; {can} can be said of this model")
    sampling = evaluated.but(**{name: getattr(request, name) for name in own})
    if isinstance(sampling, TokenSampling) and sampling.temperature == 0:
        for option in _said(request, {name: own[name] for name in ("top_p", "top_k")}):
            _fail(option, "at temperature 0 the likeliest token is taken", f"no `{option}`, or another `--temperature`")
    return sampling


def _said(request: SampleRequest, options: dict[str, str]) -> Iterator[str]:
    return (option for name, option in options.items() if getattr(request, name) is not None)


def _fail(option: str, why: str, expected: str) -> NoReturn:
    fail("CR262", f"`{option}` would be ignored: {why}", expected=expected, hint=f"leave `{option}` out")
