"""Writing made-up data: videos, a Parquet table, and the data set file that binds them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cosmos_recipes.data.contract import Schema, load_schema
from cosmos_recipes.data.dataset_text import dataset_text
from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.data.synthesize.spec import TABLE, TIME, SynthesisSpec, looks_ahead
from cosmos_recipes.diagnostics import Place, RecipeError, fail
from cosmos_recipes.files import remove, unfinished, whole
from cosmos_recipes.recipe.library import find, names

DATASET = "dataset.yaml"
SMALLEST_PX = 16


def synthesize(name: str, folder: Path, spec: SynthesisSpec, progress: Progress) -> Path:
    """Write data of a contract, given by its name or path, into a new folder, and return the data set's file.

    All of it is looked into before the folder appears.

    Raises:
        RecipeError: there is no such contract, the folder holds something, or no data of the contract can be made up
            (CR563, CR564).
    """
    schema = load_schema(name)
    _require(schema, name, folder, spec)
    try:
        with whole(folder) as part:
            _write_recordings(schema, part, spec, progress)
            (part / DATASET).write_text(_dataset_text(schema, spec), encoding="utf-8")
            _look(part / DATASET, spec, progress)
    except RecipeError:
        remove(unfinished(folder))
        raise
    return folder / DATASET


def _require(schema: Schema, name: str, folder: Path, spec: SynthesisSpec) -> None:
    known = names("schemas").get(schema.name)
    if known is None or known.resolve() != find("schemas", name).resolve():
        fail(
            "CR563",
            f"the contract `{schema.name}` is not found by its name, by which a data set names it",
            place=Place(file=str(find("schemas", name))),
            expected=f"schemas/{schema.name}.yaml in the working directory",
            found=str(known or "no contract of that name"),
            hint="put the file there, or change to the folder that `schemas` is in",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fail(
            "CR563",
            f"{folder} is there already",
            place=Place(file=str(folder)),
            expected="a new or an empty folder",
            hint="name another folder, or remove this one",
        )
    if min(spec.height_px, spec.width_px) < SMALLEST_PX or spec.height_px % 2 or spec.width_px % 2:
        fail(
            "CR563",
            "videos cannot have this size",
            expected=f"even numbers, at least {SMALLEST_PX}",
            found=f"{spec.height_px}x{spec.width_px}",
        )


def _write_recordings(schema: Schema, folder: Path, spec: SynthesisSpec, progress: Progress) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for view in spec.view_names(schema):
        (folder / "videos" / view).mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for row in pool.map(lambda number: _recording(schema, folder, spec, number), range(spec.recordings)):
            rows.append(row)
            progress("writing the recordings", len(rows), spec.recordings)
    pq.write_table(pa.Table.from_pylist(rows), folder / TABLE)


def _recording(schema: Schema, folder: Path, spec: SynthesisSpec, number: int) -> dict[str, Any]:
    """Write the videos of a recording and return its row of the table."""
    import numpy as np

    from cosmos_recipes.data.synthesize.motion import Motion
    from cosmos_recipes.data.synthesize.pictures import draw
    from cosmos_recipes.data.synthesize.values import draw_values
    from cosmos_recipes.worlds.video import write_video

    motion = Motion((spec.seed, number))
    row: dict[str, Any] = {}
    for position, (view, column) in enumerate(spec.view_names(schema).items()):
        row[column] = f"videos/{view}/{number:06d}.mp4"
        write_video(folder / row[column], draw(motion, position, spec), spec.rate_hz, spec.codec)
    values = draw_values(schema, spec, motion)
    row |= {name: value if isinstance(value, str) else np.asarray(value).tolist() for name, value in values.items()}
    if looks_ahead(schema):
        row[TIME] = (np.arange(spec.rows(schema)) / spec.rate_hz).tolist()
    return row


def _dataset_text(schema: Schema, spec: SynthesisSpec) -> str:
    from cosmos_recipes.data.synthesize.values import bindings

    views = spec.view_names(schema)
    times = {"times": TIME} if looks_ahead(schema) else {}
    tree = {
        "dataset": f"{schema.name[:54]}-synthetic",
        "summary": f"Made-up data of the contract {schema.name}, for tests.",
        "schema": schema.name,
        "licence": "apache-2.0",
        "source": {"kind": "parquet", "path": TABLE, "videos": [*views.values()], **times},
        "views": views,
        "columns": dict(bindings(schema)),
    }
    tree = {key: value for key, value in tree.items() if value}
    return "# Written by `cosmos-recipe data synthesize`: nothing in it was ever recorded.\n" + dataset_text(tree)


def _look(file: Path, spec: SynthesisSpec, progress: Progress) -> None:
    """Look into every recording as a run would.

    Raises:
        RecipeError: one of them cannot be used (CR564).
    """
    from cosmos_recipes.data.binding.bind import Binding
    from cosmos_recipes.data.dataset import load_dataset
    from cosmos_recipes.data.index import ClipSpec
    from cosmos_recipes.data.index.look import look_into

    bound = load_dataset(str(file.absolute()), relative_to=Path())
    clip = ClipSpec(
        frames=spec.frames,
        rate_hz=spec.rate_hz,
        height_px=spec.height_px,
        width_px=spec.width_px,
        stride=spec.frames,
    )
    binding = Binding(bound.declaration)
    recordings = bound.source.recordings(file.parent, progress)
    for number, recording in enumerate(recordings, 1):
        for problem in look_into(recording, binding, clip).problems:
            fail(
                "CR564",
                f"no data of the contract `{bound.schema.name}` can be made up",
                expected="rules and ranges that numbers can keep together",
                found=f"{problem.found}, in what was made up" if problem.found else problem.message,
                hint="look at the rules, the range and the type of that column",
            )
        progress("looking into the recordings", number, len(recordings))
