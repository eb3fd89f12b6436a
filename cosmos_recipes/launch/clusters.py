"""The user's clusters: `clusters.yaml`, one entry for each, by name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.launch.target import Target, targets
from cosmos_recipes.recipe.located import Located, read_located
from cosmos_recipes.recipe.spec import NAME_PATTERN
from cosmos_recipes.recipe.validation import validate, validate_located

FILE = "clusters.yaml"
LOCAL = "local"
_URL = re.compile(r"^[a-z0-9+]+:/")


def find_cluster(name: str) -> Target:
    """Return the settings of a cluster: an entry of the file, or a kind, which has only defaults.

    Raises:
        RecipeError: the file is wrong (CR1xx, CR230), or there is no such cluster (CR232).
    """
    file = clusters_file()
    clusters = read_clusters(file) if file else {}
    if name not in clusters and name not in targets():
        _fail_name(name, clusters)
    return clusters.get(name) or validate(targets()[name], {"kind": name}, lambda *_: Place(file=f"--on {name}"))


def _fail_name(name: str, clusters: Iterable[str]) -> NoReturn:
    known = [*clusters, LOCAL, *targets()]
    close = nearest(name, known)
    fail(
        "CR232",
        f"there is no cluster called `{name}`",
        place=Place(file=f"--on {name}"),
        expected=listed(known),
        hint=f"did you mean `{close}`?" if close else f"describe it in ./{FILE} or {_of_user()}",
    )


def clusters_file() -> Path | None:
    """Return the file that holds: the one here, else the user's own."""
    return next((path for path in (Path(FILE), _of_user()) if path.exists()), None)


def read_clusters(file: Path) -> dict[str, Target]:
    """Return every cluster of a file by name.

    Raises:
        RecipeError: all that is wrong in it, each at its place.
    """
    located = read_located(file)
    found: dict[str, Target] = {}
    problems: list[Problem] = []
    for name in located.tree:
        try:
            found[name] = _read(located, name)
        except RecipeError as error:
            problems += error.problems
    if problems:
        raise RecipeError(*problems)
    return found


def folders_of_runs() -> list[Path]:
    """Return where the clusters of the file keep their runs on disks that this machine shares."""
    file = clusters_file()
    clusters = read_clusters(file).values() if file else ()
    return list(dict.fromkeys(Path(each.runs) for each in clusters if each.shares_disk and each.runs))


def require_file_system(runs: str, place: Place | None = None) -> None:
    """Refuse an object store as the folder of runs (CR236)."""
    if _URL.match(runs):
        fail(
            "CR236",
            "a run cannot live in an object store",
            place=place,
            expected="a folder of a file system, shared by all machines of the job",
            found=runs,
            hint="an object store cannot rename a folder, so half a checkpoint would look like a whole one; "
            "keep runs on shared storage, publish to the Hub, and keep latents in the store with --cache",
        )


def _of_user() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "cosmos-recipes" / FILE


def _read(located: Located, name: str) -> Target:
    entry, place = located.tree[name], located.place_of((name,), True)
    _require_name(name, place)
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in targets():
        close = nearest(str(kind), targets()) if kind else None
        fail(
            "CR230",
            f"the cluster `{name}` is of no known kind",
            place=located.place_of((name, "kind"), False),
            expected=f"kind: {listed(targets())}",
            found=str(kind) if kind else "",
            hint=f"did you mean `{close}`?" if close else "name the kind first, as in `kind: slurm`",
        )
    target = validate_located(targets()[kind], located, path=(name,))
    if target.runs:
        require_file_system(target.runs, located.place_of((name, "runs"), False))
    return target


def _require_name(name: str, place: Place | None) -> None:
    if not re.match(NAME_PATTERN, name) or name == LOCAL:
        fail(
            "CR237",
            f"a cluster cannot be called `{name}`",
            place=place,
            expected="lower-case letters and digits, with dots, dashes or underscores between them, and not `local`",
            hint="`local` is this machine; give the cluster a name of its own",
        )
