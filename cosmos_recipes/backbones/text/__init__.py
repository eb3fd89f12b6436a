"""Frozen text encoders: captions to the context that a network takes, made once when data is prepared.

One module each, found through the entry points `cosmos_recipes.text_encoders`. `bytes` is none of them: it trains with the
head. For no text at all, every generation of NVIDIA's networks was trained on a context of zeros.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.diagnostics import Place, fail

if TYPE_CHECKING:
    from cosmos_recipes.backbones.zoo import TextEntry

PARTS = ("text_encoder", "tokenizer")
"""The folders of a pipeline that a text encoder is loaded from."""


def is_frozen(encoder: str) -> bool:
    """Return whether a text encoder comes trained and stays as it is."""
    return encoder in entry_points(group="cosmos_recipes.text_encoders").names


def load_text_encoder(entry: TextEntry, folder: Path) -> Any:
    """Return the encoder of a pipeline's folder: an object with `encode(texts)`, which gives (N, length, width) in bfloat16.

    Raises:
        RecipeError: the files are not there or damaged (CR624), or the context has another width (CR625).
    """
    (found,) = entry_points(group="cosmos_recipes.text_encoders", name=entry.encoder)
    try:
        encoder = found.load().from_folder(folder, length=entry.length)
    except (OSError, ValueError) as error:
        fail(
            "CR624",
            f"the text encoder {entry.encoder} cannot be loaded",
            place=Place(file=str(folder)),
            expected=" and ".join(f"{part}/" for part in PARTS) + " as in a diffusers pipeline",
            found=str(error).splitlines()[0],
            hint="get the whole folder of the model, or use a head without captions",
        )
    if encoder.width != entry.width:
        fail(
            "CR625",
            f"the text encoder is not the {entry.encoder} that the backbone was trained with",
            place=Place(file=str(folder)),
            expected=f"a context {entry.width} numbers wide",
            found=str(encoder.width),
            hint="use the folder of the same model as its transformer",
        )
    return encoder
