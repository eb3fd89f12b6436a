"""If these fail, `data preview` writes nothing that can be looked at, or a page that asks the network for something."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cosmos_recipes.run.preview import write_preview
from cosmos_recipes.run.progress import Silent

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """What a page refers to, and whether every element that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.refers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.refers += [str(value) for name, value in attributes if name in ("src", "href", "srcset", "data", "poster")]
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", ["captions", "actions", "room", "cell", "road"])
def test_every_schema_has_a_sheet_and_a_page_without_network(opened: Any, tmp_path: Path, name: str) -> None:
    written = write_preview(opened(name), tmp_path, count=2, seed=0, progress=Silent())
    sheet = Image.open(written.sheet)
    assert written.clips == 2 and not written.problems
    assert sheet.width > 1200 and sheet.height > 600
    text = written.page.read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!doctype html>") and not page.open
    assert len(page.refers) == 2
    assert all(each.startswith("data:image/png;base64,") for each in page.refers)
    assert "://" not in text and "url(" not in text


def test_texts_cannot_become_part_of_the_page(opened: Any, tmp_path: Path) -> None:
    data = opened("captions", summary="<script>alert(1)</script>")
    written = write_preview(data, tmp_path, count=1, seed=0, progress=Silent())
    assert "<script>" not in written.page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["nothing-like-it"], 2, "CR200"),
        ([], 2, "name a data set, or a recipe with --recipe"),
        (["factory", "--rate", "5"], 2, "'5' has no unit"),
        (["broken"], 3, "CR510"),
        (["short", "--frames", "500"], 3, "CR575"),
    ],
)
def test_bad_input_is_a_clear_error(tmp_path: Path, arguments: list[str], exit_code: int, told: str) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.mp4").write_bytes(b"nothing")
    make_video(tmp_path / "short" / "a.mp4")
    ended = preview(tmp_path, *arguments)
    assert ended.returncode == exit_code
    assert told in ended.stderr
    assert not (tmp_path / "previews").exists()


def test_a_folder_of_videos_is_previewed_and_what_is_broken_is_named(tmp_path: Path) -> None:
    make_video(tmp_path / "clips" / "a.mp4")
    (tmp_path / "clips" / "b.mp4").write_bytes(b"nothing")
    ended = preview(tmp_path, "clips", "--clips", "2", "--frames", "5")
    assert ended.returncode == 0, ended.stderr
    assert "2 clips of 2 recordings" in ended.stdout
    assert "CR510" in ended.stderr
    assert sorted(path.name for path in (tmp_path / "previews" / "clips").iterdir()) == ["preview.html", "preview.png"]


def preview(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cosmos_recipes", "data", "preview", *arguments]
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def make_video(path: Path) -> None:
    from videos import write_video

    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, frames=20)
