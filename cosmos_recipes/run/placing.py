"""Where the data and the base of a plan lie on this machine: as it says, or as a person sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.plan import DataPlan, Plan, SetPlan
from cosmos_recipes.data.sources import source_class
from cosmos_recipes.diagnostics import Place, Problem, RecipeError
from cosmos_recipes.recipe.load import read_overrides
from cosmos_recipes.recipe.places import value_at
from cosmos_recipes.recipe.validation import validate

_BASE = ("backbone", "weights")
_USE = ("dataset", "use")


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What is set for a plan: settings of the source of each of its data sets, by number, its base, where to publish it.

    `others` are overrides that say anything else.
    """

    sources: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    base: str | None = None
    publish: Mapping[str, Any] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, overrides: Sequence[str], plan: Plan, *, frozen: bool, elsewhere: bool = False) -> Self:
        """Sort what is set. With `frozen`, a path of data is one where the same data lies, not that of other data.

        What is run `elsewhere` has its base at any absolute path.
        """
        sources: dict[int, dict[str, Any]] = {}
        publish: dict[str, Any] = {}
        base, others = None, list[str]()
        for text in overrides:
            key = tuple(text.partition("=")[0].strip().split("."))
            value = value_at(read_overrides([text]).tree, key)
            place = _source_of(key, value, plan, frozen=frozen)
            if place is not None:
                part, setting = place
                sources.setdefault(part, {})[setting] = value
            elif key == _BASE and isinstance(value, str) and Path(value).expanduser().is_dir():
                base = str(Path(value).expanduser().resolve())
            elif key == _BASE and elsewhere and isinstance(value, str) and value.startswith("/"):
                base = value
            elif key[0] == "publish":
                publish |= value if key == ("publish",) and isinstance(value, dict) else {".".join(key[1:]): value}
            else:
                others.append(text)
        return cls(sources=sources, base=base, publish=publish, others=tuple(others))

    @property
    def paths(self) -> frozenset[str]:
        """Where it is said that something lies."""
        said = [value for settings in self.sources.values() for value in settings.values()]
        return frozenset(str(value) for value in (*said, self.base) if value)

    def applied(self, plan: Plan) -> Plan:
        """Return the plan with its data and its base where they are set to lie; paths become absolute.

        Raises:
            RecipeError: a source has no such setting (CR1xx).
        """
        data, origins = plan.data, dict(plan.origins)
        for part, settings in self.sources.items():
            data = _with_source(data, part, settings)
            prefix = f"data.mix.{part}" if data.mix else "data"
            origins |= {f"{prefix}.source.{name}": "the command line" for name in settings}
        backbone = plan.backbone.model_copy(update={"weights": self.base}) if self.base else plan.backbone
        origins |= {"backbone.weights": "the command line"} if self.base else {}
        return plan.model_copy(update={"data": data, "backbone": backbone, "origins": origins})


def require_here(plan: Plan, name: str, *, is_there: Callable[[str], bool] = lambda path: Path(path).exists()) -> None:
    """Look whether the paths of a plan are on this machine, or on that of which `is_there` tells.

    Raises:
        RecipeError: each that is not, with the key that says where it is (CR242).
    """
    problems = [*_sources_elsewhere(plan, name, is_there)]
    weights = Weights(label=plan.backbone.weights or "shipped:")
    is_folder = not weights.is_on_hub and not weights.label.startswith("shipped:")
    if is_folder and not is_there(str(weights.folder)):
        problems.append(_elsewhere(name, "the model to start from", "backbone.weights", weights.label))
    if problems:
        raise RecipeError(*problems)


def inline_dataset(plan: Plan) -> dict[str, Any] | None:
    """Return the data set of a plan as it is written inline in a recipe; None of a mixture, which cannot be."""
    data = plan.data
    if data.mix:
        return None
    said = {
        "views": data.views,
        "columns": data.bindings,
        "splits": None if data.held_out is None else {"held_out": data.held_out},
        "normalise": data.normalise,
        "statistics": {name: each.model_dump(mode="json") for name, each in data.statistics.items()},
        "revision": data.revision,
    }
    return {
        "dataset": data.name,
        "schema": data.schema_name,
        "source": data.source,
        "on_missing": data.on_missing,
        "licence": data.licence,
        **{name: value for name, value in said.items() if value},
    }


def _source_of(key: tuple[str, ...], value: Any, plan: Plan, *, frozen: bool) -> tuple[int, str] | None:
    """Return the number of a data set and the setting of its source that a key says a path for; None of other keys."""
    if key[:2] != _USE:
        return None
    match key[2:]:
        case ("source", setting) if not plan.data.mix and _is_path(plan.data, setting):
            return 0, setting
        case ("mix", *words, "source", setting):
            # The name of a data set may hold dots.
            name = ".".join(words)
            parts = [part for part, own in enumerate(plan.data.mix) if own.name == name and _is_path(own, setting)]
            return (parts[0], setting) if parts else None
        case () if frozen and not plan.data.mix and _is_path(plan.data, "path") and isinstance(value, str):
            path = Path(value).expanduser()
            return (0, "path") if path.exists() and path.suffix not in (".yaml", ".yml") else None
    return None


def _is_path(own: SetPlan, setting: str) -> bool:
    """Return whether a setting of a source is a path of a machine."""
    value = own.source.get(setting)
    return isinstance(value, str) and value.startswith("/")


def _with_source(data: DataPlan, part: int, settings: Mapping[str, Any]) -> DataPlan:
    own = data.sets[part]
    kind = own.source["kind"]
    said = {name: value for name, value in own.source.items() if name != "kind"} | dict(settings)
    source = validate(source_class(kind), said, lambda key, of_key: Place(file=f"--set {'.'.join((*_USE, *key))}"))
    placed = {"source": {"kind": kind, **source.absolute(Path.cwd()).model_dump(mode="json")}}
    if not data.mix:
        return data.model_copy(update=placed)
    mix = [each.model_copy(update=placed) if number == part else each for number, each in enumerate(data.mix)]
    return data.model_copy(update={"mix": tuple(mix)})


def _sources_elsewhere(plan: Plan, name: str, is_there: Callable[[str], bool]) -> Iterator[Problem]:
    for own in plan.data.sets:
        block = f"dataset.use.mix.{own.name}.source" if plan.data.mix else "dataset.use.source"
        for setting, value in own.source.items():
            if _is_path(own, setting) and not is_there(value):
                yield _elsewhere(name, f"the data of {own.name}", f"{block}.{setting}", value)


def _elsewhere(name: str, what: str, key: str, path: str) -> Problem:
    return Problem(
        code="CR242",
        message=f"{what} lay on another machine, or was moved",
        place=Place(file=name),
        expected=f"{path}, or where the same is on this machine",
        found="no such path",
        hint=f"say where it is: --set {key}=PATH",
    )
