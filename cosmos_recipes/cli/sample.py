"""`cosmos-recipe sample`: a video from a trained model, given frames and a control."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cosmos_recipes.cli import complete
from cosmos_recipes.cli.quantities import number

LENS_NUMBERS = 4


def sample(
    model: Annotated[
        str,
        typer.Argument(
            help="A run's folder, a package, a recipe's name (its newest run), or hf://owner/name@revision.",
            autocompletion=complete.models,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The .mp4 to write; a .json with what was asked goes beside it.")
    ],
    frames: Annotated[
        Path | None, typer.Option("--frames", help="What to begin from: a video, a picture or a folder of pictures.")
    ] = None,
    view: Annotated[
        list[str] | None, typer.Option("--view", help="The same for a model of several cameras: NAME=PATH, for each.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="What is to happen; empty for no prompt. Several cameras need none.")
    ] = None,
    actions: Annotated[
        Path | None,
        typer.Option("--actions", help="A .csv, .json, .npy or .parquet with the columns and units of the data set."),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(
            "--camera", help='A file of poses (.txt, .json, .npy), or words: "forward 1 m, yaw 30 deg, hold 1 s".'
        ),
    ] = None,
    trajectory: Annotated[
        Path | None,
        typer.Option("--trajectory", help="A .csv, .json or .npy of points in metres: x forward, y left, z up."),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option("--rate", help='Rows of the control in a second, if its file does not say it: "10 Hz".'),
    ] = None,
    convention: Annotated[
        str | None,
        typer.Option("--convention", help="How a .npy or .json writes poses; world to camera, OpenCV, by default."),
    ] = None,
    fov: Annotated[
        str | None, typer.Option("--fov", help='The angle across the input pictures, such as "60 deg".')
    ] = None,
    intrinsics: Annotated[
        str | None, typer.Option("--intrinsics", help="fx,fy,cx,cy in pixels of the input pictures.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Of a mixture: the data set whose units of normalisation are meant.")
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Play the control backwards.")] = False,
    no_control: Annotated[bool, typer.Option("--no-control", help="Let the model go on without a control.")] = False,
    given: Annotated[
        int | None,
        typer.Option("--given", min=1, help="Frames to begin from; by default as many as the model was trained with."),
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="Begin from the last frames of the input, not the first.")
    ] = False,
    chunks: Annotated[
        int | None, typer.Option("--chunks", min=1, help="Clips to generate one after the other; 1 by default.")
    ] = None,
    seconds: Annotated[
        str | None, typer.Option("--seconds", help='How long the video is to be, such as "6 s".')
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Another seed gives another video.")] = 0,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, max=1000, help="Denoising steps of a diffusion model.")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature",
            parser=number(least=0, most=100),
            metavar="FLOAT",
            help="Of an autoregressive model: 1 draws tokens as likely as they are, less is surer, 0 takes the likeliest.",
        ),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            "--top-p",
            parser=number(above=0, most=1),
            metavar="FLOAT",
            help="Draw a token among the likeliest that have this probability together.",
        ),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option("--top-k", min=1, help="Draw a token among so many of the likeliest.")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option("--guidance", min=0, max=20, help="Classifier-free guidance; as in the evaluation by default."),
    ] = None,
    each_view: Annotated[
        bool,
        typer.Option("--each-view", help="Also write a video for each camera; the one of all shows them in a grid."),
    ] = False,
    base: Annotated[
        Path | None,
        typer.Option("--base", help="The folder of what the model was trained from, if that was moved."),
    ] = None,
    runs: Annotated[Path, typer.Option("--runs", help="The folder of the runs.")] = Path("runs"),
) -> None:
    """Generate a video: given frames, and what follows from them under a control.

    Rows of a control begin at the first given frame; words for a camera at the last one. The camera moves forward,
    back, left, right, up, down, and turns: yaw to the right, pitch up, roll clockwise. Steps follow each other after a
    comma, `and` joins them, `in 2 s` says how long one takes. Clips are drawn as in the evaluation of the model, unless
    an option says otherwise. The same command gives the same video.

    \b
    Examples:
      cosmos-recipe sample factory --frames clip.mp4 -o next.mp4
      cosmos-recipe sample runs/arm-actions/base-1a2b3c4d --frames start.png --actions moves.csv -o arm.mp4
      cosmos-recipe sample road-trajectory --view front=f.mp4 --view rear=r.mp4 --trajectory way.csv -o drive.mp4
      cosmos-recipe sample room-camera --frames room.mp4 --camera "forward 1 m and yaw 30 deg, hold 1 s" --chunks 3 -o walk.mp4
    """
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.run.sample import SampleRequest, require_output, write_sample
    from cosmos_recipes.run.sample import sample as generate

    request = SampleRequest(
        model=model,
        base=base,
        frames=frames,
        views=_views(view or []),
        prompt=prompt,
        actions=actions,
        camera=camera,
        trajectory=trajectory,
        convention=convention,
        dataset=dataset,
        reverse=reverse,
        no_control=no_control,
        given=given,
        last=last,
        chunks=chunks,
        seed=seed,
        steps=steps,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        guidance=guidance,
        runs=runs,
        **_quantities(rate, fov, intrinsics, seconds),
    )
    require_output(output, list(request.inputs))
    screen = Screen()
    screen.begin("sample", 1, 1)
    try:
        sampled = generate(request, progress=screen)
    finally:
        screen.close()
    for note in sampled.notes:
        screen.note(f"note: {note}")
    video, *others = write_sample(sampled, output, each_view=each_view)
    typer.echo("\n".join([f"Video: {video}", *(f"       {path}" for path in others)]))


def _views(said: list[str]) -> dict[str, Path]:
    views: dict[str, Path] = {}
    for text in said:
        name, separator, path = text.partition("=")
        if not separator or not path or name in views:
            raise typer.BadParameter(f"{text!r} is not NAME=PATH, once for each view", param_hint="--view")
        views[name] = Path(path)
    return views


def _quantities(rate: str | None, fov: str | None, lens: str | None, seconds: str | None) -> dict[str, Any]:
    """Return what is said with a unit, in units of the request."""
    from cosmos_recipes.cli.quantities import angle_rad, duration_s, rate_hz

    said: dict[str, Any] = {}
    if rate is not None:
        said["rate_hz"] = rate_hz(rate)
    if fov is not None:
        said["fov_rad"] = angle_rad(fov, option="--fov")
    if seconds is not None:
        said["seconds_s"] = duration_s(seconds, option="--seconds")
    if lens is not None:
        said["lens_px"] = _lens_px(lens)
    return said


def _lens_px(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(word) for word in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != LENS_NUMBERS:
        raise typer.BadParameter(f"{text!r} is not fx,fy,cx,cy in pixels", param_hint="--intrinsics")
    return numbers
