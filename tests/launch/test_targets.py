"""What each kind of cluster is told, to the letter, in `golden/`; and that those who read it accept it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.launch.clusters import read_clusters
from cosmos_recipes.launch.job import Job
from cosmos_recipes.launch.target import Target, targets
from cosmos_recipes.launch.targets.huggingface import inspected
from cosmos_recipes.launch.targets.kubernetes import job_status
from cosmos_recipes.launch.targets.skypilot import queue_status
from cosmos_recipes.recipe.load import load_recipe
from tests.stored_texts import assert_stored

GOLDEN = Path(__file__).with_name("golden")
CLUSTERS = read_clusters(GOLDEN / "clusters.yaml")
RECIPE = Path(__file__).parents[2] / "recipes" / "arm-actions.yaml"
ROOT = Path("/shared/runs")


def plan_for(target: Target) -> Plan:
    """A plan of four machines with eight GPUs for clusters that are described in full, the tiny one for others."""
    if len(target.model_fields_set) < 8:
        return compile_recipe(load_recipe(RECIPE))
    larger = ["hardware.nodes=4", "train.global_batch=64"]
    return compile_recipe(load_recipe(RECIPE, profile="predict2.5-2b", overrides=larger))


def job_for(target: Target) -> Job:
    return Job(plan=plan_for(target), run=ROOT / "arm-actions" / "base-1a2b3c4d", root=str(ROOT))


def manifests(text: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe", pure=True).load_all(text))


@pytest.mark.parametrize("name", CLUSTERS)
def test_what_is_sent_is_as_it_was_read_and_approved(name: str) -> None:
    target = CLUSTERS[name]
    assert_stored(GOLDEN / f"{name}.txt", target.render(job_for(target)))


@pytest.mark.parametrize("name", CLUSTERS)
def test_each_machine_of_a_frozen_job_is_held_to_the_lock(name: str) -> None:
    job = job_for(CLUSTERS[name])
    text = CLUSTERS[name].render(replace(job, frozen=True))
    assert text.count(" --frozen") == text.count("/plan.yaml --runs /shared/runs --frozen") == text.count("/plan.yaml")
    assert text.replace(" --frozen", "") == CLUSTERS[name].render(job)


def test_every_kind_has_a_golden_file() -> None:
    assert {target.model_dump()["kind"] for target in CLUSTERS.values()} == set(targets())
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CLUSTERS)


@pytest.mark.parametrize("name", [name for name in CLUSTERS if name.startswith("kubernetes")])
@pytest.mark.parametrize("version", ["1.31", "1.37"])
def test_kubernetes_accepts_the_manifest(name: str, version: str) -> None:
    for manifest in manifests(CLUSTERS[name].render(job_for(CLUSTERS[name]))):
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_script_in_it_is_one_of_a_shell(name: str) -> None:
    text = CLUSTERS[name].render(job_for(CLUSTERS[name]))
    if name.startswith("kubernetes"):
        scripts = [manifests(text)[-1]["spec"]["template"]["spec"]["containers"][0]["command"][-1]]
    elif name.startswith("skypilot"):
        scripts = [manifests(text)[0][part] for part in ("setup", "run")]
    else:
        scripts = [text]
    for script in scripts:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_a_name_that_is_too_long_for_a_cluster_keeps_what_tells_runs_apart() -> None:
    plan = plan_for(CLUSTERS["slurm-plain"]).model_copy(update={"recipe": "a." * 30})
    name = Job(plan=plan, run=Path("/runs/a/predict2.5-2b-1a2b3c4d"), root="/runs").name
    assert len(name) <= 52 and name.endswith("-1a2b3c4d") and name.startswith("a-a-")


def test_what_cannot_work_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    four = job_for(CLUSTERS["kubernetes-full"])
    with pytest.raises(RecipeError, match="CR234"):
        CLUSTERS["huggingface-plain"].render(four)
    with pytest.raises(RecipeError, match="CR235: the pods do not see"):
        CLUSTERS["kubernetes-full"].render(Job(plan=four.plan, run=tmp_path, root="/elsewhere"))
    here = four.plan.data.model_copy(update={"source": {"kind": "folder", "path": str(tmp_path)}})
    with pytest.raises(RecipeError, match="CR233"):
        CLUSTERS["skypilot-full"].render(
            Job(plan=four.plan.model_copy(update={"data": here}), run=tmp_path, root="/shared")
        )


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({}, "waiting"),
        ({"active": 4, "ready": 0}, "waiting"),
        ({"active": 4, "ready": 4}, "running"),
        ({"conditions": [{"type": "Complete", "status": "True"}]}, "finished"),
        ({"conditions": [{"type": "Failed", "status": "True", "message": "exit code 5"}]}, "failed"),
        ({"active": 1, "ready": 1, "conditions": [{"type": "Suspended", "status": "False"}]}, "running"),
    ],
)
def test_how_a_job_of_kubernetes_is(said: dict[str, Any], state: str) -> None:
    assert job_status({"metadata": {}, "status": said}).state == state


def test_how_jobs_of_other_clusters_are() -> None:
    queue = json.loads('[{"job_id": 7, "status": "RECOVERING"}, {"job_id": 8, "status": "FAILED_SETUP"}]')
    assert [queue_status(queue, number).state for number in (7, 8, 9)] == ["waiting", "failed", "unknown"]
    stages = ("RUNNING", "COMPLETED", "CANCELED", "ERROR")
    states = [inspected([{"status": {"stage": stage}}]).state for stage in stages]
    assert states == ["running", "finished", "cancelled", "failed"]
