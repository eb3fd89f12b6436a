"""The command `cosmos-recipe`: which commands there are, and how every failure ends."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Annotated, NoReturn

import typer

import cosmos_recipes
from cosmos_recipes.cli import (
    cache,
    check,
    compile_,
    cp,
    data,
    diff,
    doctor,
    evaluate,
    explain,
    failures,
    gallery,
    job,
    ls,
    migrate,
    new,
    plan,
    publish,
    resume,
    run,
    sample,
    schema,
    show,
)
from cosmos_recipes.diagnostics.terminal import guard
from cosmos_recipes.launch.job import StoppedElsewhere
from cosmos_recipes.training.stopping import STOPPED, exit_code

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.command("run", short_help="Train, evaluate and publish what a recipe says.")(run.run)
app.command("check", short_help="Find every mistake, run nothing.")(check.check)
app.command("plan", short_help="Say whether it fits some machines, how fast, at what cost.")(plan.plan)
app.command("compile", short_help="Write and show what a run will do.")(compile_.compile_)
app.add_typer(data.app, name="data", short_help="Look at data before it is trained on.")
app.command("sample", short_help="Generate a video with a trained model.")(sample.sample)
app.command("publish", short_help="Publish what a run made, to the Hub or a folder.")(publish.publish)
app.command("evaluate", short_help="Measure a trained model again.")(evaluate.evaluate)
app.command("diff", short_help="Say in what two recipes, runs or packages differ.")(diff.diff)
app.command("explain", short_help="Say what an error code means.")(explain.explain)
app.command("ls", short_help="List recipes, backbones, heads, schemas, data sets.")(ls.ls)
app.command("show", short_help="Show one of them, a run or a package whole.")(show.show)
app.command("cp", short_help="Copy a recipe to start one of your own.")(cp.cp)
app.add_typer(new.app, name="new", short_help="Write a recipe, data set file, contract or head to start from.")
app.command("migrate", short_help="Write a recipe out of what another tool trains from.")(migrate.migrate)
app.command("resume", short_help="Go on with an interrupted run by its folder.")(resume.resume)
app.add_typer(job.app, name="job", short_help="Say how sent jobs are, show what they write, end them.")
app.add_typer(cache.app, name="cache", short_help="Say why latents are reused or not; clear their cache.")
app.add_typer(gallery.app, name="gallery", short_help="Make a site of all recipes and what they came to.")
app.command("doctor", short_help="Say whether this machine can run recipes.")(doctor.doctor)
app.command("schema", short_help="Write the JSON schemas of our files, for editors.")(schema.schema)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cosmos-recipe {cosmos_recipes.__version__}")
        raise typer.Exit


@app.callback()
def everything(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an unexpected error.")] = False,
) -> None:
    """One YAML recipe becomes a trained, evaluated and published world model.

    \b
    Examples:
      cosmos-recipe run recipes/factory.yaml     train, evaluate and package it
      cosmos-recipe check recipes/*.yaml         find every mistake, run nothing
      cosmos-recipe cp factory .                 start a recipe of your own

    \b
    Exit codes: 0 fine, 1 a fault of this program, 2 the recipe or the command is wrong, 3 the data breaks its
    contract, 4 training failed, 5 the gate refused, 6 publishing failed, 75 stopped by SIGTERM (the same
    command goes on, so a scheduler should start it again), 130 interrupted by Ctrl-C.
    """


class Stopped(BaseException):
    """The person or the system asked this process to end; not an Exception, so that no library swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = exit_code(number)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    # A second Ctrl-C ends the process at once. Schedulers send SIGTERM to every process, and often more than once.
    signal.signal(number, signal.SIG_DFL if number == signal.SIGINT else signal.SIG_IGN)
    raise Stopped(number)


def main() -> None:
    """Run the command line; exits with the codes of the help text."""
    guard()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        app()
    except failures.EXPECTED as error:
        sys.exit(failures.show(error, debug=_is_debugging()))
    except Stopped as stop:
        failures.show_resume()
        _leave(stop.exit_code)
    except StoppedElsewhere:
        failures.show_resume()
        sys.exit(STOPPED)
    except BrokenPipeError:
        failures.silence_output()
        sys.exit(141)
    except OSError as error:
        known = failures.of_disk(error)
        if known is None:
            raise
        sys.exit(failures.show(known))
    finally:
        # Typer sets a hook of its own when it is called.
        sys.excepthook = _unexpected


def _leave(code: int) -> NoReturn:
    """End at once: threads of libraries that still fetch something would keep the process until they have it."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    failures.show_unexpected(error, debug=_is_debugging())


def _is_debugging() -> bool:
    return "--debug" in sys.argv
