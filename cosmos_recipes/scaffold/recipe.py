"""A new recipe: what a data set, a head and a backbone make together, small for a processor and large for GPUs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from cosmos_recipes.backbones.zoo import Family, ZooEntry, zoo
from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.conditioning.base import Head, heads
from cosmos_recipes.data.dataset import load_mixture
from cosmos_recipes.data.dataset_text import flow
from cosmos_recipes.data.sources.base import together
from cosmos_recipes.data.sources.world import WorldSource
from cosmos_recipes.diagnostics import RecipeError, fail, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.files import write_text
from cosmos_recipes.recipe.editor import schema_line
from cosmos_recipes.recipe.library import is_path, packaged, seen_from
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.scaffold import Scaffold, folders_above, place_of_test, rendered, require_name

LARGE: dict[Family, str] = {"diffusion": "predict2.5-2b", "autoregressive": "predict1-5b-video2world"}
"""The backbone of the large profile, where none is named."""
LARGE_PX = (480, 640)
TINY_FRAMES, TINY_HZ = 13, 5.0
RECORDINGS_OF_A_LARGE_WORLD = {"episodes": 5000, "held_out": 64}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a new recipe is to be: a data set by name or path, a head or its task, a backbone; what is None is chosen."""

    dataset: str | None = None
    head: str | None = None
    task: str | None = None
    backbone: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Clip:
    frames: int
    rate_hz: float
    size_px: tuple[int, int]

    @property
    def text(self) -> str:
        height_px, width_px = self.size_px
        return f"frames: {self.frames}, rate: {self.rate_hz:g} Hz, size: {height_px}x{width_px}"

    @property
    def seconds(self) -> str:
        return f"{(self.frames - 1) / self.rate_hz:.3g} s"


def new_recipe(name: str, target: Path, wish: Wish) -> Scaffold:
    """Return a recipe of that name, as it is to be written to `target`, and its test.

    Raises:
        RecipeError: there is no such data set, head, task or backbone, or they do not fit each other (CR2xx, CR676).
    """
    require_name(name)
    text = _Draft(name, target, wish).text()
    test = place_of_test("recipe", name, target.parent)
    checked = rendered("test_recipe.py", recipe=target.as_posix(), up=folders_above(test))
    then = (f"cosmos-recipe check --strict {target}", f"cosmos-recipe run {target}")
    return Scaffold(files={target: text, test: checked}, then=then)


class _Draft:
    def __init__(self, name: str, target: Path, wish: Wish) -> None:
        self.name, self.target = name, target
        self.tiny, self.large = _backbones(wish.backbone)
        wanted = _wanted_head(wish)
        self.use = wish.dataset or _shipped_dataset(wanted)
        self.file = Path(self.use) if is_path(self.use) else None
        self.mixture = load_mixture(self.use, relative_to=Path())
        self.head = wanted or _head_for(self.mixture.file.schema_name)
        self._require_fit()
        self.data = together([dataset.source.describe() for dataset, _ in self.mixture.sets])

    def _require_fit(self) -> None:
        schema, head, family = self.mixture.file.schema_name, self.head, self.tiny.family
        if head.schema != schema:
            _misfit(
                f"the head `{head.name}` reads the contract `{head.schema}`, and the data set {self.mixture.file.name} keeps `{schema}`",
                expected=f"one of the heads {listed([each.name for each in heads().values() if each.schema == schema])}",
                found=head.name,
                hint=f"bind the data again: cosmos-recipe new dataset FOLDER --schema {head.schema}",
            )
        if family not in head.families:
            _misfit(
                f"the head `{head.name}` has no way into backbones of the family {family}",
                expected=f"a backbone of the family {listed(list(head.families))}",
                found=self.tiny.name,
            )

    def text(self) -> str:
        """Return the recipe; the large profile has the longest clip that compiles."""
        use = seen_from(self.file.resolve(), self.target.parent) if self.file else self.use
        clip = self._longest()
        return self._text(schema_line("recipe", self.target), use, clip)

    def _text(self, first: str, use: str, large: _Clip | None) -> str:
        views = self.head.of_views
        return rendered(
            "recipe.yaml",
            first=first,
            name=self.name,
            target=self.target.as_posix(),
            task=self.head.task,
            head=self.head,
            schema=self.mixture.file.schema_name,
            use=flow(use),
            tiny=self.tiny,
            tokenizer="data" if self.tiny.tokenizer.refits and not views else "base",
            clip=self._tiny_clip,
            batch=4 if views else 8,
            large=self.large,
            large_clip=large,
            large_data=self._large_world(large) if large else None,
            large_batch=32 if views else 64,
        )

    @property
    def _tiny_clip(self) -> _Clip:
        rate_hz = min(TINY_HZ, self.data.rate_hz or TINY_HZ)
        frames = _at_most(self._frames_at(rate_hz) or TINY_FRAMES, TINY_FRAMES, self.tiny)
        return _Clip(frames=frames, rate_hz=rate_hz, size_px=self.tiny.native.size)

    def _frames_at(self, rate_hz: float) -> int | None:
        """Return how many frames a recording has at a rate; None where they differ."""
        if self.data.frames is None or self.data.rate_hz is None:
            return None
        return 1 + int((self.data.frames - 1) / self.data.rate_hz * rate_hz + 1e-6)

    def _longest(self) -> _Clip | None:
        for clip in self._large_clips():
            if self._compiles(clip):
                return clip
        return None

    def _large_clips(self) -> Iterator[_Clip]:
        """Yield clips for the large profile, the longest first."""
        native, world = self.large.native, self._world
        rate_hz = native.rate_hz if world else min(native.rate_hz, self.data.rate_hz or native.rate_hz)
        most = None if world else self._frames_at(rate_hz)
        frames = native.frames
        size_px = _multiple(min(LARGE_PX, native.size), self.large)
        while frames > self.large.tokenizer.temporal:
            yield _Clip(frames=_at_most(most or frames, frames, self.large), rate_hz=rate_hz, size_px=size_px)
            frames = _at_most(frames // 2, frames, self.large)

    @property
    def _world(self) -> WorldSource | None:
        """The procedural world that the data set is, which can be written anew in any size."""
        source = self.mixture.sets[0][0].source
        return source if len(self.mixture.sets) == 1 and isinstance(source, WorldSource) else None

    def _large_world(self, clip: _Clip) -> list[str] | None:
        """Return the lines of the data set inline, written as large as the clip."""
        if self._world is None or self.mixture.path is None:
            return None
        tree = read_located(self.mixture.path).tree
        shortest = 2 + int(self._world.scene.shortest_s * clip.rate_hz)
        height_px, width_px = clip.size_px
        large = {
            **RECORDINGS_OF_A_LARGE_WORLD,
            "frames": max(clip.frames, shortest),
            "rate": f"{clip.rate_hz:g} Hz",
            "size": f"{height_px}x{width_px}",
        }
        kept = {key: value for key, value in tree.items() if key not in ("summary", "statistics", "source")}
        whole = {"dataset": f"{tree['dataset']}-large", "source": {**tree["source"], **large}}
        return [f"{key}: {flow(value)}" for key, value in ({**kept, **whole}).items()]

    def _compiles(self, clip: _Clip) -> bool:
        with TemporaryDirectory() as folder:
            file = Path(folder) / f"{self.name}.yaml"
            write_text(file, self._text("#", str(self.file.resolve()) if self.file else self.use, clip))
            try:
                compile_recipe(load_recipe(file, profile=self.large.name))
            except RecipeError:
                return False
        return True


def _at_most(frames: int, most: int, entry: ZooEntry) -> int:
    """Return the most frames that fill latent frames of a tokenizer."""
    temporal = entry.tokenizer.temporal
    return 1 + max(1, (min(frames, most) - 1) // temporal) * temporal


def _multiple(size_px: tuple[int, int], entry: ZooEntry) -> tuple[int, int]:
    height_px, width_px = (
        side // multiple * multiple for side, multiple in zip(size_px, entry.size_multiple, strict=True)
    )
    return height_px, width_px


def _backbones(name: str | None) -> tuple[ZooEntry, ZooEntry]:
    """Return the tiny backbone and the large one of the family of the one that was named."""
    entries = zoo()
    if name is not None and name not in entries:
        _unknown("backbone", name, list(entries))
    named = entries[name or LARGE["diffusion"]]
    tiny = named if named.hub_id is None and name else entries[f"tiny-{named.family}"]
    return tiny, entries[LARGE[named.family]] if named.hub_id is None else named


def _wanted_head(wish: Wish) -> Head | None:
    known = heads()
    if wish.head is not None and wish.head not in known:
        _unknown("head", wish.head, list(known))
    of_task = [head for head in known.values() if head.task == wish.task]
    if wish.task is not None and not of_task:
        _unknown("task", wish.task, [head.task for head in known.values()])
    if wish.head is not None and wish.task is not None and known[wish.head] not in of_task:
        _misfit(
            f"the head `{wish.head}` does not make the task `{wish.task}`",
            expected=f"--head {of_task[0].name}",
            found=wish.head,
            hint="leave one of the two out",
        )
    if wish.head is None and wish.task is None and wish.dataset is None:
        _misfit(
            "nothing says what the recipe is about",
            expected="--dataset, --task or --head",
            found="none of them",
            hint="`cosmos-recipe ls datasets`, `ls tasks` and `ls heads` list what there is",
        )
    return known[wish.head] if wish.head is not None else of_task[0] if of_task else None


def _head_for(schema: str) -> Head:
    """Return the head that is told most of what every recording of a contract has."""
    from cosmos_recipes.data.contract import load_schema

    columns = load_schema(schema).columns
    fitting = [
        head
        for head in heads().values()
        if head.schema == schema and all(columns[name].required for name in head.columns)
    ]
    if not fitting:
        _misfit(
            f"no installed head reads the contract `{schema}`",
            expected=f"one of the contracts {listed(sorted({head.schema for head in heads().values()}))}",
            found=schema,
            hint=f"write a head for it: cosmos-recipe new head NAME --schema {schema}",
        )
    return max(fitting, key=lambda head: len(head.columns))


def _shipped_dataset(head: Head | None) -> str:
    """Return the shipped data set that shows a head."""
    assert head is not None
    said = (read_located(path).tree.get("dataset", {}) for path in sorted(packaged("recipes").glob("*.yaml")))
    fitting = (each["use"] for each in said if each.get("schema") == head.schema and isinstance(each.get("use"), str))
    use: str | None = next(fitting, None)
    if use is None:
        _misfit(
            f"no data set of the contract `{head.schema}` is shipped",
            expected="--dataset with a name or a path",
            found="none",
            hint=f"make some up to begin with: cosmos-recipe data synthesize {head.schema} made-up",
        )
    return use


def _unknown(noun: str, name: str, known: Sequence[str]) -> NoReturn:
    close = nearest(name, known)
    fail(
        "CR676",
        f"there is no {noun} called `{name}`",
        expected=listed(sorted(set(known))),
        found=name,
        hint=f"did you mean `{close}`?" if close else f"`cosmos-recipe ls {noun}s` lists them",
    )


def _misfit(message: str, *, expected: str, found: str, hint: str = "") -> NoReturn:
    fail("CR676", message, expected=expected, found=found, hint=hint)
