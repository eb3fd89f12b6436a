"""Tokenizers: pixels to latents and back, one module each, found through the entry points `cosmos_recipes.tokenizers`."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from cosmos_recipes.diagnostics import fail
from cosmos_recipes.recipe.json_object import read_json_object


class TokenizerSettings(Protocol):
    """What a plan says of a tokenizer."""

    @property
    def name(self) -> str:
        """The tokenizer's entry point."""

    @property
    def temporal(self) -> int:
        """Frames in a latent frame."""

    @property
    def spatial(self) -> int:
        """Pixels on a side of a latent cell."""

    @property
    def channels(self) -> int:
        """Channels of a latent."""

    @property
    def settings(self) -> dict[str, Any]:
        """The tokenizer's own settings."""


def build_tokenizer(plan: TokenizerSettings) -> Any:
    """Return a tokenizer that is still to be fitted or loaded."""
    return _tokenizer(plan.name)(**_settings(plan))


def comes_trained(name: str) -> bool:
    """Return whether a tokenizer is an autoencoder that comes with a model, rather than one that is fitted to data."""
    return hasattr(_tokenizer(name), "from_autoencoder")


def trained_tokenizer(plan: TokenizerSettings, folder: Path | None) -> Any:
    """Return the trained tokenizer whose files lie in `folder`, or, without one, in a repository of its own.

    Raises:
        RecipeError: the files cannot be fetched (CR623), are damaged or are those of another one (CR620, CR621, CR622).
    """
    return _tokenizer(plan.name).from_autoencoder(folder, **_settings(plan))


def is_apart(name: str) -> bool:
    """Return whether a trained tokenizer is published in a repository of its own, and not with the network."""
    return hasattr(_tokenizer(name), "is_apart")


def is_elsewhere(folder: Path) -> bool:
    """Return whether a saved tokenizer is no more than a note of where its files are, and of their hashes."""
    config = folder / "config.json"
    return config.is_file() and "hub_id" in read_json_object(config)


def _settings(plan: TokenizerSettings) -> dict[str, Any]:
    return {"temporal": plan.temporal, "spatial": plan.spatial, "channels": plan.channels, **plan.settings}


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer that `save_pretrained` wrote in `folder`."""
    return _tokenizer(read_json_object(folder / "config.json")["tokenizer"]).from_pretrained(folder)


def _tokenizer(name: str) -> Any:
    found = {entry.name: entry for entry in entry_points(group="cosmos_recipes.tokenizers")}
    if name not in found:
        fail("CR203", f"no tokenizer is called {name}", expected=", ".join(sorted(found)), found=name)
    return found[name].load()
