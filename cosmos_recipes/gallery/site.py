"""The site itself: mkdocs-material with everything local, so that it works from a folder, without a server or a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cosmos_recipes.diagnostics import fail

ASSETS = Path(__file__).with_name("assets")
Nav = Sequence[dict[str, Any]]
_PALETTES = (
    ("(prefers-color-scheme)", "default", "material/brightness-auto", "Switch to light"),
    ("(prefers-color-scheme: light)", "default", "material/brightness-7", "Switch to dark"),
    ("(prefers-color-scheme: dark)", "slate", "material/brightness-4", "Follow the system"),
)
_FEATURES = (
    "content.code.copy",
    "content.tooltips",
    "navigation.indexes",
    "navigation.tabs",
    "navigation.top",
    "search.highlight",
    "search.suggest",
    "toc.follow",
)


def require_mkdocs() -> None:
    """Look whether what makes the site is installed.

    Raises:
        RecipeError: it is not (CR770).
    """
    missing = [name for name in ("mkdocs", "material") if find_spec(name) is None]
    if missing:
        fail(
            "CR770",
            "what makes the gallery's pages is not installed",
            expected="the packages of the extra `gallery`",
            found=f"no {' and no '.join(missing)}",
            hint="pip install 'cosmos-recipes[gallery]'",
        )


def make_site(sources: Path, out: Path, *, nav: Nav) -> None:
    """Turn the pages in `sources` into the site `out`; `nav` is its menu, as mkdocs has it."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    shutil.copytree(ASSETS, sources / "assets")
    file = sources.with_suffix(".yml")
    # YAML takes JSON as it is.
    file.write_text(json.dumps(_config(sources, out, nav)), encoding="utf-8")
    config = load_config(str(file))
    config.plugins.on_startup(command="build", dirty=False)
    try:
        build(config)
    finally:
        config.plugins.on_shutdown()


def _config(sources: Path, out: Path, nav: Nav) -> dict[str, Any]:
    return {
        "site_name": "Cosmos Recipes",
        "site_description": "Recipes that post-train Cosmos world foundation models, and what they came to.",
        "docs_dir": str(sources),
        "site_dir": str(out),
        # A page that leads nowhere is a mistake of ours.
        "strict": True,
        "use_directory_urls": False,
        "nav": nav,
        "theme": {
            "name": "material",
            "font": False,
            "icon": {"logo": "material/movie-open-play-outline"},
            "palette": [
                {
                    "media": media,
                    "scheme": scheme,
                    "primary": "custom",
                    "accent": "custom",
                    "toggle": {"icon": icon, "name": name},
                }
                for media, scheme, icon, name in _PALETTES
            ],
            "features": _FEATURES,
        },
        # Keys are found by any of their words: `train.global_batch` by `batch`.
        "plugins": [{"search": {"separator": r"[\s\-._,:;(){}\[\]/]+"}}, "offline"],
        "markdown_extensions": ["attr_list", "tables", "pymdownx.superfences", {"toc": {"permalink": True}}],
        "extra_css": ["assets/gallery.css"],
        "extra_javascript": ["assets/gallery.js"],
        # Browsers start no worker from a folder: search then runs in a frame. The theme would fetch this from elsewhere.
        "extra": {"polyfills": ["assets/iframe-worker.js"]},
    }
