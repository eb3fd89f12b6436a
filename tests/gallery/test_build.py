"""If these break, a gallery takes the place of somebody's folder, or says less than is known."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.gallery.build import MARK, build_gallery
from cosmos_recipes.gallery.documents import Documents
from cosmos_recipes.gallery.reference import parts
from cosmos_recipes.gallery.sentences import FileKind, fields_of
from cosmos_recipes.gallery.source_text import field_of, yaml_html
from cosmos_recipes.recipe.library import names
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.run.progress import Silent
from tests.gallery.conftest import Site
from tests.stored_texts import assert_stored

CASES = Path(__file__).with_name("cases")
KINDS: tuple[FileKind, ...] = ("recipe", "dataset", "schema")
FREE = {("profiles",), ("columns",), ("normalise",), ("views",), ("gate", "figures")}
"""Blocks whose keys are names of one's own choice."""


def refused(out: Path) -> str:
    with pytest.raises(RecipeError) as raised:
        build_gallery(out, runs=Path("runs"), docs=None, progress=Silent())
    assert raised.value.exit_code == 6
    return render(raised.value.problems) + "\n"


def test_a_folder_that_is_no_gallery_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("films").mkdir()
    Path("films/holiday.mp4").write_bytes(b"mine")
    assert_stored(CASES / "not-a-gallery.txt", refused(Path("films")))
    assert Path("films/holiday.mp4").read_bytes() == b"mine"


def test_without_its_packages_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Python takes this for a package that is not installed.
    monkeypatch.setitem(sys.modules, "mkdocs", None)
    assert_stored(CASES / "no-mkdocs.txt", refused(tmp_path / "site"))
    assert not (tmp_path / "site").exists()


def test_a_gallery_is_replaced_whole_by_the_next(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(site.folder, "site")
    Path("site/recipes/gone.html").write_text("of a recipe that is no more")
    built = build_gallery(Path("site"), runs=site.folder.parent / "runs", docs=tmp_path / "none", progress=Silent())
    assert built.recipes == len(names("recipes"))
    assert not Path("site/recipes/gone.html").exists() and Path("site", MARK).is_file()
    assert "No contact sheet of it is kept" in Path("site/recipes/factory.html").read_text()
    assert not Path("site.unfinished").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_its_sentence(kind: FileKind) -> None:
    assert [field.dotted for field in fields_of(kind) if not field.sentence or not field.takes] == []


@pytest.mark.parametrize(("kind", "folder"), [("recipe", "recipes"), ("schema", "schemas"), ("dataset", "datasets")])
def test_every_key_of_the_shipped_files_is_known(kind: FileKind, folder: str) -> None:
    for path in names(folder).values():
        located = read_located(path)
        unknown = [key for key in located.keys if not field_of(key, kind, located.tree) and not _is_free(key)]
        assert unknown == [], path


def _is_free(key: tuple[str, ...]) -> bool:
    return any(key[:-1][-len(block) :] == block for block in FREE) or key[:1] == ("mix",)


def test_source_text_is_the_file_with_marks(tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text('# a <b>\nseed: 1  # & why\ntrain: {steps: 2, "ema": 0.9}\n')
    html = yaml_html(file, "recipe", reference="r/")
    assert '<span class="cr-comment"># a &lt;b&gt;</span>\n' in html
    assert '<a class="cr-key" href="r/recipe.html#train-steps" title="Optimizer steps.">steps</a>: 2' in html
    assert html.striptags().replace("&lt;", "<") != "" and html.count("\n") == 3


def test_an_explanation_keeps_its_examples_apart() -> None:
    assert list(parts("One\ntwo.\n\nWrong:\n    a: 1\n      b\nRight:\n    c")) == [
        (False, "One two."),
        (False, "Wrong:"),
        (True, "a: 1\n  b"),
        (False, "Right:"),
        (True, "c"),
    ]


def test_links_of_documents_lead_to_pages_files_or_become_text(tmp_path: Path) -> None:
    docs, pages = tmp_path / "repository" / "docs", tmp_path / "pages"
    (docs / "sheets").mkdir(parents=True)
    pages.mkdir()
    (docs / "sheets" / "a.png").write_bytes(b"picture")
    (tmp_path / "secret").write_text("mine")
    (docs / "data.md").write_text(
        "![A](sheets/a.png) [f](../recipes/factory.yaml) [s](../../secret) [r](results.md#x) [w](https://example.org)"
    )
    assert Documents(docs=docs, site=pages, recipes={"factory"}).copy() == ["data.md"]
    assert (pages / "data.md").read_text() == (
        "![A](sheets/a.png) [f](recipes/factory.md) s [r](results.md#x) [w](https://example.org)"
    )
    assert (pages / "sheets" / "a.png").read_bytes() == b"picture"
