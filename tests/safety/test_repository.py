"""A recipe that came with a repository names what came with it, and nothing else of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.sources.captions import captions
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.recipe.paths import path_in, repository_of
from tests.safety.attacks import RECIPE, USE

SNAPSHOT = Path("models--owner--name") / "snapshots" / ("0" * 40)
SECRET = "a secret outside"


@pytest.fixture(params=["snapshot", "package"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the folder of a repository as the client of the Hub keeps one, or of a package; with a secret beside it."""
    root = tmp_path / (SNAPSHOT if request.param == "snapshot" else "package")
    root.mkdir(parents=True)
    if request.param == "snapshot":
        (root.parents[1] / "refs").mkdir()
    for name in ("MANIFEST.json", "recipe.yaml"):
        (root / name).write_text("{}")
    (tmp_path / "secret.yaml").write_text(f"summary: {SECRET}\n")
    (root / "inner").mkdir()
    return root


def refused(file: Path, text: str) -> list[str]:
    """Return the codes with which a recipe is refused; what is shown of it holds no secret."""
    file.write_text(text)
    with pytest.raises(RecipeError) as raised:
        compile_recipe(load_recipe(file))
    assert SECRET not in render(raised.value.problems)
    return [problem.code for problem in raised.value.problems]


@pytest.mark.parametrize("said", ["/etc", "~/videos", "../../../..", "./inner/../../../x", "./out/x"])
def test_what_it_names_stays_in_it(repository: Path, said: str) -> None:
    (repository / "out").symlink_to(repository.parent)
    file = repository / "recipe.yaml"
    assert "CR123" in refused(file, RECIPE.replace(USE, f'"{said}"'))
    assert "CR123" in refused(file, RECIPE.replace("./nothing", f'"{said}"'))
    assert "CR123" in refused(file, RECIPE.replace("tiny-diffusion", f'{{use: tiny-diffusion, weights: "{said}"}}'))
    assert "CR123" in refused(file, f'extends: "{said}/secret.yaml"\n{RECIPE}')


def test_a_data_set_file_in_it_stays_in_it(repository: Path) -> None:
    (repository / "inner" / "set.yaml").write_text(
        "dataset: x\nschema: instruction-video\nsource: {kind: folder, path: ../../../secret}\n"
    )
    assert refused(repository / "recipe.yaml", RECIPE.replace(USE, "./inner/set.yaml")) == ["CR123"]


def test_it_takes_nothing_from_the_environment(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_FOLDER", "/home/me/private")
    assert refused(repository / "recipe.yaml", RECIPE.replace(USE, '"${oc.env:SOME_FOLDER}"')) == ["CR154"]


def test_what_the_person_says_may_lie_anywhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "recipe.yaml").write_text(RECIPE)
    monkeypatch.chdir(repository)
    for said in (str(tmp_path / "videos"), "../videos"):
        with pytest.raises(RecipeError) as raised:
            compile_recipe(load_recipe("./recipe.yaml", overrides=[f"dataset.use={said}"]))
        # It is looked for there, and not found.
        assert {problem.code for problem in raised.value.problems} <= {"CR100", "CR500"}


def test_the_client_of_the_hub_may_link_to_what_it_keeps(tmp_path: Path) -> None:
    root = tmp_path / SNAPSHOT
    root.mkdir(parents=True)
    (root.parents[1] / "refs").mkdir()
    kept = root.parents[1] / "blobs" / "abc"
    kept.parent.mkdir()
    kept.write_text("x")
    (root / "recipe.yaml").symlink_to(os.path.relpath(kept, root))
    assert repository_of(root) == root
    assert path_in(root, "./recipe.yaml") == root / "recipe.yaml"


def test_a_parent_elsewhere_is_shown_only_if_it_is_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one's own files, too: in a public log, an error text would show what whoever wrote `extends` may not read."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    for name, text in {
        "secret.yaml": f"password: {SECRET}",
        "broken.yaml": f"{SECRET}: [",
        ".env": f"KEY={SECRET}",
        "list.yaml": f"- {SECRET}",
    }.items():
        (tmp_path / "elsewhere" / name).write_text(text)
        assert refused(Path("recipe.yaml"), f"extends: ../elsewhere/{name}\n{RECIPE}") == ["CR125"]
        assert refused(Path("recipe.yaml"), RECIPE.replace(USE, f"../elsewhere/{name}")) == ["CR125"]
    (tmp_path / "elsewhere" / "base.yaml").write_text("seed: 7\n")
    Path("recipe.yaml").write_text(f"extends: ../elsewhere/base.yaml\n{RECIPE}")
    assert load_recipe("recipe.yaml").recipe.seed == 7


def test_links_beside_its_videos_do_not_lead_out(repository: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    videos = repository / "videos"
    (videos).mkdir()
    (videos / "a.txt").symlink_to(secret)
    (videos / "b.mp4").symlink_to(secret)
    with pytest.raises(RecipeError, match="CR123"):
        captions(videos, {"a.mp4": videos / "a.mp4"}, whole=True)
    with pytest.raises(RecipeError, match="CR123"):
        probe(videos / "b.mp4")
