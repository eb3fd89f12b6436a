"""What a card says that its model cannot do, or that nobody knows: each sentence follows from the plan and the figures."""

from __future__ import annotations

from collections.abc import Iterator

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.evaluation.gate import check_gate
from cosmos_recipes.publishing.card.markdown import Markdown, code, escaped
from cosmos_recipes.publishing.card.told import Told

FEW_CLIPS, LIKELY = 30, 0.05
"""Held-out clips below which the card says that there are few, and a p-value above which nothing is shown."""


def limits(plan: Plan, told: Told) -> list[Markdown]:
    """Return the sentences."""
    return [
        *_of_clips(plan, told),
        *_of_data(plan, told),
        *_of_figures(plan, told),
        *_of_control(plan, told),
        *_of_gate(plan, told),
        *_always(),
    ]


def _of_clips(plan: Plan, told: Told) -> Iterator[Markdown]:
    clip = plan.data.clip
    lasts_s = (clip.frames - clip.given_frames) / clip.rate_hz
    yield Markdown(
        f"It predicts {lasts_s:g} s at a time. `--chunks` makes longer videos, clip after clip; errors add up there, and were "
        "not measured."
    )
    yield Markdown(
        f"It knows {clip.height_px} x {clip.width_px} pixels (height x width) and {clip.rate_hz:g} frames per second. Other sizes "
        "and rates were not tried."
    )


def _of_data(plan: Plan, told: Told) -> Iterator[Markdown]:
    names = " and ".join(code(own.name) for own in plan.data.sets)
    trained = (told.prepared.get("clips") or {}).get("train")
    of_clips = f" {trained:,} clips of" if isinstance(trained, int) else ""
    yield Markdown(
        f"It was trained on{of_clips} {names}, and measured on that alone: nothing is known of other scenes, cameras and motions."
    )
    worlds = [own for own in plan.data.sets if own.source.get("kind") == "world"]
    if len(worlds) == len(plan.data.sets):
        yield Markdown(
            "All of its data is drawn by a program. How it does on videos of the real world was not measured."
        )
    if left_out := len(told.prepared.get("left_out") or ()):
        yield Markdown(f"Recordings of which no clip could be made, and which were left out: {left_out}.")


def _of_figures(plan: Plan, told: Told) -> Iterator[Markdown]:
    metrics = told.metrics
    clips = metrics.get("clips")
    if clips is None:
        yield Markdown("How good it is was not measured.")
        return
    if clips < FEW_CLIPS:
        yield Markdown(f"It was measured on {clips} clips, which are few: the intervals say how little is certain.")
    pairs = (("all pixels", "psnr"), ("the pixels that move", "psnr_moving"))
    for what, key in pairs:
        ours, copy = metrics.get(f"{key}_db"), metrics.get(f"{key}_copy_db")
        if ours is not None and copy is not None and ours <= copy:
            yield Markdown(f"Over {what} it is no nearer to the truth than repeating the last given frame.")
    yield Markdown(f"The figures are of one training (seed {plan.seed}); another seed gives others.")
    yield Markdown(
        "Distances between distributions of videos (FVD, FID), LPIPS and judgements of people were not measured."
    )


def _of_control(plan: Plan, told: Told) -> Iterator[Markdown]:
    if not head(plan.conditioning.head).controlled:
        yield Markdown("It has no control: what happens cannot be chosen.")
        return
    ratio, low = told.metrics.get("adherence"), told.metrics.get("adherence_low")
    if ratio is None or low is None:
        yield Markdown("How much it obeys its control was not measured, or could not be.")
    elif told.metrics["adherence_high"] < 1:
        yield Markdown("It does not obey its control: its error is larger with the true one than with another clip's.")
    elif low <= 1:
        yield Markdown(
            "That it obeys its control is not shown: the interval of adherence holds 1, which is a control that is ignored."
        )
    chances = {name: figure.get("p_shuffled") for name, figure in (told.metrics.get("task") or {}).items()}
    unclear = [f"{code(name)} (p {chance:.3f})" for name, chance in chances.items() if chance and chance > LIKELY]
    if unclear:
        yield Markdown(
            f"It is not clearly better with the true control than with another clip's in {', '.join(unclear)}."
        )


def _of_gate(plan: Plan, told: Told) -> Iterator[Markdown]:
    figures = {name: limit for name, limit in plan.gate.figures.items() if limit is not None}
    asked = [name for name, limit in plan.gate.model_dump(exclude={"figures"}).items() if limit is not None]
    if not asked and not figures:
        yield Markdown("The recipe asked for no least quality: no gate stood before publishing.")
    elif told.metrics.get("ssim") is not None:
        for problem in check_gate(plan.gate, {"adherence": None, "task": {}, **told.metrics}):
            yield Markdown(f"The recipe's gate refused it: {escaped(problem.message)}, {escaped(problem.found)}.")


def _always() -> Iterator[Markdown]:
    yield Markdown(
        "A prediction is one of many that could be. It is no simulation of physics, and no ground for decisions about safety."
    )
    yield Markdown("Nothing filters what goes in or comes out.")
