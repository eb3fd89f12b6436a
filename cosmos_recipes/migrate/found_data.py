"""The data set of a recipe that is migrated: the one that the user names, or a folder that the old file leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cosmos_recipes.conditioning.base import heads
from cosmos_recipes.data.dataset import BoundDataset, load_mixture
from cosmos_recipes.data.draft import Draft, draft, name_of
from cosmos_recipes.data.draft.choice import choose, contracts
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.sources.base import Source
from cosmos_recipes.data.sources.recognise import Recognised, recognise
from cosmos_recipes.diagnostics import Place, RecipeError, fail
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.recipe.library import is_path, seen_from
from cosmos_recipes.recipe.located import parse_located

_MERE_VIDEOS = "folder"


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundData:
    """What a recipe says under `dataset.use`, and what is known of the data: contract, columns, rate and length.

    `rate_hz` is that of the first recording, None where there is no video to look at; `frames` are those of every
    recording, None where they may differ. A clip has so many `views`.
    """

    use: str | dict[str, Any]
    schema: str
    columns: frozenset[str]
    rate_hz: float | None
    frames: int | None
    views: int = 1

    @property
    def head(self) -> str:
        """The head that takes most of the columns that are there."""
        fitting = [head for head in heads().values() if head.schema == self.schema]
        able = [head for head in fitting if {*head.columns} <= self.columns] or fitting
        return max(able, key=lambda head: len(head.columns)).name if able else "none"


def named_data(name: str, folder: Path) -> FoundData:
    """Return the data set of that name or path, for a recipe in a folder.

    Raises:
        RecipeError: there is none, or it is wrong.
    """
    path = Path(name).expanduser()
    if (path.is_dir() and is_path(name)) or (path.is_dir() and not name.endswith((".yaml", ".yml"))):
        return folder_data(path.resolve(), folder)
    mixture = load_mixture(name, relative_to=Path())
    use = seen_from(path.resolve(), folder) if is_path(name) else name
    return _known(use, mixture.sets[0][0])


def folder_data(path: Path, folder: Path) -> FoundData:
    """Return the data set that lies in a folder, written inline, for a recipe in another.

    Raises:
        RecipeError: no source reads it, or not without units that no file says (CR783).
    """
    found, _ = choose(path, None)
    if found.problems:
        raise RecipeError(*found.problems)
    if found.kind == _MERE_VIDEOS and len(found.views) == 1:
        return _videos(found, path, folder)
    tree = parse_located(filled_draft(found, path, folder / "recipe.yaml", None).text, file="").tree
    use = {key: value for key, value in tree.items() if key != "summary"}
    bound = load_mixture(use, relative_to=folder).sets[0][0]
    return _known(use, bound)


def find_data(places: Sequence[Path], wanted: str, *, at: Place, hint: str = "") -> Path:
    """Return the first of these folders that can be read.

    Raises:
        RecipeError: there is none (CR783).
    """
    found = next((path for path in places if path.exists() and recognise(path)), None)
    if found is None:
        fail(
            "CR783",
            "the data that it trains on is not here",
            place=at,
            expected=wanted,
            found=f"nothing at {listed(map(str, places))}" if places else "",
            hint=hint or "name it: `--dataset` takes a name, a data set file, or a folder of recordings",
        )
    return found


def filled_draft(found: Recognised, path: Path, target: Path, schema: str | None) -> Draft:
    """Return the data set file that says most of the data of those that leave nothing to the user.

    Raises:
        RecipeError: each leaves something (CR783).
    """
    schemas = contracts(schema)
    best = draft(found, path=path, target=target, schemas=schemas, name=name_of(path))
    if not best.unfilled or schema:
        return best
    others = (
        draft(found, path=path, target=target, schemas=schemas, chosen=each, name=name_of(path)) for each in best.others
    )
    whole = next((each for each in others if not each.unfilled), None)
    if whole is None:
        fail(
            "CR783",
            f"no file says the units of what is in {path.name}",
            place=Place(file=str(path)),
            expected="a data set file that says them",
            found=listed((line.partition("#")[0].strip() for line in best.unfilled.values()), "and"),
            hint=f"write one with `cosmos-recipe new dataset {path}`, fill it in, and name it with `--dataset`",
        )
    return whole


def _known(use: str | dict[str, Any], bound: BoundDataset) -> FoundData:
    first = bound.source.first(1)
    theirs = {*first[0].values} if first else set()
    texts = {name for name, said in bound.declaration.texts.items() if said in theirs}
    columns = frozenset((*bound.declaration.columns, *texts))
    views = len(bound.declaration.views) or (len(first[0].views) if first and bound.schema.own_views is None else 1)
    return replace(_measured(use, bound.schema.name, columns, bound.source), views=views)


def _videos(found: Recognised, path: Path, folder: Path) -> FoundData:
    assert found.source is not None
    return _measured(seen_from(path, folder), "instruction-video", frozenset(found.values), found.source)


def _measured(use: str | dict[str, Any], schema: str, columns: frozenset[str], source: Source) -> FoundData:
    """Return the data with its rate, which is that of the first recording where the source does not say one."""
    described = source.describe()
    rate_hz = described.rate_hz or _first_rate_hz(source)
    return FoundData(use=use, schema=schema, columns=columns, rate_hz=rate_hz, frames=described.frames)


def _first_rate_hz(source: Source) -> float | None:
    first = source.first(1)
    media = next(iter(first[0].views.values()), None) if first else None
    if media is None or not Path(media.path).is_file():
        return None
    found = probe(media)
    lasts_s = found.times_s[-1] if found.times_s else 0.0
    return round((len(found.pts) - 1) / lasts_s, 3) if lasts_s > 0 else None
