"""A fixed camera that looks straight at the scene, and a canvas that draws in metres with smooth edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

Rgb = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Camera:
    """Orthographic: u = centre_u_px + pixels_per_metre * x, v = centre_v_px - pixels_per_metre * y.

    Pixel (0, 0) covers u and v from 0 to 1; u grows to the right and v downwards.
    """

    height_px: int
    width_px: int
    pixels_per_metre: float
    centre_u_px: float
    centre_v_px: float

    def magnified(self, factor: int) -> Camera:
        """Return the same view with `factor` times the pixels in each direction."""
        return Camera(
            height_px=self.height_px * factor,
            width_px=self.width_px * factor,
            pixels_per_metre=self.pixels_per_metre * factor,
            centre_u_px=self.centre_u_px * factor,
            centre_v_px=self.centre_v_px * factor,
        )


class Canvas:
    """A picture that is drawn on in metres (x right, y up) and read out at the camera's size."""

    def __init__(self, camera: Camera, *, base: Image.Image | None = None) -> None:
        from PIL import Image, ImageDraw

        self._factor = oversampling(camera)
        self._camera = camera.magnified(self._factor)
        size = (self._camera.width_px, self._camera.height_px)
        self.image = Image.new("RGB", size) if base is None else base.copy()
        self._draw = ImageDraw.Draw(self.image, "RGBA")

    def pixel(self, point: Point) -> tuple[float, float]:
        """Return where a point of the scene is on the oversampled picture."""
        scale = self._camera.pixels_per_metre
        return self._camera.centre_u_px + scale * point[0], self._camera.centre_v_px - scale * point[1]

    def polygon(self, points: Sequence[Point], colour: Rgb, *, opacity: float = 1.0) -> None:
        """Fill a polygon; corners in metres."""
        self._draw.polygon([self.pixel(point) for point in points], fill=(*colour, round(255 * opacity)))

    def box(self, left: float, bottom: float, right: float, top: float, colour: Rgb, *, opacity: float = 1.0) -> None:
        """Fill an upright rectangle; sides in metres."""
        self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], colour, opacity=opacity)

    def ellipse(self, centre: Point, across: float, up: float, colour: Rgb, *, opacity: float = 1.0) -> None:
        """Fill an ellipse with half-axes `across` and `up` in metres."""
        (u, v), scale = self.pixel(centre), self._camera.pixels_per_metre
        corners = (u - across * scale, v - up * scale, u + across * scale, v + up * scale)
        self._draw.ellipse(corners, fill=(*colour, round(255 * opacity)))

    def disc(self, centre: Point, radius: float, colour: Rgb, *, opacity: float = 1.0) -> None:
        """Fill a disc; radius in metres."""
        self.ellipse(centre, radius, radius, colour, opacity=opacity)

    def bar(self, start: Point, end: Point, half_start: float, half_end: float, colour: Rgb) -> None:
        """Fill a tapered bar with round ends, half as thick as given at its start and end, in metres."""
        length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
        across, up = (start[1] - end[1]) / length, (end[0] - start[0]) / length
        sides = [(start, half_start), (end, half_end), (end, -half_end), (start, -half_start)]
        self.polygon([(x + across * half, y + up * half) for (x, y), half in sides], colour)
        self.disc(start, half_start, colour)
        self.disc(end, half_end, colour)

    def frame_HWC(self) -> NDArray[np.uint8]:
        """Return the picture at the camera's size, each pixel the mean of those it covers."""
        import numpy as np

        return np.asarray(self.image.reduce(self._factor), dtype=np.uint8)


def oversampling(camera: Camera) -> int:
    """How many times finer the canvas is than the picture: 4, and 2 for large pictures, whose edges are fine anyway."""
    return 4 if camera.height_px * camera.width_px <= 256 * 256 else 2
