"""The names of repositories that the Hub allows."""

from __future__ import annotations

import re

from cosmos_recipes.diagnostics import Place, Problem

_NAME = re.compile(r"(?=.{1,96}$)[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(?<![.-])", re.ASCII)


def repository_problem(repo: str, *, public: bool, place: Place | None = None) -> Problem | None:
    """Return why there can be no repository of this name, None where there can; `local` is a folder, never public."""
    if repo == "local":
        return _public_folder(place) if public else None
    owner, _, name = repo.partition("/")
    allowed = _NAME.fullmatch(repo) and not re.search(r"\.\.|--", repo) and not name.endswith(".git")
    if allowed and not owner.endswith((".", "-")):
        return None
    return Problem(
        code="CR751",
        message=f"the Hub allows no repository of the name `{repo}`",
        place=place,
        expected="`local`, or owner/name of letters, digits, -, _ and ., with no -- or .. in it and none at an end, "
        "96 characters at most",
        found=repo,
        hint="choose another name",
    )


def _public_folder(place: Place | None) -> Problem:
    return Problem(
        code="CR332",
        message="a local folder cannot be public",
        place=place,
        expected="`repo: owner/name` with `public: true`",
        found="repo: local",
        hint="name a repository on the Hub, or remove `public`",
    )
