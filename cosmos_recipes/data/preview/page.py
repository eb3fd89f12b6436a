"""The page: the blocks of the contact sheet with their texts, and the contract, in one HTML file that loads nothing."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cosmos_recipes.data.contract import Schema
from cosmos_recipes.data.preview.clips import Chosen
from cosmos_recipes.data.preview.figures import HEADS, Figure, figure_row
from cosmos_recipes.diagnostics.words import on_page

if TYPE_CHECKING:
    from PIL import Image

    from cosmos_recipes.data.preview.clips import PreviewClip

MOST_PROBLEMS = 20


def render_page(
    chosen: Chosen, blocks: Sequence[Image.Image], heading: Sequence[str], figures: Sequence[Figure], schema: Schema
) -> str:
    """Return the page; `blocks` are the pictures of the clips, without their texts."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=on_page,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        heading=heading,
        clips=[_clip(clip, block) for clip, block in zip(chosen.clips, blocks, strict=True)],
        problems=chosen.problems,
        figures=[figure_row(figure) for figure in figures],
        figure_heads=HEADS,
        schema=schema,
        bound={name for clip in chosen.clips for name in (*clip.columns, *clip.texts)},
        MOST_PROBLEMS=MOST_PROBLEMS,
    )


def _clip(clip: PreviewClip, block: Image.Image) -> dict[str, Any]:
    stored = BytesIO()
    block.save(stored, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(stored.getvalue()).decode()}"
    return {"title": clip.title, "texts": clip.texts, "url": url, "width": block.width, "height": block.height}
