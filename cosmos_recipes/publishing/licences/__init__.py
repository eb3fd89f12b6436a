"""Licences of published weights: the Hub's name of each, and the text that goes into a package."""

from __future__ import annotations

from pathlib import Path

HUB_LICENCES = frozenset(
    {"apache-2.0", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-sa-4.0", "cc0-1.0", "mit"}
)
"""Licences that the Hub knows by this name; any other is `other` with a name of its own."""

_OTHERS = {
    "nvidia-open-model-license": (
        "NVIDIA Open Model License Agreement",
        "https://www.nvidia.com/en-us/agreements/enterprise-software/nvidia-open-model-license/",
        "Licensed by NVIDIA Corporation under the NVIDIA Open Model License.\nBuilt on NVIDIA Cosmos.",
    )
}


def licence_metadata(licence: str) -> dict[str, str]:
    """Return the licence fields of a model card's head."""
    if licence in HUB_LICENCES:
        return {"license": licence}
    return {"license": "other", "license_name": licence, "license_link": _OTHERS.get(licence, ("", "LICENSE"))[1]}


def licence_text(licence: str, *, base: str | None) -> str:
    """Return the content of a package's LICENSE: the text where it ships with this package, else name and address."""
    shipped = Path(__file__).with_name(f"{licence}.txt")
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    name, address, notice = _OTHERS.get(licence, (licence, "", ""))
    origin = f"The weights in this folder derive from {base}" if base else "The weights in this folder are published"
    terms = f"{origin} under the terms of the licence: {name}."
    return "\n\n".join(part for part in (terms, address, notice) if part) + "\n"
