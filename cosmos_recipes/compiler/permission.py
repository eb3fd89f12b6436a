"""What may be published where: names that the Hub allows, and licences that let others have what derives from a model."""

from __future__ import annotations

import re

from cosmos_recipes.diagnostics import Place, Problem

_NAME = re.compile(r"(?=.{1,96}$)[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(?<![.-])", re.ASCII)
_UNSAID = frozenset({"", "none", "other", "proprietary", "unknown", "unlicensed"})
_NO_DERIVATIVES = re.compile(r"(?:^|[-_ ])(?:nd|no-?deriv(?:ative)?s?)(?:$|[-_ .])", re.IGNORECASE)
_NON_COMMERCIAL = re.compile(r"(?:^|[-_ ])(?:nc|non-?commercial|nsclv?\d*)(?:$|[-_ .])", re.IGNORECASE)


def licence_problem(licence: str, base: str, *, public: bool, place: Place | None = None) -> Problem | None:
    """Return what forbids to make public what derives from `base`, None where its licence allows that.

    A private repository is not refused: what is not given to others needs no right to give it. Licences for
    non-commercial use let others have what derives from them, under the same terms.
    """
    if not public:
        return None
    if licence.lower() in _UNSAID:
        why = f"no licence that is known ({licence or 'none'}), and so no right to give others what derives from it"
    elif _NO_DERIVATIVES.search(licence):
        why = f"{licence}, which forbids to give others what derives from it"
    else:
        return None
    return Problem(
        code="CR750",
        message=f"the licence of {base} does not allow a public model that derives from it",
        place=place,
        expected="publish.public: false, or a base whose licence lets others have what derives from it",
        found=why,
        hint="publish it privately, or ask the owners of the base for that right",
    )


def licence_note(licence: str) -> str | None:
    """Return what whoever publishes should know of the base's licence, None where there is nothing."""
    if _NON_COMMERCIAL.search(licence):
        return f"the licence of the base ({licence}) allows no commercial use of this model either; its card says so"
    return None


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
