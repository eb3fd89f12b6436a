"""Every message about sending runs, as it is shown; those about clusters.yaml are in `cases/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.launch.clusters import find_cluster, require_file_system
from cosmos_recipes.launch.job import Job
from cosmos_recipes.launch.local_data import require_data_elsewhere
from cosmos_recipes.launch.nodes import Node
from cosmos_recipes.launch.target import Target
from cosmos_recipes.launch.targets.huggingface import HuggingFace
from cosmos_recipes.launch.targets.kubernetes import Kubernetes
from cosmos_recipes.launch.targets.skypilot import SkyPilot
from cosmos_recipes.launch.targets.slurm import Slurm
from cosmos_recipes.launch.tools import call, found_in, hub_token, json_of
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.run.jobs import SentJob, job_of
from cosmos_recipes.run.opening import Opened
from tests.stored_texts import assert_stored

TEXTS = Path(__file__).with_name("texts")
LOADED = load_recipe(Path(__file__).parents[2] / "recipes" / "factory.yaml")
PLAN = compile_recipe(LOADED)
FOUR = PLAN.model_copy(update={"hardware": PLAN.hardware.model_copy(update={"nodes": 4})})
PODS = {"image": "it", "claim": "shared", "mount": "/shared"}
HUB = {"bucket": "me/runs", "flavor": "cpu-basic", "runs": "/runs"}


def render_for(target: Target, plan: Plan = PLAN, root: str = "/runs") -> None:
    target.render(Job(plan=plan, run=Path(root) / "factory" / "base-1a2b3c4d", root=root))


def data_here() -> None:
    Path("videos").mkdir()
    source = {"kind": "folder", "path": str(Path("videos").absolute())}
    data = PLAN.data.model_copy(update={"source": source})
    require_data_elsewhere(PLAN.model_copy(update={"data": data}), "skypilot", "/runs")


def record(run: Path, text: str) -> Path:
    (run / "job").mkdir(parents=True)
    (run / "job" / "job.json").write_text(text)
    return run


CASES: dict[str, Callable[[], object]] = {
    "data-here": data_here,
    "environment-from-nowhere": lambda: render_for(Kubernetes(**PODS, environment=["NAME"])),
    "grace-longer-than-time": lambda: render_for(Slurm(time=300.0)),
    "machine-that-is-none": lambda: Node.of(4, 4, "first:29500"),
    "no-job": lambda: SentJob.of(Path("runs/factory/base-1a2b3c4d")),
    "no-program": lambda: call(SkyPilot, "sky", "jobs", "queue"),
    "no-runs": lambda: job_of(Opened(plan=PLAN, documents={}), SkyPilot(), None),
    "not-understood": lambda: found_in("job: unknown\n", r"^(\d+)$", said_by=["sbatch", "--parsable", "job.sbatch"]),
    "not-json": lambda: json_of("", said_by=["sky", "jobs", "queue"]),
    "object-store": lambda: require_file_system("s3:/bucket/runs"),
    "one-machine": lambda: render_for(HuggingFace(**HUB), FOUR),
    "outside-the-mount": lambda: render_for(Kubernetes(**PODS)),
    "place-that-is-none": lambda: Node.of(0, 4, "first"),
    "record-of-another": lambda: SentJob.of(record(Path("run"), "{}")),
    "refused": lambda: call(Slurm, "sh", "-c", "echo sbatch: error: invalid partition specified: gpus >&2; exit 1"),
    "token-not-there": lambda: hub_token("/nowhere/token"),
    "unknown-cluster": lambda: find_cluster("slrum"),
}


@pytest.mark.parametrize("name", CASES)
def test_text(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")
    with pytest.raises(RecipeError) as raised:
        CASES[name]()
    text = render(raised.value.problems) + "\n"
    assert_stored(TEXTS / f"{name}.txt", text.replace(str(tmp_path), "/here"))


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in TEXTS.glob("*.txt")} == {*CASES, "twice"}, "`twice` is from test_slurm.py"
