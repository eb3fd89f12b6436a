"""If these fail, a newcomer is told a command that is not there, or a workflow of GitHub does not do what is said."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from cosmos_recipes.cli.main import app

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "docs" / "development.md", GITHUB / "PULL_REQUEST_TEMPLATE.md"]
BUILT_IN = {"workflows": "vendor.github-workflows", "config": "vendor.github-issue-config"}
LINES = re.compile(r"^(?:\s*(?:\$ )?)((?:make|cosmos-recipe|\.ci/run|python docs/)\b.*)$", re.MULTILINE)
IN_TEXT = re.compile(r"`((?:make|cosmos-recipe|\.ci/run|python docs/)[^`\n]*)`")


def documents() -> dict[Path, Any]:
    return {path: YAML(typ="safe").load(path) for path in WORKFLOWS}


def steps() -> list[dict[str, Any]]:
    return [step for tree in documents().values() for job in tree["jobs"].values() for step in job["steps"]]


def commands_of(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL))
    return [*LINES.findall(blocks), *IN_TEXT.findall(text)]


def told() -> list[str]:
    of_workflows = [step["run"] for step in steps() if "run" in step]
    return [*of_workflows, *(command for page in PAGES for command in commands_of(page))]


@pytest.mark.parametrize("path", [*WORKFLOWS, *FORMS], ids=lambda path: path.name)
def test_githubs_files_keep_githubs_schemas(path: Path) -> None:
    schema = BUILT_IN.get(path.parent.name) or BUILT_IN.get(path.stem, "vendor.github-issue-forms")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_may_only_read_need_no_secret_and_end() -> None:
    for path, tree in documents().items():
        assert tree["permissions"] == {"contents": "read"}
        assert all("permissions" not in job and job["timeout-minutes"] for job in tree["jobs"].values())
        assert "secrets." not in path.read_text(encoding="utf-8")


def test_actions_are_pinned_and_nothing_from_outside_becomes_a_command() -> None:
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]) for step in steps() if "uses" in step)
    assert not any("${{" in step.get("run", "") for step in steps())


def test_what_workflows_run_is_what_people_run() -> None:
    run = {shlex.split(step["run"])[0] for step in steps() if "run" in step}
    assert run == {"make", ".ci/run"}
    ran = " ".join(step.get("run", "") for step in steps())
    assert all(target in ran for target in ("make check", ".ci/run test", "make strict"))


def test_the_path_of_a_recipe_is_on_the_page() -> None:
    page = " ".join(commands_of(PAGES[0]))
    path = ["make install", "new dataset", "data check", "new recipe", "check --strict", "run recipes/", "make check"]
    assert [page.index(word) for word in path] == sorted(page.index(word) for word in path)


@pytest.mark.parametrize("command", sorted({*told()}))
def test_every_command_that_is_told_is_there(command: str) -> None:
    program, *words = shlex.split(command, comments=True)
    if program == "python":
        assert (ROOT / words[0]).is_file()
        return
    if program != "cosmos-recipe":
        targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert {word for word in words if "=" not in word} <= {*targets}
        return
    found: Any = typer.main.get_command(app)
    while hasattr(found, "commands") and words:
        found = found.commands[words.pop(0)]
    options = {option for parameter in found.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= options


@pytest.fixture
def branch(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `make strict` in a repository whose branch adds a recipe of a hostile name."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    run("git", "init", "-q", "-b", "main")
    run(*git, "commit", "-q", "--allow-empty", "-m", "base")
    run("git", "switch", "-q", "-c", "mine")
    (tmp_path / "recipes" / "community").mkdir(parents=True)
    (tmp_path / "recipes" / "community" / "a;touch hit.yaml").write_text("recipe: a\n")
    run("git", "add", "recipes")
    run(*git, "commit", "-q", "-m", "mine")
    (tmp_path / "recipes" / "b.yaml").write_text("recipe: b\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    program = Path(sys.executable).with_name("cosmos-recipe")
    (tmp_path / ".venv" / "bin" / "cosmos-recipe").symlink_to(program)
    return lambda *words: run("make", "-o", ".venv/installed", "strict", *words)


def test_the_strict_check_of_a_branch_is_of_the_recipes_that_it_adds(
    branch: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = branch("BASE=main", "FORMAT=github")
    assert done.returncode != 0
    assert "file=recipes/b.yaml" in done.stdout
    assert "a;touch hit.yaml" in done.stdout
    assert not list(tmp_path.rglob("hit.yaml"))


def test_it_fails_where_the_base_is_not_known(branch: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert branch("BASE=no/such/branch").returncode != 0
