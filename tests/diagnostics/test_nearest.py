"""A suggestion is made when a person would make it, and not otherwise."""

from __future__ import annotations

import pytest

from cosmos_recipes.diagnostics import nearest

KEYS = ("steps", "global_batch", "optimizer", "precision", "lr", "ema")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("setps", "steps"),
        ("STEPS", "steps"),
        ("global-batch", "global_batch"),
        ("optimiser", "optimizer"),
        ("precison", "precision"),
        ("zzz", None),
        ("", None),
        ("a" * 100_000, None),
    ],
)
def test_nearest(word: str, meant: str | None) -> None:
    assert nearest(word, KEYS) == meant


def test_no_words() -> None:
    assert nearest("steps", ()) is None
