"""Pass 2: does everything fit together? Every problem at once, each at the value that has to change."""

from __future__ import annotations

from collections.abc import Iterator

from cosmos_recipes.backbones.zoo import video_sibling
from cosmos_recipes.compiler.families import check_family, check_weights
from cosmos_recipes.compiler.fit import head_parameters
from cosmos_recipes.compiler.hardware import check_hardware, check_shares
from cosmos_recipes.compiler.keeping import check_best
from cosmos_recipes.compiler.licences import check_licences
from cosmos_recipes.compiler.repository import repository_problem
from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.compiler.shape import clip_plan, nearest_frames, nearest_multiple
from cosmos_recipes.compiler.views import check_views
from cosmos_recipes.conditioning.base import heads, task_of
from cosmos_recipes.diagnostics import Problem, nearest
from cosmos_recipes.recipe.load import LoadedRecipe

LEAST_RATE = 0.9
"""A clip may have this much more frames per second than the recording: nominal rates are rounded."""


def check_alone(loaded: LoadedRecipe) -> tuple[Problem, ...]:
    """Return the problems that show in the recipe by itself."""
    checks = (check_hardware, _evaluation, check_best, _control, _publishing)
    return tuple(problem for check in checks for problem in check(loaded))


def check(resolved: Resolved) -> tuple[Problem, ...]:
    """Return the problems between the recipe and what it names."""
    checks = (_schema, _head, _entry, _columns, check_weights, _frames, _size, _given_frames, _fewest_given_frames)
    rest = (_recordings, _method, check_views, check_family, check_licences)
    problems = tuple(problem for check in (*checks, *rest) for problem in check(resolved))
    # Tokens are counted of a clip that can be cut into tokens.
    return problems or (*_extent(resolved), *_head_rate(resolved), *check_shares(resolved))


def check_data(resolved: Resolved) -> tuple[Problem, ...]:
    """Return the problems between the data and the recipe alone."""
    return tuple(problem for check in (_schema, _columns, _recordings, check_views) for problem in check(resolved))


def _evaluation(loaded: LoadedRecipe) -> Iterator[Problem]:
    evaluate = loaded.recipe.evaluate
    if evaluate.samples > evaluate.clips and "evaluate.samples" in loaded.origins:
        yield Problem(
            code="CR330",
            message="more clips are to be shown than are measured",
            place=loaded.place_of("evaluate.samples"),
            expected=f"at most {evaluate.clips} (evaluate.clips)",
            found=str(evaluate.samples),
            hint=f"set evaluate.samples to {evaluate.clips} or less",
        )


def _control(loaded: LoadedRecipe) -> Iterator[Problem]:
    """Settings that act on a control, where there is none."""
    recipe = loaded.recipe
    head = heads().get(recipe.conditioning.head)
    if head is None or head.controlled:
        return
    drops = "conditioning.dropout" in loaded.origins and recipe.conditioning.dropout > 0
    ignored = (
        ("gate.adherence", recipe.gate.adherence is not None, "CR331", "adherence cannot be measured"),
        ("gate.task", recipe.gate.task is not None, "CR331", "obedience to it cannot be measured"),
        ("evaluate.guidance", recipe.evaluate.guidance != 1, "CR334", "guidance has nothing to act on"),
        ("conditioning.dropout", drops, "CR334", "there is nothing to drop"),
    )
    for key, is_ignored, code, message in ignored:
        if is_ignored:
            yield Problem(
                code=code,
                message=f"{message}: the head `{head.name}` has no control",
                place=loaded.place_of(key),
                expected="a head with a control, such as text",
                found=f"conditioning.head: {head.name}",
                hint=f"remove `{key}`, or choose another head",
            )


def _publishing(loaded: LoadedRecipe) -> Iterator[Problem]:
    publish = loaded.recipe.publish
    key = "publish.public" if publish.repo == "local" else "publish.repo"
    if problem := repository_problem(publish.repo, public=publish.public, place=loaded.place_of(key)):
        yield problem


def _schema(resolved: Resolved) -> Iterator[Problem]:
    loaded, ours, theirs = resolved.loaded, resolved.loaded.recipe.dataset.schema_name, resolved.dataset.file
    if ours != theirs.schema_name:
        yield Problem(
            code="CR300",
            message=f"the data set {theirs.name} keeps another contract than the recipe expects",
            place=loaded.place_of("dataset.schema"),
            expected=theirs.schema_name,
            found=ours,
            hint=f"write `schema: {theirs.schema_name}`, or use another data set",
        )


def _head(resolved: Resolved) -> Iterator[Problem]:
    loaded, head, backbone = resolved.loaded, resolved.head, resolved.backbone
    schema = resolved.dataset.file.schema_name
    place = loaded.place_of("conditioning.head") or loaded.place_of("dataset.schema")
    if task_of(schema, head.name) is None:
        fitting = [other.name for other in heads().values() if other.schema == schema]
        yield Problem(
            code="CR301",
            message=f"the head `{head.name}` does not work with data of the schema {schema}",
            place=place,
            expected=f"a head for {schema}: {', '.join(fitting)}" if fitting else f"the schema {head.schema}",
            found=f"{schema} with {head.name}",
            hint=f"use {' or '.join((*fitting, f'data of the schema {head.schema}'))}"
            + (
                ""
                if fitting
                else f": `cosmos-recipe new dataset PATH --schema {head.schema}` binds the same recordings"
            ),
        )
    elif schema == resolved.schema.name and (missing := set(head.columns) - resolved.schema.columns.keys()):
        yield Problem(
            code="CR303",
            message=f"the head `{head.name}` needs columns that the schema {schema} does not have",
            place=place,
            expected=", ".join(head.columns),
            found=f"no {', '.join(sorted(missing))}",
            hint="add the columns to the schema, or choose another head",
        )
    if backbone.family not in head.families:
        fitting = [other.name for other in heads().values() if backbone.family in other.families]
        yield Problem(
            code="CR302",
            message=f"the head `{head.name}` does not fit the {backbone.family} family",
            place=place,
            expected=f"one of {', '.join(fitting)}, or a backbone of the family {' or '.join(head.families)}",
            found=f"{head.name} with {backbone.name}",
            hint="choose another head or another backbone",
        )


def _columns(resolved: Resolved) -> Iterator[Problem]:
    """Whether every data set binds the numbers that the head consumes; a schema may leave that open."""
    known, head = resolved.schema.columns, resolved.head
    for dataset, _ in resolved.dataset.sets:
        numbers = [name for name in head.columns if name in known and known[name].kind in ("tensor", "scalar")]
        if missing := [name for name in numbers if name not in dataset.declaration.columns]:
            yield Problem(
                code="CR307",
                message=f"the head `{head.name}` needs columns that the data set {dataset.file.name} does not bind",
                place=dataset.columns_at or resolved.loaded.place_of("dataset.use"),
                expected=f"`columns: {{{missing[0]}: {{from: …}}}}`",
                found=f"no {', '.join(missing)}",
                hint="bind them in the data set's file, or choose another head",
            )


def _entry(resolved: Resolved) -> Iterator[Problem]:
    head, chosen = resolved.head, resolved.loaded.recipe.conditioning.enters
    entries = head.entries.get(resolved.backbone.family, ())
    if chosen is not None and chosen not in entries:
        close = nearest(chosen, entries) or next(iter(entries), None)
        yield Problem(
            code="CR305",
            message=f"the head `{head.name}` cannot enter the network there",
            place=resolved.loaded.place_of("conditioning.enters"),
            expected=f"one of {', '.join(entries)}" if entries else "no `enters`: it has one way in",
            found=chosen,
            hint=f"use `enters: {close}`" if close else "remove `enters`",
        )


def _frames(resolved: Resolved) -> Iterator[Problem]:
    frames, temporal = resolved.loaded.recipe.dataset.clip.frames, resolved.backbone.tokenizer.temporal
    if (frames - 1) % temporal or frames <= temporal:
        close = max(1 + temporal, nearest_frames(frames, temporal))
        yield Problem(
            code="CR310",
            message=f"{resolved.backbone.name} cannot take a clip of {_counted(frames)}",
            place=resolved.loaded.place_of("dataset.clip.frames"),
            expected=f"1 + k * {temporal} frames: one, then {temporal} for each latent frame",
            found=str(frames),
            hint=f"use {close}",
        )


def _size(resolved: Resolved) -> Iterator[Problem]:
    (height_px, width_px), (high, wide) = resolved.loaded.recipe.dataset.clip.size, resolved.backbone.size_multiple
    if height_px % high or width_px % wide:
        close = f"{nearest_multiple(height_px, high)}x{nearest_multiple(width_px, wide)}"
        yield Problem(
            code="CR311",
            message=f"{resolved.backbone.name} cannot cut pictures of {height_px}x{width_px} pixels into patches",
            place=resolved.loaded.place_of("dataset.clip.size"),
            expected=f"a height that is a multiple of {high} and a width that is a multiple of {wide}",
            found=f"{height_px}x{width_px}",
            hint=f"use {close}",
        )


def _given_frames(resolved: Resolved) -> Iterator[Problem]:
    loaded, temporal = resolved.loaded, resolved.backbone.tokenizer.temporal
    given, frames = loaded.recipe.conditioning.given_frames, loaded.recipe.dataset.clip.frames
    place = loaded.place_of("conditioning.given_frames") or loaded.place_of("dataset.clip.frames")
    if not resolved.backbone.takes_given_frames:
        sibling = video_sibling(resolved.backbone)
        yield Problem(
            code="CR318",
            message=f"{resolved.backbone.name} cannot take given frames, and every recipe gives at least one",
            place=loaded.place_of("backbone.use"),
            expected="a network with a channel that marks the given frames",
            found=f"{resolved.backbone.tokenizer.channels} channels, all of them latents",
            hint=f"use {sibling}, which differs in nothing else" if sibling else "use another backbone",
        )
    elif given >= frames > temporal:
        yield Problem(
            code="CR312",
            message="the given frames leave nothing to predict",
            place=place,
            expected=f"fewer than the {_counted(frames)} of a clip",
            found=str(given),
            hint="give the first frame alone: `given_frames: 1`",
        )
    elif given < frames and (given - 1) % temporal:
        yield Problem(
            code="CR312",
            message=f"{given} given frames do not fill whole latent frames",
            place=place,
            expected=f"1 + j * {temporal} frames",
            found=str(given),
            hint=f"use {nearest_frames(given, temporal)}",
        )


def _fewest_given_frames(resolved: Resolved) -> Iterator[Problem]:
    conditioning, temporal = resolved.loaded.recipe.conditioning, resolved.backbone.tokenizer.temporal
    fewest, given = conditioning.fewest_given_frames, conditioning.given_frames
    if fewest and (fewest > given or (fewest - 1) % temporal):
        yield Problem(
            code="CR312",
            message="fewer given frames cannot be drawn from there",
            place=resolved.loaded.place_of("conditioning.fewest_given_frames"),
            expected=f"0 or 1 + j * {temporal} frames, at most given_frames ({given})",
            found=str(fewest),
            hint="draw from the first frame alone: `fewest_given_frames: 1`",
        )


def _recordings(resolved: Resolved) -> Iterator[Problem]:
    """Whether recordings that are all alike hold a clip; others are measured one by one when the data is prepared."""
    loaded, found = resolved.loaded, resolved.description
    clip = loaded.recipe.dataset.clip
    if found.rate_hz is None or found.frames is None:
        return
    if found.rate_hz < LEAST_RATE * clip.rate:
        yield Problem(
            code="CR315",
            message=f"the recordings of {resolved.dataset.file.name} have fewer frames per second than the clip",
            place=loaded.place_of("dataset.clip.rate"),
            expected=f"at most {found.rate_hz:g} Hz",
            found=f"{clip.rate:g} Hz",
            hint="lower the rate of the clip, or use another data set",
        )
    elif (longest := int((found.frames - 0.5) / found.rate_hz * clip.rate) + 1) < clip.frames:
        yield Problem(
            code="CR315",
            message=f"the recordings of {resolved.dataset.file.name} are shorter than the clip",
            place=loaded.place_of("dataset.clip.frames"),
            expected=f"at most {longest} frames at {clip.rate:g} Hz",
            found=f"{_counted(clip.frames)}, which is {clip.frames / clip.rate:.3g} s",
            hint="use fewer frames or a higher rate, or another data set",
        )


def _method(resolved: Resolved) -> Iterator[Problem]:
    method = "lora" if resolved.loaded.recipe.train.lora else "full"
    if method not in resolved.backbone.methods:
        yield Problem(
            code="CR333",
            message=f"{resolved.backbone.name} cannot be trained by the method `{method}`",
            place=resolved.loaded.place_of("train.method"),
            expected=" or ".join(resolved.backbone.methods),
            found=method,
            hint=f"use `method: {resolved.backbone.methods[0]}`",
        )
    elif method == "lora" and resolved.loaded.recipe.start.weights == "none":
        yield Problem(
            code="CR335",
            message="adapters need a trained network under them",
            place=resolved.loaded.place_of("backbone.weights"),
            expected="`base`, or the folder of a trained model",
            found="weights: none",
            hint="start from trained weights, or use `method: full`",
        )


def _head_rate(resolved: Resolved) -> Iterator[Problem]:
    if resolved.loaded.recipe.train.optimizer.head_lr is not None and not head_parameters(resolved):
        yield Problem(
            code="CR336",
            message=f"the head `{resolved.head.name}` has no parameters that a learning rate could act on",
            place=resolved.loaded.place_of("train.optimizer.head_lr"),
            expected="a head that trains, such as text",
            found=f"conditioning.head: {resolved.head.name}",
            hint="remove `head_lr`",
        )


def _extent(resolved: Resolved) -> Iterator[Problem]:
    backbone, loaded = resolved.backbone, resolved.loaded
    clip = clip_plan(loaded.recipe, backbone, resolved.views)
    most, network, tokenizer = backbone.limits.tokens, backbone.architecture, backbone.tokenizer
    several = [f"{len(clip.views)} views"] if len(clip.views) > 1 else []
    cells = [*several, clip.latent_frames, clip.latent_height, clip.latent_width]
    if clip.tokens > most:
        yield Problem(
            code="CR313",
            message=f"the clip is too large for {backbone.name}",
            place=loaded.place_of("dataset.clip"),
            expected=f"at most {most:,} tokens",
            found=f"{clip.tokens:,} tokens ({' x '.join(map(str, cells))} latent cells)",
            hint="use fewer frames or smaller pictures" + (", or fewer views" if len(clip.views) > 1 else ""),
        )
    latent = (clip.latent_frames, clip.latent_height, clip.latent_width)
    if network.max_size is None:
        return
    time, high, wide = network.max_size
    time = min(time, tokenizer.window or time)
    if any(size > limit for size, limit in zip(latent, (time, high, wide), strict=True)):
        yield Problem(
            code="CR314",
            message=f"{backbone.name} has no positions for a clip of this shape",
            place=loaded.place_of("dataset.clip"),
            expected=f"at most {1 + (time - 1) * tokenizer.temporal} frames of {high * tokenizer.spatial}x{wide * tokenizer.spatial} pixels",
            found=f"{_counted(clip.frames)} of {clip.height_px}x{clip.width_px} pixels",
            hint="use fewer frames or smaller pictures",
        )


def _counted(frames: int) -> str:
    return "1 frame" if frames == 1 else f"{frames} frames"
