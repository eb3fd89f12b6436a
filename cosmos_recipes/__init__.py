"""Cosmos Recipes: one YAML recipe becomes a trained, evaluated and published world foundation model."""

from __future__ import annotations

__version__ = "0.1.0"
