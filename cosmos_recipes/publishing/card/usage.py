"""The code of a card: commands and Python that do what they say when they are pasted in the package's folder."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cosmos_recipes.backbones.weights import ADAPTER, HUB, SHIPPED, Weights
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.data.binding.spec import POINTS, RATE_HZ
from cosmos_recipes.data.binding.units import factor
from cosmos_recipes.data.geometry.presets import POSE_PRESETS
from cosmos_recipes.publishing.card.told import Told

BASE = "path/to/the/base"
"""What stands for the folder of a base that nobody can fetch."""
AHEAD_M_S = 5.0
LONGEST_LINE = 84
"""Characters that a page shows of a line of code."""
_UNTURNED = {
    "position-euler": [0.0] * 6,
    "position-axis-angle": [0.0] * 6,
    "position-rot6d": [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
}
_SHIPPED_AT = "cosmos_recipes/backbones/weights"


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How to use a model: `fetch` and `sample` are for a shell, `control` (which may be empty) and `python` are Python.

    `diffusers` is Python without Cosmos Recipes, empty where nothing loads there; `before` is for a shell before it.
    """

    fetch: str
    control: str
    sample: str
    python: str
    diffusers: str
    before: str


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What is said to the model: options of the command, and what writes the file of a control."""

    control: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)


def usage(plan: Plan, told: Told) -> Usage:
    """Return the code for a plan's model."""
    said = _said(plan, told)
    return Usage(
        fetch=_fetch(plan, said),
        control=said.control,
        sample=_sample(plan, said),
        python=_python(plan, said),
        diffusers="\n".join(_diffusers(plan)),
        before=_before(plan),
    )


def reference(plan: Plan) -> str:
    """Return what names the model in a command."""
    return "." if plan.publish.repo == "local" else f"hf://{plan.publish.repo}"


def command(plan: Plan, model: str) -> str:
    """Return the command that takes a video from `model`, with a word in capitals for everything that one gives."""
    said = _said(plan, Told(run_id="", metrics={}))
    views = (f"--view {shlex.quote(view)}=VIDEO" for view in said.views)
    paths = (f"--{name} {'VIDEO' if name == 'frames' else 'FILE'}" for name in said.paths)
    texts = (f"--{name} TEXT" for name in said.texts)
    base = [f"--base {BASE}"] if _base_is_elsewhere(plan) else []
    return " ".join([f"cosmos-recipe sample {shlex.quote(model)}", *views, *paths, *texts, *base, "-o next.mp4"])


def _said(plan: Plan, told: Told) -> _Said:
    views = {view: f"{view}.mp4" for view in plan.data.clip.views}
    clip = next((path for path in told.files if path.endswith("_truth.mp4")), "start.mp4")
    paths, texts = {} if views else {"frames": clip}, {}
    control = ""
    for column in (*head(plan.conditioning.head).columns, *head(plan.conditioning.head).optional_columns):
        if column not in plan.data.columns:
            continue
        match column:
            case "caption":
                texts["prompt"] = _prompt(told)
            case "pose":
                texts["camera"] = "forward 1 m"
            case "action":
                control, paths["actions"] = _actions(plan, told), "actions.csv"
            case "trajectory":
                control, paths["trajectory"] = _trajectory(plan), "way.csv"
    return _Said(control=control, paths=paths, texts=texts, views=views)


def _prompt(told: Told) -> str:
    """Return a caption of a held-out clip: the words are those that the model knows."""
    captions = [" ".join(str(caption).split()) for caption in told.clips.get("captions", ())]
    return next((caption for caption in captions if caption and caption.isprintable()), "what is to happen")[:300]


def _fetch(plan: Plan, said: _Said) -> str:
    lines = ["pip install cosmos-recipes"]
    if plan.publish.repo == "local":
        lines.append("cd path/to/this/folder")
    elif frames := said.paths.get("frames"):
        lines.append(
            f"hf download {plan.publish.repo} {frames} --local-dir .  # frames to begin from, or take your own"
        )
    return "\n".join(lines)


def _sample(plan: Plan, said: _Said) -> str:
    options = [f"--{name} {shlex.quote(value)}" for name, value in (*said.paths.items(), *said.texts.items())]
    options = [f"--view {shlex.quote(f'{view}={path}')}" for view, path in said.views.items()] + options
    if _base_is_elsewhere(plan):
        options.append(f"--base {BASE}")
    lines = [f"cosmos-recipe sample {reference(plan)}", *options, "-o next.mp4"]
    one = " ".join(lines)
    return one if len(one) <= LONGEST_LINE else " \\\n  ".join(lines)


def _python(plan: Plan, said: _Said) -> str:
    arguments = [f"model={_literal(reference(plan))}"]
    if said.views:
        views = "".join(f"        {_literal(view)}: Path({_literal(path)}),\n" for view, path in said.views.items())
        arguments.append(f"views={{\n{views}    }}")
    arguments += [f"{name}=Path({_literal(path)})" for name, path in said.paths.items()]
    arguments += [f"{name}={_literal(text)}" for name, text in said.texts.items()]
    if _base_is_elsewhere(plan):
        arguments.append(f"base=Path({_literal(BASE)})")
    lines = "".join(f"    {each},\n" for each in arguments)
    return f"""from pathlib import Path

from cosmos_recipes.run.sample import SampleRequest, sample, write_sample

request = SampleRequest(
{lines})
sampled = sample(request)
print(sampled.video_VCTHW.shape)  # views, colours, frames, height, width; numbers from 0 to 255
write_sample(sampled, Path("next.mp4"))"""


def _actions(plan: Plan, told: Told) -> str:
    """Return Python that writes a file of actions: the middle of the training data, at every step."""
    said, count = plan.data.sets[0].bindings.get("action", {}), plan.data.numbers["action"]
    units = said.get("unit") or "1"
    units = [units] * count if isinstance(units, str) else list(units)
    kept = told.seen.normalisers[0].get("action") if told.seen and told.seen.normalisers else None
    middle = (
        [float(f"{value / factor(unit):.4g}") for value, unit in zip(kept.centre_A, units, strict=True)]
        if kept
        else [0.0] * count
    )
    row = [*_rest(said), *middle[len(_rest(said)) :]]
    names = said.get("names")
    header = f"    rows.writerow([{', '.join(map(_literal, names))}])\n" if names else ""
    return f"""import csv

with open("actions.csv", "w", newline="") as file:
    rows = csv.writer(file)
{header}    # {"The middle of the training data" if kept else "No action"}, at every step: put your own here.
    rows.writerows([{row}] * {plan.data.clip.frames})"""


def _rest(said: Mapping[str, Any]) -> list[float]:
    """Return a pose that does not move, where the first numbers of an action are a pose."""
    convention = said.get("convention")
    if convention is None:
        return []
    parts = POSE_PRESETS[convention].model_dump() if isinstance(convention, str) else convention
    if parts["form"] == "position-quaternion":
        return [0.0, 0.0, 0.0, *([1.0, 0.0, 0.0, 0.0] if parts["quaternion_order"] == "wxyz" else [0.0, 0.0, 0.0, 1.0])]
    return _UNTURNED[parts["form"]]


def _trajectory(plan: Plan) -> str:
    """Return Python that writes a way straight ahead."""
    rate_hz = plan.data.rates_hz.get("trajectory", RATE_HZ)
    points = plan.data.numbers.get("trajectory", POINTS)
    return f"""import csv

with open("way.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["x", "y", "z"])
    # Straight ahead at {AHEAD_M_S:g} m/s: put your own points here, {rate_hz:g} in a second.
    rows.writerows([[{AHEAD_M_S / rate_hz:g} * step, 0, 0] for step in range({points + 1})])"""


def _diffusers(plan: Plan) -> Iterator[str]:
    """Yield lines of Python that load the network in plain diffusers; none for a family that it does not have."""
    if plan.backbone.family != "diffusion":
        return
    model = _literal("." if plan.publish.repo == "local" else plan.publish.repo)
    if plan.train.method == "full":
        yield "from diffusers import CosmosTransformer3DModel\n"
        yield f'transformer = CosmosTransformer3DModel.from_pretrained({model}, subfolder="transformer")'
        return
    yield "import torch\nfrom diffusers import CosmosTransformer3DModel\n"
    arguments = ",\n    ".join([*_base_arguments(plan), "torch_dtype=torch.float32"])
    yield f"transformer = CosmosTransformer3DModel.from_pretrained(\n    {arguments},\n)"
    yield f"transformer.load_lora_adapter({model}, weight_name={_literal(ADAPTER)})"


def _base_arguments(plan: Plan) -> list[str]:
    label, folder = plan.backbone.weights or "", 'subfolder="transformer"'
    if label.startswith(HUB):
        place, _, revision = label.removeprefix(HUB).partition("@")
        return [_literal(place), folder, f"revision={_literal(revision)}"]
    return [_literal(f"{_SHIPPED_AT}/{label.removeprefix(SHIPPED)}" if label.startswith(SHIPPED) else BASE), folder]


def _before(plan: Plan) -> str:
    """Return the commands that bring a base from the wheel of Cosmos Recipes, which alone has it."""
    label = plan.backbone.weights or ""
    if plan.train.method == "full" or not label.startswith(SHIPPED):
        return ""
    return f"""pip download cosmos-recipes --no-deps
unzip cosmos_recipes-*.whl '{_SHIPPED_AT}/{label.removeprefix(SHIPPED)}/*'"""


def _base_is_elsewhere(plan: Plan) -> bool:
    """Return whether adapters are for a model that only a folder of the machine that trained held."""
    weights = Weights(label=plan.backbone.weights or "")
    return plan.train.method == "lora" and not (weights.is_on_hub or weights.label.startswith(SHIPPED))


def _literal(text: str) -> str:
    """Return a string as Python writes it, in double quotes."""
    return json.dumps(text, ensure_ascii=False)
