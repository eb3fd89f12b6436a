"""If these break, a page of the gallery cannot be read, or says what nobody measured."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser

from cosmos_recipes.diagnostics.codes import codes
from cosmos_recipes.gallery.sentences import FileKind, fields_of
from cosmos_recipes.recipe.library import names
from tests.gallery.conftest import HOSTILE, MINE, Site, Watched

PHONE = {"width": 360, "height": 780}


class _Parts(HTMLParser):
    """The addresses that a page names, its anchors, and what a screen reader would find without a name."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.unnamed: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.links += [value for name in ("href", "src", "poster") if (value := said.get(name))]
        self.anchors |= {value for name in ("id", "name") if (value := said.get(name))}
        if (tag == "img" and said.get("alt") is None) or (tag == "video" and not said.get("aria-label")):
            self.unnamed.append(self.get_starttag_text() or tag)


def test_every_internal_link_leads_somewhere_and_every_picture_has_words(site: Site) -> None:
    parts = {page: _Parts(page) for page in site.pages}
    dead = []
    for page, own in parts.items():
        assert own.unnamed == []
        for link in own.links:
            address = urlsplit(link)
            if address.scheme:
                continue
            target = (page.parent / unquote(address.path)).resolve() if address.path else page
            if not target.is_file() or (target in parts and not _has(parts[target], address.fragment)):
                dead.append(f"{page.relative_to(site.folder)}: {link}")
    assert dead == []


def _has(page: _Parts, anchor: str) -> bool:
    # What stands after `#` on the first page is its filter.
    return not anchor or "=" in anchor or unquote(anchor) in page.anchors | {"__skip"}


def test_every_page_opens_on_a_phone_without_a_fault_or_a_request_to_anybody(site: Site, browser: Browser) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    watched = Watched(context.new_page())
    wide = []
    for page in site.pages:
        watched.page.goto(page.as_uri())
        width = watched.page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            wide.append(f"{page.relative_to(site.folder)}: {width} px")
    context.close()
    assert (wide, watched.complaints, watched.outside) == ([], [], [])


def test_every_recipe_contract_field_and_code_has_its_place(site: Site) -> None:
    for name in (*names("recipes"), MINE):
        assert (site.folder / "recipes" / f"{name}.html").is_file()
    for name in names("schemas"):
        assert (site.folder / "schemas" / f"{name}.html").is_file()
    kinds: tuple[FileKind, ...] = ("recipe", "dataset", "schema")
    for kind in kinds:
        anchors = [field.anchor for field in fields_of(kind)]
        assert len(set(anchors)) == len(anchors)
        assert set(anchors) <= _Parts(site.folder / "reference" / f"{kind}.html").anchors
    for code in codes():
        assert code.lower() in _Parts(site.folder / "reference" / f"{code[:3]}xx.html").anchors


def test_what_is_not_known_is_said(site: Site, watched: Watched) -> None:
    watched.page.goto(site.address("recipes/tiny-base.html"))
    assert "It is not measured" in watched.page.inner_text("article")
    assert "There is none: no finished run" in watched.page.inner_text("article")
    watched.page.goto(site.address("recipes/factory.html"))
    assert "estimated by the compiler" in watched.page.inner_text("article")


def test_a_finished_run_shows_its_curve_its_predictions_and_its_report(site: Site, watched: Watched) -> None:
    watched.page.goto(site.address(f"recipes/{MINE}.html"))
    assert watched.page.locator(".cr-chart svg .line.prediction").count() == 1
    assert watched.page.locator(f'source[src$="films/{MINE}-clip_00_side_by_side.mp4"]').count() == 1
    watched.page.get_by_role("link", name="Its whole report").click()
    assert MINE in watched.page.inner_text("main")


def test_what_a_stranger_writes_is_text(site: Site, watched: Watched) -> None:
    for page in (f"recipes/{MINE}.html", "index.html"):
        watched.page.goto(site.address(page))
        assert HOSTILE in watched.page.inner_text("article")
        assert watched.page.locator("article img[src=x]").count() == 0


@pytest.mark.parametrize("look", ["light", "dark"])
def test_letters_stand_out_in_light_and_dark(site: Site, browser: Browser, look: str) -> None:
    context = browser.new_context(color_scheme="dark" if look == "dark" else "light")
    page = context.new_page()
    ratios = {}
    for address, parts in _READ.items():
        page.goto(site.address(address))
        ratios |= {part: page.evaluate(_CONTRAST, part) for part in parts}
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()
    assert all(ratio >= 4.5 for ratio in ratios.values()), ratios
    assert (paper == "rgb(255, 255, 255)") == (look == "light")


_READ = {
    "index.html": ["h1", ".cr-lead", ".cr-filter label", ".cr-name", ".cr-ways span", ".cr-note", ".md-tabs__link"],
    "tasks.html": [".cr-line", ".cr-first"],
    "recipes/factory.html": [".cr-key", ".cr-comment", ".cr-missing", ".cr-figures dt", ".cr-tags a"],
}
_CONTRAST = """selector => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true })
  const layers = []
  let element = document.querySelector(selector)
  const ink = getComputedStyle(element).color
  for (; element; element = element.parentElement) layers.unshift(getComputedStyle(element).backgroundColor)
  const over = colours => {
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1) }
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const [dark, light] = [over(layers), over([...layers, ink])].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}"""
