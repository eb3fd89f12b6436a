"""What a cluster is: typed settings, and how a job is rendered for it, sent to it, watched and ended.

One module in `targets/` for each kind, found through the entry points `cosmos_recipes.targets`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from cosmos_recipes.launch.job import Job, Sent, Status
from cosmos_recipes.recipe.spec import Block

Words = Annotated[
    str,
    Field(
        pattern=r"^[^\s'\"$`\\;&|<>]+$",
        json_schema_extra={"patternErrorMessage": "one word without quotes and signs of the shell"},
    ),
]
AbsolutePath = Annotated[
    str,
    Field(pattern=r"^(/|~/|[a-z0-9+]+://)\S*$", json_schema_extra={"patternErrorMessage": "an absolute path"}),
    AfterValidator(lambda path: str(Path(path).expanduser()) if path.startswith("~/") else path),
]
Variable = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        json_schema_extra={"patternErrorMessage": "the name of an environment variable, without a value"},
    ),
]
Line = Annotated[str, Field(pattern=r"^[^\n\r]+$", json_schema_extra={"patternErrorMessage": "one line of a shell"})]


class Target(Block, ABC):
    """Settings of a cluster that all kinds have, and what each kind does.

    `document` is the file that is sent, `program` the command that sends it and `install` how to get it. Where
    `shares_disk`, the folder of runs is the same path here and in the job; otherwise the package is uploaded.
    """

    document: ClassVar[str]
    program: ClassVar[str]
    install: ClassVar[str]
    shares_disk: ClassVar[bool] = True

    runs: AbsolutePath | None = Field(
        None,
        description="The folder of runs, on storage that all machines of a job share; a file system, as checkpoints are renamed when they are whole.",
    )
    environment: list[Variable] = Field(
        default_factory=list,
        description="Names of environment variables that the job gets from the shell that sends it; never their values.",
    )
    setup: list[Line] = Field(
        default_factory=list, description="Lines of shell that the job begins with, such as `module load cuda`."
    )

    @abstractmethod
    def render(self, job: Job) -> str:
        """Return the text of `document`: all that the cluster is told.

        Raises:
            RecipeError: the plan cannot run on a cluster of this kind (CR234).
        """

    @abstractmethod
    def submit(self, job: Job) -> str:
        """Send the job, whose folder holds `document` and the package; return its name or number there.

        Raises:
            RecipeError: the program is not there (CR656), refuses (CR657) or says what is not understood (CR658).
        """

    @abstractmethod
    def status(self, sent: Sent, job: Job) -> Status:
        """Return how the job is; raises as `submit` does."""

    @abstractmethod
    def logs(self, sent: Sent, job: Job, *, follow: bool) -> Iterator[str]:
        """Yield the lines that the job wrote so far; with `follow`, until it ends. Raises as `submit` does."""

    @abstractmethod
    def cancel(self, sent: Sent, job: Job) -> None:
        """End the job for good; raises as `submit` does."""


@cache
def targets() -> dict[str, type[Target]]:
    """Return the kinds of cluster that are installed."""
    found = sorted(entry_points(group="cosmos_recipes.targets"), key=lambda entry: entry.name)
    return {entry.name: entry.load() for entry in found}
