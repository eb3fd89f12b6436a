"""Machines in a few words, `8xh100-80gb` or `4x8xh100-80gb`, as the keys of a recipe's `hardware`."""

from __future__ import annotations

import re
from typing import NoReturn

from cosmos_recipes.compiler.gpus import GPUS
from cosmos_recipes.diagnostics import Place, fail, nearest

_WORDS = re.compile(r"(?:([1-9][0-9]{0,4})x)?([1-9][0-9]{0,2})x([a-z0-9][a-z0-9.-]*)")


def overrides_of(words: str) -> tuple[str, ...]:
    """Return the settings of `hardware` that say the same: GPUs of each machine and their kind, before that the machines.

    Raises:
        RecipeError: it is not of that form, or names no kind of GPU that is known (CR404).
    """
    found = _WORDS.fullmatch(words.strip().lower())
    if found is None:
        _fail(words, f"8x{next((kind for kind in GPUS if kind.split('-')[0] in words.lower()), 'h100-80gb')}")
    nodes, gpus, kind = found[1] or "1", found[2], found[3]
    if kind not in GPUS:
        close = nearest(kind, GPUS) or next((each for each in GPUS if each.startswith(kind)), None)
        _fail(words, f"{words[: found.start(3)]}{close or 'h100-80gb'}")
    return (f"hardware.nodes={nodes}", f"hardware.gpus={gpus}", f"hardware.gpu={kind}", "hardware.processes=1")


def _fail(words: str, example: str) -> NoReturn:
    fail(
        "CR404",
        f"`{words}` says no machines that are known",
        place=Place(file="--hardware"),
        expected=f"GPUs x kind, or machines x GPUs x kind, with one of {', '.join(GPUS)}",
        found=words,
        hint=f"for example `--hardware {example}`",
    )
