"""Sampling: a video from a trained model, given frames and a control in a person's own units.

Legend: V views, C colours, T frames, H height, W width.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

from cosmos_recipes import __version__
from cosmos_recipes.backbones.objectives import Sampling
from cosmos_recipes.data.index.windows import ClipSpec
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.files import sha256, whole, write_json
from cosmos_recipes.run.folder import read_json
from cosmos_recipes.run.progress import Progress, Silent
from cosmos_recipes.run.sampling.controls import read_controls, require_taken
from cosmos_recipes.run.sampling.frames import read_given
from cosmos_recipes.run.sampling.models import OpenModel, open_model
from cosmos_recipes.run.sampling.request import SampleRequest
from cosmos_recipes.run.sampling.sampler import sampling_for
from cosmos_recipes.run.sampling.timeline import Timeline

if TYPE_CHECKING:
    from torch import Tensor

    from cosmos_recipes.training.world_model import WorldModel

__all__ = ["SampleRequest", "Sampled", "sample", "write_sample"]
LIBRARIES = ("torch", "diffusers")
"""Libraries whose versions can change what comes out."""
_SAID = {"asked", "video", "files"}
"""What the JSON beside a sample has."""


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What was generated: `video_VCTHW` (uint8), given frames first. `said` is what has to be said to repeat it."""

    video_VCTHW: Tensor
    rate_hz: float
    views: tuple[str, ...]
    said: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def sample(request: SampleRequest, *, progress: Progress | None = None) -> Sampled:
    """Return the video that a model makes of the request; the same request gives the same frames on the same machine.

    Raises:
        RecipeError: the model cannot be had (CR260, CR261), or cannot do what is asked (CR262 to CR269), or breaks
            while it does it (CR165).
    """
    progress = progress or Silent()
    opened = open_model(request.model, runs=request.runs)
    require_taken(request, opened.config.head)
    opened.require_base(request.base)
    timeline = Timeline.of(request, opened.config)
    sampling, guidance = sampling_for(request, opened), _guidance(request, opened)
    with TemporaryDirectory() as folder:
        fewest = opened.config.fewest_given_frames or opened.config.given_frames
        given = read_given(request, opened.config.views, _clip(opened, timeline), fewest=fewest, folder=Path(folder))
        controls = read_controls(request, opened, given, timeline)
    from cosmos_recipes.backbones.stored import at_work
    from cosmos_recipes.run.sampling.rollout import roll_out

    progress("loading the model", 0, 0)
    model = _load(opened, request)
    with at_work(opened.folder, "it generated"):
        video_VCTHW = roll_out(
            model,
            given.video_BCTHW,
            controls.rows,
            timeline,
            seed=request.seed,
            sampling=sampling,
            guidance=guidance,
            progress=progress,
        )
    return Sampled(
        video_VCTHW=video_VCTHW,
        rate_hz=opened.config.rate_hz,
        views=opened.config.views,
        said=_said(request, opened, timeline, sampling=sampling, guidance=guidance),
        notes=controls.notes,
    )


def write_sample(sampled: Sampled, output: Path, *, each_view: bool = False) -> list[Path]:
    """Write the video, several views in a grid, and beside it what was asked, as JSON; return what was written.

    With `each_view` every view has a video of its own as well, called after it.

    Raises:
        RecipeError: the output is not called .mp4, or is one of the inputs, or there and no sample (CR262).
    """
    from cosmos_recipes.evaluation.video import write_mp4
    from cosmos_recipes.evaluation.views import grid_of

    require_output(output, [Path(path) for path in sampled.said["files"]])
    along_CTHW = sampled.video_VCTHW.transpose(0, 1).flatten(1, 2)
    videos = {output: grid_of(along_CTHW, len(sampled.video_VCTHW))}
    if each_view:
        if not sampled.views:
            _fail_output("the model sees one camera", "no `--each-view`", "--each-view")
        own = dict(zip(sampled.views, sampled.video_VCTHW, strict=True))
        videos |= {output.with_stem(f"{output.stem}-{view}"): video_CTHW for view, video_CTHW in own.items()}
    _require_own(videos, output)
    for path, video_CTHW in videos.items():
        with whole(path) as part:
            write_mp4(part, video_CTHW, sampled.rate_hz)
    said = output.with_suffix(".json")
    write_json(said, sampled.said)
    return [*videos, said]


def require_output(output: Path, inputs: list[Path]) -> None:
    """Refuse an output that is no .mp4, or would take the place of an input or of what is no sample (CR262)."""
    if output.suffix.lower() != ".mp4":
        _fail_output("the video is written as .mp4", "a path that ends in .mp4", str(output))
    written = [output.resolve(), output.with_suffix(".json").resolve()]
    for path in inputs:
        if path.resolve() in written:
            _fail_output("the output would take the place of an input", "another name after `-o`", str(path))
    _require_own([output, output.with_suffix(".json")], output)


def _require_own(paths: Iterable[Path], output: Path) -> None:
    """Refuse to write over what no earlier sample wrote, such as a recording, or the caption of one."""
    there = next((path for path in paths if path.exists()), None)
    said = read_json(output.with_suffix(".json"))
    if there is not None and not (isinstance(said, dict) and said.keys() >= _SAID):
        _fail_output("the output is there already, and is no sample", "a new name after `-o`", str(there))


def _clip(opened: OpenModel, timeline: Timeline) -> ClipSpec:
    """Return the window of the given frames."""
    said = opened.config.clip
    return ClipSpec(
        frames=timeline.given,
        rate_hz=opened.config.rate_hz,
        height_px=said["height_px"],
        width_px=said["width_px"],
        stride=1,
    )


def _guidance(request: SampleRequest, opened: OpenModel) -> float:
    """Return the guidance: as asked, or as the model was evaluated."""
    has_control = request.prompt or request.actions or request.camera or request.trajectory
    if request.guidance not in (None, 1) and not has_control:
        fail("CR264", "`--guidance` would be ignored", expected="a control to be guided by", found="none")
    return opened.evaluated.guidance if request.guidance is None else request.guidance


def _load(opened: OpenModel, request: SampleRequest) -> WorldModel:
    from cosmos_recipes.run.contexts import device
    from cosmos_recipes.training.world_model import WorldModel

    model = WorldModel.from_pretrained(opened.folder, base=request.base if opened.config.base else None)
    most, fewest = opened.config.given_frames, opened.config.fewest_given_frames
    allowed = range(most, (fewest or most) - 1, -int(model.tokenizer.temporal))[::-1]
    if request.given is not None and request.given not in allowed:
        expected = f"`--given` {listed(map(str, allowed))}"
        message = f"the model was not trained to begin from {request.given} frames"
        fail("CR263", message, expected=expected, found=str(request.given))
    return model.to(device())


def _said(
    request: SampleRequest, opened: OpenModel, timeline: Timeline, *, sampling: Sampling, guidance: float
) -> dict[str, Any]:
    """Return what was asked, with all that was left open, and what it was made from and with."""
    asked = {name: value for name, value in asdict(request).items() if value not in (None, False, {})}
    files = {str(file): sha256(file) for path in request.inputs for file in _files(path)}
    return {
        "asked": {**_plain(asked), "model": opened.pinned, **sampling.model_dump(), "guidance": guidance},
        "model": {
            "head": opened.config.head,
            "revision": opened.revision,
            "weights_sha256": opened.weights_sha256,
            "recipe": opened.plan.recipe if opened.plan else None,
        },
        "video": {
            "frames": timeline.kept,
            "rate_hz": timeline.rate_hz,
            "given": timeline.given,
            "chunks": timeline.chunks,
        },
        "files": files,
        "versions": {"cosmos-recipes": __version__, **{name: version(name) for name in LIBRARIES}},
    }


def _files(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return str(value) if isinstance(value, Path) else value


def _fail_output(message: str, expected: str, found: str) -> NoReturn:
    fail("CR262", message, place=Place(file="-o"), expected=expected, found=found)
