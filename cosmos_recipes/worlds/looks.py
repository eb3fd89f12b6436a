"""What a `factory` scene looks like: the paint of everything but the parts, whose colours have names."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Rgb = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Colours; the defaults are those of the world `factory`."""

    wall: Rgb = (168, 180, 192)
    floor: Rgb = (142, 128, 112)
    column: Rgb = (112, 118, 128)
    belt: Rgb = (62, 66, 74)
    tick: Rgb = (232, 214, 150)
    roller: Rgb = (128, 134, 144)
    arm: Rgb = (226, 229, 232)
    joint: Rgb = (44, 48, 56)
    hand: Rgb = (40, 186, 190)
    left_bin: Rgb = (134, 92, 176)
    right_bin: Rgb = (222, 132, 58)

    def bin(self, side: str) -> Rgb:
        """Return the colour of the bin on a side, `left` or `right`."""
        return self.left_bin if side == "left" else self.right_bin


FACTORY = Look()


def random_look(rng: np.random.Generator) -> Look:
    """Paint every thing anew: each keeps its lightness, roughly, so that belt, arm and bins stay apart."""
    return Look(**{field.name: _repaint(rng, getattr(FACTORY, field.name)) for field in fields(Look)})


def _repaint(rng: np.random.Generator, colour: Rgb) -> Rgb:
    """Return another colour: any hue, the strength drawn between grey and vivid, the lightness within a quarter."""
    import colorsys

    _, lightness, _ = colorsys.rgb_to_hls(*(value / 255 for value in colour))
    lightness = min(0.95, max(0.08, lightness + float(rng.uniform(-0.15, 0.15))))
    hue, strength = float(rng.random()), float(rng.uniform(0.0, 0.7))
    red, green, blue = (round(255 * value) for value in colorsys.hls_to_rgb(hue, lightness, strength))
    return red, green, blue
