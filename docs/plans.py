"""Write docs/plans.md, how every backbone trains every task on 1 to 256 H100s, and the example of README.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cosmos_recipes.backbones.zoo import ZooEntry, zoo
from cosmos_recipes.cli.plan import screen
from cosmos_recipes.cli.screen import duration
from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.machines import overrides_of
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import heads
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.evaluation.support import Row, support
from cosmos_recipes.recipe.load import load_recipe

ROOT = Path(__file__).parents[1]
PAGE, README = ROOT / "docs" / "plans.md", ROOT / "README.md"
MACHINES = {1: "1xh100-80gb", 8: "8xh100-80gb", 32: "4x8xh100-80gb", 256: "32x8xh100-80gb"}
PROFILE = "predict2-2b"
"""The profile of each recipe that has data of the size of NVIDIA's models."""
CLIPS = 64
LEAST_S = 3
"""Seconds of a recording, in which what a world shows can happen."""
_TEXT = """# Plans

How each backbone would be post-trained, all of its weights, for each task on 1, 8, 32 and 256 H100s of 80 GB: the seconds
of a step of {clips} clips, the way, and the memory of each GPU. Clips are those of the model's own training; several views have
half its height and width each. Where several GPUs share a clip, `context` or `tensor` says how many. `cosmos-recipe plan`
says it for any recipe and machines, and what it costs; `python docs/plans.py` writes this page.
"""


_EXAMPLE = re.compile(
    r"(cosmos-recipe plan (\S+) --profile (\S+) --hardware (\S+)\n```\n\n```text\n).*?(```)", re.DOTALL
)


def written(text: str) -> str:
    """Return README.md with the answer to its command."""

    def answered(found: re.Match[str]) -> str:
        recipe = ROOT / "recipes" / f"{found[2]}.yaml"
        made = compile_recipe(load_recipe(recipe, profile=found[3], overrides=overrides_of(found[4])))
        return found[1] + "".join(f"{line}\n" for line in screen(made)) + found[5]

    return _EXAMPLE.sub(answered, text)


def page(names: Iterable[str] | None = None) -> str:
    """Return the page, of all backbones or of some."""
    entries = [zoo()[name] for name in names or zoo()]
    return "\n".join([_TEXT.format(clips=CLIPS), *(line for row in support() for line in section(row, entries))])


def section(row: Row, entries: Sequence[ZooEntry]) -> Iterator[str]:
    """Yield the lines of a task: a table with a row for each backbone."""
    yield f"## {row.task[0].upper()}{row.task[1:]}\n"
    yield f"| backbone | {' | '.join('1 GPU' if number == 1 else f'{number} GPUs' for number in MACHINES)} |"
    yield f"| --- {'| --- ' * len(MACHINES)}|"
    yield from (line(row, entry) for entry in entries)
    yield ""


def line(row: Row, entry: ZooEntry) -> str:
    """Return the row of a backbone in the table of a task."""
    cells = [cell(row, entry, words) for words in MACHINES.values()]
    if len(set(cells)) == 1:
        # What cannot be is so on all machines.
        cells[1:] = ["″"] * (len(cells) - 1)
    return f"| `{entry.name}` | {' | '.join(cells)} |"


def cell(row: Row, entry: ZooEntry, machines: str) -> str:
    """Return the plan for some machines, or why there is none."""
    recipe = ROOT / "recipes" / f"{row.recipe}.yaml"
    settings = (*clip_of(row, entry), *overrides_of(machines), f"backbone={entry.name}", f"train.global_batch={CLIPS}")
    try:
        return _said(compile_recipe(load_recipe(recipe, profile=PROFILE, overrides=settings)))
    except RecipeError as refused:
        problem = refused.problems[0]
        why = problem.found.partition(": ")[0] if problem.code.startswith("CR4") else problem.message
        return f"no ({problem.code}): {why}"


def clip_of(row: Row, entry: ZooEntry) -> tuple[str, ...]:
    """Return the settings of the clip: that of the model's training, of half the size where there are several views."""
    native = entry.native
    of_views = any(head.task == row.task and head.of_views for head in heads().values())
    height_px, width_px = (side // (2 if of_views else 1) for side in native.size)
    window = {"frames": native.frames, "rate": f"{native.rate_hz:g} Hz", "size": f"{height_px}x{width_px}"}
    return (
        *(f"dataset.clip.{key}={value}" for key, value in window.items()),
        f"dataset.use.source.frames={max(native.frames, round(LEAST_S * native.rate_hz))}",
        f"dataset.use.source.rate={window['rate']}",
        f"dataset.clip.stride={native.frames}",
        "conditioning.given_frames=1",
        "gate={}",
    )


def _said(plan: Plan) -> str:
    way, train, fit = plan.hardware, plan.train, plan.fit
    sizes = {"shard": way.shard, "context": way.context, "tensor": way.tensor}
    split = [f"{name} {size}" for name, size in sizes.items() if size > 1]
    recomputed = [] if way.recompute == "none" else [f"recompute {way.recompute}"]
    offloaded = ["offload"] if way.offload else []
    words = ", ".join([way.strategy, *split, *recomputed, *offloaded, f"{train.micro_batch} at once"])
    step_s = fit.seconds_per_step or 0
    return f"**{duration(step_s) if step_s >= 0.05 else 'under 0.1 s'}**, {fit.total_bytes / 1e9:.0f} GB<br>{words}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
