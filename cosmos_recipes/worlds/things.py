"""Plain things of named colours that stand on something level: boxes, balls, pillars and cones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    import pyarrow

    from cosmos_recipes.worlds.solids import Rgb, Solid

Shape = Literal["box", "ball", "pillar", "cone"]
Colour = Literal["red", "green", "blue", "yellow", "orange", "purple", "white", "pink"]

COLOUR_RGB: dict[Colour, Rgb] = {
    "red": (214, 48, 44),
    "green": (52, 158, 72),
    "blue": (48, 98, 214),
    "yellow": (244, 204, 52),
    "orange": (242, 128, 32),
    "purple": (138, 70, 180),
    "white": (236, 236, 232),
    "pink": (240, 128, 172),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """A solid. `width_m` is its side or its diameter; `yaw_rad` turns a box counter-clockwise as seen from above."""

    shape: Shape
    colour: Colour
    width_m: float
    height_m: float
    yaw_rad: float = 0.0

    @property
    def name(self) -> str:
        """`red box`."""
        return f"{self.colour} {self.shape}"

    @property
    def radius_m(self) -> float:
        """How far it reaches from its axis."""
        return self.width_m * (2**-0.5 if self.shape == "box" else 0.5)

    def solid(self, x_m: float, y_m: float, z_m: float, turned_rad: float = 0.0) -> Solid:
        """Return it standing with the middle of its foot at a point."""
        from cosmos_recipes.worlds.solids import Column, Sphere, box

        rgb, half_m, base_m = COLOUR_RGB[self.colour], self.width_m / 2, (x_m, y_m, z_m)
        if self.shape == "box":
            size_m = (self.width_m, self.width_m, self.height_m)
            return box(size_m, base_m=base_m, yaw_rad=self.yaw_rad + turned_rad, paint=rgb)
        if self.shape == "ball":
            return Sphere((x_m, y_m, z_m + half_m), half_m, rgb)
        return Column(base_m, self.height_m, half_m, rgb, top_radius_m=0.0 if self.shape == "cone" else half_m)


def draw_kinds(rng: np.random.Generator, count: int) -> list[tuple[Shape, Colour]]:
    """Draw shapes and colours: no colour twice, so that a colour and a shape name one thing."""
    colours = [get_args(Colour)[i] for i in rng.permutation(len(get_args(Colour)))[:count]]
    shapes = [get_args(Shape)[int(i)] for i in rng.integers(len(get_args(Shape)), size=count)]
    return list(zip(shapes, colours, strict=True))


def listed(names: Sequence[str]) -> str:
    """Return `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def articled(name: str) -> str:
    """Return the name with `a` or `an`."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def thing_columns(**others: Any) -> pyarrow.DataType:
    """Return the type of a list of things in a table, with columns for what else is known of each."""
    import pyarrow as pa

    texts, numbers = dict.fromkeys(("shape", "colour"), pa.string()), ("width_m", "height_m")
    return pa.list_(pa.struct([*{**texts, **dict.fromkeys(numbers, pa.float64()), **others}.items()]))


def thing_values(thing: Thing) -> dict[str, Any]:
    """Return what `thing_columns` asks of every thing."""
    return {"shape": thing.shape, "colour": thing.colour, "width_m": thing.width_m, "height_m": thing.height_m}
