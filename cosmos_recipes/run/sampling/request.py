"""What a person asks of a trained model, in their own units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class SampleRequest:
    """A video to be generated.

    `model` is a run's folder, a package, a model that was published here, a recipe's name (its newest run below `runs`)
    or `hf://owner/name[@revision]`. Pictures to begin from are in `frames`, or for a model of several views in `views`,
    by the view's name: a video, a picture, or a folder of pictures.

    Rows of a control begin at the first given frame. `camera` is a file or words (see `camera_words`); its poses are in
    the `convention` named, if its kind does not say it. `rate_hz` is of the rows of a file that does not say it.
    `lens_px` are fx, fy, cx, cy in pixels of the input; `fov_rad` is the angle across the input.

    `base` is the folder of what the model was trained from, if that is needed and is not where it was then.

    `given` frames are taken, the first of the input or the `last`; the model says how many by default. `chunks` are
    generated one after the other, or as many as `seconds_s` need. `guidance`, `steps` of a model that removes noise, and
    `temperature`, `top_p` and `top_k` of one that predicts tokens are by default those that the model was evaluated with.
    """

    model: str
    base: Path | None = None
    frames: Path | None = None
    views: Mapping[str, Path] = field(default_factory=dict)
    prompt: str | None = None
    actions: Path | None = None
    camera: str | None = None
    trajectory: Path | None = None
    rate_hz: float | None = None
    convention: str | None = None
    fov_rad: float | None = None
    lens_px: tuple[float, float, float, float] | None = None
    dataset: str | None = None
    reverse: bool = False
    no_control: bool = False
    given: int | None = None
    last: bool = False
    chunks: int | None = None
    seconds_s: float | None = None
    seed: int = 0
    steps: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    guidance: float | None = None
    runs: Path = Path("runs")

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Every file that is read, besides the model."""
        from cosmos_recipes.run.sampling.camera_files import is_file

        camera = Path(self.camera) if self.camera and is_file(self.camera) else None
        named = (self.frames, *self.views.values(), self.actions, camera, self.trajectory)
        return tuple(path for path in named if path is not None)
