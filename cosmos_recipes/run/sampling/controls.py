"""From what a person says to what the model's head takes: which controls there may be, and their rows for each chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import tan
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import OPTIONS, head
from cosmos_recipes.data.binding.declare import declaration_of
from cosmos_recipes.diagnostics import fail, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.run.sampling.models import OpenModel, fail_base
from cosmos_recipes.run.sampling.parts import Part, action_part, camera_part, trajectory_part
from cosmos_recipes.run.sampling.request import SampleRequest
from cosmos_recipes.run.sampling.timeline import Timeline

if TYPE_CHECKING:
    from cosmos_recipes.run.sampling.frames import GivenFrames

_LENS = "intrinsics"


@dataclass(frozen=True, kw_only=True)
class Controls:
    """The row of each chunk, None where there is to be no control; and what a person should know of it."""

    rows: list[dict[str, Any]] | None
    notes: tuple[str, ...] = ()


def require_taken(request: SampleRequest, head_name: str) -> None:
    """Refuse controls that the model's head does not take, and go on without one only where that is said.

    Raises:
        RecipeError: every control that is missing, would be ignored, or cannot be said (CR264).
    """
    columns, optional = head(head_name).columns, head(head_name).optional_columns
    given = _given(request)
    needs = [OPTIONS[name] for name in columns if name in OPTIONS]
    takes = needs + [OPTIONS[name] for name in optional if name in OPTIONS]
    for column in columns:
        if column not in (*OPTIONS, _LENS):
            _fail_control(f"the control `{column}` of this model cannot be said", takes, given)
    allowed = [] if request.no_control else takes
    for option in given:
        if option not in allowed:
            why = "`--no-control` leaves no room for" if request.no_control else "the model does not take"
            _fail_control(f"{why} `{option}`", allowed, given)
    missing = [option for option in needs if option in allowed and option not in given]
    if missing:
        _fail_control(f"the model needs `{missing[0]}`", needs, given, hint=f"add `{missing[0]}`, or `--no-control`")
    for option, others in _settings(request, _LENS in columns):
        if not {*others} & {*given}:
            _fail_control(f"`{option}` would be ignored", [f"`{option}` with {listed(others)}"], given)
    if request.camera is not None and request.fov_rad is not None and request.lens_px is not None:
        _fail_control("the lens is said twice", ["--fov or --intrinsics"], ["both"])


def read_controls(request: SampleRequest, model: OpenModel, given: GivenFrames, timeline: Timeline) -> Controls:
    """Return what the head takes for each chunk.

    Raises:
        RecipeError: a control cannot be read, is too short, or the model does not say what it means (CR265 to CR268).
    """
    if request.no_control:
        return Controls(rows=None)
    columns: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    for part in _parts(request, model, given, timeline):
        columns |= part.columns(_plan(model).data.load_contract(), given, timeline)
        notes += part.notes
    if request.camera is not None:
        notes += _scale(model)
        if _LENS in head(model.config.head).columns and _LENS not in columns:
            columns[_LENS] = _trained_lens(model, timeline)
            notes += ("the lens is that of the first clip that the model was trained on; `--fov` says another",)
    columns = _normalised(columns, request, model)
    texts = _texts(request, model)
    rows = [{**texts, **{name: each[chunk] for name, each in columns.items()}} for chunk in range(timeline.chunks)]
    return Controls(rows=rows, notes=notes)


def _texts(request: SampleRequest, model: OpenModel) -> dict[str, Any]:
    """Return the prompt, and what a frozen encoder makes of it, as data is prepared.

    Raises:
        RecipeError: the encoder is not there (CR268, CR269), or another one (CR62x).
    """
    from cosmos_recipes.backbones.text import PARTS, is_frozen
    from cosmos_recipes.run.contexts import Reader, text_source

    if request.prompt is None:
        return {}
    if not request.prompt or not is_frozen(model.config.text["encoder"]):
        return {"caption": request.prompt}
    plan = model.plan or _fail_unknown("which text encoder reads its prompts", "a plan.yaml beside it")
    given = Weights(label=str(request.base)) if request.base else None
    source = given if given and given.is_pipeline else text_source(plan)
    if not source.is_on_hub and not all((source.folder / part).is_dir() for part in PARTS):
        fail_base("the text encoder that reads prompts", source.folder, " and ".join(f"{part}/" for part in PARTS))
    context_LD = Reader(plan.backbone.text, source).encode([request.prompt])[0].cpu()
    return {"caption": request.prompt, "context_LD": context_LD}


def _given(request: SampleRequest) -> list[str]:
    said = {
        "caption": request.prompt,
        "action": request.actions,
        "pose": request.camera,
        "trajectory": request.trajectory,
    }
    return [OPTIONS[name] for name, value in said.items() if value is not None]


def _settings(request: SampleRequest, has_lens: bool) -> Iterator[tuple[str, list[str]]]:
    """Yield settings that are said, and the options of which one is needed for them to count."""
    from cosmos_recipes.run.sampling.camera_files import is_file

    rows = ["--actions", "--camera", "--trajectory"]
    in_words = request.camera is not None and not is_file(request.camera)
    if request.reverse:
        yield "--reverse", rows
    if request.rate_hz is not None:
        yield "--rate", [option for option in rows if not (in_words and option == "--camera")]
    if request.convention is not None:
        yield "--convention", [] if in_words else ["--camera"]
    for option, value in (("--fov", request.fov_rad), ("--intrinsics", request.lens_px)):
        if value is not None:
            yield option, ["--camera"] if has_lens else []


def _parts(request: SampleRequest, model: OpenModel, given: GivenFrames, timeline: Timeline) -> Iterator[Part]:
    if request.actions is not None:
        said = _binding(model, "action")
        yield action_part(request.actions, said, request, timeline, model.config.numbers["action"])
    if request.camera is not None:
        yield _with_lens(camera_part(request, timeline), request, given)
    if request.trajectory is not None:
        yield trajectory_part(request.trajectory, _binding(model, "trajectory"), request, timeline)


def _with_lens(part: Part, request: SampleRequest, given: GivenFrames) -> Part:
    """Return the camera's way with the lens that the person says, which wins over that of the file."""
    convention: str | dict[str, str] = "canonical"
    if request.fov_rad is not None:
        fit, found = given.fits[0], given.probes[0]
        wide = fit.source_width_px * (1 / found.pixel_aspect if fit.quarter_turns % 2 else found.pixel_aspect)
        across = 0.5 / tan(request.fov_rad / 2)
        lens_4 = np.array([across, across * wide / fit.source_height_px, 0.5, 0.5])
    elif request.lens_px is not None:
        lens_4, convention = np.array(request.lens_px), {"form": "row-4", "unit": "pixels"}
    else:
        return part
    said = {"from": _LENS, "convention": convention}
    return replace(part, values={**part.values, _LENS: lens_4}, bindings={**part.bindings, _LENS: said})


def _plan(model: OpenModel) -> Plan:
    return model.plan or _fail_unknown("what its controls mean", "a plan.yaml beside it")


def _binding(model: OpenModel, column: str) -> Mapping[str, Any]:
    """Return how the data that the model was trained on is bound; those of a mixture mean the same."""
    said: Mapping[str, Any] | None = _plan(model).data.sets[0].bindings.get(column)
    return said or _fail_unknown(f"what `{column}` means", f"a binding of `{column}` in its plan.yaml")


def _scale(model: OpenModel) -> tuple[str, ...]:
    """Return a note where the lengths of the model are not metres."""
    data = _plan(model).data
    own = data.sets[0]
    declared = declaration_of(data.load_contract(), own.views, own.bindings).columns.get("pose")
    if declared is None or getattr(declared.convention, "length_unit", "m") != "arbitrary":
        return ()
    return ("the model was trained on poses without a scale: a metre is a unit of that data",)


def _trained_lens(model: OpenModel, timeline: Timeline) -> Any:
    """Return intrinsics (N, [V,] T, 4) of the clip's pictures, as the first clip of the training had them."""
    if model.seen is None or model.seen.intrinsics is None:
        _fail_unknown("which lens it was trained with", "`--fov`, `--intrinsics`, or a data.json with intrinsics")
    lens = np.array(model.seen.intrinsics, np.float32)[..., None, :]
    return np.broadcast_to(lens.repeat(timeline.frames, -2), (timeline.chunks, *lens.shape[:-2], timeline.frames, 4))


def _normalised(columns: dict[str, Any], request: SampleRequest, model: OpenModel) -> dict[str, Any]:
    """Return the columns as the model saw them in training."""
    how = _plan(model).data.sets[0].normalise if columns else {}
    wanted = [name for name in columns if name in how]
    sets = [own.name for own in _plan(model).data.sets] if columns else []
    if request.dataset is not None and request.dataset not in (sets if wanted else ()):
        close = nearest(request.dataset, sets)
        hint = f"did you mean `{close}`?" if close else "leave `--dataset` out"
        _fail_dataset(f"`--dataset {request.dataset}` says nothing of this model", sets if wanted else [], hint)
    if not wanted:
        return columns
    if len(sets) > 1 and request.dataset is None:
        _fail_dataset(f"`{wanted[0]}` is normalised for each data set of the model alone", sets, "say `--dataset NAME`")
    number = sets.index(request.dataset) if request.dataset else 0
    kept = model.seen.normalisers[number : number + 1] if model.seen else []
    for name in wanted:
        if not kept or name not in kept[0] or kept[0][name].numbers not in (1, columns[name].shape[-1]):
            count = columns[name].shape[-1]
            _fail_unknown(f"how `{name}` was normalised", f"a data.json with the statistics of its {count} numbers")
    return {name: kept[0][name].normalise(each) if name in wanted else each for name, each in columns.items()}


def _fail_control(message: str, takes: Sequence[str], given: Sequence[str], *, hint: str = "") -> NoReturn:
    fail(
        "CR264",
        message,
        expected=listed(takes, "and") if takes else "no control",
        found=listed(given, "and"),
        hint=hint,
    )


def _fail_dataset(message: str, sets: Sequence[str], hint: str) -> NoReturn:
    expected = f"`--dataset` with {listed(sets)}" if sets else "no `--dataset`"
    fail("CR262", message, expected=expected, hint=hint)


def _fail_unknown(what: str, expected: str) -> NoReturn:
    hint = "run its recipe again: it was packaged by an earlier version"
    fail("CR268", f"the model does not say {what}", expected=expected, hint=hint)
