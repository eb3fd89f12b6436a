"""The entry of the gallery: collect what there is to show, write its pages, make the site."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import cosmos_recipes
from cosmos_recipes.backbones.zoo import FAMILIES, zoo
from cosmos_recipes.conditioning.base import heads
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.evaluation.support import LEGEND, support
from cosmos_recipes.files import whole
from cosmos_recipes.gallery.documents import Documents
from cosmos_recipes.gallery.entries import Entry, entries
from cosmos_recipes.gallery.figures import HEADS, adherence_chart, measured, training_curve
from cosmos_recipes.gallery.films import write_films
from cosmos_recipes.gallery.pages import Pages
from cosmos_recipes.gallery.reference import code_groups
from cosmos_recipes.gallery.sentences import FileKind, fields_of
from cosmos_recipes.gallery.site import Nav, make_site, require_mkdocs
from cosmos_recipes.gallery.source_text import yaml_html
from cosmos_recipes.recipe.library import names, packaged

if TYPE_CHECKING:
    from cosmos_recipes.run.folder import RunFolder
    from cosmos_recipes.run.progress import Progress

MARK = "gallery.json"
"""The file that says that a folder is a gallery, which the next one may take the place of."""
REFERENCES: dict[FileKind, str] = {"recipe": "Recipes", "dataset": "Data set files", "schema": "Contracts"}
_MOST_PREDICTIONS = 2
_TITLES = {"data.md": "Data sets", "results.md": "All figures", "reversed.md": "There and back"}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of the site, and its size in pixels, so that nothing moves when it is loaded."""

    address: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """What was built: its first page, and what of it could not be shown, a sentence each."""

    page: Path
    recipes: int
    missing: tuple[str, ...]


def build_gallery(out: Path, *, runs: Path, docs: Path | None, progress: Progress) -> Gallery:
    """Build the site into the folder `out`, whole or not at all.

    `runs` is where finished runs are looked for, and where procedural data is written that is not there yet; `docs` the
    folder with the contact sheets and the pages of the documentation, by default that beside the recipes.

    Raises:
        RecipeError: mkdocs is not installed (CR770), `out` is somebody's folder (CR771), or a recipe is wrong.
    """
    require_mkdocs()
    _require_ours(out)
    with TemporaryDirectory() as scratch:
        sources = Path(scratch) / "pages"
        sources.mkdir()
        builder = _Builder(sources, runs, docs or packaged("recipes").parent / "docs", progress)
        nav = builder.write()
        progress("making the site", 0, 0)
        with whole(out) as part:
            make_site(sources, part.absolute(), nav=nav)
            made = {"made by": f"cosmos-recipes {cosmos_recipes.__version__}", "recipes": len(builder.entries)}
            (part / MARK).write_text(json.dumps(made) + "\n", encoding="utf-8")
    return Gallery(page=out / "index.html", recipes=len(builder.entries), missing=tuple(builder.missing))


def _require_ours(out: Path) -> None:
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file()):
        fail(
            "CR771",
            f"{out} holds something that is not a gallery",
            place=Place(file=str(out)),
            expected="a new folder, an empty one, or a gallery that was built before",
            hint="name another folder; nothing was written",
        )


class _Builder:
    """Writes the sources of all pages."""

    def __init__(self, sources: Path, runs: Path, docs: Path, progress: Progress) -> None:
        self.sources, self.runs, self.docs, self.progress = sources, runs, docs, progress
        self.pages = Pages(sources)
        self.entries = list(entries(runs))
        self.missing: list[str] = []

    def write(self) -> Nav:
        """Write every page; returns the menu."""
        cards = [self._recipe(number, entry) for number, entry in enumerate(self.entries)]
        self.pages.write("index.md", "index", cards=cards, choices=self._choices())
        matrix = {"rows": support(), "families": FAMILIES, "legend": LEGEND}
        self.pages.write("tasks.md", "tasks", **matrix, known={entry.name for entry in self.entries})
        self._parts()
        documents = Documents(docs=self.docs, site=self.sources, recipes={entry.name for entry in self.entries}).copy()
        return _nav([entry.name for entry in self.entries], documents)

    def _choices(self) -> dict[str, list[str]]:
        """Return what can be filtered by."""
        return {
            "task": list(dict.fromkeys([row.task for row in support()] + [entry.task for entry in self.entries])),
            "family": list(FAMILIES),
            "schema": sorted({entry.schema for entry in self.entries}),
        }

    def _recipe(self, number: int, entry: Entry) -> dict[str, Any]:
        """Write the page of a recipe; returns what its card shows."""
        self.progress("recipes", number, len(self.entries))
        films = write_films(entry, self.sources / "films", runs=self.runs, progress=self.progress)
        if isinstance(films, str):
            self.missing.append(f"{entry.name} has no film of its data: {films}")
        by_backbone = {backbone: measured(backbone, runs) for backbone, runs in entry.measured.items()}
        shown = {"entry": entry, "films": [] if isinstance(films, str) else films, "measured": by_backbone}
        self.pages.write(
            f"recipes/{entry.name}.md",
            "recipe",
            **shown,
            no_film=films if isinstance(films, str) else "",
            figure_heads=HEADS,
            sheets=self._sheets(entry),
            adherence=adherence_chart(entry.measured),
            curve=training_curve(entry.run) if entry.run else None,
            predictions=self._predictions(entry.name, entry.run) if entry.run else [],
            report=self._report(entry.name, entry.run) if entry.run else "",
            yaml=yaml_html(entry.loaded.path, "recipe", reference="../reference/"),
        )
        return shown

    def _sheets(self, entry: Entry) -> dict[str, Picture]:
        """Copy the contact sheets of a recipe; returns them by backbone."""
        from PIL import Image

        found = {}
        for backbone in dict.fromkeys(variant.backbone for variant in entry.variants):
            name = f"{entry.name}-{backbone}.png"
            if (self.docs / "sheets" / name).is_file():
                address = self._take(self.docs / "sheets" / name, f"sheets/{name}")
                with Image.open(self.sources / address) as picture:
                    found[backbone] = Picture(address=address, width=picture.width, height=picture.height)
        return found

    def _predictions(self, name: str, run: RunFolder) -> list[str]:
        """Copy videos of what a run's model predicts; returns their addresses."""
        videos = sorted((run.evaluate / "samples").glob("clip_*_side_by_side.mp4"))[:_MOST_PREDICTIONS]
        return [self._take(video, f"films/{name}-{video.name}") for video in videos]

    def _report(self, name: str, run: RunFolder) -> str:
        return self._take(run.report, f"reports/{name}.html") if run.report.is_file() else ""

    def _take(self, file: Path, address: str) -> str:
        (self.sources / address).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, self.sources / address)
        return address

    def _parts(self) -> None:
        """Write the pages of contracts, heads, backbones, fields and codes."""
        for name, path in names("schemas").items():
            used = [entry for entry in self.entries if entry.schema == name]
            text = yaml_html(path, "schema", reference="../reference/")
            self.pages.write(f"schemas/{name}.md", "schema", schema=load_schema(str(path)), used=used, yaml=text)
        self.pages.write("reference/heads.md", "heads", heads=heads(), schemas=names("schemas"))
        self.pages.write("reference/backbones.md", "backbones", backbones=zoo())
        for kind, title in REFERENCES.items():
            self.pages.write(f"reference/{kind}.md", "fields", title=title, fields=fields_of(kind))
        for group in code_groups():
            self.pages.write(f"reference/{group.name}.md", "codes", group=group)


def _nav(recipes: Sequence[str], documents: Sequence[str]) -> Nav:
    codes = [{f"{group.name}: {group.subject}": f"reference/{group.name}.md"} for group in code_groups()]
    shown = [{_TITLES[name]: name} for name in documents]
    return [
        {"Gallery": "index.md"},
        {"Tasks": "tasks.md"},
        {"Recipes": [{name: f"recipes/{name}.md"} for name in recipes]},
        {"Contracts": [{name: f"schemas/{name}.md"} for name in names("schemas")]},
        *([{"Documents": shown}] if shown else []),
        {
            "Reference": [
                {"Heads": "reference/heads.md"},
                {"Backbones": "reference/backbones.md"},
                {"Fields": [{title: f"reference/{kind}.md"} for kind, title in REFERENCES.items()]},
                {"Error codes": codes},
            ]
        },
    ]
