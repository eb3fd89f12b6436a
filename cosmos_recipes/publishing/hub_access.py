"""What must hold before anything is sent, or trained: a token that may, a name that is free or ours, a base that opens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cosmos_recipes.diagnostics import Problem, RecipeError, fail
from cosmos_recipes.publishing import hub_errors
from cosmos_recipes.publishing.files import MANIFEST
from cosmos_recipes.publishing.hub_connection import Connection, Head

_OWN_FILES = frozenset({".gitattributes", "README.md", "LICENSE"})
"""What a repository may hold before anything was published to it: its page on the Hub can make these."""
WRITE, DISCUSS = "repo.write", "discussion.write"
"""Names that the Hub gives to rights of a fine-grained token."""


def prepare(hub: Connection, *, public: bool, base: str | None = None) -> None:
    """Make sure of the token, of the repository, which is made if there is none, and of the base model.

    Raises:
        RecipeError: CR730 to CR740.
    """
    user = _user(hub)
    owners = (str(user.get("name")), *(str(each.get("name")) for each in user.get("orgs", ())))
    if _owner(hub.repo) not in {name.lower() for name in owners}:
        raise RecipeError(hub_errors.not_ours(hub.repo, f"you are {owners[0]}", owners=owners))
    _require_right(hub.repo, user, WRITE)
    hub.repeat("making the repository", lambda: hub.api.create_repo(hub.repo, private=True, exist_ok=True))
    hub.repeat("checking the right to write", lambda: hub.may(hub.repo, write=True))
    check_ours(hub.repo, hub.repeat("reading the repository", hub.head), public=public)
    require_base(hub, base)


def prepare_proposal(hub: Connection, *, public: bool, base: str | None = None) -> str:
    """Make sure that changes can be proposed to a repository of somebody else; return who proposes.

    Raises:
        RecipeError: CR730 to CR740; there is no such repository, or none that the token may read (CR745, CR743).
    """
    user = _user(hub)
    _require_right(hub.repo, user, DISCUSS)
    _require_readable(
        hub,
        hub.repo,
        code="CR745",
        message=f"there is no repository {hub.repo} to open a pull request in",
        hint="check the name, or publish to a name of your own without --create-pr",
    )
    check_ours(hub.repo, hub.repeat("reading the repository", hub.head), public=public)
    require_base(hub, base)
    return str(user.get("name"))


def require_base(hub: Connection, base: str | None) -> None:
    """Make sure that the base model may be read, so that what is published can be used (CR736, CR743)."""
    if base:
        _require_readable(
            hub,
            base,
            code="CR743",
            message=f"the base model {base} is not there, or the token may not see it",
            hint="check its name; ask its owners for access, if it is a private one",
        )


def check_ours(repo: str, head: Head, *, public: bool) -> None:
    """Refuse a repository that holds something else (CR734), or that is public when the model shall not be (CR735)."""
    others = head.files.keys() - _OWN_FILES
    if others and MANIFEST not in head.files:
        fail(
            "CR734",
            f"{repo} already holds something else",
            found=f"{len(others)} files, such as {min(others)}",
            expected="a new name, or a repository that a recipe was published to before",
            hint="choose another name in publish.repo",
        )
    if not head.private and not public:
        fail(
            "CR735",
            f"{repo} is public, and the recipe says private",
            found="a public repository",
            expected="a private one",
            hint="make it private in its settings on the Hub, or say publish.public: true",
        )


def lacking_right(repo: str, access: Mapping[str, Any], right: str) -> Problem | None:
    """Return why a token has not the right that is needed for a repository, None where it has, or does not tell.

    `access` is what whoami tells of the token: its role and, of a fine-grained one, the rights for each owner and
    repository.
    """
    if access.get("role") == "read":
        return hub_errors.no_write(repo, "a token with the role read", proposing=right == DISCUSS)
    rights = access.get("fineGrained")
    if access.get("role") != "fineGrained" or not isinstance(rights, Mapping) or right in rights.get("global", ()):
        return None
    scopes = [scope for scope in rights.get("scoped", ()) if right in scope.get("permissions", ())]
    if any(_covers(scope.get("entity", {}), repo, right) for scope in scopes):
        return None
    places = ", ".join(str(scope.get("entity", {}).get("name", "?")) for scope in scopes)
    found = f"a fine-grained token with `{right}` for {places or 'nothing'}"
    return hub_errors.no_write(repo, found, proposing=right == DISCUSS)


def _covers(entity: Mapping[str, Any], repo: str, right: str) -> bool:
    name, kind = str(entity.get("name", "")).lower(), entity.get("type")
    if kind in ("user", "org"):
        # A right to propose is given by one's own name, for repositories of others.
        return name == _owner(repo) or right == DISCUSS
    # Of kinds that are not known here, the Hub itself will say.
    return name == repo.lower() if kind in ("model", "dataset", "space") else True


def _require_readable(hub: Connection, repo: str, *, code: str, message: str, hint: str) -> None:
    """Make sure that the token may read a repository; the Hub tells no difference between a private one and none."""
    try:
        hub.repeat(f"reading {repo}", lambda: hub.may(repo, write=False), about=repo)
    except RecipeError as error:
        (problem,) = error.problems
        if problem.code != "CR733":
            raise
        fail(code, message, found=problem.found, expected="a repository that the token may read", hint=hint)


def _user(hub: Connection) -> Mapping[str, Any]:
    """Return who the token is of, and what it may."""

    def ask() -> Mapping[str, Any]:
        user: Any = hub.api.whoami()
        if not isinstance(user, Mapping) or not isinstance(user.get("name"), str):
            raise hub_errors.StrangeAnswer("an answer without a name")
        return user

    return hub.repeat("checking the token", ask)


def _require_right(repo: str, user: Mapping[str, Any], right: str) -> None:
    access = user.get("auth", {}).get("accessToken") or {}
    if problem := lacking_right(repo, access, right):
        raise RecipeError(problem)


def _owner(repo: str) -> str:
    return repo.split("/")[0].lower()
