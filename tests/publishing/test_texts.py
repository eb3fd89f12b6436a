"""What is said when something cannot be published, word for word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos_recipes.compiler.licences import Origin, sharing_problem
from cosmos_recipes.compiler.repository import repository_problem
from cosmos_recipes.diagnostics import Problem, RecipeError, render
from cosmos_recipes.publishing import hub_errors
from cosmos_recipes.publishing.hub_access import DISCUSS, WRITE, lacking_right
from cosmos_recipes.run.publish import Asked, find_publication
from tests.stored_texts import assert_stored

TEXTS = Path(__file__).with_name("texts")
FINE = {
    "role": "fineGrained",
    "fineGrained": {"scoped": [{"entity": {"type": "org", "name": "lab"}, "permissions": [WRITE]}]},
}
CASES: dict[str, Callable[[], Problem | None]] = {
    "licence-without-derivatives": lambda: _sharing("cc-by-nd-4.0"),
    "licence-unknown": lambda: _sharing("unknown"),
    "local-folder-public": lambda: repository_problem("local", public=True),
    "repository-name": lambda: repository_problem("ada/arm--v2", public=False),
    "token-that-reads": lambda: lacking_right("ada/arm", {"role": "read"}, WRITE),
    "token-of-another-owner": lambda: lacking_right("ada/arm", FINE, WRITE),
    "token-that-may-not-propose": lambda: lacking_right("ada/arm", FINE, DISCUSS),
    "name-of-somebody-else": lambda: hub_errors.not_ours("eve/arm", "you are ada", owners=("ada", "lab")),
    "gated-base": lambda: hub_errors.gated("nvidia/base", "403"),
    "published-already": lambda: _refused(lambda: find_publication("hf://ada/arm", Asked(), runs=Path("none"))),
}


def _sharing(licence: str) -> Problem | None:
    return sharing_problem([Origin(what="the base model base", licence=licence)], public=True)


def _refused(work: Callable[[], object]) -> Problem:
    with pytest.raises(RecipeError) as raised:
        work()
    return raised.value.problems[0]


@pytest.mark.parametrize("name", CASES)
def test_text(name: str) -> None:
    problem = CASES[name]()
    assert problem is not None
    assert_stored(TEXTS / f"{name}.txt", render([problem]) + "\n")


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in TEXTS.glob("*.txt")} == set(CASES)


@pytest.mark.parametrize("repo", ["ada/arm", "Ada-1/a.b_c", "local", "a/b"])
def test_names_that_the_hub_allows(repo: str) -> None:
    assert repository_problem(repo, public=False) is None


@pytest.mark.parametrize(
    "repo", ["ada", "ada/a..b", "ada/a.git", "ada/-a", "ada/a-", "ada/b/c", "ada/" + "a" * 93, "ada-/arm", "ada/é"]
)
def test_names_that_it_does_not(repo: str) -> None:
    problem = repository_problem(repo, public=False)
    assert problem is not None and problem.code == "CR751"
