"""`cosmos-recipe diff`: in what two things differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosmos_recipes.cli import complete

if TYPE_CHECKING:
    from cosmos_recipes.run.difference import Difference, Side, Value

_TITLES = {
    "recipe": "recipe",
    "plan": "compiled plan",
    "environment": "environment",
    "data": "data",
    "results": "results",
}
_LONGEST = 100


def diff(
    left: Annotated[
        str,
        typer.Argument(
            metavar="A", help="A recipe, plan.yaml, run, package or hf://owner/name.", autocompletion=complete.runnable
        ),
    ],
    right: Annotated[str, typer.Argument(metavar="B", help="Another.", autocompletion=complete.runnable)],
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="A profile, of those of the two that are recipes.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write it for programs.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if there is a difference, as git diff does.")
    ] = False,
) -> None:
    """Say in what two recipes, plans, runs or packages differ, with the origin of each value.

    Differences are grouped: recipe, compiled plan, environment (recipe.lock), data, results (metrics.json). What only one
    of the two has is (absent) in the other. Nothing is run, and no weights are downloaded. Exits with 0 whether or not
    there are any, unless --exit-code is given.

    \b
    Examples:
      cosmos-recipe diff factory recipes/mine.yaml
      cosmos-recipe diff runs/factory/base-1a2b3c4d hf://owner/model
      cosmos-recipe diff hf://owner/model@run-a hf://owner/model@run-b --json
    """
    from cosmos_recipes.run.difference import differences, open_side

    sides = [open_side(reference, profile=profile) for reference in (left, right)]
    found = list(differences(*sides))
    typer.echo(_document(sides, found) if as_json else "\n".join(_lines(sides, found)))
    if found and exit_code:
        raise typer.Exit(1)


def _document(sides: Sequence[Side], found: Sequence[Difference]) -> str:
    names = dict(zip(("left", "right"), (side.name for side in sides), strict=True))
    return json.dumps({**names, "differences": [asdict(each) for each in found]}, indent=2)


def _lines(sides: Sequence[Side], found: Sequence[Difference]) -> Iterator[str]:
    from cosmos_recipes.diagnostics import visible

    yield f"- {visible(sides[0].name)}"
    yield f"+ {visible(sides[1].name)}"
    for group, members in groupby(found, key=lambda each: each.group):
        yield f"\n{_TITLES[group]}"
        for each in members:
            yield f"  {visible(each.path)}"
            yield f"    - {_shown(each.left)}"
            yield f"    + {_shown(each.right)}"
    if not found:
        yield "\nno difference"


def _shown(value: Value) -> str:
    text = _short(_text(value.value))
    return f"{text}   ({_short(value.origin)})" if value.origin else text


def _short(text: str) -> str:
    from cosmos_recipes.diagnostics import visible

    text = visible(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
