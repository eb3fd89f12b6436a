"""A gallery that is really built, with a recipe of a stranger and a finished run among the shipped ones, in a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cosmos_recipes.run.folder import only_process
from tests.small_runs import SMALL, environment, finish

MINE = "of-a-stranger"
HOSTILE = "Predict **parts** <img src=x onerror=alert(1)> and [more](javascript:alert(1)) {{ 7 * 7 }} {% raw %}."
"""A summary that must be shown as it is written."""


@dataclass(frozen=True)
class Site:
    """A built gallery."""

    folder: Path

    @property
    def pages(self) -> list[Path]:
        """Every page; the one for addresses that lead nowhere is for servers, from whose root its links start."""
        return sorted(
            path for path in self.folder.rglob("*.html") if path.name != "404.html" and "reports" not in path.parts
        )

    def address(self, page: str) -> str:
        """The address of a page as it is opened from the folder."""
        path, _, anchor = page.partition("#")
        return (self.folder / path).as_uri() + (f"#{anchor}" if anchor else "")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The gallery of a folder that has a recipe of its own, which was run to its end; processes of tests share it."""
    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "gallery"
    with only_process(folder.with_suffix(".lock"), wait=lambda holder: None):
        if not (folder / "site").is_dir():
            _build(folder)
    return Site(folder / "site")


def _build(folder: Path) -> None:
    (folder / "recipes").mkdir(parents=True)
    file = folder / "recipes" / f"{MINE}.yaml"
    file.write_text(_small_recipe(), encoding="utf-8")
    words = [sys.executable, "-m", "cosmos_recipes"]
    finish([*words, "run", str(file), "--runs", str(folder / "runs")])
    subprocess.run([*words, "gallery", "build"], cwd=folder, env=environment(), check=True)


def _small_recipe() -> str:
    said = dict(SMALL, summary=f"'{HOSTILE}'")
    blocks: dict[str, list[str]] = {}
    for path, value in said.items():
        block, _, rest = path.partition(".")
        blocks.setdefault(block, []).append(f"{rest}: {value}" if rest else str(value))
    text = f"recipe: {MINE}\nextends: factory\n"
    text += "dataset: {use: {dataset: few, schema: instruction-video, source: {kind: world, world: factory, episodes: 6, held_out: 4}}}\n"
    for block, lines in blocks.items():
        text += (
            f"{block}: {lines[0]}\n"
            if block == "summary"
            else f"{block}:\n" + "".join(f"  {_line(each)}\n" for each in lines)
        )
    return text


def _line(setting: str) -> str:
    """Return a setting of two levels as a line of YAML."""
    key, _, value = setting.partition(": ")
    block, _, inner = key.partition(".")
    return f"{block}: {{{inner}: {value}}}" if inner else setting


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or that of the machine. Where there is none, the tests fail: nothing was looked at then."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "no browser is installed: apt-get install chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@dataclass
class Watched:
    """A page in the browser, what its console said against it, and what it asked of anything but its own folder."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "requestfailed",
            lambda request: (
                self.complaints.append(f"{request.url}: {request.failure}")
                if "ERR_ABORTED" not in str(request.failure)
                else None
            ),
        )
        self.page.on("request", lambda request: None if _is_own(request.url) else self.outside.append(request.url))


def _is_own(url: str) -> bool:
    return url.startswith(("file:", "data:", "blob:", "about:", "http://127.0.0.1:"))


@pytest.fixture
def watched(browser: Browser, site: Site) -> Iterator[Watched]:
    """A desktop page; whatever a test does with it, the console stays silent and nothing is asked of anybody else."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    one = Watched(context.new_page())
    yield one
    context.close()
    assert one.complaints == []
    assert one.outside == []
