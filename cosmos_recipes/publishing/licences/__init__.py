"""Licences of published weights: the Hub's name of each, and the text that goes into a package."""

from __future__ import annotations

from pathlib import Path

from cosmos_recipes.compiler.licences import OTHER, licence_of, origins_of
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.licences import CONDITIONS, UNKNOWN

HUB_LICENCES = frozenset({*CONDITIONS, UNKNOWN})
"""Licences that the Hub knows by this name; any other is `other` with a name of its own."""

_SHIPPED = frozenset({"apache-2.0"})
_OTHERS = {
    "nvidia-open-model-license": (
        "NVIDIA Open Model License Agreement",
        "https://www.nvidia.com/en-us/agreements/enterprise-software/nvidia-open-model-license/",
        "Licensed by NVIDIA Corporation under the NVIDIA Open Model License.\nBuilt on NVIDIA Cosmos.",
    )
}


def licence_link(licence: str) -> str | None:
    """Return where the terms of a licence are that the Hub has no name for; None where it has one."""
    if licence in HUB_LICENCES:
        return None
    return _OTHERS[licence][1] if licence in _OTHERS else "LICENSE"


def licence_text(plan: Plan) -> str:
    """Return the content of a package's LICENSE: the text where it ships with this package, else what is known of the terms."""
    found, origins = licence_of(plan), origins_of(plan)
    if found.licence in _SHIPPED:
        return Path(__file__).with_name(f"{found.licence}.txt").read_text(encoding="utf-8")
    name = {OTHER: "terms of their own", UNKNOWN: "a licence that is not known"}.get(
        found.licence, _name(found.licence)
    )
    parts = [f"The weights in this folder are under {name}. {found.why}", "They come from:"]
    parts += [
        f"- {each.what}: {_name(each.licence)}" if each.licence else f"- {each.what}, without its weights"
        for each in origins
    ]
    parts += [_OTHERS[name][2] for name in dict.fromkeys(each.licence for each in origins) if name in _OTHERS]
    return "\n\n".join(parts) + "\n"


def _name(licence: str) -> str:
    return " ".join(_OTHERS[licence][:2]) if licence in _OTHERS else licence
