"""`cosmos-recipe show`: one recipe, backbone, head, schema or data set, or what was run or published."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cosmos_recipes.cli import complete


def show(
    name: Annotated[
        str,
        typer.Argument(
            help="A name from `cosmos-recipe ls`, the path of a file, a run, a package, or hf://owner/name@revision.",
            autocompletion=complete.shown,
        ),
    ],
) -> None:
    """Show a recipe, backbone, head, schema or data set; where a name is used twice, all that it stands for.

    Of a run, a package or what is published: plan, contract, figures, lineage and files. No weights are downloaded.

    \b
    Examples:
      cosmos-recipe show factory
      cosmos-recipe show predict2.5-2b
      cosmos-recipe show hf://owner/model
    """
    from cosmos_recipes.recipe.library import find, is_path

    if (is_path(name) or Path(name).is_dir()) and (lines := _run_lines(name)):
        typer.echo("\n".join(lines))
        return
    shown = [text for look_up in (_file_texts, _backbone_texts, _head_texts) for text in look_up(name)]
    if not shown and is_path(name):
        shown = [_text(find("recipes", name))]
    if not shown:
        _unknown(name)
    typer.echo("\n".join(shown), nl=False)


def _run_lines(name: str) -> list[str]:
    from cosmos_recipes.cli.show_run import lines_of
    from cosmos_recipes.diagnostics import visible
    from cosmos_recipes.run.references import find

    named = find(name, weights=False)
    return [visible(line) for line in lines_of(named)] if named else []


def _file_texts(name: str) -> list[str]:
    from cosmos_recipes.recipe.library import names

    tables = [names(kind) for kind in ("recipes", "schemas", "datasets")]
    files = [table[name] for table in tables if name in table]
    return [f"# {file}\n{_text(file)}" for file in files]


def _text(path: Path) -> str:
    """Return the text of a YAML file, which may be anybody's."""
    from cosmos_recipes.recipe.files import read_text, require_no_secret

    text = read_text(path)
    require_no_secret(text, str(path))
    return text


def _backbone_texts(name: str) -> list[str]:
    from cosmos_recipes.backbones.zoo import zoo

    entries = [entry for key, entry in zoo().items() if key == name]
    return [
        _yaml({"backbone": name, "parameters": entry.parameters, **entry.model_dump(mode="json", exclude={"name"})})
        for entry in entries
    ]


def _head_texts(name: str) -> list[str]:
    from cosmos_recipes.conditioning.base import heads

    fields = ("summary", "task", "schema", "families", "columns")
    return [
        _yaml({"head": name, **{field: _plain(getattr(head, field)) for field in fields}})
        for key, head in heads().items()
        if key == name
    ]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _yaml(value: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _unknown(name: str) -> None:
    from cosmos_recipes.backbones.names import backbone_names
    from cosmos_recipes.conditioning.base import head_names
    from cosmos_recipes.diagnostics import fail, nearest
    from cosmos_recipes.recipe.library import names

    files: list[Callable[[], Any]] = [lambda: names("recipes"), lambda: names("schemas"), lambda: names("datasets")]
    known = [word for look_up in (*files, backbone_names, head_names) for word in look_up()]
    close = nearest(name, known)
    fail(
        "CR200",
        f"nothing is called `{name}`",
        expected="a name from `cosmos-recipe ls`",
        found=name,
        hint=f"did you mean `{close}`?" if close else "write a path with a slash",
    )
