"""If these break, somebody who looks for a recipe does not find it, or cannot copy the command that runs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from cosmos_recipes.gallery.sentences import field_at
from tests.gallery.conftest import Site, Watched


def shown(page: Page) -> set[str]:
    return set(page.locator(".cr-card:visible .cr-name").all_inner_texts())


def test_the_filter_shows_what_fits_and_moves_nothing_else(site: Site, watched: Watched) -> None:
    page = watched.page
    page.goto(site.address("index.html"))
    place = page.locator("#cr-filter").bounding_box()
    page.get_by_role("combobox", name="Task").select_option("camera")
    assert shown(page) == {"room-camera"}
    assert page.locator("#cr-filter").bounding_box() == place
    page.get_by_role("combobox", name="Family").select_option("autoregressive")
    assert page.locator(".cr-card:visible .cr-ways li:visible code").all_inner_texts() == ["tiny-autoregressive"]
    page.locator("#cr-filter").get_by_role("button", name="Clear").click()
    page.get_by_role("combobox", name="Contract").select_option("action-frame")
    assert shown(page) == {"arm-actions", "workshop-actions"}


def test_the_filter_knows_the_memory_of_gpus(site: Site, watched: Watched) -> None:
    page = watched.page
    page.goto(site.address("index.html"))
    page.get_by_role("combobox", name="GPU memory").select_option("no GPU")
    assert not any("×" in way for way in page.locator(".cr-ways li:visible").all_inner_texts())
    page.get_by_role("combobox", name="GPU memory").select_option("up to 80 GB each")
    needs_gb = page.locator(".cr-ways li:visible").evaluate_all("ways => ways.map(way => Number(way.dataset.memory))")
    assert 24 < max(needs_gb) <= 80


def test_words_find_a_recipe_and_a_link_keeps_the_filter(site: Site, watched: Watched) -> None:
    page = watched.page
    page.goto(site.address("index.html"))
    page.get_by_label("Words").fill("car predict2.5")
    assert shown(page) == {"road-trajectory"}
    kept = page.url
    page.get_by_label("Words").fill("no such thing")
    expect(page.locator("#cr-count")).to_have_text("0 recipes")
    page.get_by_role("button", name="Clear the filter").click()
    assert len(shown(page)) > 5
    page.goto("about:blank")
    page.goto(kept)
    assert shown(page) == {"road-trajectory"}


def test_a_task_of_the_matrix_leads_to_its_recipes(site: Site, watched: Watched) -> None:
    watched.page.goto(site.address("tasks.html"))
    watched.page.get_by_role("link", name="multi-view + trajectory").click()
    expect(watched.page.locator("#cr-count")).to_have_text("1 recipe")
    assert shown(watched.page) == {"road-trajectory"}


def test_the_copy_button_copies_the_command(site: Site, watched: Watched) -> None:
    page = watched.page
    page.goto(site.address("recipes/arm-actions.html"))
    page.locator(".cr-command").first.hover()
    page.locator(".cr-command").first.get_by_role("button").click()
    page.goto(site.address("index.html"))
    page.get_by_label("Words").focus()
    page.keyboard.press("Control+V")
    expect(page.get_by_label("Words")).to_have_value("cosmos-recipe run arm-actions")


@pytest.mark.parametrize("recipe", ["factory", "arm-actions", "room-camera", "cell-views", "road-trajectory"])
def test_its_films_play(site: Site, watched: Watched, recipe: str) -> None:
    watched.page.goto(site.address(f"recipes/{recipe}.html"))
    films = watched.page.locator(".cr-films video")
    assert films.count() == 2
    for film in films.all():
        film.scroll_into_view_if_needed()
        handle = film.element_handle()
        watched.page.wait_for_function(
            "film => film.currentTime > 0.2 && film.videoWidth > 300 && !film.error", arg=handle
        )
        assert film.evaluate("film => film.videoWidth === film.width && film.videoHeight === film.height")


def test_a_film_of_a_card_plays_while_it_is_pointed_at(site: Site, watched: Watched) -> None:
    page = watched.page
    page.goto(site.address("index.html"))
    card = page.locator(".cr-card", has_text="room-camera")
    card.hover()
    film = card.locator("video").element_handle()
    page.wait_for_function("film => film.currentTime > 0.2", arg=film)
    page.locator("h1").hover()
    page.wait_for_function("film => film.paused", arg=film)


def test_a_key_says_what_it_means_and_leads_to_its_place(site: Site, watched: Watched) -> None:
    page = watched.page
    page.goto(site.address("recipes/factory.html"))
    known = field_at("recipe", ("conditioning", "given_frames"))
    assert known
    key = page.locator(".cr-key", has_text="given_frames").first
    key.focus()
    expect(page.locator(".md-tooltip2--active, .md-tooltip--active")).to_contain_text(known.sentence)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/reference/recipe.html#{known.anchor}")
    assert known.sentence in page.inner_text("article")


@pytest.fixture
def server(site: Site) -> Iterator[str]:
    """The gallery on a real web server."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(site.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/index.html"
        serving.shutdown()


@pytest.mark.parametrize("where", ["folder", "server"])
def test_search_finds_a_field_from_a_folder_and_from_a_server(
    site: Site, server: str, watched: Watched, where: str
) -> None:
    page = watched.page
    page.goto(server if where == "server" else site.address("index.html"))
    page.locator("[data-md-component=search-query]").click()
    page.keyboard.type("fewest_given_frames")
    found = page.locator(".md-search-result__link").first
    expect(found).to_contain_text("every field", timeout=20_000)
    page.locator(".md-search-result__link", has_text="fewest_given_frames").first.click()
    page.wait_for_url("**/reference/recipe.html*")
